/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_CONFIG_PRIVATE_H
#define RG_PROXY_CONFIG_PRIVATE_H

#include <regex.h>

#include "base/rg_schema.h"
#include "proxy/config.h"

/* How a snapshot is made: files -> documents -> raw records (each value with its place) -> checked parts of
 * struct config. One file per kind of section; config.c holds the table of steps. */

/* ---- raw records: what the files say ---- */

struct config_raw_top {
    struct rg_schema_number version;
    struct rg_schema_list include;
};
struct config_raw_server {
    struct rg_schema_head head;
    struct rg_schema_number workers;
    struct rg_schema_string pid_file;
    struct rg_schema_number drain_timeout;
    struct rg_schema_number strict_reload;
    struct rg_schema_list trusted_proxies;
    struct rg_schema_number metrics_max_tenants;
};
struct config_raw_admin {
    struct rg_schema_head head;
    struct rg_schema_string metrics, metrics_tls, listen;
    struct rg_schema_list admin_users, stats_users, auditor_users;
};
struct config_raw_log {
    struct rg_schema_head head;
    struct rg_schema_word level, format;
    struct rg_schema_string file;
};
struct config_raw_tls {
    struct rg_schema_head head;
    struct rg_schema_secret certificate, private_key;
    struct rg_schema_word min_version;
};
struct config_raw_upstream {
    struct rg_schema_head head;
    struct rg_schema_word kind;
    struct rg_schema_string dsn;
    struct rg_schema_secret password;
    struct rg_schema_number connect_timeout, catalog_refresh;
    struct rg_schema_word identity;
    struct rg_schema_word pool_mode;
    struct rg_schema_number pool_size, pool_per_tenant, query_wait_timeout, server_idle_timeout, server_lifetime;
    struct rg_schema_number min_pool_size, reserve_pool_size, reserve_pool_timeout, server_check_delay;
    struct rg_schema_string url, ca_file; /* of superset, with all that follows */
    struct rg_schema_number response_timeout, websocket_timeout, keepalive_timeout;
    struct rg_schema_secret identity_key;
    struct rg_schema_number guest_token_lifetime;
    struct rg_schema_number capsule_lifetime;
    struct rg_schema_word cache_guard;
    struct rg_schema_number cache_guard_max;
};
struct config_raw_listener {
    struct rg_schema_head head;
    struct rg_schema_string name;
    struct rg_schema_word plane;
    struct rg_schema_string listen;
    struct rg_schema_list tls, login;
    struct rg_schema_word orphans;                /* of sql */
    struct rg_schema_string upstream, public_url; /* of http, with all that follows */
    struct rg_schema_list names;
    struct rg_schema_number http2, proxy_protocol;
    struct rg_schema_number max_connections, max_head, max_body, max_bodies, requests_per_minute_per_address;
    struct rg_schema_number handshake_timeout, idle_timeout, request_timeout;
};
struct config_raw_idp {
    struct rg_schema_head head;
    struct rg_schema_word type;
    struct rg_schema_string issuer;
    struct rg_schema_list audience, algorithms;
    struct rg_schema_number jwks_cooldown, clock_skew;
    struct rg_schema_string ca_file, jwks_uri, user_claim;
    struct rg_schema_string display_name, client_id, issuer_template, introspection;
    struct rg_schema_secret client_secret;
    struct rg_schema_list scopes;
    struct rg_schema_word preset;
    struct rg_schema_number backchannel_logout;
    struct rg_schema_string metadata, entity_id, subject_attribute, user_attribute; /* of saml, with all that follows */
    struct rg_schema_secret private_key, certificate;
    struct rg_schema_number allow_idp_initiated, require_encrypted, allow_sha1, allow_cbc;
};
struct config_raw_account {
    struct rg_schema_head head;
    struct rg_schema_string name;
    struct rg_schema_secret verifier;
    const struct rg_toml_node *claims;
};
struct config_raw_from {
    struct rg_schema_head head;
    struct rg_schema_string oidc, saml;
};
struct config_raw_claim {
    struct rg_schema_head head;
    const struct rg_toml_node *from;
    struct rg_schema_string type;
    struct rg_schema_number required, max, lower;
    struct rg_schema_string split;
};
struct config_raw_match {
    struct rg_schema_head head;
    struct rg_schema_string idp, claim, value, service_account, tenant;
    struct rg_schema_list also;
};
struct config_raw_route {
    struct rg_schema_head head;
    struct rg_schema_string upstream;
    struct rg_schema_list schemas;
    struct rg_schema_string limits, database;
};
struct config_raw_face { /* a part of tenants and patterns: no table of its own */
    struct rg_schema_string display_name, logo;
    struct rg_schema_list frame_ancestors, dashboards;
};
struct config_raw_tenant {
    struct rg_schema_head head;
    struct rg_schema_string id;
    struct config_raw_match match;
    struct config_raw_route route;
    struct rg_schema_number frozen;
    struct config_raw_face face;
};
struct config_raw_pattern_id {
    struct rg_schema_head head;
    struct rg_schema_string claim, allow;
};
struct config_raw_pattern {
    struct rg_schema_head head;
    struct config_raw_match match;
    struct config_raw_pattern_id id;
    struct config_raw_route route;
    struct config_raw_face face;
};
struct config_raw_limits {
    struct rg_schema_head head;
    struct rg_schema_number rows, bytes, concurrency, queue, statement_timeout, idle_timeout, login_timeout;
    struct rg_schema_number statements_per_minute, requests_per_minute;
};
struct config_raw_http_route {
    struct rg_schema_head head;
    struct rg_schema_string name, path;
    struct rg_schema_word methods;
    struct rg_schema_list to, except, roles;
    struct rg_schema_number allow;
    struct rg_schema_string reason;
};
struct config_raw_policy {
    struct rg_schema_head head;
    struct rg_schema_string name;
    struct rg_schema_list on;
    struct rg_schema_word kinds; /* for = [...] */
    struct rg_schema_list to, except;
    struct rg_schema_string group, using_text, with_check;
    struct rg_schema_word isolation;
    struct rg_schema_number allow_subselect;
};
struct config_raw_mask_partial {
    struct rg_schema_head head;
    struct rg_schema_number keep_first, keep_last;
};
struct config_raw_mask_with { /* the table form of `with` */
    struct rg_schema_head head;
    struct config_raw_mask_partial partial;
    struct rg_schema_string constant;
};
struct config_raw_mask {
    struct rg_schema_head head;
    struct rg_schema_list columns;
    const struct rg_toml_node *with;
    struct rg_schema_string unless;
    struct rg_schema_word in_predicates;
    struct rg_schema_secret salt;
};
struct config_raw_as {
    struct rg_schema_head head;
    struct rg_schema_string tenant, user;
    const struct rg_toml_node *claims;
};
struct config_raw_test {
    struct rg_schema_head head;
    struct rg_schema_string name;
    struct config_raw_as as;
    struct rg_schema_string sql;
    struct rg_schema_word expect;
    struct rg_schema_string equals;
    struct rg_schema_list contains, lacks;
    struct rg_schema_string rule;
};
struct config_raw_functions {
    struct rg_schema_head head;
    struct rg_schema_list allow, deny;
};
struct config_raw_s3 {
    struct rg_schema_head head;
    struct rg_schema_string url, endpoint, region;
    struct rg_schema_word addressing;
    struct rg_schema_string credentials, ca_file, proxy;
    struct rg_schema_word object_lock;
    struct rg_schema_number retain, content_md5, anchor_every, seal_every;
};
struct config_raw_sink {
    struct rg_schema_head head;
    struct rg_schema_string name;
    struct rg_schema_word type;
    struct rg_schema_string path, url;
    struct rg_schema_secret secret;
    struct rg_schema_string ca_file;
    struct rg_schema_secret certificate, private_key;
    struct rg_schema_number batch_bytes, timeout;
    struct rg_schema_word classes;
    struct rg_schema_string index;
};
struct config_raw_witness {
    struct rg_schema_head head;
    struct rg_schema_string name, url, key, ca_file;
    struct rg_schema_number timeout;
};
struct config_raw_peer {
    struct rg_schema_head head;
    struct rg_schema_string origin, url, root, ca_file;
    struct rg_schema_number timeout;
};
struct config_raw_cluster {
    struct rg_schema_head head;
    struct rg_schema_list members;
    struct rg_schema_string listen, tls;
    struct rg_schema_number every;
    struct rg_schema_tables peers;
};
struct config_raw_keep {
    struct rg_schema_head head;
    struct rg_schema_word classes;
    struct rg_schema_list tenants;
    struct rg_schema_number keep;
};
struct config_raw_retention {
    struct rg_schema_head head;
    struct rg_schema_number keep, local;
    struct rg_schema_tables rules;
};
struct config_raw_personal {
    struct rg_schema_head head;
    struct rg_schema_word mode;
    struct rg_schema_string keys;
    struct rg_schema_number backups, unverified;
};
struct config_raw_audit {
    struct rg_schema_head head;
    struct rg_schema_string directory, origin;
    struct rg_schema_word durability, statement;
    struct rg_schema_number segment_size, reserve, low_space, bind_values, export_alert;
    struct rg_schema_list break_glass;
    struct config_raw_s3 s3;
    struct rg_schema_tables sinks, witnesses;
    struct config_raw_cluster cluster;
    struct config_raw_retention retention;
    struct config_raw_personal personal;
};

