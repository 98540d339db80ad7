/* SPDX-License-Identifier: Apache-2.0 */
/* What the relying party sends, and reads before anything is verified: discovery document, authorization URL, callback,
 * token forms and token response. The judgement is in auth/oidc_judge.c. Called by auth/oidc_provider.c. */
#include "auth/oidc_login.h"

#include <jansson.h>
#include <strings.h>

#include "auth/form.h"
#include "auth/jwks_fetch_private.h"
#include "auth/oidc_private.h"
#include "base/rg_crypto.h"

enum { MAX_URL = 8192, MAX_ENDPOINT = 2048 };

static void json_done(json_t **json)
{
    json_decref(*json);
}

static struct rg_slice json_slice(const json_t *json)
{
    return (struct rg_slice){json_string_value(json), json_string_length(json)};
}

void auth_oidc_secret_new(char out_text[AUTH_OIDC_SECRET_SIZE])
{
    struct rg_digest bytes;
    rg_random(bytes.bytes, sizeof bytes.bytes);
    rg_digest_b64url(&bytes, out_text);
    rg_wipe(&bytes, sizeof bytes);
}

rg_status auth_json_load(struct rg_slice json, const char *what, json_t **out_object)
{
    json_error_t error; /* its text quotes the input: not for our messages */
    if (json.size > AUTH_OIDC_MAX_ANSWER) {
        return rg_fail(RG_PROTOCOL, "%s: %zu bytes, limit %d", what, json.size, AUTH_OIDC_MAX_ANSWER);
    }
    json_t *object = json_loadb(json.data == NULL ? "" : json.data, json.size, JSON_REJECT_DUPLICATES, &error);
    if (object == NULL || !json_is_object(object)) {
        json_decref(object);
        return rg_fail(RG_PROTOCOL, "%s: not a JSON object without duplicate members", what);
    }
    *out_object = object;
    return RG_OK;
}

/* ---- discovery ---- */

static bool is_endpoint(struct rg_slice url)
{
    if (!rg_slice_has_prefix(url, RG_SLICE("https://")) || url.size <= sizeof "https://" - 1 ||
        url.size > MAX_ENDPOINT || url.data[sizeof "https://" - 1] == '/') {
        return false;
    }
    for (size_t i = 0; i < url.size; i++) {
        unsigned byte = (unsigned char)url.data[i];
        if (byte <= ' ' || byte >= 0x7f || byte == '#' || byte == '"' || byte == '\\' || byte == '<' || byte == '>') {
            return false;
        }
    }
    return true;
}

static rg_status copy_endpoint(const json_t *document, const char *name, bool is_required, struct rg_arena *arena,
                               struct rg_slice *out_url)
{
    const json_t *member = json_object_get(document, name);
    if (member == NULL && !is_required) {
        return RG_OK;
    }
    if (!is_endpoint(json_slice(member))) {
        return rg_fail(RG_PROTOCOL, "discovery document: %s is not an https URL", name);
    }
    return rg_arena_copy(arena, json_slice(member), out_url);
}

/* true when the member is absent or an array that holds text. */
static bool permits(const json_t *document, const char *name, const char *text)
{
    const json_t *list = json_object_get(document, name);
    bool found = list == NULL;
    for (size_t i = 0; i < json_array_size(list); i++) {
        found = found || rg_slice_is_equal(json_slice(json_array_get(list, i)), rg_slice_of(text));
    }
    return found;
}

static rg_status read_discovery(const struct auth_trust *trust, const json_t *document, struct rg_arena *arena,
                                struct auth_oidc_endpoints *out_endpoints)
{
    static const char methods[] = "token_endpoint_auth_methods_supported";
    struct auth_oidc_endpoints endpoints = {0};
    if (!auth_discovery_issuer_is(json_slice(json_object_get(document, "issuer")), trust->issuer,
                                  trust->issuer_template)) {
        return rg_fail(RG_PROTOCOL, "discovery document: its issuer is not the configured one");
    }
    if (!permits(document, "code_challenge_methods_supported", "S256")) {
        return rg_fail(RG_PROTOCOL, "discovery document: PKCE by S256 is not supported");
    }
    RG_TRY(copy_endpoint(document, "authorization_endpoint", true, arena, &endpoints.authorization));
    RG_TRY(copy_endpoint(document, "token_endpoint", true, arena, &endpoints.token));
    RG_TRY(copy_endpoint(document, "end_session_endpoint", false, arena, &endpoints.end_session));
    RG_TRY(copy_endpoint(document, "introspection_endpoint", false, arena, &endpoints.introspection));
    endpoints.sends_issuer = json_is_true(json_object_get(document, "authorization_response_iss_parameter_supported"));
    endpoints.wants_post = json_object_get(document, methods) != NULL &&
                           !permits(document, methods, "client_secret_basic") &&
                           permits(document, methods, "client_secret_post");
    *out_endpoints = endpoints;
    return RG_OK;
}

