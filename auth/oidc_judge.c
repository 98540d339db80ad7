/* SPDX-License-Identifier: Apache-2.0 */
/* The judgement of what an identity provider says: the tokens of a login, a logout token, user-info, introspection. All
 * tokens go through the validator of auth/oidc.c first; here is what each use asks on top. Pure. */
#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "auth/claims_private.h"
#include "auth/oidc_login.h"
#include "auth/oidc_private.h"
#include "base/rg_crypto.h"

static const int64_t SECOND_US = 1000000;

static void json_done(json_t **json)
{
    json_decref(*json);
}

static struct rg_slice json_slice(const json_t *json)
{
    return (struct rg_slice){json_string_value(json), json_string_length(json)};
}

static struct rg_slice member_of(const json_t *object, const char *name)
{
    return json_slice(json_object_get(object, name));
}

static bool is_secret_equal(struct rg_slice a, struct rg_slice b)
{
    return a.size == b.size && a.size > 0 && CRYPTO_memcmp(a.data, b.data, a.size) == 0;
}

/* ---- the ID token ---- */

/* Core 3.1.3.7, 4 and 5: a token for several parties must have been made for us. */
static rg_status check_party(const struct auth_oidc_client *client, const json_t *claims)
{
    const json_t *party = json_object_get(claims, "azp");
    bool has_others = json_array_size(json_object_get(claims, "aud")) > 1;
    if (party == NULL && !has_others) {
        return RG_OK;
    }
    if (!rg_slice_is_equal(json_slice(party), client->client_id)) {
        return rg_fail(RG_DENIED, "ID token was made for another client");
    }
    return RG_OK;
}

static rg_status check_nonce(const struct auth_oidc_expected *expected, const json_t *claims)
{
    if (expected->subject.size > 0) {
        return RG_OK; /* a refresh: Core 12.2 */
    }
    if (!is_secret_equal(member_of(claims, "nonce"), expected->nonce)) {
        return rg_fail(RG_DENIED, "ID token nonce is not that of this login");
    }
    return RG_OK;
}

/* Core 3.1.3.6: the left half of the access token's hash, by the hash of the ID token's alg. */
static rg_status check_token_hash(const struct auth_verified *verified, struct rg_slice access_token)
{
    const json_t *member = json_object_get(verified->claims, "at_hash");
    const char *name = verified->algorithm->digest == NULL ? "SHA512" : verified->algorithm->digest;
    unsigned char digest[EVP_MAX_MD_SIZE];
    size_t size = 0;
    if (member == NULL) {
        return RG_OK;
    }
    if (EVP_Q_digest(NULL, name, NULL, access_token.data, access_token.size, digest, &size) != 1) {
        return rg_fail(RG_INTERNAL, "no %s", name);
    }
    RG_AUTO(rg_buf_done) struct rg_buf text;
    rg_buf_init(&text, 128);
    RG_TRY(rg_base64url_put(rg_slice_make(digest, size / 2), &text));
    if (!is_secret_equal(json_slice(member), rg_buf_slice(&text))) {
        return rg_fail(RG_DENIED, "ID token does not belong to the access token");
    }
    return RG_OK;
}

static rg_status check_age(const struct auth_oidc_client *client, const struct auth_verified *verified, int64_t now_us)
{
    if (verified->issued_at_us == 0) {
        return rg_fail(RG_DENIED, "token does not say when it was issued");
    }
    if (now_us - verified->issued_at_us > AUTH_OIDC_CODE_AGE_S * SECOND_US + client->trust.clock_skew_us) {
        return rg_fail(RG_DENIED, "token was issued %" PRId64 " s ago", (now_us - verified->issued_at_us) / SECOND_US);
    }
    return RG_OK;
}

