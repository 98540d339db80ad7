/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_CONFIG_H
#define RG_PROXY_CONFIG_H

#include "auth/identity.h"
#include "auth/scram.h"
#include "auth/trust.h"
#include "base/rg_log.h"
#include "base/rg_secret.h"
#include "policy/policy.h"
#include "proxy/config_admin.h"
#include "proxy/config_audit.h"
#include "proxy/config_http.h"
#include "proxy/config_idp.h"
#include "proxy/config_routes.h"
#include "proxy/config_state.h"
#include "proxy/http/forwarded.h"
#include "proxy/net/conninfo.h"
#include "proxy/net/tls.h"
#include "tenants/tenants.h"

/* The configuration snapshot: immutable, counted, swapped whole. Everything in it lives as long as one
 * reference does. Every slice is NUL-terminated behind its end. Names and keys: docs/configuration.md. */

enum config_log_level { CONFIG_LOG_DEBUG = 0, CONFIG_LOG_INFO, CONFIG_LOG_WARNING, CONFIG_LOG_ERROR };

struct config_server {
    unsigned workers;         /* at least 1 */
    struct rg_slice pid_file; /* empty = none */
    int64_t drain_timeout_us;
    bool strict_reload;                   /* a reload is refused when one of [[tests]] fails */
    struct http_networks trusted_proxies; /* none by default */
};

struct config_log {
    enum config_log_level level;
    struct rg_slice file; /* empty = stderr */
};

struct config_tls {
    struct rg_slice name;
    struct net_tls *server; /* certificate and key, checked by the TLS library */
    struct rg_place place;
};

enum config_upstream_kind {
    CONFIG_UPSTREAM_PGBOUNCER = 0,
    CONFIG_UPSTREAM_POSTGRES,
    CONFIG_UPSTREAM_HYPER,
    CONFIG_UPSTREAM_SUPERSET, /* speaks HTTP: no dsn, no catalogue, and no tenant's route may name it */
};

enum config_pool_mode { CONFIG_POOL_SESSION = 0, CONFIG_POOL_TRANSACTION };

/* pool_mode = "transaction": connections shared by transactions, over all event loops. */
struct config_pool {
    uint64_t size; /* 0 = each session has its own connection */
    uint64_t per_tenant;
    int64_t wait_us; /* for a connection */
    int64_t idle_us;
    int64_t lifetime_us;
    int64_t check_us; /* unused for longer, a connection is asked before it is used */
    uint64_t least;   /* connections that are there without being asked for */
    uint64_t reserve; /* more than size, for those who waited reserve_wait_us */
    int64_t reserve_wait_us;
};

struct config_upstream {
    struct rg_slice name;
    enum config_upstream_kind kind;
    struct net_conninfo *conninfo; /* dsn and password, parsed by libpq; NULL of superset */
    struct rg_slice database;      /* dbname of the dsn; empty = libpq's default; of Hyper: the file's bare name */
    int64_t connect_timeout_us;
    int64_t catalog_refresh_us;
    enum policy_lock lock; /* identity = */
    struct config_pool pool;
    const struct config_superset *superset; /* NULL of the others */
    struct rg_place place;
};

/* What becomes of statements that no HTTP request is behind, on a listener that takes capsules. */
enum config_orphans {
    CONFIG_ORPHANS_REFUSE = 0,
    CONFIG_ORPHANS_ALERT,
    CONFIG_ORPHANS_ALLOW, /* also of listeners without capsules, where nothing has one */
};

struct config_listener {
    struct rg_slice name;
    struct rg_slice address;      /* "host:port" or "[v6]:port", for net_listener_open */
    const struct config_tls *tls; /* of http: the first of its list */
    bool allows_oidc;
    bool allows_scram;
    bool allows_capsule; /* auth/capsule.h */
    enum config_orphans orphans;
    const struct config_http_listener *http; /* NULL: the listener speaks PostgreSQL */
    struct rg_place place;
};

struct config_account {
    struct rg_slice name;
    struct auth_scram_verifier verifier;   /* secret */
    const struct auth_claim_value *claims; /* claim_count of the snapshot, parallel to config.claims */
};

/* The keys of [limits.NAME]: config_limits.c has a row for each. */
enum config_limit {
    CONFIG_LIMIT_ROWS = 0,              /* of one result */
    CONFIG_LIMIT_BYTES,                 /* of one result, or of the data of one COPY */
    CONFIG_LIMIT_CONCURRENCY,           /* sessions of one tenant at a time */
    CONFIG_LIMIT_QUEUE,                 /* of them, how many wait for a connection of a pool */
    CONFIG_LIMIT_STATEMENT_TIMEOUT,     /* microseconds, as all durations */
    CONFIG_LIMIT_IDLE_TIMEOUT,          /* of a session between statements */
    CONFIG_LIMIT_LOGIN_TIMEOUT,         /* from accept to ready; that of the default limits counts */
    CONFIG_LIMIT_STATEMENTS_PER_MINUTE, /* of one tenant, over PostgreSQL's protocol */
    CONFIG_LIMIT_REQUESTS_PER_MINUTE,   /* of one tenant, over HTTP */
    CONFIG_LIMIT_COUNT
};

