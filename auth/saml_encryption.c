/* SPDX-License-Identifier: Apache-2.0 */
/* Encrypted assertions (xmlenc-core): a content key under RSA-OAEP, the assertion under AES. xmlsec decrypts; the
 * structure, the algorithms and the key are decided here. AES-CBC has no authentication and is taken only when the
 * configuration says so; RSA 1.5 never. Whatever goes wrong is one and the same refusal. */
#include "auth/saml_private.h"

#include <libxml/tree.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>
#include <xmlsec/xmlsec.h>

#include <xmlsec/buffer.h>
#include <xmlsec/keys.h>
#include <xmlsec/openssl/crypto.h>
#include <xmlsec/openssl/evp.h>
#include <xmlsec/xmlenc.h>

#define XENC11 "http://www.w3.org/2009/xmlenc11#"

struct cipher {
    const char *uri;
    size_t key_size;
    bool is_cbc;
};

static const struct cipher ciphers[] = {
    {XENC11 "aes128-gcm", 16, false},      {XENC11 "aes192-gcm", 24, false},      {XENC11 "aes256-gcm", 32, false},
    {SAML_NS_XENC "aes128-cbc", 16, true}, {SAML_NS_XENC "aes192-cbc", 24, true}, {SAML_NS_XENC "aes256-cbc", 32, true},
};

/* The parts of an EncryptedAssertion that are used. */
struct sealed {
    struct _xmlNode *data; /* EncryptedData */
    struct _xmlNode *key;  /* EncryptedKey */
    const struct cipher *cipher;
};

/* ---- structure ---- */

static rg_status refuse(struct saml_reading *reading)
{
    ERR_clear_error();
    return saml_refuse(reading, AUTH_SAML_ENCRYPTION);
}

static const struct cipher *find_cipher(const struct saml_reading *reading, const struct _xmlNode *method)
{
    for (size_t i = 0; i < sizeof ciphers / sizeof ciphers[0]; i++) {
        if (saml_attribute_is(method, "Algorithm", ciphers[i].uri)) {
            return !ciphers[i].is_cbc || reading->trust->allow_cbc ? &ciphers[i] : NULL;
        }
    }
    return NULL;
}

/* RSA-OAEP with MGF1 and SHA-1, which is all that xmlsec 1.2 has; OAEP does not need a collision-resistant hash. */
static bool is_oaep(const struct _xmlNode *method)
{
    const struct _xmlNode *digest = saml_first(method);
    bool is_digest_right =
        digest == NULL || (saml_is(digest, SAML_NS_DSIG, "DigestMethod") &&
                           saml_attribute_is(digest, "Algorithm", SAML_NS_DSIG "sha1") && saml_sibling(digest) == NULL);
    return saml_attribute_is(method, "Algorithm", SAML_NS_XENC "rsa-oaep-mgf1p") && is_digest_right;
}

/* EncryptedData or EncryptedKey: method, cipher text given as such (never a CipherReference), optional KeyInfo. */
static rg_status check_encrypted(struct saml_reading *reading, const struct _xmlNode *node,
                                 struct _xmlNode **out_method, struct _xmlNode **out_info)
{
    static const struct saml_part parts[] = {{SAML_NS_XENC, "EncryptionMethod", 1, 1},
                                             {SAML_NS_DSIG, "KeyInfo", 0, 1},
                                             {SAML_NS_XENC, "CipherData", 1, 1},
                                             {SAML_NS_XENC, "ReferenceList", 0, 1},
                                             {SAML_NS_XENC, "CarriedKeyName", 0, 1}};
    static const struct saml_part value[] = {{SAML_NS_XENC, "CipherValue", 1, 1}};
    struct _xmlNode *found[5] = {0};
    struct _xmlNode *text = NULL;
    RG_TRY(saml_parts(reading, node, AUTH_SAML_ENCRYPTION, parts, 5, found));
    RG_TRY(saml_parts(reading, found[2], AUTH_SAML_ENCRYPTION, value, 1, &text));
    if (saml_first(text) != NULL) {
        return refuse(reading);
    }
    *out_method = found[0];
    *out_info = found[1];
    return RG_OK;
}

static struct _xmlNode *key_within(struct _xmlNode *info)
{
    struct _xmlNode *child = info == NULL ? NULL : saml_first(info);
    while (child != NULL && !saml_is(child, SAML_NS_XENC, "EncryptedKey")) {
        child = saml_sibling(child);
    }
    return child;
}

/* The content key stands in the data's KeyInfo or beside the data (saml-core 2.2.4); one of them, once. */
static rg_status find_parts(struct saml_reading *reading, const struct _xmlNode *encrypted, struct sealed *out_sealed)
{
    static const struct saml_part parts[] = {{SAML_NS_XENC, "EncryptedData", 1, 1},
                                             {SAML_NS_XENC, "EncryptedKey", 0, 1}};
    struct _xmlNode *found[2] = {0};
    struct _xmlNode *method = NULL;
    struct _xmlNode *info = NULL;
    struct sealed sealed = {0};
    RG_TRY(saml_parts(reading, encrypted, AUTH_SAML_ENCRYPTION, parts, 2, found));
    RG_TRY(check_encrypted(reading, found[0], &method, &info));
    struct _xmlNode *within = key_within(info);
    sealed.data = found[0];
    sealed.key = within != NULL ? within : found[1];
    sealed.cipher = find_cipher(reading, method);
    if (sealed.cipher == NULL || sealed.key == NULL || (within != NULL && found[1] != NULL) ||
        saml_first(method) != NULL) {
        return refuse(reading);
    }
    RG_TRY(check_encrypted(reading, sealed.key, &method, &info));
    if (!is_oaep(method)) {
        return refuse(reading);
    }
    *out_sealed = sealed;
    return RG_OK;
}