static rg_status check_same(const struct auth_oidc_expected *expected, const json_t *claims)
{
    if (expected->subject.size == 0) {
        return RG_OK;
    }
    if (!rg_slice_is_equal(member_of(claims, "sub"), expected->subject) ||
        !rg_slice_is_equal(member_of(claims, "iss"), expected->issuer)) {
        return rg_fail(RG_DENIED, "ID token of a refresh is about somebody else");
    }
    return RG_OK;
}

static rg_status judge_id_token(const struct auth_oidc_client *client, const struct auth_verified *verified,
                                const struct auth_oidc_tokens *tokens, const struct auth_oidc_expected *expected)
{
    if (json_object_get(verified->claims, "events") != NULL) {
        return rg_fail(RG_DENIED, "ID token is a message about events");
    }
    RG_TRY(check_party(client, verified->claims));
    RG_TRY(check_nonce(expected, verified->claims));
    RG_TRY(check_same(expected, verified->claims));
    RG_TRY(check_token_hash(verified, tokens->access_token));
    return check_age(client, verified, expected->now_us);
}

/* The claims as texts. Absent ones are left out. */
static rg_status keep_claims(const struct auth_oidc_client *client, struct rg_arena *arena,
                             struct auth_oidc_login *login)
{
    struct auth_claim_constant *constants = NULL;
    size_t count = 0;
    RG_TRY(rg_arena_array(arena, client->trust.claim_count, sizeof *constants, (void **)&constants));
    for (size_t i = 0; i < client->trust.claim_count; i++) {
        const struct auth_claim_value *value = &login->identity.claims[i];
        if (value->is_present) {
            constants[count++] =
                (struct auth_claim_constant){client->trust.claims[i].name, value->elements, value->count};
        }
    }
    login->claims = constants;
    login->claim_count = count;
    return RG_OK;
}

static rg_status keep_tokens(const struct auth_oidc_tokens *tokens, int64_t now_us, struct rg_arena *arena,
                             struct auth_oidc_login *login)
{
    RG_TRY(rg_arena_copy(arena, tokens->id_token, &login->id_token));
    RG_TRY(rg_arena_copy(arena, tokens->access_token, &login->access_token));
    RG_TRY(rg_arena_copy(arena, tokens->refresh_token, &login->refresh_token));
    login->access_expires_us = tokens->expires_in_us == 0 ? 0 : now_us + tokens->expires_in_us;
    return RG_OK;
}

static rg_status read_login(const struct auth_oidc_client *client, const struct auth_jwks *jwks,
                            const struct auth_oidc_tokens *tokens, const struct auth_oidc_expected *expected,
                            struct rg_arena *arena, struct auth_oidc_login *login, enum auth_verify_hint *out_hint)
{
    RG_AUTO(auth_verified_done) struct auth_verified verified = {0};
    RG_TRY(auth_oidc_token_verify(&client->trust, jwks, tokens->id_token, AUTH_USE_ID, expected->now_us, arena,
                                  &verified, out_hint));
    RG_TRY(judge_id_token(client, &verified, tokens, expected));
    RG_TRY(auth_oidc_identity_read(&client->trust, &verified, tokens->id_token, arena, &login->identity));
    RG_TRY(rg_arena_copy(arena, member_of(verified.claims, "sid"), &login->sid));
    return keep_claims(client, arena, login);
}

rg_status auth_oidc_tokens_judge(const struct auth_oidc_client *client, const struct auth_jwks *jwks,
                                 const struct auth_oidc_tokens *tokens, const struct auth_oidc_expected *expected,
                                 struct rg_arena *arena, struct auth_oidc_login *out_login,
                                 enum auth_verify_hint *out_hint)
{
    struct auth_oidc_login login = {0};
    *out_hint = AUTH_HINT_NONE;
    bool is_refresh = expected->subject.size > 0;
    if (tokens->id_token.size > 0) {
        RG_TRY(read_login(client, jwks, tokens, expected, arena, &login, out_hint));
    } else if (!is_refresh) {
        return rg_fail(RG_DENIED, "the provider gave no ID token");
    }
    RG_TRY(keep_tokens(tokens, expected->now_us, arena, &login));
    *out_login = login;
    return RG_OK;
}

