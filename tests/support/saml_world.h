/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_SUPPORT_SAML_WORLD_H
#define RG_TESTS_SUPPORT_SAML_WORLD_H

/* An identity provider for tests: writes Responses as a recipe says, signs them by xmlsec and encrypts them by
 * OpenSSL, and has a trust that accepts the plain recipe. Attacks change the recipe before, or the text after. */
#include <libxml/parser.h>
#include <stdlib.h>
#include <xmlsec/xmlsec.h>

#include <xmlsec/openssl/app.h>
#include <xmlsec/openssl/crypto.h>
#include <xmlsec/openssl/evp.h>
#include <xmlsec/xmldsig.h>
#include <xmlsec/xmltree.h>

#include "auth/saml.h"
#include "tests/support/saml_keys.h"

#define SAML_NOW_S 1800000000 /* 2027-01-15T08:00:00Z */
#define SAML_NOW_US (INT64_C(1000000) * SAML_NOW_S)
#define SAML_ACS "https://bi.example.com/.rowgate/saml/main/acs"
#define SAML_ENTITY "https://bi.example.com/.rowgate/saml/main/metadata"
#define SAML_IDP "https://idp.example.com/metadata"
#define SAML_REQUEST "_request1"

#define DSIG "http://www.w3.org/2000/09/xmldsig#"
#define MORE "http://www.w3.org/2001/04/xmldsig-more#"
#define XENC "http://www.w3.org/2001/04/xmlenc#"
#define EXC_C14N "http://www.w3.org/2001/10/xml-exc-c14n#"
#define TRANSFORMS "<ds:Transform Algorithm=\"" DSIG "enveloped-signature\"/><ds:Transform Algorithm=\"" EXC_C14N "\"/>"

struct saml_world {
    EVP_PKEY *idp;
    EVP_PKEY *idp_next; /* the key that comes next: in the metadata as well */
    EVP_PKEY *idp_ec;
    EVP_PKEY *stranger; /* in no metadata */
    EVP_PKEY *ours;
    struct rg_slice certificates[3];
    struct rg_slice stranger_certificate;
    struct auth_claim_spec claims[3];
    struct auth_saml_trust trust;
    struct auth_saml_expected expected;
    struct rg_arena arena; /* reset between messages, so nothing of the world is in it */
    struct rg_arena kept;
};

static struct saml_world saml_world;

/* What the provider writes. Empty strings leave the attribute or element out. */
struct saml_recipe {
    bool sign_response, sign_assertion;
    const char *encrypt; /* OpenSSL's name of a cipher; NULL = not encrypted */
    bool wrap_by_rsa15;
    EVP_PKEY *key;
    const char *issuer, *response_issuer, *destination, *recipient, *audience, *status, *version;
    const char *in_response_to, *response_in_response_to;
    const char *method; /* of the subject confirmation */
    const char *issued, *not_before, *not_on_or_after, *confirmed_until, *session_until, *authenticated;
    const char *name_id;     /* XML */
    const char *attributes;  /* XML, the whole AttributeStatement */
    const char *conditions;  /* XML in Conditions behind the audience */
    const char *statements;  /* XML behind the AuthnStatement */
    const char *in_response; /* XML in the Response, before its Status */
    const char *signature_method, *digest_method, *c14n, *transforms, *reference, *more_references, *key_info, *object;
    const char *response_id, *assertion_id;
    const char *signature_attributes; /* of SignatureMethod's content: XML */
};