/* ---- decrypting ---- */

static void context_done(xmlSecEncCtxPtr *context)
{
    if (*context != NULL) {
        xmlSecEncCtxDestroy(*context);
    }
}

static void bio_done(BIO **bio)
{
    BIO_free(*bio);
}

static int no_password(char *buffer, int size, int is_writing, void *context)
{
    (void)buffer, (void)size, (void)is_writing, (void)context;
    return 0;
}

static xmlSecKeyPtr key_of(xmlSecKeyDataPtr data)
{
    xmlSecKeyPtr key = data == NULL ? NULL : xmlSecKeyCreate();
    if (key == NULL || xmlSecKeySetValue(key, data) < 0) {
        if (data != NULL) {
            xmlSecKeyDataDestroy(data);
        }
        if (key != NULL) {
            xmlSecKeyDestroy(key);
        }
        return NULL;
    }
    return key;
}

static xmlSecKeyPtr load_private_key(struct rg_slice pem)
{
    RG_AUTO(bio_done)
    BIO *bio = pem.size == 0 || pem.size > INT32_MAX ? NULL : BIO_new_mem_buf(pem.data, (int)pem.size);
    EVP_PKEY *private_key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
    xmlSecKeyDataPtr data = private_key == NULL ? NULL : xmlSecOpenSSLEvpKeyAdopt(private_key);
    if (data == NULL) {
        EVP_PKEY_free(private_key);
    }
    return key_of(data);
}

static xmlSecKeyPtr load_content_key(const unsigned char *bytes, size_t size)
{
    xmlSecKeyDataPtr data = xmlSecKeyDataCreate(xmlSecOpenSSLKeyDataAesId);
    if (data != NULL && xmlSecOpenSSLKeyDataAesSet(data, bytes, (xmlSecSize)size) < 0) {
        xmlSecKeyDataDestroy(data);
        data = NULL;
    }
    return key_of(data);
}

/* A context that has its key already, so that it looks for none in the message. Takes key. */
static xmlSecEncCtxPtr make_context(xmlSecKeyPtr key, xmlEncCtxMode mode)
{
    xmlSecEncCtxPtr context = key == NULL ? NULL : xmlSecEncCtxCreate(NULL);
    if (context == NULL) {
        if (key != NULL) {
            xmlSecKeyDestroy(key);
        }
        return NULL;
    }
    context->mode = mode;
    context->encKey = key;
    context->transformCtx.enabledUris = xmlSecTransformUriTypeNone;
    return context;
}

static xmlSecKeyPtr open_content_key(struct saml_reading *reading, const struct sealed *sealed)
{
    RG_AUTO(context_done)
    xmlSecEncCtxPtr context = make_context(load_private_key(reading->trust->private_key), xmlEncCtxModeEncryptedKey);
    xmlSecBufferPtr bytes = context == NULL ? NULL : xmlSecEncCtxDecryptToBuffer(context, sealed->key);
    if (bytes == NULL || xmlSecBufferGetSize(bytes) != sealed->cipher->key_size) {
        return NULL;
    }
    return load_content_key(xmlSecBufferGetData(bytes), xmlSecBufferGetSize(bytes));
}

static rg_status open_data(struct saml_reading *reading, const struct sealed *sealed, struct rg_slice *out_xml)
{
    RG_AUTO(context_done)
    xmlSecEncCtxPtr context = make_context(open_content_key(reading, sealed), xmlEncCtxModeEncryptedData);
    xmlSecBufferPtr bytes = context == NULL ? NULL : xmlSecEncCtxDecryptToBuffer(context, sealed->data);
    if (bytes == NULL || xmlSecBufferGetSize(bytes) == 0) {
        return refuse(reading);
    }
    ERR_clear_error();
    return rg_arena_copy(reading->arena, rg_slice_make(xmlSecBufferGetData(bytes), xmlSecBufferGetSize(bytes)),
                         out_xml);
}

rg_status saml_decrypt(struct saml_reading *reading, struct _xmlNode *encrypted, struct _xmlDoc **out_document)
{
    RG_AUTO(saml_document_done) struct _xmlDoc *document = NULL;
    struct sealed sealed = {0};
    struct rg_slice xml = {0};
    RG_TRY(find_parts(reading, encrypted, &sealed));
    RG_TRY(open_data(reading, &sealed, &xml));
    rg_status status = saml_document_parse(reading, xml, &document);
    if (!rg_is_ok(status)) {
        return status.error->kind == RG_DENIED ? refuse(reading) : status;
    }
    if (!saml_is(saml_root(document), SAML_NS_ASSERTION, "Assertion") ||
        !rg_is_ok(saml_check_places(reading, document))) {
        return refuse(reading);
    }
    *out_document = document;
    document = NULL;
    return RG_OK;
}
