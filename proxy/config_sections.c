/* SPDX-License-Identifier: Apache-2.0 */
/* Reads every section of every file into raw records, and says which sections do not exist, are not built
 * yet, come twice or are missing. */
#include "proxy/config_private.h"

static const char *section_at(const void *list, size_t at)
{
    const struct config_section *sections = list;
    return sections[at].name;
}

static const struct config_section *section_find(struct rg_slice name)
{
    for (size_t i = 0; i < config_section_count; i++) {
        if (rg_slice_is_equal(name, rg_slice_of(config_sections[i].name))) {
            return &config_sections[i];
        }
    }
    return NULL;
}

static bool is_top_key(struct rg_slice name)
{
    for (size_t i = 0; i < config_schema_top.key_count; i++) {
        if (rg_slice_is_equal(name, rg_slice_of(config_schema_top.keys[i].name))) {
            return true;
        }
    }
    return false;
}

static void check_node(struct config_draft *draft, const struct rg_toml_node *node)
{
    const struct config_section *section = section_find(node->key);
    if (section == NULL && !is_top_key(node->key)) {
        const char *near = rg_schema_nearest(node->key, section_at, config_sections, config_section_count);
        config_error(draft, node->key_place, "unknown section \"%.*s\"%s%s%s", rg_slice_shown(node->key),
                     node->key.data, near == NULL ? "" : ", did you mean \"", near == NULL ? "" : near,
                     near == NULL ? "" : "\"?");
    } else if (section != NULL && section->shape == CONFIG_SHAPE_UNSUPPORTED) {
        config_error(draft, node->key_place, "section \"%s\" is not supported yet", section->name);
    }
}

static void check_names(struct config_draft *draft)
{
    for (size_t i = 0; i < draft->file_count; i++) {
        const struct rg_toml_node *root = draft->files[i].root;
        for (const struct rg_toml_node *node = root == NULL ? NULL : root->first; node != NULL; node = node->next) {
            check_node(draft, node);
        }
    }
}

static const struct rg_toml_node *section_node(const struct config_draft *draft, size_t file,
                                               const struct config_section *section)
{
    const struct rg_toml_node *root = draft->files[file].root;
    return root == NULL ? NULL : rg_toml_find(root, rg_slice_of(section->name));
}

static rg_status read_record(struct config_draft *draft, const struct config_section *section,
                             const struct rg_toml_node *node, void *record)
{
    struct rg_schema_head *head = record;
    *head = (struct rg_schema_head){node->key, node->key_place, node->place, true};
    RG_TRY(rg_schema_read(&draft->context, section->schema, node, record));
    if (section->name_offset != 0) {
        struct rg_schema_string name;
        memcpy(&name, (const char *)record + section->name_offset, sizeof name);
        head->name = name.text;
        head->name_place = name.is_given ? name.place : node->place;
    }
    return RG_OK;
}

static rg_status read_one(struct config_draft *draft, const struct config_section *section)
{
    const struct rg_toml_node *seen = NULL;
    void *record = (char *)&draft->raw + section->offset;
    for (size_t i = 0; i < draft->file_count; i++) {
        const struct rg_toml_node *node = section_node(draft, i, section);
        if (node == NULL) {
            continue;
        }
        if (node->type != RG_TOML_TABLE) {
            config_error(draft, node->key_place, "\"%s\" must be a table: [%s]", section->name, section->name);
        } else if (seen != NULL) {
            config_error(draft, node->key_place, "[%s] is already given in %s:%u", section->name, seen->place.file,
                         seen->place.line);
        } else {
            RG_TRY(read_record(draft, section, node, record));
        }
        seen = node;
    }
    return seen == NULL ? rg_schema_defaults(&draft->context, section->schema, record) : RG_OK;
}

static void report_shape(struct config_draft *draft, const struct config_section *section,
                         const struct rg_toml_node *node)
{
    bool is_named = section->shape == CONFIG_SHAPE_NAMED;
    config_error(draft, node->key_place, "\"%s\" must be written as %s%s%s", section->name, is_named ? "[" : "[[",
                 section->name, is_named ? ".NAME]" : "]]");
}

static bool is_container(const struct config_section *section, const struct rg_toml_node *node)
{
    return node->type == (section->shape == CONFIG_SHAPE_NAMED ? RG_TOML_TABLE : RG_TOML_ARRAY);
}

static rg_status read_items(struct config_draft *draft, const struct config_section *section,
                            const struct rg_toml_node *node, struct config_records *records)
{
    for (const struct rg_toml_node *item = node->first; item != NULL; item = item->next) {
        if (item->type != RG_TOML_TABLE) {
            report_shape(draft, section, item);
            continue;
        }
        if (section->shape == CONFIG_SHAPE_NAMED && !config_is_name(item->key)) {
            config_error(draft, item->key_place, "\"%.*s\" cannot be a name: letters, digits, _ and -, at most %d",
                         rg_slice_shown(item->key), item->key.data, CONFIG_NAME_MAX);
        }
        void *record = (char *)records->items + records->count * section->record_size;
        records->count += 1;
        RG_TRY(read_record(draft, section, item, record));
    }
    return RG_OK;
}

static rg_status read_many(struct config_draft *draft, const struct config_section *section)
{
    struct config_records records = {0};
    size_t total = 0;
    for (size_t i = 0; i < draft->file_count; i++) {
        const struct rg_toml_node *node = section_node(draft, i, section);
        total += node == NULL ? 0 : node->child_count;
    }
    RG_TRY(rg_arena_array(draft->arena, total, section->record_size, &records.items));
    for (size_t i = 0; i < draft->file_count; i++) {
        const struct rg_toml_node *node = section_node(draft, i, section);
        if (node != NULL && !is_container(section, node)) {
            report_shape(draft, section, node);
        } else if (node != NULL) {
            RG_TRY(read_items(draft, section, node, &records));
        }
    }
    memcpy((char *)&draft->raw + section->offset, &records, sizeof records);
    return RG_OK;
}

static void check_required(struct config_draft *draft, const struct config_section *section)
{
    for (size_t i = 0; i < draft->file_count; i++) {
        if (draft->files[i].root == NULL || section_node(draft, i, section) != NULL) {
            return; /* given, or perhaps in the part that did not parse */
        }
    }
    bool is_array = section->shape == CONFIG_SHAPE_ARRAY;
    config_error(draft, config_whole_file(draft), "section %s%s%s is missing", is_array ? "[[" : "[", section->name,
                 is_array ? "]]" : "]");
}

rg_status config_read_sections(struct config_draft *draft)
{
    check_names(draft);
    for (size_t i = 0; i < config_section_count; i++) {
        const struct config_section *section = &config_sections[i];
        if (section->is_required) {
            check_required(draft, section);
        }
        if (section->shape == CONFIG_SHAPE_ONE) {
            RG_TRY(read_one(draft, section));
        } else if (section->shape != CONFIG_SHAPE_UNSUPPORTED) {
            RG_TRY(read_many(draft, section));
        }
    }
    return RG_OK;
}
