/* SPDX-License-Identifier: Apache-2.0 */
/* Superset's answers, read: its pages' bootstrap data, its versions, the addresses of its databases. */
#include "proxy/superset_text.h"

#include "base/rg_buf.h"

/* ---- pages ---- */

struct reference {
    const char *text;
    char means;
};

/* Jinja's (MarkupSafe) and those that a template writer would choose; scripts never need another. */
static const struct reference references[] = {
    {"&#34;", '"'}, {"&quot;", '"'}, {"&amp;", '&'},   {"&lt;", '<'},
    {"&gt;", '>'},  {"&#39;", '\''}, {"&#x27;", '\''}, {"&apos;", '\''},
};

static const struct reference *find_reference(struct rg_slice text)
{
    for (size_t i = 0; i < sizeof references / sizeof references[0]; i++) {
        if (rg_slice_has_prefix(text, rg_slice_of(references[i].text))) {
            return &references[i];
        }
    }
    return NULL;
}

static rg_status resolve(struct rg_slice value, struct rg_buf *out)
{
    for (size_t at = 0; at < value.size;) {
        const char *next = memchr(value.data + at, '&', value.size - at);
        size_t plain = next == NULL ? value.size - at : (size_t)(next - value.data) - at;
        RG_TRY(rg_buf_put(out, rg_slice_cut(value, at, plain)));
        at += plain;
        if (next != NULL) {
            const struct reference *reference = find_reference(rg_slice_cut(value, at, value.size));
            if (reference == NULL) {
                return rg_fail(RG_PROTOCOL, "an unknown character reference in the page's bootstrap data");
            }
            RG_TRY(rg_buf_put_u8(out, (uint8_t)reference->means));
            at += strlen(reference->text);
        }
    }
    return RG_OK;
}

rg_status superset_bootstrap_parse(struct rg_slice page, struct rg_arena *arena, struct rg_slice *out_json)
{
    RG_AUTO(rg_buf_done) struct rg_buf json = {0};
    const struct rg_slice mark = RG_SLICE("data-bootstrap=\"");
    const char *found = page.size == 0 ? NULL : memmem(page.data, page.size, mark.data, mark.size);
    if (found == NULL) {
        return rg_fail(RG_PROTOCOL, "the page has no bootstrap data");
    }
    struct rg_slice value = rg_slice_cut(page, (size_t)(found - page.data) + mark.size, page.size);
    const char *end = value.size == 0 ? NULL : memchr(value.data, '"', value.size);
    if (end == NULL) {
        return rg_fail(RG_PROTOCOL, "the page's bootstrap data does not end");
    }
    value.size = (size_t)(end - value.data);
    rg_buf_init(&json, value.size + 1);
    RG_TRY(resolve(value, &json));
    return rg_arena_copy(arena, rg_buf_slice(&json), out_json);
}

/* ---- versions ---- */

bool superset_version_parse(struct rg_slice text, struct superset_version *out_version)
{
    enum { PART_MAX = 100000 };
    struct superset_version version = {{0}};
    size_t at = 0;
    for (size_t part = 0; part < 3; part++) {
        size_t begin = at;
        for (; at < text.size && text.data[at] >= '0' && text.data[at] <= '9'; at++) {
            version.parts[part] = version.parts[part] * 10 + (unsigned)(text.data[at] - '0');
            if (version.parts[part] > PART_MAX) {
                return false;
            }
        }
        bool is_number = at > begin;
        bool is_dotted = part == 2 || (at < text.size && text.data[at] == '.');
        if (!is_number || !is_dotted) {
            return false;
        }
        at += part == 2 ? 0 : 1;
    }
    *out_version = version;
    return true;
}

#define UNPACK(a, b, c)                                                                                                \
    {                                                                                                                  \
        {                                                                                                              \
            a, b, c                                                                                                    \
        }                                                                                                              \
    }
static const struct superset_hole holes[] = {
#define SUPERSET_HOLE(id, first, second, what) {id, {UNPACK first, UNPACK second}, what},
#include "proxy/superset_holes.def"
#undef SUPERSET_HOLE
};

