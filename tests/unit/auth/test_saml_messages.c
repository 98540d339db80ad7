/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/saml_messages.h"

#include <zlib.h>

#include "tests/support/rg_test.h"
#include "tests/support/saml_world.h"

#define SLO "https://bi.example.com/.rowgate/saml/main/slo"
#define IDP_SLO "https://idp.example.com/slo"
#define RSA_SHA256 MORE "rsa-sha256"

static struct auth_saml_logout_expected expected;

static void reset(void)
{
    saml_world_reset();
    saml_world.trust.idp.sso_url = RG_SLICE("https://idp.example.com/sso?x=1");
    saml_world.trust.idp.slo_url = RG_SLICE(IDP_SLO);
    saml_world.trust.idp.slo_response_url = RG_SLICE(IDP_SLO "/done");
    expected = (struct auth_saml_logout_expected){RG_SLICE(SLO), SAML_NOW_US};
}

/* ---- the provider's side of the redirect binding ---- */

static char *escape(const char *text)
{
    static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    char *out = saml_print("%*s", (int)strlen(text) * 3, "");
    size_t size = 0;
    for (const char *at = text; *at != '\0'; at++) {
        if (strchr(safe, *at) != NULL) {
            out[size++] = *at;
        } else {
            static const char digits[] = "0123456789abcdef"; /* lower case: the signature is over what was sent */
            out[size++] = '%';
            out[size++] = digits[(unsigned char)*at >> 4];
            out[size++] = digits[(unsigned char)*at & 15];
        }
    }
    out[size] = '\0';
    return out;
}

static char *base64(struct rg_slice bytes)
{
    struct rg_slice text = {0};
    assert_ok(rg_base64_encode(bytes, &saml_world.arena, &text));
    return saml_print("%.*s", (int)text.size, text.data);
}

static char *deflated(struct rg_slice text)
{
    z_stream stream = {0};
    unsigned char *bytes = NULL;
    size_t capacity = text.size + 1024;
    assert_ok(rg_arena_alloc(&saml_world.arena, capacity, (void **)&bytes));
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    char *copy = saml_print("%.*s", (int)text.size, text.data);
    stream.next_in = (unsigned char *)copy;
    stream.avail_in = (unsigned)text.size;
    stream.next_out = bytes;
    stream.avail_out = (unsigned)capacity;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    size_t size = capacity - stream.avail_out;
    assert_int_equal(deflateEnd(&stream), Z_OK);
    return base64(rg_slice_make(bytes, size));
}

static char *inflated(const char *text)
{
    struct rg_slice bytes = {0};
    assert_ok(rg_base64_decode(rg_slice_of(text), &saml_world.arena, &bytes));
    z_stream stream = {0};
    char *out = saml_print("%*s", 65536, "");
    assert_int_equal(inflateInit2(&stream, -15), Z_OK);
    unsigned char *copy = NULL;
    assert_ok(rg_arena_alloc(&saml_world.arena, bytes.size + 1, (void **)&copy));
    memcpy(copy, bytes.data, bytes.size);
    stream.next_in = copy;
    stream.avail_in = (unsigned)bytes.size;
    stream.next_out = (unsigned char *)out;
    stream.avail_out = 65536;
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    out[65536 - stream.avail_out] = '\0';
    assert_int_equal(inflateEnd(&stream), Z_OK);
    return out;
}

static char *sign_query(const char *query, const char *algorithm, const char *digest, EVP_PKEY *key)
{
    char *text = saml_print("%s&SigAlg=%s", query, escape(algorithm));
    unsigned char bytes[512];
    size_t size = sizeof bytes;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit_ex(context, NULL, digest, NULL, NULL, key, NULL), 1);
    assert_int_equal(EVP_DigestSign(context, bytes, &size, (const unsigned char *)text, strlen(text)), 1);
    EVP_MD_CTX_free(context);
    return saml_print("%s&Signature=%s", text, escape(base64(rg_slice_make(bytes, size))));
}

