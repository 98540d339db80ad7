/* SPDX-License-Identifier: Apache-2.0 */
/* The PROXY protocol's header, version 1 (a line) and 2 (binary), and addresses as text. Reads no socket. */
#include "proxy/http/proxy_line.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "proxy/http/chars.h"

/* ---- addresses ---- */

_Static_assert(HTTP_ADDRESS_TEXT == INET6_ADDRSTRLEN, "room for inet_ntop");

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}; /* RFC 4291 2.5.5.2 */

static struct http_address make_address(int family, const void *bytes, uint16_t port)
{
    struct http_address address = {.port = port, .family = family};
    const uint8_t *octets = bytes;
    if (family == AF_INET6 && memcmp(octets, mapped_prefix, sizeof mapped_prefix) == 0) {
        return make_address(AF_INET, octets + sizeof mapped_prefix, port);
    }
    memcpy(address.bytes, octets, family == AF_INET ? 4 : 16);
    RG_ASSERT(inet_ntop(family, octets, address.text, sizeof address.text) != NULL);
    return address;
}

struct http_address http_address_of(const struct sockaddr *address, size_t size)
{
    if (address != NULL && size >= sizeof(struct sockaddr_in) && address->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, address, sizeof v4);
        return make_address(AF_INET, &v4.sin_addr, ntohs(v4.sin_port));
    }
    if (address != NULL && size >= sizeof(struct sockaddr_in6) && address->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, address, sizeof v6);
        return make_address(AF_INET6, &v6.sin6_addr, ntohs(v6.sin6_port));
    }
    return (struct http_address){0};
}

static bool parse_family(struct rg_slice text, int family, struct http_address *out_address)
{
    char copy[INET6_ADDRSTRLEN];
    uint8_t bytes[16];
    if (text.size == 0 || text.size >= sizeof copy || memchr(text.data, '\0', text.size) != NULL) {
        return false;
    }
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    if (inet_pton(family, copy, bytes) != 1) {
        return false;
    }
    *out_address = make_address(family, bytes, 0);
    return true;
}

bool http_address_parse(struct rg_slice text, struct http_address *out_address)
{
    return parse_family(text, AF_INET, out_address) || parse_family(text, AF_INET6, out_address);
}

