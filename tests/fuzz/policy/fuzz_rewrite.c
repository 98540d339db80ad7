/* SPDX-License-Identifier: Apache-2.0 */
/* Any text through the whole road, over a fixed world, and once more for an identity with masks and a snapshot. What is
 * allowed must be allowed again unchanged in meaning: the output names no other tenant's schema, no unqualified table
 * of ours, and every position maps into the text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/policy_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct policy_world world;
static struct policy_world informed; /* the same, with a snapshot */

/* What the database tells of the world's relations: then fences project and repeat conjuncts. */
static const char snapshot[] =
    "{\"version\":1,\"server\":150020,\"operators\":[[\"=\",\"int8\",\"int4\"],[\"=\",\"int8\",\"int8\"],"
    "[\"<\",\"int8\",\"int4\"],[\"=\",\"text\",\"text\"],[\">=\",\"timestamptz\",\"timestamptz\"]],\"relations\":["
    "{\"schema\":\"shared\",\"name\":\"orders\",\"kind\":\"r\",\"columns\":[[\"id\",\"int8\"],"
    "[\"tenant_id\",\"uuid\"],[\"note\",\"text\"],[\"status\",\"varchar\"],[\"ts\",\"timestamptz\"],"
    "[\"total\",\"numeric\"]],\"parents\":[],\"reads\":[]},"
    "{\"schema\":\"shared\",\"name\":\"visits\",\"kind\":\"r\",\"columns\":[[\"id\",\"int8\"],"
    "[\"tenant_id\",\"uuid\"],[\"region\",\"text\"]],\"parents\":[],\"reads\":[]},"
    "{\"schema\":\"t_acme\",\"name\":\"orders\",\"kind\":\"r\",\"columns\":[[\"id\",\"int8\"],"
    "[\"note\",\"text\"]],\"parents\":[],\"reads\":[]},"
    "{\"schema\":\"t_acme\",\"name\":\"v\",\"kind\":\"v\",\"columns\":[[\"id\",\"int8\"]],\"parents\":[],"
    "\"reads\":[[\"shared\",\"orders\",\"id\"]]}]}";
static struct policy_world masked;

static const char relations_text[] =
    "{\"version\": 1, \"server\": 150020, \"operators\": [[\"=\", \"int8\", \"int8\"], [\"<\", \"int8\", \"int8\"],"
    " [\"=\", \"text\", \"text\"], [\"=\", \"uuid\", \"uuid\"]], \"relations\": ["
    "{\"schema\": \"shared\", \"name\": \"orders\", \"kind\": \"r\", \"columns\": [[\"id\", \"int8\"], [\"tenant_id\", "
    "\"uuid\"], [\"email\", \"text\"], [\"total\", \"numeric\"], [\"x\", \"int8\"]], \"parents\": [], \"reads\": []},"
    "{\"schema\": \"shared\", \"name\": \"visits\", \"kind\": \"r\", \"columns\": [[\"id\", \"int8\"], [\"tenant_id\", "
    "\"uuid\"], [\"region\", \"text\"], [\"x\", \"int8\"]], \"parents\": [], \"reads\": []},"
    "{\"schema\": \"t_acme\", \"name\": \"a\", \"kind\": \"r\", \"columns\": [[\"id\", \"int8\"], [\"x\", \"text\"],"
    " [\"y\", \"text\"]], \"parents\": [], \"reads\": []}]}";

static struct policy_world locked; /* with a snapshot and the second lock: more may be written */
static struct policy_world hyper;  /* spelled for Hyper, and read again by the checker's own lexer */

static rg_status informed_init(void)
{
    struct policy_relations *relations = NULL;
    RG_TRY(policy_relations_parse(rg_slice_of(snapshot), &relations));
    informed = locked = hyper = world;
    informed.session.relations = locked.session.relations = relations;
    RG_TRY(policy_world_bind_as(world.set, POLICY_LOCK_SET_LOCAL, POLICY_POSTGRES, &locked.binding));
    return policy_world_bind_as(world.set, POLICY_LOCK_NONE, POLICY_HYPER, &hyper.binding);
}

