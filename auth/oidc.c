/* SPDX-License-Identifier: Apache-2.0 */
/* An access token's way to an identity, as a list of checks in a fixed order: shape, header, key, signature,
 * and only then what the payload says. Called by the pipeline's authenticate step. */
#include "auth/oidc.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "auth/claims_private.h"
#include "auth/oidc_private.h"
#include "auth/signature_private.h"
#include "base/rg_crypto.h"

enum { MAX_NAME_BYTES = 1024 };

static const int64_t SECOND_US = 1000000;
static const int64_t MAX_DATE_S = INT64_C(253402300799); /* 9999-12-31T23:59:59Z */

static void json_done(json_t **json)
{
    json_decref(*json);
}

void auth_verified_done(struct auth_verified *verified)
{
    json_decref(verified->claims);
    verified->claims = NULL;
}

static struct rg_slice json_slice(const json_t *json)
{
    return (struct rg_slice){json_string_value(json), json_string_length(json)};
}

static bool is_listed(const struct rg_slice *list, size_t count, struct rg_slice wanted)
{
    bool found = false;
    for (size_t i = 0; i < count; i++) {
        found = found || rg_slice_is_equal(list[i], wanted);
    }
    return found;
}

/* RFC 8725 3.1: the algorithm is one that we allow, and one that the key's type permits. */
static rg_status choose_key(const struct auth_trust *trust, const struct auth_jwks *jwks,
                            const struct auth_token_header *header, const struct auth_algorithm *algorithm,
                            const struct auth_jwk **out_key, enum auth_verify_hint *out_hint)
{
    if (algorithm == NULL || !is_listed(trust->algorithms, trust->algorithm_count, header->alg)) {
        return rg_fail(RG_DENIED, "token algorithm is not allowed");
    }
    if (jwks == NULL) {
        *out_hint = AUTH_HINT_UNKNOWN_KEY;
        return rg_fail(RG_DENIED, "no keys of the identity provider are known");
    }
    struct auth_jwks_match match = auth_jwks_match(jwks, header->kid, algorithm);
    if (match.fitting > 1) {
        return rg_fail(RG_DENIED, "token does not say which of %zu keys signed it", match.fitting);
    }
    if (match.key != NULL) {
        *out_key = match.key;
        return RG_OK;
    }
    if (header->kid.size > 0 && match.named > 0) {
        return rg_fail(RG_DENIED, "token key does not permit the algorithm %s", algorithm->name);
    }
    *out_hint = AUTH_HINT_UNKNOWN_KEY;
    return rg_fail(RG_DENIED, "token key is unknown");
}

/* RFC 8725 3.11: a token of one use is none of another. */
static rg_status check_typ(enum auth_token_typ typ, enum auth_token_use use)
{
    static const bool rows[][3] = {
        [AUTH_USE_NONE] = {false, false, false},
        [AUTH_USE_ACCESS] = {[AUTH_TYP_JWT] = true, [AUTH_TYP_AT_JWT] = true},
        [AUTH_USE_ID] = {[AUTH_TYP_JWT] = true},
        [AUTH_USE_LOGOUT] = {[AUTH_TYP_JWT] = true, [AUTH_TYP_LOGOUT_JWT] = true},
    };
    return rows[use][typ] ? RG_OK : rg_fail(RG_DENIED, "token header: \"typ\" is that of another use");
}

static rg_status verify_signature(const struct auth_trust *trust, const struct auth_jwks *jwks,
                                  const struct auth_token *token, enum auth_token_use use, struct rg_arena *arena,
                                  const struct auth_algorithm **out_algorithm, enum auth_verify_hint *out_hint)
{
    struct auth_token_header header = {0};
    const struct auth_jwk *key = NULL;
    RG_TRY(auth_token_header_parse(token, arena, &header));
    const struct auth_algorithm *algorithm = auth_algorithm_find(header.alg);
    RG_TRY(check_typ(header.typ, use));
    RG_TRY(choose_key(trust, jwks, &header, algorithm, &key, out_hint));
    *out_algorithm = algorithm;
    return auth_signature_verify(key, algorithm, token, header.typ);
}

static rg_status check_issuer(const struct auth_trust *trust, const json_t *claims)
{
    const json_t *issuer = json_object_get(claims, "iss");
    if (!json_is_string(issuer)) {
        return rg_fail(RG_DENIED, "token has no issuer");
    }
    if (!auth_trust_accepts_issuer(trust, json_slice(issuer), json_slice(json_object_get(claims, "tid")))) {
        return rg_fail(RG_DENIED, "token issuer does not match");
    }
    return RG_OK;
}