static char *redirect_of(const char *parameter, const char *xml, const char *relay_state)
{
    char *query = saml_print("%s=%s", parameter, escape(deflated(rg_slice_of(xml))));
    query = relay_state == NULL ? query : saml_print("%s&RelayState=%s", query, escape(relay_state));
    return sign_query(query, RSA_SHA256, "SHA256", saml_world.idp);
}

#define HEAD                                                                                                           \
    "xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" "       \
    "ID=\"_logout1\" Version=\"2.0\" IssueInstant=\"2027-01-15T07:59:58Z\" Destination=\"" SLO "\""

static const char request[] = "<samlp:LogoutRequest " HEAD "><saml:Issuer>" SAML_IDP
                              "</saml:Issuer><saml:NameID Format=\"urn:x\">alice@example.com</saml:NameID>"
                              "<samlp:SessionIndex>_session1</samlp:SessionIndex>"
                              "<samlp:SessionIndex>_session2</samlp:SessionIndex></samlp:LogoutRequest>";
static const char answer[] = "<samlp:LogoutResponse " HEAD " InResponseTo=\"_ours\"><saml:Issuer>" SAML_IDP
                             "</saml:Issuer><samlp:Status><samlp:StatusCode "
                             "Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/></samlp:Status>"
                             "</samlp:LogoutResponse>";

static rg_status read_query(const char *query, struct auth_saml_logout *logout, enum auth_saml_rule *rule)
{
    memset(logout, 0x5a, sizeof *logout);
    *rule = AUTH_SAML_RULE_COUNT;
    return auth_saml_logout_read_query(&saml_world.trust, &expected, rg_slice_of(query), &saml_world.arena, logout,
                                       rule);
}

static void assert_refused(const char *name, enum auth_saml_rule wanted, const char *query)
{
    struct auth_saml_logout logout;
    struct auth_saml_logout untouched;
    enum auth_saml_rule rule;
    memset(&untouched, 0x5a, sizeof untouched);
    rg_status status = read_query(query, &logout, &rule);
    if (rg_is_ok(status) || status.error->kind != RG_DENIED || rule != wanted) {
        fail_msg("%s: %s, expected %s", name, rg_is_ok(status) ? "is read" : auth_saml_rule_name(rule),
                 auth_saml_rule_name(wanted));
    }
    assert_memory_equal(&logout, &untouched, sizeof logout);
}

/* ---- what comes in ---- */

static void reads_a_signed_logout_request_by_redirect(void **state)
{
    (void)state;
    reset();
    struct auth_saml_logout logout;
    enum auth_saml_rule rule;
    assert_ok(read_query(redirect_of("SAMLRequest", request, "a b&c"), &logout, &rule));
    assert_int_equal(rule, AUTH_SAML_NONE);
    assert_true(logout.is_request);
    assert_slice(logout.id, "_logout1");
    assert_slice(logout.name_id.value, "alice@example.com");
    assert_slice(logout.name_id.format, "urn:x");
    assert_int_equal(logout.session_index_count, 2);
    assert_slice(logout.session_indexes[1], "_session2");
    assert_slice(logout.relay_state, "a b&c");
    assert_int_equal(logout.replay_until_us, SAML_NOW_US + INT64_C(1000000) * (300 + 60 - 2));
}

static void reads_a_signed_answer_by_redirect(void **state)
{
    (void)state;
    reset();
    struct auth_saml_logout logout;
    enum auth_saml_rule rule;
    assert_ok(read_query(redirect_of("SAMLResponse", answer, NULL), &logout, &rule));
    assert_false(logout.is_request);
    assert_true(logout.is_success);
    assert_slice(logout.in_response_to, "_ours");
    assert_int_equal(logout.relay_state.size, 0);
    char *partial = saml_replace(answer, "Success\"/>",
                                 "Success\"><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:"
                                 "PartialLogout\"/></samlp:StatusCode>");
    assert_ok(read_query(redirect_of("SAMLResponse", partial, NULL), &logout, &rule));
    assert_false(logout.is_success);
}

