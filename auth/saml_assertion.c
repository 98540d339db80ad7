/* SPDX-License-Identifier: Apache-2.0 */
/* What an assertion whose signature holds must say before it is a login (saml-profiles 4.1.4.3), and what it then says
 * about the person. Reads only documents that saml_signature_verify made. */
#include "auth/claims_private.h"
#include "auth/saml_private.h"

#include <libxml/tree.h>
#include <string.h>

#define METHOD_BEARER "urn:oasis:names:tc:SAML:2.0:cm:bearer"
#define FORMAT_ENTITY "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"

enum { MAX_ATTRIBUTES = 256, MAX_VALUES = 4096 };

static bool is_early(const struct saml_reading *reading, int64_t not_before_us)
{
    return not_before_us - reading->trust->clock_skew_us > reading->now_us;
}

static bool is_expired(const struct saml_reading *reading, int64_t not_on_or_after_us)
{
    return reading->now_us >= not_on_or_after_us + reading->trust->clock_skew_us;
}

/* saml-core 2.2.5: an entity's name, in the format of entities or in none. */
rg_status saml_issuer_check(struct saml_reading *reading, const struct _xmlNode *issuer)
{
    struct rg_slice text = {0};
    struct rg_slice format = {0};
    RG_TRY(saml_token(reading, issuer, AUTH_SAML_ISSUER, &text));
    RG_TRY(saml_attribute(reading, issuer, "Format", &format));
    bool is_entity = format.data == NULL || rg_slice_is_equal(format, RG_SLICE(FORMAT_ENTITY));
    bool is_ours = text.size > 0 && rg_slice_is_equal(text, reading->trust->idp.entity_id);
    return is_entity && is_ours ? RG_OK : saml_refuse(reading, AUTH_SAML_ISSUER);
}

/* ---- subject ---- */

rg_status saml_name_id_read(struct saml_reading *reading, const struct _xmlNode *node,
                            struct auth_saml_name_id *out_name)
{
    struct auth_saml_name_id name = {0};
    RG_TRY(saml_text(reading, node, AUTH_SAML_SUBJECT, &name.value));
    RG_TRY(saml_attribute(reading, node, "Format", &name.format));
    RG_TRY(saml_attribute(reading, node, "NameQualifier", &name.name_qualifier));
    RG_TRY(saml_attribute(reading, node, "SPNameQualifier", &name.sp_name_qualifier));
    if (name.value.size == 0 || name.value.size > 1024) {
        return saml_refuse(reading, AUTH_SAML_SUBJECT);
    }
    *out_name = name;
    return RG_OK;
}

static rg_status check_answer(struct saml_reading *reading, const struct auth_saml_expected *expected,
                              const struct _xmlNode *data)
{
    struct rg_slice answered = {0};
    RG_TRY(saml_attribute(reading, data, "InResponseTo", &answered));
    bool is_right =
        expected->request_id.size == 0 ? answered.data == NULL : rg_slice_is_equal(answered, expected->request_id);
    return is_right ? RG_OK : saml_refuse(reading, AUTH_SAML_IN_RESPONSE_TO);
}

/* saml-profiles 4.1.4.2, one SubjectConfirmation: who may present the assertion, where, until when, as an answer to
 * what. Its end in *out_until_us. */
static rg_status check_confirmation(struct saml_reading *reading, const struct auth_saml_expected *expected,
                                    const struct _xmlNode *confirmation, int64_t *out_until_us)
{
    static const struct saml_part parts[] = {{SAML_NS_ASSERTION, "SubjectConfirmationData", 1, 1}};
    struct _xmlNode *data = NULL;
    struct rg_slice recipient = {0};
    int64_t until_us = -1;
    int64_t from_us = 0;
    if (!saml_attribute_is(confirmation, "Method", METHOD_BEARER)) {
        return saml_refuse(reading, AUTH_SAML_CONFIRMATION);
    }
    RG_TRY(saml_parts(reading, confirmation, AUTH_SAML_CONFIRMATION, parts, 1, &data));
    RG_TRY(saml_attribute(reading, data, "Recipient", &recipient));
    RG_TRY(saml_time(reading, data, "NotOnOrAfter", &until_us));
    RG_TRY(saml_time(reading, data, "NotBefore", &from_us));
    if (recipient.size == 0 || !rg_slice_is_equal(recipient, expected->acs_url)) {
        return saml_refuse(reading, AUTH_SAML_RECIPIENT);
    }
    RG_TRY(check_answer(reading, expected, data));
    if (until_us < 0) {
        return saml_refuse(reading, AUTH_SAML_TIME);
    }
    if (is_expired(reading, until_us)) {
        return saml_refuse(reading, AUTH_SAML_EXPIRED);
    }
    if (is_early(reading, from_us)) {
        return saml_refuse(reading, AUTH_SAML_EARLY);
    }
    *out_until_us = until_us;
    return RG_OK;
}

