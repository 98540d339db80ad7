/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_VECTORS_SAML_WRAPPING_H
#define RG_TESTS_VECTORS_SAML_WRAPPING_H

/* The attacks on signatures: wrapping in the eight forms of Somorovsky et al., "On Breaking SAML" (2012), and in
 * variants; keys, algorithms, transforms and references that a message would like us to use. */
#include "tests/support/saml_world.h"

/* ---- who signs ---- */

static void sign_nothing(struct saml_recipe *recipe)
{
    recipe->sign_assertion = false;
}
static void sign_both(struct saml_recipe *recipe)
{
    recipe->sign_response = true;
}
static void sign_the_response_only(struct saml_recipe *recipe)
{
    recipe->sign_response = true;
    recipe->sign_assertion = false;
}
static void fail_in_a_signed_response(struct saml_recipe *recipe)
{
    sign_the_response_only(recipe);
    recipe->status = "urn:oasis:names:tc:SAML:2.0:status:Responder";
}
static char *change_the_status(char *xml)
{
    return saml_replace(xml, "status:Responder", "status:Success");
}
static void sign_by_a_stranger(struct saml_recipe *recipe)
{
    recipe->key = saml_world.stranger;
}
static void sign_by_a_stranger_with_key(struct saml_recipe *recipe)
{
    struct rg_slice n = keys_number(saml_world.stranger, OSSL_PKEY_PARAM_RSA_N, 0, &saml_world.arena);
    char *text = saml_print("%.*s==", (int)n.size, n.data);
    for (char *at = text; *at != '\0'; at++) {
        *at = *at == '-' ? '+' : *at == '_' ? '/' : *at;
    }
    recipe->key = saml_world.stranger;
    recipe->key_info = saml_print("<ds:KeyInfo><ds:KeyValue><ds:RSAKeyValue><ds:Modulus>%s</ds:Modulus>"
                                  "<ds:Exponent>AQAB</ds:Exponent></ds:RSAKeyValue></ds:KeyValue></ds:KeyInfo>",
                                  text);
}
static void sign_by_a_stranger_with_certificate(struct saml_recipe *recipe)
{
    struct rg_slice text = {0};
    assert_ok(rg_base64_encode(saml_world.stranger_certificate, &saml_world.arena, &text));
    recipe->key = saml_world.stranger;
    recipe->key_info =
        saml_print("<ds:KeyInfo><ds:X509Data><ds:X509Certificate>%.*s</ds:X509Certificate></ds:X509Data></ds:KeyInfo>",
                   (int)text.size, text.data);
}
static void sign_by_sha1(struct saml_recipe *recipe)
{
    recipe->signature_method = DSIG "rsa-sha1";
}
static void digest_by_sha1(struct saml_recipe *recipe)
{
    recipe->digest_method = DSIG "sha1";
}
static void canonicalise_with_comments(struct saml_recipe *recipe)
{
    recipe->c14n = EXC_C14N "WithComments";
}
static void canonicalise_inclusively(struct saml_recipe *recipe)
{
    recipe->c14n = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315";
}
static void leave_out_exclusive(struct saml_recipe *recipe)
{
    recipe->transforms = "<ds:Transform Algorithm=\"" DSIG "enveloped-signature\"/>";
}
static void transform_with_comments(struct saml_recipe *recipe)
{
    recipe->transforms = "<ds:Transform Algorithm=\"" DSIG "enveloped-signature\"/>"
                         "<ds:Transform Algorithm=\"" EXC_C14N "WithComments\"/>";
}
static void transform_inclusively(struct saml_recipe *recipe)
{
    recipe->transforms = "<ds:Transform Algorithm=\"" DSIG "enveloped-signature\"/>"
                         "<ds:Transform Algorithm=\"http://www.w3.org/TR/2001/REC-xml-c14n-20010315\"/>";
}
/* Looked for at each element: 200 KB of these took seconds. */
#define MANY_PREFIXES                                                                                                  \
    "<ec:InclusiveNamespaces xmlns:ec=\"" EXC_C14N "\" PrefixList=\"a b c d e f g h i j k l m n o p q\"/>"
