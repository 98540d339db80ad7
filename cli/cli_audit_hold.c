/* SPDX-License-Identifier: Apache-2.0 */
/* rowgate audit hold and prune: orders to the auditor, or to the log when no rowgate runs; and the list of holds. */
#include <inttypes.h>
#include <stdio.h>

#include "audit/keep/hold.h"
#include "audit/keep/order.h"
#include "base/rg_clock.h"
#include "cli/cli_audit.h"
#include "cli/options.h"
#include "cli/text.h"
#include "cli/when.h"
#include "proxy/retention.h"

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_TROUBLE = 6, ORDER_ARENA = 4 << 20 };

static const char hold_usage[] =
    "usage: rowgate audit hold place   [OPTION...] --reason TEXT (-c FILE | DIR)\n"
    "       rowgate audit hold release --reason TEXT ID (-c FILE | DIR)\n"
    "       rowgate audit hold list    [--json] (-c FILE | DIR)\n"
    "\n"
    "place    keeps records from being pruned, and persons' keys from being erased; prints the hold's id\n"
    "release  ends a hold\n"
    "list     prints the holds in force\n"
    "\n"
    "  -c, --config FILE  the configuration: [audit] directory\n"
    "      --tenant ID    of this tenant only\n"
    "      --subject ID   for this person: no erasure of them. Prunes look at tenant and time alone\n"
    "      --from TIME    records from this time on (2026-11-22, 2026-11-22T15:53:43Z, 3d); without: from the first\n"
    "      --until TIME   records up to this time; without: those to come as well\n"
    "      --reason TEXT  why; it goes into the record\n"
    "      --json         one JSON object a line\n"
    "\n"
    "Run it as the user that rowgate runs as, or as root: that name goes into the record.\n"
    "Exit status: 0 done, 1 refused, 6 usage or trouble. docs/retention.md says what a hold does.\n";

static const char prune_usage[] =
    "usage: rowgate audit prune [--dry-run] [--json] (-c FILE | DIR)\n"
    "\n"
    "Removes the oldest segments whose records may all go by [audit.retention], as the auditor does once a day by\n"
    "itself. With DIR a rowgate must run, and goes by its configuration.\n"
    "\n"
    "  -c, --config FILE  the configuration: [audit] directory, [audit.retention]\n"
    "      --dry-run      tell what would go\n"
    "      --json         one JSON object\n"
    "\n"
    "Exit status: 0 done, 1 refused, 6 usage or trouble.\n";

struct request {
    const char *config;
    const char *config_long;
    const char *tenant;
    const char *subject;
    const char *from;
    const char *until;
    const char *reason;
    bool is_dry;
    bool is_json;
    bool wants_help;
    bool wants_help_long;
    struct option_operands operands;
    struct rg_arena arena;
    struct rg_slice directory;
    struct rg_slice retention;
};

static void request_done(struct request *request)
{
    rg_arena_done(&request->arena);
}

static int report(const char *command, rg_status status)
{
    (void)fprintf(stderr, "rowgate audit %s: ", command);
    text_print(stderr, rg_slice_of(status.error->text), false);
    (void)fputc('\n', stderr);
    bool is_refusal = status.error->kind == RG_DENIED || status.error->kind == RG_CONFIG;
    return is_refusal ? EXIT_REFUSED : EXIT_TROUBLE;
}

/* ---- where ---- */

static rg_status take_config(struct request *request, const struct config *config)
{
    RG_TRY(rg_arena_copy(&request->arena, config->audit.directory, &request->directory));
    return retention_text(&config->audit.life, &request->arena, &request->retention);
}

/* The directory is the operand behind the first `before` ones, or the configuration's. */
static bool find_directory(struct request *request, const char *command, size_t before)
{
    struct rg_diag diag;
    struct config *config = NULL;
    const char *path = request->config != NULL ? request->config : request->config_long;
    bool has_directory = request->operands.count == before + 1;
    if ((path == NULL) != has_directory || request->operands.count < before) {
        return false;
    }
    if (has_directory) {
        request->directory = rg_slice_of(request->operands.texts[before]);
        return true;
    }
    rg_diag_init(&diag, &request->arena);
    if (!text_load_config(command, path, &diag, &config)) {
        return false;
    }
    rg_status status = take_config(request, config);
    config_free(&config);
    if (!rg_is_ok(status) || request->directory.size == 0) {
        (void)fprintf(stderr, "rowgate %s: %s\n", command,
                      rg_is_ok(status) ? "the configuration has no [audit] directory" : status.error->text);
        return false;
    }
    return true;
}

