/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUTH_SAML_PRIVATE_H
#define RG_AUTH_SAML_PRIVATE_H

#include "auth/saml.h"
#include "base/rg_buf.h"

/* What the SAML files share: one message on its way, and the reading of strict XML. libxml2's types are named by
 * their tags, so that its headers stay in the .c files. */
struct _xmlDoc;
struct _xmlNode;

#define SAML_NS_ASSERTION "urn:oasis:names:tc:SAML:2.0:assertion"
#define SAML_NS_PROTOCOL "urn:oasis:names:tc:SAML:2.0:protocol"
#define SAML_NS_METADATA "urn:oasis:names:tc:SAML:2.0:metadata"
#define SAML_NS_DSIG "http://www.w3.org/2000/09/xmldsig#"
#define SAML_NS_XENC "http://www.w3.org/2001/04/xmlenc#"
#define SAML_NS_EXC_C14N "http://www.w3.org/2001/10/xml-exc-c14n#"
#define SAML_BINDING_REDIRECT "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
#define SAML_BINDING_POST "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
#define SAML_STATUS_SUCCESS "urn:oasis:names:tc:SAML:2.0:status:Success"

/* One message being read. rule says why it was refused; every refusal goes through saml_refuse. */
struct saml_reading {
    const struct auth_saml_trust *trust;
    struct rg_arena *arena;
    int64_t now_us;
    bool is_metadata; /* the operator's file: comments and processing instructions are skipped, not refused */
    enum auth_saml_rule rule;
};

/* RG_DENIED with the rule's text; remembers the rule. */
rg_status saml_refuse(struct saml_reading *reading, enum auth_saml_rule rule) RG_MUST_CHECK;

/* libxml2 and xmlsec, once per process: no files, no network, no output. RG_INTERNAL when xmlsec does not start. */
rg_status saml_library_start(void) RG_MUST_CHECK;

/* ---- saml_xml.c ---- */

/* Parses strictly: UTF-8, within the limits of auth/saml.h, without document type, processing instruction, comment,
 * CDATA section, xml:id or xml:base; IDs are names and unique. The caller frees with saml_document_done. */
rg_status saml_document_parse(struct saml_reading *reading, struct rg_slice xml,
                              struct _xmlDoc **out_document) RG_MUST_CHECK;
void saml_document_done(struct _xmlDoc **document);
struct _xmlNode *saml_root(struct _xmlDoc *document);

bool saml_is(const struct _xmlNode *node, const char *space, const char *name);
/* The next element in document order below root (depth first), NULL at the end; start with node = root. */
struct _xmlNode *saml_walk(struct _xmlNode *root, struct _xmlNode *node);

/* The first child that is an element, and the next sibling that is one; NULL = none. */
struct _xmlNode *saml_first(const struct _xmlNode *node);
struct _xmlNode *saml_sibling(const struct _xmlNode *node);

/* What children an element may have. */
struct saml_part {
    const char *space;
    const char *name;
    unsigned min, max;
};

/* Sorts the child elements of node: each must be one of parts and there as often as its row says, with nothing but
 * white space between them; otherwise refused with rule. out_first[i] is the first child of parts[i], or NULL. */
rg_status saml_parts(struct saml_reading *reading, const struct _xmlNode *node, enum auth_saml_rule rule,
                     const struct saml_part *parts, size_t count, struct _xmlNode **out_first) RG_MUST_CHECK;
/* The next sibling of the same name, or NULL. */
struct _xmlNode *saml_next(const struct _xmlNode *node);

/* The text of an element that holds nothing else; may be empty. Refused with rule when it has elements, or more than
 * AUTH_SAML_MAX_TEXT bytes. */
rg_status saml_text(struct saml_reading *reading, const struct _xmlNode *node, enum auth_saml_rule rule,
                    struct rg_slice *out_text) RG_MUST_CHECK;
/* The same without white space at both ends: for URIs and other tokens. */
rg_status saml_token(struct saml_reading *reading, const struct _xmlNode *node, enum auth_saml_rule rule,
                     struct rg_slice *out_text) RG_MUST_CHECK;
