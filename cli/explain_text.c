/* SPDX-License-Identifier: Apache-2.0 */
/* rowgate explain for people. The first line is the verdict and its reason; what led to it follows. */
#include "cli/explain.h"
#include "cli/style.h"
#include "cli/text.h"
#include "policy/layout.h"

struct page {
    const struct explained *explained;
    bool is_coloured;
};

static void put(const struct page *page, enum style style, struct rg_slice text)
{
    style_set(stdout, page->is_coloured, style);
    text_print(stdout, text, false);
    style_set(stdout, page->is_coloured, STYLE_PLAIN);
}

static void head(const struct page *page, const char *text)
{
    put(page, STYLE_HEAD, rg_slice_of(text));
    (void)putchar('\n');
}

static void label(const char *text)
{
    (void)printf("  %-10s ", text);
}

static void row(const char *name, struct rg_slice text)
{
    label(name);
    text_print(stdout, text, false);
    (void)putchar('\n');
}

/* ---- the verdict ---- */

/* The line of the client's text that position is in, and a caret under the character. */
static void print_caret(const struct page *page, size_t position)
{
    struct rg_slice sql = page->explained->sql;
    size_t at = 0;
    size_t start = 0;
    size_t column = 1;
    for (size_t character = 0; at < sql.size; at++) {
        bool is_start = ((unsigned char)sql.data[at] & 0xc0) != 0x80;
        if (is_start && ++character == position) {
            break;
        }
        column += is_start ? 1 : 0;
        if (sql.data[at] == '\n') {
            start = at + 1;
            column = 1;
        }
    }
    const char *end = start == sql.size ? NULL : memchr(sql.data + start, '\n', sql.size - start);
    size_t size = end == NULL ? sql.size - start : (size_t)(end - sql.data) - start;
    (void)fputs("  ", stdout);
    text_print(stdout, rg_slice_cut(sql, start, size), false);
    (void)printf("\n  %*s", (int)column - 1, "");
    put(page, STYLE_BAD, RG_SLICE("^"));
    (void)putchar('\n');
}

/* Behind the client's message, which tells nothing, the administrator's reason. */
static void print_reason(const struct page *page, const struct policy_statement *statement)
{
    const struct explained *explained = page->explained;
    struct rg_slice dotted = {"", 0};
    struct explained_relation relation = {0};
    if (!explain_is_about_relation(statement) || !explain_refused_relation(explained, statement, &dotted) ||
        !rg_is_ok(explain_relation(explained, dotted, &relation)) || relation.explanation.is_reachable) {
        return;
    }
    if (relation.explanation.naming_count == 0) {
        (void)fputs(": no policy names ", stdout);
        text_print(stdout, dotted, false);
        return;
    }
    const struct policy_naming *naming = &relation.explanation.namings[0];
    (void)fputs(": policy ", stdout);
    text_print(stdout, explained->config->source->rows[naming->row].name, false);
    (void)printf(" does not apply, because %s", policy_applicability_text(naming->applicability));
}

static void print_denial(const struct page *page, const struct policy_statement *statement)
{
    put(page, STYLE_BAD, RG_SLICE("denied"));
    (void)fputs(": ", stdout);
    text_print(stdout, statement->message, false);
    print_reason(page, statement);
    (void)printf(" (%s, rule ", statement->sqlstate);
    text_print(stdout, statement->rule, false);
    if (statement->position > 0) {
        (void)printf(", at character %zu", statement->position);
    }
    (void)puts(")");
    if (statement->position > 0) {
        print_caret(page, statement->position);
    }
    if (statement->hint.size > 0) {
        row("hint", statement->hint);
    }
}

static void print_allowance(const struct page *page, const struct policy_statement *statement)
{
    put(page, STYLE_GOOD, RG_SLICE("allowed"));
    (void)printf(": class %s, %s", policy_class_name(statement->class_of_statement),
                 statement->is_rewritten ? "rewritten" : "as it stands");
    if (statement->rule.size > 0) {
        (void)fputs(", by policy ", stdout);
        text_print(stdout, statement->rule, false);
    }
    (void)putchar('\n');
}

/* A denied statement decides for all of them, so it comes first, and alone. */
static const struct policy_statement *find_denied(const struct policy_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->statements[i].verdict == POLICY_DENY) {
            return &plan->statements[i];
        }
    }
    return NULL;
}

static void print_verdict(const struct page *page)
{
    const struct policy_plan *plan = &page->explained->plan;
    const struct policy_statement *denied = find_denied(plan);
    if (denied != NULL) {
        print_denial(page, denied);
        return;
    }
    for (size_t i = 0; i < plan->count; i++) {
        print_allowance(page, &plan->statements[i]);
    }
    if (plan->count == 0) {
        (void)puts("allowed: an empty query");
    }
}

