/* SPDX-License-Identifier: Apache-2.0 */
/* Forms with a guest token: the first line is the type of content, the rest the body. What is found is there, bounded
 * and stands once; nothing is found where the name of the field does not stand. */
#include <stdint.h>

#include "base/rg_arena.h"
#include "proxy/http/guest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rg_slice bytes = rg_slice_make(data, size);
    const char *end = size == 0 ? NULL : memchr(bytes.data, '\n', size);
    size_t line = end == NULL ? size : (size_t)(end - bytes.data);
    struct rg_slice type = rg_slice_cut(bytes, 0, line);
    struct rg_slice body = rg_slice_cut(bytes, line + 1, SIZE_MAX);
    struct rg_arena arena;
    struct rg_slice token = {0};
    bool has = false;
    rg_arena_init(&arena, 1 << 20);
    rg_status status = http_guest_form_find(type, body, &arena, &has, &token);
    RG_ASSERT(rg_is_ok(status) || !has);
    RG_ASSERT(has || token.data == NULL);
    RG_ASSERT(!has || (token.data != NULL && token.size < body.size));
    rg_arena_done(&arena);
    return 0;
}
