/* SPDX-License-Identifier: Apache-2.0 */
/* Chooses records while they are verified (struct audit_watch). A record's kind stands at a fixed place, so that most
 * are passed by without being read as JSON. Segments are read in parallel and merged in their order as they end, so
 * that the result does not depend on the threads. */
#include <stdio.h>

#include "audit/trail/evidence_private.h"
#include "base/rg_memory.h"

struct evidence_part {
    struct evidence_found found;
    struct evidence_population populations[EVIDENCE_CRITERIA_MAX];
    struct rg_buf lead; /* continuation records before its first record */
    uint64_t lead_lines;
    struct audit_json *json;
    struct rg_sha256_stream *sha256;
    unsigned mask; /* criteria of the last record */
    bool has_record;
    bool is_ended;
};

static struct evidence_part *part_new(void)
{
    struct evidence_part *part = rg_memory_alloc(sizeof *part);
    for (size_t i = 0; i < EVIDENCE_CRITERIA_MAX; i++) {
        evidence_population_init(&part->populations[i], true);
    }
    rg_buf_init(&part->lead, AUDIT_WALK_MAX);
    part->json = audit_json_new();
    part->sha256 = rg_sha256_new();
    return part;
}

static void part_free(struct evidence_part **part)
{
    if (*part == NULL) {
        return;
    }
    evidence_found_done(&(*part)->found);
    for (size_t i = 0; i < EVIDENCE_CRITERIA_MAX; i++) {
        evidence_population_done(&(*part)->populations[i]);
    }
    rg_buf_done(&(*part)->lead);
    audit_json_free(&(*part)->json);
    rg_sha256_free(&(*part)->sha256);
    rg_memory_free(*part);
    *part = NULL;
}

/* ---- one record ---- */

/* AUDIT_NONE: a continuation record. */
static enum audit_kind kind_of(struct rg_slice rest)
{
    static const struct rg_slice key = {"\"kind\":\"", 8};
    rest = rg_slice_cut(rest, key.size, 32);
    const char *end = rest.size == 0 ? NULL : memchr(rest.data, '"', rest.size);
    struct rg_slice name = rg_slice_cut(rest, 0, end == NULL ? 0 : (size_t)(end - rest.data));
    if (rg_slice_is_equal(name, RG_SLICE("statement"))) {
        return AUDIT_STATEMENT;
    }
    for (enum audit_kind kind = AUDIT_LOGIN; kind < AUDIT_KIND_COUNT; kind++) {
        if (rg_slice_is_equal(name, rg_slice_of(audit_kind_name(kind)))) {
            return kind;
        }
    }
    return AUDIT_NONE;
}

/* There are many of them, and each has a ruling. */
static bool is_decided(enum audit_kind kind)
{
    return kind == AUDIT_STATEMENT || kind == AUDIT_HTTP;
}

/* The writer puts the verdict of a statement or a request right behind its numbers; in a text a quote is escaped. */
static bool is_denied(struct rg_slice rest)
{
    enum { HEAD = 256 };
    static const struct rg_slice wanted = {"\"verdict\":\"denied\"", 18};
    rest = rg_slice_cut(rest, 0, HEAD);
    return memmem(rest.data, rest.size, wanted.data, wanted.size) != NULL;
}

/* Is it about the tenant, or about everybody? */
static bool is_in_scope(const struct evidence_select *select, struct evidence_part *part,
                        const struct evidence_record *record, struct rg_slice line)
{
    if (select->tenant.size == 0) {
        return true;
    }
    if (record->head->tenant.size > 0) {
        return rg_slice_is_equal(record->head->tenant, select->tenant);
    }
    if (record->kind == AUDIT_LOGIN || record->kind == AUDIT_LOGIN_FAILED || record->kind == AUDIT_LOGOUT ||
        record->kind == AUDIT_STATEMENT || record->kind == AUDIT_HTTP) {
        part->found.unattributed++;
        return false;
    }
    char about[EVIDENCE_NAME_MAX] = "";
    char wanted[EVIDENCE_NAME_MAX];
    if (record->kind >= AUDIT_EXPORT_SEGMENT && audit_json_check(part->json, "", line.data, line.size) == NULL) {
        evidence_about(part->json, about);
    }
    evidence_clean(select->options->tenant, wanted);
    return about[0] == '\0' || strcmp(about, wanted) == 0;
}

