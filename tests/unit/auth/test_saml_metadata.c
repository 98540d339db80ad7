/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/saml_metadata.h"

#include "tests/support/rg_test.h"
#include "tests/support/saml_world.h"

#define MD "urn:oasis:names:tc:SAML:2.0:metadata"
#define REDIRECT "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
#define POST "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"

static char *key_descriptor(const char *use, struct rg_slice der)
{
    struct rg_slice text = {0};
    assert_ok(rg_base64_encode(der, &saml_world.arena, &text));
    return saml_print("<KeyDescriptor%s><ds:KeyInfo xmlns:ds=\"" DSIG "\"><ds:X509Data><ds:X509Certificate>\n  %.*s\n"
                      "%s\n</ds:X509Certificate></ds:X509Data></ds:KeyInfo></KeyDescriptor>",
                      use, 64, text.data, text.data + 64);
}

static char *entity_with(const char *name, const char *keys, const char *services)
{
    return saml_print("<EntityDescriptor xmlns=\"" MD "\" entityID=\"%s\"><IDPSSODescriptor "
                      "WantAuthnRequestsSigned=\"true\" "
                      "protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">%s"
                      "<SingleLogoutService Binding=\"" POST "\" Location=\"https://idp.example.com/slo/post\"/>"
                      "<SingleLogoutService Binding=\"" REDIRECT "\" Location=\"https://idp.example.com/slo\" "
                      "ResponseLocation=\"https://idp.example.com/slo/done\"/>%s</IDPSSODescriptor>"
                      "</EntityDescriptor>",
                      name, keys, services);
}

#define SSO                                                                                                            \
    "<SingleSignOnService Binding=\"" POST "\" Location=\"https://idp.example.com/sso/post\"/>"                        \
    "<SingleSignOnService Binding=\"" REDIRECT "\" Location=\"https://idp.example.com/sso?a=1&amp;b=2\"/>"

static char *good(void)
{
    return entity_with(SAML_IDP,
                       saml_print("%s%s%s", key_descriptor("", saml_world.certificates[0]),
                                  key_descriptor(" use=\"signing\"", saml_world.certificates[2]),
                                  key_descriptor(" use=\"encryption\"", saml_world.stranger_certificate)),
                       SSO);
}

static rg_status parse(const char *xml, struct auth_saml_idp *idp)
{
    return auth_saml_metadata_parse(rg_slice_of(xml), &saml_world.arena, idp);
}

static void assert_good(const char *xml)
{
    struct auth_saml_idp idp = {0};
    assert_ok(parse(xml, &idp));
    assert_slice(idp.entity_id, SAML_IDP);
    assert_slice(idp.sso_url, "https://idp.example.com/sso?a=1&b=2");
    assert_slice(idp.slo_url, "https://idp.example.com/slo");
    assert_slice(idp.slo_response_url, "https://idp.example.com/slo/done");
    assert_true(idp.wants_signed_requests);
    assert_int_equal(idp.certificate_count, 2);
    assert_true(rg_slice_is_equal(idp.certificates[0], saml_world.certificates[0]));
    assert_true(rg_slice_is_equal(idp.certificates[1], saml_world.certificates[2]));
}

static void reads_an_identity_provider(void **state)
{
    (void)state;
    saml_world_reset();
    assert_good(good());
    assert_good(saml_print("<?xml version=\"1.0\"?><!-- from the wiki --><?pi x?>\n%s\n", good()));
    assert_good(saml_print("<EntitiesDescriptor xmlns=\"" MD "\">%s<EntityDescriptor entityID=\"sp\">"
                           "<SPSSODescriptor/></EntityDescriptor></EntitiesDescriptor>",
                           good()));
}

static void the_earliest_end_counts(void **state)
{
    (void)state;
    saml_world_reset();
    struct auth_saml_idp idp = {0};
    assert_ok(parse(good(), &idp));
    assert_int_equal(idp.valid_until_us, 0);
    char *text = saml_replace(good(), "entityID=", "validUntil=\"2027-01-15T08:00:00Z\" entityID=");
    assert_ok(parse(text, &idp));
    assert_int_equal(idp.valid_until_us, SAML_NOW_US);
    text = saml_replace(text, "<IDPSSODescriptor ", "<IDPSSODescriptor validUntil=\"2027-01-15T07:59:59Z\" ");
    assert_ok(parse(text, &idp));
    assert_int_equal(idp.valid_until_us, SAML_NOW_US - 1000000);
}

static char *with_keys(const char *keys)
{
    return entity_with(SAML_IDP, keys, SSO);
}

