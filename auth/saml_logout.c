/* SPDX-License-Identifier: Apache-2.0 */
/* Logout messages from an identity provider (saml-core 3.7, saml-profiles 4.4). Both bindings end in one reader, which
 * sees only what a signature covers: the query's text, or the element that stands in the form. */
#include "auth/saml_messages.h"
#include "auth/saml_private.h"

enum { MAX_INDEXES = 256 };

static const int64_t LIFETIME_US = INT64_C(300000000); /* of a request that does not say: from its IssueInstant */

static rg_status check_head(struct saml_reading *reading, const struct auth_saml_logout_expected *expected,
                            const struct _xmlNode *root, struct auth_saml_logout *logout)
{
    struct rg_slice destination = {0};
    int64_t issued_us = -1;
    if (!saml_attribute_is(root, "Version", "2.0")) {
        return saml_refuse(reading, AUTH_SAML_VERSION);
    }
    RG_TRY(saml_attribute(reading, root, "ID", &logout->id));
    RG_TRY(saml_attribute(reading, root, "Destination", &destination));
    RG_TRY(saml_time(reading, root, "IssueInstant", &issued_us));
    if (logout->id.size == 0) {
        return saml_refuse(reading, AUTH_SAML_ID);
    }
    if (destination.size == 0 || !rg_slice_is_equal(destination, expected->slo_url)) {
        return saml_refuse(reading, AUTH_SAML_DESTINATION);
    }
    if (issued_us < 0) {
        return saml_refuse(reading, AUTH_SAML_TIME);
    }
    if (issued_us - reading->trust->clock_skew_us > reading->now_us) {
        return saml_refuse(reading, AUTH_SAML_EARLY);
    }
    logout->replay_until_us = issued_us + LIFETIME_US + reading->trust->clock_skew_us;
    return reading->now_us < logout->replay_until_us ? RG_OK : saml_refuse(reading, AUTH_SAML_EXPIRED);
}

static rg_status read_indexes(struct saml_reading *reading, const struct _xmlNode *first,
                              struct auth_saml_logout *logout)
{
    struct rg_slice *indexes = NULL;
    for (const struct _xmlNode *node = first; node != NULL; node = saml_next(node)) {
        logout->session_index_count++;
    }
    RG_TRY(rg_arena_array(reading->arena, logout->session_index_count, sizeof *indexes, (void **)&indexes));
    size_t count = 0;
    for (const struct _xmlNode *node = first; node != NULL; node = saml_next(node)) {
        RG_TRY(saml_text(reading, node, AUTH_SAML_SUBJECT, &indexes[count]));
        if (indexes[count++].size == 0) { /* would mean: all sessions */
            return saml_refuse(reading, AUTH_SAML_SUBJECT);
        }
    }
    logout->session_indexes = indexes;
    return RG_OK;
}

static rg_status read_request(struct saml_reading *reading, const struct _xmlNode *root,
                              struct auth_saml_logout *logout)
{
    static const struct saml_part parts[] = {{SAML_NS_ASSERTION, "Issuer", 1, 1},
                                             {SAML_NS_DSIG, "Signature", 0, 1},
                                             {SAML_NS_PROTOCOL, "Extensions", 0, 1},
                                             {SAML_NS_ASSERTION, "NameID", 1, 1},
                                             {SAML_NS_PROTOCOL, "SessionIndex", 0, MAX_INDEXES}};
    struct _xmlNode *found[5] = {0};
    int64_t until_us = INT64_MAX / 2;
    RG_TRY(saml_parts(reading, root, AUTH_SAML_SHAPE, parts, 5, found));
    RG_TRY(saml_issuer_check(reading, found[0]));
    RG_TRY(saml_time(reading, root, "NotOnOrAfter", &until_us));
    if (reading->now_us >= until_us + reading->trust->clock_skew_us) {
        return saml_refuse(reading, AUTH_SAML_EXPIRED);
    }
    RG_TRY(saml_name_id_read(reading, found[3], &logout->name_id));
    logout->is_request = true;
    return read_indexes(reading, found[4], logout);
}

