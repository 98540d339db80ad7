/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_EXPORT_RUNNER_PRIVATE_H
#define RG_AUDIT_EXPORT_RUNNER_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "audit/audit.h"
#include "audit/export/runner.h"

/* The inside of the runner, shared by runner*.c and cursor.c.
 *
 *   runner.c          open, start, stop; a task's thread: wait, turn, what came of it
 *   runner_watch.c    the thread that looks at the log's size, records alerts, writes the status
 *   runner_channel.c  records to the auditor
 *   cursor.c          what tasks remember
 */

enum {
    EXPORT_REASON_MAX = 400,
    EXPORT_SAMPLES_MAX = 512,
    EXPORT_POLL_US = 200000,
    EXPORT_SILENCE_US = 60000000, /* a turn that does not ask export_should_stop for so long hangs */
};

enum export_phase { EXPORT_RUNNING = 0, EXPORT_LAST, EXPORT_HALTED };

/* "Record size - 1 was first seen at wall_us." */
struct export_sample {
    uint64_t size;
    int64_t wall_us;
};

struct export_slot {
    struct export_runner *runner;
    struct export_task task;
    pthread_t thread;
    bool is_started;
    _Atomic int64_t alive_us;   /* when the running turn was last heard of; 0 = none runs */
    _Atomic uint64_t confirmed; /* records */
    _Atomic int64_t confirmed_hlc_us;
    /* under runner->mutex */
    uint64_t seen_size; /* of the last turn that succeeded */
    bool has_run;
    bool had_last;
    int64_t due_us;   /* as the task wished; 0 = not */
    int64_t delay_us; /* of the back-off; 0 = the last turn succeeded */
    int64_t retry_us;
    int64_t failing_us; /* since when; 0 = it is not */
    int64_t failing_wall_us;
    int64_t alive_wall_us; /* when a turn last succeeded */
    uint64_t failures;     /* in all */
    uint64_t turns;
    char reason[EXPORT_REASON_MAX];
    /* the watcher's alone */
    bool is_alerted; /* told as failing */
    bool is_recorded;
};

struct export_runner {
    struct export_runner_options options;
    struct rg_arena arena;
    struct rg_slice origin;
    int directory_fd;
    int state_fd; /* <directory>/export */
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* on CLOCK_MONOTONIC */
    _Atomic int phase;      /* enum export_phase */
    _Atomic int64_t deadline_us;
    _Atomic uint64_t size; /* signed */
    uint64_t first_size;   /* when the runner was opened */
    int64_t opened_wall_us;
    size_t sample_count; /* under mutex */
    struct export_sample samples[EXPORT_SAMPLES_MAX];
    /* the watcher's alone */
    pthread_t watcher;
    bool is_watching;
    int64_t status_us;
    int64_t listed_us;
    int64_t listing_us; /* how long the last listing took */
    int64_t stamp_ns;   /* of ckpt/, when it was listed */
    /* the channel */
    pthread_mutex_t channel_mutex;
    int door_fd;
    struct audit_client *client;
    uint64_t taken_ticket;
    size_t slot_count;
    struct export_slot slots[];
};

int64_t export_now_us(const struct export_runner *runner); /* monotonic */
/* Looks at ckpt/ (always, or when it seems worth it) and wakes everybody when the log grew. */
void export_look_size(struct export_runner *runner, bool is_forced);
void *export_watch_main(void *argument);
/* The event's record, durable; gives up at the deadline or when the slot's turn should stop (slot may be NULL). */
rg_status export_channel_record(struct export_runner *runner, const struct export_turn *turn, int64_t deadline_us,
                                const struct audit_event *event) RG_MUST_CHECK;
/* Microseconds that the oldest unconfirmed record is old; 0 = all are confirmed. Under the mutex. */
int64_t export_lag_us(const struct export_runner *runner, const struct export_slot *slot, int64_t wall_us);
bool export_is_failing(const struct export_slot *slot, int64_t now_us); /* or hangs; under the mutex */
/* status.json, by export_watch_main. */
rg_status export_status_write(struct export_runner *runner) RG_MUST_CHECK;

#endif
