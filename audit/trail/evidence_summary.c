/* SPDX-License-Identifier: Apache-2.0 */
/* The summary of one criterion, for somebody who knows nothing of rowgate: what was asked, what was found, how the
 * population was chosen and why it is complete, exceptions, and what this does not show. */
#include <inttypes.h>
#include <stdio.h>

#include "audit/trail/evidence_private.h"
#include "base/rg_clock.h"

enum { ROWS_SHOWN = 40, EVENTS_SHOWN = 100, PAUSES_SHOWN = 50 };

static uint64_t kind_count(const struct evidence_found *found, enum audit_kind kind)
{
    const struct evidence_row *row = evidence_tally_find(&found->tables[EVIDENCE_KINDS], audit_kind_name(kind));
    return row == NULL ? 0 : row->values[0];
}

/* "2026-11-22 15:53:43 UTC" */
static void put_time(int64_t wall_us, char out_text[RG_TIME_TEXT_SIZE])
{
    char text[RG_TIME_TEXT_SIZE];
    rg_clock_format(wall_us, text);
    (void)snprintf(out_text, RG_TIME_TEXT_SIZE, "%.10s %.8s UTC", text, text + EVIDENCE_DAY_SIZE);
}

static void fact_time(struct evidence_page *page, const char *name, int64_t wall_us)
{
    char text[RG_TIME_TEXT_SIZE];
    put_time(wall_us, text);
    evidence_fact(page, name, rg_slice_of(text));
}

static void fact_number(struct evidence_page *page, const char *name, uint64_t value)
{
    char text[EVIDENCE_NUMBER_SIZE];
    evidence_number(value, text);
    evidence_fact(page, name, rg_slice_of(text));
}

/* ---- the first lines ---- */

void evidence_put_verdict(struct evidence_page *page, const struct evidence_pack *pack)
{
    const struct audit_report *report = &pack->report;
    if (report->result != AUDIT_INTACT) {
        evidence_warning(page,
                         "THIS LOG DOES NOT VERIFY: it is %s (%zu findings, see `verify.txt`). What follows was taken "
                         "from the records before the first finding and proves nothing by itself.",
                         evidence_result_name(report->result), report->finding_count);
    }
}

static void put_limits(struct evidence_page *page, const struct evidence_pack *pack)
{
    const struct audit_report *report = &pack->report;
    const struct evidence_found *found = &pack->select.total;
    if (report->pruned_size > 0) {
        evidence_item(page,
                      "Records 0 to %" PRIu64 " are no longer there: they were removed under the retention policy, "
                      "which record %" PRIu64 " declares. They are not part of this evidence.",
                      report->pruned_size - 1, report->pruned_by);
    }
    if (found->records == 0) {
        evidence_item(page, "The log holds no record of this period at all.");
        return;
    }
    if (pack->options->from_us < report->first_hlc_us) {
        evidence_item(page, "The period begins before the oldest record that the log holds: nothing is shown about "
                            "the time before that.");
    }
    if (pack->options->until_us > report->last_hlc_us) {
        evidence_item(page, "The period ends after the newest record at the time of making: later records are not "
                            "part of this evidence.");
    }
    if (!report->is_root_pinned) {
        evidence_item(page, "The log's root key was taken from the log itself. Compare it with a copy that was kept "
                            "elsewhere, or ask for the pack to be made with `--root`.");
    }
    if (found->unattributed > 0) {
        evidence_item(page,
                      "%" PRIu64 " log-ins and statements carry no tenant, mostly log-ins that failed before it was "
                      "known. They are left out of this tenant's pack.",
                      found->unattributed);
    }
}

