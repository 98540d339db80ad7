/* SPDX-License-Identifier: Apache-2.0 */
/* Checks a tenant's trail (docs/audit-trail.md 2). Why this is complete: the signed tree holds the log.checkpoint
 * record `end`; that record holds the root over all tenants' heads; a path in that tree shows this tenant's number of
 * records and the hash of the newest; and from there every record holds the hash of the one before it, down to the
 * first, whose predecessor is the log's beginning or the head that `begin` proves. */
#include <inttypes.h>

#include "audit/trail/trail_private.h"

struct mark {
    struct trail_state state;
    uint64_t count;
    struct rg_digest hash;
};

struct walk {
    struct trail_reader *reader;
    struct rg_slice tenant; /* in the arena */
    struct rg_digest salt;
    struct rg_digest id;
    struct rg_digest path[TRAIL_PATH_MAX];
    struct trail_state top;
    bool has_begin;
    bool is_cut;
    uint64_t cut_tseq;
    struct mark begin;
    struct mark end;
    struct rg_slice line; /* at hand */

    uint64_t next_tseq;
    struct rg_digest prev; /* what the next record's tprev must be */
    struct audit_head first;
    struct audit_head last;
    struct rg_digest first_leaf;
};

static rg_status read_word(struct walk *walk, const char *word, uint64_t *out_numbers, size_t count)
{
    if (!trail_words_parse(walk->line, rg_slice_of(word), out_numbers, count)) {
        return trail_find(walk->reader, AUDIT_ALTERED, "expected \"%s\" and %zu number%s", word, count,
                          count == 1 ? "" : "s");
    }
    return RG_OK;
}

/* ---- the start ---- */

static rg_status read_named(struct walk *walk, struct rg_slice word, size_t limit, struct rg_slice *out_text)
{
    struct rg_slice line = {0};
    RG_TRY(trail_read(walk->reader, &line));
    struct rg_slice text = rg_slice_cut(line, word.size, SIZE_MAX);
    bool is_good = rg_slice_has_prefix(line, word) && text.size > 0 && text.size <= limit;
    for (size_t i = 0; i < text.size && is_good; i++) {
        is_good = text.data[i] >= ' ' && text.data[i] <= '~';
    }
    if (!is_good) {
        return trail_find(walk->reader, AUDIT_ALTERED, "expected \"%.*s\" and a text of printable ASCII",
                          RG_SLICE_ARGS(word));
    }
    return rg_arena_copy(walk->reader->arena, text, out_text);
}

/* The tree of heads binds it to the tenant; its first record, where that is here, says the same. */
static rg_status read_salt(struct walk *walk)
{
    struct rg_slice line = {0};
    const struct rg_slice word = RG_SLICE("salt ");
    RG_TRY(trail_read(walk->reader, &line));
    if (!rg_slice_has_prefix(line, word) || !trail_hash_parse(rg_slice_cut(line, word.size, SIZE_MAX), &walk->salt)) {
        return trail_find(walk->reader, AUDIT_ALTERED, "expected \"salt <hash>\"");
    }
    return RG_OK;
}

/* An origin may hold any letters: it is compared with that of the keys, which is checked. */
static rg_status read_names(struct walk *walk)
{
    struct rg_slice line = {0};
    struct rg_slice origin = {0};
    const struct rg_slice word = RG_SLICE("origin ");
    RG_TRY(trail_read(walk->reader, &line));
    if (!rg_slice_has_prefix(line, word)) {
        return trail_find(walk->reader, AUDIT_ALTERED, "expected \"origin\"");
    }
    RG_TRY(rg_arena_copy(walk->reader->arena, rg_slice_cut(line, word.size, SIZE_MAX), &origin));
    RG_TRY(read_named(walk, RG_SLICE("tenant "), AUDIT_TENANT_MAX, &walk->tenant));
    RG_TRY(read_salt(walk));
    RG_TRY(trail_read(walk->reader, &walk->line));
    RG_TRY(trail_read_lists(walk->reader, &walk->line));
    if (!rg_slice_is_equal(origin, walk->reader->keys.origin)) {
        return trail_find(walk->reader, AUDIT_ALTERED, "the keys are those of another log than the trail's");
    }
    walk->id = audit_heads_id(&walk->reader->genesis, &walk->salt, walk->tenant);
    walk->reader->report->tenant = walk->tenant;
    return RG_OK;
}

static rg_status read_state(struct walk *walk, uint64_t hashes, struct trail_state *out_state)
{
    struct rg_slice line = {0};
    struct trail_state state = {0};
    RG_TRY(trail_read(walk->reader, &line));
    if (!rg_is_ok(trail_state_parse(line, &state))) {
        return trail_find(walk->reader, AUDIT_ALTERED, "this is no log.checkpoint record");
    }
    struct rg_digest leaf = audit_line_leaf(line);
    RG_TRY(trail_read_path(walk->reader, hashes, walk->path));
    RG_TRY(trail_check_included(walk->reader, state.head.seq, &leaf, walk->path, hashes));
    *out_state = state;
    return RG_OK;
}

