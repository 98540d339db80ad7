/* SPDX-License-Identifier: Apache-2.0 */
/* SAML metadata, read and written. The identity provider's file is the operator's own choice whom to trust, so what it
 * says is taken; what could not be safe with any provider (weak keys, endpoints that are no web addresses) is not. */
#include "auth/saml_metadata.h"

#include <libxml/parser.h>
#include <string.h>

#include "auth/saml_private.h"
#include "base/rg_crypto.h"

/* ---- theirs ---- */

struct descriptor {
    struct saml_reading *reading;
    struct auth_saml_idp idp;
    struct rg_slice certificates[AUTH_SAML_MAX_CERTIFICATES];
};

/* A child by name; others are not looked at: metadata is made to be extended. */
static struct _xmlNode *find_child(const struct _xmlNode *node, const char *space, const char *name)
{
    struct _xmlNode *child = node == NULL ? NULL : saml_first(node);
    while (child != NULL && !saml_is(child, space, name)) {
        child = saml_sibling(child);
    }
    return child;
}

static bool has_role(const struct _xmlNode *entity)
{
    return find_child(entity, SAML_NS_METADATA, "IDPSSODescriptor") != NULL;
}

/* The one entity that is an identity provider. */
static rg_status find_entity(struct _xmlNode *root, struct _xmlNode **out_entity)
{
    if (saml_is(root, SAML_NS_METADATA, "EntityDescriptor")) {
        *out_entity = root;
        return RG_OK;
    }
    if (!saml_is(root, SAML_NS_METADATA, "EntitiesDescriptor")) {
        return rg_fail(RG_CONFIG, "is no SAML metadata");
    }
    struct _xmlNode *found = NULL;
    for (struct _xmlNode *node = saml_first(root); node != NULL; node = saml_sibling(node)) {
        if (saml_is(node, SAML_NS_METADATA, "EntityDescriptor") && has_role(node)) {
            if (found != NULL) {
                return rg_fail(RG_CONFIG, "describes several identity providers; keep the one that is meant");
            }
            found = node;
        }
    }
    if (found == NULL) {
        return rg_fail(RG_CONFIG, "describes no identity provider");
    }
    *out_entity = found;
    return RG_OK;
}

/* A place to send browsers: https, or http of this machine for trials. */
static bool is_location(struct rg_slice url)
{
    static const char *const local[] = {"http://127.0.0.1:", "http://127.0.0.1/", "http://localhost:",
                                        "http://localhost/", "http://[::1]:",     "http://[::1]/"};
    bool is_web = rg_slice_has_prefix(url, RG_SLICE("https://")) && url.size > sizeof "https://";
    for (size_t i = 0; i < sizeof local / sizeof local[0]; i++) {
        is_web = is_web || rg_slice_has_prefix(url, rg_slice_of(local[i]));
    }
    for (size_t i = 0; i < url.size; i++) {
        unsigned char c = (unsigned char)url.data[i];
        is_web = is_web && c > 0x20 && c < 0x7f && strchr("\"<>\\^`{|}#", c) == NULL;
    }
    return is_web && url.size <= 2048;
}

static rg_status read_service(struct descriptor *read, const struct _xmlNode *role, const char *name,
                              struct rg_slice *out_url, struct rg_slice *out_response_url)
{
    struct _xmlNode *node = find_child(role, SAML_NS_METADATA, name);
    while (node != NULL && !saml_attribute_is(node, "Binding", SAML_BINDING_REDIRECT)) {
        node = saml_next(node);
    }
    if (node == NULL) {
        return RG_OK;
    }
    struct rg_slice url = {0};
    struct rg_slice response = {0};
    RG_TRY(saml_attribute(read->reading, node, "Location", &url));
    RG_TRY(saml_attribute(read->reading, node, "ResponseLocation", &response));
    response = response.size == 0 ? url : response;
    if (!is_location(url) || !is_location(response)) {
        return rg_fail(RG_CONFIG, "%s: the location must be an https:// URL", name);
    }
    *out_url = url;
    *out_response_url = response;
    return RG_OK;
}

/* The base64 of a certificate as people paste it, white space and all. */
static rg_status read_certificate(struct descriptor *read, const struct _xmlNode *node, struct rg_slice *out_der)
{
    struct rg_arena *arena = read->reading->arena;
    char *text = NULL;
    size_t size = 0;
    for (const xmlNode *child = node->children; child != NULL; child = child->next) {
        size += child->type == XML_TEXT_NODE && child->content != NULL ? strlen((const char *)child->content) : 0;
    }
    RG_TRY(rg_arena_alloc(arena, size + 1, (void **)&text));
    size = 0;
    for (const xmlNode *child = node->children; child != NULL; child = child->next) {
        const char *from = child->type == XML_TEXT_NODE && child->content != NULL ? (const char *)child->content : "";
        for (; *from != '\0'; from++) {
            if (strchr(" \t\r\n", *from) == NULL) {
                text[size++] = *from;
            }
        }
    }
    rg_status status = rg_base64_decode((struct rg_slice){text, size}, arena, out_der);
    return rg_is_ok(status) || status.error->kind == RG_LIMIT ? status
                                                              : rg_fail(RG_CONFIG, "a certificate is not base64");
}

