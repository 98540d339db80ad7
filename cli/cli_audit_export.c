/* SPDX-License-Identifier: Apache-2.0 */
/* rowgate audit export and rowgate audit prove: a file for one reader, to standard output or a new file. The work is in
 * audit/trail/. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "audit/keep/order.h"
#include "audit/line.h"
#include "audit/trail/trail.h"
#include "base/rg_clock.h"
#include "cli/cli_audit.h"
#include "cli/options.h"
#include "cli/text.h"
#include "cli/when.h"

enum { EXIT_TROUBLE = 6, EXPORT_ARENA = 1024 * 1024 * 1024 };

static const char export_usage[] =
    "usage: rowgate audit export --tenant ID [--since TIME] [--until TIME] [-o FILE] [--unrecorded] DIR\n"
    "\n"
    "Writes the tenant's trail: its records alone, and the proof that they are all that the log holds of it in\n"
    "that time, for somebody who has nothing but the log's root key. The time is widened to the checkpoints\n"
    "around it, by a second or so. `rowgate audit verify --root ROOT FILE` checks it.\n"
    "\n"
    "--tenant ID    as in the policies\n"
    "--since TIME   2026-11-22, 2026-11-22T15:53:43Z, or an age: 90s, 15m, 2h, 3d, 1w; without it, all from the start\n"
    "--until TIME   the same; without it, up to the newest checkpoint\n"
    "-o FILE        a new file instead of standard output\n"
    "--unrecorded   the log gets no record that this was made: for a copy that must stay as it is\n"
    "\n"
    "Exit status: 0 made, 6 usage, trouble, or a tenant without records.\n";

static const char prove_usage[] =
    "usage: rowgate audit prove [--with-keys] [-o FILE] [--unrecorded] SEQ DIR\n"
    "\n"
    "Writes the proof that record SEQ stands in the log: the record, and a C2SP tlog-proof of it.\n"
    "`rowgate audit verify --root ROOT --keys LISTS FILE` checks it.\n"
    "\n"
    "--with-keys    the lists of keys go into the file, 45 bytes an epoch: then --root is enough to check it\n"
    "-o FILE        a new file instead of standard output\n"
    "--unrecorded   the log gets no record that this was made: for a copy that must stay as it is\n"
    "\n"
    "Exit status: 0 made, 6 usage, trouble, or no such record.\n";

struct output {
    const char *path; /* NULL = standard output */
    int fd;
};

static rg_status put(void *context, struct rg_slice bytes)
{
    const struct output *output = context;
    for (size_t done = 0; done < bytes.size;) {
        ssize_t size = write(output->fd, bytes.data + done, bytes.size - done);
        if (size < 0 && errno != EINTR) {
            return rg_fail(RG_STORAGE, "cannot write: %s", strerror(errno));
        }
        done += size > 0 ? (size_t)size : 0;
    }
    return RG_OK;
}

static rg_status open_output(struct output *output)
{
    output->fd = STDOUT_FILENO;
    if (output->path != NULL) {
        output->fd = open(output->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    }
    return output->fd >= 0 ? RG_OK : rg_fail(RG_STORAGE, "cannot make %s: %s", output->path, strerror(errno));
}

/* A file that was not finished goes. */
static rg_status close_output(const struct output *output, rg_status status)
{
    if (output->path == NULL) {
        return status;
    }
    if (close(output->fd) != 0 && rg_is_ok(status)) {
        status = rg_fail(RG_STORAGE, "cannot write %s: %s", output->path, strerror(errno));
    }
    if (!rg_is_ok(status)) {
        (void)unlink(output->path);
    }
    return status;
}

static int report(const char *command, const char *text)
{
    (void)fprintf(stderr, "rowgate audit %s: ", command);
    text_print(stderr, rg_slice_of(text), false);
    (void)fputc('\n', stderr);
    return EXIT_TROUBLE;
}

static void tell(const char *command, const struct audit_trail_made *made)
{
    (void)fprintf(stderr,
                  "rowgate audit %s: %" PRIu64 " record%s, %" PRIu64 " bytes, by the checkpoint of %" PRIu64 "\n",
                  command, made->record_count, made->record_count == 1 ? "" : "s", made->bytes, made->checkpoint_size);
}

/* The log says who took what out of it. A copy cannot: then the operator is told, and the file is as good. */
static void record_export(const char *command, const char *what, const char *directory, struct rg_slice tenant,
                          const struct audit_trail_made *made)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct audit_order_reply reply = {0};
    const struct audit_order order = {.kind = AUDIT_ORDER_EXPORTED,
                                      .object = rg_slice_of(what),
                                      .tenant = tenant,
                                      .first_seq = made->first_seq,
                                      .last_seq = made->last_seq};
    rg_arena_init(&arena, EXPORT_ARENA);
    rg_status status = audit_order(rg_slice_of(directory), &order, &arena, &reply);
    if (!rg_is_ok(status)) {
        (void)fprintf(stderr, "rowgate audit %s: no record of it in the log: ", command);
        text_print(stderr, rg_slice_of(status.error->text), false);
        (void)fputc('\n', stderr);
    }
}

