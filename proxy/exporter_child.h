/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_EXPORTER_CHILD_H
#define RG_PROXY_EXPORTER_CHILD_H

#include "base/rg_status.h"

/* The exporter's process around audit/export/runner.h: configuration, fence, signals of the supervisor. */

enum { EXPORTER_AGAIN = 75 }; /* exit status: to be started again at once, by the configuration of then */

struct exporter_child {
    const char *path; /* of the configuration */
    int control_fd;
    const char *audit_directory; /* as the auditor has it: a changed one needs a restart of all */
    const char *log_file;        /* NULL or "" = standard error */
};

/* Runs until the supervisor says stop (the tasks get a last turn) or has gone, or until it must start again: the
 * configuration or what its fence is made of changed; *out_exit is 0 or EXPORTER_AGAIN. SIGUSR1 opens the log file
 * again. Returns: RG_CONFIG when the configuration is wrong; RG_STORAGE when the log's directory cannot be used. */
rg_status exporter_child_run(const struct exporter_child *child, int *out_exit) RG_MUST_CHECK;

#endif