static bool parse_time(const char *text, int64_t *out_us)
{
    return text == NULL || when_parse(text, rg_clock_wall_us(rg_clock_system()), out_us);
}

static bool parse(int argc, char **argv, const char *command, struct request *request)
{
    const struct option_row rows[] = {{"-c", &request->config, NULL},
                                      {"--config", &request->config_long, NULL},
                                      {"--tenant", &request->tenant, NULL},
                                      {"--subject", &request->subject, NULL},
                                      {"--from", &request->from, NULL},
                                      {"--until", &request->until, NULL},
                                      {"--reason", &request->reason, NULL},
                                      {"--dry-run", NULL, &request->is_dry},
                                      {"--json", NULL, &request->is_json},
                                      {"-h", NULL, &request->wants_help},
                                      {"--help", NULL, &request->wants_help_long}};
    rg_arena_init(&request->arena, ORDER_ARENA);
    request->operands.max = 2;
    bool is_sound = options_parse(command, argc, argv, rows, sizeof rows / sizeof rows[0], &request->operands);
    request->wants_help = request->wants_help || request->wants_help_long;
    return is_sound;
}

static bool has_criteria(const struct request *request)
{
    return request->tenant != NULL || request->subject != NULL || request->from != NULL || request->until != NULL;
}

/* ---- hold ---- */

static int place(struct request *request)
{
    struct audit_order order = {.kind = AUDIT_ORDER_HOLD_PLACE,
                                .tenant = rg_slice_of(request->tenant),
                                .subject = rg_slice_of(request->subject),
                                .reason = rg_slice_of(request->reason)};
    struct audit_order_reply reply = {0};
    if (!parse_time(request->from, &order.from_us) || !parse_time(request->until, &order.until_us) ||
        request->reason == NULL || request->is_json || !find_directory(request, "audit hold", 0)) {
        (void)fputs(hold_usage, stderr);
        return EXIT_TROUBLE;
    }
    rg_status status = audit_order(request->directory, &order, &request->arena, &reply);
    if (!rg_is_ok(status)) {
        return report("hold", status);
    }
    (void)printf("%.*s\n", RG_SLICE_ARGS(reply.id));
    (void)fprintf(stderr, "placed by record %" PRIu64 "\n", reply.seq);
    return fflush(stdout) == 0 ? EXIT_DONE : EXIT_TROUBLE;
}

static int release(struct request *request)
{
    struct audit_order_reply reply = {0};
    if (request->reason == NULL || has_criteria(request) || request->is_json ||
        !find_directory(request, "audit hold", 1)) {
        (void)fputs(hold_usage, stderr);
        return EXIT_TROUBLE;
    }
    const struct audit_order order = {.kind = AUDIT_ORDER_HOLD_RELEASE,
                                      .object = rg_slice_of(request->operands.texts[0]),
                                      .reason = rg_slice_of(request->reason)};
    rg_status status = audit_order(request->directory, &order, &request->arena, &reply);
    if (!rg_is_ok(status)) {
        return report("hold", status);
    }
    (void)fprintf(stderr, "released by record %" PRIu64 "\n", reply.seq);
    return EXIT_DONE;
}

static json_t *time_json(int64_t us)
{
    return us == 0 ? json_null() : json_integer(us);
}

static void print_json(const struct audit_hold *hold)
{
    text_print_json(json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I}", "id", text_json(hold->id), "tenant",
                              text_json(hold->tenant), "subject", text_json(hold->subject), "reason",
                              text_json(hold->reason), "operator", text_json(hold->operator_name), "from_us",
                              time_json(hold->from_us), "until_us", time_json(hold->until_us), "placed_us",
                              (json_int_t)hold->placed_us, "seq", (json_int_t)hold->seq));
}

static void print_bound(const char *word, int64_t us)
{
    char time[RG_TIME_TEXT_SIZE];
    if (us > 0) {
        rg_clock_format(us, time);
        (void)printf("%s %s", word, time);
    }
}

