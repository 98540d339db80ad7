/* SPDX-License-Identifier: Apache-2.0 */
/* The names of a node's objects in the bucket, there and back (audit/export/depot.h). Pure. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "audit/export/depot.h"
#include "audit/line.h"

static bool is_unreserved(char byte)
{
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
           byte == '-' || byte == '.' || byte == '_' || byte == '~';
}

rg_status depot_node(struct rg_slice origin, char out_node[DEPOT_NODE_MAX])
{
    static const char digits[] = "0123456789ABCDEF";
    size_t size = 0;
    if (origin.size == 0 || origin.size > 255) {
        return rg_fail(RG_LIMIT, "an origin of %zu bytes", origin.size);
    }
    for (size_t i = 0; i < origin.size; i++) {
        unsigned char byte = (unsigned char)origin.data[i];
        if (is_unreserved(origin.data[i])) {
            out_node[size] = origin.data[i];
            size++;
        } else {
            out_node[size] = '%';
            out_node[size + 1] = digits[byte >> 4];
            out_node[size + 2] = digits[byte & 15];
            size += 3;
        }
    }
    out_node[size] = '\0';
    return RG_OK;
}

static int nibble(char digit)
{
    return digit >= '0' && digit <= '9' ? digit - '0' : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

static bool decode(struct rg_slice node, char *origin, size_t *out_size)
{
    size_t size = 0;
    for (size_t i = 0; i < node.size; i++) {
        bool is_code = node.data[i] == '%' && i + 2 < node.size;
        int value = is_code ? nibble(node.data[i + 1]) * 16 + nibble(node.data[i + 2]) : (unsigned char)node.data[i];
        if (is_code && (nibble(node.data[i + 1]) < 0 || nibble(node.data[i + 2]) < 0)) {
            return false;
        }
        origin[size] = (char)value;
        size++;
        i += is_code ? 2 : 0;
    }
    *out_size = size;
    return true;
}

bool depot_origin(struct rg_slice node, struct rg_arena *arena, struct rg_slice *out_origin)
{
    char origin[DEPOT_NODE_MAX];
    char again[DEPOT_NODE_MAX];
    size_t size = 0;
    if (node.size >= DEPOT_NODE_MAX || !decode(node, origin, &size) || size == 0 || size > 255 ||
        memchr(origin, '\0', size) != NULL) {
        return false;
    }
    struct rg_slice made = rg_slice_make(origin, size);
    return rg_is_ok(depot_node(made, again)) && rg_slice_is_equal(node, rg_slice_of(again)) &&
           rg_is_ok(rg_arena_copy(arena, made, out_origin));
}

static rg_status fit(int size, const char *key)
{
    return size > 0 && size <= S3_KEY_MAX ? RG_OK : rg_fail(RG_LIMIT, "the name %.60s... is too long for S3", key);
}

rg_status depot_segment_key(const char *node, const struct depot_segment *segment, const char *suffix,
                            char out_key[S3_KEY_MAX + 1])
{
    struct tm time = {0};
    time_t seconds = (time_t)(segment->hlc_us / 1000000);
    (void)gmtime_r(&seconds, &time);
    int size =
        snprintf(out_key, S3_KEY_MAX + 1, "raw/v1/node=%s/dt=%04d-%02d-%02d/hour=%02d/%016" PRIu64 "-%016" PRIu64 "%s",
                 node, time.tm_year + 1900, time.tm_mon + 1, time.tm_mday, time.tm_hour, segment->first_seq,
                 segment->last_seq, suffix);
    return fit(size, out_key);
}

bool depot_segment_name_parse(struct rg_slice name, struct rg_slice suffix, uint64_t *out_first, uint64_t *out_last)
{
    enum { NAME = 2 * AUDIT_DIGITS + 1 };
    uint64_t first = 0;
    uint64_t last = 0;
    bool is_good = name.size == NAME + suffix.size && name.data[AUDIT_DIGITS] == '-' &&
                   rg_slice_is_equal(rg_slice_cut(name, NAME, SIZE_MAX), suffix) &&
                   audit_line_digits_parse(rg_slice_cut(name, 0, AUDIT_DIGITS), &first) &&
                   audit_line_digits_parse(rg_slice_cut(name, AUDIT_DIGITS + 1, AUDIT_DIGITS), &last) && first <= last;
    if (is_good) {
        *out_first = first;
        *out_last = last;
    }
    return is_good;
}

rg_status depot_anchor_key(const char *node, uint64_t size, char out_key[S3_KEY_MAX + 1])
{
    return fit(snprintf(out_key, S3_KEY_MAX + 1, "ckpt/v1/node=%s/%016" PRIu64 ".note", node, size), out_key);
}

static bool parse_size(struct rg_slice name, struct rg_slice suffix, uint64_t *out_size)
{
    uint64_t size = 0;
    bool is_good = rg_slice_is_equal(rg_slice_cut(name, AUDIT_DIGITS, SIZE_MAX), suffix) &&
                   audit_line_digits_parse(rg_slice_cut(name, 0, AUDIT_DIGITS), &size) && size > 0;
    *out_size = is_good ? size : *out_size;
    return is_good;
}

bool depot_anchor_name_parse(struct rg_slice name, uint64_t *out_size)
{
    return parse_size(name, RG_SLICE(".note"), out_size);
}

rg_status depot_base_key(const char *node, uint64_t size, char out_key[S3_KEY_MAX + 1])
{
    return fit(snprintf(out_key, S3_KEY_MAX + 1, "pruned/v1/node=%s/%016" PRIu64 ".base", node, size), out_key);
}

bool depot_base_name_parse(struct rg_slice name, uint64_t *out_size)
{
    return parse_size(name, RG_SLICE(".base"), out_size);
}
