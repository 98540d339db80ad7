/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a tenant's trail. Three readings: where in the log the asked time begins and ends, by its log.checkpoint
 * records; all of it up to there, for every tenant's head at both ends (the tree of heads needs each one's hash, and
 * hashes are all that leaves); then the tenant's own lines. */
#include <inttypes.h>

#include "audit/keep/base.h"
#include "audit/show.h"
#include "audit/trail/trail_private.h"

/* What a log.checkpoint record proves about the tenant. */
struct mark {
    struct rg_slice line; /* in the arena */
    struct trail_state state;
    struct trail_path included;
    size_t place; /* of the tenant among the heads */
    uint64_t count;
    struct rg_digest hash;
    struct trail_path path;
};

struct maker {
    const struct audit_trail_options *options;
    struct rg_arena *arena;
    struct trail_log log;
    struct rg_slice tenant; /* as it stands in the lines */
    struct rg_digest salt;  /* the tenant's among the heads */
    bool has_begin;
    struct mark begin;
    struct mark end;
    struct mark top;
    struct audit_heads heads;
    bool has_first;
    uint64_t first_seq; /* of the tenant's records behind begin */
    uint64_t first_tseq;
    uint64_t last_seq;
};

static void maker_done(struct maker *maker)
{
    trail_log_done(&maker->log);
    audit_heads_done(&maker->heads);
}

/* ---- which log.checkpoint records ---- */

static rg_status take_mark(struct maker *maker, struct rg_slice line, struct mark *out_mark)
{
    struct mark mark = {0};
    RG_TRY(rg_arena_copy(maker->arena, line, &mark.line));
    RG_TRY(trail_state_parse(mark.line, &mark.state));
    *out_mark = mark;
    return RG_OK;
}

static rg_status first_time(const struct maker *maker, size_t segment, int64_t *out_us)
{
    RG_AUTO(trail_scan_done) struct trail_scan scan = {.fd = -1};
    struct rg_slice line = {0};
    struct audit_head head = {0};
    trail_scan_init(&scan, &maker->log);
    RG_TRY(trail_scan_seek(&scan, maker->log.segments.first_seqs[segment]));
    RG_TRY(trail_scan_next(&scan, &line, &head));
    *out_us = head.hlc_us;
    return RG_OK;
}

/* The last segment that begins at or before a time and below the newest checkpoint; 0 when all begin later. */
static rg_status find_segment(const struct maker *maker, int64_t us, size_t *out_segment)
{
    const struct audit_segments *segments = &maker->log.segments;
    size_t segment = segments->count;
    while (segment > 0) {
        int64_t first_us = INT64_MAX;
        segment--;
        if (segments->first_seqs[segment] > maker->top.state.head.seq) {
            continue;
        }
        RG_TRY(first_time(maker, segment, &first_us));
        if (first_us <= us) {
            break;
        }
    }
    *out_segment = segment;
    return RG_OK;
}

/* Among the records from a segment's first to `last`: the last log.checkpoint at or before since. */
static rg_status find_begin_in(struct maker *maker, size_t segment, uint64_t last)
{
    RG_AUTO(trail_scan_done) struct trail_scan scan = {.fd = -1};
    struct rg_slice line = {0};
    struct audit_head head = {0};
    uint64_t found = UINT64_MAX;
    trail_scan_init(&scan, &maker->log);
    RG_TRY(trail_scan_seek(&scan, maker->log.segments.first_seqs[segment]));
    while (scan.next_seq <= last) {
        RG_TRY(trail_scan_next(&scan, &line, &head));
        if (head.hlc_us > maker->options->since_us) {
            break;
        }
        found = trail_is_state(line, &head) ? head.seq : found;
    }
    if (found != UINT64_MAX) {
        RG_TRY(trail_log_line(&maker->log, found, &line));
        RG_TRY(take_mark(maker, line, &maker->begin));
        maker->has_begin = true;
    }
    return RG_OK;
}

static rg_status find_begin(struct maker *maker)
{
    size_t segment = 0;
    uint64_t last = maker->top.state.head.seq;
    if (maker->options->since_us == INT64_MIN) {
        return RG_OK;
    }
    RG_TRY(find_segment(maker, maker->options->since_us, &segment));
    for (;;) {
        RG_TRY(find_begin_in(maker, segment, last));
        if (maker->has_begin || segment == 0) {
            return RG_OK;
        }
        last = maker->log.segments.first_seqs[segment] - 1;
        segment--;
    }
}