static void put_short(struct evidence_page *page, const struct evidence_pack *pack, size_t criterion)
{
    const struct evidence_found *found = &pack->select.total;
    const struct evidence_population *population = &pack->select.populations[criterion];
    const struct evidence_criterion *asked = &evidence_criteria[criterion];
    char records[EVIDENCE_NUMBER_SIZE];
    char enclosed[EVIDENCE_NUMBER_SIZE];
    char ok[EVIDENCE_NUMBER_SIZE];
    char failed[EVIDENCE_NUMBER_SIZE];
    evidence_number(found->records, records);
    evidence_number(population->records, enclosed);
    evidence_item(page,
                  "%s records of this period were looked at, all of them; %s answer the question and are "
                  "enclosed in `%s`.",
                  records, enclosed, pack->populations[criterion]);
    if (pack->report.result == AUDIT_INTACT) {
        evidence_item(page, "The log was verified in the same pass: it is intact, no record is missing, changed or "
                            "added. The transcript is `verify.txt`.");
    }
    if ((asked->kinds & EVIDENCE_KIND(AUDIT_LOGIN_FAILED)) != 0) {
        evidence_number(kind_count(found, AUDIT_LOGIN), ok);
        evidence_number(kind_count(found, AUDIT_LOGIN_FAILED), failed);
        evidence_item(page, "%s log-ins succeeded, %s failed.", ok, failed);
    }
    if ((asked->kinds & EVIDENCE_KIND(AUDIT_POLICY_LOADED)) != 0) {
        evidence_item(page, "Policies took effect %" PRIu64 " times in the period and were refused %" PRIu64 " times.",
                      kind_count(found, AUDIT_POLICY_LOADED), kind_count(found, AUDIT_POLICY_REFUSED));
    }
    if (pack->select.needs_statements &&
        (asked->tables & (EVIDENCE_TABLE(EVIDENCE_STATEMENT_DAYS) | EVIDENCE_TABLE(EVIDENCE_RULES))) != 0) {
        uint64_t denied = 0;
        const struct evidence_tally *days = &found->tables[EVIDENCE_STATEMENT_DAYS];
        for (size_t i = 0; i < days->count; i++) {
            denied += days->rows[i].values[1];
        }
        evidence_number(found->statements, ok);
        evidence_number(denied + days->rest.values[1], failed);
        evidence_item(page, "%s statements were decided, %s of them denied.", ok, failed);
    }
    put_limits(page, pack);
    evidence_items_end(page);
}

static void put_question(struct evidence_page *page, const struct evidence_pack *pack,
                         const struct evidence_criterion *asked)
{
    static const char *const heads[] = {"What", "Value"};
    char tenant[EVIDENCE_NAME_MAX];
    evidence_clean(pack->options->tenant, tenant);
    evidence_heading(page, "What was asked");
    evidence_text(page, "%s", asked->asked);
    evidence_table_begin(page, heads, 2, 2);
    fact_time(page, "From", pack->options->from_us);
    fact_time(page, "Up to, not including", pack->options->until_us);
    evidence_fact(page, "Tenant", tenant[0] == '\0' ? RG_SLICE("all") : rg_slice_of(tenant));
    fact_time(page, "Made", pack->options->made_us);
    evidence_table_end(page);
}

/* ---- completeness ---- */

static void fact_root(struct evidence_page *page, const char *name, const struct evidence_root *root)
{
    char text[EVIDENCE_NAME_MAX];
    char hex[2 * RG_SHA256_SIZE + 1];
    if (root->is_known) {
        rg_digest_hex(&root->hash, hex);
        (void)snprintf(text, sizeof text, "%" PRIu64 " records: %s", root->size, hex);
        evidence_fact(page, name, rg_slice_of(text));
    }
}

