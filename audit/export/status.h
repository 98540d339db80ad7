/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_EXPORT_STATUS_H
#define RG_AUDIT_EXPORT_STATUS_H

#include "base/rg_arena.h"

/* <directory>/export/status.json: what the exporter's process wrote last about its tasks, once a second while it runs.
 * For people, metrics and tests; nothing relies on it. Times in microseconds since 1970. */

struct export_status_task {
    struct rg_slice name;
    bool works;
    int64_t since_us;     /* not working: since when */
    int64_t succeeded_us; /* when a turn last ended well; 0 = not since the process started */
    int64_t lag_us;       /* age of the oldest record that is not confirmed */
    uint64_t lag_records;
    uint64_t confirmed;     /* records, from 0 on */
    uint64_t failures;      /* since the process started */
    struct rg_slice reason; /* of the last failure; empty = it works */
};

struct export_status {
    int64_t written_us;
    struct rg_slice origin;
    uint64_t size; /* of the log, as far as it is signed */
    size_t task_count;
    const struct export_status_task *tasks;
};

/* Returns: RG_CLOSED when there is none, which is so when nothing is exported; RG_STORAGE when it cannot be read;
 * RG_PROTOCOL when it is none of ours; RG_LIMIT. Owns: everything is in the arena. */
rg_status export_status_load(const char *directory, struct rg_arena *arena,
                             struct export_status *out_status) RG_MUST_CHECK;

#endif