/* saml-metadata 2.4.1.1: without a use the key serves all. One certificate per X509Data: others would be its chain. */
static rg_status read_keys(struct descriptor *read, const struct _xmlNode *role)
{
    struct _xmlNode *node = find_child(role, SAML_NS_METADATA, "KeyDescriptor");
    for (; node != NULL; node = saml_next(node)) {
        bool is_other_use =
            xmlHasNsProp(node, (const xmlChar *)"use", NULL) != NULL && !saml_attribute_is(node, "use", "signing");
        struct _xmlNode *info = find_child(node, SAML_NS_DSIG, "KeyInfo");
        struct _xmlNode *data = find_child(info, SAML_NS_DSIG, "X509Data");
        for (; data != NULL && !is_other_use; data = saml_next(data)) {
            const struct _xmlNode *certificate = find_child(data, SAML_NS_DSIG, "X509Certificate");
            struct rg_slice der = {0};
            if (certificate == NULL) {
                continue;
            }
            if (read->idp.certificate_count == AUTH_SAML_MAX_CERTIFICATES) {
                return rg_fail(RG_CONFIG, "has more than %d signing certificates", AUTH_SAML_MAX_CERTIFICATES);
            }
            RG_TRY(read_certificate(read, certificate, &der));
            if (!saml_certificate_is_usable(der)) {
                return rg_fail(RG_CONFIG,
                               "a signing certificate must be X.509 with RSA of 2048 bits or more, or a NIST "
                               "curve");
            }
            read->certificates[read->idp.certificate_count++] = der;
        }
    }
    return read->idp.certificate_count > 0 ? RG_OK : rg_fail(RG_CONFIG, "has no signing certificate");
}

static rg_status read_end(struct descriptor *read, const struct _xmlNode *node)
{
    int64_t until_us = 0;
    RG_TRY(saml_time(read->reading, node, "validUntil", &until_us));
    if (until_us != 0 && (read->idp.valid_until_us == 0 || until_us < read->idp.valid_until_us)) {
        read->idp.valid_until_us = until_us;
    }
    return RG_OK;
}

static rg_status read_role(struct descriptor *read, const struct _xmlNode *entity)
{
    struct auth_saml_idp *idp = &read->idp;
    struct rg_slice protocols = {0};
    struct rg_slice ignored = {0};
    struct _xmlNode *role = find_child(entity, SAML_NS_METADATA, "IDPSSODescriptor");
    if (role == NULL || saml_next(role) != NULL) {
        return rg_fail(RG_CONFIG, "must describe one identity provider (IDPSSODescriptor)");
    }
    RG_TRY(saml_attribute(read->reading, role, "protocolSupportEnumeration", &protocols));
    if (protocols.data == NULL || strstr(protocols.data, SAML_NS_PROTOCOL) == NULL) {
        return rg_fail(RG_CONFIG, "the identity provider does not speak SAML 2.0");
    }
    idp->wants_signed_requests = saml_attribute_is(role, "WantAuthnRequestsSigned", "true") ||
                                 saml_attribute_is(role, "WantAuthnRequestsSigned", "1");
    RG_TRY(read_end(read, role));
    RG_TRY(read_service(read, role, "SingleSignOnService", &idp->sso_url, &ignored));
    RG_TRY(read_service(read, role, "SingleLogoutService", &idp->slo_url, &idp->slo_response_url));
    if (idp->sso_url.size == 0) {
        return rg_fail(RG_CONFIG, "has no SingleSignOnService with the HTTP-Redirect binding");
    }
    return read_keys(read, role);
}

static rg_status read_metadata(struct descriptor *read, struct rg_slice xml)
{
    RG_AUTO(saml_document_done) struct _xmlDoc *document = NULL;
    struct _xmlNode *entity = NULL;
    struct rg_slice *certificates = NULL;
    RG_TRY(saml_document_parse(read->reading, xml, &document));
    struct _xmlNode *root = saml_root(document);
    RG_TRY(find_entity(root, &entity));
    RG_TRY(read_end(read, root));
    RG_TRY(read_end(read, entity));
    RG_TRY(saml_attribute(read->reading, entity, "entityID", &read->idp.entity_id));
    if (read->idp.entity_id.size == 0 || read->idp.entity_id.size > 1024) {
        return rg_fail(RG_CONFIG, "has no entityID");
    }
    RG_TRY(read_role(read, entity));
    RG_TRY(rg_arena_array(read->reading->arena, read->idp.certificate_count, sizeof *certificates,
                          (void **)&certificates));
    memcpy(certificates, read->certificates, read->idp.certificate_count * sizeof *certificates);
    read->idp.certificates = certificates;
    return RG_OK;
}

rg_status auth_saml_metadata_parse(struct rg_slice xml, struct rg_arena *arena, struct auth_saml_idp *out_idp)
{
    static const struct auth_saml_trust nobody = {0};
    struct saml_reading reading = {.trust = &nobody, .arena = arena, .is_metadata = true};
    struct descriptor read = {.reading = &reading};
    rg_status status = read_metadata(&read, xml);
    if (!rg_is_ok(status) && status.error->kind == RG_DENIED) { /* the strict parser's */
        return rg_fail(RG_CONFIG, "cannot be read: %s", auth_saml_rule_name(reading.rule));
    }
    RG_TRY(status);
    *out_idp = read.idp;
    return RG_OK;
}

