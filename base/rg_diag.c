/* SPDX-License-Identifier: Apache-2.0 */
/* The list of findings of one configuration load. */
#include "base/rg_diag.h"

#include <stdarg.h>
#include <stdio.h>

void rg_diag_init(struct rg_diag *diag, struct rg_arena *arena)
{
    *diag = (struct rg_diag){.arena = arena};
    diag->last = &diag->first;
}

static rg_status keep(struct rg_diag *diag, struct rg_finding like, const char *text)
{
    struct rg_finding *finding = NULL;
    struct rg_slice file = {NULL, 0};
    if (like.place.file != NULL) { /* a finding outlives the file it is about */
        RG_TRY(rg_arena_copy(diag->arena, rg_slice_of(like.place.file), &file));
        like.place.file = file.data;
    }
    RG_TRY(rg_arena_copy(diag->arena, rg_slice_of(text), &like.text));
    RG_TRY(rg_arena_new(diag->arena, &finding));
    *finding = like;
    *diag->last = finding;
    diag->last = &finding->next;
    return RG_OK;
}

__attribute__((format(printf, 3, 0))) static void count_and_keep(struct rg_diag *diag, struct rg_finding like,
                                                                 const char *format, va_list arguments)
{
    char text[1024];
    (void)vsnprintf(text, sizeof text, format, arguments);
    size_t *count = like.severity == RG_SEVERITY_ERROR ? &diag->error_count : &diag->warning_count;
    *count += 1;
    if (diag->error_count + diag->warning_count > RG_DIAG_MAX || !rg_is_ok(keep(diag, like, text))) {
        diag->dropped_count += 1;
    }
}

void rg_diag_add(struct rg_diag *diag, enum rg_severity severity, struct rg_place place, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    count_and_keep(diag, (struct rg_finding){.severity = severity, .place = place}, format, arguments);
    va_end(arguments);
}

void rg_diag_lint(struct rg_diag *diag, struct rg_place place, const char *rule, const char *hint, const char *format,
                  ...)
{
    va_list arguments;
    va_start(arguments, format);
    count_and_keep(diag,
                   (struct rg_finding){.severity = RG_SEVERITY_WARNING, .place = place, .rule = rule, .hint = hint},
                   format, arguments);
    va_end(arguments);
}

void rg_diag_rule(struct rg_diag *diag, enum rg_severity severity, const char *rule, const char *hint,
                  const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    count_and_keep(diag, (struct rg_finding){.severity = severity, .rule = rule, .hint = hint}, format, arguments);
    va_end(arguments);
}
