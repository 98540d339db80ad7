/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_EXPORTER_TASKS_H
#define RG_PROXY_EXPORTER_TASKS_H

#include "audit/export/task.h"
#include "proxy/config.h"

/* From the configuration to the exporter's tasks: the one place that knows both. A new kind of destination is one row
 * in exporter_tasks.c. */

/* Returns: ok; RG_CONFIG, RG_STORAGE, ... when a task cannot be made: none is then (all or nothing).
 * Owns:    each task, freed by its free; the array lives in arena. The configuration is borrowed for the call: it holds
 *          the gateway's secrets, too, and is dropped behind it, so a task copies what it needs. */
rg_status exporter_tasks_make(const struct config *config, struct rg_arena *arena, struct export_task **out_tasks,
                              size_t *out_count) RG_MUST_CHECK;
void exporter_tasks_free(struct export_task *tasks, size_t count);

#endif
