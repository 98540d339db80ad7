/* SPDX-License-Identifier: Apache-2.0 */
/* Reads S3's XML answers by libxml2's reader of whole documents: sizes are bounded by the caller (S3_ANSWER_MAX), the
 * bytes are taken as UTF-8, a document type is refused before the parser sees it and after, nothing is fetched, no
 * entity is replaced, depth and names are libxml2's own limits (XML_PARSE_HUGE is off). Namespaces are not looked at:
 * servers differ in them. Pure. */
#include <libxml/parser.h>
#include <pthread.h>
#include <stdio.h>

#include "audit/export/s3_private.h"

static void init_parser(void)
{
    xmlInitParser();
}

static void free_document(xmlDocPtr *document)
{
    if (*document != NULL) {
        xmlFreeDoc(*document);
    }
}

static xmlDocPtr read_document(struct rg_slice xml)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    enum { OPTIONS = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOCDATA };
    bool has_type = xml.size > 0 && memmem(xml.data, xml.size, "<!DOCTYPE", 9) != NULL;
    if (pthread_once(&once, init_parser) != 0 || xml.size == 0 || xml.size > S3_ANSWER_MAX || has_type) {
        return NULL;
    }
    xmlDocPtr document = xmlReadMemory(xml.data, (int)xml.size, NULL, "UTF-8", OPTIONS);
    if (document != NULL && document->intSubset != NULL) {
        xmlFreeDoc(document);
        return NULL;
    }
    return document;
}

static bool is_named(const xmlNode *node, const char *name)
{
    return node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0;
}

static const xmlNode *find_child(const xmlNode *parent, const char *name)
{
    for (const xmlNode *child = parent->children; child != NULL; child = child->next) {
        if (is_named(child, name)) {
            return child;
        }
    }
    return NULL;
}

/* The text of an element that holds nothing else. Entities that XML itself has are one text node with it. */
static struct rg_slice text_of(const xmlNode *parent, const char *name)
{
    const xmlNode *child = find_child(parent, name);
    const xmlNode *text = child == NULL ? NULL : child->children;
    if (text == NULL || text->type != XML_TEXT_NODE || text->next != NULL) {
        return (struct rg_slice){0};
    }
    return rg_slice_of((const char *)text->content);
}

static bool is_true(struct rg_slice text)
{
    return rg_slice_is_equal(text, RG_SLICE("true"));
}

/* ---- listings ---- */

static int nibble(char digit)
{
    return digit >= '0' && digit <= '9'   ? digit - '0'
           : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
           : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10
                                          : -1;
}

/* encoding-type=url: names that XML cannot hold come percent-encoded. */
static rg_status copy_key(struct rg_slice text, bool is_encoded, struct rg_arena *arena, struct rg_slice *out_key)
{
    void *memory = NULL;
    size_t size = 0;
    RG_TRY(rg_arena_alloc(arena, text.size + 1, &memory));
    char *key = memory;
    for (size_t i = 0; i < text.size; i++) {
        int high = is_encoded && text.data[i] == '%' && i + 2 < text.size ? nibble(text.data[i + 1]) : -1;
        int low = high >= 0 ? nibble(text.data[i + 2]) : -1;
        if (low >= 0) {
            key[size] = (char)(high * 16 + low);
            i += 2;
        } else {
            key[size] = is_encoded && text.data[i] == '+' ? ' ' : text.data[i];
        }
        size++;
    }
    *out_key = rg_slice_make(key, size);
    return RG_OK;
}

static bool parse_size(struct rg_slice text, uint64_t *out_size)
{
    uint64_t size = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || i > 17) {
            return false;
        }
        size = size * 10 + (uint64_t)(text.data[i] - '0');
    }
    *out_size = size;
    return text.size > 0;
}

static rg_status read_entry(const xmlNode *node, bool is_encoded, struct rg_arena *arena, struct s3_entry *entry)
{
    RG_TRY(copy_key(text_of(node, "Key"), is_encoded, arena, &entry->key));
    RG_TRY(rg_arena_copy(arena, text_of(node, "VersionId"), &entry->version));
    RG_TRY(rg_arena_copy(arena, text_of(node, "ETag"), &entry->etag));
    entry->is_marker = is_named(node, "DeleteMarker");
    entry->is_newest = is_true(text_of(node, "IsLatest"));
    bool has_time = s3_time_parse(text_of(node, "LastModified"), &entry->modified_us);
    bool has_size = entry->is_marker || parse_size(text_of(node, "Size"), &entry->size);
    bool is_whole = memchr(entry->key.data, '\0', entry->key.size) == NULL;
    if (entry->key.size == 0 || entry->key.size > S3_KEY_MAX || entry->version.size > S3_VERSION_MAX ||
        entry->etag.size > S3_ETAG_MAX || !has_time || !has_size || !is_whole) {
        return rg_fail(RG_PROTOCOL, "a listing with an entry that has no key, size or time");
    }
    return RG_OK;
}

