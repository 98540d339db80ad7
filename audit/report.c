/* SPDX-License-Identifier: Apache-2.0 */
/* What verify found, in words and as JSON, with what it does not prove. */
#include <inttypes.h>

#include <jansson.h>

#include "audit/verify.h"
#include "base/rg_clock.h"

static const char not_proven[] =
    "Not proven: this version writes no signed checkpoints yet. A log whose newest records were cut off at a "
    "record's end, whose last record was changed, or whose chain was computed anew from some record on, passes.";

static const struct {
    const char *name;
    int exit_code;
} results[AUDIT_RESULT_COUNT] = {
    [AUDIT_UNVERIFIED] = {"unverified", 6}, [AUDIT_INTACT] = {"intact", 0}, [AUDIT_ALTERED] = {"altered", 1},
    [AUDIT_TRUNCATED] = {"truncated", 2},   [AUDIT_FORKED] = {"forked", 3}, [AUDIT_INCOMPLETE] = {"incomplete", 4},
};

int audit_result_exit_code(enum audit_result result)
{
    return results[result].exit_code;
}

static rg_status print_finding(const struct audit_report *report, struct rg_buf *out)
{
    if (report->result == AUDIT_INTACT) {
        return RG_OK;
    }
    RG_TRY(rg_buf_printf(out, "FINDING: record %" PRIu64, report->seq));
    if (report->segment.size > 0) {
        RG_TRY(rg_buf_printf(out, ", seg/%.*s", rg_slice_shown(report->segment), report->segment.data));
    }
    if (report->line > 0) {
        RG_TRY(rg_buf_printf(out, " line %" PRIu64, report->line));
    }
    return rg_buf_printf(out, ": %.*s\n", (int)report->reason.size, report->reason.data);
}

static rg_status print_proven(const struct audit_report *report, struct rg_buf *out)
{
    if (report->record_count == 0) {
        return rg_buf_printf(out, "Proven: nothing.\n%s\n", not_proven);
    }
    char first[RG_TIME_TEXT_SIZE];
    char last[RG_TIME_TEXT_SIZE];
    rg_clock_format(report->first_hlc_us, first);
    rg_clock_format(report->last_hlc_us, last);
    RG_TRY(rg_buf_printf(out, "Chained without a gap: records 0 to %" PRIu64 ", %s to %s, %" PRIu64 " tenant%s.\n",
                         report->record_count - 1, first, last, report->tenant_count,
                         report->tenant_count == 1 ? "" : "s"));
    RG_TRY(rg_buf_printf(out, "Starts: %" PRIu64 ", recoveries after a crash: %" PRIu64 ". %s\n", report->start_count,
                         report->recovery_count,
                         report->is_closed
                             ? "The log was closed in order."
                             : "The log is open: rowgate is running, was killed, or the end is missing."));
    return rg_buf_printf(out, "%s\n", not_proven);
}

static rg_status print_text(const struct audit_report *report, struct rg_buf *out)
{
    RG_TRY(rg_buf_printf(out, "%.*s: %s (%" PRIu64 " records in %" PRIu64 " segments, origin %.*s)\n",
                         (int)report->directory.size, report->directory.data, results[report->result].name,
                         report->record_count, report->segment_count, (int)report->origin.size, report->origin.data));
    RG_TRY(print_finding(report, out));
    return print_proven(report, out);
}

static json_t *text_of(struct rg_slice text)
{
    json_t *value = json_stringn(text.size == 0 ? "" : text.data, text.size);
    return value == NULL ? json_string("(not UTF-8)") : value;
}

static json_t *finding_of(const struct audit_report *report)
{
    if (report->result == AUDIT_INTACT) {
        return json_null();
    }
    return json_pack("{s:o, s:I, s:I, s:o}", "segment", text_of(report->segment), "line", (json_int_t)report->line,
                     "seq", (json_int_t)report->seq, "reason", text_of(report->reason));
}

static int on_dump(const char *bytes, size_t size, void *context)
{
    struct rg_buf *out = context;
    return rg_is_ok(rg_buf_put(out, rg_slice_make(bytes, size))) ? 0 : -1;
}

static rg_status print_json(const struct audit_report *report, struct rg_buf *out)
{
    json_t *value = json_pack("{s:s, s:i, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:o, s:s}", "result",
                              results[report->result].name, "exit_code", results[report->result].exit_code, "directory",
                              text_of(report->directory), "origin", text_of(report->origin), "segments",
                              (json_int_t)report->segment_count, "records", (json_int_t)report->record_count, "tenants",
                              (json_int_t)report->tenant_count, "starts", (json_int_t)report->start_count, "recoveries",
                              (json_int_t)report->recovery_count, "first_hlc_us", (json_int_t)report->first_hlc_us,
                              "last_hlc_us", (json_int_t)report->last_hlc_us, "closed", report->is_closed, "finding",
                              finding_of(report), "not_proven", not_proven);
    int result = value == NULL ? -1 : json_dump_callback(value, on_dump, out, JSON_COMPACT | JSON_ENSURE_ASCII);
    json_decref(value);
    return result == 0 ? rg_buf_put_u8(out, '\n') : rg_fail(RG_LIMIT, "the report does not fit");
}

rg_status audit_report_print(const struct audit_report *report, bool is_json, struct rg_buf *out)
{
    size_t before = rg_buf_size(out);
    rg_status status = is_json ? print_json(report, out) : print_text(report, out);
    if (!rg_is_ok(status)) {
        rg_buf_truncate(out, before);
    }
    return status;
}
