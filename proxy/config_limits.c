/* SPDX-License-Identifier: Apache-2.0 */
/* [limits]: what each table says, what several of them say together, and how that is told to people. */
#include <stdio.h>

#include "proxy/config_private.h"

enum limit_unit { UNIT_NONE = 0, UNIT_BYTES, UNIT_TIME };

static const struct {
    const char *key;
    size_t offset; /* of its struct rg_schema_number */
    enum limit_unit unit;
} rows[CONFIG_LIMIT_COUNT] = {
#define ROW(key, unit)                                                                                                 \
    {                                                                                                                  \
#key, offsetof(struct config_raw_limits, key), unit                                                            \
    }
    [CONFIG_LIMIT_ROWS] = ROW(rows, UNIT_NONE),
    [CONFIG_LIMIT_BYTES] = ROW(bytes, UNIT_BYTES),
    [CONFIG_LIMIT_CONCURRENCY] = ROW(concurrency, UNIT_NONE),
    [CONFIG_LIMIT_QUEUE] = ROW(queue, UNIT_NONE),
    [CONFIG_LIMIT_STATEMENT_TIMEOUT] = ROW(statement_timeout, UNIT_TIME),
    [CONFIG_LIMIT_IDLE_TIMEOUT] = ROW(idle_timeout, UNIT_TIME),
    [CONFIG_LIMIT_LOGIN_TIMEOUT] = ROW(login_timeout, UNIT_TIME),
    [CONFIG_LIMIT_STATEMENTS_PER_MINUTE] = ROW(statements_per_minute, UNIT_NONE),
    [CONFIG_LIMIT_REQUESTS_PER_MINUTE] = ROW(requests_per_minute, UNIT_NONE),
#undef ROW
};

const struct rg_schema_number *config_raw_limit(const struct config_raw_limits *raw, enum config_limit limit)
{
    const void *at = (const char *)raw + rows[limit].offset;
    return at;
}

/* ---- loading ---- */

static struct config_limits limits_of(const struct config_raw_limits *raw)
{
    struct config_limits limits = {.name = raw->head.name};
    for (size_t i = 0; i < CONFIG_LIMIT_COUNT; i++) {
        const struct rg_schema_number *number = config_raw_limit(raw, (enum config_limit)i);
        limits.values[i] = (uint64_t)number->value;
        limits.from[i] = number->is_given ? raw->head.name : (struct rg_slice){0};
    }
    return limits;
}

/* The built-in limits: what [limits.default] would be if it were empty. */
static rg_status built_in_limits(struct config_draft *draft, struct config_limits *out_limits)
{
    struct config_raw_limits raw = {.head = {.name = RG_SLICE("default")}};
    for (size_t i = 0; i < config_section_count; i++) {
        if (strcmp(config_sections[i].name, "limits") == 0) {
            RG_TRY(rg_schema_defaults(&draft->context, config_sections[i].schema, &raw));
        }
    }
    *out_limits = limits_of(&raw);
    for (size_t i = 0; i < CONFIG_LIMIT_COUNT; i++) {
        out_limits->from[i] = (struct rg_slice){0};
    }
    return RG_OK;
}

rg_status config_make_limits(struct config_draft *draft)
{
    struct config_records *records = &draft->raw.limits;
    const struct config_raw_limits *raws = records->items;
    struct config_limits *limits = NULL;
    RG_TRY(config_check_unique(draft, records, sizeof *raws, "limits"));
    RG_TRY(rg_arena_array(draft->arena, records->count + 1, sizeof *limits, (void **)&limits));
    for (size_t i = 0; i < records->count; i++) {
        limits[i] = limits_of(&raws[i]);
    }
    size_t at = config_record_find(records, sizeof *raws, RG_SLICE("default"));
    if (at == records->count) {
        RG_TRY(built_in_limits(draft, &draft->config->default_limits));
    } else {
        draft->config->default_limits = limits[at];
    }
    draft->config->limits = limits;
    draft->config->limits_count = records->count;
    return RG_OK;
}

/* ---- what holds ---- */

/* What a table does not say does not count. Of two that say the same, the later one is told. */
static void narrow(struct config_limits *limits, const struct config_limits *table)
{
    for (size_t i = 0; i < CONFIG_LIMIT_COUNT; i++) {
        bool is_said = table->from[i].size > 0;
        if (is_said && (limits->from[i].size == 0 || table->values[i] <= limits->values[i])) {
            limits->values[i] = table->values[i];
            limits->from[i] = table->from[i];
        }
    }
}

static void narrow_by_name(const struct config *config, struct rg_slice name, struct config_limits *limits)
{
    for (size_t i = 0; i < config->limits_count && name.size > 0; i++) {
        if (rg_slice_is_equal(config->limits[i].name, name)) {
            narrow(limits, &config->limits[i]);
            limits->name = config->limits[i].name;
        }
    }
}

struct config_limits config_limits_find(const struct config *config, const struct tenant_route *route)
{
    struct config_limits limits = config->default_limits;
    narrow_by_name(config, route->own, &limits);
    narrow_by_name(config, route->limits, &limits);
    return limits;
}

/* ---- words ---- */

const char *config_limit_key(enum config_limit limit)
{
    return rows[limit].key;
}

/* As the file would say it: the largest unit without a remainder. */
static void put_value(uint64_t value, enum limit_unit unit, char *out, size_t size)
{
    static const struct {
        enum limit_unit unit;
        uint64_t size;
        const char *name;
    } units[] = {
        {UNIT_BYTES, UINT64_C(1) << 30, "GiB"},
        {UNIT_BYTES, UINT64_C(1) << 20, "MiB"},
        {UNIT_BYTES, UINT64_C(1) << 10, "KiB"},
        {UNIT_BYTES, 1, "B"},
        {UNIT_TIME, UINT64_C(86400000000), "d"},
        {UNIT_TIME, UINT64_C(3600000000), "h"},
        {UNIT_TIME, 60000000, "m"},
        {UNIT_TIME, 1000000, "s"},
        {UNIT_TIME, 1000, "ms"},
        {UNIT_TIME, 1, "us"},
        {UNIT_NONE, 1, ""},
    };
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (units[i].unit == unit && value % units[i].size == 0) {
            (void)snprintf(out, size, "%llu%s", (unsigned long long)(value / units[i].size), units[i].name);
            return;
        }
    }
}

void config_limit_say(const struct config_limits *limits, enum config_limit limit, struct rg_slice tenant,
                      char out_words[CONFIG_LIMIT_WORDS])
{
    char value[32] = "";
    char whose[96] = "";
    char where[96] = "by default";
    struct rg_slice from = limits->from[limit];
    put_value(limits->values[limit], rows[limit].unit, value, sizeof value);
    if (tenant.size > 0) {
        (void)snprintf(whose, sizeof whose, " of tenant \"%.*s\"", rg_slice_shown(tenant), tenant.data);
    }
    if (from.size > 0) {
        (void)snprintf(where, sizeof where, "from [limits.%.*s]", rg_slice_shown(from), from.data);
    }
    (void)snprintf(out_words, CONFIG_LIMIT_WORDS, "%s = %s%s, %s", rows[limit].key, value, whose, where);
}