static inline struct saml_recipe saml_recipe(void)
{
    return (struct saml_recipe){
        .sign_assertion = true,
        .key = saml_world.idp,
        .issuer = SAML_IDP,
        .response_issuer = SAML_IDP,
        .destination = SAML_ACS,
        .recipient = SAML_ACS,
        .audience = SAML_ENTITY,
        .status = "urn:oasis:names:tc:SAML:2.0:status:Success",
        .version = "2.0",
        .in_response_to = SAML_REQUEST,
        .response_in_response_to = SAML_REQUEST,
        .method = "urn:oasis:names:tc:SAML:2.0:cm:bearer",
        .issued = "2027-01-15T07:59:58Z",
        .not_before = "2027-01-15T07:59:28.5Z",
        .not_on_or_after = "2027-01-15T08:04:58Z",
        .confirmed_until = "2027-01-15T08:04:58.123Z",
        .session_until = "2027-01-15T16:00:00Z",
        .authenticated = "2027-01-15T07:59:50Z",
        .name_id = "<saml:NameID Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress\" "
                   "SPNameQualifier=\"" SAML_ENTITY "\">alice@example.com</saml:NameID>",
        .attributes =
            "<saml:AttributeStatement>"
            "<saml:Attribute Name=\"tenant\" NameFormat=\"urn:oasis:names:tc:SAML:2.0:attrname-format:basic\">"
            "<saml:AttributeValue xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" "
            "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"xs:string\">"
            "6f9619ff-8b86-4d01-b42d-00cf4fc964ff</saml:AttributeValue></saml:Attribute>"
            "<saml:Attribute Name=\"urn:regions\"><saml:AttributeValue>north</saml:AttributeValue>"
            "<saml:AttributeValue>south</saml:AttributeValue></saml:Attribute>"
            "<saml:Attribute Name=\"displayName\"><saml:AttributeValue>Alice &amp; Co</saml:AttributeValue>"
            "</saml:Attribute></saml:AttributeStatement>",
        .conditions = "",
        .statements = "",
        .in_response = "",
        .signature_method = MORE "rsa-sha256",
        .digest_method = XENC "sha256",
        .c14n = EXC_C14N,
        .transforms = TRANSFORMS,
        .more_references = "",
        .key_info = "",
        .object = "",
        .response_id = "_response1",
        .assertion_id = "_assertion1",
        .signature_attributes = "",
    };
}

/* ---- the world ---- */

static inline void saml_world_reset(void)
{
    struct saml_world *world = &saml_world;
    world->trust = auth_saml_trust_default();
    world->trust.name = RG_SLICE("main");
    world->trust.entity_id = RG_SLICE(SAML_ENTITY);
    world->trust.idp.entity_id = RG_SLICE(SAML_IDP);
    world->trust.idp.certificates = world->certificates;
    world->trust.idp.certificate_count = 3;
    world->trust.private_key = saml_private_pem(world->ours, &world->kept);
    world->trust.claims = world->claims;
    world->trust.claim_count = 3;
    world->expected = (struct auth_saml_expected){RG_SLICE(SAML_ACS), RG_SLICE(SAML_REQUEST), .now_us = SAML_NOW_US};
    rg_arena_reset(&world->arena);
}

static inline int saml_world_make(void **state)
{
    (void)state;
    struct saml_world *world = &saml_world;
    rg_arena_init(&world->arena, (size_t)64 << 20);
    rg_arena_init(&world->kept, (size_t)64 << 20);
    world->idp = keys_make("RSA");
    world->idp_next = keys_make("RSA");
    world->idp_ec = keys_make("P-256");
    world->stranger = keys_make("RSA");
    world->ours = keys_make("RSA");
    world->certificates[0] = saml_certificate(world->idp_next, "next", &world->kept);
    world->certificates[1] = saml_certificate(world->idp, "idp", &world->kept);
    world->certificates[2] = saml_certificate(world->idp_ec, "ec", &world->kept);
    world->stranger_certificate = saml_certificate(world->stranger, "stranger", &world->kept);
    world->claims[0] =
        (struct auth_claim_spec){.name = RG_SLICE("tenant"), .type = {AUTH_SCALAR_UUID, false}, .required = true};
    world->claims[1] = (struct auth_claim_spec){
        .name = RG_SLICE("regions"), .saml_name = RG_SLICE("urn:regions"), .type = {AUTH_SCALAR_TEXT, true}};
    world->claims[2] = (struct auth_claim_spec){.name = RG_SLICE("absent"), .type = {AUTH_SCALAR_TEXT, false}};
    saml_world_reset();
    struct auth_saml_login login = {0};
    enum auth_saml_rule rule = AUTH_SAML_NONE;
    assert_fails(RG_DENIED, auth_saml_judge(&world->trust, &world->expected, RG_SLICE("<a/>"), &world->arena, &login,
                                            &rule)); /* starts xmlsec */
    return 0;
}

static inline int saml_world_done(void **state)
{
    (void)state;
    struct saml_world *world = &saml_world;
    EVP_PKEY_free(world->idp);
    EVP_PKEY_free(world->idp_next);
    EVP_PKEY_free(world->idp_ec);
    EVP_PKEY_free(world->stranger);
    EVP_PKEY_free(world->ours);
    rg_arena_done(&world->arena);
    rg_arena_done(&world->kept);
    return 0;
}

/* ---- text ---- */

#define saml_print(...) saml_print_at(__VA_ARGS__)
static inline char *saml_print_at(const char *format, ...) __attribute__((format(printf, 1, 2)));
static inline char *saml_print_at(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = NULL;
    int size = vasprintf(&text, format, arguments);
    va_end(arguments);
    assert_true(size >= 0);
    char *copy = NULL;
    assert_ok(rg_arena_alloc(&saml_world.arena, (size_t)size + 1, (void **)&copy));
    memcpy(copy, text, (size_t)size + 1);
    free(text);
    return copy;
}

