/* SPDX-License-Identifier: Apache-2.0 */
/* rowgate audit verify: what the auditor brings along (a root key, a checkpoint he kept), a progress bar, the report.
 * The work is in audit/verify*.c. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "audit/reader.h"
#include "audit/verify.h"
#include "base/rg_clock.h"
#include "cli/cli_audit.h"
#include "cli/cli_s3.h"
#include "cli/cli_witnesses.h"

enum { EXIT_TROUBLE = 6, VERIFY_ARENA = 1024 * 1024 * 1024, PRINT_MAX = 4 * 1024 * 1024, NOTE_MAX = 64 * 1024 };

static const char usage[] =
    "usage: rowgate audit verify [--root VKEY|FILE] [--since CHECKPOINT] [--threads N] [--strict] [--json] DIR\n"
    "       rowgate audit verify [...] s3://BUCKET[/PREFIX] [S3 OPTIONS]\n"
    "       rowgate audit verify [...] DIR --s3 s3://BUCKET[/PREFIX] [S3 OPTIONS]\n"
    "       rowgate audit verify [--root VKEY|FILE ...] [--threads N] [--strict] [--json] DIR1 DIR2 ...\n"
    "       rowgate audit verify --root VKEY|FILE [--keys DIR|FILE] [--since CHECKPOINT] [--json] FILE\n"
    "\n"
    "Checks every byte of an audit log: records, tiles, checkpoints, key lists. Or, of a file that export or prove\n"
    "made: that its records are those that were signed, and all of them. s3://...: what the bucket holds, from it "
    "alone:\n"
    "records, versions, delete markers, locks, anchors. Several directories: the logs of a cluster's nodes, each and\n"
    "against what the others recorded of it. --s3: a local log must continue its anchors there.\n"
    "\n"
    "--root VKEY|FILE    the root's public key as you were given it; without it the log's own copy is believed\n"
    "--since CHECKPOINT  a file with a signed checkpoint that you kept: the log must continue it, and only what\n"
    "                    came since is read\n"
    "--keys DIR|FILE     for a file: the log's lists of keys, as you were given them, instead of those in the "
    "file\n" CLI_WITNESSES_USAGE "--threads N         instead of one a core\n"
    "--strict            each line also as JSON without double keys, and the whole files' hashes\n"
    "--json              the report as one JSON object\n"
    "\n" CLI_S3_USAGE "\n"
    "Exit status: 0 intact, 1 altered, 2 truncated or rolled back, 3 forked, 4 something is missing,\n"
    "5 the newest checkpoint is stale, 6 usage or I/O.\n";

struct request {
    const char *directory;
    const char *directories[CLI_NODES_MAX];
    size_t directory_count;
    const char *roots[CLI_NODES_MAX + 1];
    size_t root_count;
    const char *root; /* the last one */
    const char *since;
    const char *keys;
    const char *threads;
    bool is_json;
    bool is_strict;
    struct cli_s3 s3;
    struct cli_witnesses witnesses;
};

static int complain(void)
{
    (void)fputs(usage, stderr);
    return EXIT_TROUBLE;
}

static int report_error(rg_status status)
{
    (void)fprintf(stderr, "rowgate audit: %s\n", status.error->text);
    return EXIT_TROUBLE;
}

static bool take_flag(const char *argument, struct request *request)
{
    if (strcmp(argument, "--json") == 0) {
        request->is_json = true;
        return true;
    }
    if (strcmp(argument, "--strict") == 0) {
        request->is_strict = true;
        return true;
    }
    return false;
}

static const char **find_value(const char *argument, struct request *request)
{
    if (strcmp(argument, "--root") == 0) {
        request->root_count += request->root_count < CLI_NODES_MAX ? 1 : 0;
        return &request->roots[request->root_count - 1];
    }
    const struct {
        const char *name;
        const char **value;
    } rows[] = {{"--since", &request->since}, {"--keys", &request->keys}, {"--threads", &request->threads}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(argument, rows[i].name) == 0) {
            return rows[i].value;
        }
    }
    const char **value = cli_witnesses_find(argument, &request->witnesses);
    return value != NULL ? value : cli_s3_find(argument, &request->s3);
}

static bool parse_arguments(int argc, char **argv, struct request *out_request)
{
    struct request request = {0};
    for (int at = 1; at < argc; at++) {
        const char **value = find_value(argv[at], &request);
        if (value != NULL && at + 1 < argc) {
            at++;
            *value = argv[at];
        } else if (value != NULL || (argv[at][0] == '-' && !take_flag(argv[at], &request))) {
            return false;
        } else if (argv[at][0] != '-' && request.directory_count == CLI_NODES_MAX) {
            return false;
        } else if (argv[at][0] != '-') {
            request.directories[request.directory_count++] = argv[at];
        }
    }
    request.directory = request.directories[0];
    request.root = request.root_count == 0 ? NULL : request.roots[request.root_count - 1];
    *out_request = request;
    return request.directory != NULL;
}

