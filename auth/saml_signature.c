/* SPDX-License-Identifier: Apache-2.0 */
/* XML signatures of SAML messages. xmlsec computes; what it is asked to compute is decided here: one signature, one
 * reference to the very element that it stands in, two transforms, algorithms from a list, keys from the metadata and
 * never from the message. What comes out is a new document made of the bytes that were digested, so that signature
 * wrapping has nothing to wrap: nobody reads the document that came in. */
#include "auth/saml_private.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <libxml/xmlerror.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <string.h>
#include <xmlsec/xmlsec.h>

#include <xmlsec/buffer.h>
#include <xmlsec/errors.h>
#include <xmlsec/io.h>
#include <xmlsec/keys.h>
#include <xmlsec/openssl/app.h>
#include <xmlsec/openssl/crypto.h>
#include <xmlsec/openssl/evp.h>
#include <xmlsec/xmldsig.h>

#define ALGORITHM_ENVELOPED SAML_NS_DSIG "enveloped-signature"
#define ALGORITHM_MORE "http://www.w3.org/2001/04/xmldsig-more#"

/* ---- the libraries ---- */

static void on_xmlsec_error(const char *file, int line, const char *function, const char *object, const char *subject,
                            int reason, const char *text)
{
    (void)file, (void)line, (void)function, (void)object, (void)subject, (void)reason, (void)text;
}

static void on_xml_error(void *context, xmlErrorPtr error)
{
    (void)context, (void)error;
}

static bool is_started; /* written once, under once */

static void start(void)
{
    xmlInitParser();
    xmlSecErrorsSetCallback(on_xmlsec_error);
    if (xmlSecInit() < 0 || xmlSecCheckVersion() != 1 || xmlSecOpenSSLAppInit(NULL) < 0 || xmlSecOpenSSLInit() < 0) {
        return;
    }
    xmlSecErrorsSetCallback(on_xmlsec_error); /* xmlSecInit sets its own */
    xmlSecIOCleanupCallbacks();               /* no file and no URL is ever opened */
    is_started = true;
}

rg_status saml_library_start(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (pthread_once(&once, start) != 0 || !is_started) {
        return rg_fail(RG_INTERNAL, "SAML: xmlsec does not start");
    }
    xmlSetStructuredErrorFunc(NULL, on_xml_error); /* of this thread: libxml2 would print */
    return RG_OK;
}

/* ---- where signatures and assertions may stand ---- */

struct _xmlNode *saml_signature_of(const struct _xmlNode *element)
{
    for (xmlNodePtr child = element->children; child != NULL; child = child->next) {
        if (saml_is(child, SAML_NS_DSIG, "Signature")) {
            return child;
        }
    }
    return NULL;
}

static bool is_assertion(const struct _xmlNode *node)
{
    return saml_is(node, SAML_NS_ASSERTION, "Assertion");
}

static rg_status check_place(struct saml_reading *reading, const struct _xmlNode *root, struct _xmlNode *node)
{
    bool is_root = node == root;
    bool is_top = node->parent == root;
    if (saml_is(node, SAML_NS_DSIG, "Signature")) {
        const struct _xmlNode *parent = node->parent;
        bool is_parent_right = parent == root || (parent->parent == root && is_assertion(parent));
        return !is_root && is_parent_right && saml_signature_of(parent) == node
                   ? RG_OK
                   : saml_refuse(reading, AUTH_SAML_SIGNATURE_PLACE);
    }
    bool is_any_assertion = is_assertion(node) || saml_is(node, SAML_NS_ASSERTION, "EncryptedAssertion");
    if ((is_any_assertion && !is_root && !is_top) || (saml_is(node, SAML_NS_PROTOCOL, "Response") && !is_root)) {
        return saml_refuse(reading, AUTH_SAML_SHAPE);
    }
    return RG_OK;
}

rg_status saml_check_places(struct saml_reading *reading, struct _xmlDoc *document)
{
    struct _xmlNode *root = saml_root(document);
    for (struct _xmlNode *node = root; node != NULL; node = saml_walk(root, node)) {
        RG_TRY(check_place(reading, root, node));
    }
    return RG_OK;
}

/* ---- what a signature may consist of ---- */

struct algorithm {
    const char *uri;
    bool is_sha1;
};

