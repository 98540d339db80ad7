/* SPDX-License-Identifier: Apache-2.0 */
/* Fetches a provider's keys: OpenID Connect discovery, then the key set, by libcurl. https only, the
 * configured authority only, no redirects, everything bounded. Driven by auth/jwks_cache.c. */
#include "auth/jwks_fetch_private.h"

#include <jansson.h>

#include "auth/fetch_private.h"

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
    struct auth_jwks_fetch *fetch = context;
    rg_status status = rg_buf_put(&fetch->body, (struct rg_slice){data, size * count});
    return rg_is_ok(status) ? size * count : 0; /* 0 ends the transfer */
}

static bool set_target(struct auth_jwks_fetch *fetch, const char *url)
{
    return curl_easy_setopt(fetch->easy, CURLOPT_URL, url) == CURLE_OK &&
           curl_easy_setopt(fetch->easy, CURLOPT_USERAGENT, "rowgate/" ROWGATE_VERSION) == CURLE_OK &&
           curl_easy_setopt(fetch->easy, CURLOPT_ERRORBUFFER, fetch->error) == CURLE_OK &&
           curl_easy_setopt(fetch->easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
           curl_easy_setopt(fetch->easy, CURLOPT_WRITEDATA, fetch) == CURLE_OK;
}

static void end_transfer(struct auth_jwks_fetch *fetch, CURLM *multi)
{
    if (fetch->easy != NULL) {
        (void)curl_multi_remove_handle(multi, fetch->easy);
        curl_easy_cleanup(fetch->easy);
        fetch->easy = NULL;
    }
    fetch->stage = AUTH_FETCH_IDLE;
}

static rg_status start_transfer(struct auth_jwks_fetch *fetch, CURLM *multi, const char *url,
                                enum auth_fetch_stage stage)
{
    rg_buf_done(&fetch->body);
    rg_buf_init(&fetch->body, AUTH_JWKS_MAX_BYTES);
    fetch->error[0] = '\0';
    fetch->easy = curl_easy_init();
    if (fetch->easy == NULL || !auth_fetch_set_limits(fetch->easy) ||
        !auth_fetch_set_trust(fetch->easy, fetch->ca_file) || !set_target(fetch, url) ||
        curl_multi_add_handle(multi, fetch->easy) != CURLM_OK) {
        end_transfer(fetch, multi);
        return rg_fail(RG_UPSTREAM, "cannot set up the transfer");
    }
    fetch->stage = stage;
    return RG_OK;
}

/* OpenID Connect Discovery 1.0 4.1: a terminating slash of the issuer is left out. */
rg_status auth_jwks_fetch_start(struct auth_jwks_fetch *fetch, CURLM *multi)
{
    if (fetch->jwks_uri.size > 0) {
        return start_transfer(fetch, multi, fetch->jwks_uri.data, AUTH_FETCH_KEYS);
    }
    struct rg_slice issuer = fetch->issuer;
    if (issuer.size > 0 && issuer.data[issuer.size - 1] == '/') {
        issuer.size--;
    }
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, 8192);
    struct rg_slice url = {0};
    RG_TRY(rg_arena_printf(&arena, &url, "%.*s/.well-known/openid-configuration", RG_SLICE_ARGS(issuer)));
    return start_transfer(fetch, multi, url.data, AUTH_FETCH_DISCOVERY);
}

static rg_status check_result(const struct auth_jwks_fetch *fetch, CURLcode result)
{
    const char *what = fetch->stage == AUTH_FETCH_DISCOVERY ? "discovery document" : "key set";
    if (result == CURLE_WRITE_ERROR || result == CURLE_FILESIZE_EXCEEDED) {
        return rg_fail(RG_UPSTREAM, "%s: more than %d bytes", what, AUTH_JWKS_MAX_BYTES);
    }
    if (result != CURLE_OK) {
        const char *text = fetch->error[0] != '\0' ? fetch->error : curl_easy_strerror(result);
        return rg_fail(RG_UPSTREAM, "%s: %.200s", what, text);
    }
    long status = 0;
    (void)curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200) {
        return rg_fail(RG_UPSTREAM, "%s: HTTP status %ld", what, status);
    }
    return RG_OK;
}

