/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an access token, against a fixed key set. The corpus holds tokens that its keys signed (the
 * private halves are gone): those must be accepted, and nothing that only resembles them. */
#include "auth/oidc.h"

static const char key_set[] =
    "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"r\",\"n\":\"veVVYlY3YkRAdLRpytIHy0f3bf6tztaDQ6ssb5fABmomKWLVpbB0Y"
    "9rc4T7Gjyi4ekRcNA-JiTysdOOhwKBNhditXR13kwMTSR3972JlkJ5o1IODDRb_m8ssuOlPa2HGUvJDNg2PgGBkrTs"
    "tpEb7w_HXZbTEA8qsr4rUSmHhA_vDhT9ry-HTYa82XNF80KXmZs8fHU_FcVbDYUEnkvbchSgwYQLS1XGSKGLx13tqy"
    "Fc7tESqULLJF86_Ow_OvSg77NJURUKIDj5NNH_32_3_NApc10OmIJIVd8MS6jqw-vRnCD5tQlh3plOtybx0Ima4z19"
    "YvuC51X2EbYNJ6_rs6Q\",\"e\":\"AQAB\"},{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"e2\",\"use\":\"sig\",\"x\":\"OvP"
    "16IaUyRjCnUWjP5SGvv_zCy5cpPcNSIy-gE1yYiQ\",\"y\":\"u_cZAe2H5j36zl3q2HJjn-qWaHhL-m3trs96U0t3mKI"
    "\"},{\"kty\":\"EC\",\"crv\":\"P-384\",\"kid\":\"e3\",\"use\":\"sig\",\"x\":\"l6T418I3yunUjzQdhjYmiT15aH9RQN91q"
    "U5O3l-CTX23kUgzy2Lb891rxNbZLkfy\",\"y\":\"FszdMcYf-XqtL2aj_vucHiaHml6a_rs8sGMqoA7Ug3oYp6XNaF0K"
    "4F7rlg3Vs0BD\"},{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"ed\",\"x\":\"RAu_T9qVdS_Gw7x3Q8MY8Ln_WecYZ1"
    "Lrx42HN5Eu7a8\"}]}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct rg_slice audiences[] = {{"api://rowgate", 13}};
static const struct rg_slice algorithms[] = {{"RS256", 5}, {"PS256", 5}, {"ES256", 5}, {"ES384", 5}, {"EdDSA", 5}};
static const struct auth_claim_spec claims[] = {
    {.name = {"tenant", 6}, .oidc_path = {"$.tenant.id", 11}, .type = {AUTH_SCALAR_UUID, false}, .required = true},
    {.name = {"regions", 7}, .type = {AUTH_SCALAR_TEXT, true}},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct auth_jwks *jwks;
    if (jwks == NULL) {
        RG_ASSERT(rg_is_ok(auth_jwks_parse(rg_slice_of(key_set), &jwks)) && auth_jwks_count(jwks) == 4);
    }
    struct auth_trust trust = auth_trust_default();
    trust.issuer = RG_SLICE("https://idp.example");
    trust.audiences = audiences;
    trust.audience_count = 1;
    trust.algorithms = algorithms;
    trust.algorithm_count = sizeof algorithms / sizeof algorithms[0];
    trust.claims = claims;
    trust.claim_count = 2;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, (size_t)1 << 20);
    struct rg_slice token = rg_slice_make(data, size);
    struct rg_slice text = {0};
    struct auth_identity identity = {0};
    enum auth_verify_hint hint = AUTH_HINT_NONE;
    rg_status status = auth_oidc_verify(&trust, jwks, token, INT64_C(1800000000000000), &arena, &identity, &hint);
    /* Only a signer can have made this subject. */
    RG_ASSERT(rg_is_ok(status) ? rg_slice_is_equal(identity.subject, RG_SLICE("alice")) && identity.kind == AUTH_OIDC
                               : identity.kind == AUTH_UNVERIFIED);
    (void)rg_is_ok(auth_oidc_peek_kid(token, &arena, &text));
    (void)rg_is_ok(auth_oidc_peek_issuer(token, &arena, &text));
    return 0;
}
