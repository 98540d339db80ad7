/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_VECTORS_SAML_ATTACKS_H
#define RG_TESTS_VECTORS_SAML_ATTACKS_H

/* The attacks on SAML logins as code: each is one message, written by the recipe of tests/support/saml_world.h, changed
 * before it is signed or after, and refused by one rule. What a message says about wrapping, keys and transforms is in
 * tests/vectors/saml/wrapping.h. Rows are the table at the end. */
#include "tests/vectors/saml/wrapping.h"

/* ---- what the assertion says ---- */

static void say_failure(struct saml_recipe *recipe)
{
    recipe->status = "urn:oasis:names:tc:SAML:2.0:status:Responder";
}
static void come_from_another_issuer(struct saml_recipe *recipe)
{
    recipe->issuer = "https://evil.example.com/metadata";
}
static void come_in_anothers_response(struct saml_recipe *recipe)
{
    recipe->response_issuer = "https://evil.example.com/metadata";
}
static void be_for_another_audience(struct saml_recipe *recipe)
{
    recipe->audience = "https://other.example.com/metadata";
}
static void be_for_no_audience(struct saml_recipe *recipe)
{
    recipe->audience = "";
}
static void be_for_two_audiences_at_once(struct saml_recipe *recipe)
{
    recipe->conditions = "<saml:AudienceRestriction><saml:Audience>https://other.example.com</saml:Audience>"
                         "</saml:AudienceRestriction>";
}
static void go_to_another_destination(struct saml_recipe *recipe)
{
    recipe->destination = "https://other.example.com/acs";
}
static void sign_the_response_without_destination(struct saml_recipe *recipe)
{
    recipe->sign_response = true;
    recipe->destination = "";
}
static void be_for_another_recipient(struct saml_recipe *recipe)
{
    recipe->recipient = "https://bi.example.com/.rowgate/saml/other/acs";
}
static void be_for_no_recipient(struct saml_recipe *recipe)
{
    recipe->recipient = "";
}
static void answer_another_browser(struct saml_recipe *recipe)
{
    recipe->in_response_to = recipe->response_in_response_to = "_request2";
}
static void answer_another_browser_inside(struct saml_recipe *recipe)
{
    recipe->in_response_to = "_request2";
}
static void answer_nothing(struct saml_recipe *recipe)
{
    recipe->in_response_to = recipe->response_in_response_to = "";
}
static void answer_nothing_inside(struct saml_recipe *recipe)
{
    recipe->in_response_to = "";
}
static void begin_at_the_provider(struct saml_recipe *recipe)
{
    answer_nothing(recipe);
    saml_world.expected.request_id = (struct rg_slice){NULL, 0};
}
static void answer_a_stolen_request_at_the_provider(struct saml_recipe *recipe)
{
    (void)recipe;
    saml_world.trust.allow_idp_initiated = true;
    saml_world.expected.request_id = (struct rg_slice){NULL, 0};
}
static void answer_a_stolen_request_inside(struct saml_recipe *recipe)
{
    answer_a_stolen_request_at_the_provider(recipe);
    recipe->response_in_response_to = "";
}
static void be_stale(struct saml_recipe *recipe)
{
    (void)recipe;
    saml_world.expected.now_us = SAML_NOW_US + INT64_C(1000000) * 359;
}
static void have_a_stale_confirmation(struct saml_recipe *recipe)
{
    recipe->confirmed_until = "2027-01-15T07:58:59Z";
}
static void have_an_endless_confirmation(struct saml_recipe *recipe)
{
    recipe->confirmed_until = "";
}
static void have_stale_conditions(struct saml_recipe *recipe)
{
    recipe->not_on_or_after = "2027-01-15T07:59:00Z";
}
static void be_early(struct saml_recipe *recipe)
{
    recipe->not_before = "2027-01-15T08:01:00.001Z";
}
static void be_issued_tomorrow(struct saml_recipe *recipe)
{
    recipe->issued = "2027-01-16T08:00:00Z";
}
static void be_issued_never(struct saml_recipe *recipe)
{
    recipe->issued = "";
}
static void authenticate_tomorrow(struct saml_recipe *recipe)
{
    recipe->authenticated = "2027-01-16T08:00:00Z";
}
static void have_an_ended_session(struct saml_recipe *recipe)
{
    recipe->session_until = "2027-01-15T07:59:00Z";
}
static void tell_time_in_a_zone(struct saml_recipe *recipe)
{
    recipe->not_on_or_after = "2027-01-15T08:04:58+02:00";
}
static void tell_february_30(struct saml_recipe *recipe)
{
    recipe->not_before = "2026-02-30T08:04:58Z";
}
static void tell_a_time_of_letters(struct saml_recipe *recipe)
{
    recipe->not_before = "2o26-02-20T08:04:58Z";
}
static void be_of_version_1(struct saml_recipe *recipe)
{
    recipe->version = "1.1";
}
static void be_confirmed_by_a_key(struct saml_recipe *recipe)
{
    recipe->method = "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key";
}
static void have_an_unknown_condition(struct saml_recipe *recipe)
{
    recipe->conditions = "<saml:Condition xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"Only\"/>";
}
static void name_nobody(struct saml_recipe *recipe)
{
    recipe->name_id = "<saml:NameID></saml:NameID>";
}
static void name_two(struct saml_recipe *recipe)
{
    recipe->name_id = "<saml:NameID>alice@example.com</saml:NameID><saml:NameID>admin@example.com</saml:NameID>";
}
static void name_by_an_element(struct saml_recipe *recipe)
{
    recipe->name_id = "<saml:NameID>admin@example.com<saml:x/>.evil.example.com</saml:NameID>";
}
static void hide_a_comment_in_the_name(struct saml_recipe *recipe)
{
    recipe->name_id = "<saml:NameID>admin@example.com<!-- -->.evil.example.com</saml:NameID>";
}
static void hide_a_section_in_the_name(struct saml_recipe *recipe)
{
    recipe->name_id = "<saml:NameID>admin@example.com<![CDATA[.evil.example.com]]></saml:NameID>";
}
static void hide_an_instruction_in_the_name(struct saml_recipe *recipe)
{
    recipe->name_id = "<saml:NameID>admin@example.com<?x y?>.evil.example.com</saml:NameID>";
}
static void hide_a_comment_in_an_attribute(struct saml_recipe *recipe)
{
    recipe->attributes = saml_replace(recipe->attributes, "north", "no<!---->rth");
}
static void state_twice(struct saml_recipe *recipe)
{
    recipe->statements = "<saml:AuthnStatement AuthnInstant=\"2027-01-15T07:59:50Z\" SessionIndex=\"x\"/>";
}
static void advise(struct saml_recipe *recipe)
{
    recipe->statements = "<saml:Advice><saml:AssertionIDRef>x</saml:AssertionIDRef></saml:Advice>";
}
static void leave_out_the_tenant(struct saml_recipe *recipe)
{
    recipe->attributes = saml_replace(recipe->attributes, "\"tenant\"", "\"other\"");
}
static void give_a_tenant_that_is_none(struct saml_recipe *recipe)
{
    recipe->attributes = saml_replace(recipe->attributes, "6f9619ff-8b86-4d01-b42d-00cf4fc964ff", "everyone");
}
static void give_two_tenants(struct saml_recipe *recipe)
{
    recipe->attributes = saml_replace(recipe->attributes, "<saml:Attribute Name=\"urn:regions\"",
                                      "<saml:Attribute Name=\"tenant\"><saml:AttributeValue>"
                                      "00000000-0000-4000-8000-000000000000</saml:AttributeValue></saml:Attribute>"
                                      "<saml:Attribute Name=\"urn:regions\"");
}
static void give_an_attribute_without_name(struct saml_recipe *recipe)
{
    recipe->attributes = saml_replace(recipe->attributes, "Name=\"urn:regions\"", "FriendlyName=\"x\"");
}
static void want_an_attribute_for_subject(struct saml_recipe *recipe)
{
    (void)recipe;
    saml_world.trust.subject_attribute = RG_SLICE("employee");
}
static void want_one_of_two_for_subject(struct saml_recipe *recipe)
{
    (void)recipe;
    saml_world.trust.subject_attribute = RG_SLICE("urn:regions");
}
static void outlive_the_metadata(struct saml_recipe *recipe)
{
    (void)recipe;
    saml_world.trust.idp.valid_until_us = SAML_NOW_US;
}

