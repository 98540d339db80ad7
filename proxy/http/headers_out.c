/* SPDX-License-Identifier: Apache-2.0 */
/* frame-ancestors of the tenant in the upstream's own Content-Security-Policy (CSP Level 3, 2.2). */
#include "proxy/http/headers_out.h"

#include <strings.h>

#include "base/rg_buf.h"
#include "base/rg_memory.h"

enum { POLICY_BYTES = 64 * 1024, ORIGIN_BYTES = 270 };

/* ---- origins ---- */

static bool is_host_byte(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' || byte == '.';
}

static bool is_host(struct rg_slice host)
{
    if (host.size == 0 || host.data[0] == '.' || host.data[0] == '-' || host.data[host.size - 1] == '.') {
        return false;
    }
    for (size_t i = 0; i < host.size; i++) {
        if (!is_host_byte(host.data[i]) || (host.data[i] == '.' && host.data[i + 1] == '.')) {
            return false;
        }
    }
    return true;
}

static bool is_port(struct rg_slice port)
{
    unsigned value = 0;
    for (size_t i = 0; i < port.size; i++) {
        if (port.data[i] < '0' || port.data[i] > '9' || port.size > 5) {
            return false;
        }
        value = value * 10 + (unsigned)(port.data[i] - '0');
    }
    return value >= 1 && value <= UINT16_MAX;
}

bool http_origin_is_valid(struct rg_slice text)
{
    const struct rg_slice https = RG_SLICE("https://");
    const struct rg_slice http = RG_SLICE("http://");
    bool is_https = rg_slice_has_prefix(text, https);
    if (text.size > ORIGIN_BYTES || (!is_https && !rg_slice_has_prefix(text, http))) {
        return false;
    }
    struct rg_slice rest = rg_slice_cut(text, is_https ? https.size : http.size, text.size);
    const char *colon = rest.size == 0 ? NULL : memchr(rest.data, ':', rest.size);
    struct rg_slice host = rg_slice_cut(rest, 0, colon == NULL ? rest.size : (size_t)(colon - rest.data));
    if (colon != NULL && !is_port(rg_slice_cut(rest, host.size + 1, rest.size))) {
        return false;
    }
    if (!is_https) {
        return rg_slice_is_equal(host, RG_SLICE("localhost")) || rg_slice_is_equal(host, RG_SLICE("127.0.0.1"));
    }
    bool is_any = rg_slice_has_prefix(host, RG_SLICE("*."));
    struct rg_slice name = is_any ? rg_slice_cut(host, 2, host.size) : host;
    return is_host(name) && (!is_any || memchr(name.data, '.', name.size) != NULL); /* "*.com" is everybody */
}

/* ---- policies ---- */

static struct rg_slice trim(struct rg_slice text)
{
    size_t from = 0;
    size_t to = text.size;
    while (from < to && (text.data[from] == ' ' || text.data[from] == '\t')) {
        from++;
    }
    while (to > from && (text.data[to - 1] == ' ' || text.data[to - 1] == '\t')) {
        to--;
    }
    return rg_slice_cut(text, from, to);
}

static struct rg_slice next_part(struct rg_slice *rest, char separator)
{
    const char *at = rest->size == 0 ? NULL : memchr(rest->data, separator, rest->size);
    size_t size = at == NULL ? rest->size : (size_t)(at - rest->data);
    struct rg_slice part = rg_slice_cut(*rest, 0, size);
    *rest = rg_slice_cut(*rest, at == NULL ? size : size + 1, rest->size);
    return trim(part);
}

static bool is_frame_ancestors(struct rg_slice directive)
{
    const struct rg_slice name = RG_SLICE("frame-ancestors");
    return directive.size >= name.size && strncasecmp(directive.data, name.data, name.size) == 0 &&
           (directive.size == name.size || directive.data[name.size] == ' ' || directive.data[name.size] == '\t');
}

static rg_status put_ancestors(struct rg_buf *out, bool is_self, const struct rg_slice *origins, size_t origin_count)
{
    RG_TRY(rg_buf_put(out, RG_SLICE("frame-ancestors")));
    if (is_self) {
        RG_TRY(rg_buf_put(out, RG_SLICE(" 'self'")));
    }
    for (size_t i = 0; i < origin_count; i++) {
        RG_TRY(rg_buf_put_u8(out, ' '));
        RG_TRY(rg_buf_put(out, origins[i]));
    }
    return is_self || origin_count > 0 ? RG_OK : rg_buf_put(out, RG_SLICE(" 'none'"));
}

static rg_status put_others(struct rg_buf *out, struct rg_slice policy)
{
    while (policy.size > 0) {
        struct rg_slice directive = next_part(&policy, ';');
        if (directive.size > 0 && !is_frame_ancestors(directive)) {
            RG_TRY(rg_buf_put(out, directive));
            RG_TRY(rg_buf_put(out, RG_SLICE("; ")));
        }
    }
    return RG_OK;
}

static rg_status check_bytes(struct rg_slice policy)
{
    for (size_t i = 0; i < policy.size; i++) {
        unsigned char byte = (unsigned char)policy.data[i];
        if ((byte < 0x20 && byte != '\t') || byte >= 0x7F) {
            return rg_fail(RG_PROTOCOL, "the upstream's Content-Security-Policy holds a byte that no policy may have");
        }
    }
    return RG_OK;
}

rg_status http_csp_frame(struct rg_slice policy, bool is_self, const struct rg_slice *origins, size_t origin_count,
                         struct rg_arena *arena, struct rg_slice *out_policy)
{
    RG_AUTO(rg_buf_done) struct rg_buf out;
    rg_buf_init(&out, POLICY_BYTES);
    RG_TRY(check_bytes(policy));
    struct rg_slice rest = policy;
    do {
        struct rg_slice one = next_part(&rest, ',');
        if (one.size == 0 && rest.size > 0) {
            continue;
        }
        RG_TRY(put_others(&out, one));
        RG_TRY(put_ancestors(&out, is_self, origins, origin_count));
        RG_TRY(rest.size > 0 ? rg_buf_put(&out, RG_SLICE(", ")) : RG_OK);
    } while (rest.size > 0);
    return rg_arena_copy(arena, rg_buf_slice(&out), out_policy);
}
