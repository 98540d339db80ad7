/* SPDX-License-Identifier: Apache-2.0 */
/* What the verifier's halves hand to each other: findings, and arrays that grow. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "audit/verify_private.h"
#include "base/rg_memory.h"

void *verify_list_add(struct verify_list *list, size_t size)
{
    enum { FIRST = 16 };
    if (list->count == list->capacity) {
        size_t bytes = 0;
        size_t capacity = list->capacity == 0 ? FIRST : list->capacity * 2;
        RG_ASSERT(rg_size_multiply(capacity, size, &bytes));
        list->items = rg_memory_resize(list->items, bytes);
        list->capacity = capacity;
    }
    void *item = (char *)list->items + list->count * size;
    memset(item, 0, size);
    list->count++;
    return item;
}

void verify_list_done(struct verify_list *list)
{
    rg_memory_free(list->items);
    *list = (struct verify_list){0};
}

void verify_find_at(struct verify_findings *findings, const struct verify_finding *finding)
{
    if (findings->items == NULL) {
        findings->items = rg_memory_array(AUDIT_FINDINGS_MAX, sizeof *findings->items);
    }
    if (findings->count < AUDIT_FINDINGS_MAX) {
        findings->items[findings->count] = *finding;
        findings->count++;
    }
}

static struct verify_finding make(enum audit_result result, const char *file, uint64_t seq)
{
    struct verify_finding finding = {.result = result, .seq = seq};
    (void)snprintf(finding.file, sizeof finding.file, "%s", file);
    return finding;
}

void verify_find(struct verify_findings *findings, enum audit_result result, const char *file, uint64_t seq,
                 const char *format, ...)
{
    struct verify_finding finding = make(result, file, seq);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(finding.reason, sizeof finding.reason, format, arguments);
    va_end(arguments);
    verify_find_at(findings, &finding);
}

void verify_find_from(struct verify_findings *findings, enum audit_result result, const char *file, uint64_t seq,
                      const char *format, ...)
{
    struct verify_finding finding = make(result, file, seq);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(finding.reason, sizeof finding.reason, format, arguments);
    va_end(arguments);
    finding.is_vague = true;
    verify_find_at(findings, &finding);
}

bool verify_findings_has_altered(const struct verify_findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        if (findings->items[i].result == AUDIT_ALTERED && !findings->items[i].is_vague) {
            return true;
        }
    }
    return false;
}

static int compare_findings(const void *a, const void *b)
{
    static const int ranks[AUDIT_RESULT_COUNT] = {
        [AUDIT_FORKED] = 0, [AUDIT_ALTERED] = 1, [AUDIT_INCOMPLETE] = 2, [AUDIT_TRUNCATED] = 3,
        [AUDIT_STALE] = 4,  [AUDIT_INTACT] = 5,  [AUDIT_UNVERIFIED] = 6};
    const struct verify_finding *x = a;
    const struct verify_finding *y = b;
    if (x->result != y->result) {
        return ranks[x->result] - ranks[y->result];
    }
    if (x->is_vague != y->is_vague) {
        return x->is_vague ? 1 : -1;
    }
    if (x->seq != y->seq) {
        return x->seq < y->seq ? -1 : 1;
    }
    return (y->line > 0) - (x->line > 0); /* a record before a file as a whole */
}

void verify_findings_sort(struct verify_findings *findings)
{
    if (findings->count > 0) {
        qsort(findings->items, findings->count, sizeof *findings->items, compare_findings);
    }
}

void verify_findings_join(struct verify_findings *findings, const struct verify_findings *others)
{
    for (size_t i = 0; i < others->count; i++) {
        verify_find_at(findings, &others->items[i]);
    }
}

void verify_findings_done(struct verify_findings *findings)
{
    rg_memory_free(findings->items);
    *findings = (struct verify_findings){0};
}

/* Of another's finding nothing is known but what the report holds; the order is the same. */
rg_status audit_report_add(struct audit_report *report, const struct audit_finding *findings, size_t count,
                           struct rg_arena *arena)
{
    void *memory = NULL;
    size_t total = report->finding_count + count;
    RG_TRY(rg_arena_array(arena, total + 1, sizeof(struct audit_finding), &memory));
    struct audit_finding *joined = memory;
    for (size_t i = 0; i < total; i++) {
        const struct audit_finding *item =
            i < report->finding_count ? &report->findings[i] : &findings[i - report->finding_count];
        size_t at = i;
        while (at > 0 && compare_findings(&(struct verify_finding){.result = item->result, .seq = item->seq},
                                          &(struct verify_finding){.result = joined[at - 1].result,
                                                                   .seq = joined[at - 1].seq}) < 0) {
            joined[at] = joined[at - 1];
            at--;
        }
        joined[at] = *item;
    }
    report->findings = joined;
    report->finding_count = total > AUDIT_FINDINGS_MAX ? AUDIT_FINDINGS_MAX : total;
    report->result = total == 0 ? report->result : joined[0].result;
    return RG_OK;
}
