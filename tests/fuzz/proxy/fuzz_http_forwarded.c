/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of addresses, one per line of the input, the first a block to trust: an answer is the peer or an address that a
 * trusted hop named, and blocks and lists of any bytes end. */
#include "proxy/http/forwarded.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_LISTS = 8 };

static struct rg_slice next_line(struct rg_slice *rest)
{
    const char *end = rest->size == 0 ? NULL : memchr(rest->data, '\n', rest->size);
    size_t size = end == NULL ? rest->size : (size_t)(end - rest->data);
    struct rg_slice line = rg_slice_cut(*rest, 0, size);
    *rest = rg_slice_cut(*rest, size + 1, rest->size);
    return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rg_slice rest = rg_slice_make(data, size);
    struct http_network items[2] = {{0}};
    struct http_networks trusted = {2, items};
    struct rg_slice lists[MAX_LISTS] = {{0}};
    struct http_hops hops = {.forwarded_for = lists};
    struct http_address client = {0};
    struct http_refusal refusal = {0};
    RG_ASSERT(rg_is_ok(http_network_parse(RG_SLICE("10.0.0.0/8"), &items[0])));
    rg_status status = http_network_parse(next_line(&rest), &items[1]);
    RG_ASSERT(rg_is_ok(status) ? items[1].bits > 0 : status.error->kind == RG_CONFIG);
    RG_ASSERT(http_address_parse(RG_SLICE("10.0.0.1"), &hops.peer));
    while (rest.size > 0 && hops.forwarded_for_count < MAX_LISTS) {
        lists[hops.forwarded_for_count++] = next_line(&rest);
    }
    if (http_forwarded_client(&trusted, &hops, &client, &refusal) == HTTP_VERDICT_OK) {
        RG_ASSERT(client.family != 0 && client.text[0] != '\0');
    } else {
        RG_ASSERT(refusal.status == 400 && client.family == 0);
    }
    RG_ASSERT(http_address_parse(RG_SLICE("203.0.113.1"), &hops.peer));
    if (!http_networks_has(&trusted, &hops.peer)) {
        RG_ASSERT(http_forwarded_client(&trusted, &hops, &client, &refusal) == HTTP_VERDICT_OK);
        RG_ASSERT(strcmp(client.text, "203.0.113.1") == 0);
    }
    return 0;
}