/* ---- the identity ---- */

static void print_claim(const struct auth_claim_spec *spec, const struct auth_claim_value *value, bool is_first)
{
    label(is_first ? "claims" : "");
    text_print(stdout, spec->name, false);
    (void)printf(" %s = ", auth_type_sql(spec->type));
    if (value == NULL || !value->is_present) {
        (void)puts("NULL (absent: a comparison with it is not true)");
        return;
    }
    (void)fputs(spec->type.is_array ? "{" : "", stdout);
    for (size_t i = 0; i < value->count; i++) {
        (void)fputs(i == 0 ? "'" : ", '", stdout);
        text_print(stdout, value->elements[i], false);
        (void)putchar('\'');
    }
    (void)puts(spec->type.is_array ? "}" : "");
}

static void print_limits(struct config_limits limits)
{
    static const enum config_limit shown[] = {CONFIG_LIMIT_ROWS, CONFIG_LIMIT_BYTES, CONFIG_LIMIT_STATEMENT_TIMEOUT,
                                              CONFIG_LIMIT_CONCURRENCY, CONFIG_LIMIT_STATEMENTS_PER_MINUTE};
    label("limits");
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) {
        char said[CONFIG_LIMIT_WORDS];
        config_limit_say(&limits, shown[i], (struct rg_slice){0}, said);
        (void)printf("%s%s", i == 0 ? "" : "; ", said);
    }
    (void)putchar('\n');
}

static void print_identity(const struct page *page)
{
    const struct explained *explained = page->explained;
    const struct auth_identity *identity = &explained->subject->identity;
    const struct tenant *tenant = &explained->subject->tenant;
    head(page, "identity");
    row("tenant", tenant->id);
    row("user", explained->request->user);
    if (identity->kind == AUTH_SCRAM) {
        row("account", identity->subject);
    } else {
        row("idp", identity->idp);
        row("subject", identity->subject);
    }
    for (size_t i = 0; i < explained->config->claim_count; i++) {
        print_claim(&explained->config->claims[i], i < identity->claim_count ? &identity->claims[i] : NULL, i == 0);
    }
    for (size_t i = 0; i < tenant->route.schema_count; i++) {
        label(i == 0 ? "schemas" : "");
        text_print(stdout, tenant->route.schemas[i].logical, false);
        (void)fputs(" -> ", stdout);
        text_print(stdout, tenant->route.schemas[i].physical, false);
        (void)putchar('\n');
    }
    row("upstream", tenant->route.upstream);
    row("database", explained->subject->database);
    print_limits(config_limits_find(explained->config, &tenant->route));
}

/* ---- the decisions ---- */

static void print_rights(const struct policy_explanation *explanation)
{
    label("for");
    (void)printf("%s%s%s%s\n", explanation->for_select ? "select " : "", explanation->for_insert ? "insert " : "",
                 explanation->for_update ? "update " : "", explanation->for_delete ? "delete " : "");
}

static void print_naming(const struct explained *explained, const struct policy_naming *naming)
{
    const struct policy_row *policy = &explained->config->source->rows[naming->row];
    label(naming->applicability == POLICY_APPLIES ? "policy" : "not");
    text_print_place(stdout, policy->place);
    text_print(stdout, policy->name, false);
    if (naming->applicability != POLICY_APPLIES) {
        (void)printf(" does not apply: %s", policy_applicability_text(naming->applicability));
    } else if (policy->using_text.size > 0) {
        (void)fputs(": ", stdout);
        text_print(stdout, policy->using_text, false);
    } else if (policy->is_schema_isolated) {
        (void)fputs(": isolation = \"schema\"", stdout);
    }
    (void)putchar('\n');
}

static void print_mask(const struct explained *explained, const struct policy_explained_mask *mask)
{
    const struct policy_mask_row *row_of_mask = &explained->config->source->masks[mask->row];
    label("mask");
    text_print_place(stdout, row_of_mask->place);
    text_print(stdout, mask->column, false);
    (void)printf(" with %s%s", explain_mask_word(row_of_mask->kind),
                 row_of_mask->allow_in_predicates ? ", may be filtered by" : "");
    if (row_of_mask->unless_text.size > 0) {
        (void)fputs(", unless ", stdout);
        text_print(stdout, row_of_mask->unless_text, false);
    }
    (void)putchar('\n');
}

