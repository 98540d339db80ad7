/* SPDX-License-Identifier: Apache-2.0 */
/* A parameter's value: four bytes of type, one of format, the rest as Bind brings it. What is taken is text that may
 * stand between quotes, in proportion to what was sent. */
#include "policy/hyper.h"
#include "policy/set_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 5) {
        return 0;
    }
    RG_AUTO(rg_arena_done) struct rg_arena arena = {0};
    rg_arena_init(&arena, (1 << 20) + 64 * size);
    struct hyper_value value = {.count = SIZE_MAX};
    struct hyper_input input = {
        .type = (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3],
        .is_binary = (data[4] & 1) != 0,
        .is_null = (data[4] & 2) != 0,
        .bytes = rg_slice_make(data + 5, size - 5),
    };
    rg_status status = hyper_value_parse(&input, &arena, &value);
    if (!rg_is_ok(status)) {
        RG_ASSERT(value.count == SIZE_MAX);
        RG_ASSERT(status.error->kind == RG_DENIED || status.error->kind == RG_LIMIT);
        return 0;
    }
    RG_ASSERT(value.is_array || value.count == 1);
    for (size_t i = 0; !value.is_null && i < value.count; i++) {
        RG_ASSERT(policy_text_is_valid(value.elements[i]));
        RG_ASSERT(value.elements[i].size <= 2 * size + 400);
    }
    RG_ASSERT(value.precision <= HYPER_PRECISION_MAX && value.scale <= value.precision);
    return 0;
}
