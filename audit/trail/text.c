/* SPDX-License-Identifier: Apache-2.0 */
/* The small pieces of trails and proofs: numbers, hashes, heads, what a log.checkpoint record says. Strict: what is
 * read here has one way of being written. Used by those who make and by those who check. */
#include <inttypes.h>
#include <stdio.h>

#include <jansson.h>

#include "audit/trail/trail_private.h"

enum { HASH_LETTERS = 44, CODED_ARENA = 1024 };

bool trail_number_parse(struct rg_slice text, uint64_t *out_value)
{
    uint64_t value = 0;
    if (text.size == 0 || text.size > AUDIT_DIGITS || (text.size > 1 && text.data[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        value = value * 10 + (uint64_t)(text.data[i] - '0');
    }
    *out_value = value;
    return true;
}

bool trail_hash_parse(struct rg_slice text, struct rg_digest *out_hash)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct rg_slice bytes = {0};
    rg_arena_init(&arena, CODED_ARENA);
    if (text.size != HASH_LETTERS || !rg_is_ok(rg_base64_decode(text, &arena, &bytes)) ||
        bytes.size != RG_SHA256_SIZE) {
        return false;
    }
    memcpy(out_hash->bytes, bytes.data, RG_SHA256_SIZE);
    return true;
}

rg_status trail_hash_put(const struct rg_digest *hash, struct rg_buf *out)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct rg_slice text = {0};
    rg_arena_init(&arena, CODED_ARENA);
    RG_TRY(rg_base64_encode(rg_slice_make(hash->bytes, sizeof hash->bytes), &arena, &text));
    return rg_buf_put(out, text);
}

bool trail_words_parse(struct rg_slice line, struct rg_slice word, uint64_t *out_numbers, size_t count)
{
    struct rg_slice rest = rg_slice_cut(line, word.size, SIZE_MAX);
    if (!rg_slice_has_prefix(line, word)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (rest.size == 0 || rest.data[0] != ' ') {
            return false;
        }
        rest = rg_slice_cut(rest, 1, SIZE_MAX);
        const char *space = rest.size == 0 ? NULL : memchr(rest.data, ' ', rest.size);
        size_t size = space == NULL ? rest.size : (size_t)(space - rest.data);
        if (!trail_number_parse(rg_slice_cut(rest, 0, size), &out_numbers[i])) {
            return false;
        }
        rest = rg_slice_cut(rest, size, SIZE_MAX);
    }
    return rest.size == 0;
}

struct rg_digest trail_head_leaf(const struct rg_digest *id, uint64_t count, const struct rg_digest *hash)
{
    char digits[24];
    (void)snprintf(digits, sizeof digits, "%016" PRIu64, count);
    const struct rg_slice parts[] = {RG_SLICE("\0"), rg_slice_make(id->bytes, sizeof id->bytes), rg_slice_of(digits),
                                     rg_slice_make(hash->bytes, sizeof hash->bytes)};
    return rg_sha256(parts, 4);
}

/* ---- log.checkpoint records ---- */

bool trail_is_state(struct rg_slice line, const struct audit_head *head)
{
    return head->tenant.size == 0 &&
           rg_slice_has_prefix(rg_slice_cut(line, head->size, SIZE_MAX), RG_SLICE("\"kind\":\"log.checkpoint\","));
}

static bool hex_parse(struct rg_slice text, struct rg_digest *out_digest)
{
    struct rg_digest digest = {{0}};
    for (size_t i = 0; i < text.size && text.size == 2 * (size_t)RG_SHA256_SIZE; i++) {
        char c = text.data[i];
        bool is_digit = c >= '0' && c <= '9';
        if (!is_digit && !(c >= 'a' && c <= 'f')) {
            return false;
        }
        digest.bytes[i / 2] = (uint8_t)(digest.bytes[i / 2] << 4 | (is_digit ? c - '0' : c - 'a' + 10));
    }
    *out_digest = digest;
    return text.size == 2 * (size_t)RG_SHA256_SIZE;
}

static bool number_get(const json_t *rg, const char *key, uint64_t *out_value)
{
    const json_t *value = json_object_get(rg, key);
    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        return false;
    }
    *out_value = (uint64_t)json_integer_value(value);
    return true;
}

rg_status trail_state_parse(struct rg_slice line, struct trail_state *out_state)
{
    struct trail_state state = {0};
    uint64_t records = 0;
    json_error_t error;
    RG_TRY(audit_line_parse(line, &state.head));
    if (!trail_is_state(line, &state.head)) {
        return rg_fail(RG_PROTOCOL, "it is no log.checkpoint record");
    }
    json_t *record = json_loadb(line.data, line.size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    const json_t *rg = json_object_get(json_object_get(record, "unmapped"), "rg");
    const char *root = json_string_value(json_object_get(rg, "heads_root"));
    bool is_whole = number_get(rg, "epoch", &state.epoch) && number_get(rg, "records", &records) &&
                    number_get(rg, "tenants", &state.tenants) && root != NULL &&
                    hex_parse(rg_slice_of(root), &state.heads_root);
    json_decref(record);
    if (!is_whole || records != state.head.seq) {
        return rg_fail(RG_PROTOCOL, "a log.checkpoint record without its epoch, records, tenants or heads_root");
    }
    *out_state = state;
    return RG_OK;
}

bool trail_signer_find(const struct audit_note *note, const struct audit_keys *keys, uint64_t *out_epoch)
{
    for (uint64_t epoch = 0; epoch < keys->epoch_count; epoch++) {
        struct audit_vkey key = {0};
        if (!rg_is_ok(audit_keys_vkey(keys, epoch, &key))) {
            return false;
        }
        for (size_t i = 0; i < note->signature_count; i++) {
            if (note->signatures[i].id == key.id && audit_note_is_signed_by(note, &key)) {
                *out_epoch = epoch;
                return true;
            }
        }
    }
    return false;
}