static void put_completeness(struct evidence_page *page, const struct evidence_pack *pack, size_t criterion)
{
    static const char *const heads[] = {"What", "Value"};
    const struct evidence_found *found = &pack->select.total;
    const struct evidence_population *population = &pack->select.populations[criterion];
    char text[EVIDENCE_NAME_MAX];
    evidence_heading(page, "The population, and why it is complete");
    evidence_text(page, "Selected: %s.", evidence_criteria[criterion].selection);
    evidence_text(page, "Every record has a number, one higher than the one before, and holds the hash of the one "
                        "before. A signed checkpoint fixes all of them at once. So the records of a period are those "
                        "from one number to another, without a gap, and none can be taken out, changed or added "
                        "without its being seen.");
    evidence_table_begin(page, heads, 2, 2);
    evidence_clean(pack->report.origin, text);
    evidence_fact(page, "Log", rg_slice_of(text));
    if (found->records > 0) {
        (void)snprintf(text, sizeof text, "%" PRIu64 " to %" PRIu64, found->first_seq, found->last_seq);
        evidence_fact(page, "Numbers of the records of the period", rg_slice_of(text));
        fact_time(page, "First of them", found->first_us);
        fact_time(page, "Last of them", found->last_us);
    }
    fact_number(page, "Records looked at", found->records);
    fact_number(page, "Numbers missing between the first and the last",
                found->records == 0 ? 0 : found->last_seq - found->first_seq + 1 - found->records);
    fact_number(page, "Records enclosed", population->records);
    fact_number(page, "Lines enclosed (long records have several)", population->lines);
    if (pack->has_checkpoint) {
        const struct evidence_root signed_root = {
            .size = pack->checkpoint_size, .hash = pack->checkpoint_root, .is_known = true};
        fact_root(page, "Signed checkpoint (`checkpoint.note`), root of", &signed_root);
    }
    fact_root(page, "Tree before the period, root of", &pack->before);
    fact_root(page, "Tree with the period, root of", &pack->after);
    evidence_clean(pack->report.root_key, text);
    evidence_fact(page, "Root key of the log", rg_slice_of(text));
    evidence_fact(page, "Root key known from outside the log",
                  pack->report.is_root_pinned ? RG_SLICE("yes") : RG_SLICE("no"));
    evidence_table_end(page);
    evidence_text(page, "The files that were read, each with its SHA-256, stand in `manifest.json` under `segments`.");
}

/* ---- policies ---- */

static void put_policy(struct evidence_page *page, const struct evidence_event *event, bool is_before)
{
    char time[RG_TIME_TEXT_SIZE];
    put_time(event->hlc_us, time);
    evidence_row_begin(page);
    evidence_cell(page, rg_slice_of(time));
    evidence_cell_own(page, "%s",
                      event->kind == AUDIT_POLICY_REFUSED ? "refused; the ones before stayed in force"
                      : is_before                         ? "in force when the period began"
                                                          : "took effect");
    evidence_cell(page, rg_slice_of(event->policy));
    evidence_cell(page, rg_slice_of(event->text));
    evidence_cell_number(page, event->seq);
    evidence_row_end(page);
}

static void put_policies(struct evidence_page *page, const struct evidence_pack *pack)
{
    static const char *const heads[] = {"Time", "What", "Digest of the configuration", "Occasion", "Record"};
    const struct evidence_found *found = &pack->select.total;
    const struct evidence_event *before = NULL;
    size_t shown = 0;
    for (size_t i = 0; i < found->policy_count; i++) {
        bool is_before = found->policies[i].hlc_us < pack->options->from_us;
        before = is_before && found->policies[i].kind == AUDIT_POLICY_LOADED ? &found->policies[i] : before;
    }
    evidence_heading(page, "Policies in force");
    evidence_table_begin(page, heads, 5, 4);
    if (before != NULL) {
        put_policy(page, before, true);
    }
    for (size_t i = 0; i < found->policy_count && shown < EVENTS_SHOWN; i++) {
        if (found->policies[i].is_in_period) {
            put_policy(page, &found->policies[i], false);
            shown++;
        }
    }
    evidence_table_end(page);
    evidence_text(page,
                  "%sThe digest is computed over the whole configuration; `policies.jsonl` has all changes of the "
                  "log. Whose digest a kept file has, `rowgate check` tells.",
                  before == NULL ? "Which policies were in force when the period began is not in the log. " : "");
}

/* ---- tables and lists ---- */

static void put_row(struct evidence_page *page, const struct evidence_row *row, const char *key, size_t values)
{
    evidence_row_begin(page);
    evidence_cell(page, rg_slice_of(key));
    for (size_t i = 0; i < values; i++) {
        evidence_cell_number(page, row->values[i]);
    }
    evidence_row_end(page);
}

