/* SPDX-License-Identifier: Apache-2.0 */
/* rowgate explain: what would run for a subject, and why. It needs no upstream and no token: the subject is
 * made up from the command line, which is the administrator's. */
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rg_memory.h"
#include "cli/cli.h"
#include "proxy/config.h"

enum { CLAIMS_MAX = 64, ARENA_BYTES = 64 << 20 };

struct explain_options {
    const char *path;
    struct rg_slice user;
    struct rg_slice tenant;
    const char *sql;
    bool is_json;
    size_t claim_count;
    struct auth_claim_constant claims[CLAIMS_MAX];
};

static int usage(FILE *out, int code)
{
    (void)fputs("usage: rowgate explain -c FILE --as USER@TENANT [--claim NAME=VALUE]... [--json] SQL\n"
                "Shows what would be sent to the database for this subject, and which policies applied.\n"
                "A claim given several times is an array. SQL - reads standard input.\n"
                "Exit status: 0 allowed, 1 denied, 2 trouble.\n",
                out);
    return code;
}

static bool take_subject(struct explain_options *options, const char *text)
{
    const char *at = strrchr(text, '@');
    if (at == NULL || at == text || at[1] == '\0') {
        return false;
    }
    options->user = rg_slice_make(text, (size_t)(at - text));
    options->tenant = rg_slice_of(at + 1);
    return true;
}

/* NAME=VALUE; the same name again adds an element. */
static bool take_claim(struct explain_options *options, struct rg_arena *arena, const char *text)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals == text) {
        return false;
    }
    struct rg_slice name = {text, (size_t)(equals - text)};
    size_t index = 0;
    while (index < options->claim_count && !rg_slice_is_equal(options->claims[index].name, name)) {
        index++;
    }
    if (index == CLAIMS_MAX) {
        return false;
    }
    struct auth_claim_constant *claim = &options->claims[index];
    struct rg_slice *texts = NULL;
    if (!rg_is_ok(rg_arena_array(arena, claim->text_count + 1, sizeof *texts, (void **)&texts))) {
        return false;
    }
    for (size_t i = 0; i < claim->text_count; i++) {
        texts[i] = claim->texts[i];
    }
    texts[claim->text_count] = rg_slice_of(equals + 1);
    *claim = (struct auth_claim_constant){name, texts, claim->text_count + 1};
    options->claim_count += index == options->claim_count ? 1 : 0;
    return true;
}

static bool parse_options(int argc, char **argv, struct rg_arena *arena, struct explain_options *options)
{
    static const struct option names[] = {{"as", required_argument, NULL, 'a'},
                                          {"claim", required_argument, NULL, 'm'},
                                          {"json", no_argument, NULL, 'j'},
                                          {0}};
    int option = 0;
    bool is_good = true;
    while (is_good && (option = getopt_long(argc, argv, "c:h", names, NULL)) != -1) {
        if (option == 'h') {
            exit(usage(stdout, 0));
        } else if (option == 'c') {
            options->path = optarg;
        } else if (option == 'a') {
            is_good = take_subject(options, optarg);
        } else if (option == 'm') {
            is_good = take_claim(options, arena, optarg);
        } else {
            is_good = option == 'j';
            options->is_json = true;
        }
    }
    if (!is_good || options->path == NULL || options->tenant.size == 0 || optind + 1 != argc) {
        return false;
    }
    options->sql = argv[optind];
    return true;
}

/* Adds the claims that the tenant's own rule implies, unless given: what a real token of it would carry. */
static void imply_claim(struct explain_options *options, const struct config *config, size_t claim,
                        const struct rg_slice *value)
{
    struct rg_slice name = config->claims[claim].name;
    for (size_t i = 0; i < options->claim_count; i++) {
        if (rg_slice_is_equal(options->claims[i].name, name)) {
            return;
        }
    }
    if (options->claim_count < CLAIMS_MAX) {
        options->claims[options->claim_count++] = (struct auth_claim_constant){name, value, 1};
    }
}

