/* SPDX-License-Identifier: Apache-2.0 */
/* rowgate explain: what would run for a subject, and why. It needs no upstream and no token: the subject is
 * made up from the command line, which is the administrator's. */
#include <getopt.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/explain.h"
#include "cli/style.h"
#include "cli/subject_options.h"
#include "cli/text.h"

enum { ARENA_BYTES = 256 << 20, PATH_MAX_SCHEMAS = 64 };

struct options {
    const char *path;
    const char *relations;
    const char *sql;
    bool is_json, is_raw;
    size_t schema_count;
    struct rg_slice schemas[PATH_MAX_SCHEMAS];
    struct subject_options subject;
};

static int usage(FILE *out, int code)
{
    (void)fputs("usage: rowgate explain -c FILE --as USER@TENANT [OPTION...] SQL\n\n"
                "Shows what would be sent to the database for this subject, and why; or why it is refused.\n"
                "SQL - reads standard input.\n\n"
                "  -c, --config FILE        the configuration\n"
                "      --as USER@TENANT     the subject; what the tenant's match implies need not be given\n"
                "      --claim NAME=VALUE   a claim of the subject; given several times it is a list\n"
                "      --search-path A,B    logical schemas; default: the tenant's own, sorted\n"
                "      --relations FILE     what `rowgate db relations` printed: columns and types\n"
                "      --raw                only the texts that are sent, exactly, a line each\n"
                "      --json               one JSON object for the identity, then one per statement\n"
                "  -h, --help               this text\n\n"
                "Exit status: 0 allowed, 1 denied, 2 trouble.\n",
                out);
    return code;
}

static bool take_path(struct options *options, const char *text)
{
    while (*text != '\0') {
        size_t size = strcspn(text, ",");
        if (size == 0 || options->schema_count == PATH_MAX_SCHEMAS) {
            return false;
        }
        options->schemas[options->schema_count++] = rg_slice_make(text, size);
        text += size;
        text += *text == ',' ? 1 : 0;
    }
    return options->schema_count > 0;
}

static bool take_option(struct options *options, struct rg_arena *arena, int letter)
{
    switch (letter) {
    case 'c':
        options->path = optarg;
        return true;
    case 'a':
        return subject_options_take_as(&options->subject, optarg);
    case 'm':
        return subject_options_take_claim(&options->subject, arena, optarg);
    case 'p':
        return take_path(options, optarg);
    case 'r':
        options->relations = optarg;
        return true;
    case 'w':
        options->is_raw = true;
        return true;
    case 'j':
        options->is_json = true;
        return true;
    default:
        return false;
    }
}

static bool parse_options(int argc, char **argv, struct rg_arena *arena, struct options *options, int *out_status)
{
    static const struct option rows[] = {
        {"config", required_argument, NULL, 'c'},
        {"as", required_argument, NULL, 'a'},
        {"claim", required_argument, NULL, 'm'},
        {"search-path", required_argument, NULL, 'p'},
        {"relations", required_argument, NULL, 'r'},
        {"raw", no_argument, NULL, 'w'},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    for (int letter = 0; (letter = getopt_long(argc, argv, "c:h", rows, NULL)) != -1;) {
        if (letter == 'h') {
            *out_status = usage(stdout, CLI_FINE);
            return false;
        }
        if (!take_option(options, arena, letter)) {
            *out_status = usage(stderr, CLI_TROUBLE);
            return false;
        }
    }
    if (options->path == NULL || options->subject.request.tenant.size == 0 || optind + 1 != argc ||
        (options->is_raw && options->is_json)) {
        *out_status = usage(stderr, CLI_TROUBLE);
        return false;
    }
    options->sql = argv[optind];
    return true;
}

/* ---- the question ---- */

struct inquiry {
    struct rg_arena *arena;
    struct config *config;
    struct policy_relations *relations;
    struct policy_binding *binding;
    struct subject subject;
    struct explained explained;
};

static void inquiry_done(struct inquiry *inquiry)
{
    policy_binding_free(&inquiry->binding);
    policy_relations_free(&inquiry->relations);
    config_free(&inquiry->config);
}

/* A login that the configuration would refuse is an answer; a question that makes no sense is trouble. */
static rg_status refuse_login(struct inquiry *inquiry, rg_status status)
{
    struct rg_slice text = {0};
    if (rg_is_ok(status) || status.error->kind != RG_DENIED) {
        return status;
    }
    RG_TRY(rg_arena_copy(inquiry->arena, rg_slice_of(status.error->text), &text));
    inquiry->explained.subject = NULL;
    inquiry->explained.refusal = text.data;
    return RG_OK;
}

static rg_status ask(const struct options *options, struct inquiry *inquiry)
{
    struct explained *explained = &inquiry->explained;
    *explained =
        (struct explained){.config = inquiry->config, .request = &options->subject.request, .arena = inquiry->arena};
    if (strcmp(options->sql, "-") == 0) {
        RG_TRY(text_read("-", POLICY_TEXT_MAX, inquiry->arena, &explained->sql));
    } else {
        explained->sql = rg_slice_of(options->sql);
    }
    rg_status status = subject_make(inquiry->config, explained->request, inquiry->arena, &inquiry->subject);
    if (rg_is_ok(status)) {
        explained->subject = &inquiry->subject;
        status = subject_bind(inquiry->config, &inquiry->subject, &inquiry->binding);
    }
    RG_TRY(refuse_login(inquiry, status));
    if (explained->subject == NULL) {
        return RG_OK;
    }
    explained->binding = inquiry->binding;
    struct policy_session session = {.search_path_count = options->schema_count,
                                     .search_path = options->schemas,
                                     .user = explained->request->user,
                                     .pid = 1,
                                     .relations = inquiry->relations};
    return policy_plan_text(inquiry->binding, &session, POLICY_SIMPLE, explained->sql, inquiry->arena,
                            &explained->plan);
}

static rg_status answer(const struct options *options, const struct explained *explained)
{
    if (options->is_raw) {
        explain_print_raw(explained);
        bool is_refused = explained->subject == NULL || explained->plan.is_denied;
        (void)fputs(is_refused ? "rowgate explain: denied, so nothing is sent\n" : "", stderr);
        return RG_OK;
    }
    return options->is_json ? explain_print_json(explained) : explain_print_text(explained, style_wanted(stdout));
}

static int explain(const struct options *options, struct inquiry *inquiry)
{
    struct rg_diag diag;
    rg_diag_init(&diag, inquiry->arena);
    if (!text_load_config("explain", options->path, &diag, &inquiry->config) ||
        !text_load_relations("explain", options->relations, &inquiry->relations)) {
        return CLI_TROUBLE;
    }
    rg_status status = ask(options, inquiry);
    if (rg_is_ok(status)) {
        status = answer(options, &inquiry->explained);
    }
    if (!rg_is_ok(status)) {
        (void)fprintf(stderr, "rowgate explain: %s\n", status.error->text);
        return CLI_TROUBLE;
    }
    return inquiry->explained.subject == NULL || inquiry->explained.plan.is_denied ? CLI_FINDING : CLI_FINE;
}

int cli_explain(int argc, char **argv)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    RG_AUTO(inquiry_done) struct inquiry inquiry = {.arena = &arena};
    struct options options = {0};
    int status = CLI_TROUBLE;
    rg_arena_init(&arena, ARENA_BYTES);
    return parse_options(argc, argv, &arena, &options, &status) ? explain(&options, &inquiry) : status;
}