/* ---- GitHub's user-info ---- */

static rg_status add_organizations(struct rg_slice text, json_t *user)
{
    json_error_t error;
    RG_AUTO(json_done) json_t *list = json_loadb(text.data, text.size, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_array(list)) {
        return rg_fail(RG_PROTOCOL, "organizations: not a JSON array");
    }
    json_t *names = json_array();
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *name = json_object_get(json_array_get(list, i), "login");
        if (!json_is_string(name)) {
            json_decref(names);
            return rg_fail(RG_PROTOCOL, "organizations: one has no login");
        }
        (void)json_array_append(names, name);
    }
    (void)json_object_set_new(user, "organizations", names);
    return RG_OK;
}

static rg_status read_user(const struct auth_oidc_client *client, json_t *user, struct rg_slice access_token,
                           struct rg_arena *arena, struct auth_oidc_login *login)
{
    const json_t *id = json_object_get(user, "id");
    char text[32];
    if (!json_is_integer(id) || json_integer_value(id) <= 0) {
        return rg_fail(RG_PROTOCOL, "user-info: no id");
    }
    (void)snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, json_integer_value(id));
    (void)json_object_set_new(user, "sub", json_string(text));
    (void)json_object_del(user, "jti");
    struct auth_trust trust = client->trust;
    if (trust.user_claim.size == 0) {
        trust.user_claim = RG_SLICE("login");
    }
    struct auth_identity identity = {.kind = AUTH_OIDC, .claim_count = trust.claim_count};
    RG_TRY(auth_oidc_names_read(&trust, user, access_token, arena, &identity));
    RG_TRY(rg_arena_copy(arena, trust.issuer, &identity.issuer));
    RG_TRY(auth_claims_from_json(trust.claims, trust.claim_count, user, arena, &identity.claims));
    login->identity = identity;
    return keep_claims(client, arena, login);
}

rg_status auth_oidc_user_judge(const struct auth_oidc_client *client, const struct auth_oidc_tokens *tokens,
                               struct rg_slice user_text, struct rg_slice organizations, int64_t now_us,
                               struct rg_arena *arena, struct auth_oidc_login *out_login)
{
    RG_AUTO(json_done) json_t *user = NULL;
    struct auth_oidc_login login = {0};
    RG_TRY(auth_json_load(user_text, "user-info", &user));
    (void)json_object_del(user, "organizations"); /* only what the API of organizations says */
    if (organizations.data != NULL) {
        RG_TRY(add_organizations(organizations, user));
    }
    RG_TRY(read_user(client, user, tokens->access_token, arena, &login));
    RG_TRY(keep_tokens(tokens, now_us, arena, &login));
    *out_login = login;
    return RG_OK;
}

/* ---- logout token ---- */

static rg_status judge_logout(const struct auth_oidc_client *client, const struct auth_verified *verified,
                              int64_t now_us)
{
    static const char event[] = "http://schemas.openid.net/event/backchannel-logout";
    const json_t *claims = verified->claims;
    if (!json_is_object(json_object_get(json_object_get(claims, "events"), event))) {
        return rg_fail(RG_DENIED, "logout token has no logout event");
    }
    if (json_object_get(claims, "nonce") != NULL) {
        return rg_fail(RG_DENIED, "logout token has a nonce: it is an ID token");
    }
    if (member_of(claims, "jti").size == 0) {
        return rg_fail(RG_DENIED, "logout token has no jti");
    }
    if (member_of(claims, "sub").size == 0 && member_of(claims, "sid").size == 0) {
        return rg_fail(RG_DENIED, "logout token names neither session nor subject");
    }
    return check_age(client, verified, now_us);
}

