/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_BASE_SCHEMA_H
#define RG_BASE_SCHEMA_H

#include "base/rg_secret.h"
#include "base/rg_toml.h"

/* The strict loader of one table of a TOML file: a row per key says its type, its bounds, its default and
 * where its value goes. What is unknown, missing, of the wrong type or out of bounds is one finding each.
 * The same rows feed the loader, the defaults and the manual (docs/configuration.md is checked against them). */

enum rg_schema_type {
    RG_SCHEMA_UNSUPPORTED = 0, /* known name, not built yet: refused rather than ignored */
    RG_SCHEMA_STRING,          /* struct rg_schema_string */
    RG_SCHEMA_PATH,            /* struct rg_schema_string, absolute or below the file's own directory */
    RG_SCHEMA_WORD,            /* struct rg_schema_word: one of row.words */
    RG_SCHEMA_WORDS,           /* struct rg_schema_word: a list of them, as a set of bits */
    RG_SCHEMA_INTEGER,         /* struct rg_schema_number */
    RG_SCHEMA_BOOL,            /* struct rg_schema_number, 0 or 1 */
    RG_SCHEMA_DURATION,        /* struct rg_schema_number in microseconds: "500ms" "30s" "5m" "1h" "10d" */
    RG_SCHEMA_SIZE,            /* struct rg_schema_number in bytes: "512B" "64KiB" "64MiB" "1GiB" */
    RG_SCHEMA_STRINGS,         /* struct rg_schema_list */
    RG_SCHEMA_STRING_OR_LIST,  /* struct rg_schema_list: "a" is ["a"] */
    RG_SCHEMA_MAP,             /* struct rg_schema_list: a table of strings, keys in `key` */
    RG_SCHEMA_SECRET,          /* struct rg_schema_secret: reference; a literal is a warning */
    RG_SCHEMA_PEM,             /* struct rg_schema_secret: reference or a plain path; content must be PEM */
    RG_SCHEMA_TABLE,           /* a struct that begins with struct rg_schema_head, filled by row.table */
    RG_SCHEMA_TABLES,          /* struct rg_schema_tables: a list of such structs, each filled by row.table */
    RG_SCHEMA_NODE,            /* const struct rg_toml_node *: the caller reads it */
};

/* What the members of a target look like. is_given: the file says so itself (not a default). */
struct rg_schema_string {
    struct rg_slice text; /* NUL-terminated behind the slice */
    struct rg_place place;
    struct rg_slice key; /* RG_SCHEMA_MAP: the key */
    struct rg_place key_place;
    bool is_given;
};
struct rg_schema_word {
    unsigned word; /* index into row.words; RG_SCHEMA_WORDS: bit i for words[i] */
    struct rg_place place;
    bool is_given;
};
struct rg_schema_number {
    int64_t value;
    struct rg_place place;
    bool is_given;
};
struct rg_schema_list {
    size_t count;
    const struct rg_schema_string *items;
    struct rg_place place;
    bool is_given;
};
struct rg_schema_secret {
    const struct rg_secret *secret; /* owned by the context's list; NULL = absent or unresolved */
    struct rg_place place;
    bool is_given;
};
struct rg_schema_tables {
    size_t count;
    void *items; /* row.table->record_size bytes each */
    struct rg_place place;
    bool is_given;
};
/* A target for RG_SCHEMA_TABLE, and every record, begins with this. */
struct rg_schema_head {
    struct rg_slice name;       /* NAME of [section.NAME]; empty elsewhere */
    struct rg_place name_place; /* of that name, or of the table */
    struct rg_place place;      /* of the table */
    bool is_given;
};

struct rg_schema;

struct rg_schema_key {
    const char *name;
    enum rg_schema_type type;
    bool is_required;
    size_t offset;            /* of the member in the target */
    int64_t minimum, maximum; /* numbers, durations (microseconds), sizes (bytes); maximum 0 = none */
    const char *const *words; /* NULL-terminated */
    const struct rg_schema *table;
    const char *default_text; /* read as if the file said it; NULL = absent */
    const char *default_note; /* the manual's word where the default is computed; NULL = default_text */
};

struct rg_schema {
    const char *title; /* as users write it: "[tls.NAME]" */
    size_t key_count;
    const struct rg_schema_key *keys;
    bool is_open;       /* keys without a row are somebody else's */
    size_t record_size; /* of a target; read for RG_SCHEMA_TABLES only */
};

/* Secrets that were resolved, freed together. */
struct rg_schema_secrets {
    size_t count, capacity;
    struct rg_secret **items;
};
void rg_schema_secrets_done(struct rg_schema_secrets *secrets); /* accepts the zero value */

struct rg_schema_context {
    struct rg_arena *arena;
    struct rg_diag *diag;
    struct rg_schema_secrets *secrets;
};

/* Fills target, zeroed before by the caller, from a table node. All mistakes go to context->diag; what is
 * missing or wrong stays at its default or zero, so that cross checks can go on.
 * Returns: ok, also after mistakes; RG_LIMIT when the arena is full. */
rg_status rg_schema_read(const struct rg_schema_context *context, const struct rg_schema *schema,
                         const struct rg_toml_node *table, void *target) RG_MUST_CHECK;
/* Fills only the defaults: for a table that the file does not have. */
rg_status rg_schema_defaults(const struct rg_schema_context *context, const struct rg_schema *schema,
                             void *target) RG_MUST_CHECK;

/* The candidate nearest to name, or NULL when none is near. For "did you mean". Pure. */
const char *rg_schema_nearest(struct rg_slice name, const char *(*candidate)(const void *list, size_t at),
                              const void *list, size_t count);
/* "string", "duration", ...: the manual's word. Static storage. */
const char *rg_schema_type_name(enum rg_schema_type type);

/* "30s" to microseconds, "64MiB" to bytes; false and untouched when malformed or beyond INT64_MAX. Pure. */
bool rg_duration_parse(struct rg_slice text, int64_t *out_us);
bool rg_size_parse(struct rg_slice text, int64_t *out_bytes);

#endif