static const struct algorithm signature_algorithms[] = {
    {ALGORITHM_MORE "rsa-sha256", false},   {ALGORITHM_MORE "rsa-sha384", false},
    {ALGORITHM_MORE "rsa-sha512", false},   {ALGORITHM_MORE "ecdsa-sha256", false},
    {ALGORITHM_MORE "ecdsa-sha384", false}, {ALGORITHM_MORE "ecdsa-sha512", false},
    {SAML_NS_DSIG "rsa-sha1", true},
};

static const struct algorithm digest_algorithms[] = {
    {"http://www.w3.org/2001/04/xmlenc#sha256", false},
    {ALGORITHM_MORE "sha384", false},
    {"http://www.w3.org/2001/04/xmlenc#sha512", false},
    {SAML_NS_DSIG "sha1", true},
};

static const char *const only_algorithm[] = {"Algorithm", NULL};

static bool is_bare(const struct _xmlNode *node)
{
    return saml_first(node) == NULL && saml_has_only(node, only_algorithm);
}

static bool is_algorithm_allowed(const struct saml_reading *reading, const struct _xmlNode *node,
                                 const struct algorithm *list, size_t count)
{
    bool is_allowed = false;
    for (size_t i = 0; i < count; i++) {
        is_allowed = is_allowed || (saml_attribute_is(node, "Algorithm", list[i].uri) &&
                                    (!list[i].is_sha1 || reading->trust->allow_sha1));
    }
    return is_allowed && is_bare(node);
}

/* Each prefix of the list is looked for at each element (RFC 3741 3), before anybody knows who signed: what a provider
 * writes has a handful. */
static bool is_short_list(const struct _xmlNode *node)
{
    enum { MAX_PREFIXES = 16, MAX_BYTES = 256 };
    const xmlAttr *list = xmlHasNsProp(node, (const xmlChar *)"PrefixList", NULL);
    const xmlNode *text = list == NULL ? NULL : list->children;
    const char *prefixes = text == NULL || text->content == NULL ? "" : (const char *)text->content;
    size_t count = 1;
    for (const char *at = prefixes; *at != '\0'; at++) {
        count += strchr(" \t\r\n", *at) != NULL ? 1 : 0;
    }
    return count <= MAX_PREFIXES && strlen(prefixes) <= MAX_BYTES && (text == NULL || text->next == NULL);
}

/* Exclusive canonicalisation without comments, with or without a list of prefixes (RFC 3741 2.1, 3). */
static bool is_exclusive(const struct _xmlNode *node)
{
    static const char *const only_list[] = {"PrefixList", NULL};
    const struct _xmlNode *child = saml_first(node);
    bool is_child_right =
        child == NULL || (saml_is(child, SAML_NS_EXC_C14N, "InclusiveNamespaces") && saml_sibling(child) == NULL &&
                          saml_first(child) == NULL && saml_has_only(child, only_list) && is_short_list(child));
    return saml_attribute_is(node, "Algorithm", SAML_NS_EXC_C14N) && saml_has_only(node, only_algorithm) &&
           is_child_right;
}

/* saml-core 5.4.4: the enveloped signature is taken out, the rest is canonicalised, and nothing else. */
static rg_status check_transforms(struct saml_reading *reading, const struct _xmlNode *transforms)
{
    static const struct saml_part parts[] = {{SAML_NS_DSIG, "Transform", 2, 2}};
    static const char *const none[] = {NULL};
    struct _xmlNode *first = NULL;
    RG_TRY(saml_parts(reading, transforms, AUTH_SAML_TRANSFORM, parts, 1, &first));
    bool is_right = saml_has_only(transforms, none) && saml_attribute_is(first, "Algorithm", ALGORITHM_ENVELOPED) &&
                    is_bare(first) && is_exclusive(saml_next(first));
    return is_right ? RG_OK : saml_refuse(reading, AUTH_SAML_TRANSFORM);
}

/* saml-core 5.4.2: the one reference is "#" and the ID of the element that the signature stands in. */
static rg_status check_reference(struct saml_reading *reading, const struct _xmlNode *reference, struct rg_slice id)
{
    static const struct saml_part parts[] = {
        {SAML_NS_DSIG, "Transforms", 1, 1}, {SAML_NS_DSIG, "DigestMethod", 1, 1}, {SAML_NS_DSIG, "DigestValue", 1, 1}};
    static const char *const only_uri[] = {"URI", NULL};
    struct _xmlNode *found[3] = {0};
    struct rg_slice uri = {0};
    RG_TRY(saml_attribute(reading, reference, "URI", &uri));
    if (!saml_has_only(reference, only_uri) || uri.size != id.size + 1 || uri.data[0] != '#' ||
        !rg_slice_is_equal(rg_slice_cut(uri, 1, SIZE_MAX), id)) {
        return saml_refuse(reading, AUTH_SAML_REFERENCE);
    }
    RG_TRY(saml_parts(reading, reference, AUTH_SAML_SIGNATURE_SHAPE, parts, 3, found));
    RG_TRY(check_transforms(reading, found[0]));
    return is_algorithm_allowed(reading, found[1], digest_algorithms,
                                sizeof digest_algorithms / sizeof(struct algorithm))
               ? RG_OK
               : saml_refuse(reading, AUTH_SAML_ALGORITHM);
}