static int usage_of(const char *text, bool is_wanted)
{
    (void)fputs(text, is_wanted ? stdout : stderr);
    return is_wanted ? 0 : EXIT_TROUBLE;
}

int cli_audit_export(int argc, char **argv)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct output output = {.fd = -1};
    struct option_operands operands = {.max = 1};
    struct audit_trail_made made = {0};
    const char *tenant = NULL;
    const char *since = NULL;
    const char *until = NULL;
    bool wants_help = false;
    bool is_unrecorded = false;
    const struct option_row rows[] = {{"--unrecorded", NULL, &is_unrecorded},
                                      {"--tenant", &tenant, NULL},
                                      {"--since", &since, NULL},
                                      {"--until", &until, NULL},
                                      {"-o", &output.path, NULL},
                                      {"-h", NULL, &wants_help},
                                      {"--help", NULL, &wants_help}};
    struct audit_trail_options options = {.since_us = INT64_MIN, .until_us = INT64_MAX};
    const struct audit_trail_sink sink = {.put = put, .context = &output};
    int64_t now_us = rg_clock_wall_us(rg_clock_system());
    rg_arena_init(&arena, EXPORT_ARENA);
    if (!options_parse("audit export", argc, argv, rows, sizeof rows / sizeof rows[0], &operands)) {
        return EXIT_TROUBLE;
    }
    if (wants_help || operands.count < 1 || tenant == NULL) {
        return usage_of(export_usage, wants_help);
    }
    if ((since != NULL && !when_parse(since, now_us, &options.since_us)) ||
        (until != NULL && !when_parse(until, now_us, &options.until_us))) {
        return report("export", "--since and --until: a day, a time or an age is wanted; see export -h");
    }
    options.directory = rg_slice_of(operands.texts[0]);
    options.tenant = rg_slice_of(tenant);
    rg_status status = open_output(&output);
    if (rg_is_ok(status)) {
        status = close_output(&output, audit_trail_export(&options, &sink, &arena, &made));
    }
    if (!rg_is_ok(status)) {
        return report("export", status.error->text);
    }
    tell("export", &made);
    if (!is_unrecorded) {
        record_export("export", "trail", operands.texts[0], options.tenant, &made);
    }
    return 0;
}

static bool parse_seq(const char *text, uint64_t *out_seq)
{
    uint64_t value = 0;
    size_t size = strlen(text);
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9' || i >= AUDIT_DIGITS) {
            return false;
        }
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    *out_seq = value;
    return size > 0;
}

int cli_audit_prove(int argc, char **argv)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct output output = {.fd = -1};
    struct option_operands operands = {.max = 2};
    struct audit_trail_made made = {0};
    struct audit_proof_options options = {0};
    bool wants_help = false;
    bool is_unrecorded = false;
    const struct option_row rows[] = {{"--unrecorded", NULL, &is_unrecorded},
                                      {"--with-keys", NULL, &options.has_keys},
                                      {"-o", &output.path, NULL},
                                      {"-h", NULL, &wants_help},
                                      {"--help", NULL, &wants_help}};
    const struct audit_trail_sink sink = {.put = put, .context = &output};
    rg_arena_init(&arena, EXPORT_ARENA);
    if (!options_parse("audit prove", argc, argv, rows, sizeof rows / sizeof rows[0], &operands)) {
        return EXIT_TROUBLE;
    }
    if (wants_help || operands.count < 2) {
        return usage_of(prove_usage, wants_help);
    }
    if (!parse_seq(operands.texts[0], &options.seq)) {
        return report("prove", "the number of a record is wanted, then the directory");
    }
    options.directory = rg_slice_of(operands.texts[1]);
    rg_status status = open_output(&output);
    if (rg_is_ok(status)) {
        status = close_output(&output, audit_proof_export(&options, &sink, &arena, &made));
    }
    if (!rg_is_ok(status)) {
        return report("prove", status.error->text);
    }
    tell("prove", &made);
    if (!is_unrecorded) {
        record_export("prove", "proof", operands.texts[1], (struct rg_slice){0}, &made);
    }
    return 0;
}