struct config_raw_state {
    struct rg_schema_head head;
    struct rg_schema_string url, directory;
    struct rg_schema_secret password, key;
};
struct config_raw_sessions {
    struct rg_schema_head head;
    struct rg_schema_string cookie;
    struct rg_schema_number idle_timeout, absolute_timeout, embedded;
};

/* All records of one section, in the order of the files. */
struct config_records {
    size_t count;
    void *items;
    const struct config_name *by_name; /* all of them, sorted; NULL until config_check_unique */
};

struct config_name {
    struct rg_slice name;
    size_t at; /* the record's index */
};

struct config_raw {
    struct config_raw_server server;
    struct config_raw_log log;
    struct config_raw_admin admin;
    struct config_raw_functions functions;
    struct config_raw_audit audit;
    struct config_raw_state state;
    struct config_raw_sessions sessions;
    struct config_records tls, upstreams, listeners, idps, accounts, claims, tenants, patterns, limits, http_routes,
        policies, masks, tests;
};

enum { CONFIG_PLANE_SQL = 0, CONFIG_PLANE_HTTP }; /* config_raw_listener.plane */

/* ---- sections ---- */

enum config_shape {
    CONFIG_SHAPE_UNSUPPORTED = 0, /* a known name, not built yet */
    CONFIG_SHAPE_ONE,             /* [name], at most once over all files */
    CONFIG_SHAPE_NAMED,           /* [name.NAME] */
    CONFIG_SHAPE_ARRAY,           /* [[name]] */
};