static void list_many_prefixes(struct saml_recipe *recipe)
{
    recipe->transforms = "<ds:Transform Algorithm=\"" DSIG "enveloped-signature\"/>"
                         "<ds:Transform Algorithm=\"" EXC_C14N "\">" MANY_PREFIXES "</ds:Transform>";
}
static char *list_many_prefixes_of_the_signature(char *xml)
{
    return saml_replace(xml, "<ds:CanonicalizationMethod Algorithm=\"" EXC_C14N "\"/>",
                        "<ds:CanonicalizationMethod Algorithm=\"" EXC_C14N "\">" MANY_PREFIXES
                        "</ds:CanonicalizationMethod>");
}
static char *list_a_long_prefix(char *xml)
{
    char *prefix = saml_print("%0300d", 7);
    prefix[0] = 'p';
    return saml_replace(xml, "<ds:Transform Algorithm=\"" EXC_C14N "\"/>",
                        saml_print("<ds:Transform Algorithm=\"" EXC_C14N
                                   "\"><ec:InclusiveNamespaces xmlns:ec=\"" EXC_C14N
                                   "\" PrefixList=\"%s\"/></ds:Transform>",
                                   prefix));
}
static void envelop_twice(struct saml_recipe *recipe)
{
    recipe->transforms = "<ds:Transform Algorithm=\"" DSIG "enveloped-signature\"/>"
                         "<ds:Transform Algorithm=\"" DSIG "enveloped-signature\"/>";
}
static void refer_to_the_document(struct saml_recipe *recipe)
{
    recipe->reference = "";
}

/* ---- pieces of an honest message ---- */

static char *signature_of(const char *xml)
{
    return saml_between(xml, "<ds:Signature ", "</ds:Signature>");
}
static char *assertion_of(const char *xml)
{
    return saml_between(xml, "<saml:Assertion ", "</saml:Assertion>");
}
static char *remove_the_signature(char *xml)
{
    return saml_replace(xml, signature_of(xml), "");
}
static char *change_the_name(char *xml)
{
    return saml_replace(xml, "alice@example.com", "admin@example.com");
}
/* What the attacker wants read: an assertion without signature, under another ID, for another person. */
static char *evil_assertion(const char *xml)
{
    char *assertion = assertion_of(xml);
    if (strstr(assertion, "<ds:Signature ") != NULL) {
        assertion = remove_the_signature(assertion);
    }
    return saml_replace(change_the_name(assertion), "_assertion1", "_evil1");
}
static char *put_before_status(const char *xml, const char *part)
{
    return saml_replace(xml, "<samlp:Status>", saml_print("%s<samlp:Status>", part));
}
static char *put_at_end(const char *xml, const char *part)
{
    return saml_replace(xml, "</samlp:Response>", saml_print("%s</samlp:Response>", part));
}

/* ---- wrapping ---- */

/* The evil response around: another ID, another person, the original's signature with content put into it. */
static char *evil_response(const char *xml, const char *signature)
{
    char *bare = remove_the_signature(saml_print("%s", xml));
    char *evil = saml_replace(change_the_name(bare), "_response1", "_evil2");
    evil = saml_replace(evil, "_assertion1", "_evil1");
    return put_before_status(evil, signature);
}
static char *wrap_1(char *xml)
{
    char *original = remove_the_signature(xml);
    char *signature = saml_replace(signature_of(xml), "</ds:Signature>", saml_print("%s</ds:Signature>", original));
    return evil_response(xml, signature);
}
static char *wrap_2(char *xml)
{
    return evil_response(xml, saml_print("%s%s", remove_the_signature(xml), signature_of(xml)));
}
static char *wrap_3(char *xml)
{
    return saml_replace(xml, "<saml:Assertion ", saml_print("%s<saml:Assertion ", evil_assertion(xml)));
}
static char *wrap_3b(char *xml)
{
    return put_at_end(xml, evil_assertion(xml));
}
static char *wrap_3c(char *xml)
{
    char *evil = saml_replace(evil_assertion(xml), "_evil1", "_assertion1");
    return saml_replace(xml, "<saml:Assertion ", saml_print("%s<saml:Assertion ", evil));
}
static char *wrap_4(char *xml)
{
    char *evil =
        saml_replace(evil_assertion(xml), "</saml:Assertion>", saml_print("%s</saml:Assertion>", assertion_of(xml)));
    return saml_replace(xml, assertion_of(xml), evil);
}
static char *evil_with_signature(const char *xml, const char *signature)
{
    return saml_replace(evil_assertion(xml), "<saml:Subject>", saml_print("%s<saml:Subject>", signature));
}
static char *wrap_5(char *xml)
{
    char *evil = evil_with_signature(xml, signature_of(xml));
    return saml_replace(xml, assertion_of(xml), saml_print("%s%s", evil, remove_the_signature(assertion_of(xml))));
}
static char *wrap_within(char *xml, const char *open, const char *close)
{
    char *inside = saml_print("%s%s%s</ds:Signature>", open, remove_the_signature(assertion_of(xml)), close);
    char *signature = saml_replace(signature_of(xml), "</ds:Signature>", inside);
    return saml_replace(xml, assertion_of(xml), evil_with_signature(xml, signature));
}
static char *wrap_6(char *xml)
{
    return wrap_within(xml, "", "");
}
static char *wrap_8(char *xml)
{
    return wrap_within(xml, "<ds:Object>", "</ds:Object>");
}
static char *wrap_10(char *xml)
{
    return wrap_within(xml, "<ds:KeyInfo>", "</ds:KeyInfo>");
}
static char *wrap_7(char *xml)
{
    return put_before_status(xml, saml_print("<samlp:Extensions>%s</samlp:Extensions>", evil_assertion(xml)));
}
static char *wrap_7b(char *xml)
{
    char *wrapped = saml_replace(xml, assertion_of(xml), evil_assertion(xml));
    return put_before_status(wrapped, saml_print("<samlp:Extensions>%s</samlp:Extensions>", signature_of(xml)));
}
static char *wrap_9(char *xml)
{
    char *wrapped = saml_replace(xml, assertion_of(xml), evil_assertion(xml));
    return saml_replace(wrapped, "</samlp:Status>",
                        saml_print("<samlp:StatusDetail>%s</samlp:StatusDetail></samlp:Status>", signature_of(xml)));
}
static char *wrap_11(char *xml)
{
    return put_before_status(xml, evil_assertion(xml));
}
static char *wrap_12(char *xml)
{
    struct saml_recipe recipe = saml_recipe();
    recipe.assertion_id = "_evil1";
    recipe.name_id = "<saml:NameID>admin@example.com</saml:NameID>";
    return put_at_end(xml, saml_assertion_text(&recipe, false));
}
static char *wrap_13(char *xml)
{
    return put_at_end(xml, saml_between(xml, "<saml:EncryptedAssertion ", "</saml:EncryptedAssertion>"));
}
static char *wrap_in_a_strangers_response(char *xml)
{
    struct saml_recipe recipe = saml_recipe();
    char *assertion = assertion_of(xml);
    recipe.sign_response = true;
    recipe.sign_assertion = false;
    recipe.key = saml_world.stranger;
    char *response = saml_write(&recipe);
    return saml_replace(response, assertion_of(response), assertion);
}

