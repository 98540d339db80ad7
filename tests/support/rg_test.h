/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_SUPPORT_RG_TEST_H
#define RG_TESTS_SUPPORT_RG_TEST_H

/* Include this, never cmocka.h, which wants three headers before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rg_slice.h"
#include "base/rg_status.h"

/* Success, or the error's own text in the report. */
#define assert_ok(expression)                                                                                          \
    do {                                                                                                               \
        rg_status assert_ok_status = (expression);                                                                     \
        if (!rg_is_ok(assert_ok_status)) {                                                                             \
            fail_msg("%s: %s", #expression, assert_ok_status.error->text);                                             \
        }                                                                                                              \
    } while (0)

/* A failure of this kind. */
#define assert_fails(wanted_kind, expression)                                                                          \
    do {                                                                                                               \
        rg_status assert_fails_status = (expression);                                                                  \
        if (rg_is_ok(assert_fails_status)) {                                                                           \
            fail_msg("%s succeeded, expected %s", #expression, #wanted_kind);                                          \
        } else if (assert_fails_status.error->kind != (wanted_kind)) {                                                 \
            fail_msg("%s failed with %s (%s), expected %s", #expression,                                               \
                     rg_kind_info(assert_fails_status.error->kind)->name, assert_fails_status.error->text,             \
                     #wanted_kind);                                                                                    \
        }                                                                                                              \
    } while (0)

#define assert_slice(slice, literal)                                                                                   \
    do {                                                                                                               \
        struct rg_slice assert_slice_value = (slice);                                                                  \
        if (!rg_slice_is_equal(assert_slice_value, rg_slice_of(literal))) {                                            \
            fail_msg("%s is \"%.*s\", expected \"%s\"", #slice, (int)assert_slice_value.size,                          \
                     assert_slice_value.data == NULL ? "" : assert_slice_value.data, (literal));                       \
        }                                                                                                              \
    } while (0)

#endif
