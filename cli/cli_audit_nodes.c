/* SPDX-License-Identifier: Apache-2.0 */
/* rowgate audit verify DIR1 DIR2 ...: the logs of all nodes, each and against each other. */
#include <stdio.h>

#include "audit/witness/nodes.h"
#include "cli/cli_audit.h"

enum { NODES_TROUBLE = 6, NODES_ARENA = 1024 * 1024 * 1024, NODES_PRINT_MAX = 4 * 1024 * 1024 };

static int report_error(rg_status status)
{
    (void)fprintf(stderr, "rowgate audit: %s\n", status.error->text);
    return NODES_TROUBLE;
}

static rg_status print(const struct audit_report *report, bool is_json)
{
    RG_AUTO(rg_buf_done) struct rg_buf out;
    rg_buf_init(&out, NODES_PRINT_MAX);
    RG_TRY(audit_report_print(report, is_json, &out));
    struct rg_slice text = rg_buf_slice(&out);
    bool is_written = fwrite(text.data, 1, text.size, stdout) == text.size && (is_json || putchar('\n') != EOF);
    return is_written ? RG_OK : rg_fail(RG_CLOSED, "cannot write to stdout");
}

/* The worst of all decides, in the order of one log's findings. */
static int worst(const struct audit_report *reports, size_t count)
{
    static const enum audit_result order[] = {AUDIT_UNVERIFIED, AUDIT_FORKED,    AUDIT_ALTERED,
                                              AUDIT_INCOMPLETE, AUDIT_TRUNCATED, AUDIT_STALE};
    for (size_t rank = 0; rank < sizeof order / sizeof order[0]; rank++) {
        for (size_t i = 0; i < count; i++) {
            if (reports[i].result == order[rank]) {
                return audit_result_exit_code(order[rank]);
            }
        }
    }
    return audit_result_exit_code(AUDIT_INTACT);
}

int cli_audit_verify_nodes(const struct cli_verify_nodes *request)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct rg_slice directories[NODES_MAX];
    struct audit_vkey *roots = NULL;
    struct audit_report *reports = NULL;
    rg_arena_init(&arena, NODES_ARENA);
    rg_status status = rg_arena_array(&arena, request->root_count + 1, sizeof *roots, (void **)&roots);
    for (size_t i = 0; i < request->count; i++) {
        directories[i] = rg_slice_of(request->directories[i]);
    }
    for (size_t i = 0; rg_is_ok(status) && i < request->root_count; i++) {
        status = cli_audit_load_root(request->roots[i], &arena, &roots[i]);
    }
    const struct nodes_options options = {.directories = directories,
                                          .count = request->count,
                                          .roots = roots,
                                          .root_count = request->root_count,
                                          .threads = request->threads,
                                          .is_strict = request->is_strict};
    if (rg_is_ok(status)) {
        status = nodes_verify(&options, &arena, &reports);
    }
    for (size_t i = 0; rg_is_ok(status) && i < request->count; i++) {
        status = print(&reports[i], request->is_json);
    }
    if (rg_is_ok(status) && fflush(stdout) != 0) {
        status = rg_fail(RG_CLOSED, "cannot write to stdout");
    }
    return rg_is_ok(status) ? worst(reports, request->count) : report_error(status);
}