static char *enveloped(const char *xml, EVP_PKEY *key)
{
    struct saml_recipe recipe = saml_recipe();
    char *with = saml_replace(xml, "</saml:Issuer>",
                              saml_print("</saml:Issuer>%s", saml_signature_template(&recipe, "_logout1")));
    return saml_bare(saml_sign(with, key));
}

static rg_status read_post(const char *xml, struct auth_saml_logout *logout, enum auth_saml_rule *rule)
{
    *logout = (struct auth_saml_logout){0};
    return auth_saml_logout_read_post(&saml_world.trust, &expected,
                                      &(struct auth_saml_posted){rg_slice_of(xml), RG_SLICE("state")},
                                      &saml_world.arena, logout, rule);
}

static void reads_a_signed_logout_request_by_post(void **state)
{
    (void)state;
    reset();
    struct auth_saml_logout logout;
    enum auth_saml_rule rule;
    assert_ok(read_post(enveloped(request, saml_world.idp_next), &logout, &rule));
    assert_slice(logout.name_id.value, "alice@example.com");
    assert_slice(logout.relay_state, "state");
    assert_ok(read_post(enveloped(answer, saml_world.idp), &logout, &rule));
    assert_true(logout.is_success);
    assert_fails(RG_DENIED, read_post(request, &logout, &rule));
    assert_int_equal(rule, AUTH_SAML_UNSIGNED);
    assert_fails(RG_DENIED, read_post(enveloped(request, saml_world.stranger), &logout, &rule));
    assert_int_equal(rule, AUTH_SAML_SIGNATURE);
    assert_fails(RG_DENIED,
                 read_post(saml_replace(enveloped(request, saml_world.idp), ">alice@", ">bob@"), &logout, &rule));
    assert_int_equal(rule, AUTH_SAML_SIGNATURE);
    assert_false(logout.is_request);
    /* a Response is no logout, however well it is signed */
    struct saml_recipe recipe = saml_recipe();
    recipe.sign_response = true;
    assert_fails(RG_DENIED, read_post(saml_write(&recipe), &logout, &rule));
    assert_int_equal(rule, AUTH_SAML_SHAPE);
}

/* A provider of one tenant could end the process of all. */
static void refuses_a_signed_element_without_namespace(void **state)
{
    (void)state;
    reset();
    struct auth_saml_logout logout;
    enum auth_saml_rule rule;
    struct saml_recipe recipe = saml_recipe();
    char *bare =
        saml_print("<LogoutRequest ID=\"_logout1\">%s</LogoutRequest>", saml_signature_template(&recipe, "_logout1"));
    assert_fails(RG_DENIED, read_post(saml_bare(saml_sign(bare, saml_world.idp)), &logout, &rule));
    assert_int_equal(rule, AUTH_SAML_SHAPE);
    assert_int_equal(logout.id.size, 0);
}

