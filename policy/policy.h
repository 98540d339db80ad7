/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_POLICY_POLICY_H
#define RG_POLICY_POLICY_H

#include "auth/claims.h"
#include "base/rg_crypto.h"
#include "base/rg_diag.h"
#include "policy/relations.h"
#include "tenants/tenants.h"

/* MAY IT, AS WHAT: policies as loaded, compiled, bound to one identity, and applied to a statement.
 *
 *   policy_source (rows of the TOML file) --policy_compile--> policy_set (in the snapshot)
 *   policy_set + tenant + identity        --policy_bind-->    policy_binding (per identity, shared)
 *   policy_binding + session + SQL text   --policy_plan-->    policy_plan (per statement text, cached)
 *
 * All three results are immutable, refcounted and safe to share between threads. */

/* ---- source: filled by the configuration loader; slices live in the loader's arena ---- */

struct policy_row {
    struct rg_slice name;
    struct rg_place place; /* of the [[policies]] header */
    size_t on_count;
    const struct rg_slice *on; /* "schema.table" or "schema.*", logical names */
    bool for_select, for_insert, for_update, for_delete;
    size_t to_count; /* tenant ids this row applies to; none = all */
    const struct rg_slice *to;
    size_t except_count;
    const struct rg_slice *except;
    struct rg_slice group;           /* rows of one group are OR-ed */
    struct rg_slice using_text;      /* one boolean expression; empty = no predicate */
    struct rg_place using_place;     /* of the value, for errors inside it */
    struct rg_slice with_check_text; /* what written rows must satisfy; empty = as using_text. Only the second lock can
                                        enforce it */
    struct rg_place with_check_place;
    bool is_schema_isolated; /* isolation = "schema": the route's map keeps tenants apart */
    bool allow_subselect;
};

struct policy_function_row {
    struct rg_slice name; /* "lower" or "pg_catalog.lower" */
    struct rg_place place;
};

enum policy_mask_kind {
    POLICY_MASK_DENY = 0, /* the column does not exist for this tenant */
    POLICY_MASK_NULL,     /* NULL of the column's type */
    POLICY_MASK_REDACT,   /* '***' */
    POLICY_MASK_CONSTANT, /* text, as the column's type */
    POLICY_MASK_PARTIAL,  /* all but keep_first and keep_last characters become '*' */
    POLICY_MASK_HASH,     /* HMAC-SHA-256 under a key of the tenant's own, derived from salt; hexadecimal */
};

struct policy_mask_row {
    struct rg_place place;
    size_t column_count;
    const struct rg_slice *columns; /* "schema.table.column", logical names */
    enum policy_mask_kind kind;
    int64_t keep_first, keep_last; /* characters */
    struct rg_slice constant;
    struct rg_slice
        unless_text; /* one boolean expression over claims alone: true = the value is shown; empty = never */
    struct rg_place unless_place;
    bool allow_in_predicates; /* else a masked column may be shown, and nothing else */
    struct rg_slice salt;     /* secret; HASH only */
};

struct policy_source {
    size_t claim_count; /* [claims], in declared order */
    const struct auth_claim_spec *claims;
    size_t row_count;
    const struct policy_row *rows;
    size_t function_allow_count; /* [functions] allow, deny: on top of the built-in list */
    const struct policy_function_row *function_allow;
    size_t function_deny_count;
    const struct policy_function_row *function_deny;
    size_t mask_count;
    const struct policy_mask_row *masks;
};

/* ---- compiled ---- */

struct policy_set;

/* Parses every predicate once and checks it; each mistake goes to diag with file:line:column (inside
 * a predicate, the column of the offending token). *out_set is set only when no error was found.
 * Returns RG_CONFIG when diag->error_count rose. */
rg_status policy_compile(const struct policy_source *source, struct rg_diag *diag,
                         struct policy_set **out_set) RG_MUST_CHECK;
struct policy_set *policy_set_ref(struct policy_set *set);
void policy_set_free(struct policy_set **set); /* drops one reference */
/* SHA-256 over everything that decides, canonical: equal sources have equal digests. */
const struct rg_digest *policy_set_digest(const struct policy_set *set);

/* ---- bound to one identity ---- */

/* The second lock: what the upstream enforces as well, from settings of each transaction. */
enum policy_lock { POLICY_LOCK_NONE = 0, POLICY_LOCK_SET_LOCAL, POLICY_LOCK_SET_ROLE };
/* What the upstream speaks. */
enum policy_dialect { POLICY_POSTGRES = 0, POLICY_HYPER };

/* Where the data lies and as whom it is read: for the view key (policy/view.h) and nothing else. Empty = not said. */
struct policy_upstream {
    struct rg_slice host, port, database, user;
};

