/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a record and its hash: written by the auditor, read back by recovery and verify, byte for
 * byte the same. Anything that is not exactly what we write is refused. */
#include "audit/line.h"

#include <endian.h>

#define SEQ_HEAD "{\"unmapped\":{\"rg\":{\"seq\":\""

struct rg_digest audit_line_leaf(struct rg_slice line)
{
    const struct rg_slice parts[] = {RG_SLICE("\0"), line};
    return rg_sha256(parts, 2);
}

struct rg_digest audit_line_genesis(struct rg_slice origin, const struct rg_digest *keys_root)
{
    const struct rg_slice parts[] = {RG_SLICE("rowgate/audit/v1\n"), origin, RG_SLICE("\n"),
                                     rg_slice_make(keys_root->bytes, sizeof keys_root->bytes)};
    return rg_sha256(parts, 4);
}

/* `text`, then at least `width` digits. */
static rg_status put_number(struct rg_buf *out, struct rg_slice text, uint64_t value, size_t width)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0 || sizeof digits - at < width);
    RG_TRY(rg_buf_put(out, text));
    return rg_buf_put(out, rg_slice_make(digits + at, sizeof digits - at));
}

static rg_status put_digest(struct rg_buf *out, struct rg_slice text, const struct rg_digest *digest)
{
    char b64[RG_DIGEST_B64_SIZE];
    rg_digest_b64url(digest, b64);
    RG_TRY(rg_buf_put(out, text));
    return rg_buf_put(out, rg_slice_make(b64, sizeof b64 - 1));
}

/* Of every record, so not by printf. Neither clock is ever negative. */
static rg_status put_head(const struct audit_head *head, struct rg_buf *out)
{
    RG_TRY(put_number(out, RG_SLICE(SEQ_HEAD), head->seq, AUDIT_DIGITS));
    RG_TRY(put_digest(out, RG_SLICE("\",\"prev\":\""), &head->prev));
    if (head->tenant.size > 0) {
        RG_TRY(rg_buf_put(out, RG_SLICE("\",\"tenant\":\"")));
        RG_TRY(rg_buf_put(out, head->tenant));
        RG_TRY(put_number(out, RG_SLICE("\",\"tseq\":\""), head->tseq, AUDIT_DIGITS));
        RG_TRY(put_digest(out, RG_SLICE("\",\"tprev\":\""), &head->tprev));
    }
    RG_TRY(put_number(out, RG_SLICE("\",\"hlc\":"), (uint64_t)head->hlc_us, 1));
    RG_TRY(rg_buf_put(out, RG_SLICE(",\"boot\":\"")));
    RG_TRY(rg_buf_put(out, head->boot));
    RG_TRY(put_number(out, RG_SLICE("\",\"mono_us\":"), (uint64_t)head->mono_us, 1));
    return rg_buf_put(out, RG_SLICE(","));
}

static rg_status put_line(const struct audit_head *head, const struct audit_message *message, struct rg_buf *out)
{
    RG_TRY(put_head(head, out));
    RG_TRY(rg_buf_put(out, rg_slice_cut(message->rg, 1, SIZE_MAX))); /* without '{', with '}' */
    RG_TRY(rg_buf_put(out, RG_SLICE("},")));
    RG_TRY(rg_buf_put(out, rg_slice_cut(message->ocsf, 1, SIZE_MAX)));
    return rg_buf_put_u8(out, '\n');
}

rg_status audit_line_encode(const struct audit_head *head, const struct audit_message *message, struct rg_buf *out)
{
    size_t before = rg_buf_size(out);
    rg_status status = put_line(head, message, out);
    if (rg_is_ok(status) && rg_buf_size(out) - before > AUDIT_LINE_MAX + 1) {
        status = rg_fail(RG_LIMIT, "audit line of %zu bytes, limit %d", rg_buf_size(out) - before - 1, AUDIT_LINE_MAX);
    }
    if (!rg_is_ok(status)) {
        rg_buf_truncate(out, before);
    }
    return status;
}

static inline uint64_t load_eight(const char *text)
{
    uint64_t word = 0;
    memcpy(&word, text, sizeof word);
    return word;
}

/* Bytes side by side: vectors of gcc and clang, whatever the machine has. A comparison sets all bits where it holds. */
typedef int8_t bytes_vector __attribute__((vector_size(16)));

static inline bytes_vector load_bytes(const char *bytes)
{
    bytes_vector vector;
    memcpy(&vector, bytes, sizeof vector);
    return vector;
}

static inline bool is_all(bytes_vector holds)
{
    uint64_t words[sizeof holds / sizeof(uint64_t)];
    memcpy(words, &holds, sizeof words);
    return (words[0] & words[1]) == UINT64_MAX;
}

/* Moves the cursor over exactly this text. Inline, so that the size is known and words are compared, the last two of
 * which may overlap. */
