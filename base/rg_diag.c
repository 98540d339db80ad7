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

static rg_status keep(struct rg_diag *diag, enum rg_severity severity, struct rg_place place, const char *text)
{
    struct rg_finding *finding = NULL;
    struct rg_slice file = {NULL, 0};
    if (place.file != NULL) { /* a finding outlives the file it is about */
        RG_TRY(rg_arena_copy(diag->arena, rg_slice_of(place.file), &file));
        place.file = file.data;
    }
    RG_TRY(rg_arena_new(diag->arena, &finding));
    RG_TRY(rg_arena_copy(diag->arena, rg_slice_of(text), &finding->text));
    finding->severity = severity;
    finding->place = place;
    *diag->last = finding;
    diag->last = &finding->next;
    return RG_OK;
}

void rg_diag_add(struct rg_diag *diag, enum rg_severity severity, struct rg_place place, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    size_t *count = severity == RG_SEVERITY_ERROR ? &diag->error_count : &diag->warning_count;
    *count += 1;
    if (diag->error_count + diag->warning_count > RG_DIAG_MAX || !rg_is_ok(keep(diag, severity, place, text))) {
        diag->dropped_count += 1;
    }
}
