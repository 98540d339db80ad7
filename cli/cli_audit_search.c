/* SPDX-License-Identifier: Apache-2.0 */
/* rowgate audit search: conditions in, records out. The work is in audit/search.c. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "audit/search.h"
#include "audit/web.h"
#include "base/rg_clock.h"
#include "cli/cli_audit.h"
#include "cli/options.h"
#include "cli/record.h"
#include "cli/text.h"
#include "cli/when.h"
#include "policy/policy.h"

enum { EXIT_FOUND = 0, EXIT_NOTHING = 1, EXIT_TROUBLE = 6 };

static const char usage[] =
    "usage: rowgate audit search [OPTIONS] DIR\n"
    "\n"
    "Prints the records of an audit log that meet all conditions, oldest first, one line each.\n"
    "\n"
    "--tenant ID      of this tenant\n"
    "--subject NAME   of this user, by the subject of the token or by the user's name\n"
    "--client ADDR    from this address, without its port\n"
    "--since TIME     not older: 2026-11-22T15:53:43Z, 2026-11-22 (UTC), or an age: 90s, 15m, 2h, 3d, 1w\n"
    "--until TIME     older than this; the same forms\n"
    "--action WORD    read, write, query, ddl, function, role, misc; allowed, rewritten, denied, failed; of requests "
    "also\n"
    "                 unmarked (a guest's statement that does not say for whom it was made);\n"
    "                 export, create, update, delete, import, run, and dashboard.view, chart.data, ... "
    "(docs/routes.md);\n"
    "                 or a kind of record: login, login.failed, logout, statement, http.request, policy.loaded, ...\n"
    "--object NAME    a request for it: dashboard/12, or dashboard for all; or what a record of the log's life is "
    "about\n"
    "--status CODE    a request that was answered so: 403, or 4xx\n"
    "--reference R    the request with the reference that a user was shown\n"
    "--guest ID       what was done with one guest token, by its jti: requests, and the statements behind them\n"
    "--table NAME     a statement that reads or writes it: schema.table as the database calls it, or the table alone\n"
    "--text TEXT      part of the client's statement (its literals in place) or of the message; a-z in any case\n"
    "--limit N        the newest N of them\n"
    "--json           whole records, one JSON object a line\n"
    "--subjects DIR2  where the keys of encrypted values are, when the log does not name the place\n"
    "\n"
    "The index in DIR/idx is made and brought up to date by search itself; it may be deleted.\n"
    "Exit status: 0 found, 1 nothing found, 6 usage or I/O.\n";

struct request {
    const char *tenant;
    const char *subject;
    const char *client;
    const char *subjects;
    const char *since;
    const char *until;
    const char *action;
    const char *object;
    const char *status;
    const char *reference;
    const char *guest;
    const char *table;
    const char *text;
    const char *limit;
    bool is_json;
    bool wants_help;
    struct option_operands operands;
};

static bool parse_request(int argc, char **argv, struct request *out_request)
{
    struct request request = {.operands = {.max = 1}};
    const struct option_row rows[] = {
        {"--tenant", &request.tenant, NULL},     {"--subject", &request.subject, NULL},
        {"--since", &request.since, NULL},       {"--until", &request.until, NULL},
        {"--action", &request.action, NULL},     {"--table", &request.table, NULL},
        {"--text", &request.text, NULL},         {"--limit", &request.limit, NULL},
        {"--json", NULL, &request.is_json},      {"--client", &request.client, NULL},
        {"--subjects", &request.subjects, NULL}, {"--object", &request.object, NULL},
        {"--status", &request.status, NULL},     {"--reference", &request.reference, NULL},
        {"--guest", &request.guest, NULL},       {"-h", NULL, &request.wants_help},
        {"--help", NULL, &request.wants_help}};
    bool is_good = options_parse("audit search", argc, argv, rows, sizeof rows / sizeof rows[0], &request.operands);
    *out_request = request;
    return is_good;
}

static bool complain(const char *option, const char *value, const char *what)
{
    (void)fprintf(stderr, "rowgate audit search: %s ", option);
    text_print(stderr, rg_slice_of(value), false);
    (void)fprintf(stderr, ": %s\n", what);
    return false;
}

static bool is_same_word(const char *a, const char *b)
{
    for (; *a != '\0' && *b != '\0'; a++, b++) {
        char small = *b >= 'A' && *b <= 'Z' ? (char)(*b - 'A' + 'a') : *b;
        if (*a != small) {
            return false;
        }
    }
    return *a == *b;
}

/* "403", "4xx". */
static bool is_status(const char *text)
{
    bool is_hundred = strcmp(text + (text[0] != '\0' ? 1 : 0), "xx") == 0;
    bool is_number = text[0] != '\0' && strspn(text + 1, "0123456789") == 2 && text[3] == '\0';
    return text[0] >= '1' && text[0] <= '9' && (is_hundred || is_number);
}

