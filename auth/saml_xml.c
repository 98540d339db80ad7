/* SPDX-License-Identifier: Apache-2.0 */
/* The strict reading of a SAML message's XML: what libxml2 may do with hostile bytes, and how the other files
 * look at the tree. Whatever a document could use to mean two things to two readers is refused here: document types
 * and entities, processing instructions, comments (which split texts), CDATA, other encodings, double IDs. */
#include "auth/saml_private.h"

#include <jansson.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_ID_BYTES = 256 };

/* ---- parsing ---- */

/* What the parser's callbacks count; hangs on the parser's context. */
struct guard {
    enum auth_saml_rule rule;
    size_t depth;
    size_t nodes;
};

static void stop(void *context, enum auth_saml_rule rule)
{
    xmlParserCtxtPtr parser = context;
    struct guard *guard = parser->_private;
    guard->rule = guard->rule == AUTH_SAML_NONE ? rule : guard->rule;
    xmlStopParser(parser);
}

static void on_subset(void *context, const xmlChar *name, const xmlChar *id, const xmlChar *system)
{
    (void)name, (void)id, (void)system;
    stop(context, AUTH_SAML_DOCTYPE);
}

static void on_instruction(void *context, const xmlChar *target, const xmlChar *data)
{
    (void)target, (void)data;
    stop(context, AUTH_SAML_INSTRUCTION);
}

static void on_comment(void *context, const xmlChar *text)
{
    (void)text;
    stop(context, AUTH_SAML_COMMENT);
}

static void on_cdata(void *context, const xmlChar *text, int size)
{
    (void)text, (void)size;
    stop(context, AUTH_SAML_COMMENT);
}

static void on_start(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int space_count,
                     const xmlChar **spaces, int attribute_count, int defaulted_count, const xmlChar **attributes)
{
    xmlParserCtxtPtr parser = context;
    struct guard *guard = parser->_private;
    guard->depth++;
    guard->nodes += 1 + (size_t)space_count + (size_t)attribute_count;
    if (guard->depth > AUTH_SAML_MAX_DEPTH) {
        stop(context, AUTH_SAML_DEPTH);
    } else if (guard->nodes > AUTH_SAML_MAX_NODES || space_count > AUTH_SAML_MAX_ATTRIBUTES ||
               attribute_count > AUTH_SAML_MAX_ATTRIBUTES) {
        stop(context, AUTH_SAML_NODES);
    } else {
        xmlSAX2StartElementNs(context, name, prefix, uri, space_count, spaces, attribute_count, defaulted_count,
                              attributes);
    }
}

static void on_end(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
    xmlParserCtxtPtr parser = context;
    struct guard *guard = parser->_private;
    guard->depth--;
    xmlSAX2EndElementNs(context, name, prefix, uri);
}

static void parser_done(xmlParserCtxtPtr *parser)
{
    if (*parser != NULL) {
        xmlFreeDoc((*parser)->myDoc);
        xmlFreeParserCtxt(*parser);
    }
}

static rg_status parse(struct saml_reading *reading, struct rg_slice xml, xmlDocPtr *out_document)
{
    static const int OPTIONS = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_IGNORE_ENC;
    struct guard guard = {0};
    RG_AUTO(parser_done) xmlParserCtxtPtr parser = xmlNewParserCtxt();
    if (parser == NULL) {
        return rg_fail(RG_INTERNAL, "SAML: no XML parser");
    }
    parser->_private = &guard;
    parser->sax->internalSubset = on_subset;
    parser->sax->externalSubset = on_subset;
    parser->sax->processingInstruction = reading->is_metadata ? NULL : on_instruction;
    parser->sax->comment = reading->is_metadata ? NULL : on_comment;
    parser->sax->cdataBlock = on_cdata;
    parser->sax->startElementNs = on_start;
    parser->sax->endElementNs = on_end;
    xmlDocPtr document = xmlCtxtReadMemory(parser, xml.data, (int)xml.size, NULL, "UTF-8", OPTIONS);
    bool is_sound = document != NULL && parser->wellFormed == 1 && parser->nsWellFormed == 1 &&
                    guard.rule == AUTH_SAML_NONE && document->intSubset == NULL && document->extSubset == NULL;
    if (!is_sound) {
        xmlFreeDoc(document);
        return saml_refuse(reading, guard.rule == AUTH_SAML_NONE ? AUTH_SAML_XML : guard.rule);
    }
    *out_document = document;
    return RG_OK;
}

/* ---- IDs ---- */