/* ---- algorithms ---- */

static char *claim_algorithm(const char *xml, const char *uri)
{
    return saml_replace(xml, MORE "rsa-sha256", uri);
}
static char *claim_md5(char *xml)
{
    return claim_algorithm(xml, MORE "rsa-md5");
}
static char *claim_no_algorithm(char *xml)
{
    return claim_algorithm(xml, "");
}
static char *claim_ecdsa(char *xml)
{
    return claim_algorithm(xml, MORE "ecdsa-sha256");
}
/* The classic confusion: the certificate, which everybody knows, as the secret of an HMAC. */
static char *sign_by_hmac(char *xml)
{
    char *claimed = claim_algorithm(xml, MORE "hmac-sha256");
    char *info = saml_between(claimed, "<ds:SignedInfo>", "</ds:SignedInfo>");
    struct rg_slice pem = keys_public_pem(saml_world.idp, &saml_world.arena);
    struct rg_digest mac = rg_hmac_sha256(pem, rg_slice_of(info));
    struct rg_slice text = {0};
    assert_ok(rg_base64_encode(rg_slice_make(mac.bytes, sizeof mac.bytes), &saml_world.arena, &text));
    return saml_replace(claimed, saml_between(claimed, "<ds:SignatureValue>", "</ds:SignatureValue>"),
                        saml_print("<ds:SignatureValue>%.*s</ds:SignatureValue>", (int)text.size, text.data));
}
static char *cut_the_hmac(char *xml)
{
    char *hmac = sign_by_hmac(xml);
    return saml_replace(hmac, "hmac-sha256\"/>",
                        "hmac-sha256\"><ds:HMACOutputLength>1</ds:HMACOutputLength></ds:SignatureMethod>");
}

/* ---- values ---- */

static char *with_value(char *xml, const char *name, const char *value)
{
    char *open = saml_print("<ds:%s>", name);
    char *close = saml_print("</ds:%s>", name);
    return saml_replace(xml, saml_between(xml, open, close), saml_print("%s%s%s", open, value, close));
}
static char *empty_the_value(char *xml)
{
    return with_value(xml, "SignatureValue", "");
}
static char *break_the_value(char *xml)
{
    return with_value(xml, "SignatureValue", "!!!!");
}
static char *empty_the_digest(char *xml)
{
    return with_value(xml, "DigestValue", "");
}
static char *comment_in_the_digest(char *xml)
{
    return with_value(xml, "DigestValue", "<!--AAAA-->AAAA");
}
static char *give_two_digests(char *xml)
{
    char *digest = saml_between(xml, "<ds:DigestValue>", "</ds:DigestValue>");
    return saml_replace(xml, digest, saml_print("<ds:DigestValue>AAAA</ds:DigestValue>%s", digest));
}
static char *give_two_infos(char *xml)
{
    char *info = saml_between(xml, "<ds:SignedInfo>", "</ds:SignedInfo>");
    return saml_replace(xml, info, saml_print("%s%s", info, info));
}

/* ---- transforms: refused before they are run, so their signatures need not hold ---- */