static inline __attribute__((always_inline)) bool get_text(struct rg_slice *cursor, struct rg_slice text)
{
    enum { WORD = sizeof(uint64_t) };
    if (cursor->size < text.size) {
        return false;
    }
    uint64_t difference = 0;
    size_t at = 0;
    for (; at + WORD <= text.size; at += WORD) {
        difference |= load_eight(cursor->data + at) ^ load_eight(text.data + at);
    }
    if (at > 0 && at < text.size) {
        at = text.size - WORD;
        difference |= load_eight(cursor->data + at) ^ load_eight(text.data + at);
    }
    if (difference != 0 || (at == 0 && memcmp(cursor->data, text.data, text.size) != 0)) {
        return false;
    }
    *cursor = rg_slice_cut(*cursor, text.size, SIZE_MAX);
    return true;
}

/* Eight digits at once, each a byte of the word: adjacent ones are joined three times. */
static inline bool parse_eight(const char *text, uint64_t *out_value)
{
    const uint64_t zeros = UINT64_C(0x3030303030303030);
    uint64_t word = le64toh(load_eight(text)) ^ zeros; /* a digit becomes 0 to 9 */
    if (((word + UINT64_C(0x0606060606060606)) | word) & UINT64_C(0xf0f0f0f0f0f0f0f0)) {
        return false;
    }
    word = (word * 10 + (word >> 8)) & UINT64_C(0x00ff00ff00ff00ff);
    word = (word * 100 + (word >> 16)) & UINT64_C(0x0000ffff0000ffff);
    *out_value = (word * 10000 + (word >> 32)) & UINT64_C(0xffffffff);
    return true;
}

static inline __attribute__((always_inline)) bool parse_digits(struct rg_slice text, uint64_t *out_value)
{
    uint64_t high = 0;
    uint64_t low = 0;
    if (text.size != AUDIT_DIGITS || !parse_eight(text.data, &high) || !parse_eight(text.data + 8, &low)) {
        return false;
    }
    *out_value = high * 100000000 + low;
    return true;
}

bool audit_line_digits_parse(struct rg_slice text, uint64_t *out_value)
{
    return parse_digits(text, out_value);
}

static inline __attribute__((always_inline)) bool get_digits(struct rg_slice *cursor, uint64_t *out_value)
{
    if (!parse_digits(rg_slice_cut(*cursor, 0, AUDIT_DIGITS), out_value)) {
        return false;
    }
    *cursor = rg_slice_cut(*cursor, AUDIT_DIGITS, SIZE_MAX);
    return true;
}

/* A JSON integer as we write it: no sign, no leading zero, at most 18 digits. */
static inline __attribute__((always_inline)) bool get_number(struct rg_slice *cursor, int64_t *out_value)
{
    enum { DIGITS_MAX = 18, EIGHT = 8 };
    uint64_t value = 0;
    uint64_t part = 0;
    size_t size = 0;
    while (size + EIGHT <= cursor->size && size + EIGHT <= DIGITS_MAX && parse_eight(cursor->data + size, &part)) {
        value = value * 100000000 + part;
        size += EIGHT;
    }
    while (size < cursor->size && cursor->data[size] >= '0' && cursor->data[size] <= '9' && size <= DIGITS_MAX) {
        value = value * 10 + (uint64_t)(cursor->data[size] - '0');
        size++;
    }
    if (size == 0 || size > DIGITS_MAX || (size > 1 && cursor->data[0] == '0')) {
        return false;
    }
    *cursor = rg_slice_cut(*cursor, size, SIZE_MAX);
    *out_value = (int64_t)value;
    return true;
}

static bool get_digest(struct rg_slice *cursor, struct rg_digest *out_digest)
{
    enum { LETTERS = RG_DIGEST_B64_SIZE - 1 };
    if (cursor->size < LETTERS || !rg_digest_from_b64url(cursor->data, out_digest)) {
        return false;
    }
    *cursor = rg_slice_cut(*cursor, LETTERS, SIZE_MAX);
    return true;
}

static inline bytes_vector is_hex(bytes_vector text)
{
    return (bytes_vector)(((text >= '0') & (text <= '9')) | ((text >= 'a') & (text <= 'f')));
}

static bool get_boot(struct rg_slice *cursor, struct rg_slice *out_boot)
{
    struct rg_slice boot = rg_slice_cut(*cursor, 0, AUDIT_BOOT_SIZE);
    if (boot.size != AUDIT_BOOT_SIZE ||
        !is_all(is_hex(load_bytes(boot.data)) & is_hex(load_bytes(boot.data + AUDIT_BOOT_SIZE / 2)))) {
        return false;
    }
    *cursor = rg_slice_cut(*cursor, AUDIT_BOOT_SIZE, SIZE_MAX);
    *out_boot = boot;
    return true;
}