static rg_status read_answer(struct saml_reading *reading, const struct _xmlNode *root, struct auth_saml_logout *logout)
{
    static const struct saml_part parts[] = {{SAML_NS_ASSERTION, "Issuer", 1, 1},
                                             {SAML_NS_DSIG, "Signature", 0, 1},
                                             {SAML_NS_PROTOCOL, "Extensions", 0, 1},
                                             {SAML_NS_PROTOCOL, "Status", 1, 1}};
    static const struct saml_part status_parts[] = {{SAML_NS_PROTOCOL, "StatusCode", 1, 1},
                                                    {SAML_NS_PROTOCOL, "StatusMessage", 0, 1},
                                                    {SAML_NS_PROTOCOL, "StatusDetail", 0, 1}};
    struct _xmlNode *found[4] = {0};
    struct _xmlNode *status[3] = {0};
    RG_TRY(saml_parts(reading, root, AUTH_SAML_SHAPE, parts, 4, found));
    RG_TRY(saml_issuer_check(reading, found[0]));
    RG_TRY(saml_parts(reading, found[3], AUTH_SAML_STATUS, status_parts, 3, status));
    RG_TRY(saml_attribute(reading, root, "InResponseTo", &logout->in_response_to));
    logout->is_success = saml_attribute_is(status[0], "Value", SAML_STATUS_SUCCESS) && saml_first(status[0]) == NULL;
    return logout->in_response_to.size > 0 ? RG_OK : saml_refuse(reading, AUTH_SAML_IN_RESPONSE_TO);
}

static rg_status read_message(struct saml_reading *reading, const struct auth_saml_logout_expected *expected,
                              struct _xmlNode *root, struct auth_saml_logout *out_logout)
{
    struct auth_saml_logout logout = {.relay_state = out_logout->relay_state};
    bool is_request = saml_is(root, SAML_NS_PROTOCOL, "LogoutRequest");
    if (!is_request && !saml_is(root, SAML_NS_PROTOCOL, "LogoutResponse")) {
        return saml_refuse(reading, AUTH_SAML_SHAPE);
    }
    RG_TRY(check_head(reading, expected, root, &logout));
    RG_TRY(is_request ? read_request(reading, root, &logout) : read_answer(reading, root, &logout));
    *out_logout = logout;
    return RG_OK;
}

static rg_status check_metadata(struct saml_reading *reading)
{
    int64_t until_us = reading->trust->idp.valid_until_us;
    return until_us != 0 && reading->now_us >= until_us ? saml_refuse(reading, AUTH_SAML_METADATA) : RG_OK;
}

static rg_status read_query(struct saml_reading *reading, const struct auth_saml_logout_expected *expected,
                            struct rg_slice text, struct auth_saml_logout *out_logout)
{
    RG_AUTO(saml_document_done) struct _xmlDoc *document = NULL;
    struct saml_query query = {0};
    RG_TRY(check_metadata(reading));
    RG_TRY(saml_redirect_read(reading, text, &query));
    RG_TRY(saml_document_parse(reading, query.xml, &document));
    RG_TRY(saml_check_places(reading, document));
    struct auth_saml_logout logout = {.relay_state = query.relay_state};
    RG_TRY(read_message(reading, expected, saml_root(document), &logout));
    if (logout.is_request != query.is_request) {
        return saml_refuse(reading, AUTH_SAML_QUERY);
    }
    *out_logout = logout;
    return RG_OK;
}

rg_status auth_saml_logout_read_query(const struct auth_saml_trust *trust,
                                      const struct auth_saml_logout_expected *expected, struct rg_slice query,
                                      struct rg_arena *arena, struct auth_saml_logout *out_logout,
                                      enum auth_saml_rule *out_rule)
{
    struct saml_reading reading = {.trust = trust, .arena = arena, .now_us = expected->now_us};
    rg_status status = read_query(&reading, expected, query, out_logout);
    *out_rule = reading.rule;
    return status;
}

static rg_status read_post(struct saml_reading *reading, const struct auth_saml_logout_expected *expected,
                           const struct auth_saml_posted *posted, struct auth_saml_logout *out_logout)
{
    RG_AUTO(saml_document_done) struct _xmlDoc *document = NULL;
    RG_AUTO(saml_document_done) struct _xmlDoc *signed_document = NULL;
    struct auth_saml_logout logout = {0};
    RG_TRY(check_metadata(reading));
    if (posted->relay_state.size > AUTH_SAML_MAX_RELAY_STATE) {
        return saml_refuse(reading, AUTH_SAML_QUERY);
    }
    RG_TRY(rg_arena_copy(reading->arena, posted->relay_state, &logout.relay_state));
    RG_TRY(saml_document_parse(reading, posted->xml, &document));
    RG_TRY(saml_check_places(reading, document));
    RG_TRY(saml_signature_verify(reading, document, saml_root(document), &signed_document));
    RG_TRY(read_message(reading, expected, saml_root(signed_document), &logout));
    *out_logout = logout;
    return RG_OK;
}

rg_status auth_saml_logout_read_post(const struct auth_saml_trust *trust,
                                     const struct auth_saml_logout_expected *expected,
                                     const struct auth_saml_posted *posted, struct rg_arena *arena,
                                     struct auth_saml_logout *out_logout, enum auth_saml_rule *out_rule)
{
    struct saml_reading reading = {.trust = trust, .arena = arena, .now_us = expected->now_us};
    rg_status status = read_post(&reading, expected, posted, out_logout);
    *out_rule = reading.rule;
    return status;
}
