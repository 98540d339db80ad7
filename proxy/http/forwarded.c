/* SPDX-License-Identifier: Apache-2.0 */
/* The client's address, behind proxies that the configuration trusts. Nothing that an untrusted peer says counts. */
#include "proxy/http/forwarded.h"

#include <sys/socket.h>

#include "proxy/http/chars.h"

/* ---- trusted_proxies ---- */

enum { MAPPED_BITS = 96 }; /* of ::ffff:0:0/96 */

static bool has_bits_behind(const uint8_t *bytes, unsigned bits, unsigned width)
{
    for (unsigned i = bits; i < width; i++) {
        if ((bytes[i / 8] & (0x80U >> (i % 8))) != 0) {
            return true;
        }
    }
    return false;
}

static bool parse_bits(struct rg_slice text, unsigned *out_bits)
{
    uint16_t bits = 0;
    if (!http_port_parse(text, &bits)) { /* the same form: a plain number */
        return false;
    }
    *out_bits = bits;
    return true;
}

rg_status http_network_parse(struct rg_slice text, struct http_network *out_network)
{
    const char *slash = text.size == 0 ? NULL : memchr(text.data, '/', text.size);
    struct rg_slice host = slash == NULL ? text : rg_slice_make(text.data, (size_t)(slash - text.data));
    struct http_address address = {0};
    if (!http_address_parse(host, &address)) {
        return rg_fail(RG_CONFIG, "\"%.*s\" is not an address or a block like \"10.0.0.0/8\"", rg_slice_shown(text),
                       text.data == NULL ? "" : text.data);
    }
    unsigned width = address.family == AF_INET ? 32 : 128;
    bool is_mapped = address.family == AF_INET && memchr(host.data, ':', host.size) != NULL;
    unsigned skipped = is_mapped ? MAPPED_BITS : 0;
    unsigned bits = width + skipped;
    if (slash != NULL && !parse_bits(rg_slice_cut(text, host.size + 1, text.size), &bits)) {
        return rg_fail(RG_CONFIG, "\"%.*s\": the prefix is not a number", rg_slice_shown(text), text.data);
    }
    if (bits > width + skipped) {
        return rg_fail(RG_CONFIG, "\"%.*s\": the prefix has at most %u bits", rg_slice_shown(text), text.data,
                       width + skipped);
    }
    if (bits <= skipped) {
        return rg_fail(RG_CONFIG, "\"%.*s\" would trust every client: name the proxies", rg_slice_shown(text),
                       text.data);
    }
    if (has_bits_behind(address.bytes, bits - skipped, width)) {
        return rg_fail(RG_CONFIG, "\"%.*s\" has bits behind its prefix", rg_slice_shown(text), text.data);
    }
    *out_network = (struct http_network){.family = address.family, .bits = bits - skipped};
    memcpy(out_network->bytes, address.bytes, sizeof address.bytes);
    return RG_OK;
}

static bool is_in(const struct http_network *network, const struct http_address *address)
{
    unsigned whole = network->bits / 8;
    unsigned rest = network->bits % 8;
    if (network->bits == 0 || network->family != address->family ||
        memcmp(network->bytes, address->bytes, whole) != 0) {
        return false;
    }
    unsigned differs = rest == 0 ? 0U : (unsigned)(network->bytes[whole] ^ address->bytes[whole]) >> (8 - rest);
    return differs == 0;
}

bool http_networks_has(const struct http_networks *networks, const struct http_address *address)
{
    for (size_t i = 0; address->family != 0 && i < networks->count; i++) {
        if (is_in(&networks->items[i], address)) {
            return true;
        }
    }
    return false;
}

/* ---- the way back to the client ---- */

/* "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80" */
static bool parse_hop(struct rg_slice text, struct http_address *out_address)
{
    struct http_address address = {0};
    struct rg_slice host = text;
    struct rg_slice port = {0};
    const char *end = text.size == 0 ? NULL : memchr(text.data, ']', text.size);
    const char *colon = text.size == 0 ? NULL : memchr(text.data, ':', text.size);
    bool is_bracketed = end != NULL && text.data[0] == '[';
    if (is_bracketed) {
        host = rg_slice_make(text.data + 1, (size_t)(end - text.data) - 1);
        port = rg_slice_cut(text, host.size + 2, text.size);
    } else if (colon != NULL && memchr(text.data, '.', (size_t)(colon - text.data)) != NULL) {
        host = rg_slice_make(text.data, (size_t)(colon - text.data));
        port = rg_slice_cut(text, host.size, text.size);
    }
    if (!http_address_parse(host, &address) || (is_bracketed && memchr(host.data, ':', host.size) == NULL)) {
        return false;
    }
    if (port.size > 0 && (port.data[0] != ':' || !http_port_parse(rg_slice_cut(port, 1, port.size), &address.port))) {
        return false;
    }
    *out_address = address;
    return true;
}

/* The last element of a comma list; *list keeps what stands left of it. */
static struct rg_slice take_last(struct rg_slice *list)
{
    const char *comma = list->size == 0 ? NULL : memrchr(list->data, ',', list->size);
    size_t at = comma == NULL ? 0 : (size_t)(comma - list->data) + 1;
    struct rg_slice last = http_trim(rg_slice_cut(*list, at, list->size));
    *list = comma == NULL ? (struct rg_slice){0} : rg_slice_cut(*list, 0, at - 1);
    return last;
}

/* Follows one line from right to left while the address so far is trusted. False: malformed, or too many. */
static bool follow(const struct http_networks *trusted, struct rg_slice list, size_t *count,
                   struct http_address *client)
{
    do {
        struct http_address hop = {0};
        if (!http_networks_has(trusted, client)) {
            return true;
        }
        if (++*count > HTTP_FORWARDED_MAX || !parse_hop(take_last(&list), &hop)) {
            return false;
        }
        *client = hop;
    } while (list.data != NULL);
    return true;
}

static enum http_verdict refuse(enum http_refusal_id id, struct http_refusal *out_refusal)
{
    *out_refusal = http_refusal_of(id);
    return HTTP_VERDICT_REFUSED;
}

enum http_verdict http_forwarded_client(const struct http_networks *trusted, const struct http_hops *hops,
                                        struct http_address *out_client, struct http_refusal *out_refusal)
{
    struct http_address client = hops->peer;
    size_t count = 0;
    if (hops->line != NULL && !http_networks_has(trusted, &hops->peer)) {
        return refuse(HTTP_REFUSAL_PROXY_PEER, out_refusal);
    }
    if (hops->line != NULL && !hops->line->is_local) {
        client = hops->line->source;
    }
    for (size_t i = hops->forwarded_for_count; i > 0; i--) {
        if (!follow(trusted, hops->forwarded_for[i - 1], &count, &client)) {
            return refuse(HTTP_REFUSAL_FORWARDED, out_refusal);
        }
    }
    *out_client = client;
    return HTTP_VERDICT_OK;
}
