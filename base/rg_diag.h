/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_BASE_DIAG_H
#define RG_BASE_DIAG_H

#include "base/rg_arena.h"

/* The findings of one configuration load: every mistake of a file in one run, each with its place.
 * Findings live in the arena. Threads: one at a time. */
enum rg_severity { RG_SEVERITY_ERROR = 0, RG_SEVERITY_WARNING };

struct rg_place {
    const char *file; /* NULL = no file */
    unsigned line;    /* 1-based; 0 = the whole file */
    unsigned column;  /* 1-based */
};

struct rg_finding {
    struct rg_finding *next;
    enum rg_severity severity;
    struct rg_place place;
    struct rg_slice text;
    const char *rule; /* of a lint; NULL = none */
    const char *hint; /* what to do about it; NULL = none */
};

struct rg_diag {
    struct rg_arena *arena;
    struct rg_finding *first;
    struct rg_finding **last;
    size_t error_count;
    size_t warning_count;
    size_t dropped_count; /* past RG_DIAG_MAX: counted, not kept */
};

enum { RG_DIAG_MAX = 200 };

void rg_diag_init(struct rg_diag *diag, struct rg_arena *arena);
/* Never fails: what does not fit is counted in dropped_count, and error_count still rises. */
void rg_diag_add(struct rg_diag *diag, enum rg_severity severity, struct rg_place place, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* A warning that a rule finds. rule and hint must outlive diag. */
void rg_diag_lint(struct rg_diag *diag, struct rg_place place, const char *rule, const char *hint, const char *format,
                  ...) __attribute__((format(printf, 5, 6)));
/* The same of either severity. */
void rg_diag_rule(struct rg_diag *diag, enum rg_severity severity, const char *rule, const char *hint,
                  const char *format, ...) __attribute__((format(printf, 5, 6)));
#define rg_diag_error(diag, place, ...) rg_diag_add((diag), RG_SEVERITY_ERROR, (place), __VA_ARGS__)
#define rg_diag_warning(diag, place, ...) rg_diag_add((diag), RG_SEVERITY_WARNING, (place), __VA_ARGS__)

#endif
