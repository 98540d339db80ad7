/* SPDX-License-Identifier: Apache-2.0 */
/* rowgate check --superset: asks a live Superset for its dangerous settings (proxy/superset_check.h) and prints what to
 * change. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rg_secret.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/text.h"
#include "proxy/superset_check.h"
#include "proxy/superset_text.h"

enum { FINDINGS_BYTES = 1 << 20, TIMEOUT_SECONDS = 30, TIMEOUT_SECONDS_MAX = 600 };

struct arguments {
    const char *url;
    const char *ca_file;
    const char *key;
    const char *tenant;
    const char *role;
    const char *gates;
    const char *dashboard;
    const char *mcp_port;
    const char *timeout;
    bool is_outside;
    bool is_strict;
    bool is_json;
    bool wants_help;
};

static int print_help(FILE *out, int status)
{
    (void)fputs("usage: rowgate check --superset URL [OPTION...]\n\n"
                "Asks the Superset at URL (its own, not rowgate's) for its dangerous settings and says what to change\n"
                "(docs/check-superset.md). Only reads; nobody's identity is taken.\n\n"
                "      --superset URL        http:// or https://, with the application root if it has one\n"
                "      --ca-file FILE        the authority of its certificate; without it the system's\n"
                "      --identity-key FILE   identity_key of [upstreams.NAME]: asks as somebody, too, who then is a "
                "user there\n"
                "      --role NAME           the somebody's role; give one that ROWGATE_ROLES makes an Admin, to see "
                "databases\n"
                "      --tenant NAME         the somebody's tenant (rowgate-check)\n"
                "      --gates LIST          HOST[:PORT],... of rowgate's SQL listeners: databases must go there\n"
                "      --dashboard UUID      an embedded dashboard that not every site should embed\n"
                "      --mcp-port PORT       of Superset's MCP service (5008); 0 = do not ask\n"
                "      --outside             this machine should not reach Superset at all\n"
                "      --timeout SECONDS     of one request (30)\n"
                "      --strict              warnings count as errors\n"
                "      --json                one JSON object per line\n"
                "  -h, --help                this text\n\n"
                "Exit status: 0 no finding, 1 findings, 2 trouble (usage, no answer, no Superset).\n",
                out);
    return status;
}

static bool parse_number(const char *text, unsigned long least, unsigned long most, unsigned long *out_number)
{
    char *end = NULL;
    unsigned long number = text[0] >= '0' && text[0] <= '9' ? strtoul(text, &end, 10) : most + 1;
    if (end == NULL || *end != '\0' || number < least || number > most) {
        return false;
    }
    *out_number = number;
    return true;
}

static bool complain(const char *what, const char *value)
{
    (void)fprintf(stderr, "rowgate check: %s: ", what);
    text_print(stderr, rg_slice_of(value), false);
    (void)fputs(" is none\n", stderr);
    return false;
}

/* "a,b,c" into slices; each is looked at, so that a slip is no finding about every database. */
static bool take_gates(const char *list, struct rg_slice out_gates[SUPERSET_CHECK_GATES_MAX], size_t *out_count)
{
    struct rg_slice host = {0};
    uint16_t port = 0;
    size_t count = 0;
    for (const char *rest = list; rest != NULL && count < SUPERSET_CHECK_GATES_MAX; count++) {
        const char *comma = strchr(rest, ',');
        out_gates[count] = comma == NULL ? rg_slice_of(rest) : rg_slice_make(rest, (size_t)(comma - rest));
        if (!rg_is_ok(superset_gate_parse(out_gates[count], &host, &port))) {
            return complain("--gates", list);
        }
        rest = comma == NULL ? NULL : comma + 1;
    }
    *out_count = count;
    return true;
}

static bool parse(int argc, char **argv, struct arguments *arguments)
{
    const struct option_row rows[] = {
        {"--superset", &arguments->url, NULL},        {"--ca-file", &arguments->ca_file, NULL},
        {"--identity-key", &arguments->key, NULL},    {"--role", &arguments->role, NULL},
        {"--tenant", &arguments->tenant, NULL},       {"--gates", &arguments->gates, NULL},
        {"--dashboard", &arguments->dashboard, NULL}, {"--mcp-port", &arguments->mcp_port, NULL},
        {"--timeout", &arguments->timeout, NULL},     {"--outside", NULL, &arguments->is_outside},
        {"--strict", NULL, &arguments->is_strict},    {"--json", NULL, &arguments->is_json},
        {"--help", NULL, &arguments->wants_help},     {"-h", NULL, &arguments->wants_help}};
    struct option_operands operands = {.max = 0};
    return options_parse("check", argc, argv, rows, sizeof rows / sizeof rows[0], &operands);
}