static unsigned criteria_of(const struct evidence_select *select, const struct evidence_record *record)
{
    unsigned mask = 0;
    for (size_t i = 0; i < evidence_criterion_count; i++) {
        const struct evidence_criterion *criterion = &evidence_criteria[i];
        bool is_tenants = criterion->encloses_tenant && select->tenant.size > 0 && record->head->tenant.size > 0;
        bool is_wanted = (criterion->kinds & EVIDENCE_KIND(record->kind)) != 0 ||
                         (criterion->encloses_denied && record->is_denied) || is_tenants;
        mask |= is_wanted ? 1U << i : 0;
    }
    return mask & select->criteria;
}

static bool is_parsed(const struct evidence_select *select, const struct evidence_record *record)
{
    if (is_decided(record->kind)) {
        return record->is_in_period && select->needs_statements;
    }
    bool is_frequent = record->kind == AUDIT_LOG_CHECKPOINT || record->kind == AUDIT_EPOCH_OPEN ||
                       record->kind == AUDIT_PEER_CKPT || record->kind == AUDIT_EXPORT_SEGMENT;
    bool is_policy = record->kind == AUDIT_POLICY_LOADED || record->kind == AUDIT_POLICY_REFUSED;
    return is_policy || (record->is_in_period && !is_frequent);
}

static rg_status take_part(struct evidence_select *select, struct evidence_part *part, struct rg_slice line)
{
    if (!part->has_record) { /* its record stands at the end of the segment before */
        RG_TRY(rg_buf_put(&part->lead, line));
        part->lead_lines++;
        return rg_buf_put_u8(&part->lead, '\n');
    }
    for (size_t i = 0; i < evidence_criterion_count; i++) {
        if ((part->mask & 1U << i) != 0) {
            RG_TRY(evidence_population_put(&part->populations[i], select->folder, NULL, line, true));
        }
    }
    return RG_OK;
}

static rg_status take_record(struct evidence_select *select, struct evidence_part *part,
                             const struct evidence_record *record, struct rg_slice line)
{
    static const uint64_t one[EVIDENCE_VALUES] = {1};
    part->has_record = true;
    part->mask = 0;
    if (!is_in_scope(select, part, record, line)) {
        return RG_OK;
    }
    if (is_parsed(select, record)) {
        bool is_many = is_decided(record->kind); /* the auditor looked at them when it took them */
        const char *problem = is_many ? audit_json_read(part->json, line.data, line.size)
                                      : audit_json_check(part->json, "", line.data, line.size);
        if (problem == NULL) {
            evidence_count(&part->found, record, part->json);
        } else { /* in a log that was altered the next record shows it */
            part->found.unreadable++;
        }
    }
    if (!record->is_in_period) {
        return RG_OK;
    }
    evidence_tally_add(&part->found.tables[EVIDENCE_KINDS], audit_kind_name(record->kind), one);
    part->mask = criteria_of(select, record);
    for (size_t i = 0; i < evidence_criterion_count; i++) {
        if ((part->mask & 1U << i) != 0) {
            RG_TRY(evidence_population_put(&part->populations[i], select->folder, NULL, line, false));
        }
    }
    return RG_OK;
}

static rg_status on_record(void *context, size_t segment, const struct audit_head *head, struct rg_slice line)
{
    struct evidence_select *select = context;
    struct evidence_segment *counted = &select->segments[segment];
    if (head->seq >= select->limit_seq) {
        counted->is_cut = true;
        return RG_OK;
    }
    if (select->parts[segment] == NULL) {
        select->parts[segment] = part_new();
        counted->first_record = head->seq;
    }
    struct evidence_part *part = select->parts[segment];
    struct rg_slice rest = rg_slice_cut(line, head->size, SIZE_MAX);
    struct evidence_record record = {.head = head, .kind = kind_of(rest)};
    record.is_in_period = head->hlc_us >= select->options->from_us && head->hlc_us < select->options->until_us;
    record.is_denied = is_decided(record.kind) && is_denied(rest);
    rg_sha256_put(part->sha256, line);
    rg_sha256_put(part->sha256, RG_SLICE("\n"));
    counted->bytes += line.size + 1;
    if (record.is_in_period) {
        evidence_found_record(&part->found, head);
    }
    return record.kind == AUDIT_NONE ? take_part(select, part, line) : take_record(select, part, &record, line);
}

/* ---- merging ---- */

