/* SPDX-License-Identifier: Apache-2.0 */
/* The report as one JSON object; docs/verify.md names its keys. */
#include <jansson.h>

#include "audit/report_private.h"

static json_t *text_of(struct rg_slice text)
{
    json_t *value = json_stringn(text.size == 0 ? "" : text.data, text.size);
    return value == NULL ? json_string("(not UTF-8)") : value;
}

static json_t *number_of(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *finding_of(const struct audit_finding *finding)
{
    return json_pack("{s:s, s:i, s:o, s:o, s:o, s:o}", "result", report_result_name(finding->result), "exit_code",
                     audit_result_exit_code(finding->result), "file", text_of(finding->file), "line",
                     number_of(finding->line), "seq", number_of(finding->seq), "reason", text_of(finding->reason));
}

static json_t *findings_of(const struct audit_report *report)
{
    json_t *list = json_array();
    for (size_t i = 0; i < report->finding_count; i++) {
        (void)json_array_append_new(list, finding_of(&report->findings[i]));
    }
    return list;
}

static json_t *incidents_of(const struct audit_report *report)
{
    json_t *list = json_array();
    for (uint64_t i = 0; i < report->incident_count && i < AUDIT_INCIDENTS_MAX; i++) {
        const struct audit_incident *incident = &report->incidents[i];
        (void)json_array_append_new(list, json_pack("{s:o, s:I, s:o}", "seq", number_of(incident->seq), "hlc_us",
                                                    (json_int_t)incident->hlc_us, "kind", text_of(incident->kind)));
    }
    return list;
}

static json_t *unresolved_of(const struct audit_report *report)
{
    json_t *list = json_array();
    for (uint64_t i = 0; i < report->unresolved_count && i < AUDIT_UNRESOLVED_MAX; i++) {
        (void)json_array_append_new(list, number_of(report->unresolved[i]));
    }
    return list;
}

static void put_numbers(const struct audit_report *report, json_t *object)
{
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {{"first_record", report->first_record},
                {"pruned_records", report->pruned_size},
                {"records", report->record_count},
                {"segments", report->segment_count},
                {"bytes", report->byte_count},
                {"tenants", report->tenant_count},
                {"tiles", report->tile_count},
                {"checkpoints", report->checkpoint_count},
                {"signed_records", report->signed_size},
                {"signed_epoch", report->signed_epoch},
                {"epoch", report->epoch},
                {"since_records", report->since_size},
                {"starts", report->start_count},
                {"recoveries", report->recovery_count},
                {"clock_steps", report->clock_step_count},
                {"incident_count", report->incident_count},
                {"unresolved_count", report->unresolved_count},
                {"first_hlc_us", (uint64_t)report->first_hlc_us},
                {"last_hlc_us", (uint64_t)report->last_hlc_us},
                {"signed_hlc_us", (uint64_t)report->signed_hlc_us}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        (void)json_object_set_new(object, rows[i].name, number_of(rows[i].value));
    }
}

static int on_dump(const char *bytes, size_t size, void *context)
{
    struct rg_buf *out = context;
    return rg_is_ok(rg_buf_put(out, rg_slice_make(bytes, size))) ? 0 : -1;
}

rg_status report_json(const struct audit_report *report, struct rg_buf *out)
{
    json_t *value =
        json_pack("{s:s, s:i, s:o, s:o, s:o, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:s}", "result",
                  report_result_name(report->result), "exit_code", audit_result_exit_code(report->result), "directory",
                  text_of(report->directory), "origin", text_of(report->origin), "root_key", text_of(report->root_key),
                  "root_pinned", report->is_root_pinned, "closed", report->is_closed, "finding",
                  report->finding_count == 0 ? json_null() : finding_of(&report->findings[0]), "findings",
                  findings_of(report), "incidents", incidents_of(report), "unresolved", unresolved_of(report),
                  "elsewhere", text_of(report->elsewhere), "not_proven", report_not_proven);
    if (value != NULL) {
        put_numbers(report, value);
    }
    int result = value == NULL ? -1 : json_dump_callback(value, on_dump, out, JSON_COMPACT | JSON_ENSURE_ASCII);
    json_decref(value);
    return result == 0 ? rg_buf_put_u8(out, '\n') : rg_fail(RG_LIMIT, "the report does not fit");
}