/* ---- how it is written ---- */

static char *declare_a_type(char *xml)
{
    return saml_print("<!DOCTYPE samlp:Response>%s", xml);
}
static char *expand_entities(char *xml)
{
    return saml_print("<!DOCTYPE lol [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">"
                      "<!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;\"><!ENTITY d \"&c;&c;&c;&c;&c;&c;&c;&c;\">]>%s",
                      saml_replace(xml, "alice@example.com", "&d;&d;&d;&d;"));
}
static char *read_a_file(char *xml)
{
    return saml_print("<!DOCTYPE r [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>%s",
                      saml_replace(xml, "alice@example.com", "&x;"));
}
static char *load_a_type(char *xml)
{
    return saml_print("<!DOCTYPE r SYSTEM \"http://127.0.0.1:1/evil.dtd\">%s", xml);
}
static char *declare_after_a_declaration(char *xml)
{
    return saml_print("<?xml version=\"1.0\"?>\n<!DOCTYPE r []>%s", xml);
}
static char *use_an_unknown_entity(char *xml)
{
    return saml_replace(xml, "alice@example.com", "&unknown;");
}
static char *style_it(char *xml)
{
    return saml_print("<?xml-stylesheet href=\"http://127.0.0.1:1/x.xsl\"?>%s", xml);
}
static char *comment_before(char *xml)
{
    return saml_print("<!-- x -->%s", xml);
}
static char *nest_deeply(char *xml)
{
    char *deep = saml_print("%s", "");
    for (int i = 0; i < 40; i++) {
        deep = saml_print("<x>%s</x>", deep);
    }
    return saml_replace(xml, "<samlp:Status>", saml_print("%s<samlp:Status>", deep));
}
static char *nest_a_thousand_deep(char *xml)
{
    char *many = saml_print("%*s", 3 * 1000, "");
    for (size_t i = 0; i < 1000; i++) {
        memcpy(many + 3 * i, "<x>", 3);
    }
    return saml_replace(xml, "<samlp:Status>", saml_print("%s<samlp:Status>", many));
}
static char *repeat_in_status(char *xml, const char *part, size_t times)
{
    size_t size = strlen(part);
    char *many = saml_print("%*s", (int)(size * times), "");
    for (size_t i = 0; i < times; i++) {
        memcpy(many + size * i, part, size);
    }
    return saml_replace(xml, "<samlp:Status>", saml_print("%s<samlp:Status>", many));
}
static char *have_many_elements(char *xml)
{
    return repeat_in_status(xml, "<x/>", 9000);
}
static char *have_many_attributes(char *xml)
{
    char *attributes = saml_print("%s", "");
    for (int i = 0; i < 90; i++) {
        attributes = saml_print("%s a%d=\"\"", attributes, i);
    }
    return repeat_in_status(xml, saml_print("<x%s/>", attributes), 100);
}
static char *be_huge(char *xml)
{
    return repeat_in_status(xml, "                                ", (AUTH_SAML_MAX_XML + 32) / 32);
}
static char *be_cut(char *xml)
{
    return saml_print("%.*s", (int)strlen(xml) - 3, xml);
}
static char *be_followed(char *xml)
{
    return saml_print("%s%s", xml, xml);
}
static char *use_an_undeclared_prefix(char *xml)
{
    return saml_replace(xml, "<samlp:Status>", "<foo:bar/><samlp:Status>");
}
static char *be_latin_1(char *xml)
{
    return saml_replace(xml, "alice", "al\xefs");
}
static char *be_overlong(char *xml)
{
    return saml_replace(xml, "alice", "al\xc0\xafs");
}
static char *have_an_xml_id(char *xml)
{
    return saml_replace(xml, "<samlp:Status>", "<samlp:Status xml:id=\"_assertion1\">");
}
static char *have_an_xml_base(char *xml)
{
    return saml_replace(xml, "<samlp:Status>", "<samlp:Status xml:base=\"http://127.0.0.1/\">");
}
static char *have_the_id_twice(char *xml)
{
    return saml_replace(xml, "<samlp:Status>", "<samlp:Status ID=\"_assertion1\">");
}
static char *have_the_id_twice_by_another_name(char *xml)
{
    return saml_replace(xml, "<samlp:Status>", "<samlp:Status Id=\"_assertion1\">");
}
static void have_the_responses_id(struct saml_recipe *recipe)
{
    recipe->assertion_id = recipe->response_id;
}
static char *have_an_id_for_xpointer(char *xml)
{
    return saml_replace(xml, "ID=\"_assertion1\"", "ID=\"a')|//*[@x='\"");
}
static char *have_an_empty_id(char *xml)
{
    return saml_replace(saml_replace(xml, "ID=\"_assertion1\"", "ID=\"\""), "URI=\"#_assertion1\"", "URI=\"\"");
}
static char *have_no_id(char *xml)
{
    return saml_replace(xml, "ID=\"_assertion1\"", "");
}
static char *be_another_message(char *xml)
{
    return saml_replace(saml_replace(xml, "<samlp:Response", "<samlp:ArtifactResponse"), "</samlp:Response",
                        "</samlp:ArtifactResponse");
}
static char *be_in_another_namespace(char *xml)
{
    return saml_replace(xml, "SAML:2.0:protocol", "SAML:1.1:protocol");
}