/* The first log.checkpoint at or behind until; the newest one when there is none. */
static rg_status find_end(struct maker *maker)
{
    RG_AUTO(trail_scan_done) struct trail_scan scan = {.fd = -1};
    struct rg_slice line = {0};
    struct audit_head head = {0};
    size_t segment = 0;
    trail_scan_init(&scan, &maker->log);
    maker->end = maker->top;
    if (maker->options->until_us > maker->top.state.head.hlc_us) {
        return RG_OK;
    }
    RG_TRY(find_segment(maker, maker->options->until_us, &segment));
    RG_TRY(trail_scan_seek(&scan, maker->log.segments.first_seqs[segment]));
    while (scan.next_seq < maker->top.state.head.seq) {
        RG_TRY(trail_scan_next(&scan, &line, &head));
        if (head.hlc_us >= maker->options->until_us && trail_is_state(line, &head)) {
            return take_mark(maker, line, &maker->end);
        }
    }
    return RG_OK;
}

static rg_status find_marks(struct maker *maker)
{
    RG_TRY(take_mark(maker, maker->log.top, &maker->top));
    RG_TRY(find_begin(maker));
    RG_TRY(find_end(maker));
    if (maker->has_begin && maker->begin.state.head.seq >= maker->end.state.head.seq) {
        return rg_fail(RG_CONFIG, "no checkpoint tells of a time behind --since: the newest is record %" PRIu64,
                       maker->top.state.head.seq);
    }
    return RG_OK;
}

/* ---- the heads ---- */

struct leaves {
    const struct rg_digest *items;
    size_t count;
};

static rg_status get_leaf(void *context, unsigned level, uint64_t index, struct rg_digest *out_hash)
{
    const struct leaves *leaves = context;
    size_t first = (size_t)(index << level);
    RG_ASSERT(first + ((size_t)1 << level) <= leaves->count);
    *out_hash = audit_tree_root_of(leaves->items + first, (size_t)1 << level);
    return RG_OK;
}

/* The tenant's place, count and head in the mark, and its path. *out_is_there false: it has no record so far. */
static rg_status fill_mark(struct maker *maker, struct mark *mark, bool *out_is_there)
{
    struct rg_digest *items = NULL;
    struct leaves leaves = {0};
    RG_TRY(audit_heads_leaves(&maker->heads, maker->tenant, maker->arena, &items, &leaves.count, &mark->place));
    leaves.items = items;
    struct rg_digest root = audit_tree_root_of(leaves.items, leaves.count);
    if (leaves.count != mark->state.tenants || memcmp(root.bytes, mark->state.heads_root.bytes, sizeof root) != 0) {
        return rg_fail(RG_STORAGE,
                       "the tenants' heads at record %" PRIu64 " are not those that it states: the log is damaged, or "
                       "its beginning was pruned",
                       mark->state.head.seq);
    }
    *out_is_there = mark->place < leaves.count;
    if (*out_is_there) {
        const struct audit_tenant_head *head = audit_heads_find(&maker->heads, maker->tenant);
        const struct audit_tree_source source = {.get = get_leaf, .context = &leaves};
        maker->salt = head->salt;
        mark->count = head->next_tseq;
        mark->hash = head->leaf;
        RG_TRY(audit_tree_prove_inclusion(&source, mark->place, leaves.count, maker->arena, &mark->path.hashes,
                                          &mark->path.count));
    }
    struct rg_digest leaf = audit_line_leaf(mark->line);
    return trail_log_prove(&maker->log, mark->state.head.seq, &leaf, &mark->included);
}

static rg_status add_record(struct maker *maker, struct rg_slice line, const struct audit_head *head)
{
    struct audit_tenant_head *tenant = NULL;
    if (head->tenant.size == 0) {
        return RG_OK;
    }
    RG_TRY(audit_heads_get(&maker->heads, head->tenant, &maker->log.genesis, &tenant));
    if (head->tseq == 0) {
        const struct rg_digest salt = audit_heads_salt(line);
        audit_heads_begin(&maker->heads, tenant, &maker->log.genesis, &salt);
    }
    tenant->next_tseq = head->tseq + 1;
    tenant->leaf = audit_line_leaf(line);
    bool is_behind = !maker->has_begin || head->seq > maker->begin.state.head.seq;
    if (is_behind && rg_slice_is_equal(head->tenant, maker->tenant)) {
        maker->first_seq = maker->has_first ? maker->first_seq : head->seq;
        maker->first_tseq = maker->has_first ? maker->first_tseq : head->tseq;
        maker->has_first = true;
        maker->last_seq = head->seq;
    }
    return RG_OK;
}

