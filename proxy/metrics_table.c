/* SPDX-License-Identifier: Apache-2.0 */
/* Every metric: one row each. docs/metrics.md has the same rows, compared by a test. Names as Prometheus wants them:
 * base units, _total for what only grows. */
#include "proxy/metrics_private.h"

#define WORDS(...)                                                                                                     \
    (const char *const[])                                                                                              \
    {                                                                                                                  \
        __VA_ARGS__, NULL                                                                                              \
    }

static const struct metrics_label plane = {"plane", WORDS("sql", "http"), METRICS_NAMES_NONE};
static const struct metrics_label sql_alone = {"plane", WORDS("sql"), METRICS_NAMES_NONE};
static const struct metrics_label login_result = {"result", WORDS("accepted", "refused"), METRICS_NAMES_NONE};
static const struct metrics_label decision = {"decision", WORDS("allowed", "rewritten", "denied"), METRICS_NAMES_NONE};
static const struct metrics_label result = {"result", WORDS("ok", "failed"), METRICS_NAMES_NONE};
static const struct metrics_label lookup = {"result", WORDS("hit", "miss"), METRICS_NAMES_NONE};
/* enum policy_class */
static const struct metrics_label statement_class = {
    "class", WORDS("UNKNOWN", "READ", "WRITE", "FUNCTION", "ROLE", "DDL", "MISC"), METRICS_NAMES_NONE};
/* enum http_route_class */
static const struct metrics_label route_class = {
    "class", WORDS("unknown", "public", "own", "page", "api", "guest", "admin"), METRICS_NAMES_NONE};
static const struct metrics_label status = {"status", WORDS("aborted", "1xx", "2xx", "3xx", "4xx", "5xx"),
                                            METRICS_NAMES_NONE};
/* enum audit_state */
static const struct metrics_label state = {"state", WORDS("closed", "open", "low", "reserve"), METRICS_NAMES_NONE};
static const struct metrics_label tenant = {"tenant", NULL, METRICS_TENANTS};
static const struct metrics_label rule = {"rule", NULL, METRICS_RULES};
static const struct metrics_label upstream = {"upstream", NULL, METRICS_UPSTREAMS};
static const struct metrics_label idp = {"idp", NULL, METRICS_PROVIDERS};
static const struct metrics_label certificate = {"name", NULL, METRICS_CERTIFICATES};
static const struct metrics_label version = {"version", NULL, METRICS_NAMES_NONE};
static const struct metrics_label digest = {"digest", NULL, METRICS_NAMES_NONE};

const int64_t metrics_bounds_us[METRICS_BUCKETS] = {50,     100,     250,     500,     1000,     2500,
                                                    5000,   10000,   25000,   50000,   100000,   250000,
                                                    500000, 1000000, 2500000, 5000000, 10000000, 30000000};

/* One row, one line: */
/* clang-format off */
#define COUNTER METRICS_COUNTER, 1
#define GAUGE METRICS_GAUGE, 1
#define SECONDS METRICS_HISTOGRAM, 1000000
#define TIME METRICS_GAUGE, 1000000

