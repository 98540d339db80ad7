/* SPDX-License-Identifier: Apache-2.0 */
/* What search and show make of hostile records: input = a record's line and the continuation records behind it. What is
 * accepted must be safe to print, and to ask an index for. */
#include "audit/search_terms.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void touch(struct rg_slice text)
{
    unsigned sum = 0;
    for (size_t i = 0; i < text.size; i++) {
        sum += (unsigned char)text.data[i];
    }
    RG_ASSERT(sum <= text.size * 255);
}

static void check(const struct audit_shown *shown, struct rg_arena *arena)
{
    struct audit_index_row row = {0};
    struct audit_index_query query = {.since_us = INT64_MIN, .until_us = INT64_MAX};
    struct audit_criteria criteria = {.tenant = shown->tenant,
                                      .subject = shown->user,
                                      .action = shown->kind,
                                      .since_us = INT64_MIN,
                                      .until_us = INT64_MAX,
                                      .limit = 1};
    touch(shown->sql);
    touch(shown->sql_sent);
    touch(shown->message);
    touch(shown->client);
    touch(shown->binds);
    for (size_t i = 0; i < shown->relation_count; i++) {
        touch(shown->relations[i]);
    }
    RG_ASSERT(shown->sql.size == 0 || audit_terms_has_text(shown, rg_slice_cut(shown->sql, shown->sql.size / 2, 8)));
    if (rg_is_ok(audit_terms_of(shown, arena, &row))) {
        RG_ASSERT(rg_is_ok(audit_terms_query(&criteria, NULL, arena, &query)));
        RG_ASSERT(shown->hlc_us == INT64_MAX || audit_terms_hold(&row, &query)); /* it is found by what it says */
        RG_ASSERT(row.text.size == 0 || memchr(row.text.data, 0, row.text.size) == NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct rg_slice input = rg_slice_make(data, size);
    const char *end = size == 0 ? NULL : memchr(input.data, '\n', size);
    size_t line_size = end == NULL ? size : (size_t)(end - input.data);
    struct audit_walked record = {.line = rg_slice_cut(input, 0, line_size),
                                  .parts = rg_slice_cut(input, line_size + 1, SIZE_MAX),
                                  .line_count = 1,
                                  .is_whole = true};
    struct audit_shown shown = {0};
    rg_arena_init(&arena, (size_t)64 << 20);
    (void)audit_walk_part(record.line, &record.head, &record.line_count, &(uint64_t){0});
    if (record.line.data != NULL && rg_is_ok(audit_shown_parse(&record, &arena, &shown))) {
        check(&shown, &arena);
    }
    return 0;
}
