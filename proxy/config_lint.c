/* SPDX-License-Identifier: Apache-2.0 */
/* The lints that need what the files said about claims, tenants and patterns; the rest is policy/lint.c. */
#include "proxy/config_lint.h"

#include <stdlib.h>

#include "policy/lint.h"
#include "proxy/config_private.h"

enum { PLACED_BYTES = 1 << 30 }; /* bounds what the files' own limits bound already */

/* ---- claims ---- */

static void mark_match(const struct tenant_match *match, bool *used)
{
    if (match->kind == TENANT_MATCH_IDP_CLAIM) {
        used[match->claim] = true;
    }
}

static void lint_claims(const struct config *config, const bool *bound, bool *used, struct rg_diag *diag)
{
    const struct config_raw_claim *raws = config_raw_of(config)->claims.items;
    for (size_t i = 0; i < config->registry.static_count; i++) {
        mark_match(&config->registry.statics[i].match, used);
    }
    for (size_t i = 0; i < config->registry.pattern_count; i++) {
        mark_match(&config->registry.patterns[i].match, used);
        used[config->registry.patterns[i].id_claim] = true;
    }
    for (size_t i = 0; i < config->claim_count; i++) {
        struct rg_slice name = config->claims[i].name;
        if (!used[i] && !bound[i]) {
            policy_lint_add(diag, raws[i].head.name_place, POLICY_LINT_CLAIM_UNUSED, "nothing uses the claim \"%.*s\"",
                            rg_slice_shown(name), name.data);
        } else if (bound[i] && !config->claims[i].required) {
            policy_lint_add(diag, raws[i].head.name_place, POLICY_LINT_CLAIM_OPTIONAL,
                            "a predicate binds the claim \"%.*s\", which a login may lack", rg_slice_shown(name),
                            name.data);
        }
    }
}

/* ---- patterns ---- */

struct letters {
    bool has_upper, has_lower;
};

static void add_byte(struct letters *letters, char byte)
{
    letters->has_upper = letters->has_upper || (byte >= 'A' && byte <= 'Z');
    letters->has_lower = letters->has_lower || (byte >= 'a' && byte <= 'z');
}

/* The size of "[:upper:]" and the like where text begins; 0 = none begins there. */
static size_t skip_class(struct rg_slice text, struct letters *letters)
{
    static const struct {
        struct rg_slice name;
        struct letters letters;
    } classes[] = {
        {{"[:upper:]", 9}, {true, false}}, {{"[:lower:]", 9}, {false, true}}, {{"[:digit:]", 9}, {false, false}},
        {{"[:alpha:]", 9}, {true, true}},  {{"[:alnum:]", 9}, {true, true}},  {{"[:graph:]", 9}, {true, true}},
        {{"[:print:]", 9}, {true, true}},  {{"[^", 2}, {true, true}},
    };
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        if (rg_slice_has_prefix(text, classes[i].name)) {
            letters->has_upper = letters->has_upper || classes[i].letters.has_upper;
            letters->has_lower = letters->has_lower || classes[i].letters.has_lower;
            return classes[i].name.size;
        }
    }
    return 0;
}

/* Which letters an extended regular expression may take, by its text: more rather than fewer. */
static struct letters letters_of(struct rg_slice expression)
{
    struct letters letters = {false, false};
    bool in_class = false;
    for (size_t i = 0; i < expression.size; i++) {
        size_t size = skip_class(rg_slice_cut(expression, i, expression.size), &letters);
        char byte = expression.data[i];
        if (size > 0) {
            in_class = in_class || size == 2;
            i += size - 1;
        } else if (byte == '\\' && !in_class) {
            i++;
        } else if (byte == '.' && !in_class) {
            return (struct letters){true, true};
        } else {
            in_class = byte == '[' || (in_class && byte != ']');
            add_byte(&letters, byte);
        }
    }
    return letters;
}

