/* SPDX-License-Identifier: Apache-2.0 */
/* The records that let segments go, read by the writer and the verifier alike. */
#include "audit/keep/declared.h"

#include <stdlib.h>

#include <jansson.h>

static bool get_number(const json_t *rg, const char *key, uint64_t *out_value)
{
    const json_t *number = json_object_get(rg, key);
    if (!json_is_integer(number) || json_integer_value(number) < 0) {
        return false;
    }
    *out_value = (uint64_t)json_integer_value(number);
    return true;
}

static bool get_digest(const json_t *rg, const char *key, struct rg_digest *out_digest)
{
    char again[2 * RG_SHA256_SIZE + 1];
    struct rg_digest digest = {{0}};
    const char *text = json_string_value(json_object_get(rg, key));
    for (size_t i = 0; text != NULL && strlen(text) == sizeof again - 1 && i < RG_SHA256_SIZE; i++) {
        const char pair[3] = {text[2 * i], text[2 * i + 1], '\0'};
        digest.bytes[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    rg_digest_hex(&digest, again);
    if (text == NULL || strcmp(again, text) != 0) {
        return false;
    }
    *out_digest = digest;
    return true;
}

static bool get_range(const json_t *rg, const struct audit_head *head, uint64_t *out_first_seq, uint64_t *out_last_seq)
{
    return get_number(rg, "first_seq", out_first_seq) && get_number(rg, "last_seq", out_last_seq) &&
           *out_first_seq <= *out_last_seq && *out_last_seq < head->seq;
}

static bool get_pruned(const json_t *rg, const struct audit_head *head, struct audit_pruned *pruned)
{
    uint64_t from_us = 0;
    uint64_t until_us = 0;
    bool is_whole = get_range(rg, head, &pruned->first_seq, &pruned->last_seq) &&
                    get_number(rg, "epoch", &pruned->epoch) && get_digest(rg, "digest", &pruned->root) &&
                    get_digest(rg, "heads_root", &pruned->heads_root) && get_number(rg, "from_us", &from_us) &&
                    get_number(rg, "until_us", &until_us);
    pruned->seq = head->seq;
    pruned->from_us = (int64_t)from_us;
    pruned->until_us = (int64_t)until_us;
    return is_whole;
}

static json_t *load(struct rg_slice line)
{
    json_error_t error;
    return json_loadb(line.data, line.size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
}

static const json_t *rg_of(const json_t *record)
{
    return json_object_get(json_object_get(record, "unmapped"), "rg");
}

rg_status audit_pruned_parse(struct rg_slice line, const struct audit_head *head, struct audit_pruned *out_pruned)
{
    struct audit_pruned pruned = {0};
    json_t *record = load(line);
    bool is_whole = get_pruned(rg_of(record), head, &pruned);
    bool has_operator = json_is_string(json_object_get(rg_of(record), "operator"));
    json_decref(record);
    if (!is_whole || !has_operator) {
        return rg_fail(RG_PROTOCOL, "retention.prune: %s",
                       is_whole ? "it names no operator" : "it does not declare records before it");
    }
    *out_pruned = pruned;
    return RG_OK;
}

rg_status audit_exported_parse(struct rg_slice line, const struct audit_head *head, uint64_t *out_first_seq,
                               uint64_t *out_last_seq)
{
    uint64_t first_seq = 0;
    uint64_t last_seq = 0;
    json_t *record = load(line);
    bool is_whole = get_range(rg_of(record), head, &first_seq, &last_seq);
    json_decref(record);
    if (!is_whole) {
        return rg_fail(RG_PROTOCOL, "export.segment: it names no records before it");
    }
    *out_first_seq = first_seq;
    *out_last_seq = last_seq;
    return RG_OK;
}

bool audit_void_parse(struct rg_slice line, uint64_t *out_void_seq)
{
    uint64_t cut_bytes = 0;
    uint64_t void_seq = 0;
    json_t *record = load(line);
    const json_t *rg = rg_of(record);
    bool is_void =
        get_number(rg, "recovered_bytes", &cut_bytes) && cut_bytes == 0 && get_number(rg, "recovered_from", &void_seq);
    json_decref(record);
    *out_void_seq = is_void ? void_seq : *out_void_seq;
    return is_void;
}