static rg_status check_info(struct saml_reading *reading, const struct _xmlNode *info, struct rg_slice id)
{
    static const struct saml_part parts[] = {{SAML_NS_DSIG, "CanonicalizationMethod", 1, 1},
                                             {SAML_NS_DSIG, "SignatureMethod", 1, 1},
                                             {SAML_NS_DSIG, "Reference", 0, AUTH_SAML_MAX_NODES}};
    struct _xmlNode *found[3] = {0};
    RG_TRY(saml_parts(reading, info, AUTH_SAML_SIGNATURE_SHAPE, parts, 3, found));
    if (found[2] == NULL || saml_next(found[2]) != NULL) {
        return saml_refuse(reading, AUTH_SAML_REFERENCE);
    }
    if (!is_exclusive(found[0]) || !is_algorithm_allowed(reading, found[1], signature_algorithms,
                                                         sizeof signature_algorithms / sizeof(struct algorithm))) {
        return saml_refuse(reading, AUTH_SAML_ALGORITHM);
    }
    return check_reference(reading, found[2], id);
}

/* KeyInfo may be there and is thrown away unread: who signed is for the metadata to say. */
static rg_status check_signature(struct saml_reading *reading, const struct _xmlNode *signature, struct rg_slice id)
{
    static const struct saml_part parts[] = {
        {SAML_NS_DSIG, "SignedInfo", 1, 1}, {SAML_NS_DSIG, "SignatureValue", 1, 1}, {SAML_NS_DSIG, "KeyInfo", 0, 1}};
    struct _xmlNode *found[3] = {0};
    RG_TRY(saml_parts(reading, signature, AUTH_SAML_SIGNATURE_SHAPE, parts, 3, found));
    RG_TRY(check_info(reading, found[0], id));
    if (found[2] != NULL) {
        xmlUnlinkNode(found[2]);
        xmlFreeNode(found[2]);
    }
    return RG_OK;
}

/* ---- computing ---- */

static void key_done(xmlSecKeyPtr *key)
{
    if (*key != NULL) {
        xmlSecKeyDestroy(*key);
    }
}

static void context_done(xmlSecDSigCtxPtr *context)
{
    if (*context != NULL) {
        xmlSecDSigCtxDestroy(*context);
    }
}

static xmlSecKeyPtr load_key(struct rg_slice certificate)
{
    const unsigned char *at = (const unsigned char *)certificate.data;
    X509 *x509 = d2i_X509(NULL, &at, (long)certificate.size);
    EVP_PKEY *public_key = x509 == NULL ? NULL : X509_get_pubkey(x509);
    X509_free(x509);
    xmlSecKeyDataPtr data = public_key == NULL ? NULL : xmlSecOpenSSLEvpKeyAdopt(public_key);
    if (data == NULL) {
        EVP_PKEY_free(public_key);
        return NULL;
    }
    xmlSecKeyPtr key = xmlSecKeyCreate();
    if (key == NULL || xmlSecKeySetValue(key, data) < 0) {
        xmlSecKeyDataDestroy(data);
        key_done(&key);
        return NULL;
    }
    return key;
}

/* The second lock: what check_signature let through is also all that xmlsec is able to do. */
static bool restrict_context(xmlSecDSigCtxPtr context)
{
    const xmlSecTransformId references[] = {
        xmlSecTransformEnvelopedId,     xmlSecTransformExclC14NId,      xmlSecOpenSSLTransformSha256Id,
        xmlSecOpenSSLTransformSha384Id, xmlSecOpenSSLTransformSha512Id, xmlSecOpenSSLTransformSha1Id,
    };
    bool is_done = true;
    context->flags = XMLSEC_DSIG_FLAGS_IGNORE_MANIFESTS | XMLSEC_DSIG_FLAGS_STORE_SIGNEDINFO_REFERENCES |
                     XMLSEC_DSIG_FLAGS_USE_VISA3D_HACK;
    context->enabledReferenceUris = xmlSecTransformUriTypeSameDocument;
    for (size_t i = 0; i < sizeof references / sizeof references[0]; i++) {
        is_done = is_done && xmlSecDSigCtxEnableReferenceTransform(context, references[i]) == 0;
    }
    return is_done;
}

