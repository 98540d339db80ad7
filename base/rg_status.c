/* SPDX-License-Identifier: Apache-2.0 */
/* The error slot of each thread and the table of kinds. Nothing here logs: only pipeline.c and
 * main.c do. */
#include "base/rg_status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const struct rg_kind_info kinds[RG_KIND_COUNT] = {
#define RG_KIND(kind, sqlstate, http, fatal, text) [kind] = {#kind, sqlstate, http, fatal, text},
#include "base/rg_kinds.def"
#undef RG_KIND
};

static _Thread_local struct rg_error slot;

rg_status rg_fail_at(enum rg_kind kind, const char *file, int line, const char *format, ...)
{
    char text[sizeof slot.text]; /* arguments may point into the slot itself */
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    slot.kind = kind;
    slot.file = file;
    slot.line = line;
    (void)snprintf(slot.text, sizeof slot.text, "%s", text);
    return (rg_status){&slot};
}

const struct rg_kind_info *rg_kind_info(enum rg_kind kind)
{
    RG_ASSERT((unsigned)kind < RG_KIND_COUNT);
    return &kinds[kind];
}

void rg_assert_failed(const char *condition, const char *file, int line)
{
    (void)fprintf(stderr, "rowgate: assertion failed: %s (%s:%d)\n", condition, file, line);
    abort();
}