static bool is_entry(const xmlNode *node)
{
    return is_named(node, "Contents") || is_named(node, "Version") || is_named(node, "DeleteMarker");
}

static rg_status read_entries(const xmlNode *root, bool is_encoded, struct rg_arena *arena, struct s3_page *page)
{
    void *memory = NULL;
    size_t count = 0;
    for (const xmlNode *node = root->children; node != NULL; node = node->next) {
        count += is_entry(node) ? 1 : 0;
    }
    RG_TRY(rg_arena_array(arena, count + 1, sizeof(struct s3_entry), &memory));
    struct s3_entry *entries = memory;
    for (const xmlNode *node = root->children; node != NULL; node = node->next) {
        if (is_entry(node)) {
            RG_TRY(read_entry(node, is_encoded, arena, &entries[page->count]));
            page->count++;
        }
    }
    page->entries = entries;
    return RG_OK;
}

static rg_status read_next(const xmlNode *root, bool is_encoded, struct rg_arena *arena, struct s3_page *page)
{
    struct rg_slice token = text_of(root, "NextContinuationToken");
    struct rg_slice marker = text_of(root, "NextKeyMarker");
    page->is_truncated = is_true(text_of(root, "IsTruncated"));
    RG_TRY(rg_arena_copy(arena, text_of(root, "NextVersionIdMarker"), &page->next_version));
    if (token.size > 0) {
        RG_TRY(rg_arena_copy(arena, token, &page->next));
    } else {
        RG_TRY(copy_key(marker, is_encoded, arena, &page->next));
    }
    bool is_endless = page->is_truncated && page->next.size == 0;
    return is_endless ? rg_fail(RG_PROTOCOL, "a listing that goes on, but does not say where") : RG_OK;
}

rg_status s3_xml_page(struct rg_slice xml, struct rg_arena *arena, struct s3_page *out_page)
{
    RG_AUTO(free_document) xmlDocPtr document = read_document(xml);
    const xmlNode *root = document == NULL ? NULL : xmlDocGetRootElement(document);
    struct s3_page page = {0};
    if (root == NULL || (!is_named(root, "ListBucketResult") && !is_named(root, "ListVersionsResult"))) {
        return rg_fail(RG_PROTOCOL, "the answer is no listing");
    }
    bool is_encoded = rg_slice_is_equal(text_of(root, "EncodingType"), RG_SLICE("url"));
    RG_TRY(read_entries(root, is_encoded, arena, &page));
    RG_TRY(read_next(root, is_encoded, arena, &page));
    *out_page = page;
    return RG_OK;
}

/* ---- what the bucket promises ---- */

static rg_status read_flag(struct rg_slice xml, const char *root_name, const char *name, bool *out_is_on)
{
    RG_AUTO(free_document) xmlDocPtr document = read_document(xml);
    const xmlNode *root = document == NULL ? NULL : xmlDocGetRootElement(document);
    if (root == NULL || !is_named(root, root_name)) {
        return rg_fail(RG_PROTOCOL, "the answer is no %s", root_name);
    }
    *out_is_on = rg_slice_is_equal(text_of(root, name), RG_SLICE("Enabled"));
    return RG_OK;
}

rg_status s3_xml_lockable(struct rg_slice xml, bool *out_is_lockable)
{
    return read_flag(xml, "ObjectLockConfiguration", "ObjectLockEnabled", out_is_lockable);
}

rg_status s3_xml_versioned(struct rg_slice xml, bool *out_is_versioned)
{
    return read_flag(xml, "VersioningConfiguration", "Status", out_is_versioned);
}

/* ---- errors ---- */

/* For a message: what is not printable ASCII becomes "?", and it ends at max. */
static void copy_plain(struct rg_slice text, size_t max, char *out_text)
{
    size_t size = text.size > max ? max : text.size;
    for (size_t i = 0; i < size; i++) {
        out_text[i] = text.data[i];
        if (text.data[i] < ' ' || text.data[i] >= 0x7f) {
            out_text[i] = '?';
        }
    }
    out_text[size] = '\0';
}

void s3_xml_error(struct rg_slice xml, char out_code[S3_CODE_MAX + 1], char out_message[S3_MESSAGE_MAX + 1])
{
    RG_AUTO(free_document) xmlDocPtr document = read_document(xml);
    const xmlNode *root = document == NULL ? NULL : xmlDocGetRootElement(document);
    bool is_error = root != NULL && is_named(root, "Error");
    copy_plain(is_error ? text_of(root, "Code") : (struct rg_slice){0}, S3_CODE_MAX, out_code);
    copy_plain(is_error ? text_of(root, "Message") : (struct rg_slice){0}, S3_MESSAGE_MAX, out_message);
}
