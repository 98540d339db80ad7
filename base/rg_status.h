/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_BASE_STATUS_H
#define RG_BASE_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdnoreturn.h>

/* The one shape of failure. A function that can fail returns rg_status, is marked RG_MUST_CHECK and
 * leaves its outputs untouched when it fails. A struct, not an enum, so that a forgotten check or an
 * RG_TRY inside a bool function does not compile. */

enum rg_kind {
#define RG_KIND(kind, sqlstate, http, fatal, text) kind,
#include "base/rg_kinds.def"
#undef RG_KIND
    RG_KIND_COUNT
};

struct rg_error {
    enum rg_kind kind;
    int line;
    const char *file;
    char text[512];
};

typedef struct rg_status {
    const struct rg_error *error; /* NULL = success */
} rg_status;

struct rg_kind_info {
    const char *name;
    const char *sqlstate;
    int http_status;
    bool fatal;
    const char *text;
};

#define RG_MUST_CHECK __attribute__((warn_unused_result))
#define RG_OK ((rg_status){NULL})

/* rg_fail fills the thread's one error slot. Valid until the thread's next rg_fail. Any thread. */
#define rg_fail(kind, ...) rg_fail_at((kind), __FILE__, __LINE__, __VA_ARGS__)
rg_status rg_fail_at(enum rg_kind kind, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5))) RG_MUST_CHECK;

/* The row of rg_kinds.def for kind. Static storage. */
const struct rg_kind_info *rg_kind_info(enum rg_kind kind);

static inline bool rg_is_ok(rg_status status)
{
    return status.error == NULL;
}

#define RG_TRY(expression)                                                                                             \
    do {                                                                                                               \
        rg_status rg_try_status = (expression);                                                                        \
        if (rg_try_status.error != NULL) {                                                                             \
            return rg_try_status;                                                                                      \
        }                                                                                                              \
    } while (0)

/* For our own bugs only, never for input; stays on in release. */
#define RG_ASSERT(condition)                                                                                           \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            rg_assert_failed(#condition, __FILE__, __LINE__);                                                          \
        }                                                                                                              \
    } while (0)
noreturn void rg_assert_failed(const char *condition, const char *file, int line);

/* RG_AUTO(x_done) struct x value = ...; runs x_done(&value) at the end of the scope. */
#define RG_AUTO(function) __attribute__((cleanup(function)))

#endif