static rg_status merge_lead(struct evidence_select *select, size_t criterion, const char *path,
                            struct evidence_part *part)
{
    struct rg_slice lines = rg_buf_slice(&part->lead);
    while (lines.size > 0) {
        const char *end = memchr(lines.data, '\n', lines.size);
        size_t size = (size_t)(end - lines.data);
        RG_TRY(evidence_population_put(&select->populations[criterion], select->folder, path,
                                       rg_slice_cut(lines, 0, size), true));
        lines = rg_slice_cut(lines, size + 1, SIZE_MAX);
    }
    return RG_OK;
}

static rg_status merge(struct evidence_select *select, struct evidence_part *part)
{
    bool is_all = (select->criteria & (select->criteria - 1)) != 0;
    for (size_t i = 0; i < evidence_criterion_count; i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "%s%spopulation.jsonl.gz", is_all ? evidence_criteria[i].id : "",
                       is_all ? "/" : "");
        if ((select->last_mask & 1U << i) != 0) {
            RG_TRY(merge_lead(select, i, path, part));
        }
        RG_TRY(evidence_population_append(&select->populations[i], select->folder, path, &part->populations[i]));
    }
    select->last_mask = part->has_record ? part->mask : select->last_mask;
    evidence_found_merge(&select->total, &part->found);
    return RG_OK;
}

static rg_status merge_ready(struct evidence_select *select)
{
    while (select->merged < select->part_count) {
        struct evidence_part *part = select->parts[select->merged];
        if (part == NULL || !part->is_ended) {
            return RG_OK;
        }
        RG_TRY(merge(select, part));
        part_free(&select->parts[select->merged]);
        select->merged++;
    }
    return RG_OK;
}

static rg_status on_end(void *context, size_t segment)
{
    struct evidence_select *select = context;
    (void)pthread_mutex_lock(&select->lock);
    if (select->parts[segment] == NULL) {
        select->parts[segment] = part_new();
    }
    struct evidence_part *part = select->parts[segment];
    select->segments[segment].sha256 = rg_sha256_end(part->sha256);
    select->segments[segment].records = part->found.records;
    part->is_ended = true;
    rg_status status = merge_ready(select);
    (void)pthread_mutex_unlock(&select->lock);
    return status;
}

/* ---- a pass ---- */

static void forget(struct evidence_select *select)
{
    for (size_t i = 0; i < select->part_count; i++) {
        part_free(&select->parts[i]);
    }
    rg_memory_free(select->parts);
    rg_memory_free(select->segments);
    select->parts = NULL;
    select->segments = NULL;
    select->part_count = 0;
    select->merged = 0;
    select->last_mask = 0;
    evidence_found_done(&select->total);
    for (size_t i = 0; i < EVIDENCE_CRITERIA_MAX; i++) {
        evidence_population_done(&select->populations[i]);
        evidence_population_init(&select->populations[i], false);
    }
}

static rg_status on_begin(void *context, size_t segment_count, uint64_t signed_size)
{
    struct evidence_select *select = context;
    forget(select);
    evidence_folder_clear(select->folder);
    select->parts = rg_memory_array(segment_count + 1, sizeof(struct evidence_part *));
    select->segments = rg_memory_array(segment_count + 1, sizeof *select->segments);
    select->part_count = segment_count;
    if (!select->is_limit_set) {
        select->limit_seq = signed_size;
    }
    return RG_OK;
}

void evidence_select_init(struct evidence_select *select)
{
    RG_ASSERT(pthread_mutex_init(&select->lock, NULL) == 0);
    for (size_t i = 0; i < EVIDENCE_CRITERIA_MAX; i++) {
        evidence_population_init(&select->populations[i], false);
    }
    for (size_t i = 0; i < evidence_criterion_count; i++) {
        for (unsigned table = 0; table < EVIDENCE_TABLE_COUNT && (select->criteria & 1U << i) != 0; table++) {
            bool is_used = (evidence_criteria[i].tables & EVIDENCE_TABLE(table)) != 0;
            select->needs_statements |= is_used && evidence_tables[table].needs_statements;
        }
    }
}

void evidence_select_done(struct evidence_select *select)
{
    forget(select);
    for (size_t i = 0; i < EVIDENCE_CRITERIA_MAX; i++) {
        evidence_population_done(&select->populations[i]);
    }
    (void)pthread_mutex_destroy(&select->lock);
}

struct audit_watch evidence_select_watch(struct evidence_select *select)
{
    return (struct audit_watch){.begin = on_begin, .record = on_record, .end = on_end, .context = select};
}