static char *with_key_of(const char *type)
{
    EVP_PKEY *key = keys_make(type);
    struct rg_slice der = saml_certificate(key, "x", &saml_world.arena);
    EVP_PKEY_free(key);
    return with_keys(key_descriptor("", der));
}

static char *with_many_keys(void)
{
    char *keys = saml_print("%s", "");
    for (int i = 0; i < AUTH_SAML_MAX_CERTIFICATES + 1; i++) {
        keys = saml_print("%s%s", keys, key_descriptor("", saml_world.certificates[0]));
    }
    return with_keys(keys);
}

static char *cut_certificate(void)
{
    struct rg_slice der = saml_world.certificates[0];
    return with_keys(key_descriptor("", rg_slice_cut(der, 0, der.size - 9)));
}

static char *long_certificate(void)
{
    struct rg_slice longer = {0};
    assert_ok(rg_arena_printf(&saml_world.arena, &longer, "%*s", (int)saml_world.certificates[0].size + 3, ""));
    char *bytes = saml_print("%.*s", (int)longer.size, longer.data);
    memcpy(bytes, saml_world.certificates[0].data, saml_world.certificates[0].size);
    return with_keys(key_descriptor("", (struct rg_slice){bytes, longer.size}));
}

static void assert_useless(const char *name, const char *xml)
{
    struct auth_saml_idp idp;
    struct auth_saml_idp untouched;
    memset(&idp, 0x5a, sizeof idp);
    memset(&untouched, 0x5a, sizeof untouched);
    rg_status status = parse(xml, &idp);
    if (rg_is_ok(status) || status.error->kind != RG_CONFIG) {
        fail_msg("%s: %s", name, rg_is_ok(status) ? "is read" : status.error->text);
    }
    assert_memory_equal(&idp, &untouched, sizeof idp);
}