/* One table, or what several say together. No value is 0 and none means unlimited. */
struct config_limits {
    struct rg_slice name;                     /* of the table that a route names; empty = it names none */
    uint64_t values[CONFIG_LIMIT_COUNT];      /* of keys that the file leaves out, the built-in one */
    struct rg_slice from[CONFIG_LIMIT_COUNT]; /* the table that says so; empty = none does */
};

enum config_durability { CONFIG_AUDIT_SYNCED = 0, CONFIG_AUDIT_WRITTEN };

/* Who may work while the disk of the log is nearly full. */
struct config_break_glass {
    struct rg_slice user;
    struct rg_slice tenant;
};

struct config_audit {
    struct rg_slice directory;
    struct rg_slice origin;
    enum config_durability durability;
    size_t segment_bytes;
    uint64_t reserve_bytes;   /* held back for them */
    uint64_t low_space_bytes; /* free space below which an alert is due */
    bool has_bind_values;     /* recorded */
    size_t break_glass_count;
    const struct config_break_glass *break_glass;
    int64_t export_alert_us; /* a destination that fails for so long is an alert */
    struct config_audit_life life;
};

enum config_expect { CONFIG_EXPECT_DENY = 0, CONFIG_EXPECT_ALLOW, CONFIG_EXPECT_REWRITE, CONFIG_EXPECT_MASK };

/* One of [[tests]]: run by proxy/trial.h. */
struct config_test {
    struct rg_slice name; /* tests[N] when the file gives none */
    struct rg_place place;
    struct rg_slice tenant, user;
    size_t claim_count;
    const struct auth_claim_constant *claims;
    struct rg_slice sql;
    enum config_expect expect;
    bool has_equals;
    struct rg_slice equals; /* the whole text that is sent */
    size_t contains_count;
    const struct rg_slice *contains;
    size_t lacks_count;
    const struct rg_slice *lacks;
    struct rg_slice rule; /* of the refusal; empty = any */
};

struct config {
    struct config_server server;
    struct config_log log;
    struct config_admin admin;
    struct config_audit audit;
    struct config_state state;
    struct config_sessions sessions;
    size_t tls_count;
    const struct config_tls *tls;
    size_t upstream_count;
    struct config_upstream *upstreams; /* snapshot_open_catalogs puts the running conninfo where it is equal */
    size_t listener_count;
    const struct config_listener *listeners;
    size_t claim_count;
    const struct auth_claim_spec *claims;
    size_t idp_count;
    const struct config_idp *idps; /* in the file's order */
    size_t trust_count;
    const struct auth_trust *trusts; /* of those that sign tokens; each with the claims above */
    size_t account_count;
    const struct config_account *accounts;
    size_t limits_count;
    const struct config_limits *limits;  /* each as its table is written */
    struct config_limits default_limits; /* [limits.default], or the built-in ones */
    struct tenant_registry registry;
    struct config_routes routes;
    struct policy_set *policies;
    const struct policy_source *source; /* what policies were compiled from, with places */
    size_t test_count;
    const struct config_test *tests;
    struct rg_digest digest; /* SHA-256 over the bytes of all files */
    size_t file_count;
    const struct rg_slice *files; /* the main file first, then the included ones, sorted */
};

/* Loads path and what it includes, checks everything, and makes a snapshot or none (DESIGN.md law L8).
 * Each mistake of all files goes to diag with file:line:column; so do warnings.
 * Returns: ok with one reference; RG_CONFIG when diag->error_count rose; RG_STORAGE when the main file cannot
 *          be read; RG_LIMIT when it is too large. *out_config is untouched then.
 * Owns:    findings live in diag's arena, not in the snapshot.
 * Threads: any. Blocks on files. */
rg_status config_load(const char *path, struct rg_diag *diag, struct config **out_config) RG_MUST_CHECK;
struct config *config_ref(struct config *config);
/* Drops one reference, the last one wipes secrets and frees; nulls the caller's pointer, accepts NULL in it. */
void config_free(struct config **config);

/* The log goes where the configuration says, from now on. RG_CONFIG when its file cannot be opened. Before other
 * threads start. */
rg_status config_log_apply(const struct config_log *row, struct rg_log *log) RG_MUST_CHECK;
/* One config.finding event each; path: the main file. */
void config_log_findings(struct rg_log *log, const char *path, const struct rg_diag *diag);

/* Lookups; NULL = absent. */
const struct config_upstream *config_upstream_find(const struct config *config, struct rg_slice name);
/* What it speaks; POLICY_POSTGRES for NULL. */
enum policy_dialect config_upstream_dialect(const struct config_upstream *upstream);
bool config_is_break_glass(const struct config *config, struct rg_slice user, struct rg_slice tenant);
const struct config_account *config_account_find(const struct config *config, struct rg_slice name);
/* What holds on a route: of each key the smallest that its table, the tenant's own and [limits.default] say; the
 * built-in one where none of them says anything. Slices are the snapshot's. */
struct config_limits config_limits_find(const struct config *config, const struct tenant_route *route);
/* As in the file: "statements_per_minute". Static. */
const char *config_limit_key(enum config_limit limit);
/* Whose limit it is and where it stands, for people: 'rows = 1000 of tenant "acme", from [limits.small]'. An empty
 * tenant is left out. */
enum { CONFIG_LIMIT_WORDS = 320 };
void config_limit_say(const struct config_limits *limits, enum config_limit limit, struct rg_slice tenant,
                      char out_words[CONFIG_LIMIT_WORDS]);

#endif
