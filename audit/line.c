/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a record and its hash: written by the auditor, read back by recovery and verify, byte for
 * byte the same. Anything that is not exactly what we write is refused. */
#include "audit/line.h"

#include <endian.h>
#include <inttypes.h>

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

static rg_status put_head(const struct audit_head *head, struct rg_buf *out)
{
    char b64[RG_DIGEST_B64_SIZE];
    rg_digest_b64url(&head->prev, b64);
    RG_TRY(rg_buf_printf(out, SEQ_HEAD "%016" PRIu64 "\",\"prev\":\"%s\"", head->seq, b64));
    if (head->tenant.size > 0) {
        rg_digest_b64url(&head->tprev, b64);
        RG_TRY(rg_buf_put(out, RG_SLICE(",\"tenant\":\"")));
        RG_TRY(rg_buf_put(out, head->tenant));
        RG_TRY(rg_buf_printf(out, "\",\"tseq\":\"%016" PRIu64 "\",\"tprev\":\"%s\"", head->tseq, b64));
    }
    RG_TRY(rg_buf_printf(out, ",\"hlc\":%" PRId64 ",\"boot\":\"", head->hlc_us));
    RG_TRY(rg_buf_put(out, head->boot));
    return rg_buf_printf(out, "\",\"mono_us\":%" PRId64 ",", head->mono_us);
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

/* Moves the cursor over exactly this text. Inline, so that each comparison is one of a known size. */
static inline __attribute__((always_inline)) bool get_text(struct rg_slice *cursor, struct rg_slice text)
{
    if (!rg_slice_has_prefix(*cursor, text)) {
        return false;
    }
    *cursor = rg_slice_cut(*cursor, text.size, SIZE_MAX);
    return true;
}

/* Eight digits at once, each a byte of the word: adjacent ones are joined three times. */
static bool parse_eight(const char *text, uint64_t *out_value)
{
    const uint64_t zeros = UINT64_C(0x3030303030303030);
    uint64_t word = 0;
    memcpy(&word, text, sizeof word);
    word = le64toh(word) ^ zeros; /* a digit becomes 0 to 9 */
    if (((word + UINT64_C(0x0606060606060606)) | word) & UINT64_C(0xf0f0f0f0f0f0f0f0)) {
        return false;
    }
    word = (word * 10 + (word >> 8)) & UINT64_C(0x00ff00ff00ff00ff);
    word = (word * 100 + (word >> 16)) & UINT64_C(0x0000ffff0000ffff);
    *out_value = (word * 10000 + (word >> 32)) & UINT64_C(0xffffffff);
    return true;
}

bool audit_line_digits_parse(struct rg_slice text, uint64_t *out_value)
{
    uint64_t high = 0;
    uint64_t low = 0;
    if (text.size != AUDIT_DIGITS || !parse_eight(text.data, &high) || !parse_eight(text.data + 8, &low)) {
        return false;
    }
    *out_value = high * 100000000 + low;
    return true;
}

static bool get_digits(struct rg_slice *cursor, uint64_t *out_value)
{
    if (!audit_line_digits_parse(rg_slice_cut(*cursor, 0, AUDIT_DIGITS), out_value)) {
        return false;
    }
    *cursor = rg_slice_cut(*cursor, AUDIT_DIGITS, SIZE_MAX);
    return true;
}

/* A JSON integer as we write it: no sign, no leading zero, at most 18 digits. */
static bool get_number(struct rg_slice *cursor, int64_t *out_value)
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

static bool get_boot(struct rg_slice *cursor, struct rg_slice *out_boot)
{
    struct rg_slice boot = rg_slice_cut(*cursor, 0, AUDIT_BOOT_SIZE);
    for (size_t i = 0; i < boot.size; i++) {
        bool is_digit = boot.data[i] >= '0' && boot.data[i] <= '9';
        if (!is_digit && !(boot.data[i] >= 'a' && boot.data[i] <= 'f')) {
            return false;
        }
    }
    if (boot.size != AUDIT_BOOT_SIZE) {
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

/* 0x20 to 0x7f and nothing else: this looks at every byte of a log, so it does at many at once (vectors of gcc and
 * clang, whatever the machine has). */
static bool has_foreign_byte(struct rg_slice line)
{
    enum { WIDTH = 16 };
    typedef uint8_t bytes_vector __attribute__((vector_size(WIDTH)));
    bytes_vector bad = {0};
    size_t at = 0;
    for (; at + WIDTH <= line.size; at += WIDTH) {
        bytes_vector bytes;
        memcpy(&bytes, line.data + at, WIDTH);
        bad |= (bytes_vector)(bytes - 0x20 > 0x5f);
    }
    uint64_t words[WIDTH / sizeof(uint64_t)];
    memcpy(words, &bad, sizeof words);
    bool is_foreign = (words[0] | words[1]) != 0;
    for (; at < line.size; at++) {
        is_foreign = is_foreign || (uint8_t)((uint8_t)line.data[at] - 0x20) > 0x5f;
    }
    return is_foreign;
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
    if (has_foreign_byte(line)) {
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