/* The first text from open to the end of the next close. */
static inline char *saml_between(const char *text, const char *open, const char *close)
{
    const char *start = strstr(text, open);
    assert_non_null(start);
    const char *end = strstr(start, close);
    assert_non_null(end);
    return saml_print("%.*s", (int)(end + strlen(close) - start), start);
}

/* text with its first part replaced; part must be there. */
static inline char *saml_replace(const char *text, const char *part, const char *with)
{
    const char *at = strstr(text, part);
    if (at == NULL) {
        fail_msg("\"%s\" is not in the message", part);
        return NULL;
    }
    return saml_print("%.*s%s%s", (int)(at - text), text, with, at + strlen(part));
}

static inline char *saml_optional(const char *name, const char *value)
{
    return value == NULL || value[0] == '\0' ? saml_print("%s", "") : saml_print(" %s=\"%s\"", name, value);
}

/* ---- writing ---- */

static inline char *saml_signature_template(const struct saml_recipe *recipe, const char *id)
{
    const char *uri = recipe->reference != NULL ? recipe->reference : saml_print("#%s", id);
    return saml_print("<ds:Signature xmlns:ds=\"" DSIG "\"><ds:SignedInfo>"
                      "<ds:CanonicalizationMethod Algorithm=\"%s\"/><ds:SignatureMethod Algorithm=\"%s\">%s"
                      "</ds:SignatureMethod><ds:Reference URI=\"%s\"><ds:Transforms>%s</ds:Transforms>"
                      "<ds:DigestMethod Algorithm=\"%s\"/><ds:DigestValue></ds:DigestValue></ds:Reference>%s"
                      "</ds:SignedInfo><ds:SignatureValue></ds:SignatureValue>%s%s</ds:Signature>",
                      recipe->c14n, recipe->signature_method, recipe->signature_attributes, uri, recipe->transforms,
                      recipe->digest_method, recipe->more_references, recipe->key_info, recipe->object);
}

static inline char *saml_assertion_text(const struct saml_recipe *recipe, bool is_signed)
{
    char *subject = saml_print(
        "<saml:Subject>%s<saml:SubjectConfirmation Method=\"%s\"><saml:SubjectConfirmationData%s%s%s/>"
        "</saml:SubjectConfirmation></saml:Subject>",
        recipe->name_id, recipe->method, saml_optional("InResponseTo", recipe->in_response_to),
        saml_optional("Recipient", recipe->recipient), saml_optional("NotOnOrAfter", recipe->confirmed_until));
    char *audience = recipe->audience[0] == '\0'
                         ? saml_print("%s", "")
                         : saml_print("<saml:AudienceRestriction><saml:Audience>%s</saml:Audience>"
                                      "</saml:AudienceRestriction>",
                                      recipe->audience);
    return saml_print(
        "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"%s\" Version=\"%s\"%s>"
        "<saml:Issuer>%s</saml:Issuer>%s%s<saml:Conditions%s%s>%s%s</saml:Conditions>"
        "<saml:AuthnStatement%s SessionIndex=\"_session1\"%s><saml:AuthnContext>"
        "<saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password"
        "</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>%s%s</saml:Assertion>",
        recipe->assertion_id, recipe->version, saml_optional("IssueInstant", recipe->issued), recipe->issuer,
        is_signed ? saml_signature_template(recipe, recipe->assertion_id) : "", subject,
        saml_optional("NotBefore", recipe->not_before), saml_optional("NotOnOrAfter", recipe->not_on_or_after),
        audience, recipe->conditions, saml_optional("AuthnInstant", recipe->authenticated),
        saml_optional("SessionNotOnOrAfter", recipe->session_until), recipe->statements, recipe->attributes);
}

