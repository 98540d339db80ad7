/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the text of a capsule, and as what would be inside one: the tag keeps a fuzzer from there, and must not
 * be all that keeps an attacker who has the key of an old backup. What is read is written again as the same bytes. */
#include "auth/capsule_private.h"
#include "auth/state_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_texts(const struct auth_capsule *capsule)
{
    RG_ASSERT(capsule->tenant.size > 0 && capsule->tenant.data[capsule->tenant.size] == '\0');
    RG_ASSERT((capsule->session.size > 0) != (capsule->subject.size > 0));
    for (size_t i = 0; i < capsule->claim_count; i++) {
        const struct auth_claim_constant *claim = &capsule->claims[i];
        for (size_t j = 0; j < claim->text_count; j++) {
            RG_ASSERT(claim->texts[j].data[claim->texts[j].size] == '\0');
        }
    }
}

static void check_inside(struct rg_slice bytes, struct rg_arena *arena)
{
    struct auth_capsule capsule = {0};
    RG_AUTO(rg_buf_done) struct rg_buf again;
    rg_buf_init(&again, SIZE_MAX / 2);
    if (!rg_is_ok(auth_capsule_decode(bytes, arena, &capsule))) {
        RG_ASSERT(capsule.purpose == AUTH_CAPSULE_NONE);
        return;
    }
    check_texts(&capsule);
    RG_ASSERT(rg_is_ok(auth_capsule_encode(&capsule, &again)));
    RG_ASSERT(rg_slice_is_equal(rg_buf_slice(&again), bytes));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct auth_state state; /* a key of zeros, under which the seeds were sealed */
    struct auth_capsule capsule = {0};
    struct rg_slice bytes = rg_slice_make(data, size);
    struct rg_arena arena;
    rg_arena_init(&arena, (size_t)1024 * 1024);
    if (rg_is_ok(auth_capsule_open(&state, bytes, AUTH_CAPSULE_SQL, 1, &arena, &capsule))) {
        check_texts(&capsule);
        RG_ASSERT(capsule.purpose == AUTH_CAPSULE_SQL && capsule.expires_us > 1);
    }
    check_inside(bytes, &arena);
    rg_arena_done(&arena);
    return 0;
}
