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
};
struct config_raw_listener {
    struct rg_schema_head head;
    struct rg_schema_string name;
    struct rg_schema_word plane;
    struct rg_schema_string listen, tls;
    struct rg_schema_word login;
};
struct config_raw_idp {
    struct rg_schema_head head;
    struct rg_schema_word type;
    struct rg_schema_string issuer;
    struct rg_schema_list audience, algorithms;
    struct rg_schema_number jwks_cooldown, clock_skew;
    struct rg_schema_string ca_file, jwks_uri, user_claim;
};
struct config_raw_account {
    struct rg_schema_head head;
    struct rg_schema_string name;
    struct rg_schema_secret verifier;
    const struct rg_toml_node *claims;
};
struct config_raw_from {
    struct rg_schema_head head;
    struct rg_schema_string oidc;
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
    struct rg_schema_string idp, claim, value, service_account;
};
struct config_raw_route {
    struct rg_schema_head head;
    struct rg_schema_string upstream;
    struct rg_schema_list schemas;
    struct rg_schema_string limits, database;
};
struct config_raw_tenant {
    struct rg_schema_head head;
    struct rg_schema_string id;
    struct config_raw_match match;
    struct config_raw_route route;
    struct rg_schema_number frozen;
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
};
struct config_raw_limits {
    struct rg_schema_head head;
    struct rg_schema_number rows, bytes, concurrency, statement_timeout, idle_timeout, login_timeout;
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
struct config_raw_audit {
    struct rg_schema_head head;
    struct rg_schema_string directory, origin;
    struct rg_schema_word durability, statement;
    struct rg_schema_number segment_size, reserve, low_space, bind_values;
    struct rg_schema_list break_glass;
};

/* All records of one section, in the order of the files. */
struct config_records {
    size_t count;
    void *items;
};

struct config_raw {
    struct config_raw_server server;
    struct config_raw_log log;
    struct config_raw_functions functions;
    struct config_raw_audit audit;
    struct config_records tls, upstreams, listeners, idps, accounts, claims, tenants, patterns, limits, policies, masks,
        tests;
};

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
rg_status config_make_claims(struct config_draft *draft) RG_MUST_CHECK;
rg_status config_make_trusts(struct config_draft *draft) RG_MUST_CHECK;
rg_status config_make_accounts(struct config_draft *draft) RG_MUST_CHECK;
rg_status config_make_network(struct config_draft *draft) RG_MUST_CHECK;
rg_status config_make_tenants(struct config_draft *draft) RG_MUST_CHECK;
rg_status config_make_audit(struct config_draft *draft) RG_MUST_CHECK; /* behind the tenants */
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
/* A tenant that [[tenants]] has or that a pattern may name; anything else is reported. */
void config_refer_tenant(struct config_draft *draft, const struct rg_schema_string *id);
/* `claims = { NAME = value }`: names must be declared. node may be NULL; *out_count is 0 after a mistake. */
rg_status config_make_constants(struct config_draft *draft, const struct rg_toml_node *node, size_t *out_count,
                                const struct auth_claim_constant **out_constants) RG_MUST_CHECK;
/* Reports each name that is given twice. */
rg_status config_check_unique(struct config_draft *draft, const struct config_records *records, size_t record_size,
                              const char *what) RG_MUST_CHECK;
/* [A-Za-z_][A-Za-z0-9_-]* of at most CONFIG_NAME_MAX bytes. */
bool config_is_name(struct rg_slice name);

/* For what is missing: the start of the main file. */
struct rg_place config_whole_file(const struct config_draft *draft);

#define config_error(draft, place, ...) rg_diag_error((draft)->diag, (place), __VA_ARGS__)
#define config_warning(draft, place, ...) rg_diag_warning((draft)->diag, (place), __VA_ARGS__)

#endif
