/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of prepared statements and portals, bounded in number and bytes. Lists, because sessions hold few. */
#include "proxy/prepared.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/rg_memory.h"

static void free_statement(struct prepared_set *set, struct prepared *statement)
{
    set->count--;
    set->bytes -= statement->size_bytes;
    policy_cached_free(&statement->cached);
    rg_memory_free(statement);
}

static void free_portal(struct prepared_set *set, struct portal *portal)
{
    set->portal_count--;
    set->portal_bytes -= portal->cached->text.size + binds_list(portal->binds).size;
    policy_cached_free(&portal->cached);
    binds_free(&portal->binds);
    rg_memory_free(portal->formats);
    rg_memory_free(portal);
}

void prepared_remove_all(struct prepared_set *set)
{
    while (set->statements != NULL) {
        struct prepared *statement = set->statements;
        set->statements = statement->next;
        free_statement(set, statement);
    }
}

void portal_remove_all(struct prepared_set *set)
{
    while (set->portals != NULL) {
        struct portal *portal = set->portals;
        set->portals = portal->next;
        free_portal(set, portal);
    }
}

void prepared_set_done(struct prepared_set *set)
{
    prepared_remove_all(set);
    portal_remove_all(set);
}

struct prepared *prepared_find(const struct prepared_set *set, struct rg_slice name)
{
    for (struct prepared *statement = set->statements; statement != NULL; statement = statement->next) {
        if (rg_slice_is_equal(statement->name, name)) {
            return statement;
        }
    }
    return NULL;
}

void prepared_remove(struct prepared_set *set, struct rg_slice name)
{
    for (struct prepared **link = &set->statements; *link != NULL; link = &(*link)->next) {
        struct prepared *statement = *link;
        if (rg_slice_is_equal(statement->name, name)) {
            *link = statement->next;
            free_statement(set, statement);
            return;
        }
    }
}

static struct rg_slice place(char **at, struct rg_slice bytes)
{
    struct rg_slice copy = {*at, bytes.size};
    if (bytes.size > 0) {
        memcpy(*at, bytes.data, bytes.size);
    }
    *at += bytes.size;
    return copy;
}

static size_t source_size(const struct prepared_source *source)
{
    size_t size = sizeof(struct prepared) + source->name.size + source->text.size + source->types.size;
    for (size_t i = 0; i < source->sql_type_count; i++) {
        size += source->sql_types[i].size + sizeof source->sql_types[i];
    }
    return size;
}

rg_status prepared_add(struct prepared_set *set, const struct prepared_source *source, struct policy_cached *cached)
{
    if (source->name.size == 0) {
        prepared_remove(set, source->name);
    } else if (prepared_find(set, source->name) != NULL) {
        return rg_fail(RG_DENIED, "prepared statement \"%.*s\" already exists", rg_slice_shown(source->name),
                       source->name.data);
    }
    size_t size = source_size(source);
    if (set->count >= PREPARED_MAX || size > PREPARED_BYTES_MAX - set->bytes) {
        return rg_fail(RG_LIMIT, "too many prepared statements: %zu of %d, %zu bytes of %d", set->count, PREPARED_MAX,
                       set->bytes, PREPARED_BYTES_MAX);
    }
    struct prepared *statement = rg_memory_alloc(size);
    statement->sql_types = (struct rg_slice *)(statement + 1);
    char *at = (char *)(statement->sql_types + source->sql_type_count);
    for (size_t i = 0; i < source->sql_type_count; i++) {
        statement->sql_types[i] = place(&at, source->sql_types[i]);
    }
    statement->name = place(&at, source->name);
    statement->text = place(&at, source->text);
    statement->types = place(&at, source->types);
    statement->type_count = source->type_count;
    statement->is_sql = source->is_sql;
    statement->sql_type_count = source->sql_type_count;
    statement->size_bytes = size;
    statement->cached = cached == NULL ? NULL : policy_cached_ref(cached);
    statement->next = set->statements;
    set->statements = statement;
    set->count++;
    set->bytes += size;
    return RG_OK;
}

void prepared_forget_plans(struct prepared_set *set)
{
    for (struct prepared *statement = set->statements; statement != NULL; statement = statement->next) {
        policy_cached_free(&statement->cached);
    }
}

struct portal *portal_find(const struct prepared_set *set, struct rg_slice name)
{
    for (struct portal *portal = set->portals; portal != NULL; portal = portal->next) {
        if (rg_slice_is_equal(portal->name, name)) {
            return portal;
        }
    }
    return NULL;
}

void portal_remove(struct prepared_set *set, struct rg_slice name)
{
    for (struct portal **link = &set->portals; *link != NULL; link = &(*link)->next) {
        struct portal *portal = *link;
        if (rg_slice_is_equal(portal->name, name)) {
            *link = portal->next;
            free_portal(set, portal);
            return;
        }
    }
}

rg_status portal_put(struct prepared_set *set, struct rg_slice name, uint64_t number, uint64_t batch,
                     struct policy_cached *cached)
{
    portal_remove(set, name);
    if (set->portal_count >= PORTALS_MAX || set->portal_bytes > PREPARED_BYTES_MAX ||
        cached->text.size > PREPARED_BYTES_MAX - set->portal_bytes) {
        return rg_fail(RG_LIMIT, "too many open portals: %zu of %d, %zu bytes of %d", set->portal_count, PORTALS_MAX,
                       set->portal_bytes, PREPARED_BYTES_MAX);
    }
    struct portal *portal = rg_memory_alloc(sizeof *portal + name.size);
    char *at = (char *)(portal + 1);
    portal->name = place(&at, name);
    portal->number = number;
    portal->batch = batch;
    portal->cached = policy_cached_ref(cached);
    portal->next = set->portals;
    set->portals = portal;
    set->portal_count++;
    set->portal_bytes += cached->text.size;
    return RG_OK;
}

rg_status portal_keep_binds(struct prepared_set *set, struct portal *portal, struct binds *binds)
{
    portal->binds = binds;
    set->portal_bytes += binds_list(binds).size;
    if (set->portal_bytes > PREPARED_BYTES_MAX) {
        return rg_fail(RG_LIMIT, "the values of open portals are %zu bytes of %d", set->portal_bytes,
                       PREPARED_BYTES_MAX);
    }
    return RG_OK;
}

void portal_keep_formats(struct portal *portal, struct rg_slice formats)
{
    rg_memory_free(portal->formats);
    portal->formats = rg_memory_alloc(formats.size + 1);
    if (formats.size > 0) {
        memcpy(portal->formats, formats.data, formats.size);
    }
    portal->formats_size = formats.size;
}

struct rg_slice portal_upstream_name(uint64_t number, char out_text[PORTAL_NAME_SIZE])
{
    if (number == 0) {
        return (struct rg_slice){0};
    }
    int size = snprintf(out_text, PORTAL_NAME_SIZE, "rowgate_%" PRIu64, number);
    return rg_slice_make(out_text, (size_t)size);
}

void portal_remove_ended(struct prepared_set *set, uint64_t last_batch)
{
    struct portal **link = &set->portals;
    while (*link != NULL) {
        struct portal *portal = *link;
        if (portal->batch <= last_batch) {
            *link = portal->next;
            free_portal(set, portal);
        } else {
            link = &portal->next;
        }
    }
}
