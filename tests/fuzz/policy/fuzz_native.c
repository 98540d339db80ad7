/* SPDX-License-Identifier: Apache-2.0 */
/* What a live database answers about the second lock, compared with a small plan: no bytes crash it, and every finding
 * has its words. */
#include "policy/native.h"
#include "tests/support/policy_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char snapshot[] = "{\"version\":1,\"server\":150020,\"operators\":[],\"relations\":[{\"schema\":"
                               "\"shared\",\"name\":\"orders\",\"kind\":"
                               "\"r\",\"columns\":[[\"tenant_id\",\"uuid\"]],\"parents\":[],\"reads\":[]}]}";

static struct native_plan *make_plan(struct rg_arena *arena)
{
    static struct policy_world world;
    static struct policy_relations *relations;
    static struct tenant_static tenant = {.id = {"acme", 4}, .route = {.upstream = {"main", 4}}};
    static struct tenant_registry registry = {.static_count = 1, .statics = &tenant};
    static struct native_source source;
    struct native_plan *plan = NULL;
    RG_ASSERT(rg_is_ok(policy_world_init(&world)));
    RG_ASSERT(rg_is_ok(policy_relations_parse(rg_slice_of(snapshot), &relations)));
    source = (struct native_source){world.set, &registry, RG_SLICE("main"), RG_SLICE("gate"), POLICY_LOCK_SET_ROLE,
                                    relations};
    RG_ASSERT(rg_is_ok(native_plan_make(&source, arena, &plan)));
    return plan;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct rg_arena kept;
    static struct native_plan *plan;
    if (plan == NULL) {
        rg_arena_init(&kept, 64 << 20);
        plan = make_plan(&kept);
    }
    struct rg_arena arena;
    rg_arena_init(&arena, 64 << 20);
    struct native_findings findings = {0};
    if (rg_is_ok(native_compare(plan, rg_slice_make(data, size), &arena, &findings))) {
        for (size_t i = 0; i < findings.count; i++) {
            RG_ASSERT(findings.items[i].difference != NATIVE_TROUBLE && findings.items[i].text.size > 0);
        }
    }
    rg_arena_done(&arena);
    return 0;
}
