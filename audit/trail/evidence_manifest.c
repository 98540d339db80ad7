/* SPDX-License-Identifier: Apache-2.0 */
/* What programs read: the manifest, the list of hashes, the changes of the policies, and the index of "all". */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "audit/trail/evidence_private.h"
#include "base/rg_clock.h"

static json_t *text_of(const char *cleaned)
{
    return json_string(cleaned);
}

static json_t *time_of(int64_t wall_us)
{
    char text[RG_TIME_TEXT_SIZE];
    rg_clock_format(wall_us, text);
    return json_string(text);
}

static json_t *number_of(uint64_t value)
{
    return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
}

static json_t *hex_of(const struct rg_digest *digest)
{
    char hex[2 * RG_SHA256_SIZE + 1];
    rg_digest_hex(digest, hex);
    return json_string(hex);
}

static void set(json_t *object, const char *key, json_t *value)
{
    (void)json_object_set_new(object, key, value);
}

static json_t *clean_of(struct rg_slice text)
{
    char cleaned[EVIDENCE_NAME_MAX];
    evidence_clean(text, cleaned);
    return text_of(cleaned);
}

/* ---- policies ---- */

rg_status evidence_policies_write(struct evidence_pack *pack)
{
    RG_AUTO(rg_buf_done) struct rg_buf out;
    const struct evidence_found *found = &pack->select.total;
    rg_buf_init(&out, 16 << 20);
    for (size_t i = 0; i < found->policy_count; i++) {
        const struct evidence_event *event = &found->policies[i];
        json_t *object = json_object();
        set(object, "record", number_of(event->seq));
        set(object, "time", time_of(event->hlc_us));
        set(object, "kind", text_of(audit_kind_name(event->kind)));
        set(object, "digest", text_of(event->policy));
        set(object, "occasion", text_of(event->text));
        set(object, "in_period", json_boolean(event->is_in_period));
        char *line = json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII);
        json_decref(object);
        rg_status status = rg_buf_printf(&out, "%s\n", line == NULL ? "{}" : line);
        free(line);
        RG_TRY(status);
    }
    return evidence_folder_put(&pack->folder, "policies.jsonl", rg_buf_slice(&out));
}

/* ---- the list of hashes ---- */

static int compare_files(const void *a, const void *b)
{
    const struct evidence_file *x = a;
    const struct evidence_file *y = b;
    return strcmp(x->path, y->path);
}

rg_status evidence_sums_write(struct evidence_pack *pack)
{
    RG_AUTO(rg_buf_done) struct rg_buf out;
    struct evidence_folder *folder = &pack->folder;
    rg_buf_init(&out, 1 << 20);
    qsort(folder->files, folder->count, sizeof *folder->files, compare_files);
    for (size_t i = 0; i < folder->count; i++) {
        char hex[2 * RG_SHA256_SIZE + 1];
        rg_digest_hex(&folder->files[i].sha256, hex);
        RG_TRY(rg_buf_printf(&out, "%s  %s\n", hex, folder->files[i].path));
    }
    struct rg_digest digest = rg_sha256_one(rg_buf_slice(&out));
    rg_digest_hex(&digest, pack->digest);
    RG_TRY(evidence_folder_put(folder, "SHA256SUMS", rg_buf_slice(&out)));
    folder->count--; /* it does not list itself */
    return RG_OK;
}

/* ---- the manifest ---- */

static json_t *files_of(const struct evidence_folder *folder)
{
    json_t *list = json_array();
    for (size_t i = 0; i < folder->count; i++) {
        json_t *file = json_object();
        set(file, "path", text_of(folder->files[i].path));
        set(file, "bytes", number_of(folder->files[i].bytes));
        set(file, "sha256", hex_of(&folder->files[i].sha256));
        (void)json_array_append_new(list, file);
    }
    return list;
}

static json_t *segments_of(const struct evidence_select *select)
{
    json_t *list = json_array();
    for (size_t i = 0; i < select->part_count; i++) {
        const struct evidence_segment *segment = &select->segments[i];
        if (segment->records == 0) {
            continue;
        }
        char name[AUDIT_SEGMENT_NAME_SIZE];
        json_t *object = json_object();
        audit_segment_name(segment->first_record, name);
        set(object, "file", json_sprintf("seg/%s", name));
        set(object, "records_of_period", number_of(segment->records));
        set(object, "bytes", number_of(segment->bytes));
        set(object, "sha256", hex_of(&segment->sha256));
        set(object, "goes_on", json_boolean(segment->is_cut));
        (void)json_array_append_new(list, object);
    }
    return list;
}

static json_t *root_of(const struct evidence_root *root)
{
    if (!root->is_known) {
        return json_null();
    }
    json_t *object = json_object();
    json_t *proof = json_array();
    for (size_t i = 0; i < root->proof_count; i++) {
        (void)json_array_append_new(proof, hex_of(&root->proof[i]));
    }
    set(object, "size", number_of(root->size));
    set(object, "root", hex_of(&root->hash));
    set(object, "consistency_with_checkpoint", proof);
    return object;
}

static json_t *range_of(const struct evidence_pack *pack)
{
    const struct evidence_found *found = &pack->select.total;
    json_t *range = json_object();
    bool is_empty = found->records == 0;
    set(range, "records", number_of(found->records));
    set(range, "first", is_empty ? json_null() : number_of(found->first_seq));
    set(range, "last", is_empty ? json_null() : number_of(found->last_seq));
    set(range, "missing", number_of(is_empty ? 0 : found->last_seq - found->first_seq + 1 - found->records));
    set(range, "tree_before", root_of(&pack->before));
    set(range, "tree_with", root_of(&pack->after));
    set(range, "pruned_before", number_of(pack->report.pruned_size));
    return range;
}