rg_status auth_oidc_discovery_parse(const struct auth_trust *trust, struct rg_slice json, struct rg_arena *arena,
                                    struct auth_oidc_endpoints *out_endpoints)
{
    RG_AUTO(json_done) json_t *document = NULL;
    RG_TRY(auth_json_load(json, "discovery document", &document));
    return read_discovery(trust, document, arena, out_endpoints);
}

/* ---- the way there ---- */

static rg_status put_optional(struct rg_buf *out, const char *name, struct rg_slice value)
{
    return value.size == 0 ? RG_OK : auth_form_put(out, rg_slice_of(name), value);
}

/* The endpoint may have a query of its own (RFC 6749 3.1). */
static rg_status begin_url(struct rg_slice endpoint, struct rg_buf *out)
{
    RG_TRY(rg_buf_put(out, endpoint));
    bool has_query = memchr(endpoint.data, '?', endpoint.size) != NULL;
    return has_query ? RG_OK : rg_buf_put(out, RG_SLICE("?"));
}

static rg_status put_scopes(const struct auth_oidc_client *client, struct rg_buf *out)
{
    RG_AUTO(rg_buf_done) struct rg_buf scopes;
    rg_buf_init(&scopes, 2048);
    for (size_t i = 0; i < client->scope_count; i++) {
        RG_TRY(rg_buf_printf(&scopes, "%s%.*s", i == 0 ? "" : " ", RG_SLICE_ARGS(client->scopes[i])));
    }
    return put_optional(out, "scope", rg_buf_slice(&scopes));
}

/* RFC 7636 4.2 */
static rg_status put_challenge(struct rg_slice verifier, struct rg_buf *out)
{
    char text[RG_DIGEST_B64_SIZE];
    struct rg_digest digest = rg_sha256_one(verifier);
    rg_digest_b64url(&digest, text);
    RG_TRY(auth_form_put(out, RG_SLICE("code_challenge"), rg_slice_of(text)));
    return auth_form_put(out, RG_SLICE("code_challenge_method"), RG_SLICE("S256"));
}

static rg_status put_request(const struct auth_oidc_client *client, const struct auth_oidc_request *request,
                             struct rg_buf *out)
{
    RG_TRY(auth_form_put(out, RG_SLICE("response_type"), RG_SLICE("code")));
    RG_TRY(auth_form_put(out, RG_SLICE("client_id"), client->client_id));
    RG_TRY(auth_form_put(out, RG_SLICE("redirect_uri"), request->redirect_uri));
    RG_TRY(put_scopes(client, out));
    RG_TRY(auth_form_put(out, RG_SLICE("state"), request->state));
    RG_TRY(put_optional(out, "nonce", client->is_plain_oauth ? (struct rg_slice){0} : request->nonce));
    RG_TRY(put_challenge(request->verifier, out));
    RG_TRY(put_optional(out, "prompt", request->prompt));
    return put_optional(out, "login_hint", request->login_hint);
}

rg_status auth_oidc_authorization_url(const struct auth_oidc_client *client,
                                      const struct auth_oidc_endpoints *endpoints,
                                      const struct auth_oidc_request *request, struct rg_arena *arena,
                                      struct rg_slice *out_url)
{
    if (request->state.size == 0 || request->nonce.size == 0 || request->verifier.size == 0 ||
        request->redirect_uri.size == 0 || client->client_id.size == 0 || endpoints->authorization.size == 0) {
        return rg_fail(RG_INTERNAL, "a login without state, nonce, verifier, redirect_uri or client");
    }
    RG_AUTO(rg_buf_done) struct rg_buf url;
    rg_buf_init(&url, MAX_URL);
    RG_TRY(begin_url(endpoints->authorization, &url));
    RG_TRY(put_request(client, request, &url));
    return rg_arena_copy(arena, rg_buf_slice(&url), out_url);
}