static void refuses_what_the_signature_does_not_cover(void **state)
{
    (void)state;
    reset();
    char *honest = redirect_of("SAMLRequest", request, "state");
    char *unsigned_query = saml_print("SAMLRequest=%s", escape(deflated(rg_slice_of(request))));
    char *other = escape(deflated(rg_slice_of(saml_replace(request, "alice", "bob"))));
    char *honest_xml = escape(deflated(rg_slice_of(request)));
    const struct {
        const char *name;
        enum auth_saml_rule rule;
        const char *query;
    } rows[] = {
        {"no signature", AUTH_SAML_UNSIGNED, unsigned_query},
        {"no algorithm", AUTH_SAML_UNSIGNED, saml_print("%s&Signature=AAAA", unsigned_query)},
        {"a stranger's", AUTH_SAML_SIGNATURE, sign_query(unsigned_query, RSA_SHA256, "SHA256", saml_world.stranger)},
        {"another message", AUTH_SAML_SIGNATURE, saml_replace(honest, honest_xml, other)},
        {"another state", AUTH_SAML_SIGNATURE, saml_replace(honest, "RelayState=state", "RelayState=other")},
        {"no state", AUTH_SAML_SIGNATURE, saml_replace(honest, "&RelayState=state", "")},
        {"another encoding of the same", AUTH_SAML_SIGNATURE,
         saml_replace(honest, "RelayState=state", "RelayState=%73tate")},
        {"the message as an answer", AUTH_SAML_SIGNATURE, saml_replace(honest, "SAMLRequest", "SAMLResponse")},
        {"a second message", AUTH_SAML_QUERY, saml_print("SAMLRequest=%s&%s", other, honest)},
        {"a second message behind", AUTH_SAML_QUERY, saml_print("%s&SAMLRequest=%s", honest, other)},
        {"an answer beside it", AUTH_SAML_QUERY, saml_print("%s&SAMLResponse=%s", honest, other)},
        {"a second state", AUTH_SAML_QUERY, saml_print("%s&RelayState=other", honest)},
        {"SHA-1", AUTH_SAML_ALGORITHM, sign_query(unsigned_query, DSIG "rsa-sha1", "SHA1", saml_world.idp)},
        {"HMAC", AUTH_SAML_ALGORITHM, sign_query(unsigned_query, MORE "hmac-sha256", "SHA256", saml_world.idp)},
        {"an empty algorithm", AUTH_SAML_ALGORITHM, sign_query(unsigned_query, "", "SHA256", saml_world.idp)},
        {"a signature of letters", AUTH_SAML_SIGNATURE,
         saml_print("%s&SigAlg=%s&Signature=!", unsigned_query, escape(RSA_SHA256))},
        {"another encoding of messages", AUTH_SAML_QUERY, saml_print("%s&SAMLEncoding=gzip", honest)},
        {"nothing", AUTH_SAML_QUERY, ""},
        {"a name alone", AUTH_SAML_QUERY, "SAMLRequest"},
        {"a broken escape", AUTH_SAML_QUERY, saml_print("%s&SigAlg=%%4&Signature=AAAA", unsigned_query)},
        {"an escaped zero", AUTH_SAML_QUERY, saml_print("%s&RelayState=%%00&SigAlg=a&Signature=AAAA", unsigned_query)},
        {"a long state", AUTH_SAML_QUERY, redirect_of("SAMLRequest", request, saml_print("%081d", 1))},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_refused(rows[i].name, rows[i].rule, rows[i].query);
    }
    saml_world.trust.allow_sha1 = true;
    struct auth_saml_logout logout;
    enum auth_saml_rule rule;
    assert_ok(read_query(sign_query(unsigned_query, DSIG "rsa-sha1", "SHA1", saml_world.idp), &logout, &rule));
}

static char *signed_raw(const char *value)
{
    return sign_query(saml_print("SAMLRequest=%s", escape(value)), RSA_SHA256, "SHA256", saml_world.idp);
}

