/* SPDX-License-Identifier: Apache-2.0 */
/* [[masks]] into the rows that policy_compile takes. What a key alone decides is checked here, at the key's own place;
 * the expression of `unless`, and two masks on one column, are policy_compile's business. */
#include "proxy/config_private.h"

/* ---- with ---- */

static const struct with_word {
    const char *word;
    enum policy_mask_kind kind;
} with_words[] = {
    {"redact", POLICY_MASK_REDACT},
    {"hash", POLICY_MASK_HASH},
    {"null", POLICY_MASK_NULL},
    {"deny", POLICY_MASK_DENY},
};

static rg_status read_with_table(struct config_draft *draft, const struct rg_toml_node *node,
                                 struct policy_mask_row *row)
{
    struct config_raw_mask_with with = {0};
    size_t before = draft->diag->error_count;
    RG_TRY(rg_schema_read(&draft->context, &config_schema_mask_with, node, &with));
    if (draft->diag->error_count != before) {
        return RG_OK;
    }
    if (with.partial.head.is_given == with.constant.is_given) {
        config_error(draft, node->place, "\"with\" takes one of { partial = { ... } } and { constant = \"...\" }");
        return RG_OK;
    }
    row->kind = with.constant.is_given ? POLICY_MASK_CONSTANT : POLICY_MASK_PARTIAL;
    row->constant = with.constant.text;
    row->keep_first = with.partial.keep_first.value;
    row->keep_last = with.partial.keep_last.value;
    if (with.partial.head.is_given && row->keep_first == 0 && row->keep_last == 0) {
        config_error(draft, with.partial.head.place, "\"partial\" keeps nothing: with = \"redact\" does that");
    }
    return RG_OK;
}

static rg_status read_with(struct config_draft *draft, const struct rg_toml_node *node, struct policy_mask_row *row)
{
    if (node == NULL) {
        return RG_OK; /* missing, and reported */
    }
    if (node->type == RG_TOML_TABLE) {
        return read_with_table(draft, node, row);
    }
    for (size_t i = 0; node->type == RG_TOML_STRING && i < sizeof with_words / sizeof *with_words; i++) {
        if (rg_slice_is_equal(node->text, rg_slice_of(with_words[i].word))) {
            row->kind = with_words[i].kind;
            return RG_OK;
        }
    }
    config_error(draft, node->place,
                 "\"with\" must be \"redact\", \"hash\", \"null\", \"deny\", { partial = { keep_first = N, keep_last = "
                 "N } } or { constant = \"...\" }");
    return RG_OK;
}

/* ---- columns ---- */

/* "schema.table.column" */
static bool split_column(struct rg_slice text, struct rg_slice *out_schema, struct rg_slice *out_relation)
{
    const char *first = text.size == 0 ? NULL : memchr(text.data, '.', text.size);
    size_t at = first == NULL ? text.size : (size_t)(first - text.data);
    struct rg_slice rest = rg_slice_cut(text, at + 1, text.size);
    const char *second = rest.size == 0 ? NULL : memchr(rest.data, '.', rest.size);
    if (second == NULL) {
        return false;
    }
    *out_schema = rg_slice_cut(text, 0, at);
    *out_relation = rg_slice_cut(text, 0, (size_t)(second - text.data));
    struct rg_slice column = rg_slice_cut(rest, (size_t)(second - rest.data) + 1, rest.size);
    struct rg_slice relation = rg_slice_cut(*out_relation, at + 1, text.size);
    return config_is_name(*out_schema) && config_is_name(relation) && column.size > 0 &&
           column.size <= CONFIG_NAME_MAX && memchr(column.data, '.', column.size) == NULL &&
           memchr(column.data, '*', column.size) == NULL;
}

static bool is_schema_star(struct rg_slice on, struct rg_slice schema)
{
    return rg_slice_has_prefix(on, schema) && rg_slice_is_equal(rg_slice_cut(on, schema.size, on.size), RG_SLICE(".*"));
}

static bool is_in_a_policy(const struct config_draft *draft, struct rg_slice schema, struct rg_slice relation)
{
    const struct config_raw_policy *policies = draft->raw.policies.items;
    for (size_t i = 0; i < draft->raw.policies.count; i++) {
        for (size_t j = 0; j < policies[i].on.count; j++) {
            struct rg_slice on = policies[i].on.items[j].text;
            if (rg_slice_is_equal(on, relation) || is_schema_star(on, schema)) {
                return true;
            }
        }
    }
    return false;
}

