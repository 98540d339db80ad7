/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_FENCE_H
#define RG_PROXY_FENCE_H

#include <stdbool.h>

/* What the gateway's process gives up before it reads its first byte: it handles hostile input, runs as the auditor's
 * user, and must not be able to harm what the auditor wrote (laws L5 and L9), even when it was taken over. */

struct fence {
    const char *audit_directory; /* it exists */
    const char *log_file;        /* NULL or "" = stderr */
    const char *state_directory; /* NULL or "" = none; where the gateway makes, writes and removes files */
};

struct fence_report {
    bool has_files; /* Landlock: no file is written, made or removed but the log's and the state's, no other process is
                       traced */
    bool has_signals; /* Landlock: none is sent to another process */
    bool has_calls;   /* seccomp: fence.c names the system calls */
    const char *why;  /* static storage: what is missing, or NULL */
};

/* Irrevocable, for this thread and those that it starts: call it before the first one. Reading files stays possible.
 * A kernel without these means is no failure, the report says what is missing; neither is a log file or a state
 * beside which the fence cannot be put, because its directory holds the audit directory or lies in it: then has_files
 * is false. */
void fence_enter(const struct fence *fence, struct fence_report *out_report);

#endif