struct policy_subject {
    const struct tenant *tenant;
    const struct auth_identity *identity;
    struct rg_slice database; /* what current_database() answers */
    enum policy_lock lock;
    enum policy_dialect dialect;
    struct policy_upstream upstream;
    bool has_roads; /* the tenant has several routes: all of them belong to its view, whichever this is */
    struct rg_digest roads;
};

struct policy_binding;

enum { POLICY_PRELUDE_MAX = 256 << 10 }; /* bytes */

/* Claims become typed constants in the predicates' trees. Copies what it needs: subject is borrowed for
 * the call. RG_DENIED when a required claim is missing; RG_LIMIT when too large. */
rg_status policy_bind(struct policy_set *set, const struct policy_subject *subject,
                      struct policy_binding **out_binding) RG_MUST_CHECK;
/* The digest that its binding would have, at a small part of the price: subjects with one digest may share a binding.
 * RG_DENIED when nobody was verified; whether a claim is missing, policy_bind says. */
rg_status policy_subject_digest(const struct policy_set *set, const struct policy_subject *subject,
                                struct rg_digest *out_digest) RG_MUST_CHECK;
struct policy_binding *policy_binding_ref(struct policy_binding *binding);
void policy_binding_free(struct policy_binding **binding);
/* Whether others than the caller hold it. */
bool policy_binding_is_shared(const struct policy_binding *binding);
/* Digest of policy set, tenant, route and claims: equal digests rewrite alike. */
const struct rg_digest *policy_binding_digest(const struct policy_binding *binding);
enum policy_dialect policy_binding_dialect(const struct policy_binding *binding);
/* One SELECT of set_config calls, local to a transaction, that must precede every other statement of each upstream
 * transaction; empty when there is no second lock. Lives as long as binding. */
struct rg_slice policy_binding_prelude(const struct policy_binding *binding);
size_t policy_binding_prelude_size(const struct policy_binding *binding); /* in characters */

/* ---- one statement ---- */

enum policy_verdict { POLICY_DENY = 0, POLICY_ALLOW };

/* pgaudit's words */
enum policy_class {
    POLICY_CLASS_UNKNOWN = 0,
    POLICY_CLASS_READ,
    POLICY_CLASS_WRITE,
    POLICY_CLASS_FUNCTION,
    POLICY_CLASS_ROLE,
    POLICY_CLASS_DDL,
    POLICY_CLASS_MISC,
};
const char *policy_class_name(enum policy_class class_of_statement);

/* What a statement does to the session's own, virtual state. The session applies it when it forwards the
 * statement; the upstream gets `text`, always exactly one statement, so that transaction semantics
 * and message order stay the server's own. */
enum policy_effect {
    POLICY_EFFECT_NONE = 0,
    POLICY_EFFECT_BEGIN,
    POLICY_EFFECT_COMMIT,
    POLICY_EFFECT_ROLLBACK,
    POLICY_EFFECT_SET_SEARCH_PATH, /* values = logical schemas; none = back to the default */
    POLICY_EFFECT_SET_TIMEOUT,     /* number = milliseconds, 0 = the limit's */
    POLICY_EFFECT_SET_APPLICATION, /* values[0] = application_name */
    POLICY_EFFECT_RESET_ALL,       /* RESET ALL, DISCARD ALL: all virtual settings; number = 1: prepared ones too */
    POLICY_EFFECT_PREPARE,         /* name, values[0] = inner statement's client text, parameter types in types */
    POLICY_EFFECT_DEALLOCATE,      /* name; empty = all */
    POLICY_EFFECT_CANCEL_PID,      /* number = virtual pid: pg_cancel_backend, pg_terminate_backend of Superset */
};

/* One change of the client's text: [at, at + size) of the source became [out_at, out_at + out_size). Sorted. */
struct policy_splice {
    size_t at, size, out_at, out_size;
};

/* What a statement is to the settings of the second lock. */
enum policy_prelude {
    POLICY_PRELUDE_BEFORE = 0, /* they must hold when it runs */
    POLICY_PRELUDE_KEPT,       /* touches nothing that they guard, and leaves them as they are */
    POLICY_PRELUDE_LOST, /* the same, but they may be gone behind it: the end of a transaction or sub-transaction */
};