static rg_status read_discovery(struct auth_jwks_fetch *fetch, CURLM *multi)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, 8192);
    struct rg_slice jwks_uri = {0};
    RG_TRY(auth_discovery_parse(rg_buf_slice(&fetch->body), fetch->issuer, fetch->issuer_template, &arena, &jwks_uri));
    return start_transfer(fetch, multi, jwks_uri.data, AUTH_FETCH_KEYS);
}

rg_status auth_jwks_fetch_step(struct auth_jwks_fetch *fetch, CURLM *multi, CURLcode result,
                               struct auth_jwks **out_jwks)
{
    rg_status status = check_result(fetch, result);
    bool is_discovery = fetch->stage == AUTH_FETCH_DISCOVERY;
    end_transfer(fetch, multi);
    RG_TRY(status);
    if (is_discovery) {
        RG_TRY(read_discovery(fetch, multi));
        *out_jwks = NULL;
        return RG_OK;
    }
    return auth_jwks_parse(rg_buf_slice(&fetch->body), out_jwks);
}

void auth_jwks_fetch_done(struct auth_jwks_fetch *fetch, CURLM *multi)
{
    end_transfer(fetch, multi);
    rg_buf_done(&fetch->body);
}

/* Entra's document for several tenants says "{tenantid}" where a token has its tid. */
bool auth_discovery_issuer_is(struct rg_slice theirs, struct rg_slice issuer, struct rg_slice template)
{
    static const char placeholder[] = "{tenantid}";
    const size_t size = sizeof placeholder - 1;
    const char *found = template.size == 0 ? NULL : memmem(template.data, template.size, "{tid}", 5);
    if (found == NULL || rg_slice_is_equal(theirs, issuer)) {
        return issuer.size > 0 && rg_slice_is_equal(theirs, issuer);
    }
    size_t at = (size_t)(found - template.data);
    return theirs.size == template.size - 5 + size &&
           rg_slice_is_equal(rg_slice_cut(theirs, 0, at), rg_slice_cut(template, 0, at)) &&
           rg_slice_is_equal(rg_slice_cut(theirs, at, size), (struct rg_slice){placeholder, size}) &&
           rg_slice_is_equal(rg_slice_cut(theirs, at + size, SIZE_MAX), rg_slice_cut(template, at + 5, SIZE_MAX));
}

static rg_status check_discovery(const json_t *document, struct rg_slice issuer, struct rg_slice template,
                                 struct rg_slice *out_jwks_uri)
{
    const json_t *named = json_object_get(document, "issuer");
    struct rg_slice theirs = {json_string_value(named), json_string_length(named)};
    if (!auth_discovery_issuer_is(theirs, issuer, template)) {
        return rg_fail(RG_PROTOCOL, "discovery document: its issuer is not the configured one");
    }
    const json_t *member = json_object_get(document, "jwks_uri");
    struct rg_slice uri = {json_string_value(member), json_string_length(member)};
    if (!rg_slice_has_prefix(uri, RG_SLICE("https://")) || uri.size > 2048) {
        return rg_fail(RG_PROTOCOL, "discovery document: jwks_uri is not an https URL");
    }
    *out_jwks_uri = uri;
    return RG_OK;
}

rg_status auth_discovery_parse(struct rg_slice json, struct rg_slice issuer, struct rg_slice template,
                               struct rg_arena *arena, struct rg_slice *out_jwks_uri)
{
    json_error_t error;
    json_t *document = json_loadb(json.data == NULL ? "" : json.data, json.size, JSON_REJECT_DUPLICATES, &error);
    if (document == NULL) {
        return rg_fail(RG_PROTOCOL, "discovery document: invalid JSON at line %d column %d", error.line, error.column);
    }
    struct rg_slice uri = {0};
    rg_status status = check_discovery(document, issuer, template, &uri);
    if (rg_is_ok(status)) {
        status = rg_arena_copy(arena, uri, out_jwks_uri);
    }
    json_decref(document);
    return status;
}
