/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_BASE_LOG_H
#define RG_BASE_LOG_H

#include "base/rg_clock.h"
#include "base/rg_status.h"

/* The operational log: JSON lines, one per event, RFC 3339 UTC. Nothing needed for evidence is in it (that
 * is the audit log), and no secret ever goes to it. */

enum rg_log_level { RG_LOG_ERROR = 0, RG_LOG_WARNING, RG_LOG_INFO, RG_LOG_DEBUG };

struct rg_log;

/* path NULL = stderr. RG_CONFIG when the file cannot be opened. */
rg_status rg_log_open(const char *path, enum rg_log_level level, const struct rg_clock *clock,
                      struct rg_log **out_log) RG_MUST_CHECK;
void rg_log_close(struct rg_log **log);
/* Opens the same path again (SIGUSR1, log rotation); keeps the old file when that fails. */
rg_status rg_log_reopen(struct rg_log *log) RG_MUST_CHECK;
/* Writes to path from now on; the old destination stays when that fails. Before other threads start. */
rg_status rg_log_redirect(struct rg_log *log, const char *path, enum rg_log_level level) RG_MUST_CHECK;
void rg_log_set_level(struct rg_log *log, enum rg_log_level level);

/* Writes {"time":...,"level":...,"event":event, ...}. format and the rest follow jansson's json_pack for the
 * inside of an object, for example "s:s, s:I", "tenant", "acme", "rows", (json_int_t)5; slices go as
 * "s:s%". NULL or "" = no more fields. Never fails: what cannot be encoded is logged as log.unencodable.
 * Any thread; one write call per line. */
void rg_log_event(struct rg_log *log, enum rg_log_level level, const char *event, const char *format, ...);

#endif
