/* SPDX-License-Identifier: Apache-2.0 */
/* For whom: [[tenants]] and [[tenant_patterns]] into the registry. Whether the mapping to schemas is
 * injective is checked in config_schemas.c. */
#include <stdlib.h>

#include "base/rg_memory.h"
#include "proxy/config_private.h"

/* ---- match ---- */

static rg_status match_also(struct config_draft *draft, const struct rg_schema_list *raw, struct tenant_match *match)
{
    struct rg_slice *also = NULL;
    size_t at = 0;
    RG_TRY(rg_arena_array(draft->arena, raw->count, sizeof *also, (void **)&also));
    for (size_t i = 0; i < raw->count; i++) {
        (void)config_refer(draft, &draft->raw.idps, sizeof(struct config_raw_idp), "[idp.NAME]", &raw->items[i], &at);
        also[i] = raw->items[i].text;
        if (tenants_match_has_idp(match, also[i])) {
            config_error(draft, raw->items[i].place, "\"%.*s\" is given twice in match", rg_slice_shown(also[i]),
                         also[i].data);
        }
        match->also = also;
        match->also_count = i + 1;
    }
    return RG_OK;
}

static rg_status match_idp(struct config_draft *draft, const struct config_raw_match *raw, struct tenant_match *match)
{
    size_t at = 0;
    (void)config_refer(draft, &draft->raw.idps, sizeof(struct config_raw_idp), "[idp.NAME]", &raw->idp, &at);
    match->idp = raw->idp.text;
    match->kind = TENANT_MATCH_IDP;
    if (raw->claim.is_given != raw->value.is_given) {
        const struct rg_schema_string *given = raw->claim.is_given ? &raw->claim : &raw->value;
        config_error(draft, given->place, "\"claim\" and \"value\" belong together");
    } else if (raw->claim.is_given) {
        (void)config_refer(draft, &draft->raw.claims, sizeof(struct config_raw_claim), "claim", &raw->claim,
                           &match->claim);
        match->kind = TENANT_MATCH_IDP_CLAIM;
        match->value = raw->value.text;
    }
    return match_also(draft, &raw->also, match);
}

static void match_account(struct config_draft *draft, const struct config_raw_match *raw, struct tenant_match *match)
{
    size_t at = 0;
    const struct rg_schema_string *extra = raw->idp.is_given     ? &raw->idp
                                           : raw->claim.is_given ? &raw->claim
                                                                 : &raw->value;
    if (extra->is_given) {
        config_error(draft, extra->place, "\"service_account\" stands alone in match");
    }
    (void)config_refer(draft, &draft->raw.accounts, sizeof(struct config_raw_account), "service account",
                       &raw->service_account, &at);
    match->kind = TENANT_MATCH_ACCOUNT;
    match->idp = raw->service_account.text;
}

/* Another road of a tenant: its people are those of the row that is named, which has some of its own. */
static void match_tenant(struct config_draft *draft, const struct config_raw_match *raw, struct tenant_match *match)
{
    const struct rg_schema_string *extra = raw->idp.is_given     ? &raw->idp
                                           : raw->claim.is_given ? &raw->claim
                                           : raw->value.is_given ? &raw->value
                                                                 : &raw->service_account;
    if (extra->is_given) {
        config_error(draft, extra->place, "\"tenant\" stands alone in match");
    }
    const struct config_raw_tenant *raws = draft->raw.tenants.items;
    size_t at = 0;
    if (config_refer(draft, &draft->raw.tenants, sizeof *raws, "tenant", &raw->tenant, &at) &&
        raws[at].match.tenant.is_given) {
        config_error(draft, raw->tenant.place, "tenant \"%.*s\" has no callers of its own",
                     rg_slice_shown(raw->tenant.text), raw->tenant.text.data);
    }
    match->kind = TENANT_MATCH_TENANT;
    match->idp = raw->tenant.text;
}

static rg_status make_match(struct config_draft *draft, const struct config_raw_match *raw,
                            struct tenant_match *out_match)
{
    struct tenant_match match = {.kind = TENANT_MATCH_NOTHING};
    if (raw->also.is_given && !raw->idp.is_given) {
        config_error(draft, raw->also.place, "\"also\" goes with \"idp\"");
    }
    if (raw->tenant.is_given) {
        match_tenant(draft, raw, &match);
    } else if (raw->service_account.is_given) {
        match_account(draft, raw, &match);
    } else if (raw->idp.is_given) {
        RG_TRY(match_idp(draft, raw, &match));
    } else if (raw->head.is_given) {
        config_error(draft, raw->head.place, "match needs \"idp\", \"service_account\" or \"tenant\"");
    }
    *out_match = match;
    return RG_OK;
}

/* ---- route ---- */

static bool is_system_schema(struct rg_slice name)
{
    return rg_slice_has_prefix(name, RG_SLICE("pg_")) || rg_slice_is_equal(name, RG_SLICE("information_schema"));
}

