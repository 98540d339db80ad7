/* SPDX-License-Identifier: Apache-2.0 */
/* The signature algorithms, and the check that a trust can be satisfied at all. */
#include "auth/trust.h"

#include "auth/algorithms_private.h"

enum { TID_SIZE = 36 };

static const struct auth_algorithm algorithms[] = {
    {"RS256", AUTH_KEY_RSA, JWT_ALG_RS256, "SHA256", false},  {"RS384", AUTH_KEY_RSA, JWT_ALG_RS384, "SHA384", false},
    {"RS512", AUTH_KEY_RSA, JWT_ALG_RS512, "SHA512", false},  {"PS256", AUTH_KEY_RSA, JWT_ALG_INVAL, "SHA256", true},
    {"PS384", AUTH_KEY_RSA, JWT_ALG_INVAL, "SHA384", true},   {"PS512", AUTH_KEY_RSA, JWT_ALG_INVAL, "SHA512", true},
    {"ES256", AUTH_KEY_P256, JWT_ALG_ES256, "SHA256", false}, {"ES384", AUTH_KEY_P384, JWT_ALG_ES384, "SHA384", false},
    {"ES512", AUTH_KEY_P521, JWT_ALG_ES512, "SHA512", false}, {"EdDSA", AUTH_KEY_ED25519, JWT_ALG_INVAL, NULL, false},
};

const struct auth_algorithm *auth_algorithm_find(struct rg_slice name)
{
    for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++) {
        if (rg_slice_is_equal(name, rg_slice_of(algorithms[i].name))) {
            return &algorithms[i];
        }
    }
    return NULL;
}

bool auth_algorithm_is_known(struct rg_slice name)
{
    return auth_algorithm_find(name) != NULL;
}

struct auth_trust auth_trust_default(void)
{
    static const struct rg_slice allowed[] = {{"RS256", 5}, {"ES256", 5}};
    return (struct auth_trust){
        .algorithms = allowed,
        .algorithm_count = 2,
        .max_token_bytes = (size_t)16 * 1024,
        .clock_skew_us = 30 * INT64_C(1000000),
        .jwks_cooldown_us = 60 * INT64_C(1000000),
        .jwks_refresh_us = 600 * INT64_C(1000000),
    };
}

static bool is_https(struct rg_slice url)
{
    return rg_slice_has_prefix(url, RG_SLICE("https://")) && url.size > sizeof "https://" - 1 && url.size <= 2048 &&
           memchr(url.data, '\0', url.size) == NULL;
}

static bool is_tid(struct rg_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (is_dash ? text.data[i] != '-' : memchr("0123456789abcdef", text.data[i], 16) == NULL) {
            return false;
        }
    }
    return text.size == TID_SIZE;
}

/* Where "{tid}" stands in the template; false unless it is there once. */
static bool find_tid(struct rg_slice text, size_t *out_at)
{
    const char *first = text.size == 0 ? NULL : memmem(text.data, text.size, "{tid}", 5);
    if (first == NULL) {
        return false;
    }
    size_t at = (size_t)(first - text.data);
    if (memmem(first + 5, text.size - at - 5, "{tid}", 5) != NULL) {
        return false;
    }
    *out_at = at;
    return true;
}

bool auth_trust_names_issuer(const struct auth_trust *trust, struct rg_slice issuer)
{
    size_t at = 0;
    if (trust->issuer_template.size == 0) {
        return trust->issuer.size > 0 && rg_slice_is_equal(issuer, trust->issuer);
    }
    return find_tid(trust->issuer_template, &at) && issuer.size == trust->issuer_template.size - 5 + TID_SIZE &&
           auth_trust_accepts_issuer(trust, issuer, rg_slice_cut(issuer, at, TID_SIZE));
}

bool auth_trust_accepts_issuer(const struct auth_trust *trust, struct rg_slice issuer, struct rg_slice tid)
{
    struct rg_slice template = trust->issuer_template;
    size_t at = 0;
    if (template.size == 0) {
        return trust->issuer.size > 0 && rg_slice_is_equal(issuer, trust->issuer);
    }
    return is_tid(tid) && find_tid(template, &at) && issuer.size == template.size - 5 + TID_SIZE &&
           rg_slice_is_equal(rg_slice_cut(issuer, 0, at), rg_slice_cut(template, 0, at)) &&
           rg_slice_is_equal(rg_slice_cut(issuer, at, TID_SIZE), tid) &&
           rg_slice_is_equal(rg_slice_cut(issuer, at + TID_SIZE, SIZE_MAX), rg_slice_cut(template, at + 5, SIZE_MAX));
}

static rg_status check_lists(const struct auth_trust *trust)
{
    if (trust->audience_count == 0 && !trust->is_login_only) {
        return rg_fail(RG_CONFIG, "audience: at least one is required");
    }
    for (size_t i = 0; i < trust->audience_count; i++) {
        if (trust->audiences[i].size == 0) {
            return rg_fail(RG_CONFIG, "audience: an empty one is not allowed");
        }
    }
    if (trust->algorithm_count == 0) {
        return rg_fail(RG_CONFIG, "algorithms: at least one is required");
    }
    for (size_t i = 0; i < trust->algorithm_count; i++) {
        struct rg_slice name = trust->algorithms[i];
        if (!auth_algorithm_is_known(name)) {
            return rg_fail(RG_CONFIG, "algorithms: \"%.*s\" is not supported", rg_slice_shown(name), name.data);
        }
    }
    return RG_OK;
}

rg_status auth_trust_check(const struct auth_trust *trust)
{
    const int64_t second_us = 1000000;
    if (!is_https(trust->issuer)) {
        return rg_fail(RG_CONFIG, "issuer: an https:// URL is required");
    }
    size_t at = 0;
    if (trust->issuer_template.size > 0 &&
        (!is_https(trust->issuer_template) || !find_tid(trust->issuer_template, &at))) {
        return rg_fail(RG_CONFIG, "issuer_template: an https:// URL with {tid} in it, once, is required");
    }
    if (trust->jwks_uri.size > 0 && !is_https(trust->jwks_uri)) {
        return rg_fail(RG_CONFIG, "jwks_uri: an https:// URL is required");
    }
    RG_TRY(check_lists(trust));
    if (trust->max_token_bytes == 0 || trust->max_token_bytes > (size_t)1024 * 1024) {
        return rg_fail(RG_CONFIG, "max_token_bytes: must be within 1 B and 1 MiB");
    }
    if (trust->clock_skew_us < 0 || trust->clock_skew_us > 600 * second_us) {
        return rg_fail(RG_CONFIG, "clock_skew: must be within 0 s and 10 min");
    }
    if (trust->jwks_cooldown_us < second_us || trust->jwks_cooldown_us > 86400 * second_us) {
        return rg_fail(RG_CONFIG, "jwks_cooldown: must be within 1 s and 24 h");
    }
    if (trust->jwks_refresh_us < 10 * second_us || trust->jwks_refresh_us > 86400 * second_us) {
        return rg_fail(RG_CONFIG, "jwks_refresh: must be within 10 s and 24 h");
    }
    return RG_OK;
}