/* The checkpoint, and the log.checkpoint record right before it, which says whose key must have signed. */
static rg_status read_checkpoint(struct walk *walk)
{
    struct trail_reader *reader = walk->reader;
    struct rg_slice note = {0};
    uint64_t lines = 0;
    uint64_t hashes = 0;
    RG_TRY(read_word(walk, "checkpoint", &lines, 1));
    RG_TRY(trail_read_note(reader, lines, &note));
    RG_TRY(trail_take_checkpoint(reader, note));
    RG_TRY(trail_read(reader, &walk->line));
    RG_TRY(read_word(walk, "top", &hashes, 1));
    RG_TRY(read_state(walk, hashes, &walk->top));
    if (reader->checkpoint.size - walk->top.head.seq > 2) {
        return trail_find(reader, AUDIT_ALTERED, "this is not the log.checkpoint record that the checkpoint ends with");
    }
    RG_TRY(trail_check_signer(reader, &walk->top.epoch));
    reader->report->checkpoint_us = walk->top.head.hlc_us;
    return trail_read(reader, &walk->line);
}

/* ---- begin and end ---- */

static rg_status read_head(struct walk *walk, uint64_t hashes, struct mark *mark)
{
    uint64_t place = 0;
    struct rg_slice line = {0};
    RG_TRY(trail_read(walk->reader, &line));
    const char *space = line.size == 0 ? NULL : memrchr(line.data, ' ', line.size);
    size_t size = space == NULL ? line.size : (size_t)(space - line.data);
    uint64_t numbers[2] = {0};
    if (!trail_words_parse(rg_slice_cut(line, 0, size), RG_SLICE("head"), numbers, 2) ||
        !trail_hash_parse(rg_slice_cut(line, size + 1, SIZE_MAX), &mark->hash) || numbers[1] == 0) {
        return trail_find(walk->reader, AUDIT_ALTERED, "expected \"head <place> <records> <hash>\"");
    }
    place = numbers[0];
    mark->count = numbers[1];
    RG_TRY(trail_read_path(walk->reader, hashes, walk->path));
    struct rg_digest leaf = trail_head_leaf(&walk->id, mark->count, &mark->hash);
    if (!audit_tree_check_inclusion(&leaf, place, mark->state.tenants, walk->path, (size_t)hashes,
                                    &mark->state.heads_root)) {
        return trail_find(walk->reader, AUDIT_ALTERED,
                          "the head is not that of this tenant at record %" PRIu64 ", or was changed",
                          mark->state.head.seq);
    }
    return RG_OK;
}

static rg_status read_mark(struct walk *walk, const char *word, struct mark *out_mark)
{
    uint64_t hashes[2] = {0};
    RG_TRY(read_word(walk, word, hashes, 2));
    RG_TRY(read_state(walk, hashes[0], &out_mark->state));
    RG_TRY(read_head(walk, hashes[1], out_mark));
    return trail_read(walk->reader, &walk->line);
}

static rg_status read_marks(struct walk *walk)
{
    struct audit_trail_report *report = walk->reader->report;
    walk->has_begin = rg_slice_has_prefix(walk->line, RG_SLICE("begin "));
    walk->is_cut = rg_slice_has_prefix(walk->line, RG_SLICE("cut "));
    if (walk->has_begin) {
        RG_TRY(read_mark(walk, "begin", &walk->begin));
    }
    if (walk->is_cut) {
        RG_TRY(read_word(walk, "cut", &walk->cut_tseq, 1));
        RG_TRY(trail_read(walk->reader, &walk->line));
    }
    RG_TRY(read_mark(walk, "end", &walk->end));
    uint64_t end_seq = walk->end.state.head.seq;
    bool is_ordered = end_seq <= walk->top.head.seq && (!walk->has_begin || walk->begin.state.head.seq < end_seq) &&
                      (!walk->is_cut || walk->cut_tseq > 0);
    if (!is_ordered) {
        return trail_find(walk->reader, AUDIT_ALTERED, "\"begin\", \"cut\", \"end\" and \"top\" are not in order");
    }
    report->has_begin = walk->has_begin;
    report->begin_seq = walk->has_begin ? walk->begin.state.head.seq : 0;
    report->begin_us = walk->has_begin ? walk->begin.state.head.hlc_us : 0;
    report->end_seq = end_seq;
    report->end_us = walk->end.state.head.hlc_us;
    walk->next_tseq = walk->has_begin ? walk->begin.count : walk->cut_tseq;
    walk->prev = walk->has_begin ? walk->begin.hash : walk->reader->genesis;
    report->first_tseq = walk->next_tseq;
    return RG_OK;
}

/* ---- records ---- */