static void refuses_what_trusts_nobody_or_anybody(void **state)
{
    (void)state;
    saml_world_reset();
    const char *key = key_descriptor("", saml_world.certificates[0]);
    const struct {
        const char *name;
        const char *xml;
    } rows[] = {
        {"nothing", ""},
        {"no XML", "metadata"},
        {"another document", "<a/>"},
        {"a document type", saml_print("<!DOCTYPE EntityDescriptor>%s", good())},
        {"a file read",
         saml_print("<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>%s", entity_with("&x;", key, SSO))},
        {"no entity ID", entity_with("", key, SSO)},
        {"no keys", with_keys("")},
        {"only a key for encryption", with_keys(key_descriptor(" use=\"encryption\"", saml_world.certificates[0]))},
        {"a key of unknown use", with_keys(key_descriptor(" use=\"both\"", saml_world.certificates[0]))},
        {"RSA of 1024 bits", with_key_of("RSA1024")},
        {"a cut certificate", cut_certificate()},
        {"a certificate with more behind it", long_certificate()},
        {"too many certificates", with_many_keys()},
        {"a certificate of letters", saml_replace(good(), "<ds:X509Certificate>", "<ds:X509Certificate>!!")},
        {"no login", entity_with(SAML_IDP, key, "")},
        {"login by POST only",
         entity_with(SAML_IDP, key,
                     "<SingleSignOnService Binding=\"" POST "\" Location=\"https://idp.example.com/sso\"/>")},
        {"login by script",
         entity_with(SAML_IDP, key,
                     "<SingleSignOnService Binding=\"" REDIRECT "\" Location=\"javascript:alert(1)\"/>")},
        {"login in the clear",
         entity_with(SAML_IDP, key,
                     "<SingleSignOnService Binding=\"" REDIRECT "\" Location=\"http://idp.example.com/sso\"/>")},
        {"login with a line end", entity_with(SAML_IDP, key,
                                              "<SingleSignOnService Binding=\"" REDIRECT
                                              "\" Location=\"https://idp.example.com/&#10;Set-Cookie: a=b\"/>")},
        {"SAML 1.1", saml_replace(good(), "SAML:2.0:protocol", "SAML:1.1:protocol")},
        {"an end of letters", saml_replace(good(), "entityID=", "validUntil=\"tomorrow\" entityID=")},
        {"two providers", saml_print("<EntitiesDescriptor xmlns=\"" MD "\">%s%s</EntitiesDescriptor>", good(), good())},
        {"no provider", "<EntitiesDescriptor xmlns=\"" MD "\"/>"},
        {"a service provider",
         "<EntityDescriptor xmlns=\"" MD "\" entityID=\"x\"><SPSSODescriptor/></EntityDescriptor>"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_useless(rows[i].name, rows[i].xml);
    }
}

static void a_full_arena_is_a_limit(void **state)
{
    (void)state;
    saml_world_reset();
    struct rg_slice xml = rg_slice_of(good());
    struct rg_arena arena RG_AUTO(rg_arena_done) = {0};
    struct auth_saml_idp idp = {0};
    rg_arena_init(&arena, 100);
    assert_fails(RG_LIMIT, auth_saml_metadata_parse(xml, &arena, &idp));
    assert_int_equal(idp.certificate_count, 0);
}

static void writes_metadata_that_a_strict_reader_reads(void **state)
{
    (void)state;
    saml_world_reset();
    struct auth_saml_trust trust = saml_world.trust;
    struct rg_slice xml = {0};
    struct rg_slice der = saml_certificate(saml_world.ours, "rowgate", &saml_world.arena);
    trust.certificate = saml_certificate_pem(der, &saml_world.arena);
    trust.entity_id = RG_SLICE("https://bi.example.com/?a=1&b=\"<'");
    assert_ok(auth_saml_metadata_write(&trust, RG_SLICE(SAML_ACS), RG_SLICE("https://bi.example.com/slo"),
                                       &saml_world.arena, &xml));
    xmlDocPtr document = xmlReadMemory(xml.data, (int)xml.size, NULL, NULL, XML_PARSE_NONET);
    assert_non_null(document);
    xmlChar *entity = xmlGetProp(xmlDocGetRootElement(document), (const xmlChar *)"entityID");
    assert_string_equal((const char *)entity, "https://bi.example.com/?a=1&b=\"<'");
    xmlFree(entity);
    xmlFreeDoc(document);
    assert_non_null(strstr(xml.data, "use=\"signing\""));
    assert_non_null(strstr(xml.data, "use=\"encryption\""));
    assert_non_null(strstr(xml.data, "AuthnRequestsSigned=\"true\""));
    assert_non_null(strstr(xml.data, "Location=\"" SAML_ACS "\""));
    assert_null(strstr(xml.data, "PRIVATE"));
    trust.certificate = trust.private_key = (struct rg_slice){NULL, 0};
    assert_ok(auth_saml_metadata_write(&trust, RG_SLICE(SAML_ACS), RG_SLICE("https://bi.example.com/slo"),
                                       &saml_world.arena, &xml));
    assert_null(strstr(xml.data, "KeyDescriptor"));
    assert_non_null(strstr(xml.data, "AuthnRequestsSigned=\"false\""));
    trust.certificate = RG_SLICE("no PEM");
    struct rg_slice kept = RG_SLICE("kept");
    assert_fails(RG_CONFIG, auth_saml_metadata_write(&trust, RG_SLICE(SAML_ACS), RG_SLICE("https://bi.example.com/slo"),
                                                     &saml_world.arena, &kept));
    assert_slice(kept, "kept");
}

static void our_key_must_be_one_and_the_certificate_its_own(void **state)
{
    (void)state;
    saml_world_reset();
    struct rg_arena *arena = &saml_world.arena;
    struct rg_slice none = {NULL, 0};
    struct rg_slice key = saml_private_pem(saml_world.ours, arena);
    struct rg_slice certificate = saml_certificate_pem(saml_certificate(saml_world.ours, "x", arena), arena);
    struct rg_slice other = saml_certificate_pem(saml_world.stranger_certificate, arena);
    assert_ok(auth_saml_keys_check(none, none));
    assert_ok(auth_saml_keys_check(key, none));
    assert_ok(auth_saml_keys_check(key, certificate));
    assert_fails(RG_CONFIG, auth_saml_keys_check(key, other));
    assert_fails(RG_CONFIG, auth_saml_keys_check(none, certificate));
    assert_fails(RG_CONFIG, auth_saml_keys_check(certificate, certificate));
    assert_fails(RG_CONFIG, auth_saml_keys_check(key, key));
    assert_fails(RG_CONFIG, auth_saml_keys_check(RG_SLICE("x"), none));
    assert_fails(RG_CONFIG, auth_saml_keys_check(saml_private_pem(saml_world.idp_ec, arena), none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_an_identity_provider),
        cmocka_unit_test(the_earliest_end_counts),
        cmocka_unit_test(refuses_what_trusts_nobody_or_anybody),
        cmocka_unit_test(a_full_arena_is_a_limit),
        cmocka_unit_test(writes_metadata_that_a_strict_reader_reads),
        cmocka_unit_test(our_key_must_be_one_and_the_certificate_its_own),
    };
    return cmocka_run_group_tests(tests, saml_world_make, saml_world_done);
}
