/* SPDX-License-Identifier: Apache-2.0 */
/* The catalogue snapshot: one JSON document, read strictly into sorted tables. A shape that the query does not write
 * is an error, never guessed at: what is missing here would be taken for absent in the database. */
#include "policy/relations.h"

#include "base/rg_memory.h"

#include <jansson.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
    ARENA_LIMIT_BYTES = 512 << 20,
    NAME_MAX_BYTES = 127,
    OPERATORS_MAX = 10000,
    RELATIONS_MAX = 1000000,
    LINKS_MAX = 100000, /* parents or reads of one relation */
    TREE_LIMIT_BYTES = 1 << 30,
};

struct operator_row {
    struct rg_slice name, left, right;
};

struct policy_relations {
    atomic_size_t references;
    struct rg_arena arena;
    struct rg_digest digest;
    uint64_t server;
    size_t operator_count;
    struct operator_row *operators;
    size_t relation_count;
    struct policy_relation *relations;
};

/* ---- order ---- */

static int compare(struct rg_slice a, struct rg_slice b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size == 0 ? 0 : memcmp(a.data, b.data, size);
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare_relations(const void *left, const void *right)
{
    const struct policy_relation *a = left;
    const struct policy_relation *b = right;
    int order = compare(a->schema, b->schema);
    return order != 0 ? order : compare(a->name, b->name);
}

static int compare_operators(const void *left, const void *right)
{
    const struct operator_row *a = left;
    const struct operator_row *b = right;
    int order = compare(a->name, b->name);
    order = order != 0 ? order : compare(a->left, b->left);
    return order != 0 ? order : compare(a->right, b->right);
}

static int compare_reads(const void *left, const void *right)
{
    const struct policy_read *a = left;
    const struct policy_read *b = right;
    int order = compare(a->schema, b->schema);
    order = order != 0 ? order : compare(a->name, b->name);
    return order != 0 ? order : compare(a->column, b->column);
}

static int compare_columns(const void *left, const void *right)
{
    const struct rg_slice *a = left;
    const struct rg_slice *b = right;
    return compare(*a, *b);
}

/* ---- JSON ---- */

/* A place for errors: an element of "operators" or "relations", or the document. */
struct place {
    const char *what;
    size_t index;
};

static rg_status fail_shape(const struct place *place, const char *problem)
{
    return rg_fail(RG_CONFIG, "relations: %s %zu: %s", place->what, place->index, problem);
}

static rg_status read_name(struct policy_relations *relations, const json_t *json, bool may_be_empty,
                           const struct place *place, struct rg_slice *out_name)
{
    if (!json_is_string(json)) {
        return fail_shape(place, "a name that is not a string");
    }
    struct rg_slice name = rg_slice_make(json_string_value(json), json_string_length(json));
    if (name.size > NAME_MAX_BYTES || (name.size == 0 && !may_be_empty)) {
        return fail_shape(place, name.size == 0 ? "an empty name" : "a name of more than 127 bytes");
    }
    return rg_arena_copy(&relations->arena, name, out_name);
}

/* An array of exactly count names; the last one may be empty where may_be_empty says so. */
static rg_status read_names(struct policy_relations *relations, const json_t *json, size_t count, bool may_be_empty,
                            const struct place *place, struct rg_slice *out_names)
{
    if (!json_is_array(json) || json_array_size(json) != count) {
        return fail_shape(place, "not an array of the names that belong here");
    }
    for (size_t i = 0; i < count; i++) {
        bool is_last = i + 1 == count;
        RG_TRY(read_name(relations, json_array_get(json, i), may_be_empty && is_last, place, &out_names[i]));
    }
    return RG_OK;
}

static rg_status read_list(const json_t *object, const char *key, size_t limit, const struct place *place,
                           const json_t **out_list, size_t *out_count)
{
    const json_t *list = json_object_get(object, key);
    if (!json_is_array(list)) {
        return rg_fail(RG_CONFIG, "relations: %s %zu: \"%s\" is not an array", place->what, place->index, key);
    }
    if (json_array_size(list) > limit) {
        return rg_fail(RG_LIMIT, "relations: %s %zu: %zu elements in \"%s\", limit %zu", place->what, place->index,
                       json_array_size(list), key, limit);
    }
    *out_list = list;
    *out_count = json_array_size(list);
    return RG_OK;
}

static rg_status read_operators(struct policy_relations *relations, const json_t *document)
{
    struct place place = {"document", 0};
    const json_t *list = NULL;
    size_t count = 0;
    RG_TRY(read_list(document, "operators", OPERATORS_MAX, &place, &list, &count));
    RG_TRY(rg_arena_array(&relations->arena, count + 1, sizeof *relations->operators, (void **)&relations->operators));
    for (size_t i = 0; i < count; i++) {
        struct rg_slice names[3] = {{0}};
        place = (struct place){"operator", i};
        RG_TRY(read_names(relations, json_array_get(list, i), 3, false, &place, names));
        relations->operators[i] = (struct operator_row){names[0], names[1], names[2]};
    }
    relations->operator_count = count;
    qsort(relations->operators, count, sizeof *relations->operators, compare_operators);
    return RG_OK;
}

static rg_status check_columns(const struct policy_relation *relation, const struct place *place)
{
    struct rg_slice *names = rg_memory_array(relation->column_count + 1, sizeof *names);
    bool is_unique = true;
    for (size_t i = 0; i < relation->column_count; i++) {
        names[i] = relation->columns[i].name;
    }
    qsort(names, relation->column_count, sizeof *names, compare_columns);
    for (size_t i = 1; i < relation->column_count; i++) {
        is_unique = is_unique && compare(names[i - 1], names[i]) != 0;
    }
    rg_memory_free(names);
    return is_unique ? RG_OK : fail_shape(place, "a column twice");
}

static rg_status read_columns(struct policy_relations *relations, const json_t *object, const struct place *place,
                              struct policy_relation *relation)
{
    const json_t *list = NULL;
    struct policy_column *columns = NULL;
    RG_TRY(read_list(object, "columns", POLICY_RELATIONS_COLUMNS_MAX, place, &list, &relation->column_count));
    RG_TRY(rg_arena_array(&relations->arena, relation->column_count + 1, sizeof *columns, (void **)&columns));
    for (size_t i = 0; i < relation->column_count; i++) {
        struct rg_slice names[2] = {{0}};
        RG_TRY(read_names(relations, json_array_get(list, i), 2, true, place, names));
        columns[i] = (struct policy_column){names[0], names[1]};
    }
    relation->columns = columns;
    return check_columns(relation, place);
}

/* width: 2 = schema and name, 3 = a column as well. */
static rg_status read_links(struct policy_relations *relations, const json_t *object, const char *key, size_t width,
                            const struct place *place, const struct policy_read **out_links, size_t *out_count)
{
    const json_t *list = NULL;
    struct policy_read *links = NULL;
    size_t count = 0;
    RG_TRY(read_list(object, key, LINKS_MAX, place, &list, &count));
    RG_TRY(rg_arena_array(&relations->arena, count + 1, sizeof *links, (void **)&links));
    for (size_t i = 0; i < count; i++) {
        struct rg_slice names[3] = {{0}};
        RG_TRY(read_names(relations, json_array_get(list, i), width, width == 3, place, names));
        links[i] = (struct policy_read){names[0], names[1], names[2]};
    }
    qsort(links, count, sizeof *links, compare_reads);
    *out_links = links;
    *out_count = count;
    return RG_OK;
}

static rg_status read_relation(struct policy_relations *relations, const json_t *object, size_t index,
                               struct policy_relation *relation)
{
    struct place place = {"relation", index};
    if (!json_is_object(object) || json_object_size(object) != 6) {
        return fail_shape(&place, "not an object with schema, name, kind, columns, parents and reads");
    }
    const json_t *kind = json_object_get(object, "kind");
    if (!json_is_string(kind) || json_string_length(kind) != 1 || strchr("rvmpf", json_string_value(kind)[0]) == NULL) {
        return fail_shape(&place, "\"kind\" is none of r, v, m, p, f");
    }
    relation->kind = json_string_value(kind)[0];
    RG_TRY(read_name(relations, json_object_get(object, "schema"), false, &place, &relation->schema));
    RG_TRY(read_name(relations, json_object_get(object, "name"), false, &place, &relation->name));
    RG_TRY(read_columns(relations, object, &place, relation));
    RG_TRY(read_links(relations, object, "parents", 2, &place, &relation->parents, &relation->parent_count));
    RG_TRY(read_links(relations, object, "reads", 3, &place, &relation->reads, &relation->read_count));
    bool is_view = relation->kind == 'v' || relation->kind == 'm';
    return is_view || relation->read_count == 0 ? RG_OK : fail_shape(&place, "\"reads\" of what is not a view");
}

static struct policy_relation *find_parent(struct policy_relations *relations, const struct policy_read *parent)
{
    const struct policy_relation key = {.schema = parent->schema, .name = parent->name};
    return bsearch(&key, relations->relations, relations->relation_count, sizeof key, compare_relations);
}

/* Counts first, so that each parent gets one array. */
static rg_status link_children(struct policy_relations *relations)
{
    for (size_t i = 0; i < relations->relation_count; i++) {
        const struct policy_relation *child = &relations->relations[i];
        for (size_t j = 0; j < child->parent_count; j++) {
            struct policy_relation *parent = find_parent(relations, &child->parents[j]);
            if (parent != NULL) {
                parent->child_count++;
            }
        }
    }
    struct policy_read **lists = NULL;
    RG_TRY(rg_arena_array(&relations->arena, relations->relation_count + 1, sizeof(void *), (void **)&lists));
    for (size_t i = 0; i < relations->relation_count; i++) {
        struct policy_relation *parent = &relations->relations[i];
        RG_TRY(rg_arena_array(&relations->arena, parent->child_count + 1, sizeof **lists, (void **)&lists[i]));
        parent->children = lists[i];
        parent->child_count = 0;
    }
    for (size_t i = 0; i < relations->relation_count; i++) {
        const struct policy_relation *child = &relations->relations[i];
        for (size_t j = 0; j < child->parent_count; j++) {
            struct policy_relation *parent = find_parent(relations, &child->parents[j]);
            if (parent != NULL) {
                lists[parent - relations->relations][parent->child_count++] =
                    (struct policy_read){child->schema, child->name, {"", 0}};
            }
        }
    }
    return RG_OK;
}

static rg_status read_relations(struct policy_relations *relations, const json_t *document)
{
    struct place place = {"document", 0};
    const json_t *list = NULL;
    size_t count = 0;
    RG_TRY(read_list(document, "relations", RELATIONS_MAX, &place, &list, &count));
    RG_TRY(rg_arena_array(&relations->arena, count + 1, sizeof *relations->relations, (void **)&relations->relations));
    for (size_t i = 0; i < count; i++) {
        RG_TRY(read_relation(relations, json_array_get(list, i), i, &relations->relations[i]));
    }
    relations->relation_count = count;
    qsort(relations->relations, count, sizeof *relations->relations, compare_relations);
    for (size_t i = 1; i < count; i++) {
        if (compare_relations(&relations->relations[i - 1], &relations->relations[i]) == 0) {
            struct rg_slice name = relations->relations[i].name;
            return rg_fail(RG_CONFIG, "relations: \"%.*s\" occurs twice", rg_slice_shown(name), name.data);
        }
    }
    return RG_OK;
}

static rg_status read_document(struct policy_relations *relations, const json_t *document)
{
    const json_t *version = json_object_get(document, "version");
    const json_t *server = json_object_get(document, "server");
    if (!json_is_object(document) || json_object_size(document) != 4) {
        return rg_fail(RG_CONFIG, "relations: not an object with version, server, operators and relations");
    }
    if (!json_is_integer(version) || json_integer_value(version) != 1) {
        return rg_fail(RG_CONFIG, "relations: \"version\" is not 1");
    }
    if (!json_is_integer(server) || json_integer_value(server) <= 0) {
        return rg_fail(RG_CONFIG, "relations: \"server\" is not a version number");
    }
    relations->server = (uint64_t)json_integer_value(server);
    RG_TRY(read_operators(relations, document));
    RG_TRY(read_relations(relations, document));
    return link_children(relations);
}

/* ---- the digest: of one digest for each row, so that its input stays small ---- */

static void put_name(struct rg_slice *parts, uint64_t *sizes, size_t *count, struct rg_slice name)
{
    sizes[*count / 2] = name.size;
    parts[*count] = rg_slice_make(&sizes[*count / 2], sizeof *sizes);
    parts[*count + 1] = name;
    *count += 2;
}

static struct rg_digest digest_relation(const struct policy_relation *relation)
{
    uint64_t counts[4] = {(uint64_t)(unsigned char)relation->kind, relation->column_count, relation->parent_count,
                          relation->read_count};
    size_t names = 3 + 2 * relation->column_count + 2 * relation->parent_count + 3 * relation->read_count;
    struct rg_slice *parts = rg_memory_array(2 * names, sizeof *parts);
    uint64_t *sizes = rg_memory_array(names, sizeof *sizes);
    size_t count = 0;
    put_name(parts, sizes, &count, rg_slice_make(counts, sizeof counts));
    put_name(parts, sizes, &count, relation->schema);
    put_name(parts, sizes, &count, relation->name);
    for (size_t i = 0; i < relation->column_count; i++) {
        put_name(parts, sizes, &count, relation->columns[i].name);
        put_name(parts, sizes, &count, relation->columns[i].type);
    }
    for (size_t i = 0; i < relation->parent_count; i++) {
        put_name(parts, sizes, &count, relation->parents[i].schema);
        put_name(parts, sizes, &count, relation->parents[i].name);
    }
    for (size_t i = 0; i < relation->read_count; i++) {
        put_name(parts, sizes, &count, relation->reads[i].schema);
        put_name(parts, sizes, &count, relation->reads[i].name);
        put_name(parts, sizes, &count, relation->reads[i].column);
    }
    struct rg_digest digest = rg_sha256(parts, count);
    rg_memory_free(parts);
    rg_memory_free(sizes);
    return digest;
}

static struct rg_digest digest_operator(const struct operator_row *row)
{
    struct rg_slice parts[6];
    uint64_t sizes[3];
    size_t count = 0;
    put_name(parts, sizes, &count, row->name);
    put_name(parts, sizes, &count, row->left);
    put_name(parts, sizes, &count, row->right);
    return rg_sha256(parts, count);
}

static struct rg_digest digest_all(const struct policy_relations *relations)
{
    uint64_t head[3] = {relations->server, relations->operator_count, relations->relation_count};
    size_t count = relations->operator_count + relations->relation_count;
    struct rg_digest *rows = rg_memory_array(count + 1, sizeof *rows);
    for (size_t i = 0; i < relations->operator_count; i++) {
        rows[i] = digest_operator(&relations->operators[i]);
    }
    for (size_t i = 0; i < relations->relation_count; i++) {
        rows[relations->operator_count + i] = digest_relation(&relations->relations[i]);
    }
    const struct rg_slice parts[] = {rg_slice_make(head, sizeof head), rg_slice_make(rows, count * sizeof *rows)};
    struct rg_digest digest = rg_sha256(parts, 2);
    rg_memory_free(rows);
    return digest;
}

/* ---- what the JSON tree will cost ---- */

/* A document of {} alone takes 100 times its size in jansson's tree, so it is weighed before it is read: bytes of
 * memory for what each character opens, on 64-bit machines and rounded up. Those inside strings count, too: names hold
 * few. */
static rg_status weigh(struct rg_slice text)
{
    static const uint16_t weights[256] = {['{'] = 384, ['['] = 160, [','] = 64, [':'] = 160};
    uint64_t weight = text.size;
    for (size_t i = 0; i < text.size; i++) {
        weight += weights[(unsigned char)text.data[i]];
    }
    return weight <= TREE_LIMIT_BYTES ? RG_OK : rg_fail(RG_LIMIT, "relations: too many values for their size");
}

/* ---- the public face ---- */

rg_status policy_relations_parse(struct rg_slice text, struct policy_relations **out_relations)
{
    json_error_t error;
    if (text.size > POLICY_RELATIONS_TEXT_MAX) {
        return rg_fail(RG_LIMIT, "relations: %zu bytes, limit %d", text.size, (int)POLICY_RELATIONS_TEXT_MAX);
    }
    RG_TRY(weigh(text));
    json_t *document = json_loadb(text.data == NULL ? "" : text.data, text.size, JSON_REJECT_DUPLICATES, &error);
    if (document == NULL) {
        return rg_fail(RG_CONFIG, "relations: line %d, column %d: %s", error.line, error.column, error.text);
    }
    struct policy_relations *relations = rg_memory_alloc(sizeof *relations);
    atomic_init(&relations->references, 1);
    rg_arena_init(&relations->arena, ARENA_LIMIT_BYTES);
    rg_status status = read_document(relations, document);
    json_decref(document);
    if (!rg_is_ok(status)) {
        policy_relations_free(&relations);
        return status;
    }
    relations->digest = digest_all(relations);
    *out_relations = relations;
    return RG_OK;
}

struct policy_relations *policy_relations_ref(struct policy_relations *relations)
{
    atomic_fetch_add(&relations->references, 1);
    return relations;
}

void policy_relations_free(struct policy_relations **relations)
{
    struct policy_relations *old = *relations;
    *relations = NULL;
    if (old != NULL && atomic_fetch_sub(&old->references, 1) == 1) {
        rg_arena_done(&old->arena);
        rg_memory_free(old);
    }
}

const struct rg_digest *policy_relations_digest(const struct policy_relations *relations)
{
    return &relations->digest;
}

uint64_t policy_relations_server(const struct policy_relations *relations)
{
    return relations->server;
}

size_t policy_relation_count(const struct policy_relations *relations)
{
    return relations->relation_count;
}

const struct policy_relation *policy_relation_at(const struct policy_relations *relations, size_t index)
{
    return index < relations->relation_count ? &relations->relations[index] : NULL;
}

const struct policy_relation *policy_relation_find(const struct policy_relations *relations, struct rg_slice schema,
                                                   struct rg_slice name)
{
    const struct policy_relation key = {.schema = schema, .name = name};
    return bsearch(&key, relations->relations, relations->relation_count, sizeof key, compare_relations);
}

const struct policy_column *policy_column_find(const struct policy_relation *relation, struct rg_slice name)
{
    for (size_t i = 0; i < relation->column_count; i++) {
        if (rg_slice_is_equal(relation->columns[i].name, name)) {
            return &relation->columns[i];
        }
    }
    return NULL;
}

bool policy_operator_is_leakproof(const struct policy_relations *relations, struct rg_slice name, struct rg_slice left,
                                  struct rg_slice right)
{
    const struct operator_row key = {name, left, right};
    return bsearch(&key, relations->operators, relations->operator_count, sizeof key, compare_operators) != NULL;
}
