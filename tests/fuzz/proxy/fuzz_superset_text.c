/* SPDX-License-Identifier: Apache-2.0 */
/* A Superset's answer: a page's data is no longer than the page, a host is part of its address and holds no slash, a
 * cookie is somebody's only when its bytes are those that somebody signed. */
#include "proxy/superset_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_page(struct rg_slice text)
{
    struct rg_arena arena;
    struct rg_slice json = {0};
    rg_arena_init(&arena, 1 << 20);
    rg_status status = superset_bootstrap_parse(text, &arena, &json);
    RG_ASSERT(rg_is_ok(status) ? json.size < text.size : json.data == NULL);
    rg_arena_done(&arena);
}

static void check_address(struct rg_slice text)
{
    struct rg_slice host = {0};
    uint16_t port = 0;
    if (rg_is_ok(superset_uri_parse(text, &host, &port)) || rg_is_ok(superset_gate_parse(text, &host, &port))) {
        RG_ASSERT(host.size > 0 && host.data >= text.data && host.data + host.size <= text.data + text.size);
        RG_ASSERT(memchr(host.data, '/', host.size) == NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rg_slice text = rg_slice_make(data, size);
    struct superset_version version = {{0}};
    const struct superset_secret *secret = NULL;
    check_page(text);
    check_address(text);
    if (superset_version_parse(text, &version)) {
        RG_ASSERT(size >= 5 && version.parts[0] <= 100000 && version.parts[1] <= 100000 && version.parts[2] <= 100000);
    }
    rg_status status = superset_cookie_judge(text, &secret);
    RG_ASSERT(rg_is_ok(status) || (status.error->kind == RG_PROTOCOL && secret == NULL));
    return 0;
}
