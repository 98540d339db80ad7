/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an identity provider's metadata: what is read is enough to send browsers to and to verify with. */
#include "auth/saml_metadata.h"
#include "auth/saml_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, (size_t)4 << 20);
    struct auth_saml_idp idp = {0};
    if (rg_is_ok(auth_saml_metadata_parse(rg_slice_make(data, size), &arena, &idp))) {
        RG_ASSERT(idp.entity_id.size > 0 && rg_slice_has_prefix(idp.sso_url, RG_SLICE("http")));
        RG_ASSERT(memchr(idp.sso_url.data, '\n', idp.sso_url.size) == NULL);
        RG_ASSERT(idp.certificate_count > 0 && idp.certificate_count <= AUTH_SAML_MAX_CERTIFICATES);
        for (size_t i = 0; i < idp.certificate_count; i++) {
            RG_ASSERT(saml_certificate_is_usable(idp.certificates[i]));
        }
    }
    return 0;
}