bool http_port_parse(struct rg_slice text, uint16_t *out_port)
{
    unsigned port = 0;
    if (text.size == 0 || text.size > 5 || (text.size > 1 && text.data[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        if (!http_is_digit(text.data[i])) {
            return false;
        }
        port = port * 10 + (unsigned)(text.data[i] - '0');
    }
    if (port > UINT16_MAX) {
        return false;
    }
    *out_port = (uint16_t)port;
    return true;
}

/* ---- version 1: "PROXY TCP4 source destination port port" CR LF ---- */

static struct rg_slice next_word(struct rg_slice *rest)
{
    const char *space = rest->size == 0 ? NULL : memchr(rest->data, ' ', rest->size);
    size_t size = space == NULL ? rest->size : (size_t)(space - rest->data);
    struct rg_slice word = rg_slice_cut(*rest, 0, size);
    *rest = space == NULL ? (struct rg_slice){0} : rg_slice_cut(*rest, size + 1, rest->size);
    return word;
}

static bool parse_words(struct rg_slice line, struct http_proxy_line *out_line)
{
    struct rg_slice rest = line;
    (void)next_word(&rest); /* "PROXY" */
    struct rg_slice family = next_word(&rest);
    if (rg_slice_is_equal(family, RG_SLICE("UNKNOWN"))) {
        *out_line = (struct http_proxy_line){.is_local = true}; /* what follows is to be ignored */
        return true;
    }
    bool is_v4 = rg_slice_is_equal(family, RG_SLICE("TCP4"));
    struct http_proxy_line parsed = {0};
    if (!is_v4 && !rg_slice_is_equal(family, RG_SLICE("TCP6"))) {
        return false;
    }
    int af = is_v4 ? AF_INET : AF_INET6;
    if (!parse_family(next_word(&rest), af, &parsed.source) ||
        !parse_family(next_word(&rest), af, &parsed.destination) ||
        !http_port_parse(next_word(&rest), &parsed.source.port) || rest.data == NULL ||
        !http_port_parse(rest, &parsed.destination.port)) {
        return false;
    }
    *out_line = parsed;
    return true;
}

static enum http_verdict parse_v1(struct rg_slice bytes, struct http_proxy_line *out_line)
{
    struct rg_slice head = rg_slice_cut(bytes, 0, HTTP_PROXY_LINE_V1_MAX);
    size_t size = 0;
    while (size < head.size && !http_is_control(head.data[size]) && (unsigned char)head.data[size] < 0x80) {
        size++;
    }
    bool is_cut = size == head.size || (head.data[size] == '\r' && size + 1 == head.size);
    if (is_cut) {
        return head.size < HTTP_PROXY_LINE_V1_MAX ? HTTP_VERDICT_MORE : HTTP_VERDICT_REFUSED;
    }
    if (head.data[size] != '\r' || head.data[size + 1] != '\n') {
        return HTTP_VERDICT_REFUSED;
    }
    struct http_proxy_line line = {0};
    if (!parse_words(rg_slice_cut(head, 0, size), &line)) {
        return HTTP_VERDICT_REFUSED;
    }
    line.size = size + 2;
    *out_line = line;
    return HTTP_VERDICT_OK;
}

/* ---- version 2: signature, command, family, length, addresses, TLVs ---- */

enum {
    V2_HEAD = 16,
    V2_LOCAL = 0x20,
    V2_PROXY = 0x21,
    V2_UNSPEC = 0x00,
    V2_TCP4 = 0x11,
    V2_TCP6 = 0x21,
};

static const char v1_signature[] = "PROXY ";
static const char v2_signature[] = "\r\n\r\n\0\r\nQUIT\n";

static size_t get_u16(const uint8_t *bytes)
{
    return (size_t)bytes[0] << 8 | bytes[1];
}

/* Whether types and lengths fill the rest exactly. */
static bool has_sound_tlvs(const uint8_t *bytes, size_t size)
{
    while (size >= 3) {
        size_t whole = 3 + get_u16(bytes + 1);
        if (whole > size) {
            return false;
        }
        bytes += whole;
        size -= whole;
    }
    return size == 0;
}

/* source, destination, their ports: of 4 or 16 bytes each. */
static bool read_v2_addresses(const uint8_t *block, size_t size, int family, struct http_proxy_line *out_line)
{
    size_t width = family == AF_INET ? 4 : 16;
    size_t used = 2 * width + 4;
    if (size < used || !has_sound_tlvs(block + used, size - used)) {
        return false;
    }
    out_line->source = make_address(family, block, (uint16_t)get_u16(block + 2 * width));
    out_line->destination = make_address(family, block + width, (uint16_t)get_u16(block + 2 * width + 2));
    return true;
}

static bool read_v2(const uint8_t *bytes, size_t length, struct http_proxy_line *out_line)
{
    const uint8_t *block = bytes + V2_HEAD;
    out_line->size = V2_HEAD + length;
    if (bytes[12] == V2_LOCAL) { /* the family is to be ignored */
        out_line->is_local = true;
        return true;
    }
    switch (bytes[13]) {
    case V2_UNSPEC:
        out_line->is_local = true;
        return has_sound_tlvs(block, length);
    case V2_TCP4:
        return read_v2_addresses(block, length, AF_INET, out_line);
    case V2_TCP6:
        return read_v2_addresses(block, length, AF_INET6, out_line);
    default: /* UDP, UNIX, what comes after */
        return false;
    }
}

static enum http_verdict parse_v2(struct rg_slice bytes, struct http_proxy_line *out_line)
{
    const uint8_t *octets = (const uint8_t *)bytes.data;
    if (bytes.size > 12 && octets[12] != V2_LOCAL && octets[12] != V2_PROXY) {
        return HTTP_VERDICT_REFUSED;
    }
    if (bytes.size < V2_HEAD) {
        return HTTP_VERDICT_MORE;
    }
    size_t length = get_u16(octets + 14);
    if (V2_HEAD + length > HTTP_PROXY_LINE_V2_MAX) {
        return HTTP_VERDICT_REFUSED;
    }
    if (bytes.size < V2_HEAD + length) {
        return HTTP_VERDICT_MORE;
    }
    struct http_proxy_line line = {0};
    if (!read_v2(octets, length, &line)) {
        return HTTP_VERDICT_REFUSED;
    }
    *out_line = line;
    return HTTP_VERDICT_OK;
}

/* Whether bytes are the signature, or the beginning of it. */
static bool begins(struct rg_slice bytes, const char *signature, size_t size)
{
    return bytes.size == 0 || memcmp(bytes.data, signature, bytes.size < size ? bytes.size : size) == 0;
}

enum http_verdict http_proxy_line_parse(struct rg_slice bytes, struct http_proxy_line *out_line,
                                        struct http_refusal *out_refusal)
{
    enum http_verdict verdict = HTTP_VERDICT_REFUSED;
    if (bytes.size == 0) {
        return HTTP_VERDICT_MORE;
    }
    if (begins(bytes, v1_signature, sizeof v1_signature - 1)) {
        verdict = parse_v1(bytes, out_line);
    } else if (begins(bytes, v2_signature, sizeof v2_signature - 1)) {
        verdict = parse_v2(bytes, out_line);
    }
    if (verdict == HTTP_VERDICT_REFUSED) {
        *out_refusal = http_refusal_of(HTTP_REFUSAL_PROXY_LINE);
    }
    return verdict;
}