static bool fill(const struct arguments *arguments, struct rg_slice gates[SUPERSET_CHECK_GATES_MAX],
                 struct superset_check_options *options)
{
    unsigned long port = SUPERSET_CHECK_MCP_PORT;
    unsigned long seconds = TIMEOUT_SECONDS;
    *options = (struct superset_check_options){
        .url = rg_slice_of(arguments->url),
        .ca_file = rg_slice_of(arguments->ca_file),
        .tenant = rg_slice_of(arguments->tenant == NULL ? "rowgate-check" : arguments->tenant),
        .role = rg_slice_of(arguments->role),
        .gates = gates,
        .dashboard = rg_slice_of(arguments->dashboard),
        .is_outside = arguments->is_outside,
        .clock = rg_clock_system()};
    if (arguments->mcp_port != NULL && !parse_number(arguments->mcp_port, 0, UINT16_MAX, &port)) {
        return complain("--mcp-port", arguments->mcp_port);
    }
    if (arguments->timeout != NULL && !parse_number(arguments->timeout, 1, TIMEOUT_SECONDS_MAX, &seconds)) {
        return complain("--timeout", arguments->timeout);
    }
    if (arguments->key == NULL && (arguments->role != NULL || arguments->tenant != NULL || arguments->gates != NULL)) {
        (void)fputs("rowgate check: --role, --tenant and --gates need --identity-key\n", stderr);
        return false;
    }
    options->mcp_port = (uint16_t)port;
    options->timeout_us = (int64_t)seconds * 1000000;
    return take_gates(arguments->gates, gates, &options->gate_count);
}

static rg_status load_key(const char *path, struct auth_mint **out_mint)
{
    RG_AUTO(rg_secret_free) struct rg_secret *pem = NULL;
    if (path == NULL) {
        return RG_OK;
    }
    RG_TRY(rg_secret_load_file(rg_slice_of(path), (struct rg_slice){0}, &pem));
    return auth_mint_new(rg_secret_slice(pem), out_mint);
}

static void print_summary(const struct arguments *arguments, const struct rg_diag *diag,
                          const struct superset_check_facts *facts)
{
    if (arguments->is_json) {
        text_print_json(json_pack("{s:i, s:i, s:i, s:o, s:i, s:b, s:b}", "errors", (int)diag->error_count, "warnings",
                                  (int)diag->warning_count, "not_shown", (int)diag->dropped_count, "version",
                                  text_json(rg_slice_of(facts->version)), "requests", (int)facts->asked, "identity",
                                  (int)facts->is_known, "silent", (int)facts->is_silent));
        return;
    }
    if (facts->is_silent) {
        (void)printf("%s: does not answer this machine, as it should be\n", arguments->url);
        return;
    }
    (void)printf("%s: %zu errors, %zu warnings; Superset ", arguments->url, diag->error_count, diag->warning_count);
    text_print(stdout, rg_slice_of(facts->version[0] == '\0' ? "of unknown version" : facts->version), false);
    (void)printf(", %zu questions as a stranger%s\n", facts->asked,
                 facts->is_known ? " and by rowgate's key" : "; --identity-key sees more");
}

static int check(const struct arguments *arguments, struct superset_check_options *options)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    RG_AUTO(auth_mint_free) struct auth_mint *mint = NULL;
    struct superset_check_facts facts = {0};
    struct rg_diag diag;
    rg_arena_init(&arena, FINDINGS_BYTES);
    rg_diag_init(&diag, &arena);
    rg_status status = load_key(arguments->key, &mint);
    options->mint = mint;
    if (rg_is_ok(status)) {
        status = superset_check(options, &diag, &facts);
    }
    for (const struct rg_finding *finding = diag.first; finding != NULL; finding = finding->next) {
        text_print_finding(finding, arguments->is_json);
    }
    if (!rg_is_ok(status)) {
        (void)fputs("rowgate check: ", stderr);
        text_print(stderr, rg_slice_of(status.error->text), false);
        (void)fputc('\n', stderr);
        return CLI_TROUBLE;
    }
    print_summary(arguments, &diag, &facts);
    return diag.error_count > 0 || (arguments->is_strict && diag.warning_count > 0) ? CLI_FINDING : CLI_FINE;
}

int cli_check_superset(int argc, char **argv)
{
    struct arguments arguments = {0};
    struct superset_check_options options;
    struct rg_slice gates[SUPERSET_CHECK_GATES_MAX] = {{0}};
    bool is_parsed = parse(argc, argv, &arguments);
    if (is_parsed && arguments.wants_help) {
        return print_help(stdout, CLI_FINE);
    }
    if (!is_parsed || arguments.url == NULL) {
        return print_help(stderr, CLI_TROUBLE);
    }
    return fill(&arguments, gates, &options) ? check(&arguments, &options) : CLI_TROUBLE;
}
