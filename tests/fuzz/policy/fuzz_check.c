/* SPDX-License-Identifier: Apache-2.0 */
/* The checker on arbitrary bytes: it survives, answers with one of its two kinds, and what passes where
 * nothing is listed passes where something is. */
#include <stddef.h>
#include <stdint.h>

#include "policy/check.h"

#define S(literal)                                                                                                     \
    {                                                                                                                  \
        "" literal, sizeof(literal) - 1                                                                                \
    }

static const struct check_relation relations[] = {
    {.schema = S("t_acme"), .for_select = true, .for_insert = true, .for_update = true, .for_delete = true},
    {.schema = S("shared"),
     .name = S("orders"),
     .predicate = S("rg_r.tenant_id = 'acme'::pg_catalog.text"),
     .for_select = true},
};
static const struct rg_slice covers[] = {
    S("SELECT * FROM pg_catalog.pg_class AS rg_r WHERE rg_r.relnamespace = 16384"),
};
static const struct rg_slice functions[] = {S("count"), S("generate_series"), S("lower"), S("rank"), S("sum")};
static const struct rg_slice types[] = {S("numeric"), S("numeric")};
static const struct check_function signatures[] = {
    {.schema = S("t_acme"), .name = S("margin"), .argument_count = 2, .types = types}};
static const struct rg_slice guards[] = {
    S("CASE WHEN $1 IN (SELECT rg_c.oid FROM pg_catalog.pg_class AS rg_c WHERE rg_c.relnamespace = 16384) THEN "
      "pg_catalog.pg_get_expr($2, $1) END"),
    S("pg_catalog.format_type($1, $2)"),
};

static rg_status check(struct rg_slice text, const struct check_limits *limits)
{
    struct rg_arena arena = {0};
    rg_arena_init(&arena, 1 << 20);
    rg_status status = check_statement(text, limits, &arena);
    rg_arena_done(&arena);
    RG_ASSERT(rg_is_ok(status) || status.error->kind == RG_DENIED || status.error->kind == RG_LIMIT);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct check_limits nothing = {0};
    const struct check_limits something = {
        .relation_count = sizeof relations / sizeof *relations,
        .relations = relations,
        .cover_count = sizeof covers / sizeof *covers,
        .covers = covers,
        .function_count = sizeof functions / sizeof *functions,
        .functions = functions,
        .signature_count = 1,
        .signatures = signatures,
        .guard_count = sizeof guards / sizeof *guards,
        .guards = guards,
        .allow_write = true,
    };
    struct rg_slice text = rg_slice_make(data, size);
    bool passes_nothing = rg_is_ok(check(text, &nothing));
    bool passes_something = rg_is_ok(check(text, &something));
    RG_ASSERT(passes_something || !passes_nothing);
    return 0;
}