static void refuses_what_a_signed_request_may_not_say(void **state)
{
    (void)state;
    reset();
    char *bomb = saml_print("%*s", 600 << 10, "");
    const struct {
        const char *name;
        enum auth_saml_rule rule;
        const char *query;
    } rows[] = {
        {"no base64", AUTH_SAML_BASE64, signed_raw("!")},
        {"no DEFLATE", AUTH_SAML_DEFLATE, signed_raw("////")},
        {"plain XML", AUTH_SAML_DEFLATE, signed_raw(base64(rg_slice_of(request)))},
        {"a bomb", AUTH_SAML_SIZE, signed_raw(deflated(rg_slice_of(bomb)))},
        {"bytes behind the stream", AUTH_SAML_DEFLATE, signed_raw("AwAAAA==")},
        {"an empty text", AUTH_SAML_XML, signed_raw("AwA=")},
        {"a type", AUTH_SAML_DOCTYPE, redirect_of("SAMLRequest", saml_print("<!DOCTYPE a>%s", request), NULL)},
        {"an answer as a request", AUTH_SAML_QUERY, redirect_of("SAMLRequest", answer, NULL)},
        {"a request as an answer", AUTH_SAML_QUERY, redirect_of("SAMLResponse", request, NULL)},
        {"another message", AUTH_SAML_SHAPE, redirect_of("SAMLRequest", "<a/>", NULL)},
        {"another version", AUTH_SAML_VERSION,
         redirect_of("SAMLRequest", saml_replace(request, "Version=\"2.0\"", "Version=\"1.0\""), NULL)},
        {"another issuer", AUTH_SAML_ISSUER,
         redirect_of("SAMLRequest", saml_replace(request, SAML_IDP, "urn:x"), NULL)},
        {"another destination", AUTH_SAML_DESTINATION,
         redirect_of("SAMLRequest", saml_replace(request, SLO, "https://x/"), NULL)},
        {"no destination", AUTH_SAML_DESTINATION,
         redirect_of("SAMLRequest", saml_replace(request, "Destination=\"" SLO "\"", ""), NULL)},
        {"no ID", AUTH_SAML_ID, redirect_of("SAMLRequest", saml_replace(request, "ID=\"_logout1\"", ""), NULL)},
        {"from tomorrow", AUTH_SAML_EARLY, redirect_of("SAMLRequest", saml_replace(request, "-15T", "-16T"), NULL)},
        {"from yesterday", AUTH_SAML_EXPIRED, redirect_of("SAMLRequest", saml_replace(request, "-15T", "-14T"), NULL)},
        {"over by its own word", AUTH_SAML_EXPIRED,
         redirect_of("SAMLRequest", saml_replace(request, " ID=", " NotOnOrAfter=\"2027-01-15T07:59:00Z\" ID="), NULL)},
        {"no name", AUTH_SAML_SHAPE,
         redirect_of("SAMLRequest", saml_replace(request, saml_between(request, "<saml:NameID", "</saml:NameID>"), ""),
                     NULL)},
        {"an empty name", AUTH_SAML_SUBJECT,
         redirect_of("SAMLRequest", saml_replace(request, ">alice@example.com<", "><"), NULL)},
        {"an empty index", AUTH_SAML_SUBJECT, redirect_of("SAMLRequest", saml_replace(request, "_session2", ""), NULL)},
        {"a comment in the name", AUTH_SAML_COMMENT,
         redirect_of("SAMLRequest", saml_replace(request, "alice@", "al<!-- -->ice@"), NULL)},
        {"an answer to nothing", AUTH_SAML_IN_RESPONSE_TO,
         redirect_of("SAMLResponse", saml_replace(answer, "InResponseTo=\"_ours\"", ""), NULL)},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_refused(rows[i].name, rows[i].rule, rows[i].query);
    }
    saml_world.trust.idp.valid_until_us = SAML_NOW_US;
    assert_refused("old metadata", AUTH_SAML_METADATA, redirect_of("SAMLRequest", request, NULL));
}

/* ---- what goes out ---- */

static char *parameter_of(const char *url, const char *name)
{
    char *open = saml_print("%s=", name);
    const char *at = strstr(url, open);
    assert_non_null(at);
    at += strlen(open);
    char *text = saml_print("%.*s", (int)strcspn(at, "&"), at);
    size_t size = 0;
    for (char *from = text; *from != '\0'; from++) {
        if (*from == '%') {
            char digits[3] = {from[1], from[2], '\0'};
            text[size++] = (char)strtol(digits, NULL, 16);
            from += 2;
        } else {
            text[size++] = *from;
        }
    }
    text[size] = '\0';
    return text;
}

