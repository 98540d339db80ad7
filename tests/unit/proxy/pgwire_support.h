/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_UNIT_PROXY_PGWIRE_SUPPORT_H
#define RG_TESTS_UNIT_PROXY_PGWIRE_SUPPORT_H

/* What the tests of proxy/pgwire share: outputs that show when they are touched, bytes in a heap block of
 * exactly their size (so that ASan sees one byte too far), and the truncation of messages. */
#include <stdlib.h>

#include "base/rg_buf.h"
#include "tests/support/rg_test.h"

enum { UNTOUCHED = 0xa5, OUTPUT_MAX = 512, BUF_LIMIT = 1 << 22 };

union output {
    unsigned char bytes[OUTPUT_MAX];
    max_align_t align;
};

static inline void output_reset(union output *output)
{
    memset(output, UNTOUCHED, sizeof *output);
}

static inline bool output_is_untouched(const union output *output)
{
    for (size_t i = 0; i < sizeof output->bytes; i++) {
        if (output->bytes[i] != UNTOUCHED) {
            return false;
        }
    }
    return true;
}

/* Free .data through exact_free. */
static inline struct rg_slice exact_copy(struct rg_slice bytes)
{
    char *copy = malloc(bytes.size == 0 ? 1 : bytes.size);
    assert_non_null(copy);
    if (bytes.size > 0) {
        memcpy(copy, bytes.data, bytes.size);
    }
    return (struct rg_slice){copy, bytes.size};
}

static inline void exact_free(struct rg_slice copy)
{
    free((void *)(uintptr_t)copy.data);
}

typedef rg_status parse_function(struct rg_slice body, void *out);

/* Fails with kind for this body, and leaves the output alone. */
static inline void expect_refused(const char *name, parse_function *parse, struct rg_slice body, enum rg_kind kind)
{
    union output output;
    output_reset(&output);
    struct rg_slice copy = exact_copy(body);
    rg_status status = parse(copy, &output);
    if (rg_is_ok(status)) {
        fail_msg("%s: %zu bytes are accepted", name, body.size);
    }
    if (status.error->kind != kind) {
        fail_msg("%s: %zu bytes: %s", name, body.size, status.error->text);
    }
    if (!output_is_untouched(&output)) {
        fail_msg("%s: %zu bytes: the output was touched", name, body.size);
    }
    exact_free(copy);
}

/* The whole body is accepted; each shorter one, and one with a byte more, is refused. */
static inline void expect_whole_only(const char *name, parse_function *parse, struct rg_slice body, enum rg_kind kind)
{
    union output output;
    struct rg_slice copy = exact_copy(body);
    rg_status status = parse(copy, &output);
    if (!rg_is_ok(status)) {
        fail_msg("%s: the whole body: %s", name, status.error->text);
    }
    exact_free(copy);
    for (size_t size = 0; size < body.size; size++) {
        expect_refused(name, parse, rg_slice_cut(body, 0, size), kind);
    }
    char longer[1024] = {0};
    assert_true(body.size < sizeof longer);
    if (body.size > 0) {
        memcpy(longer, body.data, body.size);
    }
    expect_refused(name, parse, rg_slice_make(longer, body.size + 1), kind);
}

#endif