/* The inside of a JSON string, up to its closing quote, which stays. */
static bool get_escaped(struct rg_slice *cursor, struct rg_slice *out_text)
{
    size_t size = 0;
    while (size < cursor->size && cursor->data[size] != '"') {
        size += cursor->data[size] == '\\' ? 2 : 1;
    }
    if (size == 0 || size >= cursor->size || size > AUDIT_TENANT_MAX) {
        return false;
    }
    *out_text = rg_slice_cut(*cursor, 0, size);
    *cursor = rg_slice_cut(*cursor, size, SIZE_MAX);
    return true;
}

static bool get_tenant(struct rg_slice *cursor, struct audit_head *head)
{
    if (!get_text(cursor, RG_SLICE("\"tenant\":\""))) {
        return true; /* a record without tenant */
    }
    return get_escaped(cursor, &head->tenant) && get_text(cursor, RG_SLICE("\",\"tseq\":\"")) &&
           get_digits(cursor, &head->tseq) && get_text(cursor, RG_SLICE("\",\"tprev\":\"")) &&
           get_digest(cursor, &head->tprev) && get_text(cursor, RG_SLICE("\","));
}

static const char *parse_head(struct rg_slice *cursor, struct audit_head *head)
{
    if (!get_text(cursor, RG_SLICE(SEQ_HEAD)) || !get_digits(cursor, &head->seq)) {
        return "does not start as a record of this log";
    }
    if (!get_text(cursor, RG_SLICE("\",\"prev\":\"")) || !get_digest(cursor, &head->prev) ||
        !get_text(cursor, RG_SLICE("\","))) {
        return "\"prev\" is malformed";
    }
    if (!get_tenant(cursor, head)) {
        return "\"tenant\", \"tseq\" or \"tprev\" is malformed";
    }
    if (!get_text(cursor, RG_SLICE("\"hlc\":")) || !get_number(cursor, &head->hlc_us) ||
        !get_text(cursor, RG_SLICE(",\"boot\":\"")) || !get_boot(cursor, &head->boot) ||
        !get_text(cursor, RG_SLICE("\",\"mono_us\":")) || !get_number(cursor, &head->mono_us) ||
        !get_text(cursor, RG_SLICE(",\""))) {
        return "\"hlc\", \"boot\" or \"mono_us\" is malformed";
    }
    return NULL;
}

/* 0x20 to 0x7f and nothing else, and as signed numbers those are all that are above 0x1f. This looks at every byte of a
 * log, so it does at many at once. */
static inline __attribute__((always_inline)) bytes_vector is_ours(const char *bytes)
{
    enum { WIDTH = sizeof(bytes_vector) };
    bytes_vector lower = (bytes_vector)((load_bytes(bytes) > 0x1f) & (load_bytes(bytes + WIDTH) > 0x1f));
    bytes_vector upper =
        (bytes_vector)((load_bytes(bytes + 2 * WIDTH) > 0x1f) & (load_bytes(bytes + 3 * WIDTH) > 0x1f));
    return lower & upper;
}

bool audit_line_has_foreign_byte(struct rg_slice line)
{
    enum { BLOCK = 4 * sizeof(bytes_vector) };
    size_t at = 0;
    if (line.size < BLOCK) {
        while (at < line.size && (int8_t)line.data[at] > 0x1f) {
            at++;
        }
        return at < line.size;
    }
    bytes_vector ours = is_ours(line.data + line.size - BLOCK); /* some come twice */
    for (; at + BLOCK <= line.size; at += BLOCK) {
        ours &= is_ours(line.data + at);
    }
    return !is_all(ours);
}

static rg_status find_foreign_byte(struct rg_slice line)
{
    size_t at = 0;
    while ((uint8_t)line.data[at] >= 0x20 && (uint8_t)line.data[at] <= 0x7f) {
        at++;
    }
    return rg_fail(RG_PROTOCOL, "byte 0x%02x at column %zu", (uint8_t)line.data[at], at + 1);
}

rg_status audit_line_parse(struct rg_slice line, struct audit_head *out_head)
{
    if (line.size > AUDIT_LINE_MAX) {
        return rg_fail(RG_PROTOCOL, "line of %zu bytes, limit %d", line.size, AUDIT_LINE_MAX);
    }
    if (audit_line_has_foreign_byte(line)) {
        return find_foreign_byte(line);
    }
    if (line.size == 0 || line.data[line.size - 1] != '}') {
        return rg_fail(RG_PROTOCOL, "does not end as a record");
    }
    struct audit_head head = {0};
    struct rg_slice cursor = line;
    const char *problem = parse_head(&cursor, &head);
    if (problem != NULL) {
        return rg_fail(RG_PROTOCOL, "%s", problem);
    }
    head.size = line.size - cursor.size - 1; /* the quote of the worker's first key is not ours */
    *out_head = head;
    return RG_OK;
}