rg_status auth_oidc_logout_judge(const struct auth_oidc_client *client, const struct auth_jwks *jwks,
                                 struct rg_slice token, int64_t now_us, struct rg_arena *arena,
                                 struct auth_oidc_logout *out_logout, enum auth_verify_hint *out_hint)
{
    RG_AUTO(auth_verified_done) struct auth_verified verified = {0};
    RG_TRY(auth_oidc_token_verify(&client->trust, jwks, token, AUTH_USE_LOGOUT, now_us, arena, &verified, out_hint));
    RG_TRY(judge_logout(client, &verified, now_us));
    /* It is refused for its age by then, however long its own exp is. */
    int64_t until_us =
        verified.issued_at_us + AUTH_OIDC_CODE_AGE_S * SECOND_US + 2 * client->trust.clock_skew_us + SECOND_US;
    struct auth_oidc_logout logout = {.until_us = until_us};
    RG_TRY(rg_arena_copy(arena, member_of(verified.claims, "iss"), &logout.issuer));
    RG_TRY(rg_arena_copy(arena, member_of(verified.claims, "sid"), &logout.sid));
    RG_TRY(rg_arena_copy(arena, member_of(verified.claims, "sub"), &logout.subject));
    RG_TRY(rg_arena_copy(arena, member_of(verified.claims, "jti"), &logout.token_id));
    *out_logout = logout;
    return RG_OK;
}

/* ---- introspection ---- */

/* token_type of RFC 7662, and Keycloak's typ: a refresh token is none to come in with. */
static bool is_bearer_type(const json_t *answer, const char *name)
{
    const json_t *member = json_object_get(answer, name);
    const char *type = json_string_value(member);
    return member == NULL ||
           (type != NULL && (strcasecmp(type, "Bearer") == 0 || strcasecmp(type, "JWT") == 0 ||
                             strcasecmp(type, "at+jwt") == 0 || strcasecmp(type, "access_token") == 0));
}

/* RFC 7662 2.2 makes iss, aud and exp optional: what is missing is what only we can have asked about. */
static rg_status fill_in(const struct auth_trust *trust, struct rg_slice client_id, json_t *answer, int64_t now_us)
{
    if (json_object_get(answer, "iss") == NULL) {
        (void)json_object_set_new(answer, "iss", json_stringn(trust->issuer.data, trust->issuer.size));
    }
    if (json_object_get(answer, "exp") == NULL) {
        (void)json_object_set_new(answer, "exp", json_integer(now_us / SECOND_US + 60));
    }
    if (json_object_get(answer, "aud") == NULL) {
        if (client_id.size == 0 || trust->audience_count == 0 ||
            !rg_slice_is_equal(member_of(answer, "client_id"), client_id)) {
            return rg_fail(RG_DENIED, "token has no audience and was issued to another client");
        }
        (void)json_object_set_new(answer, "aud", json_stringn(trust->audiences[0].data, trust->audiences[0].size));
    }
    return RG_OK;
}

rg_status auth_oidc_introspection_judge(const struct auth_trust *trust, struct rg_slice client_id, struct rg_slice json,
                                        struct rg_slice token, int64_t now_us, struct rg_arena *arena,
                                        struct auth_identity *out_identity)
{
    RG_AUTO(auth_verified_done) struct auth_verified verified = {0};
    RG_TRY(auth_json_load(json, "introspection", &verified.claims));
    const json_t *active = json_object_get(verified.claims, "active");
    if (!json_is_boolean(active)) {
        return rg_fail(RG_PROTOCOL, "introspection: \"active\" is no boolean");
    }
    if (!json_is_true(active)) {
        return rg_fail(RG_DENIED, "token is not active at the provider");
    }
    if (!is_bearer_type(verified.claims, "token_type") || !is_bearer_type(verified.claims, "typ")) {
        return rg_fail(RG_DENIED, "token is not an access token");
    }
    RG_TRY(fill_in(trust, client_id, verified.claims, now_us));
    RG_TRY(auth_oidc_payload_judge(trust, now_us, &verified));
    return auth_oidc_identity_read(trust, &verified, token, arena, out_identity);
}
