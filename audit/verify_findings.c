/* SPDX-License-Identifier: Apache-2.0 */
/* What the verifier's halves hand to each other: findings, and arrays that grow. */
#include <stdarg.h>
#include <stdio.h>

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

void verify_find(struct verify_findings *findings, enum audit_result result, const char *file, uint64_t seq,
                 const char *format, ...)
{
    struct verify_finding finding = {.result = result, .seq = seq};
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(finding.reason, sizeof finding.reason, format, arguments);
    va_end(arguments);
    (void)snprintf(finding.file, sizeof finding.file, "%s", file);
    verify_find_at(findings, &finding);
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