/* One confirmation that holds is enough (saml-core 2.4.1.1); the last refusal is the one told. */
static rg_status read_subject(struct saml_reading *reading, const struct auth_saml_expected *expected,
                              const struct _xmlNode *subject, struct auth_saml_login *login)
{
    static const struct saml_part parts[] = {{SAML_NS_ASSERTION, "NameID", 1, 1},
                                             {SAML_NS_ASSERTION, "SubjectConfirmation", 0, 16}};
    struct _xmlNode *found[2] = {0};
    bool is_confirmed = false;
    RG_TRY(saml_parts(reading, subject, AUTH_SAML_SUBJECT, parts, 2, found));
    RG_TRY(saml_name_id_read(reading, found[0], &login->name_id));
    rg_status refusal = RG_OK;
    for (const struct _xmlNode *node = found[1]; node != NULL; node = saml_next(node)) {
        int64_t until_us = 0;
        rg_status status = check_confirmation(reading, expected, node, &until_us);
        if (!rg_is_ok(status) && status.error->kind != RG_DENIED) {
            return status;
        }
        if (rg_is_ok(status)) {
            is_confirmed = true;
            until_us += reading->trust->clock_skew_us;
            login->replay_until_us = until_us > login->replay_until_us ? until_us : login->replay_until_us;
        } else {
            refusal = status;
        }
    }
    if (is_confirmed) {
        reading->rule = AUTH_SAML_NONE;
        return RG_OK;
    }
    return rg_is_ok(refusal) ? saml_refuse(reading, AUTH_SAML_CONFIRMATION) : refusal;
}

/* ---- conditions ---- */

static rg_status check_audience(struct saml_reading *reading, const struct _xmlNode *restriction)
{
    static const struct saml_part parts[] = {{SAML_NS_ASSERTION, "Audience", 1, 64}};
    const struct auth_saml_trust *trust = reading->trust;
    struct rg_slice ours = trust->audience.size > 0 ? trust->audience : trust->entity_id;
    struct _xmlNode *first = NULL;
    RG_TRY(saml_parts(reading, restriction, AUTH_SAML_AUDIENCE, parts, 1, &first));
    bool is_ours = false;
    for (const struct _xmlNode *node = first; node != NULL; node = saml_next(node)) {
        struct rg_slice text = {0};
        RG_TRY(saml_token(reading, node, AUTH_SAML_AUDIENCE, &text));
        is_ours = is_ours || (text.size > 0 && rg_slice_is_equal(text, ours));
    }
    return is_ours ? RG_OK : saml_refuse(reading, AUTH_SAML_AUDIENCE);
}

/* saml-core 2.5.1: a condition that is not understood makes the assertion invalid. Every AudienceRestriction counts. */
static rg_status check_conditions(struct saml_reading *reading, const struct _xmlNode *conditions)
{
    static const struct saml_part parts[] = {{SAML_NS_ASSERTION, "AudienceRestriction", 0, 16},
                                             {SAML_NS_ASSERTION, "OneTimeUse", 0, 1},
                                             {SAML_NS_ASSERTION, "ProxyRestriction", 0, 1}};
    struct _xmlNode *found[3] = {0};
    int64_t from_us = 0;
    int64_t until_us = INT64_MAX / 2;
    RG_TRY(saml_parts(reading, conditions, AUTH_SAML_CONDITION, parts, 3, found));
    RG_TRY(saml_time(reading, conditions, "NotBefore", &from_us));
    RG_TRY(saml_time(reading, conditions, "NotOnOrAfter", &until_us));
    if (is_early(reading, from_us)) {
        return saml_refuse(reading, AUTH_SAML_EARLY);
    }
    if (is_expired(reading, until_us)) {
        return saml_refuse(reading, AUTH_SAML_EXPIRED);
    }
    if (found[0] == NULL) {
        return saml_refuse(reading, AUTH_SAML_AUDIENCE);
    }
    for (const struct _xmlNode *node = found[0]; node != NULL; node = saml_next(node)) {
        RG_TRY(check_audience(reading, node));
    }
    return RG_OK;
}