static char *crowd_an_element(char *xml)
{
    char *tag = saml_print("%s", "<samlp:Status");
    for (int i = 0; i <= AUTH_SAML_MAX_ATTRIBUTES; i++) {
        tag = saml_print("%s a%d=\"\"", tag, i);
    }
    return saml_replace(xml, "<samlp:Status", tag);
}
static char *crowd_an_element_with_namespaces(char *xml)
{
    char *tag = saml_print("%s", "<samlp:Status");
    for (int i = 0; i <= AUTH_SAML_MAX_ATTRIBUTES; i++) {
        tag = saml_print("%s xmlns:a%d=\"urn:a\"", tag, i);
    }
    return saml_replace(xml, "<samlp:Status", tag);
}
/* Never closed: libxml2 must not be asked to compare these with each other. */
static char *crowd_a_tag(char *xml)
{
    enum { SIZE = 64 * 1024 };
    char *tag = saml_print("<a%*s", SIZE, "");
    for (size_t at = 2; at + 6 < SIZE; at += 6) {
        memcpy(tag + at, " b=\"\" ", 6);
    }
    return saml_print("%s%s", tag, xml);
}

/* ---- encryption ---- */

static void encrypt(struct saml_recipe *recipe)
{
    recipe->encrypt = "AES-256-GCM";
}
static void encrypt_by_cbc(struct saml_recipe *recipe)
{
    recipe->encrypt = "AES-256-CBC";
}
static void wrap_by_rsa15(struct saml_recipe *recipe)
{
    encrypt(recipe);
    recipe->wrap_by_rsa15 = true;
}
static void have_no_private_key(struct saml_recipe *recipe)
{
    encrypt(recipe);
    saml_world.trust.private_key = (struct rg_slice){NULL, 0};
}
static void have_anothers_private_key(struct saml_recipe *recipe)
{
    encrypt(recipe);
    saml_world.trust.private_key = saml_private_pem(saml_world.stranger, &saml_world.arena);
}
static void require_encryption(struct saml_recipe *recipe)
{
    (void)recipe;
    saml_world.trust.require_encrypted_assertions = true;
}
static void encrypt_unsigned(struct saml_recipe *recipe)
{
    encrypt(recipe);
    recipe->sign_assertion = false;
}
static void encrypt_by_cbc_and_allow_it(struct saml_recipe *recipe)
{
    encrypt_by_cbc(recipe);
    saml_world.trust.allow_cbc = true;
}
/* One base64 character of the last cipher text changed to another that is valid there. */
static char *tamper_with_the_cipher_text(char *xml)
{
    char *end = NULL;
    for (char *at = xml; (at = strstr(at, "</xenc:CipherValue>")) != NULL; at++) {
        end = at;
    }
    assert_non_null(end);
    end[-40] = end[-40] == 'A' ? 'B' : 'A';
    return xml;
}
static char *tamper_with_the_content_key(char *xml)
{
    char *end = strstr(xml, "</xenc:CipherValue>");
    assert_non_null(end);
    end[-40] = end[-40] == 'A' ? 'B' : 'A';
    return xml;
}
static char *cut_the_cipher_text(char *xml)
{
    char *last = saml_between(strstr(xml, "</ds:KeyInfo>"), "<xenc:CipherValue>", "</xenc:CipherValue>");
    return saml_replace(xml, last, "<xenc:CipherValue>AAAA</xenc:CipherValue>");
}
static char *refer_to_the_cipher_text(char *xml)
{
    char *last = saml_between(strstr(xml, "</ds:KeyInfo>"), "<xenc:CipherValue>", "</xenc:CipherValue>");
    return saml_replace(xml, last, "<xenc:CipherReference URI=\"http://127.0.0.1:1/x\"/>");
}
static char *retrieve_the_key(char *xml)
{
    char *key = saml_between(xml, "<xenc:EncryptedKey>", "</xenc:EncryptedKey>");
    return saml_replace(xml, key, "<ds:RetrievalMethod URI=\"http://127.0.0.1:1/key\"/>");
}
static char *name_no_cipher(char *xml)
{
    return saml_replace(xml, "aes256-gcm", "tripledes-cbc");
}