static bool imply_match(struct explain_options *options, const struct config *config, const struct tenant_match *match,
                        struct auth_identity *identity)
{
    if (match->kind == TENANT_MATCH_ACCOUNT) {
        identity->kind = AUTH_SCRAM;
        identity->subject = match->idp;
        return true;
    }
    identity->kind = AUTH_OIDC;
    identity->idp = match->idp;
    identity->subject = options->user;
    if (match->kind == TENANT_MATCH_IDP_CLAIM) {
        imply_claim(options, config, match->claim, &match->value);
    }
    return match->kind != TENANT_MATCH_NOTHING;
}

static bool imply_identity(struct explain_options *options, const struct config *config, struct auth_identity *identity)
{
    for (size_t i = 0; i < config->registry.static_count; i++) {
        const struct tenant_static *row = &config->registry.statics[i];
        if (rg_slice_is_equal(row->id, options->tenant)) {
            return imply_match(options, config, &row->match, identity);
        }
    }
    for (size_t i = 0; i < config->registry.pattern_count; i++) {
        const struct tenant_pattern *row = &config->registry.patterns[i];
        if (imply_match(options, config, &row->match, identity)) {
            imply_claim(options, config, row->id_claim, &options->tenant);
            return true;
        }
    }
    return false;
}

static rg_status make_subject(struct explain_options *options, const struct config *config, struct rg_arena *arena,
                              struct auth_identity *identity, struct tenant *out_tenant)
{
    if (!imply_identity(options, config, identity)) {
        return rg_fail(RG_CONFIG, "no tenant \"%.*s\" in this configuration", rg_slice_shown(options->tenant),
                       options->tenant.data);
    }
    RG_TRY(auth_claims_from_constants(config->claims, config->claim_count, options->claims, options->claim_count, arena,
                                      &identity->claims));
    identity->claim_count = config->claim_count;
    identity->user = options->user;
    return tenants_resolve(&config->registry, identity, options->tenant, options->tenant, arena, out_tenant);
}

static rg_status plan(struct explain_options *options, const struct config *config, struct rg_arena *arena,
                      struct rg_slice sql, struct policy_plan *out_plan)
{
    struct auth_identity identity = {0};
    struct tenant tenant;
    RG_TRY(make_subject(options, config, arena, &identity, &tenant));
    const struct config_upstream *upstream = config_upstream_find(config, tenant.route.upstream);
    struct policy_subject subject = {
        .tenant = &tenant,
        .identity = &identity,
        .database = upstream == NULL ? tenant.id : upstream->database,
        .lock = upstream == NULL ? POLICY_LOCK_NONE : upstream->lock,
    };
    struct policy_binding *binding = NULL;
    RG_TRY(policy_bind(config->policies, &subject, &binding));
    struct policy_session session = {.user = options->user, .pid = 1};
    rg_status status = policy_plan_text(binding, &session, POLICY_SIMPLE, sql, arena, out_plan);
    policy_binding_free(&binding);
    return status;
}

static void print_text(const struct policy_statement *statement)
{
    if (statement->verdict == POLICY_DENY) {
        (void)printf("denied    %s by rule %.*s", statement->sqlstate, (int)statement->rule.size, statement->rule.data);
        if (statement->position > 0) {
            (void)printf(" at character %zu", statement->position);
        }
        (void)printf("\nreason    %.*s\n", (int)statement->message.size, statement->message.data);
        if (statement->hint.size > 0) {
            (void)printf("hint      %.*s\n", (int)statement->hint.size, statement->hint.data);
        }
        return;
    }
    (void)printf("allowed   class %s, %s\n", policy_class_name(statement->class_of_statement),
                 statement->is_rewritten ? "rewritten" : "as it stands");
    if (statement->rule.size > 0) {
        (void)printf("policies  %.*s\n", (int)statement->rule.size, statement->rule.data);
    }
    for (size_t i = 0; i < statement->relation_count; i++) {
        (void)printf("relation  %.*s\n", (int)statement->relations[i].size, statement->relations[i].data);
    }
    (void)printf("sent      %.*s\n", (int)statement->text.size, statement->text.data);
}

