/* SPDX-License-Identifier: Apache-2.0 */
/* rowgate explain for programs: one object for the identity, then one per statement. Keys are stable. */
#include "cli/explain.h"
#include "cli/text.h"

static json_t *claim_json(const struct auth_claim_spec *spec, const struct auth_claim_value *value)
{
    bool is_present = value != NULL && value->is_present;
    json_t *values = is_present ? json_array() : json_null();
    for (size_t i = 0; is_present && i < value->count; i++) {
        (void)json_array_append_new(values, text_json(value->elements[i]));
    }
    return json_pack("{s:o, s:s, s:b, s:o}", "name", text_json(spec->name), "type", auth_type_sql(spec->type),
                     "required", (int)spec->required, "values", values);
}

static json_t *limits_json(struct config_limits limits)
{
    static const struct {
        const char *key;
        enum config_limit limit;
        json_int_t unit;
    } rows[] = {
        {"rows", CONFIG_LIMIT_ROWS, 1},
        {"bytes", CONFIG_LIMIT_BYTES, 1},
        {"connections", CONFIG_LIMIT_CONCURRENCY, 1},
        {"queue", CONFIG_LIMIT_QUEUE, 1},
        {"statement_timeout_ms", CONFIG_LIMIT_STATEMENT_TIMEOUT, 1000},
        {"idle_timeout_ms", CONFIG_LIMIT_IDLE_TIMEOUT, 1000},
        {"statements_per_minute", CONFIG_LIMIT_STATEMENTS_PER_MINUTE, 1},
        {"requests_per_minute", CONFIG_LIMIT_REQUESTS_PER_MINUTE, 1},
    };
    json_t *object = json_pack("{s:o}", "name", text_json(limits.name.size == 0 ? RG_SLICE("default") : limits.name));
    json_t *from = json_object();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rg_slice table = limits.from[rows[i].limit];
        json_int_t value = (json_int_t)limits.values[rows[i].limit] / rows[i].unit;
        (void)json_object_set_new(object, rows[i].key, json_integer(value));
        (void)json_object_set_new(from, rows[i].key, table.size == 0 ? json_null() : text_json(table));
    }
    (void)json_object_set_new(object, "from", from); /* the table of each; null: it is the built-in one */
    return object;
}

static const char *kind_name(enum auth_kind kind)
{
    switch (kind) {
    case AUTH_UNVERIFIED:
        return "nobody";
    case AUTH_OIDC:
        return "oidc";
    case AUTH_SCRAM:
        return "service_account";
    case AUTH_SAML:
        return "saml";
    case AUTH_OAUTH:
        return "oauth";
    }
    return "nobody";
}

static void print_identity(const struct explained *explained)
{
    const struct auth_identity *identity = &explained->subject->identity;
    const struct tenant *tenant = &explained->subject->tenant;
    char digest[2 * RG_SHA256_SIZE + 1];
    json_t *claims = json_array();
    json_t *schemas = json_object();
    for (size_t i = 0; i < explained->config->claim_count; i++) {
        const struct auth_claim_value *value = i < identity->claim_count ? &identity->claims[i] : NULL;
        (void)json_array_append_new(claims, claim_json(&explained->config->claims[i], value));
    }
    for (size_t i = 0; i < tenant->route.schema_count; i++) {
        (void)json_object_set_new(schemas, tenant->route.schemas[i].logical.data,
                                  text_json(tenant->route.schemas[i].physical));
    }
    rg_digest_hex(policy_binding_digest(explained->binding), digest);
    text_print_json(json_pack(
        "{s:s, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s}", "type", "identity", "tenant",
        text_json(tenant->id), "user", text_json(explained->request->user), "kind", kind_name(identity->kind), "idp",
        text_json(identity->idp), "subject", text_json(identity->subject), "claims", claims, "schemas", schemas,
        "upstream", text_json(tenant->route.upstream), "database", text_json(explained->subject->database), "limits",
        limits_json(config_limits_find(explained->config, &tenant->route)), "binding", digest));
}

static json_t *naming_json(const struct explained *explained, const struct policy_naming *naming)
{
    const struct policy_row *policy = &explained->config->source->rows[naming->row];
    return json_pack("{s:o, s:o, s:b, s:s, s:o, s:o}", "policy", text_json(policy->name), "place",
                     text_json_place(policy->place), "applies", (int)(naming->applicability == POLICY_APPLIES), "why",
                     policy_applicability_text(naming->applicability), "group", text_json(policy->group), "using",
                     text_json(policy->using_text));
}