static bool is_name_start(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

/* An NCName in ASCII, which is what every identity provider writes: nothing that XPointer would read otherwise. */
static bool is_id(const char *text)
{
    size_t size = strlen(text);
    if (size == 0 || size > MAX_ID_BYTES || !is_name_start(text[0])) {
        return false;
    }
    for (size_t i = 1; i < size; i++) {
        char c = text[i];
        if (!is_name_start(c) && !(c >= '0' && c <= '9') && c != '-' && c != '.') {
            return false;
        }
    }
    return true;
}

static const char *plain_value(const xmlAttr *attribute)
{
    const xmlNode *text = attribute->children;
    if (text == NULL) {
        return "";
    }
    return text->type == XML_TEXT_NODE && text->next == NULL && text->content != NULL ? (const char *)text->content
                                                                                      : NULL;
}

static bool is_called(const xmlAttr *attribute, const char *name)
{
    return strcmp((const char *)attribute->name, name) == 0;
}

static int compare_ids(const void *a, const void *b)
{
    const char *const *left = a;
    const char *const *right = b;
    return strcmp(*left, *right);
}

struct id_list {
    const char **ids;
    size_t count, capacity;
};

static rg_status check_attribute(struct saml_reading *reading, const xmlAttr *attribute, struct id_list *list)
{
    bool is_xml = attribute->ns != NULL && xmlStrEqual(attribute->ns->href, XML_XML_NAMESPACE);
    if (is_xml && !is_called(attribute, "lang") && !is_called(attribute, "space")) {
        return saml_refuse(reading, AUTH_SAML_XML_ATTRIBUTE);
    }
    if (attribute->ns != NULL ||
        !(is_called(attribute, "ID") || is_called(attribute, "Id") || is_called(attribute, "id"))) {
        return RG_OK;
    }
    const char *value = plain_value(attribute);
    if (value == NULL || !is_id(value)) {
        return saml_refuse(reading, AUTH_SAML_ID);
    }
    RG_ASSERT(list->count < list->capacity);
    list->ids[list->count++] = value;
    return RG_OK;
}

static rg_status check_ids(struct saml_reading *reading, xmlDocPtr document)
{
    struct id_list list = {.capacity = AUTH_SAML_MAX_NODES};
    xmlNodePtr root = xmlDocGetRootElement(document);
    RG_TRY(rg_arena_array(reading->arena, list.capacity, sizeof *list.ids, (void **)&list.ids));
    for (xmlNodePtr node = root; node != NULL; node = saml_walk(root, node)) {
        for (const xmlAttr *attribute = node->properties; attribute != NULL; attribute = attribute->next) {
            RG_TRY(check_attribute(reading, attribute, &list));
        }
    }
    qsort(list.ids, list.count, sizeof *list.ids, compare_ids);
    for (size_t i = 1; i < list.count; i++) {
        if (strcmp(list.ids[i - 1], list.ids[i]) == 0) {
            return saml_refuse(reading, AUTH_SAML_DUPLICATE_ID);
        }
    }
    return RG_OK;
}

/* Strictly: libxml2 lets overlong forms through to its own checks, jansson does not. */
static bool is_utf8(struct rg_slice text)
{
    json_t *checked = json_stringn(text.data, text.size);
    json_decref(checked);
    return checked != NULL;
}

/* libxml2 compares each attribute of a tag with all others before it tells of the tag: half a second for half a
 * megabyte. Values and the text behind may hold "=" as well, so there is room for some. */
static bool has_crowded_tag(struct rg_slice xml)
{
    size_t count = 0;
    for (size_t i = 0; i < xml.size && count <= 1024; i++) {
        count = xml.data[i] == '<' ? 0 : count + (xml.data[i] == '=' ? 1 : 0);
    }
    return count > 1024;
}

rg_status saml_document_parse(struct saml_reading *reading, struct rg_slice xml, struct _xmlDoc **out_document)
{
    RG_AUTO(saml_document_done) xmlDocPtr document = NULL;
    RG_TRY(saml_library_start());
    if (xml.size == 0) {
        return saml_refuse(reading, AUTH_SAML_XML);
    }
    if (xml.size > AUTH_SAML_MAX_XML) {
        return saml_refuse(reading, AUTH_SAML_SIZE);
    }
    if (memchr(xml.data, '\0', xml.size) != NULL || !is_utf8(xml)) {
        return saml_refuse(reading, AUTH_SAML_ENCODING);
    }
    if (has_crowded_tag(xml)) {
        return saml_refuse(reading, AUTH_SAML_NODES);
    }
    RG_TRY(parse(reading, xml, &document));
    RG_TRY(check_ids(reading, document));
    *out_document = document;
    document = NULL;
    return RG_OK;
}

void saml_document_done(struct _xmlDoc **document)
{
    xmlFreeDoc(*document);
    *document = NULL;
}

/* ---- looking at the tree ---- */

struct _xmlNode *saml_root(struct _xmlDoc *document)
{
    return xmlDocGetRootElement(document);
}

bool saml_is(const struct _xmlNode *node, const char *space, const char *name)
{
    return node != NULL && node->type == XML_ELEMENT_NODE && node->ns != NULL && node->ns->href != NULL &&
           strcmp((const char *)node->ns->href, space) == 0 && strcmp((const char *)node->name, name) == 0;
}

struct _xmlNode *saml_first(const struct _xmlNode *node)
{
    xmlNodePtr child = node->children;
    while (child != NULL && child->type != XML_ELEMENT_NODE) {
        child = child->next;
    }
    return child;
}

struct _xmlNode *saml_sibling(const struct _xmlNode *node)
{
    xmlNodePtr next = node->next;
    while (next != NULL && next->type != XML_ELEMENT_NODE) {
        next = next->next;
    }
    return next;
}

struct _xmlNode *saml_walk(struct _xmlNode *root, struct _xmlNode *node)
{
    xmlNodePtr next = saml_first(node);
    while (next == NULL && node != root) {
        next = saml_sibling(node);
        node = node->parent;
    }
    return next;
}

static bool is_space(const char *text)
{
    return text == NULL || text[strspn(text, " \t\r\n")] == '\0';
}

static size_t find_part(const struct saml_part *parts, size_t count, const struct _xmlNode *node)
{
    size_t at = 0;
    while (at < count && !saml_is(node, parts[at].space, parts[at].name)) {
        at++;
    }
    return at;
}

rg_status saml_parts(struct saml_reading *reading, const struct _xmlNode *node, enum auth_saml_rule rule,
                     const struct saml_part *parts, size_t count, struct _xmlNode **out_first)
{
    enum { MAX_PARTS = 16 };
    struct _xmlNode *first[MAX_PARTS] = {0};
    unsigned counts[MAX_PARTS] = {0};
    RG_ASSERT(count <= MAX_PARTS);
    for (xmlNodePtr child = node->children; child != NULL; child = child->next) {
        size_t at = find_part(parts, count, child);
        if (child->type == XML_TEXT_NODE && is_space((const char *)child->content)) {
            continue;
        }
        if (at == count) {
            return saml_refuse(reading, rule);
        }
        first[at] = first[at] == NULL ? child : first[at];
        counts[at]++;
    }
    for (size_t i = 0; i < count; i++) {
        if (counts[i] < parts[i].min || counts[i] > parts[i].max) {
            return saml_refuse(reading, rule);
        }
    }
    memcpy(out_first, first, count * sizeof first[0]);
    return RG_OK;
}

struct _xmlNode *saml_next(const struct _xmlNode *node)
{
    for (xmlNodePtr next = node->next; next != NULL; next = next->next) {
        if (next->ns != NULL && saml_is(next, (const char *)node->ns->href, (const char *)node->name)) {
            return next;
        }
    }
    return NULL;
}

/* libxml2 gives one text node for texts that touch, but entities such as &amp; may leave several. */
rg_status saml_text(struct saml_reading *reading, const struct _xmlNode *node, enum auth_saml_rule rule,
                    struct rg_slice *out_text)
{
    char *text = NULL;
    size_t size = 0;
    for (const xmlNode *child = node->children; child != NULL; child = child->next) {
        if (child->type != XML_TEXT_NODE) {
            return saml_refuse(reading, rule);
        }
        size += child->content == NULL ? 0 : strlen((const char *)child->content);
    }
    if (size > AUTH_SAML_MAX_TEXT) {
        return saml_refuse(reading, rule);
    }
    RG_TRY(rg_arena_alloc(reading->arena, size + 1, (void **)&text));
    size_t used = 0;
    for (const xmlNode *child = node->children; child != NULL; child = child->next) {
        size_t part = child->content == NULL ? 0 : strlen((const char *)child->content);
        if (part > 0) {
            memcpy(text + used, child->content, part);
        }
        used += part;
    }
    *out_text = (struct rg_slice){text, size};
    return RG_OK;
}

rg_status saml_token(struct saml_reading *reading, const struct _xmlNode *node, enum auth_saml_rule rule,
                     struct rg_slice *out_text)
{
    struct rg_slice text = {0};
    RG_TRY(saml_text(reading, node, rule, &text));
    while (text.size > 0 && strchr(" \t\r\n", text.data[0]) != NULL) {
        text = rg_slice_cut(text, 1, SIZE_MAX);
    }
    while (text.size > 0 && strchr(" \t\r\n", text.data[text.size - 1]) != NULL) {
        text.size--;
    }
    return rg_arena_copy(reading->arena, text, out_text);
}

static void free_text(xmlChar **text)
{
    xmlFree(*text);
}

rg_status saml_attribute(struct saml_reading *reading, const struct _xmlNode *node, const char *name,
                         struct rg_slice *out_value)
{
    RG_AUTO(free_text) xmlChar *value = xmlGetNoNsProp(node, (const xmlChar *)name);
    if (value == NULL) {
        *out_value = (struct rg_slice){NULL, 0};
        return RG_OK;
    }
    struct rg_slice text = rg_slice_of((const char *)value);
    if (text.size > AUTH_SAML_MAX_TEXT) {
        return saml_refuse(reading, AUTH_SAML_SIZE);
    }
    return rg_arena_copy(reading->arena, text, out_value);
}

bool saml_has_only(const struct _xmlNode *node, const char *const *names)
{
    for (const xmlAttr *attribute = node->properties; attribute != NULL; attribute = attribute->next) {
        bool is_known = false;
        for (size_t i = 0; names[i] != NULL; i++) {
            is_known = is_known || is_called(attribute, names[i]);
        }
        if (attribute->ns != NULL || !is_known) {
            return false;
        }
    }
    return true;
}

bool saml_attribute_is(const struct _xmlNode *node, const char *name, const char *value)
{
    const xmlAttr *attribute = xmlHasNsProp(node, (const xmlChar *)name, NULL);
    const char *text = attribute == NULL ? NULL : plain_value(attribute);
    return text != NULL && strcmp(text, value) == 0;
}

/* ---- times ---- */

static bool take_digits(const char *text, size_t count, int *out_value)
{
    int value = 0;
    for (size_t i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        value = value * 10 + (text[i] - '0');
    }
    *out_value = value;
    return true;
}

/* ".25" as microseconds; more than six digits are cut. */
static bool take_fraction(struct rg_slice text, int64_t *out_us)
{
    int64_t scale = 100000;
    int64_t value = 0;
    if (text.size < 2 || text.size > 10 || text.data[0] != '.') {
        return text.size == 0;
    }
    for (size_t i = 1; i < text.size; i++, scale /= 10) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        value += (text.data[i] - '0') * scale;
    }
    *out_us = value;
    return true;
}

