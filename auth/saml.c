/* SPDX-License-Identifier: Apache-2.0 */
/* A SAML login from the posted text to an identity: decode, parse, verify, and read what was verified. The checks and
 * their order; each check's own file says what it is (saml_xml.c, saml_signature.c, saml_encryption.c,
 * saml_assertion.c). Called on an offload lane by the HTTP plane's assertion consumer. */
#include "auth/saml.h"

#include "auth/saml_private.h"
#include "base/rg_crypto.h"

static const struct rule_row {
    const char *name;
    const char *text;
} rules[] = {
#define AUTH_SAML_RULE(constant, name, text) [constant] = {name, text},
#include "auth/saml_rules.def"
#undef AUTH_SAML_RULE
};

const char *auth_saml_rule_name(enum auth_saml_rule rule)
{
    return rule < AUTH_SAML_RULE_COUNT ? rules[rule].name : rules[AUTH_SAML_NONE].name;
}

rg_status saml_refuse(struct saml_reading *reading, enum auth_saml_rule rule)
{
    reading->rule = rule;
    return rg_fail(RG_DENIED, "%s", rules[rule].text);
}

/* ---- trust ---- */

struct auth_saml_trust auth_saml_trust_default(void)
{
    return (struct auth_saml_trust){.clock_skew_us = 60 * INT64_C(1000000)};
}

rg_status auth_saml_trust_check(const struct auth_saml_trust *trust)
{
    if (trust->entity_id.size == 0 || trust->entity_id.size > 1024) {
        return rg_fail(RG_CONFIG, "entity_id: a name of 1 to 1024 bytes is required");
    }
    if (trust->idp.entity_id.size == 0 || trust->idp.certificate_count == 0) {
        return rg_fail(RG_CONFIG, "metadata: an entity with at least one signing certificate is required");
    }
    if (rg_slice_is_equal(trust->entity_id, trust->idp.entity_id)) {
        return rg_fail(RG_CONFIG, "entity_id: must not be the identity provider's own");
    }
    if (trust->clock_skew_us < 0 || trust->clock_skew_us > 600 * INT64_C(1000000)) {
        return rg_fail(RG_CONFIG, "clock_skew: must be within 0 s and 10 min");
    }
    if (trust->require_encrypted_assertions && trust->private_key.size == 0) {
        return rg_fail(RG_CONFIG, "require_encrypted_assertions: needs a private_key");
    }
    if (trust->idp.wants_signed_requests && trust->private_key.size == 0) {
        return rg_fail(RG_CONFIG, "private_key: the identity provider wants signed requests");
    }
    return RG_OK;
}

/* ---- the posted field ---- */

/* RFC 2045 base64 may be cut into lines; what remains must be strict. */
rg_status auth_saml_decode_post(struct rg_slice field, struct rg_arena *arena, struct rg_slice *out_xml,
                                enum auth_saml_rule *out_rule)
{
    struct saml_reading reading = {.arena = arena};
    char *text = NULL;
    size_t size = 0;
    struct rg_slice xml = {0};
    *out_rule = AUTH_SAML_SIZE;
    if (field.size > (size_t)AUTH_SAML_MAX_XML / 3 * 4 + 16384) {
        return saml_refuse(&reading, AUTH_SAML_SIZE);
    }
    *out_rule = AUTH_SAML_NONE;
    RG_TRY(rg_arena_alloc(arena, field.size + 1, (void **)&text));
    for (size_t i = 0; i < field.size; i++) {
        if (field.data[i] != '\r' && field.data[i] != '\n') {
            text[size++] = field.data[i];
        }
    }
    rg_status status = rg_base64_decode((struct rg_slice){text, size}, arena, &xml);
    if (rg_is_ok(status) && xml.size > 0) {
        *out_xml = xml;
        return RG_OK;
    }
    if (!rg_is_ok(status) && status.error->kind == RG_LIMIT) {
        return status;
    }
    *out_rule = AUTH_SAML_BASE64;
    return saml_refuse(&reading, AUTH_SAML_BASE64);
}

/* ---- the response ---- */

struct response {
    struct _xmlDoc *documents[3]; /* as received, as signed, the assertion's own */
    struct _xmlNode *root;        /* Response: of the second document when that is signed */
    bool is_signed;
};

static void response_done(struct response *response)
{
    for (size_t i = 0; i < sizeof response->documents / sizeof response->documents[0]; i++) {
        saml_document_done(&response->documents[i]);
    }
}

static rg_status check_status(struct saml_reading *reading, const struct _xmlNode *status)
{
    static const struct saml_part parts[] = {{SAML_NS_PROTOCOL, "StatusCode", 1, 1},
                                             {SAML_NS_PROTOCOL, "StatusMessage", 0, 1},
                                             {SAML_NS_PROTOCOL, "StatusDetail", 0, 1}};
    struct _xmlNode *found[3] = {0};
    RG_TRY(saml_parts(reading, status, AUTH_SAML_STATUS, parts, 3, found));
    return saml_attribute_is(found[0], "Value", SAML_STATUS_SUCCESS) ? RG_OK : saml_refuse(reading, AUTH_SAML_STATUS);
}

/* saml-bindings 3.5.5.2: a signed message must say where it goes; an unsigned one may, and must not lie. */
static rg_status check_destination(struct saml_reading *reading, const struct auth_saml_expected *expected,
                                   const struct response *response)
{
    struct rg_slice destination = {0};
    RG_TRY(saml_attribute(reading, response->root, "Destination", &destination));
    bool is_missing = destination.size == 0;
    bool is_right = is_missing ? !response->is_signed : rg_slice_is_equal(destination, expected->acs_url);
    return is_right ? RG_OK : saml_refuse(reading, AUTH_SAML_DESTINATION);
}

