/* SPDX-License-Identifier: Apache-2.0 */
/* rowgate session: who is logged in on both planes, and whom to put out; orders to the gateway that runs. */
#include <stdio.h>
#include <string.h>

#include "base/rg_clock.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/text.h"
#include "proxy/session_order.h"

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_TROUBLE = 2, ARENA_BYTES = 8 << 20 };

static const char usage[] =
    "usage: rowgate session list   [--tenant ID] [--user NAME] [--json] (-c FILE | DIR)\n"
    "       rowgate session revoke (ID | --subject S --idp NAME | --tenant ID | --all) (-c FILE | DIR)\n"
    "\n"
    "list    prints the live sessions of both planes: id, plane, tenant, user, when it began, from where\n"
    "revoke  ends sessions now, on both planes: the next request or statement is refused, one that runs is cancelled.\n"
    "        By its id: this one, and the token it came with. A subject, a tenant, all: what came in or was issued\n"
    "        until now; a newer login may come in again. Prints how many there were\n"
    "\n"
    "  -c, --config FILE  the configuration: [state]; or DIR, the directory of the state\n"
    "      --tenant ID    of this tenant\n"
    "      --user NAME    list: this user, by name or subject\n"
    "      --subject S    revoke: this subject of --idp\n"
    "      --idp NAME     its [idp.NAME]; scram for a service account\n"
    "      --all          revoke: everybody\n"
    "      --json         one JSON object a line\n"
    "\n"
    "Run it as the user that rowgate runs as, or as root: that name goes into the audit log.\n"
    "Exit status: 0 done, 1 refused or no such session, 2 usage or trouble. docs/sessions.md says more.\n";

struct request {
    const char *config, *config_long, *tenant, *user, *subject, *idp;
    bool is_all, is_json, wants_help, wants_help_long;
    struct option_operands operands;
    struct rg_arena arena;
    struct rg_slice directory;
};

static void request_done(struct request *request)
{
    rg_arena_done(&request->arena);
}

static bool parse(int argc, char **argv, struct request *request)
{
    const struct option_row rows[] = {
        {"-c", &request->config, NULL},         {"--config", &request->config_long, NULL},
        {"--tenant", &request->tenant, NULL},   {"--user", &request->user, NULL},
        {"--subject", &request->subject, NULL}, {"--idp", &request->idp, NULL},
        {"--all", NULL, &request->is_all},      {"--json", NULL, &request->is_json},
        {"-h", NULL, &request->wants_help},     {"--help", NULL, &request->wants_help_long}};
    request->operands.max = 2;
    return options_parse("session", argc, argv, rows, sizeof rows / sizeof rows[0], &request->operands);
}

static int fail_usage(void)
{
    (void)fputs(usage, stderr);
    return EXIT_TROUBLE;
}

static int report(rg_status status)
{
    (void)fprintf(stderr, "rowgate session: ");
    text_print(stderr, rg_slice_of(status.error->text), false);
    (void)fputc('\n', stderr);
    bool is_refusal = status.error->kind == RG_DENIED || status.error->kind == RG_CONFIG;
    return is_refusal ? EXIT_REFUSED : EXIT_TROUBLE;
}

/* The directory is the operand behind the first `before` ones, or the configuration's. False was said. */
static bool find_directory(struct request *request, size_t before)
{
    struct rg_diag diag;
    struct config *config = NULL;
    const char *path = request->config != NULL ? request->config : request->config_long;
    bool has_operand = request->operands.count == before + 1;
    if (path == NULL || has_operand) {
        request->directory = has_operand ? rg_slice_of(request->operands.texts[before]) : (struct rg_slice){0};
        return has_operand && path == NULL ? true : fail_usage() == EXIT_DONE;
    }
    rg_diag_init(&diag, &request->arena);
    if (!text_load_config("session", path, &diag, &config)) {
        return false;
    }
    rg_status status = rg_arena_copy(&request->arena, config->state.directory, &request->directory);
    config_free(&config);
    if (!rg_is_ok(status) || request->directory.size == 0) {
        (void)fprintf(stderr, "rowgate session: the configuration has no [state] with a directory\n");
        return false;
    }
    return true;
}

/* ---- list ---- */

static json_t *time_json(int64_t us)
{
    return us == 0 ? json_null() : json_integer(us);
}

