/* SPDX-License-Identifier: Apache-2.0 */
/* Reads one table of a TOML file by its rows, each key with the reader of its type. What the keys mean
 * together is for the caller to check. */
#include "base/rg_schema.h"

#include "base/rg_schema_private.h"

const char *rg_schema_type_name(enum rg_schema_type type)
{
    return rg_schema_readers[type].name;
}

static const struct rg_schema_key *key_find(const struct rg_schema *schema, struct rg_slice name)
{
    for (size_t i = 0; i < schema->key_count; i++) {
        if (rg_slice_is_equal(name, rg_slice_of(schema->keys[i].name))) {
            return &schema->keys[i];
        }
    }
    return NULL;
}

static const char *key_at(const void *list, size_t at)
{
    const struct rg_schema_key *keys = list;
    return keys[at].name;
}

static void report_unknown_key(const struct rg_schema_context *context, const struct rg_schema *schema,
                               const struct rg_toml_node *node)
{
    const char *near = rg_schema_nearest(node->key, key_at, schema->keys, schema->key_count);
    rg_diag_error(context->diag, node->key_place, "unknown key \"%.*s\" in %s%s%s%s", rg_slice_shown(node->key),
                  node->key.data, schema->title, near == NULL ? "" : ", did you mean \"", near == NULL ? "" : near,
                  near == NULL ? "" : "\"?");
}

static rg_status read_given(const struct rg_schema_context *context, const struct rg_schema *schema,
                            const struct rg_toml_node *table, void *target)
{
    for (const struct rg_toml_node *node = table->first; node != NULL; node = node->next) {
        const struct rg_schema_key *key = key_find(schema, node->key);
        if (key == NULL) {
            if (!schema->is_open) {
                report_unknown_key(context, schema, node);
            }
            continue;
        }
        const struct rg_schema_reading reading = {context, schema, key, node, (char *)target + key->offset};
        RG_TRY(rg_schema_readers[key->type].read(&reading));
    }
    return RG_OK;
}

/* default_text is TOML, so a default takes the same road as a value. */
static rg_status read_default(const struct rg_schema_context *context, const struct rg_schema *schema,
                              const struct rg_schema_key *key, void *target)
{
    struct rg_slice text = {NULL, 0};
    const struct rg_toml_node *root = NULL;
    RG_TRY(rg_arena_printf(context->arena, &text, "default = %s", key->default_text));
    RG_TRY(rg_toml_parse(text, NULL, context->arena, context->diag, &root));
    const struct rg_schema_reading reading = {context, schema, key, root->first, (char *)target + key->offset};
    RG_TRY(rg_schema_readers[key->type].read(&reading));
    const bool is_given = false;
    RG_ASSERT(rg_schema_readers[key->type].is_given_offset != 0);
    memcpy((char *)reading.member + rg_schema_readers[key->type].is_given_offset, &is_given, sizeof is_given);
    return RG_OK;
}

rg_status rg_schema_defaults(const struct rg_schema_context *context, const struct rg_schema *schema, void *target)
{
    for (size_t i = 0; i < schema->key_count; i++) {
        if (schema->keys[i].default_text != NULL) {
            RG_TRY(read_default(context, schema, &schema->keys[i], target));
        }
    }
    return RG_OK;
}

rg_status rg_schema_read(const struct rg_schema_context *context, const struct rg_schema *schema,
                         const struct rg_toml_node *table, void *target)
{
    RG_TRY(rg_schema_defaults(context, schema, target));
    for (size_t i = 0; i < schema->key_count; i++) {
        const struct rg_schema_key *key = &schema->keys[i];
        if (key->is_required && rg_toml_find(table, rg_slice_of(key->name)) == NULL) {
            rg_diag_error(context->diag, table->place, "\"%s\" is missing in %s", key->name, schema->title);
        }
    }
    return read_given(context, schema, table, target);
}