static void assert_signed_by_us(const char *url, const char *parameter)
{
    const char *start = strstr(url, parameter);
    const char *end = strstr(url, "&Signature=");
    assert_non_null(start);
    assert_non_null(end);
    struct rg_slice signature = {0};
    assert_ok(rg_base64_decode(rg_slice_of(parameter_of(url, "Signature")), &saml_world.arena, &signature));
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestVerifyInit_ex(context, NULL, "SHA256", NULL, NULL, saml_world.ours, NULL), 1);
    assert_int_equal(EVP_DigestVerify(context, (const unsigned char *)signature.data, signature.size,
                                      (const unsigned char *)start, (size_t)(end - start)),
                     1);
    EVP_MD_CTX_free(context);
}

static rg_status ask(struct rg_slice relay_state, int64_t now_us, struct rg_slice *url)
{
    struct auth_saml_asking asking = {RG_SLICE(SAML_ACS), RG_SLICE("_id"), relay_state};
    return auth_saml_login_url(&saml_world.trust, &asking, now_us, &saml_world.arena, url);
}

static void asks_for_a_login_by_a_signed_url(void **state)
{
    (void)state;
    reset();
    struct rg_slice url = {0};
    assert_ok(ask(RG_SLICE("a/b=c"), SAML_NOW_US + 123456, &url));
    assert_true(rg_slice_has_prefix(url, RG_SLICE("https://idp.example.com/sso?x=1&SAMLRequest=")));
    char *xml = inflated(parameter_of(url.data, "SAMLRequest"));
    assert_string_equal(parameter_of(url.data, "RelayState"), "a/b=c");
    assert_non_null(strstr(xml, "ID=\"_id\""));
    assert_non_null(strstr(xml, "IssueInstant=\"2027-01-15T08:00:00Z\""));
    assert_non_null(strstr(xml, "Destination=\"https://idp.example.com/sso?x=1\""));
    assert_non_null(strstr(xml, "AssertionConsumerServiceURL=\"" SAML_ACS "\""));
    assert_non_null(strstr(xml, "<saml:Issuer>" SAML_ENTITY "</saml:Issuer>"));
    assert_signed_by_us(url.data, "SAMLRequest=");
    saml_world.trust.private_key = (struct rg_slice){NULL, 0};
    assert_ok(ask(RG_SLICE("a"), SAML_NOW_US, &url));
    assert_null(strstr(url.data, "Signature="));
    saml_world.trust.private_key = RG_SLICE("no key");
    struct rg_slice kept = RG_SLICE("kept");
    assert_fails(RG_CONFIG, ask(RG_SLICE("a"), SAML_NOW_US, &kept));
    assert_slice(kept, "kept");
}

static void a_long_relay_state_is_not_sent(void **state)
{
    (void)state;
    reset();
    struct rg_slice url = RG_SLICE("kept");
    assert_fails(RG_LIMIT, ask(rg_slice_of(saml_print("%081d", 1)), SAML_NOW_US, &url));
    assert_slice(url, "kept");
}

