/* SPDX-License-Identifier: Apache-2.0 */
/* rowgate audit tail: the last records, and those that come. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "audit/follow.h"
#include "audit/show.h"
#include "cli/cli_audit.h"
#include "cli/options.h"
#include "cli/record.h"
#include "cli/text.h"

enum { EXIT_DONE = 0, EXIT_TROUBLE = 6, LAST_DEFAULT = 10, POLL_MS = 100, TENANT_ARENA = 64 * 1024 };

static const char usage[] =
    "usage: rowgate audit tail [-f] [-n N] [--tenant ID] [--json] [--subjects DIR2] DIR\n"
    "\n"
    "Prints the last 10 records of an audit log, one line each.\n"
    "\n"
    "-f           goes on with those that come, over new segments and recoveries, until it is interrupted\n"
    "-n N         the last N instead\n"
    "--tenant ID  of this tenant only\n"
    "--json       whole records, one JSON object a line\n"
    "--subjects DIR2  where the keys of encrypted values are, when the log does not name the place\n"
    "\n"
    "Exit status: 0 done, 6 usage or I/O.\n";

struct request {
    const char *count;
    const char *tenant;
    const char *subjects;
    bool follows;
    bool is_json;
    bool wants_help;
    struct option_operands operands;
};

static rg_status on_record(void *context, const struct audit_walked *record, const struct audit_shown *shown)
{
    const struct request *request = context;
    if (request->is_json) {
        RG_TRY(record_print_json(shown, record->line));
    } else {
        record_print_line(stdout, shown);
    }
    return ferror(stdout) == 0 ? RG_OK : rg_fail(RG_CLOSED, "cannot write to standard output");
}

/* Waits; over when nobody reads our output any more. */
static bool on_end(void *context)
{
    (void)context;
    struct pollfd output = {.fd = STDOUT_FILENO, .events = 0};
    if (fflush(stdout) != 0) {
        return false;
    }
    int count = poll(&output, 1, POLL_MS);
    return count <= 0 || (output.revents & (POLLERR | POLLHUP | POLLNVAL)) == 0;
}

static void on_cut(void *context, uint64_t seq)
{
    (void)context;
    (void)fflush(stdout);
    (void)fprintf(stderr, "rowgate audit tail: the log was cut and goes on differently from record %" PRIu64 "\n", seq);
}

static int report(const char *text)
{
    (void)fputs("rowgate audit tail: ", stderr);
    text_print(stderr, rg_slice_of(text), false);
    (void)fputc('\n', stderr);
    return EXIT_TROUBLE;
}

static bool parse_count(const char *text, uint64_t *out_count)
{
    char *end = NULL;
    errno = 0;
    unsigned long long value = text == NULL ? LAST_DEFAULT : strtoull(text, &end, 10);
    if (text != NULL && (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0)) {
        return false;
    }
    *out_count = value;
    return value <= AUDIT_FOLLOW_LAST_MAX;
}

static rg_status tail(struct request *request, uint64_t count)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    RG_AUTO(audit_opener_free) struct audit_opener *opener = NULL;
    RG_AUTO(audit_fd_done) int fd = -1;
    struct audit_follow_options options = {.last_count = count, .is_endless = request->follows};
    const struct audit_follow_sink sink = {
        .on_record = on_record, .on_end = on_end, .on_cut = on_cut, .context = request};
    rg_arena_init(&arena, TENANT_ARENA);
    RG_TRY(audit_show_escape(rg_slice_of(request->tenant), &arena, &options.tenant));
    RG_TRY(audit_directory_open(rg_slice_of(request->operands.texts[0]), &arena, &fd));
    RG_TRY(audit_opener_new(fd, rg_slice_of(request->subjects), &opener));
    options.opener = opener;
    return audit_follow(rg_slice_of(request->operands.texts[0]), &options, &sink);
}

int cli_audit_tail(int argc, char **argv)
{
    struct request request = {.operands = {.max = 1}};
    const struct option_row rows[] = {{"-f", NULL, &request.follows},          {"-n", &request.count, NULL},
                                      {"--tenant", &request.tenant, NULL},     {"--json", NULL, &request.is_json},
                                      {"--subjects", &request.subjects, NULL}, {"-h", NULL, &request.wants_help},
                                      {"--help", NULL, &request.wants_help}};
    uint64_t count = 0;
    if (!options_parse("audit tail", argc, argv, rows, sizeof rows / sizeof rows[0], &request.operands)) {
        return EXIT_TROUBLE;
    }
    if (request.wants_help || request.operands.count == 0) {
        (void)fputs(usage, request.wants_help ? stdout : stderr);
        return request.wants_help ? EXIT_DONE : EXIT_TROUBLE;
    }
    if (!parse_count(request.count, &count)) {
        return report("-n takes a number of up to 1000000");
    }
    rg_status status = tail(&request, count);
    bool is_written = fflush(stdout) == 0;
    if (!rg_is_ok(status)) {
        return report(status.error->text);
    }
    return is_written ? EXIT_DONE : EXIT_TROUBLE;
}
