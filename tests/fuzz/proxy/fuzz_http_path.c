/* SPDX-License-Identifier: Apache-2.0 */
/* A target's path: what passes is stable (no part of it decodes again), begins with one "/", and holds no dot segment,
 * no backslash and no control byte. */
#include "audit/utf8.h"
#include "proxy/http/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct rg_slice path)
{
    RG_ASSERT(path.size > 0 && path.data[0] == '/' && path.data[path.size] == '\0');
    RG_ASSERT(audit_utf8_is_valid(path) && strlen(path.data) == path.size);
    RG_ASSERT(strstr(path.data, "//") == NULL && strchr(path.data, '\\') == NULL);
    RG_ASSERT(strstr(path.data, "/./") == NULL && strstr(path.data, "/../") == NULL &&
              strstr(path.data, "/..;") == NULL);
    for (size_t i = 0; i < path.size; i++) {
        RG_ASSERT((unsigned char)path.data[i] >= 0x20 && path.data[i] != 0x7f);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool is_ok = false;
    struct rg_slice path = {0};
    struct http_refusal refusal = {0};
    struct rg_arena arena;
    rg_arena_init(&arena, 1 << 16);
    rg_status status = http_path_parse(rg_slice_make(data, size), &arena, &is_ok, &path, &refusal);
    RG_ASSERT(rg_is_ok(status) || status.error->kind == RG_LIMIT);
    if (is_ok) {
        check(path);
    } else if (rg_is_ok(status)) {
        RG_ASSERT(refusal.status == 400 && path.data == NULL);
    }
    rg_arena_done(&arena);
    return 0;
}