/* Signs the first Signature of the document that is still empty. */
static inline char *saml_sign(const char *xml, EVP_PKEY *key)
{
    static const xmlChar *const ids[] = {(const xmlChar *)"ID", NULL};
    xmlDocPtr document = xmlReadMemory(xml, (int)strlen(xml), NULL, "UTF-8", XML_PARSE_NONET);
    assert_non_null(document);
    xmlNodePtr root = xmlDocGetRootElement(document);
    const xmlChar *id_names[] = {ids[0], NULL};
    xmlSecAddIDs(document, root, id_names);
    xmlNodePtr value = NULL;
    for (xmlNodePtr node = root; node != NULL && value == NULL;) {
        bool is_value = strcmp((const char *)node->name, "SignatureValue") == 0 && node->children == NULL;
        value = is_value ? node : NULL;
        xmlNodePtr next = xmlFirstElementChild(node);
        while (next == NULL && node != root) {
            next = xmlNextElementSibling(node);
            node = node->parent;
        }
        node = next;
    }
    if (value == NULL) {
        fail_msg("no Signature is to be made");
        return NULL;
    }
    xmlSecDSigCtxPtr context = xmlSecDSigCtxCreate(NULL);
    assert_int_equal(EVP_PKEY_up_ref(key), 1);
    context->signKey = xmlSecKeyCreate();
    assert_int_equal(xmlSecKeySetValue(context->signKey, xmlSecOpenSSLEvpKeyAdopt(key)), 0);
    assert_int_equal(xmlSecDSigCtxSign(context, value->parent), 0);
    xmlSecDSigCtxDestroy(context);
    xmlChar *text = NULL;
    int size = 0;
    xmlDocDumpMemory(document, &text, &size);
    char *copy = saml_print("%.*s", size, (const char *)text);
    xmlFree(text);
    xmlFreeDoc(document);
    return copy;
}

/* What xmlDocDumpMemory wrote without its declaration. */
static inline char *saml_bare(const char *xml)
{
    const char *end = strstr(xml, "?>");
    return saml_print("%s", end == NULL ? xml : end + 2);
}

static inline const char *saml_cipher_uri(const char *cipher)
{
    return strcmp(cipher, "AES-128-GCM") == 0   ? "http://www.w3.org/2009/xmlenc11#aes128-gcm"
           : strcmp(cipher, "AES-256-GCM") == 0 ? "http://www.w3.org/2009/xmlenc11#aes256-gcm"
                                                : XENC "aes256-cbc";
}

static inline char *saml_encrypted(const struct saml_recipe *recipe, const char *assertion)
{
    static const char bytes[] = "0123456789abcdefghijklmnopqrstuv";
    struct rg_slice key = {bytes, strstr(recipe->encrypt, "128") != NULL ? 16 : 32};
    struct rg_arena *arena = &saml_world.arena;
    struct rg_slice wrapped = saml_wrap_key(saml_world.ours, key, !recipe->wrap_by_rsa15, arena);
    struct rg_slice sealed = saml_seal(recipe->encrypt, key, rg_slice_of(assertion), arena);
    return saml_print(
        "<saml:EncryptedAssertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"><xenc:EncryptedData "
        "xmlns:xenc=\"" XENC "\" Type=\"" XENC "Element\"><xenc:EncryptionMethod Algorithm=\"%s\"/>"
        "<ds:KeyInfo xmlns:ds=\"" DSIG "\"><xenc:EncryptedKey><xenc:EncryptionMethod Algorithm=\"" XENC "%s\"/>"
        "<xenc:CipherData><xenc:CipherValue>%.*s</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey></ds:KeyInfo>"
        "<xenc:CipherData><xenc:CipherValue>%.*s</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>"
        "</saml:EncryptedAssertion>",
        saml_cipher_uri(recipe->encrypt), recipe->wrap_by_rsa15 ? "rsa-1_5" : "rsa-oaep-mgf1p", (int)wrapped.size,
        wrapped.data, (int)sealed.size, sealed.data);
}

/* A whole Response. */
static inline char *saml_write(const struct saml_recipe *recipe)
{
    char *assertion = saml_assertion_text(recipe, recipe->sign_assertion);
    if (recipe->sign_assertion) {
        assertion = saml_bare(saml_sign(assertion, recipe->key));
    }
    if (recipe->encrypt != NULL) {
        assertion = saml_encrypted(recipe, assertion);
    }
    char *issuer = recipe->response_issuer[0] == '\0'
                       ? saml_print("%s", "")
                       : saml_print("<saml:Issuer>%s</saml:Issuer>", recipe->response_issuer);
    char *xml = saml_print(
        "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" "
        "xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"%s\" Version=\"%s\" "
        "IssueInstant=\"2027-01-15T07:59:58Z\"%s%s>%s%s%s<samlp:Status><samlp:StatusCode Value=\"%s\"/></samlp:Status>"
        "%s</samlp:Response>",
        recipe->response_id, recipe->version, saml_optional("Destination", recipe->destination),
        saml_optional("InResponseTo", recipe->response_in_response_to), issuer,
        recipe->sign_response ? saml_signature_template(recipe, recipe->response_id) : "", recipe->in_response,
        recipe->status, assertion);
    return recipe->sign_response ? saml_bare(saml_sign(xml, recipe->key)) : xml;
}

#endif