struct config_section {
    const char *name;
    enum config_shape shape;
    bool is_required;
    const struct rg_schema *schema;
    size_t record_size;
    size_t offset;      /* in struct config_raw: the record of CONFIG_SHAPE_ONE, else struct config_records */
    size_t name_offset; /* CONFIG_SHAPE_ARRAY: the struct rg_schema_string that names a record; 0 = none */
};

extern const struct config_section config_sections[];
extern const size_t config_section_count;
extern const struct rg_schema config_schema_top;  /* version, include */
extern const struct rg_schema config_schema_from; /* the table form of a claim's from */
extern const struct rg_schema config_schema_mask_with, config_schema_mask_partial;
/* config_schema_audit.c */
extern const struct rg_schema config_schema_s3, config_schema_sink, config_schema_witness, config_schema_cluster,
    config_schema_peer, config_schema_retention, config_schema_keep, config_schema_personal;
extern const struct rg_schema config_schema_match, config_schema_route, config_schema_pattern_id, config_schema_as;

/* ---- the draft: a snapshot being made ---- */

enum {
    CONFIG_MAX_FILES = 1024,
    CONFIG_MAX_TOTAL_BYTES = 16 << 20,
    CONFIG_ARENA_BYTES = 512 << 20,
    CONFIG_SALT_MIN_BYTES = 16,
    CONFIG_NAME_MAX = 63, /* PostgreSQL's NAMEDATALEN - 1 */
};

struct config_file {
    struct rg_slice path;
    struct rg_slice bytes;
    size_t line_count;
    const size_t *lines;             /* where each begins in bytes */
    const struct rg_toml_node *root; /* NULL = did not parse */
};

struct config_draft {
    struct config *config;  /* its memory is filled as the steps go */
    struct rg_arena *arena; /* the snapshot's */
    struct rg_diag *diag;
    struct rg_schema_context context;
    size_t file_count;
    struct config_file *files;
    struct config_raw raw;
    struct tenant_names mapped; /* schemas that some route maps; from config_make_policies on */
};

