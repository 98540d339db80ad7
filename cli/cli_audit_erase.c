/* SPDX-License-Identifier: Apache-2.0 */
/* rowgate audit erase: the order to destroy the keys of a subject. The work is the auditor's (audit/keep/subjects.h).
 */
#include <inttypes.h>
#include <stdio.h>

#include "audit/keep/order.h"
#include "cli/cli_audit.h"
#include "cli/options.h"
#include "cli/text.h"

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_TROUBLE = 6, ARENA_BYTES = 1024 * 1024 };

static const char usage[] =
    "usage: rowgate audit erase SUBJECT --tenant ID --reason TEXT DIR\n"
    "\n"
    "Destroys the keys with which the personal values of SUBJECT are encrypted in the audit log DIR: names,\n"
    "addresses, literals, parameters, messages. They cannot be read by anybody any more; the log still verifies.\n"
    "The erasure is recorded with your name and the reason, not with the subject's name. It cannot be undone.\n"
    "\n"
    "SUBJECT      as the identity provider or the service account calls it (\"sub\"), byte for byte\n"
    "--tenant ID  of this tenant; \"\" for \"unverified YYYY-MM-DD\": those who failed to log in that day\n"
    "--reason     for the record; do not name the person in it\n"
    "--json       the answer as one JSON object\n"
    "\n"
    "docs/erasure.md tells what is erased when, and what is left to do by hand.\n"
    "Exit status: 0 erased, 1 a hold stands against it or there is no such subject, 6 usage or I/O.\n";

struct request {
    const char *tenant;
    const char *reason;
    bool is_json;
    bool wants_help;
    struct option_operands operands;
};

static int report(rg_status status)
{
    (void)fputs("rowgate audit erase: ", stderr);
    text_print(stderr, rg_slice_of(status.error->text), false);
    (void)fputc('\n', stderr);
    bool is_refused = status.error->kind == RG_DENIED || status.error->kind == RG_CONFIG;
    return is_refused ? EXIT_REFUSED : EXIT_TROUBLE;
}

static int erase(const struct request *request)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct audit_order_reply reply = {0};
    const struct audit_order order = {.kind = AUDIT_ORDER_ERASE,
                                      .tenant = rg_slice_of(request->tenant),
                                      .subject = rg_slice_of(request->operands.texts[0]),
                                      .reason = rg_slice_of(request->reason)};
    rg_arena_init(&arena, ARENA_BYTES);
    rg_status status = audit_order(rg_slice_of(request->operands.texts[1]), &order, &arena, &reply);
    if (!rg_is_ok(status)) {
        return report(status);
    }
    if (request->is_json) {
        (void)printf("{\"keys\":%" PRIu64 ",\"seq\":%" PRIu64 "}\n", reply.count, reply.seq);
    } else {
        (void)printf("%" PRIu64 " keys destroyed, here and in the store's own backups; recorded as %" PRIu64 ".\n"
                     "Copies that you made of the store yourself still hold them: docs/erasure.md.\n",
                     reply.count, reply.seq);
    }
    return fflush(stdout) == 0 ? EXIT_DONE : EXIT_TROUBLE;
}

int cli_audit_erase(int argc, char **argv)
{
    struct request request = {.operands = {.max = 2}};
    const struct option_row rows[] = {{"--tenant", &request.tenant, NULL},
                                      {"--reason", &request.reason, NULL},
                                      {"--json", NULL, &request.is_json},
                                      {"-h", NULL, &request.wants_help},
                                      {"--help", NULL, &request.wants_help}};
    if (!options_parse("audit erase", argc, argv, rows, sizeof rows / sizeof rows[0], &request.operands)) {
        return EXIT_TROUBLE;
    }
    bool is_whole = request.operands.count == 2 && request.tenant != NULL && request.reason != NULL &&
                    request.reason[0] != '\0' && request.operands.texts[0][0] != '\0';
    if (request.wants_help || !is_whole) {
        (void)fputs(usage, request.wants_help ? stdout : stderr);
        return request.wants_help ? EXIT_DONE : EXIT_TROUBLE;
    }
    return erase(&request);
}