/* The selection for programs. */
static json_t *kinds_selected(const struct evidence_criterion *criterion)
{
    json_t *list = json_array();
    for (enum audit_kind kind = AUDIT_LOGIN; kind < AUDIT_KIND_COUNT; kind++) {
        if ((criterion->kinds & EVIDENCE_KIND(kind)) != 0) {
            (void)json_array_append_new(list, text_of(audit_kind_name(kind)));
        }
    }
    return list;
}

static json_t *populations_of(const struct evidence_pack *pack)
{
    json_t *list = json_array();
    for (size_t i = 0; i < evidence_criterion_count; i++) {
        if ((pack->select.criteria & 1U << i) == 0) {
            continue;
        }
        const struct evidence_population *population = &pack->select.populations[i];
        json_t *object = json_object();
        set(object, "criterion", text_of(evidence_criteria[i].id));
        set(object, "selection", text_of(evidence_criteria[i].selection));
        set(object, "selected_kinds", kinds_selected(&evidence_criteria[i]));
        set(object, "selected_denied_statements", json_boolean(evidence_criteria[i].encloses_denied));
        set(object, "selected_tenant_records",
            json_boolean(evidence_criteria[i].encloses_tenant && pack->options->tenant.size > 0));
        set(object, "file", text_of(pack->populations[i]));
        set(object, "records", number_of(population->records));
        set(object, "lines", number_of(population->lines));
        set(object, "bytes", number_of(population->bytes));
        (void)json_array_append_new(list, object);
    }
    return list;
}

static json_t *kinds_of(const struct evidence_tally *tally)
{
    json_t *object = json_object();
    for (size_t i = 0; i < tally->count; i++) {
        set(object, tally->rows[i].key, number_of(tally->rows[i].values[0]));
    }
    return object;
}

static json_t *checkpoint_of(const struct evidence_pack *pack)
{
    if (!pack->has_checkpoint) {
        return json_null();
    }
    json_t *object = json_object();
    set(object, "size", number_of(pack->checkpoint_size));
    set(object, "root", hex_of(&pack->checkpoint_root));
    set(object, "file", text_of("checkpoint.note"));
    return object;
}

static json_t *manifest_of(const struct evidence_pack *pack)
{
    const struct audit_evidence_options *options = pack->options;
    json_t *object = json_object();
    set(object, "format", text_of("rowgate/audit/evidence/v1"));
    set(object, "criterion", clean_of(options->criterion));
    set(object, "tenant", options->tenant.size == 0 ? json_null() : clean_of(options->tenant));
    set(object, "from", time_of(options->from_us));
    set(object, "until", time_of(options->until_us));
    set(object, "made", time_of(options->made_us));
    set(object, "result", text_of(evidence_result_name(pack->report.result)));
    set(object, "origin", clean_of(pack->report.origin));
    set(object, "root_key", clean_of(pack->report.root_key));
    set(object, "root_key_is_from_outside", json_boolean(pack->report.is_root_pinned));
    set(object, "checkpoint", checkpoint_of(pack));
    set(object, "range", range_of(pack));
    set(object, "kinds", kinds_of(&pack->select.total.tables[EVIDENCE_KINDS]));
    set(object, "populations", populations_of(pack));
    set(object, "segments", segments_of(&pack->select));
    set(object, "files", files_of(&pack->folder));
    set(object, "digest", text_of(pack->digest));
    set(object, "recorded", pack->recorded_seq == 0 ? json_null() : number_of(pack->recorded_seq));
    set(object, "not_recorded", pack->recorded_seq != 0 ? json_null() : clean_of(pack->not_recorded));
    return object;
}

rg_status evidence_manifest_write(struct evidence_pack *pack)
{
    RG_AUTO(rg_buf_done) struct rg_buf out;
    json_t *object = manifest_of(pack);
    char *text = json_dumps(object, JSON_INDENT(1) | JSON_ENSURE_ASCII | JSON_SORT_KEYS);
    json_decref(object);
    rg_buf_init(&out, 64 << 20);
    rg_status status =
        text == NULL ? rg_fail(RG_INTERNAL, "cannot write the manifest") : rg_buf_printf(&out, "%s\n", text);
    free(text);
    RG_TRY(status);
    return evidence_folder_put(&pack->folder, "manifest.json", rg_buf_slice(&out));
}

/* ---- the index of "all" ---- */

rg_status evidence_index_write(struct evidence_pack *pack)
{
    static const char *const heads[] = {"Criterion", "", "Folder", "Records enclosed"};
    RG_AUTO(evidence_page_done) struct evidence_page page;
    evidence_page_init(&page);
    evidence_put_verdict(&page, pack);
    evidence_title(&page, "Evidence for all criteria");
    evidence_text(&page,
                  "One folder for each criterion; in each, `summary.html` (or `summary.md`) is to be read first.");
    evidence_table_begin(&page, heads, 4, 3);
    for (size_t i = 0; i < evidence_criterion_count; i++) {
        const struct evidence_criterion *criterion = &evidence_criteria[i];
        evidence_row_begin(&page);
        evidence_cell_own(&page, "%s", criterion->id);
        evidence_cell_own(&page, "%s", criterion->title);
        evidence_cell_own(&page, "`%s/`", criterion->id);
        evidence_cell_number(&page, pack->select.populations[i].records);
        evidence_row_end(&page);
    }
    evidence_table_end(&page);
    evidence_page_end(&page);
    return evidence_page_write(&page, pack, "");
}
