/* SPDX-License-Identifier: Apache-2.0 */
/* The verifier's view of hostile bytes: input = a segment. Each line goes through head, chain and JSON
 * checks, and through the frame reader of the seam. What is accepted must read back the same. */
#include "audit/chain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_head(struct rg_slice line)
{
    struct audit_head head = {0};
    if (!rg_is_ok(audit_line_parse(line, &head))) {
        return;
    }
    RG_ASSERT(head.size < line.size && line.data[head.size] == '"');
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, (size_t)3 * AUDIT_LINE_MAX);
    struct audit_message none = {.rg = RG_SLICE("{\"a\":0}"), .ocsf = RG_SLICE("{\"b\":0}")};
    rg_status status = audit_line_encode(&head, &none, &buf);
    RG_ASSERT(!rg_is_ok(status) ||
              rg_slice_is_equal(rg_slice_cut(rg_buf_slice(&buf), 0, head.size), rg_slice_cut(line, 0, head.size)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct audit_chain chain;
    struct rg_slice rest = rg_slice_make(data, size);
    struct rg_slice frames = rest;
    struct audit_message message = {0};
    audit_chain_init(&chain, RG_SLICE("fuzz/audit/node/1"), &(struct rg_digest){0});
    while (rest.size > 0) {
        const char *end = memchr(rest.data, '\n', rest.size);
        struct rg_slice line = rg_slice_cut(rest, 0, end == NULL ? rest.size : (size_t)(end - rest.data));
        struct audit_head head = {0};
        enum audit_problem problem = AUDIT_PROBLEM_NONE;
        enum audit_kind kind = AUDIT_NONE;
        check_head(line);
        (void)rg_is_ok(audit_chain_check(&chain, line, &head, &problem));
        (void)rg_is_ok(audit_line_check_json(line, &kind));
        rest = rg_slice_cut(rest, line.size + 1, SIZE_MAX);
    }
    while (rg_is_ok(audit_message_get(&frames, &message))) {
        RG_ASSERT(memchr(message.rg.data, '\n', message.rg.size) == NULL);
    }
    audit_chain_done(&chain);
    return 0;
}