static void put_table(struct evidence_page *page, const struct evidence_pack *pack, enum evidence_table table,
                      bool has_chart)
{
    const struct evidence_table_row *row = &evidence_tables[table];
    const struct evidence_tally *tally = &pack->select.total.tables[table];
    const char *heads[EVIDENCE_VALUES + 1] = {row->key};
    size_t values = 0;
    size_t limit = row->is_days ? SIZE_MAX : ROWS_SHOWN;
    struct evidence_row left = tally->rest;
    while (values < EVIDENCE_VALUES && row->values[values] != NULL) {
        heads[values + 1] = row->values[values];
        values++;
    }
    evidence_heading(page, row->title);
    if (tally->count == 0) {
        evidence_text(page, "None in this period.");
        return;
    }
    if (has_chart) {
        evidence_chart(page, row, tally, &pack->select.total);
    }
    evidence_table_begin(page, heads, values + 1, 1);
    for (size_t i = 0; i < tally->count; i++) {
        if (i < limit) {
            put_row(page, &tally->rows[i], tally->rows[i].key, values);
        }
        for (size_t k = 0; k < values && i >= limit; k++) {
            left.values[k] += tally->rows[i].values[k];
        }
    }
    if (tally->has_rest || tally->count > limit) {
        put_row(page, &left, "(all others together)", values);
    }
    evidence_table_end(page);
    if (tally->has_rest) {
        evidence_text(page, "More than %d different values: those that came later are counted together.",
                      EVIDENCE_KEYS_MAX);
    }
}

static void put_pauses(struct evidence_page *page, const struct evidence_pack *pack)
{
    static const char *const heads[] = {"Last record before", "Next record", "What", "Seconds", "Record"};
    const struct evidence_found *found = &pack->select.total;
    evidence_heading(page, "Was recording continuous?");
    evidence_text(page, "A running log writes at least one record in each epoch (an hour unless configured otherwise), "
                        "also when nobody works. Listed: times of more than 65 minutes without a record, and each new "
                        "start of the recording.");
    if (found->pause_count == 0) {
        evidence_text(page, "None in this period.");
        return;
    }
    evidence_table_begin(page, heads, 5, 3);
    for (size_t i = 0; i < found->pause_count && i < PAUSES_SHOWN; i++) {
        const struct evidence_pause *pause = &found->pauses[i];
        char time[RG_TIME_TEXT_SIZE];
        evidence_row_begin(page);
        put_time(pause->from_us, time);
        evidence_cell(page, rg_slice_of(time));
        put_time(pause->until_us, time);
        evidence_cell(page, rg_slice_of(time));
        evidence_cell_own(page, "%s", pause->is_start ? "a new start" : "no record");
        evidence_cell_number(page, (uint64_t)(pause->until_us - pause->from_us) / 1000000);
        evidence_cell_number(page, pause->seq);
        evidence_row_end(page);
    }
    evidence_table_end(page);
    uint64_t all = found->pause_count + found->pauses_dropped;
    if (all > PAUSES_SHOWN) {
        evidence_text(page, "The first %d of %" PRIu64 ".", PAUSES_SHOWN, all);
    }
}

static void put_event(struct evidence_page *page, const struct evidence_event *event)
{
    char time[RG_TIME_TEXT_SIZE];
    put_time(event->hlc_us, time);
    evidence_row_begin(page);
    evidence_cell(page, rg_slice_of(time));
    evidence_cell(page, rg_slice_of(audit_kind_name(event->kind)));
    evidence_cell(page, rg_slice_of(event->who));
    evidence_cell(page, rg_slice_of(event->text));
    evidence_cell_number(page, event->seq);
    evidence_row_end(page);
}