static rg_status print_relation(const struct page *page, struct rg_slice dotted)
{
    struct explained_relation relation = {0};
    RG_TRY(explain_relation(page->explained, dotted, &relation));
    const struct policy_explanation *explanation = &relation.explanation;
    put(page, STYLE_HEAD, RG_SLICE("relation "));
    put(page, STYLE_HEAD, dotted);
    if (explanation->is_reachable) {
        (void)fputs(" is ", stdout);
        text_print(stdout, explanation->physical, false);
        (void)putchar('.');
        text_print(stdout, relation.name, false);
        (void)fputs(explanation->is_own ? ", the tenant's own" : ", shared", stdout);
    }
    (void)putchar('\n');
    for (size_t i = 0; i < explanation->naming_count; i++) {
        print_naming(page->explained, &explanation->namings[i]);
    }
    if (explanation->naming_count == 0) {
        (void)puts("  no policy names it: what no policy names is refused");
    }
    for (size_t i = 0; i < explanation->mask_count; i++) {
        print_mask(page->explained, &explanation->masks[i]);
    }
    if (explanation->is_reachable) {
        print_rights(explanation);
    }
    if (explanation->predicate.size > 0) {
        row("predicate", explanation->predicate);
    }
    return RG_OK;
}

static rg_status print_functions(const struct page *page, struct rg_slice text, size_t position)
{
    const struct explained_function *functions = NULL;
    size_t count = 0;
    RG_TRY(explain_functions(page->explained, text, position, &count, &functions));
    if (count > 0) {
        head(page, "functions");
    }
    for (size_t i = 0; i < count; i++) {
        label(functions[i].is_allowed ? "allow" : "deny");
        text_print_place(stdout, functions[i].row->place);
        text_print(stdout, functions[i].row->name, false);
        (void)putchar('\n');
    }
    return RG_OK;
}

/* ---- what is sent ---- */

static enum style token_style(enum policy_token_kind kind)
{
    switch (kind) {
    case POLICY_TOKEN_KEYWORD:
        return STYLE_KEYWORD;
    case POLICY_TOKEN_STRING:
        return STYLE_STRING;
    case POLICY_TOKEN_NUMBER:
        return STYLE_NUMBER;
    case POLICY_TOKEN_PLAIN:
    case POLICY_TOKEN_NAME:
        break;
    }
    return STYLE_PLAIN;
}

static void print_sent(const struct page *page, const struct policy_statement *statement)
{
    const struct policy_token *tokens = NULL;
    size_t count = 0;
    struct rg_slice text = explain_shown(statement);
    head(page, statement->is_rewritten ? "sent, rewritten" : "sent");
    if (!rg_is_ok(policy_layout(text, page->explained->arena, &count, &tokens))) {
        (void)fputs("  ", stdout);
        text_print(stdout, text, true);
        (void)putchar('\n');
        return;
    }
    (void)fputs("  ", stdout);
    for (size_t i = 0; i < count; i++) {
        if (tokens[i].is_line_start) {
            (void)printf("\n  %*s", (int)(2 * tokens[i].indent), "");
        } else if (tokens[i].has_space) {
            (void)putchar(' ');
        }
        enum style style = token_style(tokens[i].kind);
        style_set(stdout, page->is_coloured && style != STYLE_PLAIN, style);
        text_print(stdout, tokens[i].text, true);
        style_set(stdout, page->is_coloured && style != STYLE_PLAIN, STYLE_PLAIN);
    }
    (void)putchar('\n');
}

static rg_status print_statement(const struct page *page, const struct policy_statement *statement)
{
    for (size_t i = 0; i < statement->relation_count; i++) {
        RG_TRY(print_relation(page, statement->relations[i]));
    }
    RG_TRY(print_functions(page, statement->source, 0));
    if (statement->text.size > 0) {
        print_sent(page, statement);
    }
    return RG_OK;
}

rg_status explain_print_text(const struct explained *explained, bool is_coloured)
{
    const struct page page = {explained, is_coloured};
    struct rg_slice refused = {"", 0};
    if (explained->subject == NULL) {
        put(&page, STYLE_BAD, RG_SLICE("denied"));
        (void)fputs(": the login is refused: ", stdout);
        text_print(stdout, rg_slice_of(explained->refusal), false);
        (void)putchar('\n');
        return RG_OK;
    }
    print_verdict(&page);
    print_identity(&page);
    const struct policy_statement *denied = find_denied(&explained->plan);
    if (denied != NULL) {
        if (explain_is_about_relation(denied) && explain_refused_relation(explained, denied, &refused)) {
            RG_TRY(print_relation(&page, refused));
        }
        return denied->position > 0 ? print_functions(&page, explained->sql, denied->position) : RG_OK;
    }
    for (size_t i = 0; i < explained->plan.count; i++) {
        RG_TRY(print_statement(&page, &explained->plan.statements[i]));
    }
    return RG_OK;
}

void explain_print_raw(const struct explained *explained)
{
    const struct policy_plan *plan = &explained->plan;
    for (size_t i = 0; i < plan->count && !plan->is_denied; i++) {
        struct rg_slice text = explain_shown(&plan->statements[i]);
        (void)fwrite(text.data, 1, text.size, stdout);
        (void)putchar('\n');
    }
}