struct policy_statement {
    enum policy_verdict verdict;
    enum policy_class class_of_statement;
    bool is_read;      /* proven: can change nothing but the session's transaction state */
    bool is_rewritten; /* text differs from source */
    bool returns_rows;
    bool takes_data; /* COPY ... FROM STDIN: the client's data follows, as text or csv */
    bool has_marker; /* holds the marker of its binding's view (policy/view.h): says for whom it was made, proves
                        nothing */
    bool is_stale;   /* denied for what the catalogue snapshot does not know: a newer one may decide otherwise */
    enum policy_prelude prelude;
    enum policy_effect effect;
    struct rg_slice source; /* the client's own text of this statement */
    size_t source_at;       /* offset of source in the whole client text */
    struct rg_slice text;   /* what may be sent upstream, and be seen nowhere else: shown is for that; empty when denied
                             * or   when the source was empty */
    struct rg_slice shown;  /* text for people and records: keys of masks are replaced by <key> */
    struct rg_slice tag;    /* command tag to answer instead of the upstream's; empty = pass it on */
    struct rg_slice name;   /* of effect */
    int64_t number;         /* of effect */
    size_t value_count;
    const struct rg_slice *values; /* of effect */
    size_t type_count;
    const struct rg_slice *types; /* of PREPARE: declared parameter types, our spelling */
    size_t relation_count;
    const struct rg_slice *relations; /* logical "schema.table" touched, each once, for the audit */
    size_t splice_count;
    const struct policy_splice *splices;
    /* When denied: SQLSTATE, the rule's name, a message that holds no data, and where (1-based character in
     * the whole client text, 0 = unknown). When allowed, rule is the policies that applied, comma separated. */
    char sqlstate[6];
    struct rg_slice rule;
    struct rg_slice message;
    struct rg_slice hint;
    size_t position;
};

enum policy_protocol { POLICY_SIMPLE = 0, POLICY_EXTENDED };

/* What the rewriter must know of the session; all of it virtual, kept by rowgate. */
/* A value of a Bind message. */
struct policy_value {
    bool is_null;
    bool is_binary; /* format 1 */
    struct rg_slice bytes;
};

struct policy_session {
    size_t search_path_count;           /* 0 = the route's schemas, sorted */
    const struct rg_slice *search_path; /* logical names */
    struct rg_slice user;               /* what current_user answers */
    int32_t pid;                        /* virtual */
    /* The upstream's relations; NULL = not known: masked relations are refused, and a fence is read whole. */
    const struct policy_relations *relations;
    size_t parameter_type_count;     /* of a Parse message */
    const uint32_t *parameter_types; /* OIDs; 0 = unspecified */
    /* POLICY_HYPER only: what stands for $1.., as a Bind brought it. NULL: not known yet, each is a NULL of its type,
     * so that the upstream can describe the result. A plan that holds a parameter is then never cacheable. */
    size_t value_count;
    const struct policy_value *values;
    /* A PREPAREd statement of this session: its client text and declared types; false = none. */
    bool (*find_prepared)(void *context, struct rg_slice name, struct rg_slice *out_text, size_t *out_type_count,
                          const struct rg_slice **out_types);
    void *context;
};

struct policy_plan {
    size_t count;                              /* 0 for an empty query string */
    const struct policy_statement *statements; /* all of them, or only the first denied one decides: see is_denied */
    bool is_denied;                            /* at least one statement is denied: forward nothing */
    bool is_cacheable;                         /* depends on binding, search path, user and text only */
    size_t parameter_count;                    /* highest $n; POLICY_HYPER: or declared */
    const uint32_t *parameter_types;           /* POLICY_HYPER: their OIDs, text where none is declared; else NULL */
};

/* policy_plan_text rules on a whole client text and rewrites it. A verdict is an output: bad SQL, a refused
 * relation and the like are ok with is_denied set (42601, 42501, 0A000, 54001, ...).
 * Units:   text at most POLICY_TEXT_MAX bytes, valid UTF-8 (checked).
 * Returns: ok; RG_LIMIT when the arena is full. A rewrite that cannot be proved, or that the second check refuses,
 *          is a verdict too: 0A000, rule sql.proof or sql.check.
 * Owns:    *out_plan and all it points to live in arena; everything else is borrowed.
 * Threads: any; reads no clock, file or socket. */
enum { POLICY_TEXT_MAX = 4 << 20, POLICY_DEPTH_MAX = 1000, POLICY_STATEMENTS_MAX = 256 };
rg_status policy_plan_text(const struct policy_binding *binding, const struct policy_session *session,
                           enum policy_protocol protocol, struct rg_slice text, struct rg_arena *arena,
                           struct policy_plan *out_plan) RG_MUST_CHECK;

/* Maps a 1-based character position in the upstream text of statement to one in the client's whole text;
 * 0 when it lies inside text that rowgate wrote. */
size_t policy_map_position(const struct policy_statement *statement, struct rg_slice client_text, size_t position);

/* Proves that libpg_query's raw trees mean what our headers say: run once at start. */
rg_status policy_self_test(void) RG_MUST_CHECK;

#endif
