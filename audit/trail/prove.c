/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the proof of one record: its lines, and a C2SP tlog-proof of the last of them. Each line holds the hash of the
 * one before it, so the last one's place in the tree proves all. */
#include <inttypes.h>

#include "audit/trail/trail_private.h"
#include "audit/walk.h"

struct prover {
    const struct audit_proof_options *options;
    struct trail_log log;
    uint64_t first_seq;
    uint64_t count;
    struct rg_digest leaf; /* of the last line */
};

/* Where the record begins that `seq` belongs to, and how many lines it has. */
static rg_status find_record(struct prover *prover)
{
    struct rg_slice line = {0};
    struct audit_head head = {0};
    uint64_t part = 1;
    uint64_t count = 1;
    uint64_t seq = prover->options->seq;
    uint64_t size = prover->log.checkpoint.size;
    if (seq >= size) {
        return rg_fail(RG_CONFIG, "no checkpoint covers record %" PRIu64 ": the newest covers those below %" PRIu64,
                       seq, size);
    }
    RG_TRY(trail_log_line(&prover->log, seq, &line));
    RG_TRY(audit_line_parse(line, &head));
    if (!audit_walk_part(line, &head, &part, &count)) {
        part = 1;
        count = 1;
    }
    if (part - 1 > seq || count > size || seq - (part - 1) > size - count) {
        return rg_fail(RG_CONFIG, "record %" PRIu64 " goes on behind the newest checkpoint", seq);
    }
    prover->first_seq = seq - (part - 1);
    prover->count = count;
    return RG_OK;
}

static rg_status write_lines(struct prover *prover, struct trail_writer *writer)
{
    RG_AUTO(trail_scan_done) struct trail_scan scan = {.fd = -1};
    struct rg_slice line = {0};
    struct audit_head head = {0};
    trail_scan_init(&scan, &prover->log);
    RG_TRY(trail_scan_seek(&scan, prover->first_seq));
    RG_TRY(trail_write(writer, "records %" PRIu64 "\n", prover->count));
    for (uint64_t i = 1; i <= prover->count; i++) {
        uint64_t part = 1;
        uint64_t count = 1;
        RG_TRY(trail_scan_next(&scan, &line, &head));
        bool is_part = audit_walk_part(line, &head, &part, &count);
        if (prover->count > 1 && (!is_part || part != i || count != prover->count)) {
            return rg_fail(RG_STORAGE, "record %" PRIu64 " is no continuation record where one must be", head.seq);
        }
        RG_TRY(trail_write_line(writer, line));
        prover->leaf = audit_line_leaf(line);
    }
    return RG_OK;
}

static rg_status write_proof(struct prover *prover, struct trail_writer *writer)
{
    struct trail_path path = {0};
    uint64_t last = 0;
    RG_TRY(find_record(prover));
    last = prover->first_seq + prover->count - 1;
    RG_TRY(trail_write(writer, "%s\n", PROOF_FIRST_LINE));
    if (prover->options->has_keys) {
        RG_TRY(trail_write_lists(writer, &prover->log));
    }
    RG_TRY(write_lines(prover, writer));
    RG_TRY(trail_log_prove(&prover->log, last, &prover->leaf, &path));
    RG_TRY(trail_write(writer, "%s\nindex %" PRIu64 "\n", TLOG_PROOF_FIRST_LINE, last));
    RG_TRY(trail_write_path(writer, &path));
    RG_TRY(trail_write(writer, "\n"));
    struct rg_slice note = prover->log.checkpoint.bytes;
    RG_TRY(trail_write_line(writer, rg_slice_cut(note, 0, note.size - 1)));
    return trail_write_end(writer);
}

rg_status audit_proof_export(const struct audit_proof_options *options, const struct audit_trail_sink *sink,
                             struct rg_arena *arena, struct audit_trail_made *out_made)
{
    RG_AUTO(trail_writer_done) struct trail_writer writer;
    struct prover *prover = NULL;
    RG_TRY(rg_arena_new(arena, &prover));
    trail_writer_init(&writer, sink);
    prover->options = options;
    enum trail_need need = options->has_keys ? TRAIL_NEED_KEYS : TRAIL_NEED_CHECKPOINT;
    rg_status status = trail_log_open(options->directory, need, arena, &prover->log);
    if (rg_is_ok(status)) {
        status = write_proof(prover, &writer);
    }
    if (rg_is_ok(status)) {
        *out_made = (struct audit_trail_made){.record_count = prover->count,
                                              .first_seq = prover->first_seq,
                                              .last_seq = prover->first_seq + prover->count - 1,
                                              .checkpoint_size = prover->log.checkpoint.size,
                                              .bytes = writer.bytes};
    }
    trail_log_done(&prover->log);
    return status;
}