/* ^a|b$ anchors one end of each alternative. */
static bool has_bare_alternation(struct rg_slice expression)
{
    size_t depth = 0;
    bool in_class = false;
    for (size_t i = 0; i < expression.size; i++) {
        char byte = expression.data[i];
        if (byte == '\\' && !in_class) {
            i++;
        } else if (byte == '[' && !in_class) {
            in_class = true;
            i += i + 1 < expression.size && expression.data[i + 1] == ']' ? 1 : 0;
        } else if (byte == ']') {
            in_class = false;
        } else if (!in_class) {
            depth += byte == '(' ? 1 : 0;
            depth -= byte == ')' && depth > 0 ? 1 : 0;
            if (byte == '|' && depth == 0) {
                return true;
            }
        }
    }
    return false;
}

static bool split_template(struct rg_slice text, struct rg_slice *out_prefix, struct rg_slice *out_suffix)
{
    struct rg_slice hole = RG_SLICE("{tenant.id}");
    const char *found = text.size == 0 ? NULL : memmem(text.data, text.size, hole.data, hole.size);
    if (found == NULL) {
        return false;
    }
    *out_prefix = rg_slice_cut(text, 0, (size_t)(found - text.data));
    *out_suffix = rg_slice_cut(text, out_prefix->size + hole.size, text.size);
    return true;
}

/* Only `allow` keeps such a template from the static tenant's schema: one edit away. */
static void lint_near(const struct config *config, const struct rg_schema_string *template, struct rg_diag *diag)
{
    struct rg_slice prefix = {0};
    struct rg_slice suffix = {0};
    if (!split_template(template->text, &prefix, &suffix)) {
        return;
    }
    for (size_t i = 0; i < config->registry.static_count; i++) {
        const struct tenant_static *tenant = &config->registry.statics[i];
        for (size_t j = 0; j < tenant->route.schema_count; j++) {
            struct rg_slice name = tenant->route.schemas[j].physical;
            if (name.size > prefix.size + suffix.size && rg_slice_has_prefix(name, prefix) &&
                rg_slice_is_equal(rg_slice_cut(name, name.size - suffix.size, suffix.size), suffix)) {
                policy_lint_add(diag, template->place, POLICY_LINT_PATTERN_NEAR,
                                "but for \"allow\" this could become \"%.*s\", the schema of tenant \"%.*s\"",
                                rg_slice_shown(name), name.data, rg_slice_shown(tenant->id), tenant->id.data);
                return;
            }
        }
    }
}

static void lint_pattern(const struct config *config, size_t at, struct rg_diag *diag)
{
    const struct tenant_pattern *pattern = &config->registry.patterns[at];
    const struct config_raw_pattern *raw =
        (const struct config_raw_pattern *)config_raw_of(config)->patterns.items + at;
    const struct auth_claim_spec *claim = &config->claims[pattern->id_claim];
    struct letters letters = letters_of(pattern->allow);
    if (claim->lower) {
        policy_lint_add(diag, raw->id.claim.place, POLICY_LINT_PATTERN_FOLDED,
                        "the claim \"%.*s\" is lower-cased: values that differ in case are one tenant and one schema",
                        rg_slice_shown(claim->name), claim->name.data);
    } else if (claim->type.scalar == AUTH_SCALAR_TEXT && letters.has_upper && letters.has_lower) {
        policy_lint_add(diag, raw->id.allow.place, POLICY_LINT_PATTERN_CASE,
                        "this takes letters of both cases: \"Acme\" and \"acme\" would be two tenants");
    }
    if (has_bare_alternation(pattern->allow)) {
        policy_lint_add(diag, raw->id.allow.place, POLICY_LINT_PATTERN_ALTERNATION,
                        "the anchors hold for one alternative each");
    }
    for (size_t i = 0; i < raw->route.schemas.count; i++) {
        lint_near(config, &raw->route.schemas.items[i], diag);
    }
}

/* ---- tenants ---- */

/* A schema of a tenant, as its row has it. */
struct placed {
    const struct rg_schema_string *schema;
    size_t tenant;
};

static int compare_placed(const void *left, const void *right)
{
    const struct placed *a = left;
    const struct placed *b = right;
    int order = rg_slice_compare(a->schema->text, b->schema->text);
    return order != 0 ? order : (a->tenant > b->tenant) - (a->tenant < b->tenant);
}

static bool may_have_one_name(const char *a, const char *b)
{
    return a == NULL || b == NULL || strcmp(a, b) == 0;
}

