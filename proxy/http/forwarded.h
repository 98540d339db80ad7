/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_FORWARDED_H
#define RG_PROXY_HTTP_FORWARDED_H

#include "base/rg_arena.h"
#include "proxy/http/proxy_line.h"

/* Who the client is, behind proxies that we trust. */

/* One block of addresses: those whose first `bits` are these. The zero value holds none. */
struct http_network {
    int family;        /* AF_INET, AF_INET6 */
    uint8_t bytes[16]; /* network order; 4 or 16 of them */
    unsigned bits;     /* 1 to 32 or 128 */
};
struct http_networks {
    size_t count;
    const struct http_network *items;
};

/* "10.0.0.0/8", "2001:db8::/32", "127.0.0.1", "::ffff:10.0.0.0/104". Bits behind the prefix must be zero; a prefix of 0
 * bits is refused, since it would trust everybody.
 * Returns: ok; RG_CONFIG with what is wrong. *out_network is untouched then. Pure. */
rg_status http_network_parse(struct rg_slice text, struct http_network *out_network) RG_MUST_CHECK;
/* Whether the address lies in one of them. False for an address without family. Pure. */
bool http_networks_has(const struct http_networks *networks, const struct http_address *address);

/* What is known of a request's way to us. */
struct http_hops {
    struct http_address peer;             /* of the socket */
    const struct http_proxy_line *line;   /* NULL = none came */
    const struct rg_slice *forwarded_for; /* values of each X-Forwarded-For line, in their order */
    size_t forwarded_for_count;
};

enum { HTTP_FORWARDED_MAX = 32 }; /* addresses in a list */

/* The client's address: the peer's; when the peer is trusted, that of its PROXY line; and while the address so far is
 * trusted, the next one of X-Forwarded-For from right to left. An untrusted peer's list is never looked at.
 * What does not parse, read from a trusted proxy, is a refusal (400 "http.forwarded"), because the address that would
 * be recorded instead is a guess; what stands left of the first untrusted address is the client's own and not read.
 * A port behind an address ("1.2.3.4:5", "[::1]:5") is accepted and kept; "unknown" and names are refused.
 * RFC 7239's Forwarded is not read: one list, not two that may disagree; it is stripped like the others (strip.h).
 * Returns: OK with *out_client, or REFUSED with *out_refusal; the other is untouched. Pure; any thread. */
enum http_verdict http_forwarded_client(const struct http_networks *trusted, const struct http_hops *hops,
                                        struct http_address *out_client, struct http_refusal *out_refusal);

#endif
