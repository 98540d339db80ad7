/* SPDX-License-Identifier: Apache-2.0 */
/* The records of holds and prunes, as one segment holds them: parsed where they stand, ruled on when the whole log is
 * known (verify_prune.c). */
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "audit/verify_private.h"
#include "base/rg_memory.h"

static struct rg_slice text_of(const json_t *rg, const char *key)
{
    const json_t *text = json_object_get(rg, key);
    return json_is_string(text) ? rg_slice_make(json_string_value(text), json_string_length(text))
                                : (struct rg_slice){0};
}

static int64_t time_of(const json_t *rg, const char *key)
{
    const json_t *number = json_object_get(rg, key);
    return json_is_integer(number) && json_integer_value(number) > 0 ? json_integer_value(number) : 0;
}

/* As it would stand in a record's "tenant". */
static void keep_tenant(const json_t *rg, struct verify_keep *keep)
{
    char *text = json_dumps(json_object_get(rg, "about_tenant"), JSON_ENSURE_ASCII | JSON_ENCODE_ANY);
    size_t size = text == NULL ? 0 : strlen(text);
    keep->has_tenant = size > 2;
    if (size > 2 && size - 2 < sizeof keep->tenant) {
        memcpy(keep->tenant, text + 1, size - 2);
    }
    free(text); /* jansson's own */
}

static const char *take_hold(const json_t *rg, struct verify_keep *keep)
{
    struct rg_slice id = text_of(rg, "object");
    if (id.size == 0 || id.size >= sizeof keep->id) {
        return "it names no hold";
    }
    if (text_of(rg, "operator").size == 0) {
        return "it names no operator";
    }
    memcpy(keep->id, id.data, id.size);
    keep_tenant(rg, keep);
    keep->from_us = time_of(rg, "from_us");
    keep->until_us = time_of(rg, "until_us");
    return NULL;
}

rg_status verify_keep_add(struct verify_segment *segment, const struct audit_head *head, struct rg_slice line,
                          enum verify_kind kind, uint64_t line_number)
{
    struct verify_keep keep = {.kind = kind, .seq = head->seq, .line = line_number};
    const char *problem = NULL;
    if (kind == VERIFY_RECOVERED && !audit_void_parse(line, &keep.void_seq)) {
        return RG_OK; /* a torn tail was cut */
    }
    if (kind == VERIFY_PRUNE) {
        RG_TRY(audit_pruned_parse(line, head, &keep.pruned));
    } else if (kind != VERIFY_RECOVERED) {
        json_error_t error;
        json_t *record = json_loadb(line.data, line.size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
        problem = take_hold(json_object_get(json_object_get(record, "unmapped"), "rg"), &keep);
        json_decref(record);
    }
    if (problem != NULL) {
        return rg_fail(RG_PROTOCOL, "a hold's record: %s", problem);
    }
    struct verify_keep *kept = verify_list_add(&segment->keeps, sizeof *kept);
    *kept = keep;
    return RG_OK;
}