/* RFC 7519 4.1.3: a string, or an array of strings of which one must be ours. */
static rg_status check_audience(const struct auth_trust *trust, const json_t *claims)
{
    const json_t *audience = json_object_get(claims, "aud");
    bool matches = false;
    if (json_is_string(audience)) {
        matches = is_listed(trust->audiences, trust->audience_count, json_slice(audience));
    } else if (!json_is_array(audience) || json_array_size(audience) == 0) {
        return rg_fail(RG_DENIED, "token has no audience");
    }
    for (size_t i = 0; i < json_array_size(audience); i++) {
        const json_t *one = json_array_get(audience, i);
        if (!json_is_string(one)) {
            return rg_fail(RG_DENIED, "token audience is malformed");
        }
        matches = matches || is_listed(trust->audiences, trust->audience_count, json_slice(one));
    }
    return matches ? RG_OK : rg_fail(RG_DENIED, "token audience does not match");
}

/* A NumericDate (RFC 7519 2) may be a fraction. Absent: *out_us stays as it is. */
static rg_status read_date(const json_t *claims, const char *name, int64_t *out_us)
{
    const json_t *date = json_object_get(claims, name);
    if (date == NULL) {
        return RG_OK;
    }
    if (json_is_integer(date) && json_integer_value(date) >= 0 && json_integer_value(date) <= MAX_DATE_S) {
        *out_us = json_integer_value(date) * SECOND_US;
        return RG_OK;
    }
    double seconds = json_real_value(date);
    if (json_is_real(date) && isfinite(seconds) && seconds >= 0 && seconds <= (double)MAX_DATE_S) {
        *out_us = (int64_t)(seconds * (double)SECOND_US);
        return RG_OK;
    }
    return rg_fail(RG_DENIED, "token \"%s\" is not a sensible date", name);
}

/* The expiry given out includes the skew, so that a token that was accepted is not expired at once. */
static rg_status check_dates(const struct auth_trust *trust, const json_t *claims, int64_t now_us,
                             struct auth_verified *verified)
{
    int64_t expires_us = -1;
    int64_t not_before_us = -1;
    int64_t issued_us = -1;
    RG_TRY(read_date(claims, "exp", &expires_us));
    RG_TRY(read_date(claims, "nbf", &not_before_us));
    RG_TRY(read_date(claims, "iat", &issued_us));
    if (expires_us < 0) {
        return rg_fail(RG_DENIED, "token has no expiry");
    }
    if (now_us >= expires_us + trust->clock_skew_us) {
        return rg_fail(RG_DENIED, "token expired %" PRId64 " s ago", (now_us - expires_us) / SECOND_US);
    }
    if (not_before_us - trust->clock_skew_us > now_us) {
        return rg_fail(RG_DENIED, "token is not valid for another %" PRId64 " s", (not_before_us - now_us) / SECOND_US);
    }
    if (issued_us - trust->clock_skew_us > now_us) {
        return rg_fail(RG_DENIED, "token was issued %" PRId64 " s in the future", (issued_us - now_us) / SECOND_US);
    }
    verified->issued_at_us = issued_us < 0 ? 0 : issued_us;
    verified->expires_at_us = expires_us + trust->clock_skew_us;
    return RG_OK;
}

/* The first of names that is a non-empty string, copied; none leaves *out_text alone. */
static rg_status copy_first(const json_t *claims, const struct rg_slice *names, size_t name_count,
                            struct rg_arena *arena, struct rg_slice *out_text)
{
    for (size_t i = 0; i < name_count; i++) {
        struct rg_slice text = json_slice(json_object_getn(claims, names[i].data, names[i].size));
        if (text.size > MAX_NAME_BYTES) {
            return rg_fail(RG_DENIED, "token \"%.*s\" has %zu bytes, limit %d", rg_slice_shown(names[i]), names[i].data,
                           text.size, MAX_NAME_BYTES);
        }
        if (text.size > 0) {
            return rg_arena_copy(arena, text, out_text);
        }
    }
    return RG_OK;
}

static rg_status hash_token(struct rg_slice token, struct rg_arena *arena, struct rg_slice *out_id)
{
    struct rg_digest digest = rg_sha256_one(token);
    char hex[2 * RG_SHA256_SIZE + 1];
    rg_digest_hex(&digest, hex);
    return rg_arena_copy(arena, (struct rg_slice){hex, 32}, out_id);
}

rg_status auth_oidc_names_read(const struct auth_trust *trust, const json_t *claims, struct rg_slice token,
                               struct rg_arena *arena, struct auth_identity *identity)
{
    const struct rg_slice subject[] = {RG_SLICE("sub")};
    const struct rg_slice id[] = {RG_SLICE("jti")};
    const struct rg_slice user[] = {RG_SLICE("preferred_username"), RG_SLICE("email"), RG_SLICE("sub")};
    const struct rg_slice chosen[] = {trust->user_claim, RG_SLICE("sub")};
    RG_TRY(copy_first(claims, subject, 1, arena, &identity->subject));
    if (identity->subject.size == 0) {
        return rg_fail(RG_DENIED, "token has no subject");
    }
    bool is_chosen = trust->user_claim.size > 0;
    RG_TRY(copy_first(claims, is_chosen ? chosen : user, is_chosen ? 2 : 3, arena, &identity->user));
    RG_TRY(copy_first(claims, id, 1, arena, &identity->token_id));
    if (identity->token_id.size == 0) {
        RG_TRY(hash_token(token, arena, &identity->token_id));
    }
    return rg_arena_copy(arena, trust->name, &identity->idp);
}