/* An empty snapshot with one reference, to be filled; config_free drops it like any other. */
struct config *config_new(void);
/* Parts of the snapshot that its users do not see. */
struct rg_arena *config_arena(struct config *config);
struct rg_schema_secrets *config_secrets(struct config *config);
/* What the files said, with every place: kept for the lints (config_lint.c). */
const struct config_raw *config_raw_of(const struct config *config);
/* The snapshot frees regex at its end. */
void config_own_regex(struct config *config, regex_t *regex);

/* Reads the files and makes all parts but the policies. ok, also after mistakes: see draft->diag. */
rg_status config_draft_load(const char *path, struct config_draft *draft) RG_MUST_CHECK;

/* The steps, in order. Each reports to draft->diag and fails only when it cannot go on. */
rg_status config_read_files(struct config_draft *draft, const char *path) RG_MUST_CHECK;
rg_status config_read_sections(struct config_draft *draft) RG_MUST_CHECK;
rg_status config_make_server(struct config_draft *draft) RG_MUST_CHECK;
rg_status config_make_limits(struct config_draft *draft) RG_MUST_CHECK;
const struct rg_schema_number *config_raw_limit(const struct config_raw_limits *raw, enum config_limit limit);
rg_status config_make_claims(struct config_draft *draft) RG_MUST_CHECK;
rg_status config_make_idps(struct config_draft *draft) RG_MUST_CHECK;
/* Fills one of type "oidc" (config_idp_oidc.c): its trust too, unless no token of it is ever read. */
rg_status config_make_idp_oidc(struct config_draft *draft, const struct config_raw_idp *raw, struct config_idp *idp,
                               struct auth_trust *trust) RG_MUST_CHECK;
/* The same for one of type "saml" (config_idp_saml.c). */
rg_status config_make_idp_saml(struct config_draft *draft, const struct config_raw_idp *raw,
                               struct config_idp *idp) RG_MUST_CHECK;
/* One error for each key that is given and belongs to the other type. */
struct config_idp_key {
    const char *name;
    bool is_given;
    struct rg_place place;
};
void config_check_idp_keys(struct config_draft *draft, const struct config_idp_key *keys, size_t count,
                           const char *type);
/* Tells of a "ca_file" that cannot be read; the system's bundle is larger than a secret may be, and fine. */
void config_check_ca_file(struct config_draft *draft, const struct rg_schema_string *ca_file);
/* The texts of a list. */
rg_status config_copy_texts(struct config_draft *draft, const struct rg_schema_list *list,
                            const struct rg_slice **out_texts) RG_MUST_CHECK;
rg_status config_make_accounts(struct config_draft *draft) RG_MUST_CHECK;
rg_status config_make_network(struct config_draft *draft) RG_MUST_CHECK;
/* Called by it: config_http.c. Each is given its record when plane or kind say so, and reports the keys of the other
 * ones. */
rg_status config_make_superset(struct config_draft *draft, const struct config_raw_upstream *raw,
                               struct config_upstream *upstream) RG_MUST_CHECK;
rg_status config_make_http_listener(struct config_draft *draft, const struct config_raw_listener *raw,
                                    struct config_listener *listener) RG_MUST_CHECK;
/* pool_mode and its keys: config_pool.c. */
void config_make_pool(struct config_draft *draft, const struct config_raw_upstream *raw,
                      struct config_upstream *upstream);
/* Reports what only superset, only an http listener may say. */
void config_check_not_superset(struct config_draft *draft, const struct config_raw_upstream *raw);
void config_check_not_http(struct config_draft *draft, const struct config_raw_listener *raw);
rg_status config_make_admin(struct config_draft *draft) RG_MUST_CHECK; /* behind the network */
rg_status config_make_tenants(struct config_draft *draft) RG_MUST_CHECK;
/* config_faces.c, for config_tenants.c */
rg_status config_make_face(struct config_draft *draft, const struct config_raw_face *raw,
                           struct tenant_face *out_face) RG_MUST_CHECK;
