/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a SAML Response, twice: as a message, which is a login only when the key of tests/data/saml signed it;
 * and as an assertion whose signature was right, which a fuzzer cannot make. Times are those of the seeds, which
 * tests/support/saml_world.h wrote with that key. */
#include <stdio.h>

#include "auth/saml_metadata.h"
#include "auth/saml_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct auth_claim_spec specs[] = {
    {.name = {"tenant", 6}, .type = {AUTH_SCALAR_UUID, false}, .required = true},
    {.name = {"regions", 7}, .saml_name = {"urn:regions", 11}, .type = {AUTH_SCALAR_TEXT, true}, .split = {",", 1}},
};

struct content {
    char bytes[16384];
    size_t size;
};

static struct rg_slice read_once(struct content *content, const char *path)
{
    if (content->size == 0) {
        FILE *file = fopen(path, "rb");
        RG_ASSERT(file != NULL);
        content->size = fread(content->bytes, 1, sizeof content->bytes, file);
        RG_ASSERT(fclose(file) == 0);
    }
    return (struct rg_slice){content->bytes, content->size};
}

static struct auth_saml_trust make_trust(struct rg_arena *arena)
{
    static struct content metadata;
    static struct content key; /* the provider's serves as ours, too: what is encrypted can be decrypted */
    struct auth_saml_trust trust = auth_saml_trust_default();
    struct rg_slice xml = read_once(&metadata, "tests/data/saml/idp.xml");
    RG_ASSERT(rg_is_ok(auth_saml_metadata_parse(xml, arena, &trust.idp)));
    trust.private_key = read_once(&key, "tests/data/saml/idp.key.pem");
    trust.allow_cbc = true;
    trust.name = RG_SLICE("main");
    trust.entity_id = RG_SLICE("https://bi.example.com/.rowgate/saml/main/metadata");
    trust.claims = specs;
    trust.claim_count = sizeof specs / sizeof specs[0];
    return trust;
}

static void check_login(const struct auth_saml_login *login)
{
    RG_ASSERT(login->identity.kind == AUTH_SAML && login->identity.subject.size > 0);
    RG_ASSERT(login->assertion_id.size > 0 && login->replay_until_us > 0);
    RG_ASSERT(memchr(login->identity.subject.data, '\0', login->identity.subject.size) == NULL);
    RG_ASSERT(login->identity.claims[0].is_present && login->identity.claims[0].elements[0].size == 36);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, (size_t)8 << 20);
    struct auth_saml_trust trust = make_trust(&arena);
    struct auth_saml_expected expected = {RG_SLICE("https://bi.example.com/.rowgate/saml/main/acs"),
                                          RG_SLICE("_request1"), INT64_C(1800000000000000)};
    struct auth_saml_login login = {0};
    enum auth_saml_rule rule = AUTH_SAML_NONE;
    rg_status status = auth_saml_judge(&trust, &expected, rg_slice_make(data, size), &arena, &login, &rule);
    if (rg_is_ok(status)) {
        check_login(&login);
        RG_ASSERT(rg_slice_is_equal(login.identity.subject, RG_SLICE("alice@example.com")));
    } else {
        RG_ASSERT((status.error->kind == RG_DENIED) == (rule != AUTH_SAML_NONE));
    }
    struct saml_reading reading = {.trust = &trust, .arena = &arena, .now_us = expected.now_us};
    RG_AUTO(saml_document_done) struct _xmlDoc *document = NULL;
    if (rg_is_ok(saml_document_parse(&reading, rg_slice_make(data, size), &document)) &&
        rg_is_ok(saml_assertion_read(&reading, &expected, saml_root(document), &login))) {
        check_login(&login);
    }
    return 0;
}
