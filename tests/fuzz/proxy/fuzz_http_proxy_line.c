/* SPDX-License-Identifier: Apache-2.0 */
/* The PROXY protocol's header: the verdict for whole bytes is the one for their prefix where that has one, the length
 * is within bounds, and an address that comes out parses again to itself. */
#include "proxy/http/proxy_line.h"

#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_address(const struct http_address *address)
{
    struct http_address again = {0};
    RG_ASSERT(address->family == AF_INET || address->family == AF_INET6);
    RG_ASSERT(http_address_parse(rg_slice_of(address->text), &again));
    RG_ASSERT(again.family == address->family && memcmp(again.bytes, address->bytes, sizeof again.bytes) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rg_slice bytes = rg_slice_make(data, size);
    struct http_proxy_line line = {0};
    struct http_refusal refusal = {0};
    enum http_verdict verdict = http_proxy_line_parse(bytes, &line, &refusal);
    RG_ASSERT((verdict == HTTP_VERDICT_REFUSED) == (refusal.status == 400));
    RG_ASSERT(verdict != HTTP_VERDICT_MORE || size < HTTP_PROXY_LINE_V2_MAX);
    if (verdict == HTTP_VERDICT_OK) {
        RG_ASSERT(line.size <= size && line.size <= HTTP_PROXY_LINE_V2_MAX);
        if (!line.is_local) {
            check_address(&line.source);
            check_address(&line.destination);
        }
    }
    for (size_t cut = 0; cut < size && cut < HTTP_PROXY_LINE_V2_MAX; cut++) {
        struct http_proxy_line part = {0};
        enum http_verdict early = http_proxy_line_parse(rg_slice_cut(bytes, 0, cut), &part, &refusal);
        RG_ASSERT(early == HTTP_VERDICT_MORE || early == verdict);
    }
    return 0;
}