static rg_status check_answer(struct saml_reading *reading, const struct auth_saml_expected *expected,
                              const struct response *response)
{
    struct rg_slice answered = {0};
    RG_TRY(saml_attribute(reading, response->root, "InResponseTo", &answered));
    if (expected->request_id.size > 0) {
        return rg_slice_is_equal(answered, expected->request_id) ? RG_OK
                                                                 : saml_refuse(reading, AUTH_SAML_IN_RESPONSE_TO);
    }
    if (!reading->trust->allow_idp_initiated) {
        return saml_refuse(reading, AUTH_SAML_IDP_INITIATED);
    }
    return answered.data == NULL ? RG_OK : saml_refuse(reading, AUTH_SAML_IN_RESPONSE_TO);
}

/* The Response's own fields, and where its one assertion is. */
static rg_status read_response(struct saml_reading *reading, const struct auth_saml_expected *expected,
                               const struct response *response, struct _xmlNode **out_plain,
                               struct _xmlNode **out_encrypted)
{
    static const struct saml_part parts[] = {
        {SAML_NS_ASSERTION, "Issuer", 0, 1},
        {SAML_NS_DSIG, "Signature", 0, 1},
        {SAML_NS_PROTOCOL, "Status", 1, 1},
        {SAML_NS_ASSERTION, "Assertion", 0, AUTH_SAML_MAX_NODES},
        {SAML_NS_ASSERTION, "EncryptedAssertion", 0, AUTH_SAML_MAX_NODES},
    };
    struct _xmlNode *found[5] = {0};
    if (!saml_attribute_is(response->root, "Version", "2.0")) {
        return saml_refuse(reading, AUTH_SAML_VERSION);
    }
    RG_TRY(saml_parts(reading, response->root, AUTH_SAML_SHAPE, parts, 5, found));
    RG_TRY(check_status(reading, found[2]));
    if (found[0] != NULL) {
        RG_TRY(saml_issuer_check(reading, found[0]));
    }
    RG_TRY(check_destination(reading, expected, response));
    RG_TRY(check_answer(reading, expected, response));
    bool is_one = (found[3] == NULL) != (found[4] == NULL) && (found[3] == NULL || saml_next(found[3]) == NULL) &&
                  (found[4] == NULL || saml_next(found[4]) == NULL);
    if (!is_one) {
        return saml_refuse(reading, AUTH_SAML_ASSERTIONS);
    }
    *out_plain = found[3];
    *out_encrypted = found[4];
    return RG_OK;
}

static rg_status open_response(struct saml_reading *reading, struct rg_slice xml, struct response *response)
{
    RG_TRY(saml_document_parse(reading, xml, &response->documents[0]));
    response->root = saml_root(response->documents[0]);
    if (!saml_is(response->root, SAML_NS_PROTOCOL, "Response")) {
        return saml_refuse(reading, AUTH_SAML_SHAPE);
    }
    RG_TRY(saml_check_places(reading, response->documents[0]));
    if (saml_signature_of(response->root) == NULL) {
        return RG_OK;
    }
    RG_TRY(saml_signature_verify(reading, response->documents[0], response->root, &response->documents[1]));
    response->root = saml_root(response->documents[1]);
    response->is_signed = true;
    return RG_OK;
}

/* The assertion after all its signatures and its encryption: a node that only verified bytes made. */
static rg_status open_assertion(struct saml_reading *reading, struct response *response, struct _xmlNode *plain,
                                struct _xmlNode *encrypted, const struct auth_saml_expected *expected,
                                struct auth_saml_login *out_login)
{
    RG_AUTO(saml_document_done) struct _xmlDoc *verified = NULL;
    struct _xmlDoc *document = response->documents[response->is_signed ? 1 : 0];
    struct _xmlNode *assertion = plain;
    if (encrypted != NULL) {
        RG_TRY(saml_decrypt(reading, encrypted, &response->documents[2]));
        document = response->documents[2];
        assertion = saml_root(document);
    } else if (reading->trust->require_encrypted_assertions) {
        return saml_refuse(reading, AUTH_SAML_NOT_ENCRYPTED);
    }
    if (saml_signature_of(assertion) != NULL) {
        RG_TRY(saml_signature_verify(reading, document, assertion, &verified));
        assertion = saml_root(verified);
    } else if (!response->is_signed) {
        return saml_refuse(reading, AUTH_SAML_UNSIGNED);
    }
    return saml_assertion_read(reading, expected, assertion, out_login);
}

static rg_status judge(struct saml_reading *reading, const struct auth_saml_expected *expected, struct rg_slice xml,
                       struct auth_saml_login *out_login)
{
    RG_AUTO(response_done) struct response response = {0};
    struct _xmlNode *plain = NULL;
    struct _xmlNode *encrypted = NULL;
    int64_t valid_until_us = reading->trust->idp.valid_until_us;
    RG_TRY(saml_library_start());
    if (valid_until_us != 0 && reading->now_us >= valid_until_us) {
        return saml_refuse(reading, AUTH_SAML_METADATA);
    }
    RG_TRY(open_response(reading, xml, &response));
    RG_TRY(read_response(reading, expected, &response, &plain, &encrypted));
    return open_assertion(reading, &response, plain, encrypted, expected, out_login);
}

rg_status auth_saml_judge(const struct auth_saml_trust *trust, const struct auth_saml_expected *expected,
                          struct rg_slice xml, struct rg_arena *arena, struct auth_saml_login *out_login,
                          enum auth_saml_rule *out_rule)
{
    struct saml_reading reading = {.trust = trust, .arena = arena, .now_us = expected->now_us};
    rg_status status = judge(&reading, expected, xml, out_login);
    *out_rule = reading.rule;
    return status;
}