static bool is_bucket(const struct request *request)
{
    return strncmp(request->directory, "s3://", sizeof "s3://" - 1) == 0;
}

static bool parse_threads(const char *text, unsigned *out_threads)
{
    enum { THREADS_MAX = 256 };
    char *end = NULL;
    if (text == NULL) {
        return true;
    }
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value == 0 || value > THREADS_MAX) {
        return false;
    }
    *out_threads = (unsigned)value;
    return true;
}

rg_status cli_audit_load_note(const char *path, struct rg_arena *arena, struct rg_slice *out_bytes)
{
    RG_AUTO(audit_fd_done) int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *memory = NULL;
    size_t size = 0;
    if (fd < 0) {
        return rg_fail(RG_STORAGE, "cannot open %s: %s", path, strerror(errno));
    }
    RG_TRY(rg_arena_alloc(arena, NOTE_MAX + 1, &memory));
    while (size <= NOTE_MAX) {
        ssize_t piece = read(fd, (char *)memory + size, NOTE_MAX + 1 - size);
        if (piece < 0 && errno != EINTR) {
            return rg_fail(RG_STORAGE, "cannot read %s: %s", path, strerror(errno));
        }
        if (piece == 0) {
            break;
        }
        size += piece > 0 ? (size_t)piece : 0;
    }
    if (size > NOTE_MAX) {
        return rg_fail(RG_LIMIT, "%s has more than %d bytes", path, NOTE_MAX);
    }
    *out_bytes = rg_slice_make(memory, size);
    return RG_OK;
}

/* The key itself, or a file with it on one line. */
rg_status cli_audit_load_root(const char *text, struct rg_arena *arena, struct audit_vkey *out_key)
{
    struct rg_slice bytes = rg_slice_of(text);
    if (rg_is_ok(audit_vkey_parse(bytes, out_key))) {
        return RG_OK;
    }
    RG_TRY(cli_audit_load_note(text, arena, &bytes));
    while (bytes.size > 0 && (bytes.data[bytes.size - 1] == '\n' || bytes.data[bytes.size - 1] == '\r')) {
        bytes.size--;
    }
    return audit_vkey_parse(bytes, out_key);
}

/* ---- the progress bar ---- */

struct progress {
    int64_t started_us;
    int64_t shown_us;
    bool is_shown;
};

static void on_progress(void *context, uint64_t done_bytes, uint64_t all_bytes)
{
    enum { WIDTH = 40, DELAY_US = 500000, EVERY_US = 100000 };
    struct progress *progress = context;
    int64_t now = rg_clock_monotonic_us(rg_clock_system());
    if (now - progress->started_us < DELAY_US || now - progress->shown_us < EVERY_US || all_bytes == 0) {
        return; /* a small log needs no bar */
    }
    char bar[WIDTH + 1];
    uint64_t done = done_bytes > all_bytes ? all_bytes : done_bytes;
    size_t filled = (size_t)(done * WIDTH / all_bytes);
    double seconds = (double)(now - progress->started_us) / 1e6;
    memset(bar, '.', WIDTH);
    memset(bar, '#', filled);
    bar[WIDTH] = '\0';
    (void)fprintf(stderr, "\r[%s] %3u %%  %.2f GB/s ", bar, (unsigned)(done * 100 / all_bytes),
                  (double)done / 1e9 / seconds);
    progress->shown_us = now;
    progress->is_shown = true;
}

static void end_progress(const struct progress *progress)
{
    if (progress->is_shown) {
        (void)fputs("\r\033[K", stderr);
    }
}

static int print(const struct audit_report *report, bool is_json)
{
    RG_AUTO(rg_buf_done) struct rg_buf out;
    rg_buf_init(&out, PRINT_MAX);
    rg_status status = audit_report_print(report, is_json, &out);
    if (!rg_is_ok(status)) {
        return report_error(status);
    }
    struct rg_slice text = rg_buf_slice(&out);
    bool is_written = fwrite(text.data, 1, text.size, stdout) == text.size && fflush(stdout) == 0;
    return is_written ? audit_result_exit_code(report->result) : EXIT_TROUBLE;
}

