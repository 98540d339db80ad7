/* SPDX-License-Identifier: Apache-2.0 */
/* Which headers pass, as tables, each with its reason. Cookies and forms: strip_cookie.c. Called by the forwarder for
 * every header of a request and of its response. */
#include "proxy/http/strip.h"

#include "proxy/http/chars.h"

/* ---- tables: lower case; a "*" at the end stands for any rest ---- */

static const char *const hop_by_hop[] = {
    /* RFC 9110 7.6.1, RFC 9113 8.2.2; Proxy-* are between us and our client */
    "connection", "keep-alive", "proxy-connection",  "proxy-auth*", "te",
    "trailer",    "trailers",   "transfer-encoding", "upgrade",     "http2-settings",
};

static const char *const never_up[] = {
    /* the forwarder writes its own */
    "host",
    "content-length",
    "expect",
    "max-forwards",
    "early-data",
    "x-request-id*",
    "via",
    /* who the client is, by which way and by which name it came */
    "forwarded*",
    "x-forwarded*",
    "x-real-*",
    "x-client-*",
    "x-cluster-client-*",
    "x-originating-*",
    "x-remote-*",
    "remote-*",
    "client-ip",
    "true-client-*",
    "cf-*",
    "fastly-*",
    "akamai-*",
    "x-appengine-*",
    "x-azure-*",
    "x-envoy-*",
    "x-host",
    "x-server-*",
    "x-scheme",
    "x-url-scheme",
    "x-script-name",
    "x-proto*",
    "front-end-https",
    "x-https",
    "x-ssl*",
    "ssl-*",
    "x-client-cert*",
    "client-cert*",
    "x-proxy-*",
    /* who the user is, in our words and in those of other proxies; a guest's goes up as one of our own making */
    "x-rowgate*",
    "x-guesttoken*",
    "x-auth-*",
    "x-authenticated-*",
    "x-webauth-*",
    "x-user*",
    "x-email*",
    "x-groups*",
    "x-goog-*",
    "x-amzn-*",
    "x-ms-client-*",
    "x-ms-token-*",
    "x-token-*",
    "x-pomerium-*",
    "x-authentik-*",
    "x-vouch-*",
    "x-wsgi*",
    "wsgi-*",
    "x-api-key",
    /* another path, another method, another host than those that were judged */
    "x-original-*",
    "x-rewrite-*",
    "x-http-*",
    "x-method-*",
    "x-override-*",
    "x-accel-*",
    "x-sendfile*",
    "x-lighttpd-*",
    "x-reproxy-*",
    /* CGI's HTTP_PROXY (CVE-2016-5385) */
    "proxy",
};

static const char *const never_down[] = {
    /* what software stands behind */
    "server",
    "via",
    "x-powered-by",
    "x-aspnet*",
    "x-runtime",
    "x-generator",
    "x-served-by",
    "x-backend*",
    /* commands to proxies and caches (RFC 9213 2.1), other ways to the same upstream, and ours */
    "x-accel-*",
    "x-sendfile*",
    "x-lighttpd-*",
    "x-reproxy-*",
    "alt-svc",
    "surrogate-*",
    "cdn-*",
    "cloudflare-*",
    "x-rowgate*",
    "x-forwarded*",
    "proxy-*",
};

/* Headers that are a credential, and the class that lets each up. */
static const struct {
    const char *name;
    enum http_pass credential;
} credentials[] = {
    {"authorization", HTTP_PASS_SUPERSET_BEARER},
};

/* ---- matching ---- */

static bool is_match(struct rg_slice name, const char *pattern)
{
    size_t at = 0;
    while (at < name.size && pattern[at] != '\0' && pattern[at] != '*' && http_lower(name.data[at]) == pattern[at]) {
        at++;
    }
    return pattern[at] == '*' || (at == name.size && pattern[at] == '\0');
}

static bool is_listed(struct rg_slice name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (is_match(name, list[i])) {
            return true;
        }
    }
    return false;
}

#define IS_LISTED(name, list) is_listed((name), (list), sizeof(list) / sizeof(list)[0])

/* Letters, digits, "-": what no server folds into something else. */
static bool is_plain_name(struct rg_slice name)
{
    for (size_t i = 0; i < name.size; i++) {
        if (!http_is_alnum(name.data[i]) && name.data[i] != '-') {
            return false;
        }
    }
    return name.size > 0;
}

static bool is_equal_fold(struct rg_slice a, struct rg_slice b)
{
    size_t at = 0;
    while (at < a.size && at < b.size && http_lower(a.data[at]) == http_lower(b.data[at])) {
        at++;
    }
    return at == a.size && at == b.size;
}

static bool is_named_in(struct rg_slice connection, struct rg_slice name)
{
    struct rg_slice option = {0};
    while (http_list_next(&connection, &option)) {
        if (is_equal_fold(option, name)) {
            return true;
        }
    }
    return false;
}

/* ---- verdicts ---- */

enum http_strip http_strip_request(struct rg_slice name, struct rg_slice connection, enum http_pass credential)
{
    if (!is_plain_name(name) || IS_LISTED(name, hop_by_hop) || IS_LISTED(name, never_up) ||
        is_named_in(connection, name)) {
        return HTTP_STRIP_DROP;
    }
    for (size_t i = 0; i < sizeof credentials / sizeof credentials[0]; i++) {
        if (is_match(name, credentials[i].name)) {
            return credentials[i].credential == credential ? HTTP_STRIP_PASS : HTTP_STRIP_DROP;
        }
    }
    return is_match(name, "cookie") ? HTTP_STRIP_COOKIE : HTTP_STRIP_PASS;
}

bool http_strip_response(struct rg_slice name, struct rg_slice value, struct rg_slice connection,
                         enum http_pass credential)
{
    if (name.size == 0 || IS_LISTED(name, hop_by_hop) || IS_LISTED(name, never_down) || is_named_in(connection, name)) {
        return false;
    }
    return !is_match(name, "set-cookie") || http_set_cookie_passes(value, credential);
}
