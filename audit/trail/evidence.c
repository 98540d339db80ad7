/* SPDX-License-Identifier: Apache-2.0 */
/* The course of an evidence pack: verify and select in one pass, prove the range, write, hash, have the making
 * recorded, name the folder. Nothing is visible under its name before all of that is done. */
#include "audit/trail/evidence.h"

#include <inttypes.h>
#include <stdio.h>

#include "audit/keep/order.h"
#include "audit/show.h"
#include "audit/trail/evidence_private.h"
#include "base/rg_memory.h"

const char *evidence_result_name(enum audit_result result)
{
    static const char *const names[AUDIT_RESULT_COUNT] = {
        [AUDIT_UNVERIFIED] = "not verified",
        [AUDIT_INTACT] = "intact",
        [AUDIT_ALTERED] = "altered",
        [AUDIT_TRUNCATED] = "truncated or rolled back",
        [AUDIT_FORKED] = "forked",
        [AUDIT_INCOMPLETE] = "incomplete",
        [AUDIT_STALE] = "intact, but its newest checkpoint is too old",
    };
    return names[result];
}

/* ---- verify and select ---- */

static rg_status run(struct evidence_pack *pack)
{
    const struct audit_watch watch = evidence_select_watch(&pack->select);
    const struct audit_verify_options options = {.directory = pack->options->directory,
                                                 .root = pack->options->root,
                                                 .threads = pack->options->threads,
                                                 .on_progress = pack->options->on_progress,
                                                 .context = pack->options->context,
                                                 .watch = &watch};
    return audit_verify_with(&options, pack->arena, &pack->report);
}

/* A log with findings is read once more, up to the last record that is good from the first one on. */
static rg_status verify_and_select(struct evidence_pack *pack)
{
    RG_TRY(run(pack));
    if (pack->report.result == AUDIT_INTACT) {
        return pack->select.total.unreadable == 0
                   ? RG_OK
                   : rg_fail(RG_STORAGE, "%" PRIu64 " records are not JSON that says one thing",
                             pack->select.total.unreadable);
    }
    if (!pack->options->is_despite_findings) {
        const struct audit_finding *finding = pack->report.finding_count == 0 ? NULL : pack->report.findings;
        return rg_fail(RG_DENIED, "the log does not verify, it is %s: record %" PRIu64 ": %.*s",
                       evidence_result_name(pack->report.result), finding == NULL ? 0 : finding->seq,
                       finding == NULL ? 0 : rg_slice_shown(finding->reason),
                       finding == NULL ? "" : finding->reason.data);
    }
    uint64_t limit = pack->report.record_count;
    for (size_t i = 0; i < pack->report.finding_count; i++) {
        const struct audit_finding *finding = &pack->report.findings[i];
        limit = finding->line > 0 && finding->seq < limit ? finding->seq : limit;
    }
    pack->select.limit_seq = limit;
    pack->select.is_limit_set = true;
    return run(pack);
}

/* ---- the range in the tree ---- */

static rg_status root_at(const struct audit_tree_source *source, uint64_t size, struct rg_digest *out_root)
{
    struct audit_tree tree = {0};
    for (unsigned level = AUDIT_TREE_LEVELS; level-- > 0;) {
        struct rg_digest node;
        if ((size >> level & 1) != 0) {
            RG_TRY(source->get(source->context, level, tree.size >> level, &node));
            audit_tree_append_node(&tree, level, &node);
        }
    }
    *out_root = audit_tree_root(&tree);
    return RG_OK;
}

/* The root at this size, and that it is of the same log as the checkpoint. */
static rg_status prove_root(const struct evidence_pack *pack, const struct audit_tree_source *source, uint64_t size,
                            struct evidence_root *out_root)
{
    struct evidence_root root = {.size = size, .is_known = true};
    RG_TRY(root_at(source, size, &root.hash));
    if (size > 0) {
        RG_TRY(audit_tree_prove_consistency(source, size, pack->checkpoint_size, pack->arena, &root.proof,
                                            &root.proof_count));
    }
    if (size > 0 && !audit_tree_check_consistency(size, pack->checkpoint_size, root.proof, root.proof_count, &root.hash,
                                                  &pack->checkpoint_root)) {
        return rg_fail(RG_STORAGE, "the tiles are not those that were signed: `rowgate audit verify` tells more");
    }
    *out_root = root;
    return RG_OK;
}

static rg_status prove_range_of(struct evidence_pack *pack, const struct trail_log *log)
{
    const struct evidence_found *found = &pack->select.total;
    const struct audit_tree_source source = {.get = trail_tiles_get, .context = log->tiles};
    pack->checkpoint = log->checkpoint.bytes;
    pack->checkpoint_size = log->checkpoint.size;
    pack->checkpoint_root = log->checkpoint.root;
    pack->has_checkpoint = true;
    if (found->records == 0 || found->last_seq >= pack->checkpoint_size) {
        return RG_OK;
    }
    RG_TRY(prove_root(pack, &source, found->first_seq, &pack->before));
    return prove_root(pack, &source, found->last_seq + 1, &pack->after);
}

static rg_status prove_range(struct evidence_pack *pack)
{
    struct trail_log log;
    rg_status status = trail_log_open(pack->options->directory, TRAIL_NEED_KEYS, pack->arena, &log);
    if (rg_is_ok(status)) {
        status = prove_range_of(pack, &log);
    }
    trail_log_done(&log);
    return pack->report.result == AUDIT_INTACT ? status : RG_OK; /* otherwise: what could be had */
}

/* ---- the files ---- */