static rg_status verify_s3(const struct request *request, const struct audit_verify_options *options,
                           struct rg_arena *arena, struct audit_report *out_report)
{
    struct config *config RG_AUTO(config_free) = NULL;
    struct s3_verify_options with = {.root = options->root,
                                     .since = options->since,
                                     .threads = options->threads,
                                     .is_strict = options->is_strict,
                                     .on_progress = options->on_progress,
                                     .context = options->context};
    struct cli_s3 s3 = request->s3;
    if (is_bucket(request)) {
        s3.url = request->directory;
    } else {
        with.directory = options->directory;
    }
    RG_TRY(cli_s3_take(&s3, arena, &config, &with));
    return s3_verify(&with, arena, out_report);
}

/* A directory alone, with the witnesses that stand behind it. */
static rg_status verify_directory(const struct request *request, const struct audit_verify_options *options,
                                  struct rg_arena *arena, struct audit_report *out_report)
{
    struct audit_verify_options with = *options;
    struct cli_quorum quorum = {0};
    if (!cli_witnesses_are_given(&request->witnesses)) {
        return audit_verify_with(options, arena, out_report);
    }
    RG_TRY(cli_witnesses_take(&request->witnesses, request->directory, arena, &quorum));
    with.kept = quorum.kept;
    with.kept_count = quorum.kept_count;
    RG_TRY(audit_verify_with(&with, arena, out_report));
    return quorum_judge(&quorum.policy, quorum.kept, quorum.kept_count, arena, out_report);
}

static int verify(const struct request *request)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct audit_report report = {0};
    struct audit_vkey root = {0};
    struct progress progress = {.started_us = rg_clock_monotonic_us(rg_clock_system())};
    struct audit_verify_options options = {.directory = rg_slice_of(request->directory),
                                           .is_strict = request->is_strict,
                                           .on_progress = isatty(STDERR_FILENO) ? on_progress : NULL,
                                           .context = &progress};
    rg_status status = RG_OK;
    rg_arena_init(&arena, VERIFY_ARENA);
    if (!parse_threads(request->threads, &options.threads)) {
        return complain();
    }
    if (request->root != NULL) {
        status = cli_audit_load_root(request->root, &arena, &root);
        options.root = &root;
    }
    if (rg_is_ok(status) && request->since != NULL) {
        status = cli_audit_load_note(request->since, &arena, &options.since);
    }
    if (rg_is_ok(status) && request->since != NULL && options.since.size == 0) {
        status = rg_fail(RG_PROTOCOL, "%s is empty: it holds no checkpoint", request->since);
    }
    if (rg_is_ok(status)) {
        bool has_s3 = is_bucket(request) || request->s3.url != NULL;
        status = has_s3 ? verify_s3(request, &options, &arena, &report)
                        : verify_directory(request, &options, &arena, &report);
        end_progress(&progress);
    }
    return rg_is_ok(status) ? print(&report, request->is_json) : report_error(status);
}

static int verify_nodes(const struct request *request)
{
    struct cli_verify_nodes nodes = {.directories = request->directories,
                                     .count = request->directory_count,
                                     .roots = request->roots,
                                     .root_count = request->root_count,
                                     .is_json = request->is_json,
                                     .is_strict = request->is_strict};
    bool is_more = request->since != NULL || request->keys != NULL || request->s3.url != NULL ||
                   cli_s3_is_given(&request->s3) || cli_witnesses_are_given(&request->witnesses);
    return is_more || !parse_threads(request->threads, &nodes.threads) ? complain() : cli_audit_verify_nodes(&nodes);
}

int cli_audit_verify(int argc, char **argv)
{
    struct request request = {0};
    if (argc == 2 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)) {
        (void)fputs(usage, stdout);
        return 0;
    }
    if (!parse_arguments(argc, argv, &request)) {
        return complain();
    }
    if (request.directory_count > 1) {
        return verify_nodes(&request);
    }
    if (is_bucket(&request) ? request.s3.url != NULL : request.s3.url == NULL && cli_s3_is_given(&request.s3)) {
        return complain();
    }
    bool has_s3 = is_bucket(&request) || request.s3.url != NULL;
    bool is_file = !has_s3 && cli_audit_is_file(request.directory);
    if ((has_s3 || is_file) && cli_witnesses_are_given(&request.witnesses)) {
        return complain();
    }
    if (!is_file) {
        return request.keys == NULL ? verify(&request) : complain();
    }
    const struct cli_verify_file file = {.path = request.directory,
                                         .root = request.root,
                                         .keys = request.keys,
                                         .since = request.since,
                                         .is_json = request.is_json};
    return request.threads == NULL && !request.is_strict ? cli_audit_verify_file(&file) : complain();
}
