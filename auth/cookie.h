/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUTH_COOKIE_H
#define RG_AUTH_COOKIE_H

#include "base/rg_buf.h"
#include "base/rg_crypto.h"

/* Cookies (RFC 6265): ours are opaque, 32 random bytes in base64url, and carry the __Host- prefix (RFC 6265bis
 * 4.1.3.2), so that no other host and no plain http can set or see them. Pure but for auth_cookie_new. */

enum {
    AUTH_COOKIE_VALUE = 43,             /* bytes of a value of ours */
    AUTH_COOKIE_VALUE_SIZE = 44,        /* with its NUL */
    AUTH_COOKIE_NAME_MAX = 64,          /* bytes of a name of ours, prefix included */
    AUTH_COOKIE_HEADER_MAX = 16 * 1024, /* bytes of a Cookie header that is read at all */
    AUTH_COOKIE_COUNT_MAX = 256,        /* cookies in it */
    AUTH_COOKIE_SET_MAX = 512,          /* bytes of a Set-Cookie value that is made */
};

struct auth_cookie {
    struct rg_slice name;
    struct rg_slice value; /* quotes that a sender put around it are part of it */
};

/* Takes the next cookie off the value of a Cookie header (RFC 6265 4.2.1, lenient about the values of others: what
 * browsers send there is not ours to judge).
 * Returns: ok, and *out_is_found false at the end; RG_PROTOCOL for control bytes, an empty or impossible name of a
 *          pair with "=". A piece without "=" is a value without name, as browsers send it. Output untouched then. */
rg_status auth_cookie_get(struct rg_slice *rest, bool *out_is_found, struct auth_cookie *out_cookie) RG_MUST_CHECK;

/* The value of the cookie called name, borrowed from header; the empty slice when there is none.
 * Returns: ok; RG_LIMIT for a header that is too large or has too many cookies; RG_PROTOCOL when it is malformed, when
 *          name is there twice (somebody put a second one beside ours: which one is ours, nobody can say), or when the
 *          value is not 43 characters of base64url. Output untouched then. */
rg_status auth_cookie_find(struct rg_slice header, struct rg_slice name, struct rg_slice *out_value) RG_MUST_CHECK;

/* Appends header without the cookies of these names, for the upstream: what proves a session to us is nobody else's.
 * Nothing is appended when none is left. Names are compared as "__Host-NAME" is: byte by byte, but the prefix in any
 * case. RG_LIMIT, RG_PROTOCOL as above; out is as before then. */
rg_status auth_cookie_remove(struct rg_slice header, const struct rg_slice *names, size_t name_count,
                             struct rg_buf *out) RG_MUST_CHECK;

enum auth_same_site {
    AUTH_SAME_SITE_STRICT = 0,
    AUTH_SAME_SITE_LAX,
    AUTH_SAME_SITE_NONE,
};

/* What Set-Cookie says. Secure, HttpOnly and Path=/ always; Domain never. */
struct auth_cookie_set {
    struct rg_slice name;  /* begins with "__Host-" */
    struct rg_slice value; /* empty: the cookie is taken back (Max-Age=0) */
    enum auth_same_site same_site;
    bool is_partitioned; /* CHIPS: one jar for each site that embeds us */
    int64_t max_age_us;  /* 0 = until the browser ends */
};

/* Appends the value of a Set-Cookie header. RG_INTERNAL for a name or value that could not stand there; RG_LIMIT when
 * out is full; out is as before then. */
rg_status auth_cookie_put(const struct auth_cookie_set *cookie, struct rg_buf *out) RG_MUST_CHECK;

/* 32 fresh random bytes as text. */
void auth_cookie_new(char out_value[AUTH_COOKIE_VALUE_SIZE]);
/* What is kept of a value: SHA-256 of its 32 bytes. RG_DENIED when it is no value of ours; output untouched then. */
rg_status auth_cookie_hash(struct rg_slice value, struct rg_digest *out_hash) RG_MUST_CHECK;

#endif
