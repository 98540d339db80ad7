/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets that are none: what Superset's own files and guides have held, recognised in what Superset signed, and used
 * to sign what Superset should not believe. */
#include "base/rg_crypto.h"
#include "proxy/superset_text.h"

static const struct superset_secret session_secrets[] = {
    {"CHANGE_ME_TO_A_COMPLEX_RANDOM_SECRET", "superset/constants.py"},
    {"TEST_NON_DEV_SECRET", "docker/.env"},
    {"thisISaSECRET_1234", "the Helm chart"},
    {"CHANGE_SECRET_KEY", "a template of deployments"},
    {"YOUR_OWN_RANDOM_GENERATED_SECRET_KEY", "the documentation"},
    {"USE_YOUR_OWN_SECURE_RANDOM_KEY", "the documentation"},
    {"your_secret_key_here", "the documentation"},
    {"\x02\x01thisismyscretkey\x01\x02\\e\\y\\y\\h", "superset/config.py before 1.4.1"},
};

static const struct superset_secret guest_secrets[] = {
    {"test-guest-secret-change-me", "superset/config.py"},
};

const struct superset_secret *superset_session_secret(size_t index)
{
    return index < sizeof session_secrets / sizeof session_secrets[0] ? &session_secrets[index] : NULL;
}

const struct superset_secret *superset_guest_secret(size_t index)
{
    return index < sizeof guest_secrets / sizeof guest_secrets[0] ? &guest_secrets[index] : NULL;
}

/* itsdangerous: base64url(HMAC-SHA-1(HMAC-SHA-1(secret, salt), payload.timestamp)) */
static rg_status has_signed(const struct superset_secret *secret, struct rg_slice text, struct rg_slice signature,
                            bool *out_has)
{
    RG_AUTO(rg_buf_done) struct rg_buf made = {0};
    uint8_t key[RG_SHA1_SIZE];
    uint8_t mac[RG_SHA1_SIZE];
    rg_buf_init(&made, 64);
    RG_TRY(rg_hmac_sha1(rg_slice_of(secret->text), RG_SLICE("cookie-session"), key));
    RG_TRY(rg_hmac_sha1(rg_slice_make(key, sizeof key), text, mac));
    RG_TRY(rg_base64url_put(rg_slice_make(mac, sizeof mac), &made));
    *out_has = rg_slice_is_equal(rg_buf_slice(&made), signature);
    return RG_OK;
}

rg_status superset_cookie_judge(struct rg_slice value, const struct superset_secret **out_secret)
{
    enum { SIGNATURE_CHARACTERS = 27 };
    const struct superset_secret *secret = NULL;
    const char *dot = value.size == 0 ? NULL : memrchr(value.data, '.', value.size);
    size_t size = dot == NULL ? 0 : (size_t)(dot - value.data);
    struct rg_slice signature = rg_slice_cut(value, size + 1, value.size);
    if (size == 0 || signature.size != SIGNATURE_CHARACTERS || memchr(value.data, '.', size) == NULL) {
        return rg_fail(RG_PROTOCOL, "no session cookie of Flask");
    }
    bool is_found = false;
    for (size_t i = 0; !is_found && (secret = superset_session_secret(i)) != NULL; i++) {
        RG_TRY(has_signed(secret, rg_slice_cut(value, 0, size), signature, &is_found));
    }
    *out_secret = is_found ? secret : NULL;
    return RG_OK;
}

rg_status superset_forge(struct rg_slice secret, struct rg_slice claims, struct rg_arena *arena,
                         struct rg_slice *out_token)
{
    RG_AUTO(rg_buf_done) struct rg_buf token = {0};
    rg_buf_init(&token, 2 * claims.size + 256);
    RG_TRY(rg_base64url_put(RG_SLICE("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"), &token));
    RG_TRY(rg_buf_put_u8(&token, '.'));
    RG_TRY(rg_base64url_put(claims, &token));
    struct rg_digest mac = rg_hmac_sha256(secret, rg_buf_slice(&token));
    RG_TRY(rg_buf_put_u8(&token, '.'));
    RG_TRY(rg_base64url_put(rg_slice_make(mac.bytes, sizeof mac.bytes), &token));
    return rg_arena_copy(arena, rg_buf_slice(&token), out_token);
}