/* ---- the table ---- */

static const struct attack_row {
    const char *name;
    enum auth_saml_rule rule;
    void (*before)(struct saml_recipe *recipe);
    char *(*after)(char *xml);
} attacks[] = {
    /* what it says */
    {"the provider reports a failure", AUTH_SAML_STATUS, say_failure, NULL},
    {"another provider issues the assertion", AUTH_SAML_ISSUER, come_from_another_issuer, NULL},
    {"another provider issues the response", AUTH_SAML_ISSUER, come_in_anothers_response, NULL},
    {"the audience is another service", AUTH_SAML_AUDIENCE, be_for_another_audience, NULL},
    {"there is no audience", AUTH_SAML_AUDIENCE, be_for_no_audience, NULL},
    {"one of two restrictions names others", AUTH_SAML_AUDIENCE, be_for_two_audiences_at_once, NULL},
    {"the destination is another service", AUTH_SAML_DESTINATION, go_to_another_destination, NULL},
    {"a signed response goes nowhere", AUTH_SAML_DESTINATION, sign_the_response_without_destination, NULL},
    {"the recipient is another provider's endpoint", AUTH_SAML_RECIPIENT, be_for_another_recipient, NULL},
    {"there is no recipient", AUTH_SAML_RECIPIENT, be_for_no_recipient, NULL},
    {"the request is another browser's", AUTH_SAML_IN_RESPONSE_TO, answer_another_browser, NULL},
    {"the request inside is another browser's", AUTH_SAML_IN_RESPONSE_TO, answer_another_browser_inside, NULL},
    {"it answers nothing", AUTH_SAML_IN_RESPONSE_TO, answer_nothing, NULL},
    {"it answers nothing inside", AUTH_SAML_IN_RESPONSE_TO, answer_nothing_inside, NULL},
    {"the login begins at the provider", AUTH_SAML_IDP_INITIATED, begin_at_the_provider, NULL},
    {"a stolen answer pretends to be unsolicited", AUTH_SAML_IN_RESPONSE_TO, answer_a_stolen_request_at_the_provider,
     NULL},
    {"a stolen assertion pretends to be unsolicited", AUTH_SAML_IN_RESPONSE_TO, answer_a_stolen_request_inside, NULL},
    {"it is stale", AUTH_SAML_EXPIRED, be_stale, NULL},
    {"the confirmation is stale", AUTH_SAML_EXPIRED, have_a_stale_confirmation, NULL},
    {"the confirmation has no end", AUTH_SAML_TIME, have_an_endless_confirmation, NULL},
    {"the conditions are stale", AUTH_SAML_EXPIRED, have_stale_conditions, NULL},
    {"it is not valid yet", AUTH_SAML_EARLY, be_early, NULL},
    {"it was issued tomorrow", AUTH_SAML_EARLY, be_issued_tomorrow, NULL},
    {"it was issued never", AUTH_SAML_TIME, be_issued_never, NULL},
    {"the person logs in tomorrow", AUTH_SAML_EARLY, authenticate_tomorrow, NULL},
    {"the session has ended", AUTH_SAML_EXPIRED, have_an_ended_session, NULL},
    {"a time has a zone", AUTH_SAML_TIME, tell_time_in_a_zone, NULL},
    {"a time does not exist", AUTH_SAML_TIME, tell_february_30, NULL},
    {"a time has letters", AUTH_SAML_TIME, tell_a_time_of_letters, NULL},
    {"it is of SAML 1.1", AUTH_SAML_VERSION, be_of_version_1, NULL},
    {"the confirmation is by a key", AUTH_SAML_CONFIRMATION, be_confirmed_by_a_key, NULL},
    {"a condition is unknown", AUTH_SAML_CONDITION, have_an_unknown_condition, NULL},
    {"the name is empty", AUTH_SAML_SUBJECT, name_nobody, NULL},
    {"there are two names", AUTH_SAML_SUBJECT, name_two, NULL},
    {"the name has an element", AUTH_SAML_SUBJECT, name_by_an_element, NULL},
    {"the name has a comment (CVE-2018-0489)", AUTH_SAML_COMMENT, hide_a_comment_in_the_name, NULL},
    {"the name has a CDATA section", AUTH_SAML_COMMENT, hide_a_section_in_the_name, NULL},
    {"the name has an instruction", AUTH_SAML_INSTRUCTION, hide_an_instruction_in_the_name, NULL},
    {"an attribute has a comment", AUTH_SAML_COMMENT, hide_a_comment_in_an_attribute, NULL},
    {"there are two statements", AUTH_SAML_STATEMENT, state_twice, NULL},
    {"there is an advice", AUTH_SAML_SHAPE, advise, NULL},
    {"a required claim is missing", AUTH_SAML_CLAIM, leave_out_the_tenant, NULL},
    {"a claim is of the wrong type", AUTH_SAML_CLAIM, give_a_tenant_that_is_none, NULL},
    {"a single claim has two values", AUTH_SAML_CLAIM, give_two_tenants, NULL},
    {"an attribute has no name", AUTH_SAML_ATTRIBUTE, give_an_attribute_without_name, NULL},
    {"the subject's attribute is missing", AUTH_SAML_SUBJECT, want_an_attribute_for_subject, NULL},
    {"the subject's attribute has two values", AUTH_SAML_SUBJECT, want_one_of_two_for_subject, NULL},
    {"the metadata has expired", AUTH_SAML_METADATA, outlive_the_metadata, NULL},
    /* how it is written */
    {"it declares a type", AUTH_SAML_DOCTYPE, NULL, declare_a_type},
    {"it expands entities", AUTH_SAML_DOCTYPE, NULL, expand_entities},
    {"it reads a file", AUTH_SAML_DOCTYPE, NULL, read_a_file},
    {"it loads a type", AUTH_SAML_DOCTYPE, NULL, load_a_type},
    {"it declares a type after a declaration", AUTH_SAML_DOCTYPE, NULL, declare_after_a_declaration},
    {"it uses an unknown entity", AUTH_SAML_XML, NULL, use_an_unknown_entity},
    {"it has a style sheet", AUTH_SAML_INSTRUCTION, NULL, style_it},
    {"it has a comment before", AUTH_SAML_COMMENT, NULL, comment_before},
    {"it is deep", AUTH_SAML_DEPTH, NULL, nest_deeply},
    {"it is a thousand deep", AUTH_SAML_DEPTH, NULL, nest_a_thousand_deep},
    {"it has many elements", AUTH_SAML_NODES, NULL, have_many_elements},
    {"it has many attributes", AUTH_SAML_NODES, NULL, have_many_attributes},
    {"an element has many attributes", AUTH_SAML_NODES, NULL, crowd_an_element},
    {"an element has many namespaces", AUTH_SAML_NODES, NULL, crowd_an_element_with_namespaces},
    {"a tag is crowded", AUTH_SAML_NODES, NULL, crowd_a_tag},
    {"it is huge", AUTH_SAML_SIZE, NULL, be_huge},
    {"it is cut", AUTH_SAML_XML, NULL, be_cut},
    {"it is followed by another", AUTH_SAML_XML, NULL, be_followed},
    {"it uses an undeclared prefix", AUTH_SAML_XML, NULL, use_an_undeclared_prefix},
    {"it is Latin-1", AUTH_SAML_ENCODING, NULL, be_latin_1},
    {"it is overlong UTF-8", AUTH_SAML_ENCODING, NULL, be_overlong},
    {"it has an xml:id", AUTH_SAML_XML_ATTRIBUTE, NULL, have_an_xml_id},
    {"it has an xml:base", AUTH_SAML_XML_ATTRIBUTE, NULL, have_an_xml_base},
    {"it has the ID twice", AUTH_SAML_DUPLICATE_ID, NULL, have_the_id_twice},
    {"it has the ID twice by another name", AUTH_SAML_DUPLICATE_ID, NULL, have_the_id_twice_by_another_name},
    {"the assertion has the response's ID", AUTH_SAML_DUPLICATE_ID, have_the_responses_id, NULL},
    {"the ID is an expression", AUTH_SAML_ID, NULL, have_an_id_for_xpointer},
    {"the ID is empty and the reference is the document", AUTH_SAML_ID, NULL, have_an_empty_id},
    {"the signed assertion has no ID", AUTH_SAML_ID, NULL, have_no_id},
    {"it is another message", AUTH_SAML_SHAPE, NULL, be_another_message},
    {"it is in another namespace", AUTH_SAML_SHAPE, NULL, be_in_another_namespace},
    /* who signed what */
    {"nothing is signed", AUTH_SAML_UNSIGNED, sign_nothing, NULL},
    {"the signature is removed", AUTH_SAML_UNSIGNED, NULL, remove_the_signature},
    {"the response's signature is removed and the inside changed", AUTH_SAML_UNSIGNED, sign_the_response_only,
     remove_the_signature},
    {"a signed name is changed", AUTH_SAML_SIGNATURE, NULL, change_the_name},
    {"a name in a signed response is changed", AUTH_SAML_SIGNATURE, sign_the_response_only, change_the_name},
    {"both are signed and the name is changed", AUTH_SAML_SIGNATURE, sign_both, change_the_name},
    {"the status of a signed response is changed", AUTH_SAML_SIGNATURE, fail_in_a_signed_response, change_the_status},
    {"a stranger signs", AUTH_SAML_SIGNATURE, sign_by_a_stranger, NULL},
    {"a stranger signs and brings the key", AUTH_SAML_SIGNATURE, sign_by_a_stranger_with_key, NULL},
    {"a stranger signs and brings the certificate", AUTH_SAML_SIGNATURE, sign_by_a_stranger_with_certificate, NULL},
    {"a stranger signs the response around an honest assertion", AUTH_SAML_SIGNATURE, NULL,
     wrap_in_a_strangers_response},
    {"SHA-1 signs", AUTH_SAML_ALGORITHM, sign_by_sha1, NULL},
    {"SHA-1 digests", AUTH_SAML_ALGORITHM, digest_by_sha1, NULL},
    {"MD5 signs", AUTH_SAML_ALGORITHM, NULL, claim_md5},
    {"HMAC signs with the public key", AUTH_SAML_ALGORITHM, NULL, sign_by_hmac},
    {"HMAC's output is cut to nothing", AUTH_SAML_ALGORITHM, NULL, cut_the_hmac},
    {"the algorithm is none", AUTH_SAML_ALGORITHM, NULL, claim_no_algorithm},
    {"the algorithm is of another key type", AUTH_SAML_SIGNATURE, NULL, claim_ecdsa},
    {"canonical form with comments signs", AUTH_SAML_ALGORITHM, canonicalise_with_comments, NULL},
    {"inclusive canonical form signs", AUTH_SAML_ALGORITHM, canonicalise_inclusively, NULL},
    {"the signature value is empty", AUTH_SAML_SIGNATURE, NULL, empty_the_value},
    {"the signature value is not base64", AUTH_SAML_SIGNATURE, NULL, break_the_value},
    {"the digest is empty", AUTH_SAML_SIGNATURE, NULL, empty_the_digest},
    {"a second digest hides in a comment", AUTH_SAML_COMMENT, NULL, comment_in_the_digest},
    {"a second digest value (CVE-2025-29775)", AUTH_SAML_SIGNATURE_SHAPE, NULL, give_two_digests},
    {"a second SignedInfo (CVE-2025-29774)", AUTH_SAML_SIGNATURE_SHAPE, NULL, give_two_infos},
    {"XPath chooses what is signed", AUTH_SAML_TRANSFORM, NULL, transform_by_xpath},
    {"XPath filter 2 chooses what is signed", AUTH_SAML_TRANSFORM, NULL, transform_by_filter},
    {"XSLT writes what is signed", AUTH_SAML_TRANSFORM, NULL, transform_by_xslt},
    {"base64 is a transform", AUTH_SAML_TRANSFORM, NULL, transform_by_base64},
    {"the enveloped transform is missing", AUTH_SAML_TRANSFORM, NULL, leave_out_enveloped},
    {"the canonical form is missing", AUTH_SAML_TRANSFORM, leave_out_exclusive, NULL},
    {"the canonical form has comments", AUTH_SAML_TRANSFORM, transform_with_comments, NULL},
    {"the canonical form is inclusive", AUTH_SAML_TRANSFORM, transform_inclusively, NULL},
    {"the enveloped transform comes twice", AUTH_SAML_TRANSFORM, envelop_twice, NULL},
    {"a transform lists many prefixes", AUTH_SAML_TRANSFORM, list_many_prefixes, NULL},
    {"a transform lists a long prefix", AUTH_SAML_TRANSFORM, NULL, list_a_long_prefix},
    {"the signature lists many prefixes", AUTH_SAML_ALGORITHM, NULL, list_many_prefixes_of_the_signature},
    {"there are no transforms", AUTH_SAML_SIGNATURE_SHAPE, NULL, leave_out_transforms},
    {"the reference is empty", AUTH_SAML_REFERENCE, refer_to_the_document, NULL},
    {"the reference is XPointer", AUTH_SAML_REFERENCE, NULL, refer_by_xpointer},
    {"the reference is external", AUTH_SAML_REFERENCE, NULL, refer_to_a_url},
    {"the reference is a file", AUTH_SAML_REFERENCE, NULL, refer_to_a_file},
    {"the reference is missing", AUTH_SAML_REFERENCE, NULL, refer_to_nothing},
    {"the signature in the assertion is over the response", AUTH_SAML_REFERENCE, NULL, refer_to_the_response},
    {"there are two references", AUTH_SAML_REFERENCE, NULL, refer_twice},
    {"a manifest is signed", AUTH_SAML_SIGNATURE_SHAPE, NULL, carry_a_manifest},
    {"the signature has an object", AUTH_SAML_SIGNATURE_SHAPE, NULL, carry_an_object},
    {"there are two signatures", AUTH_SAML_SIGNATURE_PLACE, NULL, sign_twice},
    {"the signature is deeper", AUTH_SAML_SIGNATURE_PLACE, NULL, move_the_signature_down},
    {"the signature is in an attribute", AUTH_SAML_SIGNATURE_PLACE, NULL, put_a_signature_in_an_attribute},
    {"a relative namespace makes no canonical form", AUTH_SAML_SIGNATURE, NULL, use_a_relative_namespace},
    {"a prefix is bound anew", AUTH_SAML_SIGNATURE, NULL, bind_the_prefix_anew},
    {"an xml:lang is added", AUTH_SAML_SIGNATURE, NULL, add_a_language},
    {"a prefix list is added", AUTH_SAML_SIGNATURE, NULL, add_a_prefix_list},
    /* wrapping: the eight forms and variants */
    {"wrapping 1: the signed response inside the signature", AUTH_SAML_SHAPE, sign_the_response_only, wrap_1},
    {"wrapping 2: the signed response before the signature", AUTH_SAML_SHAPE, sign_the_response_only, wrap_2},
    {"wrapping 3: an assertion before the signed one", AUTH_SAML_ASSERTIONS, NULL, wrap_3},
    {"wrapping 3b: an assertion behind the signed one", AUTH_SAML_ASSERTIONS, NULL, wrap_3b},
    {"wrapping 3c: an assertion of the same ID before", AUTH_SAML_DUPLICATE_ID, NULL, wrap_3c},
    {"wrapping 4: the signed assertion inside another", AUTH_SAML_SHAPE, NULL, wrap_4},
    {"wrapping 5: the signature in another assertion", AUTH_SAML_ASSERTIONS, NULL, wrap_5},
    {"wrapping 6: the signed assertion in the signature", AUTH_SAML_SHAPE, NULL, wrap_6},
    {"wrapping 7: an assertion in the extensions", AUTH_SAML_SHAPE, NULL, wrap_7},
    {"wrapping 7b: the signed assertion in the extensions", AUTH_SAML_SIGNATURE_PLACE, NULL, wrap_7b},
    {"wrapping 8: the signed assertion in the signature's object", AUTH_SAML_SHAPE, NULL, wrap_8},
    {"wrapping 9: the signed assertion in the status detail", AUTH_SAML_SIGNATURE_PLACE, NULL, wrap_9},
    {"wrapping 10: the signed assertion in the key info", AUTH_SAML_SHAPE, NULL, wrap_10},
    {"wrapping 11: an assertion in a signed response's front", AUTH_SAML_SIGNATURE, sign_the_response_only, wrap_11},
    {"wrapping 12: a plain one beside an encrypted one", AUTH_SAML_ASSERTIONS, encrypt, wrap_12},
    {"wrapping 13: an encrypted one twice", AUTH_SAML_ASSERTIONS, encrypt, wrap_13},
    /* encryption */
    {"the cipher text is changed", AUTH_SAML_ENCRYPTION, encrypt, tamper_with_the_cipher_text},
    {"the content key is changed", AUTH_SAML_ENCRYPTION, encrypt, tamper_with_the_content_key},
    {"the cipher text is cut", AUTH_SAML_ENCRYPTION, encrypt, cut_the_cipher_text},
    {"the cipher text is elsewhere", AUTH_SAML_ENCRYPTION, encrypt, refer_to_the_cipher_text},
    {"the content key is elsewhere", AUTH_SAML_ENCRYPTION, encrypt, retrieve_the_key},
    {"the cipher is 3DES", AUTH_SAML_ENCRYPTION, encrypt, name_no_cipher},
    {"the cipher is CBC", AUTH_SAML_ENCRYPTION, encrypt_by_cbc, NULL},
    {"the cipher is CBC, allowed, and the text is changed", AUTH_SAML_ENCRYPTION, encrypt_by_cbc_and_allow_it,
     tamper_with_the_cipher_text},
    {"the content key is under RSA 1.5", AUTH_SAML_ENCRYPTION, wrap_by_rsa15, NULL},
    {"we have no private key", AUTH_SAML_ENCRYPTION, have_no_private_key, NULL},
    {"we have another private key", AUTH_SAML_ENCRYPTION, have_anothers_private_key, NULL},
    {"nothing is encrypted and must be", AUTH_SAML_NOT_ENCRYPTED, require_encryption, NULL},
    {"what is encrypted is not signed", AUTH_SAML_UNSIGNED, encrypt_unsigned, NULL},
};

#endif