static void check_schema(struct config_draft *draft, const struct rg_schema_string *schema)
{
    if (!config_is_name(schema->key)) {
        config_error(draft, schema->key_place, "\"%.*s\" is no name for a schema: letters, digits, _ and -",
                     rg_slice_shown(schema->key), schema->key.data);
    }
    if (is_system_schema(schema->key) || is_system_schema(schema->text)) {
        config_error(draft, schema->place, "a route cannot map the server's own schemas");
    } else if (schema->text.size > CONFIG_NAME_MAX) {
        config_error(draft, schema->place, "a schema's name has at most %d bytes", CONFIG_NAME_MAX);
    }
}

static int compare_schemas(const void *a, const void *b)
{
    const struct tenant_schema *left = a;
    const struct tenant_schema *right = b;
    return strcmp(left->logical.data, right->logical.data);
}

static rg_status make_route(struct config_draft *draft, const struct config_raw_route *raw,
                            struct tenant_route *out_route)
{
    struct tenant_schema *schemas = NULL;
    size_t at = 0;
    RG_TRY(rg_arena_array(draft->arena, raw->schemas.count, sizeof *schemas, (void **)&schemas));
    for (size_t i = 0; i < raw->schemas.count; i++) {
        check_schema(draft, &raw->schemas.items[i]);
        schemas[i] = (struct tenant_schema){raw->schemas.items[i].key, raw->schemas.items[i].text};
    }
    qsort(schemas, raw->schemas.count, sizeof *schemas, compare_schemas);
    struct rg_slice database = raw->database.text;
    if (raw->upstream.is_given && config_refer(draft, &draft->raw.upstreams, sizeof(struct config_raw_upstream),
                                               "[upstreams.NAME]", &raw->upstream, &at)) {
        database = raw->database.is_given ? database : draft->config->upstreams[at].database;
        if (draft->config->upstreams[at].kind == CONFIG_UPSTREAM_SUPERSET) {
            config_error(draft, raw->upstream.place, "\"upstream\" must be a database, not of kind \"superset\"");
        }
    }
    if (raw->limits.is_given && !rg_slice_is_equal(raw->limits.text, RG_SLICE("default"))) {
        (void)config_refer(draft, &draft->raw.limits, sizeof(struct config_raw_limits), "[limits.NAME]", &raw->limits,
                           &at);
    }
    *out_route = (struct tenant_route){.upstream = raw->upstream.text,
                                       .limits = raw->limits.text,
                                       .database = database,
                                       .schema_count = raw->schemas.count,
                                       .schemas = schemas};
    return RG_OK;
}

/* ---- static tenants ---- */

static rg_status make_static(struct config_draft *draft, const struct config_raw_tenant *raw,
                             struct tenant_static *out_tenant)
{
    struct tenant_static tenant = {.id = raw->id.text, .is_frozen = raw->frozen.value != 0};
    if (raw->id.is_given && !tenants_id_is_valid(raw->id.text)) {
        config_error(draft, raw->id.place,
                     "no usable id: at most 63 bytes, no quotes, \\, ; { } and control characters");
    }
    RG_TRY(make_match(draft, &raw->match, &tenant.match));
    RG_TRY(config_make_face(draft, &raw->face, &tenant.face));
    RG_TRY(make_route(draft, &raw->route, &tenant.route));
    *out_tenant = tenant;
    return RG_OK;
}

/* The database that a client asks for decides between a tenant's roads, so each has one of its own. The second lock
 * names tenants by their rows, so it does not know another road's. */
static void check_branch(struct config_draft *draft, const struct config_raw_tenant *raw, size_t at,
                         const struct tenant_static *rows, size_t count)
{
    const struct tenant_static *branch = &rows[at];
    const struct config_upstream *upstream = config_upstream_find(draft->config, branch->route.upstream);
    if (upstream != NULL && upstream->lock != POLICY_LOCK_NONE) {
        config_error(draft, raw->route.upstream.place,
                     "another route of a tenant needs an upstream without \"identity\"");
    }
    for (size_t i = 0; i < count; i++) {
        bool is_parent = i != at && rg_slice_is_equal(rows[i].id, branch->match.idp);
        bool is_sibling = i < at && rows[i].match.kind == TENANT_MATCH_TENANT &&
                          rg_slice_is_equal(rows[i].match.idp, branch->match.idp);
        if (((is_parent || is_sibling) && rg_slice_is_equal(rows[i].route.database, branch->route.database)) ||
            (is_parent && rg_slice_is_equal(rows[i].id, branch->route.database))) {
            config_error(draft, raw->route.head.place,
                         "this route needs a \"database\" that no other of tenant \"%.*s\" has",
                         rg_slice_shown(branch->match.idp), branch->match.idp.data);
            return;
        }
    }
}