const struct metrics_row metrics_rows[METRICS_COUNT] = {
    [METRICS_BUILD_INFO] = {"rowgate_build_info", METRICS_INFO, 1, "The version that runs; always 1.", {&version}},
    [METRICS_START_TIME] = {"process_start_time_seconds", TIME, "When the gateway's process started, Unix time.", {NULL}},
    [METRICS_CPU_SECONDS] = {"process_cpu_seconds_total", METRICS_COUNTER, 1000000, "Processor time of the gateway's process, user and system.", {NULL}},
    [METRICS_RESIDENT_BYTES] = {"process_resident_memory_bytes", GAUGE, "Memory of the gateway's process.", {NULL}},
    [METRICS_EVENT_LOOPS] = {"rowgate_event_loops", GAUGE, "Event loops that turned within the last seconds.", {NULL}},
    [METRICS_READY] = {"rowgate_ready", GAUGE, "1 while statements would be served, as /readyz.", {NULL}},
    [METRICS_CONNECTIONS] = {"rowgate_client_connections", GAUGE, "Connections of clients open now.", {&plane}},
    [METRICS_CONNECTIONS_TOTAL] = {"rowgate_client_connections_total", COUNTER, "Connections of clients that were accepted.", {&plane}},
    [METRICS_SESSIONS] = {"rowgate_sessions", GAUGE, "Sessions of the SQL plane that are logged in now.", {&sql_alone, &tenant}},
    [METRICS_LOGINS] = {"rowgate_logins_total", COUNTER, "Logins by what became of them.", {&plane, &login_result}},
    [METRICS_DECISIONS] = {"rowgate_decisions_total", COUNTER, "Statements and requests by what was decided.", {&plane, &tenant, &decision}},
    [METRICS_DENIALS] = {"rowgate_denials_total", COUNTER, "Refusals by their rule: statements, requests, logins, sessions that were ended.", {&plane, &rule}},
    [METRICS_STATEMENTS] = {"rowgate_statements_total", COUNTER, "Statements that ran, by what became of them.", {&statement_class, &result}},
    [METRICS_STATEMENT_SECONDS] = {"rowgate_statement_seconds", SECONDS, "From a statement's arrival until all of its answer may leave, its record written.", {&tenant, &statement_class}},
    [METRICS_STATEMENT_OWN_SECONDS] = {"rowgate_statement_own_seconds", SECONDS, "The part of rowgate_statement_seconds that was not the upstream's: plan, records, waiting for them.", {&statement_class}},
    [METRICS_ROWS] = {"rowgate_result_rows_total", COUNTER, "Rows of results, and rows that statements changed.", {NULL}},
    [METRICS_RESULT_BYTES] = {"rowgate_result_bytes_total", COUNTER, "Bytes of rows, of COPY in both directions.", {NULL}},
    [METRICS_REWRITE_SECONDS] = {"rowgate_rewrite_seconds", SECONDS, "Parsing, deciding, rewriting and checking a text that the cache did not have.", {NULL}},
    [METRICS_PLAN_CACHE_LOOKUPS] = {"rowgate_plan_cache_lookups_total", COUNTER, "Texts looked up among the plans made before.", {&lookup}},
    [METRICS_PLAN_CACHE_ENTRIES] = {"rowgate_plan_cache_entries", GAUGE, "Plans that are kept.", {NULL}},
    [METRICS_PLAN_CACHE_BYTES] = {"rowgate_plan_cache_bytes", GAUGE, "Memory of the plans that are kept.", {NULL}},
    [METRICS_ORPHANS] = {"rowgate_orphan_statements_total", COUNTER, "Sessions that sent statements without an HTTP request behind them, on listeners that take capsules.", {NULL}},
    [METRICS_UPSTREAM_CONNECTIONS] = {"rowgate_upstream_connections", GAUGE, "Sessions with databases open now, or being opened.", {&upstream}},
    [METRICS_UPSTREAM_CONNECTS] = {"rowgate_upstream_connects_total", COUNTER, "Attempts to open a session with a database.", {&upstream, &result}},
    [METRICS_UPSTREAM_LOST] = {"rowgate_upstream_lost_total", COUNTER, "Sessions with databases that broke.", {&upstream}},
    [METRICS_POOL_CLIENTS_ACTIVE] = {"rowgate_pool_clients_active", GAUGE, "Sessions that have one of the pool's connections, or open it.", {&upstream}},
    [METRICS_POOL_CLIENTS_WAITING] = {"rowgate_pool_clients_waiting", GAUGE, "Sessions that wait for one of the pool's connections.", {&upstream}},
    [METRICS_POOL_SERVERS_IDLE] = {"rowgate_pool_servers_idle", GAUGE, "Connections of the pool that no session has.", {&upstream}},
    [METRICS_CATALOG_READS] = {"rowgate_catalog_reads_total", COUNTER, "Readings of a database's catalogue.", {&upstream, &result}},
    [METRICS_JWKS_REFRESHES] = {"rowgate_jwks_refresh_total", COUNTER, "Fetches of an identity provider's keys.", {&idp, &result}},
    [METRICS_HTTP_REQUESTS] = {"rowgate_http_requests_total", COUNTER, "Requests of the HTTP plane by class of route and status of the answer.", {&route_class, &status}},
    [METRICS_HTTP_SECONDS] = {"rowgate_http_request_seconds", SECONDS, "From a request's arrival to the end of its answer.", {&route_class}},
    [METRICS_CACHE_LEAKS] = {"rowgate_cache_leaks_blocked_total", COUNTER, "Cached answers of Superset that were made for another view and kept back.", {NULL}},
    [METRICS_AUDIT_RECORDS] = {"rowgate_audit_records_total", COUNTER, "Records of the event loops that were acknowledged by the auditor.", {NULL}},
    [METRICS_AUDIT_BYTES] = {"rowgate_audit_bytes_total", COUNTER, "Bytes of records handed to the auditor.", {NULL}},
    [METRICS_AUDIT_WAITING] = {"rowgate_audit_waiting_records", GAUGE, "Records handed over and not acknowledged yet: how far the durable log is behind.", {NULL}},
    [METRICS_AUDIT_REFUSED] = {"rowgate_audit_refused_total", COUNTER, "Records that the auditor could not be given; what they were for was refused.", {NULL}},
    [METRICS_AUDIT_COMMIT_SECONDS] = {"rowgate_audit_commit_seconds", SECONDS, "From handing a record over until it was acknowledged: with durability \"synced\", a sync of the disk.", {NULL}},
    [METRICS_AUDIT_STATE] = {"rowgate_audit_state", GAUGE, "1 for the state that the log is in.", {&state}},
    [METRICS_POLICY_INFO] = {"rowgate_policy_info", METRICS_INFO, 1, "The digest of the configuration in force; always 1.", {&digest}},
    [METRICS_POLICY_LOADED] = {"rowgate_policy_loaded_timestamp_seconds", TIME, "When the configuration in force was loaded, Unix time.", {NULL}},
    [METRICS_POLICY_RELOADS] = {"rowgate_policy_reloads_total", COUNTER, "Loadings of the configuration, the first one included.", {&result}},
    [METRICS_LAST_RELOAD] = {"rowgate_config_last_reload_success", GAUGE, "1 when the last loading of the configuration took effect.", {NULL}},
    [METRICS_CERTIFICATE_EXPIRY] = {"rowgate_tls_certificate_expiry_seconds", TIME, "When the certificate of [tls.NAME] expires, Unix time.", {&certificate}},
};
/* clang-format on */
