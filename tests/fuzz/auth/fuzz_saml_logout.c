/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the query of a redirect, and as a posted logout message. Only the key of tests/data/saml makes one that
 * is read. */
#include <stdio.h>

#include "auth/saml_messages.h"
#include "auth/saml_metadata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct auth_saml_trust make_trust(struct rg_arena *arena)
{
    static char metadata[16384];
    static size_t metadata_size;
    struct auth_saml_trust trust = auth_saml_trust_default();
    if (metadata_size == 0) {
        FILE *file = fopen("tests/data/saml/idp.xml", "rb");
        RG_ASSERT(file != NULL);
        metadata_size = fread(metadata, 1, sizeof metadata, file);
        RG_ASSERT(fclose(file) == 0);
    }
    RG_ASSERT(rg_is_ok(auth_saml_metadata_parse((struct rg_slice){metadata, metadata_size}, arena, &trust.idp)));
    trust.entity_id = RG_SLICE("https://bi.example.com/.rowgate/saml/main/metadata");
    return trust;
}

static void check(rg_status status, const struct auth_saml_logout *logout, enum auth_saml_rule rule)
{
    if (!rg_is_ok(status)) {
        RG_ASSERT((status.error->kind == RG_DENIED) == (rule != AUTH_SAML_NONE));
        return;
    }
    RG_ASSERT(rule == AUTH_SAML_NONE && logout->id.size > 0);
    RG_ASSERT(logout->relay_state.size <= AUTH_SAML_MAX_RELAY_STATE);
    RG_ASSERT(logout->is_request ? logout->name_id.value.size > 0 : logout->in_response_to.size > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, (size_t)8 << 20);
    struct auth_saml_trust trust = make_trust(&arena);
    struct auth_saml_logout_expected expected = {RG_SLICE("https://bi.example.com/.rowgate/saml/main/slo"),
                                                 INT64_C(1800000000000000)};
    struct auth_saml_logout logout = {0};
    enum auth_saml_rule rule = AUTH_SAML_NONE;
    struct rg_slice bytes = rg_slice_make(data, size);
    rg_status status = auth_saml_logout_read_query(&trust, &expected, bytes, &arena, &logout, &rule);
    check(status, &logout, rule);
    status = auth_saml_logout_read_post(&trust, &expected, &(struct auth_saml_posted){bytes, RG_SLICE("state")}, &arena,
                                        &logout, &rule);
    check(status, &logout, rule);
    return 0;
}