rg_status auth_oidc_logout_url(const struct auth_oidc_client *client, const struct auth_oidc_endpoints *endpoints,
                               struct rg_slice id_token, struct rg_slice post_logout_redirect_uri,
                               struct rg_slice state, struct rg_arena *arena, struct rg_slice *out_url)
{
    if (endpoints->end_session.size == 0) {
        *out_url = (struct rg_slice){0};
        return RG_OK;
    }
    RG_AUTO(rg_buf_done) struct rg_buf url;
    rg_buf_init(&url, (size_t)MAX_URL + AUTH_OIDC_MAX_TOKEN);
    RG_TRY(begin_url(endpoints->end_session, &url));
    RG_TRY(auth_form_put(&url, RG_SLICE("client_id"), client->client_id));
    RG_TRY(put_optional(&url, "id_token_hint", id_token));
    RG_TRY(put_optional(&url, "post_logout_redirect_uri", post_logout_redirect_uri));
    RG_TRY(put_optional(&url, "state", state));
    return rg_arena_copy(arena, rg_buf_slice(&url), out_url);
}

/* ---- the way back ---- */

rg_status auth_oidc_callback_parse(struct rg_slice query, struct rg_arena *arena,
                                   struct auth_oidc_callback *out_callback)
{
    struct auth_oidc_callback callback = {0};
    RG_TRY(auth_form_find(query, RG_SLICE("state"), arena, &callback.state));
    RG_TRY(auth_form_find(query, RG_SLICE("code"), arena, &callback.code));
    RG_TRY(auth_form_find(query, RG_SLICE("iss"), arena, &callback.issuer));
    RG_TRY(auth_form_find(query, RG_SLICE("error"), arena, &callback.error));
    if (callback.state.size == 0 || callback.state.size > 256) {
        return rg_fail(RG_PROTOCOL, "callback: no state that was ours");
    }
    *out_callback = callback;
    return RG_OK;
}

/* What may be shown of an error: RFC 6749 4.1.2.1 and 5.2, OpenID Connect Core 3.1.2.6; anything else is "an error". */
static const char *error_shown(struct rg_slice error)
{
    static const char *const known[] = {
        "access_denied",
        "login_required",
        "interaction_required",
        "consent_required",
        "server_error",
        "account_selection_required",
        "temporarily_unavailable",
        "invalid_request",
        "unauthorized_client",
        "invalid_scope",
        "unsupported_response_type",
        "invalid_client",
        "invalid_grant",
        "unsupported_grant_type",
        "bad_verification_code",
        "incorrect_client_credentials",
        "redirect_uri_mismatch",
        "unverified_user_email",
        "bad_refresh_token",
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (rg_slice_is_equal(error, rg_slice_of(known[i]))) {
            return known[i];
        }
    }
    return "an error";
}

rg_status auth_oidc_callback_judge(const struct auth_oidc_client *client, const struct auth_oidc_endpoints *endpoints,
                                   const struct auth_oidc_callback *callback)
{
    struct rg_slice issuer = callback->issuer;
    bool is_missing = issuer.data == NULL && endpoints->sends_issuer;
    bool is_other = issuer.data != NULL && !auth_trust_names_issuer(&client->trust, issuer) &&
                    !(client->trust.issuer.size > 0 && rg_slice_is_equal(issuer, client->trust.issuer));
    if (is_missing || is_other) { /* RFC 9207 2.4: an answer of somebody else is not looked at further */
        return rg_fail(RG_DENIED, "the answer is not from the provider that was asked");
    }
    if (callback->error.data != NULL) {
        return rg_fail(RG_DENIED, "the provider refuses: %s", error_shown(callback->error));
    }
    if (callback->code.size == 0 || callback->code.size > AUTH_OIDC_MAX_CODE) {
        return rg_fail(RG_DENIED, "the answer has no code");
    }
    return RG_OK;
}

/* ---- the token endpoint ---- */