static rg_status check_place(struct walk *walk, const struct audit_head *head, bool is_first)
{
    struct trail_reader *reader = walk->reader;
    if (!rg_slice_is_equal(head->tenant, walk->tenant)) {
        return trail_find(reader, AUDIT_ALTERED, "record %" PRIu64 " is not of this tenant", head->seq);
    }
    if (head->tseq > walk->next_tseq) {
        return trail_find(reader, AUDIT_INCOMPLETE,
                          "the tenant's record %" PRIu64 " is missing: the next one here is its record %" PRIu64,
                          walk->next_tseq, head->tseq);
    }
    bool is_linked = (is_first && walk->is_cut) || memcmp(&head->tprev, &walk->prev, sizeof walk->prev) == 0;
    if (head->tseq < walk->next_tseq || !is_linked) {
        return trail_find(reader, AUDIT_ALTERED,
                          "record %" PRIu64 " does not follow the one before it, or that one was changed", head->seq);
    }
    bool is_behind = is_first ? !walk->has_begin || (head->seq > walk->begin.state.head.seq &&
                                                     head->hlc_us > walk->begin.state.head.hlc_us)
                              : head->seq > walk->last.seq && head->hlc_us > walk->last.hlc_us;
    if (!is_behind) {
        return trail_find(reader, AUDIT_ALTERED, "record %" PRIu64 " is older than what stands before it", head->seq);
    }
    return RG_OK;
}

static rg_status read_record(struct walk *walk, bool is_first)
{
    struct audit_head head = {0};
    RG_TRY(trail_read(walk->reader, &walk->line));
    if (!rg_is_ok(audit_line_parse(walk->line, &head))) {
        return trail_find(walk->reader, AUDIT_ALTERED, "this is no record as rowgate writes it");
    }
    RG_TRY(check_place(walk, &head, is_first));
    const struct rg_digest salt = head.tseq == 0 ? audit_heads_salt(walk->line) : walk->salt;
    if (memcmp(&salt, &walk->salt, sizeof salt) != 0) {
        return trail_find(walk->reader, AUDIT_ALTERED, "the salt is not that of the tenant's first record");
    }
    walk->prev = audit_line_leaf(walk->line);
    walk->next_tseq++;
    if (is_first) {
        walk->first = head;
        walk->first_leaf = walk->prev;
    }
    walk->last = head;
    return RG_OK;
}

/* The last record is the newest of the tenant at `end`. */
static rg_status check_end(struct walk *walk, uint64_t count)
{
    struct trail_reader *reader = walk->reader;
    const struct mark *end = &walk->end;
    if (walk->next_tseq < end->count) {
        return trail_find(reader, AUDIT_TRUNCATED,
                          "the tenant had %" PRIu64 " records by then, the trail ends behind its record %" PRIu64
                          ": the newest are missing",
                          end->count, walk->next_tseq);
    }
    bool is_known = count > 0 || walk->has_begin;
    if (walk->next_tseq > end->count || !is_known || memcmp(&walk->prev, &end->hash, sizeof walk->prev) != 0) {
        return trail_find(reader, AUDIT_ALTERED, "the last record is not the newest of the tenant by then");
    }
    bool is_before = count == 0 || (walk->last.seq < end->state.head.seq && walk->last.hlc_us < end->state.head.hlc_us);
    return is_before ? RG_OK : trail_find(reader, AUDIT_ALTERED, "the last record is newer than \"end\"");
}

static rg_status read_records(struct walk *walk, uint64_t *out_count)
{
    struct audit_trail_report *report = walk->reader->report;
    uint64_t count = 0;
    RG_TRY(read_word(walk, "records", &count, 1));
    for (uint64_t i = 0; i < count; i++) {
        RG_TRY(read_record(walk, i == 0));
    }
    RG_TRY(check_end(walk, count));
    report->record_count = count;
    report->first_seq = walk->first.seq;
    report->last_seq = walk->last.seq;
    report->first_us = walk->first.hlc_us;
    report->last_us = walk->last.hlc_us;
    *out_count = count;
    return RG_OK;
}

static rg_status read_inclusion(struct walk *walk, const char *word, uint64_t seq, const struct rg_digest *leaf)
{
    uint64_t hashes = 0;
    RG_TRY(trail_read(walk->reader, &walk->line));
    RG_TRY(read_word(walk, word, &hashes, 1));
    RG_TRY(trail_read_path(walk->reader, hashes, walk->path));
    return trail_check_included(walk->reader, seq, leaf, walk->path, hashes);
}

rg_status trail_check_trail(struct trail_reader *reader)
{
    struct walk *walk = NULL;
    uint64_t count = 0;
    RG_TRY(rg_arena_new(reader->arena, &walk));
    walk->reader = reader;
    RG_TRY(read_names(walk));
    RG_TRY(read_checkpoint(walk));
    RG_TRY(read_marks(walk));
    RG_TRY(read_records(walk, &count));
    if (count > 0) {
        RG_TRY(read_inclusion(walk, "first", walk->first.seq, &walk->first_leaf));
        RG_TRY(read_inclusion(walk, "last", walk->last.seq, &walk->prev));
    }
    return trail_read_end(reader);
}