static rg_status read_columns(struct config_draft *draft, const struct config_raw_mask *raw,
                              struct policy_mask_row *row)
{
    struct rg_slice *columns = NULL;
    RG_TRY(rg_arena_array(draft->arena, raw->columns.count + 1, sizeof *columns, (void **)&columns));
    for (size_t i = 0; i < raw->columns.count; i++) {
        const struct rg_schema_string *column = &raw->columns.items[i];
        struct rg_slice schema = {NULL, 0};
        struct rg_slice relation = {NULL, 0};
        if (!split_column(column->text, &schema, &relation)) {
            config_error(draft, column->place, "\"columns\" takes \"schema.table.column\", not \"%.*s\"",
                         rg_slice_shown(column->text), column->text.data);
        } else if (!is_in_a_policy(draft, schema, relation)) {
            config_warning(draft, column->place, "no policy names %.*s: this mask is never seen",
                           rg_slice_shown(relation), relation.data);
        }
        columns[i] = column->text;
    }
    row->columns = columns;
    row->column_count = raw->columns.count;
    return RG_OK;
}

/* ---- a mask ---- */

static void check_salt(struct config_draft *draft, const struct config_raw_mask *raw, struct policy_mask_row *row)
{
    if (raw->salt.secret != NULL) {
        row->salt = rg_secret_slice(raw->salt.secret);
    }
    if (row->kind == POLICY_MASK_HASH && !raw->salt.is_given) {
        config_error(draft, raw->head.place, "with = \"hash\" needs \"salt\", a reference to a secret");
    } else if (row->kind == POLICY_MASK_HASH && raw->salt.secret != NULL && row->salt.size < CONFIG_SALT_MIN_BYTES) {
        config_error(draft, raw->salt.place, "\"salt\" must be at least %d bytes", (int)CONFIG_SALT_MIN_BYTES);
    } else if (row->kind != POLICY_MASK_HASH && raw->salt.is_given) {
        config_error(draft, raw->salt.place, "\"salt\" is for with = \"hash\"");
    }
}

static rg_status make_mask(struct config_draft *draft, const struct config_raw_mask *raw, struct policy_mask_row *row)
{
    *row = (struct policy_mask_row){
        .place = raw->head.place,
        .unless_text = raw->unless.text,
        .unless_place = config_text_place(draft, raw->unless.place),
        .allow_in_predicates = raw->in_predicates.word == 1,
    };
    size_t before = draft->diag->error_count;
    RG_TRY(read_with(draft, raw->with, row));
    if (raw->with != NULL && draft->diag->error_count == before) {
        check_salt(draft, raw, row);
    }
    if (row->kind == POLICY_MASK_DENY && raw->with != NULL && draft->diag->error_count == before &&
        raw->unless.is_given) {
        config_error(draft, raw->unless.place, "a denied column has no \"unless\": with = \"null\" can be lifted");
    }
    return read_columns(draft, raw, row);
}

/* false: what is missing has been reported while reading. */
static bool is_whole(const struct config_raw_mask *raw, const struct policy_mask_row *row)
{
    return raw->with != NULL && raw->columns.count > 0 && (row->kind != POLICY_MASK_HASH || row->salt.size > 0);
}

rg_status config_make_masks(struct config_draft *draft, struct policy_source *source)
{
    const struct config_raw_mask *raws = draft->raw.masks.items;
    struct policy_mask_row *rows = NULL;
    RG_TRY(rg_arena_array(draft->arena, draft->raw.masks.count + 1, sizeof *rows, (void **)&rows));
    source->masks = rows;
    for (size_t i = 0; i < draft->raw.masks.count; i++) {
        size_t before = draft->diag->error_count;
        RG_TRY(make_mask(draft, &raws[i], &rows[source->mask_count]));
        /* With a mistake the result is thrown away: policy_compile need not say the same again. */
        source->mask_count += draft->diag->error_count == before && is_whole(&raws[i], &rows[source->mask_count]);
    }
    return RG_OK;
}
