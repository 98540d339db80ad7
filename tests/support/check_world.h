/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_SUPPORT_CHECK_WORLD_H
#define RG_TESTS_SUPPORT_CHECK_WORLD_H

#include <stdio.h>

#include "policy/check.h"
#include "tests/support/check_good_texts.h"
#include "tests/support/rg_test.h"

/* What the checker is told in its tests, and a count of the texts that it rules on otherwise than they say. */

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))
#define S(literal)                                                                                                     \
    {                                                                                                                  \
        "" literal, sizeof(literal) - 1                                                                                \
    }

static const struct check_mask masks[] = {{.column = S("email")}};
static const struct check_relation relations[] = {
    {.schema = S("t_acme"), .for_select = true},
    {.schema = S("t_acme"), .name = S("archive"), .predicate = S("NOT rg_r.hidden"), .for_select = true},
    {.schema = S("t_acme"), .name = S("inbox"), .for_insert = true},
    {.schema = S("shared"), .name = S("orders"), .predicate = S(PREDICATE), .for_select = true},
    {.schema = S("shared"), .name = S("regions"), .for_select = true},
    {.schema = S("shared"), .name = S("twice"), .predicate = S("rg_r.a = 1"), .for_select = true},
    {.schema = S("shared"), .name = S("twice"), .predicate = S("rg_r.b = 2"), .for_select = true},
    {.schema = S("pg_catalog"), .name = S("pg_am"), .for_select = true},
    {.schema = S("writable"),
     .name = S("notes"),
     .for_select = true,
     .for_insert = true,
     .for_update = true,
     .for_delete = true},
    {.schema = S("writable"), .name = S("log"), .for_select = true, .for_insert = true},
    {.schema = S("writable"), .name = S("readonly"), .for_select = true},
    {.schema = S("writable"),
     .name = S("fenced"),
     .predicate = S("rg_r.a = 1"),
     .for_select = true,
     .for_insert = true,
     .for_update = true,
     .for_delete = true},
    {.schema = S("writable"), .name = S("blind"), .for_insert = true, .for_update = true, .for_delete = true},
    {.schema = S("locked"),
     .name = S("orders"),
     .predicate = S(PREDICATE),
     .is_locked = true,
     .for_select = true,
     .for_insert = true,
     .for_update = true,
     .for_delete = true},
    {.schema = S("locked"), .name = S("inbox"), .is_locked = true, .for_insert = true},
    {.schema = S("locked"), .name = S("view"), .is_locked = true, .for_select = true, .for_insert = true},
    {.schema = S("locked"), .name = S("unknown"), .is_locked = true, .for_select = true, .for_update = true},
    {.schema = S("locked"), .name = S("nothing"), .is_locked = true, .for_select = true},
    {.schema = S("locked"),
     .name = S("masked"),
     .mask_count = 1,
     .masks = masks,
     .is_locked = true,
     .for_select = true,
     .for_insert = true,
     .for_update = true,
     .for_delete = true},
    {.schema = S("writable"),
     .name = S("masked"),
     .mask_count = 1,
     .masks = masks,
     .for_select = true,
     .for_insert = true,
     .for_update = true,
     .for_delete = true},
};
static const struct rg_slice covers[] = {
    S("SELECT * FROM pg_catalog.pg_class AS rg_r WHERE rg_r.relnamespace = 16384"),
};
static const struct rg_slice functions[] = {
    S("btrim"), S("count"), S("date_trunc"), S("extract"),  S("generate_series"), S("like_escape"), S("lower"),
    S("rank"),  S("round"), S("sum"),        S("timezone"), S("unnest"),          S("xmlexists"),
};
static const struct rg_slice guards[] = {S(GUARD), S("pg_catalog.format_type($1, $2)")};
static const struct rg_slice types[] = {S("regclass_of_ours")};

static const struct check_limits reading = {
    .relation_count = COUNT_OF(relations),
    .relations = relations,
    .cover_count = COUNT_OF(covers),
    .covers = covers,
    .function_count = COUNT_OF(functions),
    .functions = functions,
    .guard_count = COUNT_OF(guards),
    .guards = guards,
    .type_count = COUNT_OF(types),
    .types = types,
};

static inline rg_status check_with(struct rg_slice text, const struct check_limits *limits)
{
    struct rg_arena arena = {0};
    rg_arena_init(&arena, 8 << 20);
    rg_status status = check_statement(text, limits, &arena);
    rg_arena_done(&arena);
    return status;
}

/* A bad text with a mistake in its grammar would prove nothing. */
static inline bool is_refused_for_its_meaning(const struct row *row, rg_status status)
{
    return !rg_is_ok(status) && status.error->kind == RG_DENIED &&
           (strstr(status.error->text, "syntax error") != NULL) == (strncmp(row->name, "syntax", 6) == 0);
}

static inline size_t count_wrong(const struct row *rows, size_t count, const struct check_limits *limits, bool want_ok)
{
    size_t wrong = 0;
    for (size_t i = 0; i < count; i++) {
        rg_status status = check_with(rg_slice_of(rows[i].text), limits);
        bool is_right = want_ok ? rg_is_ok(status) : is_refused_for_its_meaning(&rows[i], status);
        if (!is_right) {
            print_error("%s: %s\n    %s\n", rows[i].name, rg_is_ok(status) ? "accepted" : status.error->text,
                        rows[i].text);
            wrong++;
        }
    }
    return wrong;
}

#endif
