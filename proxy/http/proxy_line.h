/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_PROXY_LINE_H
#define RG_PROXY_HTTP_PROXY_LINE_H

#include "base/rg_slice.h"
#include "base/rg_status.h"
#include "proxy/http/refusal.h"

/* The PROXY protocol's header, versions 1 and 2 (haproxy.org, proxy-protocol.txt 2.1 and 2.2), which a load balancer
 * sends before the client's first byte. Only on a listener with proxy_protocol = true, only from a peer in
 * trusted_proxies, and then it is required: the specification forbids guessing. */

struct sockaddr;

enum {
    HTTP_ADDRESS_TEXT = 46,       /* INET6_ADDRSTRLEN */
    HTTP_PROXY_LINE_V1_MAX = 107, /* with CRLF */
    HTTP_PROXY_LINE_V2_MAX = 536, /* a limit of ours, TLVs included (the specification's promise for one segment) */
};

/* An address and port as text. The zero value is no address. */
struct http_address {
    char text[HTTP_ADDRESS_TEXT]; /* canonical: inet_ntop, an IPv4-mapped IPv6 address as IPv4 */
    uint16_t port;                /* 0 = not known */
    int family;                   /* AF_INET, AF_INET6; 0 = none, others (UNIX) never */
    uint8_t bytes[16];            /* network order; 4 or 16 of them */
};

/* From a socket's address; family 0 for what is neither IPv4 nor IPv6. Pure. */
struct http_address http_address_of(const struct sockaddr *address, size_t size);
/* From text without port or brackets, strict (no zone, no leading zeros). False and untouched when malformed. Pure. */
bool http_address_parse(struct rg_slice text, struct http_address *out_address);

/* 0 to 65535, plain decimal. False and untouched when malformed. Pure. */
bool http_port_parse(struct rg_slice text, uint16_t *out_port);

/* What the header says. */
struct http_proxy_line {
    size_t size;                /* bytes of the header: the client's own bytes follow */
    bool is_local;              /* LOCAL or UNKNOWN: the proxy itself speaks, e.g. a health check; use the peer's */
    struct http_address source; /* family 0 when is_local */
    struct http_address destination;
};

/* bytes: all that came so far. MORE: not complete and not wrong yet; OK: *out_line filled; REFUSED: *out_refusal.
 * AF_UNIX addresses and unknown families are refused; UDP, too. A CRC-32C TLV is skipped like any other: TLS below
 * or the network's own checksum protects the bytes. Pure; any thread. */
enum http_verdict http_proxy_line_parse(struct rg_slice bytes, struct http_proxy_line *out_line,
                                        struct http_refusal *out_refusal);

#endif