static rg_status make_statics(struct config_draft *draft)
{
    const struct config_raw_tenant *raws = draft->raw.tenants.items;
    size_t count = draft->raw.tenants.count;
    struct tenant_static *statics = NULL;
    RG_TRY(config_check_unique(draft, &draft->raw.tenants, sizeof *raws, "tenant"));
    RG_TRY(rg_arena_array(draft->arena, count, sizeof *statics, (void **)&statics));
    for (size_t i = 0; i < count; i++) {
        RG_TRY(make_static(draft, &raws[i], &statics[i]));
    }
    RG_TRY(config_check_matches(draft, statics, count));
    for (size_t i = 0; i < count; i++) {
        if (statics[i].match.kind == TENANT_MATCH_TENANT) {
            check_branch(draft, &raws[i], i, statics, count);
        }
    }
    draft->config->registry.statics = statics;
    draft->config->registry.static_count = count;
    return RG_OK;
}

/* ---- patterns ---- */

static bool has_back_reference(struct rg_slice expression)
{
    for (size_t i = 0; i + 1 < expression.size; i++) {
        if (expression.data[i] == '\\') {
            i += 1;
            if (expression.data[i] >= '0' && expression.data[i] <= '9') {
                return true;
            }
        }
    }
    return false;
}

static bool is_anchored(struct rg_slice expression)
{
    return expression.size >= 2 && expression.data[0] == '^' && expression.data[expression.size - 1] == '$' &&
           expression.data[expression.size - 2] != '\\';
}

/* The expression comes from the operator; the text it judges from the caller. Back-references would make
 * matching exponential, so they are refused. */
static void compile_allow(struct config_draft *draft, const struct rg_schema_string *allow, const void **out_compiled)
{
    enum { ALLOW_MAX = 1024 };
    if (!is_anchored(allow->text)) {
        config_error(draft, allow->place, "\"allow\" must be anchored: \"^...$\"");
        return;
    }
    if (allow->text.size > ALLOW_MAX || has_back_reference(allow->text)) {
        config_error(draft, allow->place, "\"allow\" must have at most %d bytes and no back-references", ALLOW_MAX);
        return;
    }
    regex_t *regex = rg_memory_alloc(sizeof *regex);
    int result = regcomp(regex, allow->text.data, REG_EXTENDED);
    if (result != 0) {
        char text[128];
        (void)regerror(result, regex, text, sizeof text);
        rg_memory_free(regex);
        config_error(draft, allow->place, "\"allow\" is no extended regular expression: %s", text);
        return;
    }
    config_own_regex(draft->config, regex);
    *out_compiled = regex;
}

static void check_id_claim(struct config_draft *draft, const struct config_raw_pattern *raw,
                           struct tenant_pattern *pattern)
{
    if (!raw->id.claim.is_given || !config_refer(draft, &draft->raw.claims, sizeof(struct config_raw_claim), "claim",
                                                 &raw->id.claim, &pattern->id_claim)) {
        return;
    }
    const struct auth_claim_spec *spec = &draft->config->claims[pattern->id_claim];
    if (spec->type.is_array) {
        config_error(draft, raw->id.claim.place, "claim \"%.*s\" is a list and cannot be an id",
                     rg_slice_shown(spec->name), spec->name.data);
    } else if (!spec->required) {
        config_error(draft, raw->id.claim.place, "claim \"%.*s\" must be required = true to be an id",
                     rg_slice_shown(spec->name), spec->name.data);
    }
}

static rg_status make_pattern(struct config_draft *draft, const struct config_raw_pattern *raw,
                              struct tenant_pattern *out_pattern)
{
    struct tenant_pattern pattern = {.allow = raw->id.allow.text};
    RG_TRY(make_match(draft, &raw->match, &pattern.match));
    if (raw->match.tenant.is_given) {
        config_error(draft, raw->match.tenant.place, "\"tenant\" is for [[tenants]]");
    }
    if (raw->id.allow.is_given) {
        compile_allow(draft, &raw->id.allow, &pattern.compiled);
    }
    check_id_claim(draft, raw, &pattern);
    RG_TRY(config_make_face(draft, &raw->face, &pattern.face));
    RG_TRY(make_route(draft, &raw->route, &pattern.route));
    *out_pattern = pattern;
    return RG_OK;
}

static rg_status make_patterns(struct config_draft *draft)
{
    const struct config_raw_pattern *raws = draft->raw.patterns.items;
    size_t count = draft->raw.patterns.count;
    struct tenant_pattern *patterns = NULL;
    RG_TRY(rg_arena_array(draft->arena, count, sizeof *patterns, (void **)&patterns));
    for (size_t i = 0; i < count; i++) {
        RG_TRY(make_pattern(draft, &raws[i], &patterns[i]));
    }
    draft->config->registry.patterns = patterns;
    draft->config->registry.pattern_count = count;
    return RG_OK;
}

rg_status config_make_tenants(struct config_draft *draft)
{
    RG_TRY(make_statics(draft));
    RG_TRY(make_patterns(draft));
    if (draft->raw.tenants.count + draft->raw.patterns.count == 0) {
        config_warning(draft, config_whole_file(draft), "no [[tenants]] and no [[tenant_patterns]]: nobody can log in");
    }
    return RG_OK;
}