const struct superset_hole *superset_hole_find(size_t index)
{
    return index < sizeof holes / sizeof holes[0] ? &holes[index] : NULL;
}

static int compare(const struct superset_version *a, const struct superset_version *b)
{
    for (size_t part = 0; part < 3; part++) {
        if (a->parts[part] != b->parts[part]) {
            return a->parts[part] < b->parts[part] ? -1 : 1;
        }
    }
    return 0;
}

/* Two fixes: versions of the first's own line (its first two numbers) are judged by it, others by the second. */
bool superset_version_has_hole(const struct superset_version *version, const struct superset_hole *hole)
{
    const struct superset_version *first = &hole->fixed[0];
    bool is_one = hole->fixed[1].parts[0] == 0;
    bool is_in_line = version->parts[0] == first->parts[0] && version->parts[1] == first->parts[1];
    return compare(version, is_one || is_in_line ? first : &hole->fixed[1]) < 0;
}

/* ---- where a database goes ---- */

static bool parse_port(struct rg_slice text, uint16_t *out_port)
{
    unsigned port = 0;
    for (size_t i = 0; i < text.size; i++) {
        bool is_digit = text.data[i] >= '0' && text.data[i] <= '9';
        port = is_digit ? port * 10 + (unsigned)(text.data[i] - '0') : UINT16_MAX + 1U;
        if (port > UINT16_MAX) {
            return false;
        }
    }
    *out_port = (uint16_t)port;
    return port > 0;
}

/* host, host:port, [host], [host]:port */
static bool parse_authority(struct rg_slice text, struct rg_slice *out_host, uint16_t *out_port)
{
    struct rg_slice host = text;
    struct rg_slice rest = {0};
    uint16_t port = 0;
    bool is_bracketed = text.size > 0 && text.data[0] == '[';
    const char *end = text.size == 0 ? NULL : memchr(text.data, is_bracketed ? ']' : ':', text.size);
    if (is_bracketed && end == NULL) {
        return false;
    }
    if (end != NULL) {
        size_t size = (size_t)(end - text.data);
        host = rg_slice_cut(text, is_bracketed ? 1 : 0, is_bracketed ? size - 1 : size);
        rest = rg_slice_cut(text, is_bracketed ? size + 1 : size, text.size);
    }
    bool is_ended = rest.size == 0;
    bool is_sound = host.size > 0 && memchr(host.data, '/', host.size) == NULL &&
                    (is_ended || (rest.data[0] == ':' && parse_port(rg_slice_cut(rest, 1, rest.size), &port)));
    if (is_sound) {
        *out_host = host;
        *out_port = port;
    }
    return is_sound;
}

rg_status superset_uri_parse(struct rg_slice url, struct rg_slice *out_host, uint16_t *out_port)
{
    const char *mark = url.size == 0 ? NULL : memmem(url.data, url.size, "://", 3);
    struct rg_slice rest =
        mark == NULL ? (struct rg_slice){0} : rg_slice_cut(url, (size_t)(mark - url.data) + 3, url.size);
    size_t size = 0;
    while (size < rest.size && rest.data[size] != '/' && rest.data[size] != '?') {
        size++;
    }
    struct rg_slice authority = rg_slice_cut(rest, 0, size);
    const char *at = authority.size == 0 ? NULL : memrchr(authority.data, '@', authority.size);
    if (at != NULL) {
        authority = rg_slice_cut(authority, (size_t)(at - authority.data) + 1, authority.size);
    }
    return parse_authority(authority, out_host, out_port) ? RG_OK
                                                          : rg_fail(RG_PROTOCOL, "no host in the database's URL");
}

rg_status superset_gate_parse(struct rg_slice text, struct rg_slice *out_host, uint16_t *out_port)
{
    return parse_authority(text, out_host, out_port)
               ? RG_OK
               : rg_fail(RG_CONFIG, "\"%.*s\" is no HOST or HOST:PORT", rg_slice_shown(text), text.data);
}