/* "dashboard.view": what the route table calls a request. */
static bool is_request_action(const char *word)
{
    size_t size = strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_");
    const char *verb = word + size + (word[size] == '.' ? 1 : 0);
    return size > 0 && verb > word + size && verb[0] != '\0' &&
           verb[strspn(verb, "abcdefghijklmnopqrstuvwxyz0123456789_.")] == '\0';
}

static bool is_action(const char *word)
{
    static const char *const words[] = {"allowed", "rewritten", "denied", "failed", "part", "query", "unmarked"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(word, words[i]) == 0) {
            return true;
        }
    }
    for (size_t i = 1; i < AUDIT_KIND_COUNT; i++) {
        if (strcmp(word, audit_kind_name((enum audit_kind)i)) == 0) {
            return true;
        }
    }
    for (size_t i = POLICY_CLASS_UNKNOWN; i <= POLICY_CLASS_MISC; i++) {
        if (is_same_word(word, policy_class_name((enum policy_class)i))) {
            return true;
        }
    }
    for (size_t i = 0; audit_web_at(i) != NULL; i++) {
        if (is_same_word(word, audit_web_at(i)->name.data)) {
            return true;
        }
    }
    return is_request_action(word);
}

static bool parse_limit(const char *text, uint64_t *out_limit)
{
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value == 0) {
        return complain("--limit", text, "a number from 1 on is wanted");
    }
    *out_limit = value;
    return true;
}

static bool parse_time(const char *option, const char *text, int64_t *out_us)
{
    if (text != NULL && !when_parse(text, rg_clock_wall_us(rg_clock_system()), out_us)) {
        return complain(option, text, "neither a time like 2026-11-22T15:53:43Z nor an age like 2h");
    }
    return true;
}

static bool is_empty(const char *option, const char *value)
{
    return value != NULL && value[0] == '\0' && !complain(option, value, "is empty");
}

static bool make_criteria(const struct request *request, struct audit_criteria *out_criteria)
{
    struct audit_criteria criteria = {.tenant = rg_slice_of(request->tenant),
                                      .subject = rg_slice_of(request->subject),
                                      .client = rg_slice_of(request->client),
                                      .action = rg_slice_of(request->action),
                                      .object = rg_slice_of(request->object),
                                      .status = rg_slice_of(request->status),
                                      .reference = rg_slice_of(request->reference),
                                      .guest = rg_slice_of(request->guest),
                                      .table = rg_slice_of(request->table),
                                      .text = rg_slice_of(request->text),
                                      .since_us = INT64_MIN,
                                      .until_us = INT64_MAX,
                                      .limit = UINT64_MAX};
    if (is_empty("--tenant", request->tenant) || is_empty("--subject", request->subject) ||
        is_empty("--client", request->client) || is_empty("--table", request->table) ||
        is_empty("--text", request->text) || is_empty("--object", request->object) ||
        is_empty("--reference", request->reference) || is_empty("--guest", request->guest)) {
        return false;
    }
    if (request->action != NULL && !is_action(request->action)) {
        return complain("--action", request->action, "no such action; rowgate audit search -h lists them");
    }
    if (request->status != NULL && !is_status(request->status)) {
        return complain("--status", request->status, "a status like 403 or 4xx is wanted");
    }
    if (!parse_time("--since", request->since, &criteria.since_us) ||
        !parse_time("--until", request->until, &criteria.until_us)) {
        return false;
    }
    if (request->limit != NULL && !parse_limit(request->limit, &criteria.limit)) {
        return false;
    }
    *out_criteria = criteria;
    return true;
}

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

static void on_note(void *context, const char *text)
{
    (void)context;
    (void)fputs("rowgate audit search: ", stderr);
    text_print(stderr, rg_slice_of(text), false);
    (void)fputc('\n', stderr);
}

int cli_audit_search(int argc, char **argv)
{
    struct request request;
    struct audit_criteria criteria;
    uint64_t count = 0;
    if (!parse_request(argc, argv, &request)) {
        return EXIT_TROUBLE;
    }
    if (request.wants_help || request.operands.count == 0) {
        (void)fputs(usage, request.wants_help ? stdout : stderr);
        return request.wants_help ? EXIT_FOUND : EXIT_TROUBLE;
    }
    if (!make_criteria(&request, &criteria)) {
        return EXIT_TROUBLE;
    }
    const struct audit_search_sink sink = {.on_record = on_record, .on_note = on_note, .context = &request};
    rg_status status =
        audit_search(rg_slice_of(request.operands.texts[0]), rg_slice_of(request.subjects), &criteria, &sink, &count);
    bool is_written = fflush(stdout) == 0;
    if (!rg_is_ok(status)) {
        on_note(NULL, status.error->text);
    }
    if (!rg_is_ok(status) || !is_written) {
        return EXIT_TROUBLE;
    }
    return count > 0 ? EXIT_FOUND : EXIT_NOTHING;
}