static rg_status put_client(const struct auth_oidc_client *client, const struct auth_oidc_endpoints *endpoints,
                            struct rg_buf *out)
{
    bool is_in_header = client->client_secret.size > 0 && !endpoints->wants_post;
    if (is_in_header) {
        return RG_OK;
    }
    RG_TRY(auth_form_put(out, RG_SLICE("client_id"), client->client_id));
    return put_optional(out, "client_secret", client->client_secret);
}

rg_status auth_oidc_code_form(const struct auth_oidc_client *client, const struct auth_oidc_endpoints *endpoints,
                              struct rg_slice code, struct rg_slice redirect_uri, struct rg_slice verifier,
                              struct rg_buf *out)
{
    RG_TRY(auth_form_put(out, RG_SLICE("grant_type"), RG_SLICE("authorization_code")));
    RG_TRY(auth_form_put(out, RG_SLICE("code"), code));
    RG_TRY(auth_form_put(out, RG_SLICE("redirect_uri"), redirect_uri));
    RG_TRY(auth_form_put(out, RG_SLICE("code_verifier"), verifier));
    return put_client(client, endpoints, out);
}

rg_status auth_oidc_refresh_form(const struct auth_oidc_client *client, const struct auth_oidc_endpoints *endpoints,
                                 struct rg_slice refresh_token, struct rg_buf *out)
{
    RG_TRY(auth_form_put(out, RG_SLICE("grant_type"), RG_SLICE("refresh_token")));
    RG_TRY(auth_form_put(out, RG_SLICE("refresh_token"), refresh_token));
    return put_client(client, endpoints, out);
}

static rg_status copy_token(const json_t *answer, const char *name, struct rg_arena *arena, struct rg_slice *out_token)
{
    const json_t *member = json_object_get(answer, name);
    struct rg_slice text = json_slice(member);
    if (member == NULL || json_is_null(member)) {
        return RG_OK;
    }
    if (text.size == 0 || text.size > AUTH_OIDC_MAX_TOKEN || memchr(text.data, '\0', text.size) != NULL) {
        return rg_fail(RG_PROTOCOL, "token response: %s is not a string of 1 to %d bytes", name, AUTH_OIDC_MAX_TOKEN);
    }
    return rg_arena_copy(arena, text, out_token);
}

/* RFC 6749 5.1: the type's name is compared without case. GitHub's is "bearer". */
static bool is_bearer(const json_t *answer)
{
    const char *type = json_string_value(json_object_get(answer, "token_type"));
    return type != NULL && strcasecmp(type, "bearer") == 0;
}

static rg_status read_tokens(const json_t *answer, struct rg_arena *arena, struct auth_oidc_tokens *out_tokens)
{
    struct auth_oidc_tokens tokens = {0};
    const json_t *expires = json_object_get(answer, "expires_in");
    RG_TRY(copy_token(answer, "access_token", arena, &tokens.access_token));
    RG_TRY(copy_token(answer, "id_token", arena, &tokens.id_token));
    RG_TRY(copy_token(answer, "refresh_token", arena, &tokens.refresh_token));
    if (tokens.access_token.size == 0 || !is_bearer(answer)) {
        return rg_fail(RG_PROTOCOL, "token response: no bearer access_token");
    }
    if (json_is_integer(expires) && json_integer_value(expires) > 0 && json_integer_value(expires) <= 31536000) {
        tokens.expires_in_us = json_integer_value(expires) * INT64_C(1000000);
    }
    *out_tokens = tokens;
    return RG_OK;
}

rg_status auth_oidc_tokens_parse(long status, struct rg_slice json, struct rg_arena *arena,
                                 struct auth_oidc_tokens *out_tokens)
{
    bool is_refusal = status == 400 || status == 401;
    if (status != 200 && !is_refusal) {
        return rg_fail(RG_UPSTREAM, "token endpoint: HTTP status %ld", status);
    }
    RG_AUTO(json_done) json_t *answer = NULL;
    rg_status loaded = auth_json_load(json, "token response", &answer);
    if (is_refusal && !rg_is_ok(loaded)) {
        return rg_fail(RG_DENIED, "the provider refuses: HTTP status %ld", status);
    }
    RG_TRY(loaded);
    const json_t *error = json_object_get(answer, "error"); /* GitHub's come with status 200 */
    if (error != NULL || is_refusal) {
        return rg_fail(RG_DENIED, "the provider refuses: %s", error_shown(json_slice(error)));
    }
    return read_tokens(answer, arena, out_tokens);
}
