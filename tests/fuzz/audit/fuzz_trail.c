/* SPDX-License-Identifier: Apache-2.0 */
/* Trails and proofs as a reader meets them: hostile bytes, under the root key of the logs that the seeds are of.
 * Nothing may be called intact but what those logs hold, however the file is written; what is found must print. */
#include <jansson.h>

#include "audit/trail/trail.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA = 64 << 20, PRINT_MAX = 1 << 20 };

/* tests/support/audit_history_keys.h, key set 0. */
static const char root_key[] = "test/audit/node-1/1+c9c60715+ASJzABFQe+d+oaU4LvKMfyk4XMMjAGHnm2L/tNT4gISb";

static void check_print(const struct audit_trail_report *report)
{
    RG_AUTO(rg_buf_done) struct rg_buf out;
    rg_buf_init(&out, PRINT_MAX);
    RG_ASSERT(rg_is_ok(audit_trail_report_print(report, false, &out)));
    rg_buf_clear(&out);
    RG_ASSERT(rg_is_ok(audit_trail_report_print(report, true, &out)));
    json_t *object = json_loadb(rg_buf_slice(&out).data, rg_buf_size(&out), 0, NULL);
    RG_ASSERT(object != NULL);
    json_decref(object);
}

/* The seeds' logs have 11 and 18 records; the proof is of record 4. */
static void check_intact(const struct audit_trail_report *report)
{
    RG_ASSERT(report->origin.size > 0 && report->reason.size == 0);
    RG_ASSERT(report->checkpoint_size == 11 || report->checkpoint_size == 18);
    RG_ASSERT(report->last_seq < report->checkpoint_size);
    if (report->is_proof) {
        RG_ASSERT(report->record_count == 1 && report->first_seq == 4);
        return;
    }
    bool is_acme = rg_slice_is_equal(report->tenant, RG_SLICE("acme"));
    RG_ASSERT(is_acme || rg_slice_is_equal(report->tenant, RG_SLICE("globex")));
    RG_ASSERT(report->first_tseq + report->record_count <= (is_acme ? 4 : 3));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct rg_slice rest = rg_slice_make(data, size);
    struct audit_vkey root;
    struct audit_trail_report report = {0};
    const struct audit_trail_source source = {.next = audit_trail_read_bytes, .context = &rest};
    rg_arena_init(&arena, ARENA);
    RG_ASSERT(rg_is_ok(audit_vkey_parse(rg_slice_of(root_key), &root)));
    const struct audit_trail_check check = {.source = &source, .root = &root};
    if (!rg_is_ok(audit_trail_verify(&check, &arena, &report))) {
        return 0;
    }
    RG_ASSERT(report.result != AUDIT_UNVERIFIED);
    check_print(&report);
    if (report.result == AUDIT_INTACT) {
        check_intact(&report);
    } else {
        RG_ASSERT(report.reason.size > 0);
    }
    return 0;
}