static void put_exceptions(struct evidence_page *page, const struct evidence_pack *pack,
                           const struct evidence_criterion *asked)
{
    static const char *const heads[] = {"Time", "Kind", "About", "Text", "Record"};
    const struct evidence_found *found = &pack->select.total;
    uint64_t all = 0;
    size_t shown = 0;
    for (enum audit_kind kind = AUDIT_LOGIN; kind < AUDIT_KIND_COUNT; kind++) {
        all += (asked->exceptions & EVIDENCE_KIND(kind)) != 0 ? kind_count(found, kind) : 0;
    }
    evidence_heading(page, "Exceptions, one by one");
    if (all == 0) {
        evidence_text(page, "None in this period. Looked for: records of these kinds.");
    } else {
        evidence_table_begin(page, heads, 5, 4);
    }
    for (size_t i = 0; i < found->event_count && shown < EVENTS_SHOWN; i++) {
        if ((asked->exceptions & EVIDENCE_KIND(found->events[i].kind)) != 0) {
            put_event(page, &found->events[i]);
            shown++;
        }
    }
    if (all > 0) {
        evidence_table_end(page);
    }
    for (enum audit_kind kind = AUDIT_LOGIN; kind < AUDIT_KIND_COUNT && all == 0; kind++) {
        if ((asked->exceptions & EVIDENCE_KIND(kind)) != 0) {
            evidence_item(page, "`%s`", audit_kind_name(kind));
        }
    }
    evidence_items_end(page);
    if (all > shown) {
        evidence_text(page, "The first %zu of %" PRIu64 "; the population has all of them.", shown, all);
    }
}

static void put_not_shown(struct evidence_page *page, const struct evidence_criterion *asked)
{
    evidence_heading(page, "What this does not show");
    for (size_t i = 0; i < sizeof asked->not_shown / sizeof asked->not_shown[0] && asked->not_shown[i] != NULL; i++) {
        evidence_item(page, "%s", asked->not_shown[i]);
    }
    evidence_item(page, "Anything that rowgate did not see. A log can prove that nothing was taken out of it, not that "
                        "everything was put in.");
    evidence_items_end(page);
}

static void put_reading(struct evidence_page *page)
{
    evidence_heading(page, "How to read and check this");
    evidence_item(page,
                  "A record is one line of JSON in the form of OCSF 1.8; its number is `unmapped.rg.seq`. A record "
                  "that is mentioned here is found by that number.");
    evidence_item(page,
                  "`sealed:...` stands for a person's value that is encrypted in the log. Equal ones are the same "
                  "person; one person can have several. Who may, opens them with `rowgate audit show`.");
    evidence_item(page,
                  "`sha256sum -c SHA256SUMS` checks the files of this folder, `sha256sum SHA256SUMS` gives its "
                  "digest, which `manifest.json` holds and, unless that says otherwise, a record of the log too.");
    evidence_item(page, "`rowgate audit verify --root KEY DIR` repeats the verification; `docs/evidence.md` of rowgate "
                        "shows how to check all of it without rowgate, and how to count again.");
    evidence_items_end(page);
}

/* ---- all of it ---- */

rg_status evidence_page_write(struct evidence_page *page, struct evidence_pack *pack, const char *directory)
{
    char path[64];
    RG_TRY(page->status);
    (void)snprintf(path, sizeof path, "%.32ssummary.md", directory);
    RG_TRY(evidence_folder_put(&pack->folder, path, rg_buf_slice(&page->markdown)));
    (void)snprintf(path, sizeof path, "%.32ssummary.html", directory);
    return evidence_folder_put(&pack->folder, path, rg_buf_slice(&page->html));
}

rg_status evidence_summary_write(struct evidence_pack *pack, size_t criterion, const char *directory)
{
    RG_AUTO(evidence_page_done) struct evidence_page page;
    const struct evidence_criterion *asked = &evidence_criteria[criterion];
    char title[128];
    evidence_page_init(&page);
    evidence_put_verdict(&page, pack);
    (void)snprintf(title, sizeof title, "Evidence for %s: %s", asked->id, asked->title);
    evidence_title(&page, title);
    put_question(&page, pack, asked);
    evidence_heading(&page, "In short");
    put_short(&page, pack, criterion);
    for (unsigned table = 0; table < EVIDENCE_TABLE_COUNT; table++) {
        if ((asked->tables & EVIDENCE_TABLE(table)) != 0) {
            put_table(&page, pack, table, (asked->charts & EVIDENCE_TABLE(table)) != 0);
        }
    }
    if (asked->has_continuity) {
        put_pauses(&page, pack);
    }
    put_exceptions(&page, pack, asked);
    put_policies(&page, pack);
    put_completeness(&page, pack, criterion);
    put_not_shown(&page, asked);
    put_reading(&page);
    evidence_page_end(&page);
    return evidence_page_write(&page, pack, directory);
}