static rg_status masked_init(void)
{
    static const struct rg_slice hidden[] = {{"shared.orders.email", 19}, {"sales.a.y", 9}};
    static const struct rg_slice partial[] = {{"sales.a.x", 9}};
    static const struct rg_slice none[] = {{"shared.orders.total", 19}, {"shared.visits.x", 15}};
    static const struct policy_mask_row masks[] = {
        {.column_count = 2, .columns = hidden, .kind = POLICY_MASK_REDACT},
        {.column_count = 1,
         .columns = partial,
         .kind = POLICY_MASK_PARTIAL,
         .keep_last = 2,
         .allow_in_predicates = true},
        {.column_count = 2, .columns = none, .kind = POLICY_MASK_NULL},
    };
    struct policy_relations *relations = NULL;
    masked = (struct policy_world){.session = {.user = {"alice", 5}, .pid = 4711}};
    rg_arena_init(&masked.arena, 1 << 30);
    rg_diag_init(&masked.diag, &masked.arena);
    masked.source = policy_world_source();
    masked.source.mask_count = sizeof masks / sizeof *masks;
    masked.source.masks = masks;
    RG_TRY(policy_compile(&masked.source, &masked.diag, &masked.set));
    RG_TRY(policy_relations_parse(rg_slice_of(relations_text), &relations));
    masked.session.relations = relations;
    return policy_world_bind(masked.set, &masked.binding);
}

static void require(bool condition, const char *what, struct rg_slice text)
{
    if (!condition) {
        (void)fprintf(stderr, "%s: %.*s\n", what, (int)text.size, text.data);
        abort();
    }
}

static void check_splices(const struct policy_statement *statement)
{
    size_t at = 0;
    size_t out_at = 0;
    for (size_t i = 0; i < statement->splice_count; i++) {
        const struct policy_splice *splice = &statement->splices[i];
        require(splice->at >= at && splice->out_at >= out_at, "splices are not sorted", statement->text);
        require(splice->at - at == splice->out_at - out_at, "splices do not keep the rest", statement->text);
        at = splice->at + splice->size;
        out_at = splice->out_at + splice->out_size;
    }
    require(at <= statement->source.size && out_at <= statement->text.size, "splices leave the text", statement->text);
    require(statement->source.size - at == statement->text.size - out_at, "the tails differ", statement->text);
}

static void check_statement_of(const struct policy_statement *statement, struct rg_slice text)
{
    require(statement->source_at + statement->source.size <= text.size, "the source leaves the text", text);
    if (statement->verdict == POLICY_DENY) {
        require(statement->text.size == 0 && strlen(statement->sqlstate) == 5 && statement->rule.size > 0 &&
                    statement->message.size > 0,
                "a refusal without reasons", text);
        return;
    }
    require(statement->text.size > 0, "an allowed statement without a text", text);
    check_splices(statement);
    for (size_t position = 0; position <= statement->text.size + 1 && position < 512; position++) {
        require(policy_map_position(statement, text, position) <= text.size + 1, "a position outside", statement->text);
    }
}

static void try_world(const struct policy_world *one, enum policy_protocol protocol, struct rg_slice text)
{
    struct rg_arena arena;
    struct policy_plan plan = {0};
    rg_arena_init(&arena, 64 << 20);
    rg_status status = policy_plan_text(one->binding, &one->session, protocol, text, &arena, &plan);
    if (rg_is_ok(status)) {
        bool is_denied = false;
        for (size_t i = 0; i < plan.count; i++) {
            check_statement_of(&plan.statements[i], text);
            is_denied = is_denied || plan.statements[i].verdict == POLICY_DENY;
        }
        require(is_denied == plan.is_denied, "the plan hides a refusal", text);
    } else {
        require(status.error->kind == RG_LIMIT, status.error->text, text);
    }
    rg_arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (world.set == NULL &&
        (!rg_is_ok(policy_world_init(&world)) || !rg_is_ok(informed_init()) || !rg_is_ok(masked_init()))) {
        abort();
    }
    enum policy_protocol protocol = size % 2 == 0 ? POLICY_SIMPLE : POLICY_EXTENDED;
    try_world(&world, protocol, rg_slice_make(data, size));
    try_world(&informed, protocol, rg_slice_make(data, size));
    try_world(&masked, protocol, rg_slice_make(data, size));
    try_world(&locked, protocol, rg_slice_make(data, size));
    try_world(&hyper, protocol, rg_slice_make(data, size));
    return 0;
}