static json_t *json_text(struct rg_slice text)
{
    return json_stringn(text.data == NULL ? "" : text.data, text.size);
}

static void print_json(const struct policy_statement *statement)
{
    json_t *relations = json_array();
    for (size_t i = 0; i < statement->relation_count; i++) {
        (void)json_array_append_new(relations, json_text(statement->relations[i]));
    }
    json_t *line = json_pack(
        "{s:s, s:s, s:b, s:s, s:o, s:o, s:I, s:o, s:o, s:o}", "verdict",
        statement->verdict == POLICY_DENY ? "deny" : "allow", "class", policy_class_name(statement->class_of_statement),
        "rewritten", (int)statement->is_rewritten, "sqlstate",
        statement->verdict == POLICY_DENY ? statement->sqlstate : "", "rule", json_text(statement->rule), "message",
        json_text(statement->message), "position", (json_int_t)statement->position, "source",
        json_text(statement->source), "sent", json_text(statement->text), "relations", relations);
    char *text = line == NULL ? NULL : json_dumps(line, JSON_COMPACT);
    (void)puts(text == NULL ? "{}" : text);
    rg_memory_free(text);
    json_decref(line);
}

static int print_plan(const struct explain_options *options, const struct policy_plan *result)
{
    for (size_t i = 0; i < result->count; i++) {
        const struct policy_statement *statement = &result->statements[i];
        if (options->is_json) {
            print_json(statement);
        } else {
            (void)printf("%s", i > 0 ? "\n" : "");
            print_text(statement);
        }
    }
    return result->is_denied ? 1 : 0;
}

static rg_status read_sql(const char *argument, struct rg_arena *arena, struct rg_slice *out_sql)
{
    if (strcmp(argument, "-") != 0) {
        *out_sql = rg_slice_of(argument);
        return RG_OK;
    }
    void *memory = NULL;
    RG_TRY(rg_arena_alloc(arena, POLICY_TEXT_MAX, &memory));
    size_t size = fread(memory, 1, POLICY_TEXT_MAX, stdin);
    *out_sql = rg_slice_make(memory, size);
    return RG_OK;
}

static void print_findings(const struct rg_diag *diag)
{
    for (const struct rg_finding *finding = diag->first; finding != NULL; finding = finding->next) {
        if (finding->severity == RG_SEVERITY_ERROR) {
            (void)fprintf(stderr, "%s:%u:%u: %.*s\n", finding->place.file == NULL ? "" : finding->place.file,
                          finding->place.line, finding->place.column, (int)finding->text.size, finding->text.data);
        }
    }
}

static int explain(struct explain_options *options, struct rg_arena *arena)
{
    struct rg_diag diag;
    rg_diag_init(&diag, arena);
    struct config *config = NULL;
    rg_status status = config_load(options->path, &diag, &config);
    struct policy_plan result = {0};
    struct rg_slice sql;
    if (rg_is_ok(status)) {
        status = read_sql(options->sql, arena, &sql);
    }
    if (rg_is_ok(status)) {
        status = plan(options, config, arena, sql, &result);
    }
    if (!rg_is_ok(status)) {
        (void)fprintf(stderr, "rowgate: %s\n", status.error->text);
        print_findings(&diag);
        config_free(&config);
        return 2;
    }
    int code = print_plan(options, &result);
    config_free(&config);
    return code;
}

int cli_explain(int argc, char **argv)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, ARENA_BYTES);
    struct explain_options options = {0};
    if (!parse_options(argc, argv, &arena, &options)) {
        return usage(stderr, 2);
    }
    return explain(&options, &arena);
}
