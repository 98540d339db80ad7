/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_AUDITOR_CHILD_H
#define RG_PROXY_AUDITOR_CHILD_H

#include "base/rg_status.h"

/* The auditor's process around audit/auditor.h: its operational log, its signals. */

struct auditor_child {
    int control_fd;
    const char *log_file; /* NULL or "" = standard error */
    const char *log_level;
};

/* Runs until the supervisor says stop or has gone. SIGUSR1 opens the log file again; other signals are not listened to:
 * the supervisor decides when it ends, and SIGKILL. As auditor_run, and RG_CONFIG when its log cannot be opened. */
rg_status auditor_child_run(const struct auditor_child *child) RG_MUST_CHECK;

#endif
