/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_EXPORT_RUNNER_H
#define RG_AUDIT_EXPORT_RUNNER_H

#include "audit/export/task.h"
#include "base/rg_log.h"

/* Runs the tasks of one exporter, a thread each: wakes them when the log grew, waits longer and longer after failures,
 * tells people and the log when a destination fails for long and when it works again, and writes what there is to know
 * once a second (audit/export/status.h). */

struct export_runner;

struct export_runner_options { /* borrowed until the runner is closed */
    const char *directory;     /* of the log; it exists */
    const struct rg_clock *clock;
    struct rg_log *log;          /* NULL = none */
    void (*seal)(void *context); /* passes an export_seal on; any thread; NULL = nobody to pass it to */
    void *context;
    int64_t alert_us;       /* a destination that fails for so long is an alert and a record */
    int64_t first_delay_us; /* after a failure; doubled by each further one, with jitter; 0 = 1 s */
    int64_t last_delay_us;  /* not longer than that; 0 = 60 s */
};

/* Makes <directory>/export/ and opens what is needed; no thread runs yet. The tasks are the runner's from now on, also
 * when this fails. Returns: RG_STORAGE when the directory cannot be read or written. */
rg_status export_runner_open(const struct export_runner_options *options, const struct export_task *tasks,
                             size_t task_count, struct export_runner **out_runner) RG_MUST_CHECK;
/* RG_INTERNAL when the system has no threads; close the runner then. */
rg_status export_runner_start(struct export_runner *runner) RG_MUST_CHECK;
/* A way to the auditor, for export_record; the runner's from now on, -1 = there is none now. Any thread. */
void export_runner_set_door(struct export_runner *runner, int door_fd);
/* Every task gets a last turn and patience_us to end it; without patience each is told to end at once. Any thread. */
void export_runner_stop(struct export_runner *runner, int64_t patience_us);
/* Waits for the threads until the deadline (monotonic). False = one hangs: it cannot be closed, the process must end.
 */
bool export_runner_wait(struct export_runner *runner, int64_t deadline_us);
/* Frees the tasks and all else; after a successful wait, or when it was never started. Nulls, accepts NULL. */
void export_runner_close(struct export_runner **runner);

#endif
