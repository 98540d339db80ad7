/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_PIPELINE_H
#define RG_PROXY_PIPELINE_H

#include <stddef.h>

/* Read this first. What rowgate does is two lists of named steps (pipeline.c):
 *
 *   login:      authenticate -> resolve tenant -> bind policies -> admit -> connect -> catalogue -> record -> welcome
 *   statement:  still valid? -> parse, decide, rewrite, check -> connect -> record -> execute
 *
 * and, driven by what the upstream answers, -> record -> reply (session_reply.c). A step that must wait
 * (for keys, an upstream, a durable record) returns SUSPEND and is run again when that came. */

struct session;

enum pipeline_next {
    PIPELINE_REFUSED = 0, /* the refusal is on its way; stop here */
    PIPELINE_NEXT,
    PIPELINE_SUSPEND, /* call this same step again later */
};

struct pipeline_step {
    const char *name;
    enum pipeline_next (*run)(struct session *session);
};

struct pipeline {
    const char *name;
    const struct pipeline_step *steps;
    size_t count;
};

extern const struct pipeline pipeline_login;
extern const struct pipeline pipeline_statement;

/* Where to go on when what step made has gone: at it, or at where it was when that is before it. */
size_t pipeline_back_to(const struct pipeline *pipeline, enum pipeline_next (*step)(struct session *session),
                        size_t at);
/* Runs steps from *at on. NEXT: all are done and *at is 0 again. SUSPEND: *at stays at the step that waits.
 * REFUSED: *at is 0. */
enum pipeline_next pipeline_run(const struct pipeline *pipeline, struct session *session, size_t *at);

#endif