/* ---- ours ---- */

rg_status saml_text_put(struct rg_buf *out, struct rg_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        struct rg_slice part = c == '&'    ? RG_SLICE("&amp;")
                               : c == '<'  ? RG_SLICE("&lt;")
                               : c == '>'  ? RG_SLICE("&gt;")
                               : c == '"'  ? RG_SLICE("&quot;")
                               : c == '\'' ? RG_SLICE("&apos;")
                                           : rg_slice_cut(text, i, 1);
        RG_TRY(rg_buf_put(out, part));
    }
    return RG_OK;
}

/* What stands between the lines of a PEM. */
static rg_status put_certificate(struct rg_buf *out, struct rg_slice pem, const char *use)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----";
    static const char end[] = "-----END CERTIFICATE-----";
    const char *start = memmem(pem.data, pem.size, begin, sizeof begin - 1);
    struct rg_slice rest = start == NULL ? (struct rg_slice){NULL, 0}
                                         : rg_slice_cut(pem, (size_t)(start - pem.data) + sizeof begin - 1, SIZE_MAX);
    const char *stop = rest.size == 0 ? NULL : memmem(rest.data, rest.size, end, sizeof end - 1);
    if (stop == NULL) {
        return rg_fail(RG_CONFIG, "certificate: is no PEM");
    }
    RG_TRY(rg_buf_printf(out,
                         "    <md:KeyDescriptor use=\"%s\">\n      <ds:KeyInfo xmlns:ds=\"" SAML_NS_DSIG
                         "\">\n        <ds:X509Data>\n          <ds:X509Certificate>",
                         use));
    RG_TRY(saml_text_put(out, rg_slice_cut(rest, 0, (size_t)(stop - rest.data))));
    RG_TRY(rg_buf_put(out, RG_SLICE("</ds:X509Certificate>\n        </ds:X509Data>\n      </ds:KeyInfo>\n")));
    if (strcmp(use, "encryption") == 0) {
        RG_TRY(rg_buf_put(
            out, RG_SLICE("      <md:EncryptionMethod Algorithm=\"http://www.w3.org/2009/xmlenc11#aes256-gcm\"/>\n"
                          "      <md:EncryptionMethod Algorithm=\"http://www.w3.org/2009/xmlenc11#aes128-gcm\"/>\n"
                          "      <md:EncryptionMethod Algorithm=\"" SAML_NS_XENC "rsa-oaep-mgf1p\"/>\n")));
    }
    return rg_buf_put(out, RG_SLICE("    </md:KeyDescriptor>\n"));
}

static rg_status put_endpoint(struct rg_buf *out, const char *name, const char *binding, struct rg_slice url,
                              const char *more)
{
    RG_TRY(rg_buf_printf(out, "    <md:%s Binding=\"%s\" Location=\"", name, binding));
    RG_TRY(saml_text_put(out, url));
    return rg_buf_printf(out, "\"%s/>\n", more);
}

rg_status auth_saml_metadata_write(const struct auth_saml_trust *trust, struct rg_slice acs_url,
                                   struct rg_slice slo_url, struct rg_arena *arena, struct rg_slice *out_xml)
{
    struct rg_buf out RG_AUTO(rg_buf_done) = {0};
    rg_buf_init(&out, (size_t)256 << 10);
    bool has_certificate = trust->certificate.size > 0;
    RG_TRY(rg_buf_put(
        &out, RG_SLICE("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<md:EntityDescriptor xmlns:md=\"" SAML_NS_METADATA
                       "\" entityID=\"")));
    RG_TRY(saml_text_put(&out, trust->entity_id));
    RG_TRY(rg_buf_printf(&out,
                         "\">\n  <md:SPSSODescriptor AuthnRequestsSigned=\"%s\" WantAssertionsSigned=\"true\" "
                         "protocolSupportEnumeration=\"" SAML_NS_PROTOCOL "\">\n",
                         trust->private_key.size > 0 ? "true" : "false"));
    if (has_certificate) {
        RG_TRY(put_certificate(&out, trust->certificate, "signing"));
        RG_TRY(put_certificate(&out, trust->certificate, "encryption"));
    }
    RG_TRY(put_endpoint(&out, "SingleLogoutService", SAML_BINDING_REDIRECT, slo_url, ""));
    RG_TRY(put_endpoint(&out, "SingleLogoutService", SAML_BINDING_POST, slo_url, ""));
    RG_TRY(
        put_endpoint(&out, "AssertionConsumerService", SAML_BINDING_POST, acs_url, " index=\"0\" isDefault=\"true\""));
    RG_TRY(rg_buf_put(&out, RG_SLICE("  </md:SPSSODescriptor>\n</md:EntityDescriptor>\n")));
    return rg_arena_copy(arena, rg_buf_slice(&out), out_xml);
}