/* True = this certificate's key made the signature; what it covers is in *out_bytes, in the reading's arena. */
static rg_status try_certificate(struct saml_reading *reading, struct rg_slice certificate, struct _xmlNode *signature,
                                 struct rg_slice *out_bytes)
{
    RG_AUTO(key_done) xmlSecKeyPtr key = load_key(certificate);
    RG_AUTO(context_done) xmlSecDSigCtxPtr context = xmlSecDSigCtxCreate(NULL);
    if (key == NULL || context == NULL || !restrict_context(context)) {
        return RG_OK;
    }
    context->signKey = key;
    key = NULL;
    int result = xmlSecDSigCtxVerify(context, signature);
    ERR_clear_error();
    if (result < 0 || context->status != xmlSecDSigStatusSucceeded ||
        xmlSecPtrListGetSize(&context->signedInfoReferences) != 1) {
        return RG_OK;
    }
    xmlSecDSigReferenceCtxPtr reference = xmlSecPtrListGetItem(&context->signedInfoReferences, 0);
    xmlSecBufferPtr bytes = reference == NULL || reference->status != xmlSecDSigStatusSucceeded
                                ? NULL
                                : xmlSecDSigReferenceCtxGetPreDigestBuffer(reference);
    if (bytes == NULL || xmlSecBufferGetSize(bytes) == 0) {
        return RG_OK;
    }
    return rg_arena_copy(reading->arena, rg_slice_make(xmlSecBufferGetData(bytes), xmlSecBufferGetSize(bytes)),
                         out_bytes);
}

static rg_status compute(struct saml_reading *reading, struct _xmlDoc *document, struct _xmlNode *element,
                         struct _xmlNode *signature, struct rg_slice *out_bytes)
{
    xmlAttrPtr attribute = xmlHasNsProp(element, (const xmlChar *)"ID", NULL);
    struct rg_slice id = {0};
    struct rg_slice bytes = {0};
    RG_TRY(saml_attribute(reading, element, "ID", &id));
    RG_TRY(check_signature(reading, signature, id));
    if (xmlAddID(NULL, document, (const xmlChar *)id.data, attribute) == NULL) {
        return saml_refuse(reading, AUTH_SAML_DUPLICATE_ID);
    }
    for (size_t i = 0; i < reading->trust->idp.certificate_count && bytes.size == 0; i++) {
        RG_TRY(try_certificate(reading, reading->trust->idp.certificates[i], signature, &bytes));
    }
    if (bytes.size == 0) {
        return saml_refuse(reading, AUTH_SAML_SIGNATURE);
    }
    *out_bytes = bytes;
    return RG_OK;
}

/* The new document must be the element that was asked about: same name, same ID, and its signature taken out. */
rg_status saml_signature_verify(struct saml_reading *reading, struct _xmlDoc *document, struct _xmlNode *element,
                                struct _xmlDoc **out_signed)
{
    RG_AUTO(saml_document_done) struct _xmlDoc *fresh = NULL;
    struct _xmlNode *signature = saml_signature_of(element);
    struct rg_slice bytes = {0};
    struct rg_slice id = {0};
    RG_TRY(saml_attribute(reading, element, "ID", &id));
    if (element->ns == NULL) { /* signed or not, it is none of SAML's */
        return saml_refuse(reading, AUTH_SAML_SHAPE);
    }
    if (id.size == 0) {
        return saml_refuse(reading, AUTH_SAML_ID);
    }
    if (signature == NULL) {
        return saml_refuse(reading, AUTH_SAML_UNSIGNED);
    }
    RG_TRY(compute(reading, document, element, signature, &bytes));
    RG_TRY(saml_document_parse(reading, bytes, &fresh));
    RG_TRY(saml_check_places(reading, fresh));
    struct _xmlNode *root = saml_root(fresh);
    if (!saml_is(root, (const char *)element->ns->href, (const char *)element->name) ||
        !saml_attribute_is(root, "ID", id.data) || saml_signature_of(root) != NULL) {
        return saml_refuse(reading, AUTH_SAML_REFERENCE);
    }
    *out_signed = fresh;
    fresh = NULL;
    return RG_OK;
}
