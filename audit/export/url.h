/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_EXPORT_URL_H
#define RG_AUDIT_EXPORT_URL_H

#include "base/rg_arena.h"

/* The parts of a destination's URL, by libcurl's own parser: what is checked here is what will be connected to. */

struct export_url {
    struct rg_slice scheme; /* lower case */
    struct rg_slice host;   /* without the brackets of an IPv6 address */
    uint16_t port;          /* 0 = not written */
    struct rg_slice path;   /* "/" when there is none */
    bool is_loopback;       /* 127.0.0.0/8, ::1 or "localhost": cleartext does not leave the machine */
};

/* Refuses what a configuration should not hold: no scheme or host, a name or password, a fragment, a query, spaces and
 * control characters. Any scheme is taken.
 * Returns: ok; RG_PROTOCOL with what is wrong; RG_LIMIT when the arena is full. The output is untouched then.
 * Owns:    slices live in arena, NUL-terminated. Threads: any. */
rg_status export_url_parse(struct rg_slice text, struct rg_arena *arena, struct export_url *out_url) RG_MUST_CHECK;

#endif