/* Upstreams of the same host and database name are an error at load; of the same name on another host they may be one.
 */
static bool may_meet(const struct config *config, const struct tenant_route *a, const struct tenant_route *b)
{
    const struct config_upstream *one = config_upstream_find(config, a->upstream);
    const struct config_upstream *other = config_upstream_find(config, b->upstream);
    return one != NULL && other != NULL && one != other &&
           may_have_one_name(net_conninfo_dbname(one->conninfo), net_conninfo_dbname(other->conninfo));
}

/* One of an earlier tenant that has this one's name, and may be where it is: schemas from first on have that name. */
static void lint_placed(const struct config *config, const struct placed *first, const struct placed *placed,
                        struct rg_diag *diag)
{
    const struct tenant_static *tenants = config->registry.statics;
    for (; first->tenant < placed->tenant; first++) {
        const struct tenant_static *other = &tenants[first->tenant];
        if (may_meet(config, &tenants[placed->tenant].route, &other->route)) {
            policy_lint_add(diag, placed->schema->place, POLICY_LINT_TENANT_SCHEMA,
                            "tenant \"%.*s\" has a schema of that name in a database of the same name, on another host",
                            rg_slice_shown(other->id), other->id.data);
            return;
        }
    }
}

static rg_status lint_tenants(const struct config *config, struct rg_diag *diag)
{
    const struct config_records *records = &config_raw_of(config)->tenants;
    const struct config_raw_tenant *raws = records->items;
    struct placed *all = NULL;
    size_t total = 0;
    size_t count = 0;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, PLACED_BYTES);
    for (size_t i = 0; i < records->count; i++) {
        total += raws[i].route.schemas.count;
    }
    RG_TRY(rg_arena_array(&arena, total + 1, sizeof *all, (void **)&all));
    for (size_t i = 0; i < records->count; i++) {
        for (size_t j = 0; j < raws[i].route.schemas.count; j++) {
            all[count++] = (struct placed){&raws[i].route.schemas.items[j], i};
        }
    }
    qsort(all, count, sizeof *all, compare_placed);
    for (size_t i = 1, first = 0; i < count; i++) {
        first = rg_slice_is_equal(all[first].schema->text, all[i].schema->text) ? first : i;
        lint_placed(config, &all[first], &all[i], diag);
    }
    return RG_OK;
}

/* ---- limits ---- */

static void lint_limits(const struct config *config, size_t at, struct rg_diag *diag)
{
    const struct config_raw_limits *raw = (const struct config_raw_limits *)config_raw_of(config)->limits.items + at;
    const struct config_limits *limits = &config->limits[at];
    for (size_t i = 0; i < CONFIG_LIMIT_COUNT; i++) {
        bool is_hidden = limits->from[i].size > 0 && config->default_limits.from[i].size > 0 &&
                         limits->values[i] > config->default_limits.values[i];
        if (is_hidden) {
            policy_lint_add(diag, config_raw_limit(raw, (enum config_limit)i)->place, POLICY_LINT_LIMIT_HIDDEN,
                            "\"%s\" of [limits.default] is smaller and holds instead",
                            config_limit_key((enum config_limit)i));
        }
    }
}

rg_status config_lint(const struct config *config, const struct policy_relations *relations, struct rg_diag *diag)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    bool *bound = NULL;
    bool *used = NULL;
    rg_arena_init(&arena, 1 << 20);
    RG_TRY(rg_arena_array(&arena, config->claim_count + 1, sizeof *bound, (void **)&bound));
    RG_TRY(rg_arena_array(&arena, config->claim_count + 1, sizeof *used, (void **)&used));
    const struct policy_lint_input input = {
        .source = config->source,
        .registry = &config->registry,
        .relations = relations,
        .place = {config->files[0].data, 1, 1},
    };
    RG_TRY(policy_lint(&input, diag, bound));
    lint_claims(config, bound, used, diag);
    for (size_t i = 0; i < config->registry.pattern_count; i++) {
        lint_pattern(config, i, diag);
    }
    for (size_t i = 0; i < config->limits_count; i++) {
        lint_limits(config, i, diag);
    }
    return lint_tenants(config, diag);
}
