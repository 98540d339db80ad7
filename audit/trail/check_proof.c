/* SPDX-License-Identifier: Apache-2.0 */
/* Checks the proof of one record (docs/audit-trail.md 3): its lines, each of which holds the hash of the one before it,
 * and the C2SP tlog-proof of the last. */
#include <inttypes.h>

#include "audit/trail/trail_private.h"
#include "audit/walk.h"

struct lines {
    uint64_t count; /* announced */
    struct audit_head head;
    struct rg_digest leaf; /* of the last one */
};

/* Line i of n: alone it has no part, otherwise it is part i/n. */
static rg_status check_part(struct trail_reader *reader, struct rg_slice line, const struct audit_head *head,
                            uint64_t i, uint64_t n)
{
    uint64_t part = 1;
    uint64_t count = 1;
    bool is_part = audit_walk_part(line, head, &part, &count);
    if (is_part && (part != i || count > n)) {
        return trail_find(reader, AUDIT_INCOMPLETE,
                          "record %" PRIu64 " is part %" PRIu64 " of %" PRIu64 ", and not all of them are here",
                          head->seq, part, count);
    }
    if (is_part ? count < n : n > 1) {
        return trail_find(reader, AUDIT_ALTERED, "record %" PRIu64 " does not belong to the record before it",
                          head->seq);
    }
    return RG_OK;
}

static rg_status read_line(struct trail_reader *reader, struct lines *lines, uint64_t i)
{
    struct audit_trail_report *report = reader->report;
    struct rg_slice line = {0};
    struct audit_head head = {0};
    RG_TRY(trail_read(reader, &line));
    if (!rg_is_ok(audit_line_parse(line, &head))) {
        return trail_find(reader, AUDIT_ALTERED, "this is no record as rowgate writes it");
    }
    RG_TRY(check_part(reader, line, &head, i, lines->count));
    bool follows = i == 1 || (head.seq == lines->head.seq + 1 && rg_slice_is_equal(head.tenant, report->tenant) &&
                              memcmp(&head.prev, &lines->leaf, sizeof lines->leaf) == 0);
    if (!follows) {
        return trail_find(reader, AUDIT_ALTERED,
                          "record %" PRIu64 " does not follow the one before it, or that one was changed", head.seq);
    }
    if (i == 1) {
        RG_TRY(rg_arena_copy(reader->arena, head.tenant, &report->tenant));
        report->first_seq = head.seq;
        report->first_us = head.hlc_us;
    }
    report->last_seq = head.seq;
    report->last_us = head.hlc_us;
    lines->leaf = audit_line_leaf(line);
    lines->head = head;
    return RG_OK;
}

static rg_status read_lines(struct trail_reader *reader, struct rg_slice line, struct lines *lines)
{
    if (!trail_words_parse(line, RG_SLICE("records"), &lines->count, 1) || lines->count == 0) {
        return trail_find(reader, AUDIT_ALTERED, "expected \"records <number>\", at least one");
    }
    for (uint64_t i = 1; i <= lines->count; i++) {
        RG_TRY(read_line(reader, lines, i));
    }
    reader->report->record_count = lines->count;
    return RG_OK;
}

/* The tlog-proof's head and hashes, up to and with the empty line. */
static rg_status read_tlog(struct trail_reader *reader, uint64_t *out_index, struct rg_digest path[TRAIL_PATH_MAX],
                           uint64_t *out_count)
{
    struct rg_slice line = {0};
    uint64_t count = 0;
    RG_TRY(trail_read(reader, &line));
    if (!rg_slice_is_equal(line, RG_SLICE(TLOG_PROOF_FIRST_LINE))) {
        return trail_find(reader, AUDIT_ALTERED, "expected \"%s\"", TLOG_PROOF_FIRST_LINE);
    }
    RG_TRY(trail_read(reader, &line));
    if (!trail_words_parse(line, RG_SLICE("index"), out_index, 1)) {
        return trail_find(reader, AUDIT_ALTERED, "expected \"index <number>\"");
    }
    for (;;) {
        RG_TRY(trail_read(reader, &line));
        if (line.size == 0) {
            *out_count = count;
            return RG_OK;
        }
        if (count == TRAIL_PATH_MAX || !trail_hash_parse(line, &path[count])) {
            return trail_find(reader, AUDIT_ALTERED, "not the base64 of a hash, or more than %d of them",
                              (int)TRAIL_PATH_MAX);
        }
        count++;
    }
}

rg_status trail_check_proof(struct trail_reader *reader)
{
    struct lines lines = {0};
    struct rg_slice line = {0};
    struct rg_slice note = {0};
    struct rg_digest *path = NULL;
    uint64_t index = 0;
    uint64_t count = 0;
    RG_TRY(rg_arena_array(reader->arena, TRAIL_PATH_MAX, sizeof *path, (void **)&path));
    RG_TRY(trail_read(reader, &line));
    RG_TRY(trail_read_lists(reader, &line));
    RG_TRY(read_lines(reader, line, &lines));
    RG_TRY(read_tlog(reader, &index, path, &count));
    RG_TRY(trail_read_note(reader, TRAIL_ALL_LINES, &note));
    RG_TRY(trail_take_checkpoint(reader, note));
    RG_TRY(trail_check_signer(reader, NULL));
    if (index != reader->report->last_seq) {
        return trail_find(reader, AUDIT_ALTERED, "the proof is of record %" PRIu64 ", the last line is record %" PRIu64,
                          index, reader->report->last_seq);
    }
    return trail_check_included(reader, index, &lines.leaf, path, count);
}