/* What we send is what a provider with the same reader, and our certificate for its own, would read. */
static void what_we_send_at_a_logout_can_be_read(void **state)
{
    (void)state;
    reset();
    struct rg_slice url = {0};
    struct rg_slice certificate = saml_certificate(saml_world.ours, "ours", &saml_world.arena);
    struct auth_saml_name_id name = {RG_SLICE("a<b&\"c\""), RG_SLICE("urn:f"), RG_SLICE("q"), RG_SLICE("s")};
    struct auth_saml_ending ending = {&name, RG_SLICE("_s<1"), RG_SLICE("_id"), RG_SLICE("relay")};
    assert_ok(auth_saml_logout_url(&saml_world.trust, &ending, SAML_NOW_US, &saml_world.arena, &url));
    struct auth_saml_trust theirs = saml_world.trust;
    theirs.idp.entity_id = RG_SLICE(SAML_ENTITY);
    theirs.idp.certificates = &certificate;
    theirs.idp.certificate_count = 1;
    struct auth_saml_logout_expected at = {RG_SLICE(IDP_SLO), SAML_NOW_US};
    struct auth_saml_logout logout = {0};
    enum auth_saml_rule rule = AUTH_SAML_NONE;
    struct rg_slice query = rg_slice_cut(url, sizeof IDP_SLO, SIZE_MAX);
    assert_ok(auth_saml_logout_read_query(&theirs, &at, query, &saml_world.arena, &logout, &rule));
    assert_slice(logout.name_id.value, "a<b&\"c\"");
    assert_slice(logout.name_id.format, "urn:f");
    assert_slice(logout.name_id.name_qualifier, "q");
    assert_slice(logout.name_id.sp_name_qualifier, "s");
    assert_slice(logout.session_indexes[0], "_s<1");
    assert_slice(logout.relay_state, "relay");
    for (int success = 0; success < 2; success++) {
        assert_ok(auth_saml_logout_answer_url(
            &saml_world.trust, &(struct auth_saml_answering){RG_SLICE("_theirs"), RG_SLICE("r"), success == 1},
            SAML_NOW_US, &saml_world.arena, &url));
        at.slo_url = RG_SLICE(IDP_SLO "/done");
        query = rg_slice_cut(url, sizeof IDP_SLO "/done", SIZE_MAX);
        assert_ok(auth_saml_logout_read_query(&theirs, &at, query, &saml_world.arena, &logout, &rule));
        assert_false(logout.is_request);
        assert_int_equal(logout.is_success, success == 1);
        assert_slice(logout.in_response_to, "_theirs");
    }
}

static void without_a_service_or_a_key_there_is_no_logout_to_send(void **state)
{
    (void)state;
    reset();
    struct rg_slice url = RG_SLICE("kept");
    struct auth_saml_name_id name = {.value = RG_SLICE("a")};
    struct auth_saml_ending ending = {.name_id = &name, .request_id = RG_SLICE("_id")};
    assert_true(auth_saml_has_logout(&saml_world.trust));
    saml_world.trust.idp.slo_url = (struct rg_slice){NULL, 0};
    assert_false(auth_saml_has_logout(&saml_world.trust));
    assert_fails(RG_CONFIG, auth_saml_logout_url(&saml_world.trust, &ending, SAML_NOW_US, &saml_world.arena, &url));
    saml_world.trust.idp.slo_url = RG_SLICE(IDP_SLO);
    saml_world.trust.private_key = (struct rg_slice){NULL, 0};
    assert_false(auth_saml_has_logout(&saml_world.trust));
    assert_fails(RG_CONFIG, auth_saml_logout_answer_url(
                                &saml_world.trust, &(struct auth_saml_answering){RG_SLICE("_x"), RG_SLICE(""), true},
                                SAML_NOW_US, &saml_world.arena, &url));
    assert_slice(url, "kept");
}

static void ids_are_names_and_never_the_same(void **state)
{
    (void)state;
    char a[AUTH_SAML_ID_SIZE];
    char b[AUTH_SAML_ID_SIZE];
    auth_saml_make_id(a);
    auth_saml_make_id(b);
    assert_int_equal(strlen(a), 33);
    assert_int_equal(a[0], '_');
    assert_string_not_equal(a, b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_signed_logout_request_by_redirect),
        cmocka_unit_test(reads_a_signed_answer_by_redirect),
        cmocka_unit_test(reads_a_signed_logout_request_by_post),
        cmocka_unit_test(refuses_a_signed_element_without_namespace),
        cmocka_unit_test(refuses_what_the_signature_does_not_cover),
        cmocka_unit_test(refuses_what_a_signed_request_may_not_say),
        cmocka_unit_test(asks_for_a_login_by_a_signed_url),
        cmocka_unit_test(a_long_relay_state_is_not_sent),
        cmocka_unit_test(what_we_send_at_a_logout_can_be_read),
        cmocka_unit_test(without_a_service_or_a_key_there_is_no_logout_to_send),
        cmocka_unit_test(ids_are_names_and_never_the_same),
    };
    return cmocka_run_group_tests(tests, saml_world_make, saml_world_done);
}