static bool parse_time(struct rg_slice text, int64_t *out_us)
{
    struct tm part = {0};
    int64_t fraction = 0;
    const char *at = text.data;
    if (text.size < 20 || at[4] != '-' || at[7] != '-' || at[10] != 'T' || at[13] != ':' || at[16] != ':' ||
        at[text.size - 1] != 'Z' || !take_digits(at, 4, &part.tm_year) || !take_digits(at + 5, 2, &part.tm_mon) ||
        !take_digits(at + 8, 2, &part.tm_mday) || !take_digits(at + 11, 2, &part.tm_hour) ||
        !take_digits(at + 14, 2, &part.tm_min) || !take_digits(at + 17, 2, &part.tm_sec) ||
        !take_fraction(rg_slice_cut(text, 19, text.size - 20), &fraction)) {
        return false;
    }
    if (part.tm_year < 1970 || part.tm_mon < 1 || part.tm_mon > 12 || part.tm_mday < 1 || part.tm_hour > 23 ||
        part.tm_min > 59 || part.tm_sec > 59) {
        return false;
    }
    part.tm_year -= 1900;
    part.tm_mon -= 1;
    struct tm normal = part;
    int64_t seconds = timegm(&normal);
    if (normal.tm_mday != part.tm_mday) { /* February 30 */
        return false;
    }
    *out_us = seconds * INT64_C(1000000) + fraction;
    return true;
}

rg_status saml_time(struct saml_reading *reading, const struct _xmlNode *node, const char *name, int64_t *out_us)
{
    struct rg_slice text = {0};
    RG_TRY(saml_attribute(reading, node, name, &text));
    if (text.data != NULL && !parse_time(text, out_us)) {
        return saml_refuse(reading, AUTH_SAML_TIME);
    }
    return RG_OK;
}