/* Where the tenants stood when the records before the first segment were pruned. Not believed: the heads' root that the
 * next log.checkpoint record states must come out of it. Without it no tenant's salt is known that began before. */
static rg_status take_pruned_heads(struct maker *maker)
{
    struct audit_base *base = NULL;
    uint64_t size = maker->log.segments.first_seqs[0];
    if (size == 0) {
        return RG_OK;
    }
    RG_TRY(rg_arena_new(maker->arena, &base));
    const struct rg_digest keys_root = audit_keys_genesis_root(&maker->log.keys);
    audit_base_init(base, maker->log.keys.origin, &keys_root);
    if (rg_is_ok(audit_base_load(maker->log.directory_fd, size, maker->log.keys.origin, base))) {
        maker->heads = base->chain.tenants;
        base->chain.tenants = (struct audit_heads){0};
    }
    audit_base_done(base);
    return RG_OK;
}

static rg_status gather_heads(struct maker *maker)
{
    RG_AUTO(trail_scan_done) struct trail_scan scan = {.fd = -1};
    struct rg_slice line = {0};
    struct audit_head head = {0};
    bool is_there = false;
    trail_scan_init(&scan, &maker->log);
    RG_TRY(take_pruned_heads(maker));
    RG_TRY(trail_scan_seek(&scan, maker->log.segments.first_seqs[0]));
    while (scan.next_seq <= maker->end.state.head.seq) {
        RG_TRY(trail_scan_next(&scan, &line, &head));
        RG_TRY(add_record(maker, line, &head));
        if (maker->has_begin && head.seq == maker->begin.state.head.seq) {
            RG_TRY(fill_mark(maker, &maker->begin, &is_there));
            maker->has_begin = is_there; /* otherwise the trail goes on from the tenant's very first record */
        }
    }
    RG_TRY(fill_mark(maker, &maker->end, &is_there));
    if (!is_there) {
        return rg_fail(RG_CONFIG,
                       "the tenant has no record up to record %" PRIu64
                       ": it has no place among the tenants that could be shown to be empty",
                       maker->end.state.head.seq);
    }
    if (!maker->has_first && !maker->has_begin) {
        return rg_fail(RG_CONFIG, "all records of the tenant were pruned: ask for a time since then (--since)");
    }
    if (!maker->has_first) {
        maker->first_tseq = maker->end.count;
    }
    return RG_OK;
}

/* ---- the file ---- */

static rg_status write_mark(struct trail_writer *writer, const char *word, const struct mark *mark)
{
    RG_AUTO(rg_buf_done) struct rg_buf hash;
    rg_buf_init(&hash, 256);
    RG_TRY(trail_hash_put(&mark->hash, &hash));
    RG_TRY(trail_write(writer, "%s %zu %zu\n", word, mark->included.count, mark->path.count));
    RG_TRY(trail_write_line(writer, mark->line));
    RG_TRY(trail_write_path(writer, &mark->included));
    RG_TRY(trail_write(writer, "head %zu %" PRIu64 " %.*s\n", mark->place, mark->count,
                       RG_SLICE_ARGS(rg_buf_slice(&hash))));
    return trail_write_path(writer, &mark->path);
}

static rg_status write_start(struct maker *maker, struct trail_writer *writer)
{
    RG_AUTO(rg_buf_done) struct rg_buf salt;
    struct rg_digest leaf = audit_line_leaf(maker->top.line);
    rg_buf_init(&salt, 256);
    RG_TRY(trail_log_prove(&maker->log, maker->top.state.head.seq, &leaf, &maker->top.included));
    RG_TRY(trail_write(writer, "%s\n", TRAIL_FIRST_LINE));
    RG_TRY(trail_write(writer, "origin %.*s\n", RG_SLICE_ARGS(maker->log.keys.origin)));
    RG_TRY(trail_write(writer, "tenant "));
    RG_TRY(trail_write_line(writer, maker->tenant));
    RG_TRY(trail_hash_put(&maker->salt, &salt));
    RG_TRY(trail_write(writer, "salt %.*s\n", RG_SLICE_ARGS(rg_buf_slice(&salt))));
    RG_TRY(trail_write_lists(writer, &maker->log));
    RG_TRY(trail_write_note(writer, "checkpoint", maker->log.checkpoint.bytes));
    RG_TRY(trail_write(writer, "top %zu\n", maker->top.included.count));
    RG_TRY(trail_write_line(writer, maker->top.line));
    RG_TRY(trail_write_path(writer, &maker->top.included));
    if (maker->has_begin) {
        RG_TRY(write_mark(writer, "begin", &maker->begin));
    } else if (maker->first_tseq > 0) { /* the records before were pruned */
        RG_TRY(trail_write(writer, "cut %" PRIu64 "\n", maker->first_tseq));
    }
    return write_mark(writer, "end", &maker->end);
}

