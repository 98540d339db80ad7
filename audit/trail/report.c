/* SPDX-License-Identifier: Apache-2.0 */
/* What the check of a trail or a proof found, in words and as JSON: what is proven, and what is not. */
#include <inttypes.h>

#include <jansson.h>

#include "audit/trail/trail.h"
#include "base/rg_clock.h"

static const char *const names[AUDIT_RESULT_COUNT] = {
    [AUDIT_UNVERIFIED] = "unverified", [AUDIT_INTACT] = "intact", [AUDIT_ALTERED] = "altered",
    [AUDIT_TRUNCATED] = "truncated",   [AUDIT_FORKED] = "forked", [AUDIT_INCOMPLETE] = "incomplete",
    [AUDIT_STALE] = "stale",
};

static rg_status print_begin(const struct audit_trail_report *report, struct rg_buf *out)
{
    char time[RG_TIME_TEXT_SIZE];
    rg_clock_format(report->begin_us, time);
    if (report->has_begin) {
        return rg_buf_printf(out, "from %s (record %" PRIu64 " of the log)", time, report->begin_seq);
    }
    if (report->first_tseq > 0) {
        return rg_buf_printf(out,
                             "from its record %" PRIu64 " on (those before are not in the file, and nothing is said "
                             "of when they were)",
                             report->first_tseq);
    }
    return rg_buf_printf(out, "from its very first one");
}

static rg_status print_trail(const struct audit_trail_report *report, struct rg_buf *out)
{
    char time[RG_TIME_TEXT_SIZE];
    rg_clock_format(report->end_us, time);
    RG_TRY(rg_buf_printf(out, "Proven: these %" PRIu64 " records are all records of tenant \"%.*s\" ",
                         report->record_count, (int)report->tenant.size, report->tenant.data));
    RG_TRY(print_begin(report, out));
    RG_TRY(rg_buf_printf(out, " to %s (record %" PRIu64 "), as the log stood at its checkpoint of %" PRIu64 " records",
                         time, report->end_seq, report->checkpoint_size));
    rg_clock_format(report->checkpoint_us, time);
    RG_TRY(rg_buf_printf(out, " of %s, signed by the key of epoch %" PRIu64 ".\n", time, report->epoch));
    return rg_buf_printf(
        out, "Not proven: anything outside that time; that the times are right (they are those of the log's machine); "
             "that this is the only log of that name (compare a checkpoint that you kept: --since); that rowgate "
             "recorded all that happened.\n");
}

static rg_status print_proof(const struct audit_trail_report *report, struct rg_buf *out)
{
    char time[RG_TIME_TEXT_SIZE];
    rg_clock_format(report->first_us, time);
    RG_TRY(rg_buf_printf(out, "Proven: record %" PRIu64, report->first_seq));
    if (report->record_count > 1) {
        RG_TRY(rg_buf_printf(out, " with its continuation records up to %" PRIu64, report->last_seq));
    }
    RG_TRY(rg_buf_printf(out,
                         " of %s stands in the log as in the file; the checkpoint of %" PRIu64
                         " records that covers it is signed by the key of epoch %" PRIu64 ".\n",
                         time, report->checkpoint_size, report->epoch));
    return rg_buf_printf(out, "Not proven: anything about other records, also of the same statement or tenant; that "
                              "this is the only log of that name (compare a checkpoint that you kept: --since).\n");
}

static rg_status print_text(const struct audit_trail_report *report, struct rg_buf *out)
{
    RG_TRY(rg_buf_printf(out, "%s: %s%s%.*s\n", names[report->result],
                         report->is_proof ? "the proof of a record" : "a tenant's trail",
                         report->origin.size > 0 ? " from the log " : "", (int)report->origin.size,
                         report->origin.size > 0 ? report->origin.data : ""));
    if (report->result != AUDIT_INTACT) {
        if (report->line > 0) {
            RG_TRY(rg_buf_printf(out, "FINDING, line %" PRIu64 ": ", report->line));
        } else {
            RG_TRY(rg_buf_printf(out, "FINDING: "));
        }
        RG_TRY(rg_buf_printf(out, "%.*s\n", (int)report->reason.size, report->reason.data));
        return rg_buf_printf(out, "Nothing is proven by this file.\n");
    }
    return report->is_proof ? print_proof(report, out) : print_trail(report, out);
}

static int on_dump(const char *bytes, size_t size, void *context)
{
    struct rg_buf *out = context;
    return rg_is_ok(rg_buf_put(out, rg_slice_make(bytes, size))) ? 0 : -1;
}

static void set_text(json_t *object, const char *key, struct rg_slice text)
{
    (void)json_object_set_new(object, key, json_stringn(text.size == 0 ? "" : text.data, text.size));
}

static void set_numbers(json_t *object, const struct audit_trail_report *report)
{
    const struct {
        const char *key;
        uint64_t value;
    } rows[] = {{"line", report->line},
                {"records", report->record_count},
                {"first_seq", report->first_seq},
                {"last_seq", report->last_seq},
                {"first_hlc_us", (uint64_t)report->first_us},
                {"last_hlc_us", (uint64_t)report->last_us},
                {"signed_records", report->checkpoint_size},
                {"signed_epoch", report->epoch}};
    const struct {
        const char *key;
        uint64_t value;
    } trail_rows[] = {{"first_tseq", report->first_tseq},       {"begin_seq", report->begin_seq},
                      {"begin_us", (uint64_t)report->begin_us}, {"end_seq", report->end_seq},
                      {"end_us", (uint64_t)report->end_us},     {"signed_us", (uint64_t)report->checkpoint_us}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        (void)json_object_set_new(object, rows[i].key, json_integer((json_int_t)rows[i].value));
    }
    for (size_t i = 0; i < sizeof trail_rows / sizeof trail_rows[0] && !report->is_proof; i++) {
        (void)json_object_set_new(object, trail_rows[i].key, json_integer((json_int_t)trail_rows[i].value));
    }
}

static rg_status print_json(const struct audit_trail_report *report, struct rg_buf *out)
{
    json_t *object = json_object();
    set_text(object, "result", rg_slice_of(names[report->result]));
    (void)json_object_set_new(object, "exit_code", json_integer(audit_result_exit_code(report->result)));
    set_text(object, "what", rg_slice_of(report->is_proof ? "proof" : "trail"));
    set_text(object, "reason", report->reason);
    set_text(object, "origin", report->origin);
    set_text(object, "tenant", report->tenant);
    (void)json_object_set_new(object, "keys_own", json_boolean(report->are_keys_own));
    if (!report->is_proof) {
        (void)json_object_set_new(object, "has_begin", json_boolean(report->has_begin));
    }
    set_numbers(object, report);
    int result = json_dump_callback(object, on_dump, out, JSON_COMPACT | JSON_ENSURE_ASCII);
    json_decref(object);
    return result == 0 ? rg_buf_put_u8(out, '\n') : rg_fail(RG_LIMIT, "no room for the report");
}

rg_status audit_trail_report_print(const struct audit_trail_report *report, bool is_json, struct rg_buf *out)
{
    return is_json ? print_json(report, out) : print_text(report, out);
}