static char *with_transforms(char *xml, const char *transforms)
{
    return with_value(xml, "Transforms", transforms);
}
static char *transform_by_xpath(char *xml)
{
    return with_transforms(xml, "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\"><ds:XPath>"
                                "not(ancestor-or-self::saml:Subject)</ds:XPath></ds:Transform>" TRANSFORMS);
}
static char *transform_by_filter(char *xml)
{
    return with_transforms(xml, "<ds:Transform Algorithm=\"http://www.w3.org/2002/06/xmldsig-filter2\"/>"
                                "<ds:Transform Algorithm=\"" EXC_C14N "\"/>");
}
static char *transform_by_xslt(char *xml)
{
    return with_transforms(
        xml, "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xslt-19991116\"><xsl:stylesheet version=\"1.0\" "
             "xmlns:xsl=\"http://www.w3.org/1999/XSL/Transform\"><xsl:template match=\"/\"><xsl:value-of "
             "select=\"document('file:///etc/passwd')\"/></xsl:template></xsl:stylesheet></ds:Transform>"
             "<ds:Transform Algorithm=\"" EXC_C14N "\"/>");
}
static char *transform_by_base64(char *xml)
{
    return with_transforms(xml, "<ds:Transform Algorithm=\"" DSIG "enveloped-signature\"/>"
                                "<ds:Transform Algorithm=\"" DSIG "base64\"/>");
}
static char *leave_out_enveloped(char *xml)
{
    return with_transforms(xml, "<ds:Transform Algorithm=\"" EXC_C14N "\"/>");
}
static char *leave_out_transforms(char *xml)
{
    return saml_replace(xml, saml_between(xml, "<ds:Transforms>", "</ds:Transforms>"), "");
}
static char *add_a_prefix_list(char *xml)
{
    return saml_replace(xml, "<ds:Transform Algorithm=\"" EXC_C14N "\"/>",
                        "<ds:Transform Algorithm=\"" EXC_C14N "\"><ec:InclusiveNamespaces xmlns:ec=\"" EXC_C14N
                        "\" PrefixList=\"xs samlp\"/></ds:Transform>");
}

/* ---- references ---- */

static char *with_reference(char *xml, const char *reference)
{
    return saml_replace(xml, "URI=\"#_assertion1\"", reference);
}
static char *refer_by_xpointer(char *xml)
{
    return with_reference(xml, "URI=\"#xpointer(id('_assertion1'))\"");
}
static char *refer_to_a_url(char *xml)
{
    return with_reference(xml, "URI=\"http://127.0.0.1:1/assertion.xml\"");
}
static char *refer_to_a_file(char *xml)
{
    return with_reference(xml, "URI=\"file:///etc/passwd\"");
}
static char *refer_to_nothing(char *xml)
{
    return with_reference(xml, "");
}
static char *refer_to_the_response(char *xml)
{
    return with_reference(xml, "URI=\"#_response1\"");
}
static char *refer_twice(char *xml)
{
    char *reference = saml_between(xml, "<ds:Reference ", "</ds:Reference>");
    return saml_replace(xml, reference, saml_print("%s%s", reference, reference));
}
static char *carry_an_object(char *xml)
{
    return saml_replace(xml, "</ds:Signature>", "<ds:Object>x</ds:Object></ds:Signature>");
}
static char *carry_a_manifest(char *xml)
{
    char *reference = saml_between(xml, "<ds:Reference ", "</ds:Reference>");
    return saml_replace(xml, "</ds:Signature>",
                        saml_print("<ds:Object><ds:Manifest>%s</ds:Manifest></ds:Object></ds:Signature>", reference));
}

/* ---- places and names ---- */

static char *sign_twice(char *xml)
{
    char *signature = signature_of(xml);
    return saml_replace(xml, signature, saml_print("%s%s", signature, signature));
}
static char *move_the_signature_down(char *xml)
{
    char *signature = signature_of(xml);
    return saml_replace(remove_the_signature(xml), "<saml:Subject>", saml_print("<saml:Subject>%s", signature));
}
static char *put_a_signature_in_an_attribute(char *xml)
{
    return saml_replace(xml, "north", signature_of(xml));
}
/* libxml2 makes no canonical form of a document with a relative namespace; some verifiers then digest nothing. */
static char *use_a_relative_namespace(char *xml)
{
    return saml_replace(xml, "<saml:Subject>", "<saml:Subject xmlns:x=\"1\" x:y=\"\">");
}
static char *bind_the_prefix_anew(char *xml)
{
    return saml_replace(xml, "<saml:AttributeValue>north", "<saml:AttributeValue xmlns:x=\"urn:x\" x:y=\"\">north");
}
static char *add_a_language(char *xml)
{
    return saml_replace(xml, "<saml:Subject>", "<saml:Subject xml:lang=\"en\">");
}

#endif
