/* SPDX-License-Identifier: Apache-2.0 */
/* URLs of destinations, taken apart by libcurl. Called when a configuration is loaded and when a task is made. */
#include "audit/export/url.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <strings.h>

#include <curl/curl.h>

static void handle_done(CURLU *const *url)
{
    curl_url_cleanup(*url);
}

static void part_done(char *const *part)
{
    curl_free(*part);
}

static bool has_part(CURLU *url, CURLUPart what)
{
    char *part RG_AUTO(part_done) = NULL;
    return curl_url_get(url, what, &part, 0) == CURLUE_OK;
}

/* Empty when there is none. */
static rg_status copy_part(CURLU *url, CURLUPart what, struct rg_arena *arena, struct rg_slice *out_part)
{
    char *part RG_AUTO(part_done) = NULL;
    if (curl_url_get(url, what, &part, 0) != CURLUE_OK) {
        *out_part = (struct rg_slice){0};
        return RG_OK;
    }
    return rg_arena_copy(arena, rg_slice_of(part), out_part);
}

static bool is_loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, host, &v4) == 1) {
        return ntohl(v4.s_addr) >> 24 == 127;
    }
    return inet_pton(AF_INET6, host, &v6) == 1 ? IN6_IS_ADDR_LOOPBACK(&v6) : strcasecmp(host, "localhost") == 0;
}

static const char *find_fault(CURLU *url)
{
    if (has_part(url, CURLUPART_USER) || has_part(url, CURLUPART_PASSWORD)) {
        return "it must hold no user and no password";
    }
    return has_part(url, CURLUPART_FRAGMENT) || has_part(url, CURLUPART_QUERY) ? "it must have no query and no fragment"
                                                                               : NULL;
}

static bool has_bad_bytes(struct rg_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] <= ' ' || text.data[i] > '~' || text.data[i] == '\\') {
            return true;
        }
    }
    return text.size == 0;
}

static rg_status take_parts(CURLU *url, struct rg_arena *arena, struct export_url *out_url)
{
    struct export_url parts = {0};
    struct rg_slice port = {0};
    RG_TRY(copy_part(url, CURLUPART_SCHEME, arena, &parts.scheme));
    RG_TRY(copy_part(url, CURLUPART_HOST, arena, &parts.host));
    RG_TRY(copy_part(url, CURLUPART_PATH, arena, &parts.path));
    RG_TRY(copy_part(url, CURLUPART_PORT, arena, &port));
    if (parts.host.size > 2 && parts.host.data[0] == '[') {
        RG_TRY(rg_arena_copy(arena, rg_slice_cut(parts.host, 1, parts.host.size - 2), &parts.host));
    }
    if (parts.host.size == 0) {
        return rg_fail(RG_PROTOCOL, "it names no host");
    }
    parts.port = port.size == 0 ? 0 : (uint16_t)strtoul(port.data, NULL, 10); /* libcurl saw that it is one */
    parts.is_loopback = is_loopback(parts.host.data);
    *out_url = parts;
    return RG_OK;
}

rg_status export_url_parse(struct rg_slice text, struct rg_arena *arena, struct export_url *out_url)
{
    CURLU *url RG_AUTO(handle_done) = curl_url();
    struct rg_slice copy;
    if (has_bad_bytes(text)) {
        return rg_fail(RG_PROTOCOL, "it must be printable ASCII without spaces");
    }
    RG_TRY(rg_arena_copy(arena, text, &copy));
    CURLUcode code = curl_url_set(url, CURLUPART_URL, copy.data, CURLU_NON_SUPPORT_SCHEME);
    if (code != CURLUE_OK) {
        return rg_fail(RG_PROTOCOL, "%s", curl_url_strerror(code));
    }
    const char *fault = find_fault(url);
    return fault != NULL ? rg_fail(RG_PROTOCOL, "%s", fault) : take_parts(url, arena, out_url);
}