static json_t *rights_json(const struct policy_explanation *explanation)
{
    const struct {
        bool is_given;
        const char *word;
    } rights[] = {{explanation->for_select, "select"},
                  {explanation->for_insert, "insert"},
                  {explanation->for_update, "update"},
                  {explanation->for_delete, "delete"}};
    json_t *words = json_array();
    for (size_t i = 0; i < sizeof rights / sizeof rights[0]; i++) {
        if (rights[i].is_given) {
            (void)json_array_append_new(words, json_string(rights[i].word));
        }
    }
    return words;
}

static json_t *mask_json(const struct explained *explained, const struct policy_explained_mask *mask)
{
    const struct policy_mask_row *row = &explained->config->source->masks[mask->row];
    return json_pack("{s:o, s:s, s:o, s:b, s:o}", "column", text_json(mask->column), "with",
                     explain_mask_word(row->kind), "place", text_json_place(row->place), "in_predicates",
                     (int)row->allow_in_predicates, "unless", text_json(row->unless_text));
}

static rg_status relation_json(const struct explained *explained, struct rg_slice dotted, json_t *relations)
{
    struct explained_relation relation = {0};
    RG_TRY(explain_relation(explained, dotted, &relation));
    const struct policy_explanation *explanation = &relation.explanation;
    json_t *policies = json_array();
    for (size_t i = 0; i < explanation->naming_count; i++) {
        (void)json_array_append_new(policies, naming_json(explained, &explanation->namings[i]));
    }
    json_t *masks = json_array();
    for (size_t i = 0; i < explanation->mask_count; i++) {
        (void)json_array_append_new(masks, mask_json(explained, &explanation->masks[i]));
    }
    json_t *object = json_pack("{s:o, s:b, s:b, s:o, s:o, s:o, s:o, s:o}", "relation", text_json(dotted), "reachable",
                               (int)explanation->is_reachable, "own", (int)explanation->is_own, "physical_schema",
                               text_json(explanation->physical), "for", rights_json(explanation), "policies", policies,
                               "masks", masks, "predicate", text_json(explanation->predicate));
    (void)json_array_append_new(relations, object);
    return RG_OK;
}

static rg_status functions_json(const struct explained *explained, const struct policy_statement *statement,
                                json_t *rows)
{
    bool is_denied = statement->verdict == POLICY_DENY;
    const struct explained_function *functions = NULL;
    size_t count = 0;
    if (is_denied && statement->position == 0) {
        return RG_OK;
    }
    RG_TRY(explain_functions(explained, is_denied ? explained->sql : statement->source, statement->position, &count,
                             &functions));
    for (size_t i = 0; i < count; i++) {
        (void)json_array_append_new(rows, json_pack("{s:o, s:b, s:o}", "name", text_json(functions[i].row->name),
                                                    "allowed", (int)functions[i].is_allowed, "place",
                                                    text_json_place(functions[i].row->place)));
    }
    return RG_OK;
}

static rg_status print_statement(const struct explained *explained, const struct policy_statement *statement)
{
    bool is_denied = statement->verdict == POLICY_DENY;
    struct rg_slice refused = {"", 0};
    RG_AUTO(json_decrefp) json_t *relations = json_array();
    RG_AUTO(json_decrefp) json_t *functions = json_array();
    for (size_t i = 0; i < statement->relation_count; i++) {
        RG_TRY(relation_json(explained, statement->relations[i], relations));
    }
    RG_TRY(functions_json(explained, statement, functions));
    if (is_denied && explain_is_about_relation(statement) && explain_refused_relation(explained, statement, &refused)) {
        RG_TRY(relation_json(explained, refused, relations));
    }
    text_print_json(json_pack(
        "{s:s, s:s, s:s, s:b, s:s, s:o, s:o, s:o, s:I, s:o, s:o, s:O, s:O}", "type", "statement", "verdict",
        is_denied ? "deny" : "allow", "class", policy_class_name(statement->class_of_statement), "rewritten",
        (int)statement->is_rewritten, "sqlstate", is_denied ? statement->sqlstate : "", "rule",
        text_json(statement->rule), "message", text_json(statement->message), "hint", text_json(statement->hint),
        "position", (json_int_t)statement->position, "source", text_json(statement->source), "sent",
        text_json(explain_shown(statement)), "relations", relations, "functions", functions));
    return RG_OK;
}

rg_status explain_print_json(const struct explained *explained)
{
    if (explained->subject == NULL) {
        text_print_json(json_pack("{s:s, s:s, s:s, s:s, s:s}", "type", "login", "verdict", "deny", "sqlstate", "28000",
                                  "rule", "login.claims", "message", explained->refusal));
        return RG_OK;
    }
    print_identity(explained);
    for (size_t i = 0; i < explained->plan.count; i++) {
        RG_TRY(print_statement(explained, &explained->plan.statements[i]));
    }
    return RG_OK;
}