static rg_status read_statement(struct saml_reading *reading, const struct _xmlNode *statement,
                                struct auth_saml_login *login)
{
    int64_t instant_us = -1;
    int64_t end_us = -1;
    RG_TRY(saml_time(reading, statement, "AuthnInstant", &instant_us));
    RG_TRY(saml_time(reading, statement, "SessionNotOnOrAfter", &end_us));
    RG_TRY(saml_attribute(reading, statement, "SessionIndex", &login->session_index));
    if (instant_us < 0) {
        return saml_refuse(reading, AUTH_SAML_TIME);
    }
    if (is_early(reading, instant_us)) {
        return saml_refuse(reading, AUTH_SAML_EARLY);
    }
    if (end_us >= 0 && is_expired(reading, end_us)) {
        return saml_refuse(reading, AUTH_SAML_EXPIRED);
    }
    login->identity.expires_at_us = end_us < 0 ? 0 : end_us + reading->trust->clock_skew_us;
    return RG_OK;
}

/* ---- attributes ---- */

struct attributes {
    struct auth_claim_constant *items;
    size_t count;
    size_t value_count;
};

/* The attribute of that name, made when it is new: some providers give each value of a list as an attribute. */
static rg_status find_attribute(struct saml_reading *reading, struct attributes *attributes, struct rg_slice name,
                                struct auth_claim_constant **out_item)
{
    for (size_t i = 0; i < attributes->count; i++) {
        if (rg_slice_is_equal(attributes->items[i].name, name)) {
            *out_item = &attributes->items[i];
            return RG_OK;
        }
    }
    if (attributes->count == MAX_ATTRIBUTES) {
        return saml_refuse(reading, AUTH_SAML_ATTRIBUTE);
    }
    *out_item = &attributes->items[attributes->count++];
    **out_item = (struct auth_claim_constant){.name = name};
    return RG_OK;
}

/* Values that are no text (an eduPersonTargetedID, say) are left out: what needs one will miss it. */
static rg_status add_values(struct saml_reading *reading, struct attributes *attributes, struct _xmlNode *first,
                            struct auth_claim_constant *item)
{
    RG_ASSERT(item != NULL);
    size_t count = item->text_count;
    for (const struct _xmlNode *node = first; node != NULL; node = saml_next(node)) {
        count++;
    }
    struct rg_slice *texts = NULL;
    if (count - item->text_count > MAX_VALUES - attributes->value_count) {
        return saml_refuse(reading, AUTH_SAML_ATTRIBUTE);
    }
    RG_TRY(rg_arena_array(reading->arena, count, sizeof *texts, (void **)&texts));
    if (item->text_count > 0) {
        memcpy(texts, item->texts, item->text_count * sizeof *texts);
    }
    size_t used = item->text_count;
    for (struct _xmlNode *node = first; node != NULL; node = saml_next(node)) {
        if (saml_first(node) == NULL) {
            RG_TRY(saml_text(reading, node, AUTH_SAML_ATTRIBUTE, &texts[used++]));
        }
    }
    attributes->value_count += count - item->text_count;
    item->texts = texts;
    item->text_count = used;
    return RG_OK;
}

static rg_status read_attributes(struct saml_reading *reading, const struct _xmlNode *statement,
                                 struct attributes *attributes)
{
    static const struct saml_part parts[] = {{SAML_NS_ASSERTION, "Attribute", 0, MAX_ATTRIBUTES}};
    static const struct saml_part values[] = {{SAML_NS_ASSERTION, "AttributeValue", 0, MAX_VALUES}};
    struct _xmlNode *first = NULL;
    RG_TRY(saml_parts(reading, statement, AUTH_SAML_ATTRIBUTE, parts, 1, &first));
    for (const struct _xmlNode *node = first; node != NULL; node = saml_next(node)) {
        struct auth_claim_constant *item = NULL;
        struct _xmlNode *value = NULL;
        struct rg_slice name = {0};
        RG_TRY(saml_attribute(reading, node, "Name", &name));
        if (name.size == 0) {
            return saml_refuse(reading, AUTH_SAML_ATTRIBUTE);
        }
        RG_TRY(saml_parts(reading, node, AUTH_SAML_ATTRIBUTE, values, 1, &value));
        RG_TRY(find_attribute(reading, attributes, name, &item));
        RG_TRY(add_values(reading, attributes, value, item));
    }
    return RG_OK;
}

/* The one text of the attribute that the configuration names; without a name, fallback. */
static rg_status choose(struct saml_reading *reading, const struct attributes *attributes, struct rg_slice name,
                        struct rg_slice fallback, struct rg_slice *out_text)
{
    if (name.size == 0) {
        *out_text = fallback;
        return RG_OK;
    }
    for (size_t i = 0; i < attributes->count; i++) {
        const struct auth_claim_constant *item = &attributes->items[i];
        if (rg_slice_is_equal(item->name, name) && item->text_count == 1 && item->texts[0].size > 0) {
            *out_text = item->texts[0];
            return RG_OK;
        }
    }
    return saml_refuse(reading, AUTH_SAML_SUBJECT);
}

