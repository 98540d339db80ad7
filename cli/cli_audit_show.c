/* SPDX-License-Identifier: Apache-2.0 */
/* rowgate audit show: one record, whole. */
#include <stdio.h>

#include "audit/show_record.h"
#include "cli/cli_audit.h"
#include "cli/options.h"
#include "cli/record.h"
#include "cli/text.h"

enum { EXIT_FOUND = 0, EXIT_NOTHING = 1, EXIT_TROUBLE = 6, PATH_ARENA = 64 * 1024 };

static const char usage[] =
    "usage: rowgate audit show [--raw | --json] [--subjects DIR2] SEQ DIR\n"
    "\n"
    "Prints record SEQ of an audit log: who, when, what, how it ended; its texts whole, with their\n"
    "literals in place. Of a continuation record, the record that it belongs to.\n"
    "\n"
    "--raw   the line of record SEQ as it was hashed, nothing else\n"
    "--json  as one JSON object\n"
    "--subjects DIR2  where the keys of encrypted values are, when the log does not name the place\n"
    "\n"
    "Exit status: 0 shown, 1 there is no such record, 6 usage or I/O.\n";

struct request {
    const char *subjects;
    bool is_raw;
    bool is_json;
    bool wants_help;
    uint64_t seq;
    struct option_operands operands;
};

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

static int report(const char *text)
{
    (void)fputs("rowgate audit show: ", stderr);
    text_print(stderr, rg_slice_of(text), false);
    (void)fputc('\n', stderr);
    return EXIT_TROUBLE;
}

/* The record at a number, or, when that is a continuation record, the one it belongs to. */
static rg_status read_record(struct audit_walk *walk, const struct request *request, bool *out_is_there,
                             struct audit_walked *out_record)
{
    struct audit_place place = {0};
    uint64_t part = 1, count = 1;
    RG_TRY(audit_walk_find(walk->directory_fd, request->seq, out_is_there, &place));
    if (!*out_is_there) {
        return RG_OK;
    }
    audit_walk_seek(walk, &place);
    RG_TRY(audit_walk_next(walk, true, out_is_there, out_record));
    bool is_part = audit_walk_part(out_record->line, &out_record->head, &part, &count) && part > 1;
    if (!*out_is_there || request->is_raw || !is_part || part - 1 > request->seq) {
        return RG_OK;
    }
    RG_TRY(audit_walk_find(walk->directory_fd, request->seq - (part - 1), out_is_there, &place));
    if (!*out_is_there) {
        return RG_OK;
    }
    audit_walk_seek(walk, &place);
    return audit_walk_next(walk, true, out_is_there, out_record);
}

static rg_status print_record(const struct request *request, int directory_fd, const struct audit_walked *record)
{
    RG_AUTO(audit_opener_free) struct audit_opener *opener = NULL;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct audit_shown shown;
    rg_arena_init(&arena, AUDIT_SHOWN_ARENA);
    if (request->is_raw) {
        (void)fwrite(record->line.data, 1, record->line.size, stdout);
        (void)putchar('\n');
        return RG_OK;
    }
    RG_TRY(audit_opener_new(directory_fd, rg_slice_of(request->subjects), &opener));
    RG_TRY(audit_shown_open(record, opener, &arena, &shown));
    if (!shown.is_open && audit_opener_trouble(opener)[0] != '\0') {
        (void)report(audit_opener_trouble(opener));
    }
    if (request->is_json) {
        return record_print_json(&shown, record->line);
    }
    record_print_block(stdout, &shown, record->line);
    return RG_OK;
}

static rg_status show(const struct request *request, bool *out_is_there)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    RG_AUTO(audit_walk_done) struct audit_walk walk = {.fd = -1};
    RG_AUTO(audit_fd_done) int fd = -1;
    const struct audit_place nowhere = {0};
    struct audit_walked record = {0};
    rg_arena_init(&arena, PATH_ARENA);
    RG_TRY(audit_directory_open(rg_slice_of(request->operands.texts[1]), &arena, &fd));
    audit_walk_init(&walk, fd, &nowhere);
    RG_TRY(read_record(&walk, request, out_is_there, &record));
    return *out_is_there ? print_record(request, fd, &record) : RG_OK;
}

int cli_audit_show(int argc, char **argv)
{
    struct request request = {.operands = {.max = 2}};
    const struct option_row rows[] = {{"--raw", NULL, &request.is_raw},
                                      {"--json", NULL, &request.is_json},
                                      {"--subjects", &request.subjects, NULL},
                                      {"-h", NULL, &request.wants_help},
                                      {"--help", NULL, &request.wants_help}};
    bool is_there = false;
    if (!options_parse("audit show", argc, argv, rows, sizeof rows / sizeof rows[0], &request.operands)) {
        return EXIT_TROUBLE;
    }
    if (request.wants_help || request.operands.count < 2 || (request.is_raw && request.is_json)) {
        (void)fputs(usage, request.wants_help ? stdout : stderr);
        return request.wants_help ? EXIT_FOUND : EXIT_TROUBLE;
    }
    if (!parse_seq(request.operands.texts[0], &request.seq)) {
        return report("the number of a record is wanted, then the directory");
    }
    rg_status status = show(&request, &is_there);
    if (!rg_is_ok(status)) {
        return report(status.error->text);
    }
    if (!is_there) {
        (void)report("there is no such record");
        return EXIT_NOTHING;
    }
    return fflush(stdout) == 0 ? EXIT_FOUND : EXIT_TROUBLE;
}