static bool print_json(void *context, const struct session_row *row)
{
    (void)context;
    text_print_json(json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id", text_json(row->id), "plane",
                              text_json(row->plane), "tenant", text_json(row->tenant), "user", text_json(row->user),
                              "subject", text_json(row->subject), "idp", text_json(row->idp), "client",
                              text_json(row->client), "created_us", time_json(row->created_us), "seen_us",
                              time_json(row->seen_us), "expires_us", time_json(row->expires_us)));
    return true;
}

static void print_column(struct rg_slice text, int width)
{
    text_print(stdout, text.size == 0 ? RG_SLICE("-") : text, false);
    for (int shown = text.size == 0 ? 1 : (int)text.size; shown < width; shown++) {
        (void)putchar(' ');
    }
    (void)putchar(' ');
}

static bool print_line(void *context, const struct session_row *row)
{
    char time[RG_TIME_TEXT_SIZE];
    (void)context;
    rg_clock_format(row->created_us, time);
    print_column(row->id, 19);
    print_column(row->plane, 4);
    print_column(row->tenant, 16);
    print_column(row->user, 24);
    (void)printf("%.19sZ ", time);
    print_column(row->client, 0);
    (void)putchar('\n');
    return true;
}

static int list(struct request *request)
{
    const struct session_order order = {
        .kind = SESSION_ORDER_LIST, .tenant = rg_slice_of(request->tenant), .user = rg_slice_of(request->user)};
    const struct session_teller teller = {request->is_json ? print_json : print_line, NULL};
    size_t count = 0;
    if (request->subject != NULL || request->idp != NULL || request->is_all) {
        return fail_usage();
    }
    if (!find_directory(request, 0)) {
        return EXIT_TROUBLE;
    }
    rg_status status = session_order_give(request->directory, &order, teller, &count);
    if (!rg_is_ok(status)) {
        return report(status);
    }
    return fflush(stdout) == 0 ? EXIT_DONE : EXIT_TROUBLE;
}

/* ---- revoke ---- */

/* Exactly one way to say whom. */
static bool make_order(const struct request *request, struct session_order *order)
{
    const char *path = request->config != NULL ? request->config : request->config_long;
    bool has_subject = request->subject != NULL || request->idp != NULL;
    size_t without_id = path != NULL ? 0 : 1; /* operands: only the directory, where one is given */
    bool has_id = request->operands.count == without_id + 1;
    if (has_id + has_subject + (request->tenant != NULL) + request->is_all != 1 ||
        (has_subject && (request->subject == NULL || request->idp == NULL))) {
        return false;
    }
    *order = (struct session_order){
        .kind = has_id            ? SESSION_ORDER_REVOKE_ID
                : has_subject     ? SESSION_ORDER_REVOKE_SUBJECT
                : request->is_all ? SESSION_ORDER_REVOKE_ALL
                                  : SESSION_ORDER_REVOKE_TENANT,
        .id = has_id ? rg_slice_of(request->operands.texts[0]) : (struct rg_slice){0},
        .idp = rg_slice_of(request->idp),
        .subject = rg_slice_of(request->subject),
        .tenant = rg_slice_of(request->tenant),
    };
    return true;
}

static int revoke(struct request *request)
{
    struct session_order order = {0};
    size_t count = 0;
    if (!make_order(request, &order) || request->user != NULL) {
        return fail_usage();
    }
    if (!find_directory(request, order.id.size > 0 ? 1 : 0)) {
        return EXIT_TROUBLE;
    }
    rg_status status = session_order_give(request->directory, &order, (struct session_teller){0}, &count);
    if (!rg_is_ok(status)) {
        return report(status);
    }
    if (request->is_json) {
        text_print_json(json_pack("{s:I}", "sessions", (json_int_t)count));
    } else {
        (void)printf("%zu session%s ended\n", count, count == 1 ? "" : "s");
    }
    return fflush(stdout) == 0 ? EXIT_DONE : EXIT_TROUBLE;
}

int cli_session(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(struct request *request);
    } commands[] = {{"list", list}, {"revoke", revoke}};
    struct request request RG_AUTO(request_done) = {0};
    rg_arena_init(&request.arena, ARENA_BYTES);
    bool wants_help = argc == 2 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0);
    bool is_sound = argc > 2 && parse(argc - 1, argv + 1, &request);
    if (wants_help || (is_sound && (request.wants_help || request.wants_help_long))) {
        (void)fputs(usage, stdout);
        return EXIT_DONE;
    }
    for (size_t i = 0; is_sound && i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return commands[i].run(&request);
        }
    }
    return fail_usage();
}