static rg_status read_identity(struct saml_reading *reading, const struct attributes *attributes,
                               struct auth_saml_login *login)
{
    const struct auth_saml_trust *trust = reading->trust;
    struct auth_identity *identity = &login->identity;
    RG_TRY(choose(reading, attributes, trust->subject_attribute, login->name_id.value, &identity->subject));
    RG_TRY(choose(reading, attributes, trust->user_attribute, login->name_id.value, &identity->user));
    RG_TRY(rg_arena_copy(reading->arena, trust->name, &identity->idp));
    RG_TRY(rg_arena_copy(reading->arena, trust->idp.entity_id, &identity->issuer));
    identity->kind = AUTH_SAML;
    identity->token_id = login->assertion_id;
    identity->claim_count = trust->claim_count;
    rg_status status = auth_claims_from_attributes(trust->claims, trust->claim_count, attributes->items,
                                                   attributes->count, reading->arena, &identity->claims);
    if (!rg_is_ok(status) && status.error->kind == RG_DENIED) {
        reading->rule = AUTH_SAML_CLAIM;
    }
    return status;
}

/* ---- the whole ---- */

static rg_status check_head(struct saml_reading *reading, const struct _xmlNode *assertion,
                            struct auth_saml_login *login)
{
    int64_t issued_us = -1;
    struct rg_slice id = {0};
    if (!saml_attribute_is(assertion, "Version", "2.0")) {
        return saml_refuse(reading, AUTH_SAML_VERSION);
    }
    RG_TRY(saml_attribute(reading, assertion, "ID", &id));
    RG_TRY(saml_time(reading, assertion, "IssueInstant", &issued_us));
    if (id.size == 0) {
        return saml_refuse(reading, AUTH_SAML_ID);
    }
    if (issued_us < 0) {
        return saml_refuse(reading, AUTH_SAML_TIME);
    }
    login->assertion_id = id;
    login->identity.issued_at_us = issued_us;
    return is_early(reading, issued_us) ? saml_refuse(reading, AUTH_SAML_EARLY) : RG_OK;
}

static rg_status read_statements(struct saml_reading *reading, struct _xmlNode *authentication,
                                 struct _xmlNode *attribute_statement, struct auth_saml_login *login)
{
    struct attributes attributes = {0};
    if (authentication == NULL || saml_next(authentication) != NULL) {
        return saml_refuse(reading, AUTH_SAML_STATEMENT);
    }
    RG_TRY(read_statement(reading, authentication, login));
    RG_TRY(rg_arena_array(reading->arena, MAX_ATTRIBUTES, sizeof *attributes.items, (void **)&attributes.items));
    for (const struct _xmlNode *node = attribute_statement; node != NULL; node = saml_next(node)) {
        RG_TRY(read_attributes(reading, node, &attributes));
    }
    return read_identity(reading, &attributes, login);
}

rg_status saml_assertion_read(struct saml_reading *reading, const struct auth_saml_expected *expected,
                              const struct _xmlNode *assertion, struct auth_saml_login *out_login)
{
    static const struct saml_part parts[] = {
        {SAML_NS_ASSERTION, "Issuer", 1, 1},         {SAML_NS_DSIG, "Signature", 0, 1},
        {SAML_NS_ASSERTION, "Subject", 0, 1},        {SAML_NS_ASSERTION, "Conditions", 0, 1},
        {SAML_NS_ASSERTION, "AuthnStatement", 0, 8}, {SAML_NS_ASSERTION, "AttributeStatement", 0, 8},
    };
    struct _xmlNode *found[6] = {0};
    struct auth_saml_login login = {0};
    RG_TRY(saml_parts(reading, assertion, AUTH_SAML_SHAPE, parts, 6, found));
    RG_TRY(check_head(reading, assertion, &login));
    RG_TRY(saml_issuer_check(reading, found[0]));
    if (found[2] == NULL) {
        return saml_refuse(reading, AUTH_SAML_SUBJECT);
    }
    RG_TRY(read_subject(reading, expected, found[2], &login));
    if (found[3] == NULL) {
        return saml_refuse(reading, AUTH_SAML_AUDIENCE);
    }
    RG_TRY(check_conditions(reading, found[3]));
    RG_TRY(read_statements(reading, found[4], found[5], &login));
    *out_login = login;
    return RG_OK;
}
