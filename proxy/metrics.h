/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_METRICS_H
#define RG_PROXY_METRICS_H

#include <stdatomic.h>

#include "base/rg_buf.h"

/* What rowgate counts, for Prometheus. metrics_table.c has one row for each metric: its name, help, type and labels;
 * docs/metrics.md is compared with it by a test. Each event loop counts in a block of its own: plain stores to its own
 * memory, no lock, no shared cache line; the reader adds the blocks up.
 *
 * What a label may say is bounded when the program starts: words of the table, or names that the configuration gives
 * (rules, upstreams, providers, tenants) up to a number, all others together being "other". No text of a client, no
 * user and no statement gets in. */

struct metrics;       /* of the process */
struct metrics_block; /* of one writer */

enum metrics_id {
    METRICS_BUILD_INFO = 0,
    METRICS_START_TIME,
    METRICS_CPU_SECONDS,
    METRICS_RESIDENT_BYTES,
    METRICS_EVENT_LOOPS,
    METRICS_READY,
    METRICS_CONNECTIONS,
    METRICS_CONNECTIONS_TOTAL,
    METRICS_SESSIONS,
    METRICS_LOGINS,
    METRICS_DECISIONS,
    METRICS_DENIALS,
    METRICS_STATEMENTS,
    METRICS_STATEMENT_SECONDS,
    METRICS_STATEMENT_OWN_SECONDS,
    METRICS_ROWS,
    METRICS_RESULT_BYTES,
    METRICS_REWRITE_SECONDS,
    METRICS_PLAN_CACHE_LOOKUPS,
    METRICS_PLAN_CACHE_ENTRIES,
    METRICS_PLAN_CACHE_BYTES,
    METRICS_ORPHANS,
    METRICS_UPSTREAM_CONNECTIONS,
    METRICS_UPSTREAM_CONNECTS,
    METRICS_UPSTREAM_LOST,
    METRICS_POOL_CLIENTS_ACTIVE,
    METRICS_POOL_CLIENTS_WAITING,
    METRICS_POOL_SERVERS_IDLE,
    METRICS_CATALOG_READS,
    METRICS_JWKS_REFRESHES,
    METRICS_HTTP_REQUESTS,
    METRICS_HTTP_SECONDS,
    METRICS_CACHE_LEAKS,
    METRICS_AUDIT_RECORDS,
    METRICS_AUDIT_BYTES,
    METRICS_AUDIT_WAITING,
    METRICS_AUDIT_REFUSED,
    METRICS_AUDIT_COMMIT_SECONDS,
    METRICS_AUDIT_STATE,
    METRICS_POLICY_INFO,
    METRICS_POLICY_LOADED,
    METRICS_POLICY_RELOADS,
    METRICS_LAST_RELOAD,
    METRICS_CERTIFICATE_EXPIRY,
    METRICS_COUNT,
};

/* The words of the table's labels, in its order. */
enum metrics_plane { METRICS_SQL = 0, METRICS_HTTP };
enum metrics_login { METRICS_LOGIN_ACCEPTED = 0, METRICS_LOGIN_REFUSED };
enum metrics_decision { METRICS_ALLOWED = 0, METRICS_REWRITTEN, METRICS_DENIED };
enum metrics_result { METRICS_OK = 0, METRICS_FAILED };
enum metrics_lookup { METRICS_HIT = 0, METRICS_MISS };
enum { METRICS_STATUS_ABORTED = 0 /* the others are status / 100 */ };

/* Names that the configuration gives. */
enum metrics_names {
    METRICS_NAMES_NONE = 0,
    METRICS_TENANTS,
    METRICS_RULES,
    METRICS_UPSTREAMS,
    METRICS_PROVIDERS,
    METRICS_CERTIFICATES,
    METRICS_NAMES_COUNT,
};

enum {
    METRICS_OTHER = 0, /* the number of every name that got none */
    METRICS_LABELS_MAX = 3,
    METRICS_NAME_MAX = 128, /* bytes of a name; a longer one is "other" */
    METRICS_RULES_MAX = 512,
    METRICS_UPSTREAMS_MAX = 256,
    METRICS_PROVIDERS_MAX = 256,
    METRICS_CERTIFICATES_MAX = 256,
    METRICS_TENANTS_MAX = 1000,
    METRICS_TEXT_MAX = 64 << 20, /* bytes of an answer */
};

/* One series of a metric: a number for each of its labels, in the table's order. */
struct metrics_series {
    unsigned at[METRICS_LABELS_MAX];
};
#define METRICS_SERIES(...)                                                                                            \
    (struct metrics_series)                                                                                            \
    {                                                                                                                  \
        {                                                                                                              \
            __VA_ARGS__                                                                                                \
        }                                                                                                              \
    }

/* blocks: how many writers there will be, at least 1. max_tenants: tenants that get series of their own; 0: the label
 * is left out. Owns: *out_metrics is the caller's. */
struct metrics *metrics_new(unsigned blocks, unsigned max_tenants);
void metrics_free(struct metrics **metrics); /* accepts NULL; after the last writer */

/* The block of one writer; block 0 is for all threads that have none, by metrics_add_shared alone. NULL for NULL. */
struct metrics_block *metrics_block(struct metrics *metrics, unsigned at);

/* The number of a name. A new one is remembered as long as there is room. Any thread; no lock for a known one. */
unsigned metrics_name(struct metrics *metrics, enum metrics_names names, struct rg_slice name);
unsigned metrics_block_name(struct metrics_block *block, enum metrics_names names, struct rg_slice name);

/* All of these are nothing for a NULL block. By the block's own thread: */
void metrics_add(struct metrics_block *block, enum metrics_id id, struct metrics_series series, uint64_t count);
void metrics_drop(struct metrics_block *block, enum metrics_id id, struct metrics_series series); /* a gauge: - 1 */
void metrics_set(struct metrics_block *block, enum metrics_id id, struct metrics_series series, int64_t value);
void metrics_observe(struct metrics_block *block, enum metrics_id id, struct metrics_series series, int64_t value_us);
/* By any thread: */
void metrics_add_shared(struct metrics *metrics, enum metrics_id id, struct metrics_series series, uint64_t count);
void metrics_set_shared(struct metrics *metrics, enum metrics_id id, struct metrics_series series, int64_t value);
/* The text of METRICS_BUILD_INFO or METRICS_POLICY_INFO. */
void metrics_set_text(struct metrics *metrics, enum metrics_id id, struct rg_slice text);

/* The sum over all blocks; of a histogram, how many were observed. For SHOW, and for tests. Any thread. */
int64_t metrics_sum(const struct metrics *metrics, enum metrics_id id, struct metrics_series series);

/* Of a histogram: the sum of what was observed. Any thread. */
int64_t metrics_sum_us(const struct metrics *metrics, enum metrics_id id, struct metrics_series series);
/* The names that got numbers so far, METRICS_OTHER among them: at < this. 1 when the label is left out. Any thread. */
unsigned metrics_name_count(const struct metrics *metrics, enum metrics_names names);
struct rg_slice metrics_name_at(const struct metrics *metrics, enum metrics_names names, unsigned at);

/* Everything in Prometheus' text format 0.0.4. Any thread. RG_LIMIT. */
rg_status metrics_write(struct metrics *metrics, struct rg_buf *out) RG_MUST_CHECK;

#endif
