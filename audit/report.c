/* SPDX-License-Identifier: Apache-2.0 */
/* What verify found, in words: findings, what happened to the log, and a last paragraph that says what is proven, by
 * whom, up to where, and what is not. As JSON in report_json.c. */
#include <inttypes.h>

#include "audit/report_private.h"
#include "base/rg_clock.h"

enum { FINDINGS_SHOWN = 10, INCIDENTS_SHOWN = 20 };

static const struct {
    const char *name;
    int exit_code;
} results[AUDIT_RESULT_COUNT] = {
    [AUDIT_UNVERIFIED] = {"unverified", 6}, [AUDIT_INTACT] = {"intact", 0}, [AUDIT_ALTERED] = {"altered", 1},
    [AUDIT_TRUNCATED] = {"truncated", 2},   [AUDIT_FORKED] = {"forked", 3}, [AUDIT_INCOMPLETE] = {"incomplete", 4},
    [AUDIT_STALE] = {"stale", 5},
};

int audit_result_exit_code(enum audit_result result)
{
    return results[result].exit_code;
}

const char *report_result_name(enum audit_result result)
{
    return results[result].name;
}

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

static rg_status print_findings(const struct audit_report *report, struct rg_buf *out)
{
    for (size_t i = 0; i < report->finding_count && i < FINDINGS_SHOWN; i++) {
        const struct audit_finding *finding = &report->findings[i];
        RG_TRY(rg_buf_printf(out, "FINDING (%s): record %" PRIu64, results[finding->result].name, finding->seq));
        if (finding->file.size > 0) {
            RG_TRY(rg_buf_printf(out, ", %.*s", rg_slice_shown(finding->file), finding->file.data));
        }
        if (finding->line > 0) {
            RG_TRY(rg_buf_printf(out, " line %" PRIu64, finding->line));
        }
        RG_TRY(rg_buf_printf(out, ": %.*s\n", (int)finding->reason.size, finding->reason.data));
    }
    if (report->finding_count > FINDINGS_SHOWN) {
        return rg_buf_printf(out, "and %zu%s more findings\n", report->finding_count - FINDINGS_SHOWN,
                             report->finding_count == AUDIT_FINDINGS_MAX ? " or" : "");
    }
    return RG_OK;
}

static rg_status print_history(const struct audit_report *report, struct rg_buf *out)
{
    RG_TRY(rg_buf_printf(
        out, "Starts: %" PRIu64 ", recoveries after a crash: %" PRIu64 ", declared clock steps: %" PRIu64 ". %s\n",
        report->start_count, report->recovery_count, report->clock_step_count,
        report->is_closed ? "The log was closed in order."
                          : "The log is open: rowgate is running, was killed, or the end is missing."));
    for (uint64_t i = 0; i < report->incident_count && i < INCIDENTS_SHOWN; i++) {
        char time[RG_TIME_TEXT_SIZE];
        rg_clock_format(report->incidents[i].hlc_us, time);
        RG_TRY(rg_buf_printf(out, "  record %" PRIu64 ", %s: %.*s\n", report->incidents[i].seq, time,
                             rg_slice_shown(report->incidents[i].kind), report->incidents[i].kind.data));
    }
    if (report->incident_count > INCIDENTS_SHOWN) {
        RG_TRY(rg_buf_printf(out, "  and %" PRIu64 " more, see --json\n", report->incident_count - INCIDENTS_SHOWN));
    }
    if (report->unresolved_count > 0) {
        RG_TRY(rg_buf_printf(out,
                             "Decided statements without an outcome: %" PRIu64 ", the first is record %" PRIu64
                             " (running, or cut off by a crash or a lost upstream).\n",
                             report->unresolved_count, report->unresolved[0]));
    }
    return RG_OK;
}

/* ---- the last paragraph ---- */