/* config_files.c: the bytes of a file that is no TOML. RG_STORAGE with why not; RG_LIMIT. */
rg_status config_read_bytes(const char *path, struct rg_arena *arena, struct rg_slice *out_bytes) RG_MUST_CHECK;
rg_status config_make_routes(struct config_draft *draft) RG_MUST_CHECK; /* behind the tenants */
rg_status config_make_audit(struct config_draft *draft) RG_MUST_CHECK;  /* behind the tenants */
rg_status config_make_state(struct config_draft *draft) RG_MUST_CHECK;  /* and [sessions] */
/* Called by it: config_audit_s3.c, config_audit_sinks.c, config_audit_keep.c. */
rg_status config_make_audit_s3(struct config_draft *draft, struct config_audit_s3 *s3) RG_MUST_CHECK;
rg_status config_make_audit_sinks(struct config_draft *draft, struct config_audit_life *life) RG_MUST_CHECK;
rg_status config_make_audit_witnesses(struct config_draft *draft, struct config_audit_life *life) RG_MUST_CHECK;
rg_status config_make_audit_cluster(struct config_draft *draft, struct config_audit_cluster *cluster) RG_MUST_CHECK;
rg_status config_make_audit_retention(struct config_draft *draft, struct config_audit_life *life) RG_MUST_CHECK;
rg_status config_make_audit_personal(struct config_draft *draft, struct config_audit_personal *personal) RG_MUST_CHECK;
rg_status config_check_schemas(struct config_draft *draft) RG_MUST_CHECK;
rg_status config_make_policies(struct config_draft *draft, struct policy_source *out_source) RG_MUST_CHECK;
rg_status config_make_tests(struct config_draft *draft) RG_MUST_CHECK;
rg_status config_make_masks(struct config_draft *draft, struct policy_source *source) RG_MUST_CHECK;

/* Where the text of a string begins, behind its quotes. */
struct rg_place config_text_place(const struct config_draft *draft, struct rg_place place);

/* ---- shared by the steps (config_names.c) ---- */

/* Index of the record of that name, or count. Every record begins with struct rg_schema_head; named sections
 * have their name there, [[arrays]] get it from their "name" or "id" key. */
size_t config_record_find(const struct config_records *records, size_t record_size, struct rg_slice name);
/* A reference to a record by name; a missing one is reported at text.place with the nearest name. */
bool config_refer(struct config_draft *draft, const struct config_records *records, size_t record_size,
                  const char *what, const struct rg_schema_string *text, size_t *out_at);
/* Reports each of [[tenants]] that has callers of an earlier one (config_matches.c). */
rg_status config_check_matches(struct config_draft *draft, const struct tenant_static *tenants,
                               size_t tenant_count) RG_MUST_CHECK;
/* A tenant that [[tenants]] has or that a pattern may name; anything else is reported. */
void config_refer_tenant(struct config_draft *draft, const struct rg_schema_string *id);
/* `claims = { NAME = value }`: names must be declared. node may be NULL; *out_count is 0 after a mistake. */
rg_status config_make_constants(struct config_draft *draft, const struct rg_toml_node *node, size_t *out_count,
                                const struct auth_claim_constant **out_constants) RG_MUST_CHECK;
/* Reports each name that is given twice, and sorts them for config_record_find. */
rg_status config_check_unique(struct config_draft *draft, struct config_records *records, size_t record_size,
                              const char *what) RG_MUST_CHECK;
/* [A-Za-z_][A-Za-z0-9_-]* of at most CONFIG_NAME_MAX bytes. */
bool config_is_name(struct rg_slice name);
/* "host:port" or "[v6]:port" (config_network.c). */
bool config_is_address(struct rg_slice text);
/* Whether path is directory or lies below it, by the file system as it is now, symbolic links included; what does not
 * exist yet is compared by its text (config_audit_keep.c). */
bool config_is_below(struct rg_slice path, struct rg_slice directory);
/* The classes of a list of words; all when it is not given. */
unsigned config_classes(const struct rg_schema_word *words);

/* For what is missing: the start of the main file. */
struct rg_place config_whole_file(const struct config_draft *draft);

/* The macros of config_schema*.c. */
#define CONFIG_MEMBER(record, member) offsetof(struct config_raw_##record, member)
#define CONFIG_SCHEMA(title, record, keys)                                                                             \
    {                                                                                                                  \
        title, sizeof(keys) / sizeof(keys)[0], keys, false, sizeof(struct config_raw_##record)                         \
    }

#define config_error(draft, place, ...) rg_diag_error((draft)->diag, (place), __VA_ARGS__)
#define config_warning(draft, place, ...) rg_diag_warning((draft)->diag, (place), __VA_ARGS__)

#endif
