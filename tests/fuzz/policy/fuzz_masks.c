/* SPDX-License-Identifier: Apache-2.0 */
/* Any text over a world in which columns have masks: the lineage ends, the second check takes the fences that the
 * rewriter makes, and what is shown of it holds no key. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/set_private.h"
#include "tests/support/policy_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct policy_world world;
static struct policy_relations *relations;

static const char snapshot_text[] =
    "{\"version\":1,\"server\":150020,\"operators\":[[\"=\",\"int8\",\"int4\"],[\"=\",\"text\",\"text\"]],"
    "\"relations\":["
    "{\"schema\":\"shared\",\"name\":\"orders\",\"kind\":\"r\",\"columns\":[[\"id\",\"int8\"],[\"tenant_id\",\"uuid\"],"
    "[\"note\",\"text\"],[\"email\",\"text\"],[\"amount\",\"int8\"]],\"parents\":[],\"reads\":[]},"
    "{\"schema\":\"shared\",\"name\":\"visits\",\"kind\":\"r\",\"columns\":[[\"id\",\"int8\"],[\"email\",\"text\"]],"
    "\"parents\":[],\"reads\":[]},"
    "{\"schema\":\"t_acme\",\"name\":\"notes\",\"kind\":\"r\",\"columns\":[[\"id\",\"int8\"],[\"email\",\"text\"]],"
    "\"parents\":[],\"reads\":[]}]}";

static void require(bool condition, const char *what, struct rg_slice text)
{
    if (!condition) {
        (void)fprintf(stderr, "%s: %.*s\n", what, (int)text.size, text.data);
        abort();
    }
}

static void set_up(void)
{
    static const struct rg_slice emails[] = {{"shared.orders.email", 19}, {"sales.notes.email", 17}};
    static const struct rg_slice notes[] = {{"shared.orders.note", 18}};
    static const struct rg_slice amounts[] = {{"shared.orders.amount", 20}};
    static const struct policy_mask_row masks[] = {
        {.column_count = 2, .columns = emails, .kind = POLICY_MASK_HASH, .salt = {"sixteen bytes and more", 22}},
        {.column_count = 1, .columns = notes, .kind = POLICY_MASK_DENY},
        {.column_count = 1, .columns = amounts, .kind = POLICY_MASK_NULL, .allow_in_predicates = true},
    };
    world = (struct policy_world){.session = {.user = {"alice", 5}, .pid = 4711}};
    rg_arena_init(&world.arena, 1 << 24);
    rg_diag_init(&world.diag, &world.arena);
    world.source = policy_world_source();
    world.source.masks = masks;
    world.source.mask_count = sizeof masks / sizeof masks[0];
    RG_ASSERT(rg_is_ok(policy_compile(&world.source, &world.diag, &world.set)));
    RG_ASSERT(rg_is_ok(policy_world_bind(world.set, &world.binding)));
    RG_ASSERT(rg_is_ok(policy_relations_parse(rg_slice_of(snapshot_text), &relations)));
    world.session.relations = relations;
}

static bool holds(struct rg_slice text, struct rg_slice part)
{
    return text.size > 0 && memmem(text.data, text.size, part.data, part.size) != NULL;
}

static void check_one(const struct policy_statement *statement)
{
    bool is_checked = rg_slice_is_equal(statement->rule, RG_SLICE("sql.check"));
    require(!is_checked ||
                (!holds(statement->message, RG_SLICE("covered")) && !holds(statement->message, RG_SLICE("mask"))),
            "the second check sees another fence", statement->source);
    for (size_t i = 0; i < world.binding->secret_count; i++) {
        require(!holds(statement->shown, world.binding->secrets[i]), "a key is shown", statement->source);
        require(!holds(statement->message, world.binding->secrets[i]), "a key is said", statement->source);
    }
    if (statement->verdict == POLICY_ALLOW) {
        require(!holds(statement->text, RG_SLICE("rg_r.note")) || holds(statement->source, RG_SLICE("rg_r")),
                "a denied column is read", statement->text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (world.set == NULL) {
        set_up();
    }
    struct rg_arena arena;
    struct policy_plan plan = {0};
    rg_arena_init(&arena, 64 << 20);
    rg_status status =
        policy_plan_text(world.binding, &world.session, POLICY_SIMPLE, rg_slice_make(data, size), &arena, &plan);
    for (size_t i = 0; rg_is_ok(status) && i < plan.count; i++) {
        check_one(&plan.statements[i]);
    }
    rg_arena_done(&arena);
    return 0;
}