static rg_status print_signed(const struct audit_report *report, struct rg_buf *out)
{
    char last[RG_TIME_TEXT_SIZE];
    if (report->signed_size == 0) {
        return rg_buf_printf(out, "Proven: nothing. No signed checkpoint covers a record.\n");
    }
    rg_clock_format(report->signed_hlc_us, last);
    RG_TRY(rg_buf_printf(out,
                         "Proven: records 0 to %" PRIu64 ", up to %s, are what was signed; the newest of %" PRIu64
                         " checkpoint%s is signed by the key of epoch %" PRIu64 ".",
                         report->signed_size - 1, last, report->checkpoint_count, plural(report->checkpoint_count),
                         report->signed_epoch));
    if (report->pruned_size > 0) {
        RG_TRY(rg_buf_printf(out,
                             " Records below %" PRIu64 " were pruned, as record %" PRIu64
                             " declares; of them the hashes are proven.",
                             report->pruned_size, report->pruned_by));
    } else if (report->first_record > 0 && report->since_size > 0) {
        RG_TRY(rg_buf_printf(
            out,
            " Records below %" PRIu64
            " were not read: tiles stand for them, and they give the root of your checkpoint of %" PRIu64 " records.",
            report->first_record, report->since_size));
    } else if (report->since_size > 0) {
        RG_TRY(rg_buf_printf(out, " Your checkpoint of %" PRIu64 " records is of this log.", report->since_size));
    }
    return rg_buf_printf(out, "\n");
}

static rg_status print_chained(const struct audit_report *report, struct rg_buf *out)
{
    char last[RG_TIME_TEXT_SIZE];
    rg_clock_format(report->last_hlc_us, last);
    if (report->record_count == 0 || report->record_count <= report->signed_size) {
        return RG_OK;
    }
    return rg_buf_printf(out,
                         "Only chained: records %" PRIu64 " to %" PRIu64
                         ", up to %s. They follow each other, and no signature covers them yet.\n",
                         report->signed_size, report->record_count - 1, last);
}

static rg_status print_believed(const struct audit_report *report, struct rg_buf *out)
{
    if (report->root_key.size == 0) {
        return rg_buf_printf(out, "Believed: no key. The chain alone proves no author.\n");
    }
    return rg_buf_printf(out, "Believed: the root key %.*s, %s.\n", (int)report->root_key.size, report->root_key.data,
                         report->is_root_pinned
                             ? "as you gave it"
                             : "WARNING: which came with the log itself. Who replaced the log could have replaced it; "
                               "give the one you were handed with --root");
}

static rg_status print_proven(const struct audit_report *report, struct rg_buf *out)
{
    if (report->result != AUDIT_INTACT) {
        RG_TRY(rg_buf_printf(out, "In spite of the finding:\n"));
    }
    RG_TRY(print_signed(report, out));
    RG_TRY(print_chained(report, out));
    RG_TRY(print_believed(report, out));
    if (report->elsewhere.size > 0) {
        RG_TRY(rg_buf_printf(out, "Compared: %.*s\n", (int)report->elsewhere.size, report->elsewhere.data));
    }
    return rg_buf_printf(out, "%s\n", report_not_proven);
}

const char report_not_proven[] = "Not proven by the log alone: that it has no newer records than these. Who removes "
                                 "the newest records together with "
                                 "every checkpoint that covers them leaves a shorter log that holds; only a checkpoint "
                                 "kept elsewhere (--since) tells. "
                                 "A thief of the current epoch's key can sign from that epoch on, not before.";

rg_status report_text(const struct audit_report *report, struct rg_buf *out)
{
    RG_TRY(rg_buf_printf(out,
                         "%.*s: %s (%" PRIu64 " records in %" PRIu64 " segment%s, %" PRIu64 " tenant%s, %" PRIu64
                         " tiles, origin %.*s)\n",
                         (int)report->directory.size, report->directory.data, results[report->result].name,
                         report->record_count, report->segment_count, plural(report->segment_count),
                         report->tenant_count, plural(report->tenant_count), report->tile_count,
                         (int)report->origin.size, report->origin.data));
    RG_TRY(print_findings(report, out));
    RG_TRY(print_history(report, out));
    RG_TRY(rg_buf_printf(out, "\n"));
    return print_proven(report, out);
}

rg_status audit_report_print(const struct audit_report *report, bool is_json, struct rg_buf *out)
{
    size_t before = rg_buf_size(out);
    rg_status status = is_json ? report_json(report, out) : report_text(report, out);
    if (!rg_is_ok(status)) {
        rg_buf_truncate(out, before);
    }
    return status;
}