static rg_status write_transcript(struct evidence_pack *pack)
{
    RG_AUTO(rg_buf_done) struct rg_buf out;
    rg_buf_init(&out, 16 << 20);
    RG_TRY(audit_report_print(&pack->report, false, &out));
    RG_TRY(evidence_folder_put(&pack->folder, "verify.txt", rg_buf_slice(&out)));
    rg_buf_clear(&out);
    RG_TRY(audit_report_print(&pack->report, true, &out));
    return evidence_folder_put(&pack->folder, "verify.json", rg_buf_slice(&out));
}

static void sort_tables(struct evidence_found *found)
{
    for (size_t i = 0; i < EVIDENCE_TABLE_COUNT; i++) {
        evidence_tally_sort(&found->tables[i], evidence_tables[i].is_days);
    }
}

static rg_status write_criteria(struct evidence_pack *pack)
{
    bool is_all = (pack->select.criteria & (pack->select.criteria - 1)) != 0;
    for (size_t i = 0; i < evidence_criterion_count; i++) {
        char directory[16] = "";
        if ((pack->select.criteria & 1U << i) == 0) {
            continue;
        }
        (void)snprintf(directory, sizeof directory, "%s%s", is_all ? evidence_criteria[i].id : "", is_all ? "/" : "");
        RG_TRY(
            evidence_population_finish(&pack->select.populations[i], &pack->folder, directory, pack->populations[i]));
        RG_TRY(evidence_summary_write(pack, i, directory));
    }
    return is_all ? evidence_index_write(pack) : RG_OK;
}

static rg_status write_files(struct evidence_pack *pack)
{
    sort_tables(&pack->select.total);
    RG_TRY(write_criteria(pack));
    RG_TRY(write_transcript(pack));
    RG_TRY(evidence_policies_write(pack));
    if (pack->has_checkpoint) {
        RG_TRY(evidence_folder_put(&pack->folder, "checkpoint.note", pack->checkpoint));
    }
    return evidence_sums_write(pack);
}

/* ---- its own record ---- */

/* The record holds the folder's digest: the log itself then says what the pack was. A copy of a log cannot take it. */
static rg_status record_making(struct evidence_pack *pack)
{
    struct audit_order_reply reply = {0};
    struct rg_slice object;
    if (pack->options->is_unrecorded) {
        pack->not_recorded = RG_SLICE("it was asked for without a record");
        return RG_OK;
    }
    RG_TRY(rg_arena_printf(pack->arena, &object, "evidence %.*s sha256:%s", rg_slice_shown(pack->options->criterion),
                           pack->options->criterion.data, pack->digest));
    const struct audit_order order = {.kind = AUDIT_ORDER_EXPORTED,
                                      .object = object,
                                      .tenant = pack->options->tenant,
                                      .first_seq = pack->select.total.first_seq,
                                      .last_seq = pack->select.total.last_seq};
    rg_status status = audit_order(pack->options->directory, &order, pack->arena, &reply);
    if (rg_is_ok(status)) {
        pack->recorded_seq = reply.seq;
        return RG_OK;
    }
    return rg_arena_copy(pack->arena, rg_slice_of(status.error->text), &pack->not_recorded);
}

/* ---- all of it ---- */

static void fill_made(const struct evidence_pack *pack, struct audit_evidence_made *out_made)
{
    *out_made = (struct audit_evidence_made){.result = pack->report.result,
                                             .record_count = pack->select.total.records,
                                             .first_seq = pack->select.total.first_seq,
                                             .last_seq = pack->select.total.last_seq,
                                             .recorded_seq = pack->recorded_seq,
                                             .not_recorded = pack->not_recorded};
    for (size_t i = 0; i < evidence_criterion_count; i++) {
        out_made->population_count += pack->select.populations[i].records;
    }
    memcpy(out_made->digest, pack->digest, sizeof out_made->digest);
}

static rg_status make(struct evidence_pack *pack)
{
    RG_TRY(verify_and_select(pack));
    RG_TRY(prove_range(pack));
    RG_TRY(write_files(pack));
    RG_TRY(record_making(pack));
    RG_TRY(evidence_manifest_write(pack));
    return evidence_folder_finish(&pack->folder);
}

static rg_status make_with(struct evidence_pack *pack, struct audit_evidence_made *out_made)
{
    pack->folder.fd = -1;
    if (pack->options->tenant.size > 0) {
        RG_TRY(audit_show_escape(pack->options->tenant, pack->arena, &pack->select.tenant));
    }
    RG_TRY(evidence_folder_open(pack->options->folder, &pack->folder));
    evidence_select_init(&pack->select);
    rg_status status = make(pack);
    if (rg_is_ok(status)) {
        fill_made(pack, out_made);
    }
    evidence_select_done(&pack->select);
    evidence_folder_done(&pack->folder);
    return status;
}

rg_status audit_evidence_make(const struct audit_evidence_options *options, struct rg_arena *arena,
                              struct audit_evidence_made *out_made)
{
    unsigned criteria = evidence_criteria_find(options->criterion);
    if (criteria == 0) {
        return rg_fail(RG_CONFIG, "no criterion is called %.*s", rg_slice_shown(options->criterion),
                       options->criterion.data);
    }
    if (options->from_us >= options->until_us) {
        return rg_fail(RG_CONFIG, "the period ends before it begins");
    }
    struct evidence_pack *pack = rg_memory_alloc(sizeof *pack); /* much for a frame */
    pack->options = options;
    pack->arena = arena;
    pack->select.options = options;
    pack->select.folder = &pack->folder;
    pack->select.criteria = criteria;
    rg_status status = make_with(pack, out_made);
    rg_memory_free(pack);
    return status;
}