rg_status auth_oidc_payload_judge(const struct auth_trust *trust, int64_t now_us, struct auth_verified *verified)
{
    RG_TRY(check_issuer(trust, verified->claims));
    RG_TRY(check_audience(trust, verified->claims));
    return check_dates(trust, verified->claims, now_us, verified);
}

rg_status auth_oidc_token_verify(const struct auth_trust *trust, const struct auth_jwks *jwks,
                                 struct rg_slice token_text, enum auth_token_use use, int64_t now_us,
                                 struct rg_arena *arena, struct auth_verified *verified,
                                 enum auth_verify_hint *out_hint)
{
    *out_hint = AUTH_HINT_NONE;
    if (token_text.size > trust->max_token_bytes) {
        return rg_fail(RG_DENIED, "token has %zu bytes, limit %zu", token_text.size, trust->max_token_bytes);
    }
    struct auth_token token = {0};
    RG_TRY(auth_token_parse(token_text, arena, &token));
    RG_TRY(verify_signature(trust, jwks, &token, use, arena, &verified->algorithm, out_hint));
    RG_TRY(auth_token_json(token.payload, "payload", &verified->claims));
    return auth_oidc_payload_judge(trust, now_us, verified);
}

rg_status auth_oidc_identity_read(const struct auth_trust *trust, const struct auth_verified *verified,
                                  struct rg_slice token, struct rg_arena *arena, struct auth_identity *out_identity)
{
    struct auth_identity identity = {.kind = AUTH_OIDC,
                                     .claim_count = trust->claim_count,
                                     .issued_at_us = verified->issued_at_us,
                                     .expires_at_us = verified->expires_at_us};
    RG_TRY(auth_oidc_names_read(trust, verified->claims, token, arena, &identity));
    RG_TRY(rg_arena_copy(arena, json_slice(json_object_get(verified->claims, "iss")), &identity.issuer));
    RG_TRY(auth_claims_from_json(trust->claims, trust->claim_count, verified->claims, arena, &identity.claims));
    *out_identity = identity;
    return RG_OK;
}

/* A logout token for an audience that is ours as well is still none that anybody may come in with. */
rg_status auth_oidc_verify(const struct auth_trust *trust, const struct auth_jwks *jwks, struct rg_slice token,
                           int64_t now_us, struct rg_arena *arena, struct auth_identity *out_identity,
                           enum auth_verify_hint *out_hint)
{
    RG_AUTO(auth_verified_done) struct auth_verified verified = {0};
    RG_TRY(auth_oidc_token_verify(trust, jwks, token, AUTH_USE_ACCESS, now_us, arena, &verified, out_hint));
    if (json_object_get(verified.claims, "events") != NULL) {
        return rg_fail(RG_DENIED, "token is a message about events");
    }
    return auth_oidc_identity_read(trust, &verified, token, arena, out_identity);
}

static rg_status check_peek_size(struct rg_slice token)
{
    return token.size <= (size_t)1024 * 1024 ? RG_OK : rg_fail(RG_DENIED, "token has %zu bytes", token.size);
}

rg_status auth_oidc_peek_kid(struct rg_slice token_text, struct rg_arena *arena, struct rg_slice *out_kid)
{
    struct auth_token token = {0};
    struct auth_token_header header = {0};
    RG_TRY(check_peek_size(token_text));
    RG_TRY(auth_token_parse(token_text, arena, &token));
    RG_TRY(auth_token_header_parse(&token, arena, &header));
    *out_kid = header.kid;
    return RG_OK;
}

rg_status auth_oidc_peek_issuer(struct rg_slice token_text, struct rg_arena *arena, struct rg_slice *out_issuer)
{
    RG_AUTO(json_done) json_t *claims = NULL;
    struct auth_token token = {0};
    RG_TRY(check_peek_size(token_text));
    RG_TRY(auth_token_parse(token_text, arena, &token));
    RG_TRY(auth_token_json(token.payload, "payload", &claims));
    struct rg_slice issuer = json_slice(json_object_get(claims, "iss"));
    if (issuer.size == 0) {
        return rg_fail(RG_DENIED, "token has no issuer");
    }
    return rg_arena_copy(arena, issuer, out_issuer);
}
