/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a list of public keys: written by `rowgate audit keys`, signed by the root, read by every verifier.
 * docs/audit-keys.md describes it for people who read it without rowgate. */
#include "audit/keys_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "audit/note_private.h"
#include "audit/tree.h"
#include "base/rg_memory.h"

static const char first_line[] = "rowgate/audit/keys/v1\n";
static const char name_start[] = "list-";
static const char name_end[] = ".note";
enum { NAME_DIGITS = 8 };

static rg_status put_list(const struct audit_list *list, struct rg_buf *out)
{
    RG_TRY(rg_buf_printf(out, "%s%.*s\n%" PRIu64 " %" PRIu64 " %u\n", first_line, (int)list->origin.size,
                         list->origin.data, list->first_epoch, list->count, list->epoch_seconds));
    for (uint64_t i = 0; i < list->count; i++) {
        RG_TRY(audit_base64_put(rg_slice_make(list->public_keys[i], AUDIT_PUBLIC_SIZE), out));
        RG_TRY(rg_buf_put(out, RG_SLICE("\n")));
    }
    return RG_OK;
}

rg_status audit_list_encode(const struct audit_list *list, struct rg_buf *out)
{
    size_t before = rg_buf_size(out);
    rg_status status = put_list(list, out);
    if (!rg_is_ok(status)) {
        rg_buf_truncate(out, before);
    }
    return status;
}

/* The next number of a line of numbers, one space apart. */
static bool get_number(struct rg_slice *line, uint64_t *out_number)
{
    const char *space = line->size == 0 ? NULL : memchr(line->data, ' ', line->size);
    size_t size = space == NULL ? line->size : (size_t)(space - line->data);
    bool is_number = audit_decimal_parse(rg_slice_cut(*line, 0, size), out_number);
    *line = space == NULL ? (struct rg_slice){NULL, 0} : rg_slice_cut(*line, size + 1, SIZE_MAX);
    return is_number;
}

static rg_status parse_numbers(struct rg_slice line, struct audit_list *list)
{
    uint64_t seconds = 0;
    struct rg_slice rest = line;
    bool is_read = get_number(&rest, &list->first_epoch) && get_number(&rest, &list->count) && rest.size > 0 &&
                   get_number(&rest, &seconds) && rest.data == NULL;
    if (!is_read) {
        return rg_fail(RG_PROTOCOL, "the third line of a key list is not <first epoch> <count> <seconds>");
    }
    if (list->count == 0 || list->count > AUDIT_EPOCHS_MAX || seconds == 0 || seconds > AUDIT_EPOCH_SECONDS_MAX ||
        list->first_epoch > (uint64_t)AUDIT_EPOCH_END - list->count) {
        return rg_fail(RG_PROTOCOL, "a key list of %" PRIu64 " epochs of %" PRIu64 " s from epoch %" PRIu64,
                       list->count, seconds, list->first_epoch);
    }
    list->epoch_seconds = (unsigned)seconds;
    return RG_OK;
}

static rg_status parse_keys(struct rg_slice text, struct rg_arena *arena, struct audit_list *list)
{
    struct rg_slice rest = text;
    void *memory = NULL;
    RG_TRY(rg_arena_array(arena, (size_t)list->count, AUDIT_PUBLIC_SIZE, &memory));
    list->public_keys = memory;
    for (uint64_t i = 0; i < list->count; i++) {
        struct rg_slice line;
        if (!audit_get_line(&rest, &line) || !audit_base64_parse(line, AUDIT_PUBLIC_SIZE, list->public_keys[i])) {
            return rg_fail(RG_PROTOCOL, "key %" PRIu64 " of the list is no base64 of %d bytes", i, AUDIT_PUBLIC_SIZE);
        }
    }
    return rest.size == 0 ? RG_OK : rg_fail(RG_PROTOCOL, "more keys than the list announces");
}

rg_status audit_list_parse(struct rg_slice text, struct rg_arena *arena, struct audit_list *out_list)
{
    struct audit_list list = {0};
    struct rg_slice rest = rg_slice_cut(text, sizeof first_line - 1, SIZE_MAX);
    struct rg_slice line;
    if (!rg_slice_has_prefix(text, rg_slice_of(first_line))) {
        return rg_fail(RG_PROTOCOL, "no key list: the first line is not rowgate/audit/keys/v1");
    }
    if (!audit_get_line(&rest, &list.origin) || !audit_name_is_good(list.origin)) {
        return rg_fail(RG_PROTOCOL, "the second line of a key list is no origin");
    }
    if (!audit_get_line(&rest, &line)) {
        return rg_fail(RG_PROTOCOL, "a key list of two lines");
    }
    RG_TRY(parse_numbers(line, &list));
    if (rest.size != list.count * 45) { /* before anything is allocated: 44 letters and LF a key */
        return rg_fail(RG_PROTOCOL, "a key list that announces %" PRIu64 " keys and holds %zu bytes of them",
                       list.count, rest.size);
    }
    RG_TRY(parse_keys(rest, arena, &list));
    *out_list = list;
    return RG_OK;
}

struct rg_digest audit_list_root(const struct audit_list *list)
{
    struct rg_digest *leaves = rg_memory_array((size_t)list->count, sizeof *leaves);
    for (uint64_t i = 0; i < list->count; i++) {
        const struct rg_slice parts[] = {{"", 1}, rg_slice_make(list->public_keys[i], AUDIT_PUBLIC_SIZE)};
        leaves[i] = rg_sha256(parts, 2);
    }
    struct rg_digest root = audit_tree_root_of(leaves, (size_t)list->count);
    rg_memory_free(leaves);
    return root;
}

void audit_list_name(uint64_t first_epoch, char out_name[AUDIT_LIST_NAME_SIZE])
{
    RG_ASSERT(first_epoch < AUDIT_EPOCH_END);
    (void)snprintf(out_name, AUDIT_LIST_NAME_SIZE, "%s%08" PRIu64 "%s", name_start, first_epoch, name_end);
}

bool audit_list_name_parse(struct rg_slice name, uint64_t *out_first_epoch)
{
    size_t start = sizeof name_start - 1;
    uint64_t epoch = 0;
    if (name.size != start + NAME_DIGITS + sizeof name_end - 1 || !rg_slice_has_prefix(name, RG_SLICE("list-")) ||
        !rg_slice_is_equal(rg_slice_cut(name, start + NAME_DIGITS, SIZE_MAX), rg_slice_of(name_end))) {
        return false;
    }
    for (size_t i = start; i < start + NAME_DIGITS; i++) {
        if (name.data[i] < '0' || name.data[i] > '9') {
            return false;
        }
        epoch = epoch * 10 + (uint64_t)(name.data[i] - '0');
    }
    *out_first_epoch = epoch;
    return true;
}

static int compare_ids(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;
    return left < right ? -1 : left > right;
}

bool audit_ids_are_distinct(uint32_t *ids, size_t count)
{
    qsort(ids, count, sizeof *ids, compare_ids);
    for (size_t i = 1; i < count; i++) {
        if (ids[i] == ids[i - 1]) {
            return false;
        }
    }
    return true;
}
