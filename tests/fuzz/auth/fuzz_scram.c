/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes, cut at zero bytes, as a client's first message, its final one, and a stored verifier. Nobody
 * can know the password of a verifier drawn at random, so nobody may get in. */
#include "auth/scram.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct rg_slice get_part(struct rg_slice *rest)
{
    const char *zero = rest->size == 0 ? NULL : memchr(rest->data, '\0', rest->size);
    size_t size = zero == NULL ? rest->size : (size_t)(zero - rest->data);
    struct rg_slice part = rg_slice_cut(*rest, 0, size);
    *rest = rg_slice_cut(*rest, size + 1, SIZE_MAX);
    return part;
}

static void begin(struct auth_scram_exchange *exchange, const struct auth_scram_mock *mock)
{
    static const char nonce[] = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    struct auth_scram_verifier verifier = {.iterations = 4096, .salt_size = 16};
    rg_random(verifier.stored_key.bytes, sizeof verifier.stored_key.bytes);
    auth_scram_start(exchange, &verifier, mock, RG_SLICE("user"));
    memcpy(exchange->server_nonce, nonce, sizeof nonce - 1);
    exchange->server_nonce_size = sizeof nonce - 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, (size_t)1 << 16);
    struct rg_slice rest = rg_slice_make(data, size);
    struct rg_slice answer = {0};
    struct auth_scram_mock mock;
    auth_scram_mock_init(&mock, 4096);
    RG_AUTO(auth_scram_done) struct auth_scram_exchange exchange;
    begin(&exchange, &mock);
    rg_status status = auth_scram_first(&exchange, get_part(&rest), &arena, &answer);
    RG_ASSERT(rg_is_ok(status) == (exchange.state == AUTH_SCRAM_WANTS_FINAL));
    RG_ASSERT(!rg_is_ok(auth_scram_final(&exchange, get_part(&rest), &arena, &answer)));
    RG_ASSERT(exchange.state == AUTH_SCRAM_DEAD);
    struct auth_scram_verifier verifier = {0};
    if (rg_is_ok(auth_scram_verifier_parse(rest, &arena, &verifier))) {
        RG_ASSERT(verifier.iterations >= AUTH_SCRAM_MIN_ITERATIONS && verifier.salt_size >= 8);
    }
    return 0;
}
