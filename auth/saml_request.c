/* SPDX-License-Identifier: Apache-2.0 */
/* What we say to an identity provider: AuthnRequest, LogoutRequest, LogoutResponse (saml-core 3.4.1, 3.7), as URLs for
 * the browser. Small texts, written by hand and escaped; the binding is saml_redirect.c's. */
#include "auth/saml_messages.h"

#include "auth/saml_private.h"
#include "base/rg_clock.h"
#include "base/rg_crypto.h"

enum { MAX_XML = 16 << 10, MAX_URL = 64 << 10 };

void auth_saml_make_id(char out_id[AUTH_SAML_ID_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[16];
    rg_random(bytes, sizeof bytes);
    out_id[0] = '_';
    for (size_t i = 0; i < sizeof bytes; i++) {
        out_id[1 + 2 * i] = digits[bytes[i] >> 4];
        out_id[2 + 2 * i] = digits[bytes[i] & 15];
    }
    out_id[AUTH_SAML_ID_SIZE - 1] = '\0';
}

static rg_status put_attribute(struct rg_buf *xml, const char *name, struct rg_slice value)
{
    if (value.size == 0) {
        return RG_OK;
    }
    RG_TRY(rg_buf_printf(xml, " %s=\"", name));
    RG_TRY(saml_text_put(xml, value));
    return rg_buf_put(xml, RG_SLICE("\""));
}

/* The opening tag that all messages share, left open for more attributes. */
static rg_status put_head(struct rg_buf *xml, const char *name, struct rg_slice id, struct rg_slice destination,
                          int64_t now_us)
{
    char now[RG_TIME_TEXT_SIZE];
    rg_clock_format(now_us - now_us % 1000000, now);
    struct rg_slice time = rg_slice_cut(rg_slice_of(now), 0, 19); /* whole seconds */
    RG_TRY(rg_buf_printf(xml, "<samlp:%s xmlns:samlp=\"" SAML_NS_PROTOCOL "\" xmlns:saml=\"" SAML_NS_ASSERTION "\"",
                         name));
    RG_TRY(put_attribute(xml, "ID", id));
    RG_TRY(rg_buf_printf(xml, " Version=\"2.0\" IssueInstant=\"%.*sZ\"", (int)time.size, time.data));
    return put_attribute(xml, "Destination", destination);
}

static rg_status put_issuer(struct rg_buf *xml, const struct auth_saml_trust *trust)
{
    RG_TRY(rg_buf_put(xml, RG_SLICE("><saml:Issuer>")));
    RG_TRY(saml_text_put(xml, trust->entity_id));
    return rg_buf_put(xml, RG_SLICE("</saml:Issuer>"));
}

/* Where a message goes, and under which name. */
struct target {
    struct rg_slice location;
    const char *parameter;
    struct rg_slice relay_state;
};

static rg_status make_url(const struct auth_saml_trust *trust, const struct target *target, const struct rg_buf *xml,
                          struct rg_arena *arena, struct rg_slice *out_url)
{
    struct rg_buf url RG_AUTO(rg_buf_done) = {0};
    struct rg_slice location = target->location;
    rg_buf_init(&url, MAX_URL);
    RG_TRY(rg_buf_put(&url, location));
    bool has_query = location.size > 0 && memchr(location.data, '?', location.size) != NULL;
    RG_TRY(rg_buf_put(&url, has_query ? RG_SLICE("&") : RG_SLICE("?")));
    RG_TRY(saml_redirect_put(trust, target->parameter, rg_buf_slice(xml), target->relay_state, &url));
    return rg_arena_copy(arena, rg_buf_slice(&url), out_url);
}

rg_status auth_saml_login_url(const struct auth_saml_trust *trust, const struct auth_saml_asking *asking,
                              int64_t now_us, struct rg_arena *arena, struct rg_slice *out_url)
{
    struct rg_buf xml RG_AUTO(rg_buf_done) = {0};
    const struct target target = {trust->idp.sso_url, "SAMLRequest", asking->relay_state};
    rg_buf_init(&xml, MAX_XML);
    RG_TRY(put_head(&xml, "AuthnRequest", asking->request_id, target.location, now_us));
    RG_TRY(put_attribute(&xml, "AssertionConsumerServiceURL", asking->acs_url));
    RG_TRY(put_attribute(&xml, "ProtocolBinding", RG_SLICE(SAML_BINDING_POST)));
    RG_TRY(put_issuer(&xml, trust));
    RG_TRY(rg_buf_put(&xml, RG_SLICE("<samlp:NameIDPolicy AllowCreate=\"true\"/></samlp:AuthnRequest>")));
    return make_url(trust, &target, &xml, arena, out_url);
}

bool auth_saml_has_logout(const struct auth_saml_trust *trust)
{
    return trust->idp.slo_url.size > 0 && trust->private_key.size > 0;
}

static rg_status put_name_id(struct rg_buf *xml, const struct auth_saml_name_id *name)
{
    RG_TRY(rg_buf_put(xml, RG_SLICE("<saml:NameID")));
    RG_TRY(put_attribute(xml, "Format", name->format));
    RG_TRY(put_attribute(xml, "NameQualifier", name->name_qualifier));
    RG_TRY(put_attribute(xml, "SPNameQualifier", name->sp_name_qualifier));
    RG_TRY(rg_buf_put(xml, RG_SLICE(">")));
    RG_TRY(saml_text_put(xml, name->value));
    return rg_buf_put(xml, RG_SLICE("</saml:NameID>"));
}

rg_status auth_saml_logout_url(const struct auth_saml_trust *trust, const struct auth_saml_ending *ending,
                               int64_t now_us, struct rg_arena *arena, struct rg_slice *out_url)
{
    struct rg_buf xml RG_AUTO(rg_buf_done) = {0};
    const struct target target = {trust->idp.slo_url, "SAMLRequest", ending->relay_state};
    rg_buf_init(&xml, MAX_XML);
    if (!auth_saml_has_logout(trust)) {
        return rg_fail(RG_CONFIG, "the identity provider has no SingleLogoutService, or we have no private_key");
    }
    RG_TRY(put_head(&xml, "LogoutRequest", ending->request_id, trust->idp.slo_url, now_us));
    RG_TRY(put_issuer(&xml, trust));
    RG_TRY(put_name_id(&xml, ending->name_id));
    if (ending->session_index.size > 0) {
        RG_TRY(rg_buf_put(&xml, RG_SLICE("<samlp:SessionIndex>")));
        RG_TRY(saml_text_put(&xml, ending->session_index));
        RG_TRY(rg_buf_put(&xml, RG_SLICE("</samlp:SessionIndex>")));
    }
    RG_TRY(rg_buf_put(&xml, RG_SLICE("</samlp:LogoutRequest>")));
    return make_url(trust, &target, &xml, arena, out_url);
}

rg_status auth_saml_logout_answer_url(const struct auth_saml_trust *trust, const struct auth_saml_answering *answering,
                                      int64_t now_us, struct rg_arena *arena, struct rg_slice *out_url)
{
    struct rg_buf xml RG_AUTO(rg_buf_done) = {0};
    const struct target target = {trust->idp.slo_response_url, "SAMLResponse", answering->relay_state};
    char id[AUTH_SAML_ID_SIZE];
    rg_buf_init(&xml, MAX_XML);
    if (!auth_saml_has_logout(trust)) {
        return rg_fail(RG_CONFIG, "the identity provider has no SingleLogoutService, or we have no private_key");
    }
    auth_saml_make_id(id);
    RG_TRY(put_head(&xml, "LogoutResponse", rg_slice_of(id), trust->idp.slo_response_url, now_us));
    RG_TRY(put_attribute(&xml, "InResponseTo", answering->in_response_to));
    RG_TRY(put_issuer(&xml, trust));
    RG_TRY(rg_buf_put(&xml, RG_SLICE("<samlp:Status><samlp:StatusCode Value=\"" SAML_STATUS_SUCCESS "\"")));
    RG_TRY(rg_buf_put(&xml, answering->is_success
                                ? RG_SLICE("/></samlp:Status></samlp:LogoutResponse>")
                                : RG_SLICE("><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:"
                                           "PartialLogout\"/></samlp:StatusCode></samlp:Status>"
                                           "</samlp:LogoutResponse>")));
    return make_url(trust, &target, &xml, arena, out_url);
}