/* An attribute without namespace; absent is the empty slice with NULL data. */
rg_status saml_attribute(struct saml_reading *reading, const struct _xmlNode *node, const char *name,
                         struct rg_slice *out_value) RG_MUST_CHECK;
/* True when the element has no attribute but those named (NULL-terminated), namespace declarations aside. */
bool saml_has_only(const struct _xmlNode *node, const char *const *names);
bool saml_attribute_is(const struct _xmlNode *node, const char *name, const char *value);
/* An xs:dateTime in UTC (saml-core 1.3.3), microseconds; refused as AUTH_SAML_TIME. Absent: *out_us untouched. */
rg_status saml_time(struct saml_reading *reading, const struct _xmlNode *node, const char *name,
                    int64_t *out_us) RG_MUST_CHECK;

/* ---- saml_signature.c ---- */

/* The Signature that is a child of element; NULL = not signed. */
struct _xmlNode *saml_signature_of(const struct _xmlNode *element);
/* Refuses signatures, assertions and responses anywhere but where one may be: a Signature as the only one directly in
 * the root or in an Assertion directly in the root; an assertion directly in the root, or as the root. */
rg_status saml_check_places(struct saml_reading *reading, struct _xmlDoc *document) RG_MUST_CHECK;
/* Verifies the Signature in element and parses what it covers, and nothing else, as a document of its own. */
rg_status saml_signature_verify(struct saml_reading *reading, struct _xmlDoc *document, struct _xmlNode *element,
                                struct _xmlDoc **out_signed) RG_MUST_CHECK;

/* ---- saml_encryption.c ---- */

/* Decrypts an EncryptedAssertion; the document's root is an Assertion. One rule for whatever goes wrong. */
rg_status saml_decrypt(struct saml_reading *reading, struct _xmlNode *encrypted,
                       struct _xmlDoc **out_document) RG_MUST_CHECK;

/* ---- saml_assertion.c ---- */

/* Reads an Assertion whose signature (or whose Response's) has been verified. */
rg_status saml_assertion_read(struct saml_reading *reading, const struct auth_saml_expected *expected,
                              const struct _xmlNode *assertion, struct auth_saml_login *out_login) RG_MUST_CHECK;
rg_status saml_issuer_check(struct saml_reading *reading, const struct _xmlNode *issuer) RG_MUST_CHECK;
rg_status saml_name_id_read(struct saml_reading *reading, const struct _xmlNode *node,
                            struct auth_saml_name_id *out_name) RG_MUST_CHECK;

/* ---- saml_redirect.c: the HTTP-Redirect binding (saml-bindings 3.4) ---- */

/* Appends parameter ("SAMLRequest") with the deflated xml, RelayState, and a signature when the trust has a key. */
rg_status saml_redirect_put(const struct auth_saml_trust *trust, const char *parameter, struct rg_slice xml,
                            struct rg_slice relay_state, struct rg_buf *out) RG_MUST_CHECK;

/* A query taken apart: raw values for the signature, decoded ones to read. */
struct saml_query {
    bool is_request;
    struct rg_slice xml;
    struct rg_slice relay_state;
};
/* Reads a query and verifies its signature. */
rg_status saml_redirect_read(struct saml_reading *reading, struct rg_slice query,
                             struct saml_query *out_query) RG_MUST_CHECK;

/* ---- saml_metadata.c ---- */

/* Puts text as the content of an element or of an attribute. */
rg_status saml_text_put(struct rg_buf *out, struct rg_slice text) RG_MUST_CHECK;

/* ---- saml_key.c ---- */

/* Ours, for RSA-SHA256: signature in standard base64. RG_CONFIG when the key does not sign. */
rg_status saml_key_sign(struct rg_slice private_key, struct rg_slice text, struct rg_arena *arena,
                        struct rg_slice *out_base64) RG_MUST_CHECK;
/* True when the certificate's RSA key made signature over text with this digest. */
bool saml_key_verifies(struct rg_slice certificate, const char *digest, struct rg_slice text,
                       struct rg_slice signature);
/* True for a certificate whose key may sign messages: RSA of 2048 bits or more, P-256, P-384, P-521. */
bool saml_certificate_is_usable(struct rg_slice der);

#endif