static void print_text(const struct audit_hold *hold)
{
    char time[RG_TIME_TEXT_SIZE];
    rg_clock_format(hold->placed_us, time);
    (void)printf("%.*s  ", RG_SLICE_ARGS(hold->id));
    (void)printf("%s", hold->tenant.size == 0 ? "all tenants" : "tenant ");
    text_print(stdout, hold->tenant, false);
    (void)printf("%s", hold->subject.size == 0 ? "" : ", subject ");
    text_print(stdout, hold->subject, false);
    print_bound(", from", hold->from_us);
    print_bound(", until", hold->until_us);
    (void)printf("\n    since %s by ", time);
    text_print(stdout, hold->operator_name, false);
    (void)printf(" (record %" PRIu64 "): ", hold->seq);
    text_print(stdout, hold->reason, false);
    (void)putchar('\n');
}

static int list(struct request *request)
{
    struct audit_holds holds = {0};
    if (request->reason != NULL || has_criteria(request) || !find_directory(request, "audit hold", 0)) {
        (void)fputs(hold_usage, stderr);
        return EXIT_TROUBLE;
    }
    rg_status status = audit_holds_load(request->directory, &holds);
    if (!rg_is_ok(status)) {
        return report("hold", status);
    }
    for (size_t i = 0; i < holds.count; i++) {
        (request->is_json ? print_json : print_text)(&holds.items[i]);
    }
    audit_holds_done(&holds);
    return fflush(stdout) == 0 ? EXIT_DONE : EXIT_TROUBLE;
}

int cli_audit_hold(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(struct request *request);
    } commands[] = {{"place", place}, {"release", release}, {"list", list}};
    struct request request RG_AUTO(request_done) = {0};
    bool wants_help = argc == 2 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0);
    if (wants_help || (argc > 2 && parse(argc - 1, argv + 1, "audit hold", &request) && request.wants_help)) {
        (void)fputs(hold_usage, stdout);
        return EXIT_DONE;
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0] && argc > 2 && !request.is_dry; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return commands[i].run(&request);
        }
    }
    (void)fputs(hold_usage, stderr);
    return EXIT_TROUBLE;
}

/* ---- prune ---- */

static void print_prune(const struct request *request, const struct audit_order_reply *reply)
{
    const char *done = request->is_dry ? "would go" : "removed";
    if (request->is_json) {
        text_print_json(json_pack(
            "{s:b, s:I, s:o, s:o, s:I, s:o}", "dry_run", request->is_dry, "segments", (json_int_t)reply->count,
            "first_seq", reply->count == 0 ? json_null() : json_integer((json_int_t)reply->first_seq), "last_seq",
            reply->count == 0 ? json_null() : json_integer((json_int_t)reply->last_seq), "seq", (json_int_t)reply->seq,
            "why", text_json(reply->text)));
        return;
    }
    if (reply->count == 0) {
        (void)printf("nothing %s: ", done);
    } else {
        (void)printf("%" PRIu64 " segment%s %s, records %" PRIu64 " to %" PRIu64 ": ", reply->count,
                     reply->count == 1 ? "" : "s", done, reply->first_seq, reply->last_seq);
    }
    text_print(stdout, reply->text, false);
    (void)putchar('\n');
}

int cli_audit_prune(int argc, char **argv)
{
    struct request request RG_AUTO(request_done) = {0};
    struct audit_order_reply reply = {0};
    bool is_sound = parse(argc, argv, "audit prune", &request);
    if (is_sound && request.wants_help) {
        (void)fputs(prune_usage, stdout);
        return EXIT_DONE;
    }
    if (!is_sound || has_criteria(&request) || request.reason != NULL || !find_directory(&request, "audit prune", 0)) {
        (void)fputs(prune_usage, stderr);
        return EXIT_TROUBLE;
    }
    const struct audit_order order = {
        .kind = AUDIT_ORDER_PRUNE, .is_dry_run = request.is_dry, .retention = request.retention};
    rg_status status = audit_order(request.directory, &order, &request.arena, &reply);
    if (!rg_is_ok(status)) {
        return report("prune", status);
    }
    print_prune(&request, &reply);
    return fflush(stdout) == 0 ? EXIT_DONE : EXIT_TROUBLE;
}