/* The tenant's lines from first_seq to last_seq. */
static rg_status write_records(struct maker *maker, struct trail_writer *writer, struct rg_digest *out_first,
                               struct rg_digest *out_last)
{
    RG_AUTO(trail_scan_done) struct trail_scan scan = {.fd = -1};
    struct rg_slice line = {0};
    struct audit_head head = {0};
    uint64_t tseq = maker->first_tseq;
    trail_scan_init(&scan, &maker->log);
    RG_TRY(trail_scan_seek(&scan, maker->first_seq));
    while (scan.next_seq <= maker->last_seq) {
        RG_TRY(trail_scan_next(&scan, &line, &head));
        if (!rg_slice_is_equal(head.tenant, maker->tenant)) {
            continue;
        }
        struct rg_digest leaf = audit_line_leaf(line);
        bool is_first = tseq == maker->first_tseq;
        if (head.tseq != tseq || (!is_first && memcmp(&head.tprev, out_last, sizeof *out_last) != 0)) {
            return rg_fail(RG_STORAGE, "record %" PRIu64 " does not follow its tenant's record before it", head.seq);
        }
        RG_TRY(trail_write_line(writer, line));
        *out_first = is_first ? leaf : *out_first;
        *out_last = leaf;
        tseq++;
    }
    return tseq == maker->end.count ? RG_OK : rg_fail(RG_STORAGE, "the tenant's records are not all there");
}

static rg_status write_all(struct maker *maker, struct trail_writer *writer)
{
    struct rg_digest first = {{0}};
    struct rg_digest last = {{0}};
    struct trail_path path = {0};
    RG_TRY(write_start(maker, writer));
    RG_TRY(trail_write(writer, "records %" PRIu64 "\n", maker->end.count - maker->first_tseq));
    if (maker->has_first) {
        RG_TRY(write_records(maker, writer, &first, &last));
        RG_TRY(trail_log_prove(&maker->log, maker->first_seq, &first, &path));
        RG_TRY(trail_write(writer, "first %zu\n", path.count));
        RG_TRY(trail_write_path(writer, &path));
        RG_TRY(trail_log_prove(&maker->log, maker->last_seq, &last, &path));
        RG_TRY(trail_write(writer, "last %zu\n", path.count));
        RG_TRY(trail_write_path(writer, &path));
    }
    return trail_write_end(writer);
}

rg_status audit_trail_export(const struct audit_trail_options *options, const struct audit_trail_sink *sink,
                             struct rg_arena *arena, struct audit_trail_made *out_made)
{
    struct maker *maker = NULL;
    RG_TRY(rg_arena_new(arena, &maker));
    RG_AUTO(trail_writer_done) struct trail_writer writer;
    trail_writer_init(&writer, sink);
    maker->options = options;
    maker->arena = arena;
    maker->log.directory_fd = -1;
    if (options->since_us >= options->until_us) {
        return rg_fail(RG_CONFIG, "the time asked for ends before it begins");
    }
    rg_status status = audit_show_escape(options->tenant, arena, &maker->tenant);
    if (rg_is_ok(status) && maker->tenant.size == 0) {
        status = rg_fail(RG_CONFIG, "a trail is of one tenant: which?");
    }
    if (rg_is_ok(status)) {
        status = trail_log_open(options->directory, TRAIL_NEED_TOP, arena, &maker->log);
    }
    if (rg_is_ok(status)) {
        status = find_marks(maker);
    }
    if (rg_is_ok(status)) {
        status = gather_heads(maker);
    }
    if (rg_is_ok(status)) {
        status = write_all(maker, &writer);
    }
    if (rg_is_ok(status)) {
        *out_made = (struct audit_trail_made){.record_count = maker->end.count - maker->first_tseq,
                                              .first_seq = maker->first_seq,
                                              .last_seq = maker->last_seq,
                                              .checkpoint_size = maker->log.checkpoint.size,
                                              .bytes = writer.bytes};
    }
    maker_done(maker);
    return status;
}
