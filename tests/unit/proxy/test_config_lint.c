/* SPDX-License-Identifier: Apache-2.0 */
/* Each lint of `rowgate check` on a configuration that triggers it and on one that nearly does, and the manual's row
 * for each. */
#include "proxy/config_lint.h"

#include "policy/lint.h"
#include "tests/support/config_chunks.h"
#include "tests/support/config_test.h"

/* shared.events (id, tenant_id, at), shared.unnamed, t_acme.orders (id, tx xid), t_acme.refs (r regclass), a partition.
 */
static const char relations_text[] =
    "{\"version\": 1, \"server\": 150020, \"operators\": [[\"=\", \"int4\", \"int4\"]], \"relations\": ["
    "{\"schema\": \"shared\", \"name\": \"events\", \"kind\": \"p\", \"columns\": [[\"id\", \"int4\"], "
    "[\"tenant_id\", \"text\"], [\"at\", \"timestamptz\"]], \"parents\": [], \"reads\": []},"
    "{\"schema\": \"shared\", \"name\": \"events_2026\", \"kind\": \"r\", \"columns\": [[\"id\", \"int4\"]], "
    "\"parents\": [[\"shared\", \"events\"]], \"reads\": []},"
    "{\"schema\": \"t_acme\", \"name\": \"orders\", \"kind\": \"r\", \"columns\": [[\"id\", \"int4\"], "
    "[\"tx\", \"xid\"]], \"parents\": [], \"reads\": []}"
    "]}";

struct row {
    const char *name;
    enum policy_lint_rule rule;
    bool is_found;
    enum chunk chunk;
    const char *text; /* instead of the chunk; @ marks the finding's place */
    const char *tail; /* after all chunks, @ as well */
};

#define P(rest) "[[policies]]\nname = \"p\"\n" rest
#define EVENTS "on = [\"shared.events\"]\nfor = [\"select\"]\n"
#define OWN "[[policies]]\nname = \"own\"\non = [\"sales.*\"]\nfor = [\"select\"]\nisolation = \"schema\"\n"
#define PATTERN(claim, allow, schema)                                                                                  \
    "[[tenant_patterns]]\nmatch = { idp = \"main\" }\nid = { claim = " claim ", allow = " allow " }\n"                 \
    "route = { upstream = \"pool\", schemas = { sales = " schema " } }\n"
#define GLOBEX                                                                                                         \
    "[[tenants]]\nid = \"globex\"\nmatch = { service_account = \"etl\" }\nroute = { upstream = \"other\", schemas = "  \
    "{ sales = @\"t_acme\" } }\n"

/* clang-format off */
static const struct row rows[] = {
    {"a constant", POLICY_LINT_PREDICATE_TRUE, true, CHUNK_EXTRA, P(EVENTS "using = \"@1 = 1\"\n"), ""},
    {"no constant", POLICY_LINT_PREDICATE_TRUE, false, CHUNK_EXTRA, P(EVENTS "using = \"id = 1\"\n"), ""},
    {"never", POLICY_LINT_PREDICATE_FALSE, true, CHUNK_EXTRA, P(EVENTS "using = '''\n  @id = 1 and id = 2'''\n"), ""},
    {"sometimes", POLICY_LINT_PREDICATE_FALSE, false, CHUNK_EXTRA, P(EVENTS "using = \"id = 1 and id <> 2\"\n"), ""},
    {"a part", POLICY_LINT_PREDICATE_PART, true, CHUNK_EXTRA, P(EVENTS "using = \"tenant_id = :tenant_id or @false\"\n"), ""},
    {"no part", POLICY_LINT_PREDICATE_PART, false, CHUNK_EXTRA, P(EVENTS "using = \"tenant_id = :tenant_id or id = 0\"\n"), ""},
    {"absent claim", POLICY_LINT_PREDICATE_NULL, true, CHUNK_EXTRA, P(EVENTS "using = \"id = 1 and @:regions is null\"\n"), ""},
    {"required claim", POLICY_LINT_PREDICATE_NULL, false, CHUNK_EXTRA, P(EVENTS "using = \"id = 1 and (:tenant_id is null) is not true\"\n"), ""},
    {"empty claim", POLICY_LINT_PREDICATE_EMPTY, true, CHUNK_EXTRA, P(EVENTS "using = \"@tenant_id <> all (:regions)\"\n"), ""},
    {"no empty claim", POLICY_LINT_PREDICATE_EMPTY, false, CHUNK_EXTRA, P(EVENTS "using = \"tenant_id = any (:regions)\"\n"), ""},
    {"no claim", POLICY_LINT_PREDICATE_SHARED, true, CHUNK_EXTRA, P(EVENTS "using = \"@id = 1\"\n"), ""},
    {"no claim, but for one", POLICY_LINT_PREDICATE_SHARED, false, CHUNK_EXTRA, P(EVENTS "using = \"id = 1\"\nto = [\"acme\"]\n"), ""},
    {"another binds it", POLICY_LINT_PREDICATE_SHARED, false, CHUNK_EXTRA, P(EVENTS "using = \"id = 1\"\n") "[[policies]]\n" EVENTS "using = \"tenant_id = :tenant_id\"\n", ""},
    {"absent relation", POLICY_LINT_RELATION_ABSENT, true, CHUNK_EXTRA, "@" P("on = [\"shared.event\"]\nfor = [\"select\"]\nusing = \"id = 1\"\n"), ""},
    {"absent in its schema", POLICY_LINT_RELATION_ABSENT, true, CHUNK_EXTRA, "@" P("on = [\"sales.nothing\"]\nfor = [\"select\"]\n"), ""},
    {"present in its schema", POLICY_LINT_RELATION_ABSENT, false, CHUNK_EXTRA, P("on = [\"sales.orders\", \"shared.events\"]\nfor = [\"select\"]\nusing = \"id = 1\"\n"), ""},
    {"unnamed", POLICY_LINT_RELATION_UNNAMED, true, CHUNK_EXTRA, P("on = [\"shared.other\"]\nfor = [\"select\"]\nusing = \"id = 1\"\n"), ""},
    {"named", POLICY_LINT_RELATION_UNNAMED, false, CHUNK_EXTRA, P(EVENTS "using = \"id = 1\"\n"), ""},
    {"absent column", POLICY_LINT_COLUMN_ABSENT, true, CHUNK_EXTRA, P(EVENTS "using = \"tenant_id = :tenant_id and @tenant = 1\"\n"), ""},
    {"present column", POLICY_LINT_COLUMN_ABSENT, false, CHUNK_EXTRA, P(EVENTS "using = \"tenant_id = :tenant_id and at is null\"\n"), ""},
    {"system type", POLICY_LINT_COLUMN_SYSTEM, true, CHUNK_POLICIES, "@" OWN, ""},
    {"no system type", POLICY_LINT_COLUMN_SYSTEM, false, CHUNK_POLICIES, P(EVENTS "using = \"id = 1\"\n"), ""},
    {"open schema", POLICY_LINT_POLICY_OPEN, true, CHUNK_POLICIES, "@" P("on = [\"sales.*\"]\nfor = [\"select\"]\n"), ""},
    {"isolated schema", POLICY_LINT_POLICY_OPEN, false, CHUNK_POLICIES, OWN, ""},
    {"open and narrowed", POLICY_LINT_POLICY_OPEN, false, CHUNK_POLICIES, OWN P("on = [\"sales.*\"]\nfor = [\"select\"]\n"), ""},
    {"a table of it", POLICY_LINT_POLICY_OPEN, false, CHUNK_POLICIES, P("on = [\"sales.orders\"]\nfor = [\"select\"]\n"), ""},
    {"nobody", POLICY_LINT_POLICY_NEVER, true, CHUNK_EXTRA, "@" P(EVENTS "to = [\"acme\"]\nexcept = [\"acme\"]\n"), ""},
    {"somebody", POLICY_LINT_POLICY_NEVER, false, CHUNK_EXTRA, P(EVENTS "except = [\"acme\"]\n"), ""},
    {"the same again", POLICY_LINT_POLICY_REPEATED, true, CHUNK_EXTRA, P(EVENTS "using = \"id = 1\"\n"), "@[[policies]]\n" EVENTS "using = \"id = 1\"\n"},
    {"nearly the same", POLICY_LINT_POLICY_REPEATED, false, CHUNK_EXTRA, P(EVENTS "using = \"id = 1\"\n"), "[[policies]]\n" EVENTS "using = \"id = 1\"\nto = [\"acme\"]\n"},
    {"a group of two", POLICY_LINT_GROUP_WIDENS, true, CHUNK_EXTRA, P(EVENTS "group = \"g\"\nusing = \"id = 1\"\n"), "@[[policies]]\n" EVENTS "group = \"g\"\nusing = \"id = 2\"\n"},
    {"a group over two relations", POLICY_LINT_GROUP_WIDENS, false, CHUNK_EXTRA, P(EVENTS "group = \"g\"\nusing = \"id = 1\"\n"), "[[policies]]\non = [\"shared.other\"]\nfor = [\"select\"]\ngroup = \"g\"\nusing = \"id = 2\"\n"},
    {"two groups", POLICY_LINT_GROUP_WIDENS, false, CHUNK_EXTRA, P(EVENTS "group = \"g\"\nusing = \"id = 1\"\n"), "[[policies]]\n" EVENTS "group = \"h\"\nusing = \"id = 2\"\n"},
    {"unused claim", POLICY_LINT_CLAIM_UNUSED, true, CHUNK_CLAIMS, "[claims]\ntenant_id = { type = \"text\", required = true }\n@spare = { type = \"text\" }\n", ""},
    {"used claim", POLICY_LINT_CLAIM_UNUSED, false, CHUNK_CLAIMS, "[claims]\ntenant_id = { type = \"text\", required = true }\n", ""},
    {"optional claim", POLICY_LINT_CLAIM_OPTIONAL, true, CHUNK_CLAIMS, "[claims]\ntenant_id = { type = \"text\", required = true }\n@regions = { type = \"text[]\" }\n", P(EVENTS "using = \"tenant_id = any (:regions)\"\n")},
    {"required claims", POLICY_LINT_CLAIM_OPTIONAL, false, CHUNK_CLAIMS, "[claims]\ntenant_id = { type = \"text\", required = true }\nregions = { type = \"text[]\" }\n", P(EVENTS "using = \"tenant_id = :tenant_id\"\n")},
    {"folded claim", POLICY_LINT_PATTERN_FOLDED, true, CHUNK_CLAIMS, "[claims]\ntenant_id = { type = \"text\", required = true, lower = true }\n", PATTERN("@\"tenant_id\"", "\"^[a-z]+$\"", "\"c_{tenant.id}\"")},
    {"a claim as it is", POLICY_LINT_PATTERN_FOLDED, false, CHUNK_EXTRA, PATTERN("\"tenant_id\"", "\"^[a-z]+$\"", "\"c_{tenant.id}\""), ""},
    {"both cases", POLICY_LINT_PATTERN_CASE, true, CHUNK_EXTRA, PATTERN("\"tenant_id\"", "@\"^[A-Za-z]+$\"", "\"c_{tenant.id}\""), ""},
    {"any letter", POLICY_LINT_PATTERN_CASE, true, CHUNK_EXTRA, PATTERN("\"tenant_id\"", "@\"^[[:alnum:]]+$\"", "\"c_{tenant.id}\""), ""},
    {"anything", POLICY_LINT_PATTERN_CASE, true, CHUNK_EXTRA, PATTERN("\"tenant_id\"", "@\"^.+$\"", "\"c_{tenant.id}\""), ""},
    {"one case", POLICY_LINT_PATTERN_CASE, false, CHUNK_EXTRA, PATTERN("\"tenant_id\"", "\"^[[:lower:]0-9_.-]+$\"", "\"c_{tenant.id}\""), ""},
    {"alternatives", POLICY_LINT_PATTERN_ALTERNATION, true, CHUNK_EXTRA, PATTERN("\"tenant_id\"", "@\"^a|b$\"", "\"c_{tenant.id}\""), ""},
    {"alternatives in parentheses", POLICY_LINT_PATTERN_ALTERNATION, false, CHUNK_EXTRA, PATTERN("\"tenant_id\"", "\"^(a|b[|])$\"", "\"c_{tenant.id}\""), ""},
    {"near a static tenant", POLICY_LINT_PATTERN_NEAR, true, CHUNK_EXTRA, PATTERN("\"tenant_id\"", "\"^[0-9]+$\"", "@\"t_{tenant.id}\""), ""},
    {"far from it", POLICY_LINT_PATTERN_NEAR, false, CHUNK_EXTRA, PATTERN("\"tenant_id\"", "\"^[0-9]+$\"", "\"c_{tenant.id}\""), ""},
    {"one name on two hosts", POLICY_LINT_TENANT_SCHEMA, true, CHUNK_EXTRA, "[upstreams.other]\nkind = \"postgres\"\ndsn = \"host=127.0.0.2 dbname=bi\"\n" GLOBEX, ""},
    {"more than the default", POLICY_LINT_LIMIT_HIDDEN, true, CHUNK_EXTRA, "[limits.default]\nrequests_per_minute = 10\n[limits.big]\nbytes = \"2GiB\"\nrequests_per_minute = @11\n", ""},
    {"as much, and what the default leaves out", POLICY_LINT_LIMIT_HIDDEN, false, CHUNK_EXTRA, "[limits.default]\nrequests_per_minute = 10\n[limits.big]\nrequests_per_minute = 10\nbytes = \"2GiB\"\nconcurrency = 900\n", ""},
    {"two databases", POLICY_LINT_TENANT_SCHEMA, false, CHUNK_EXTRA, "[upstreams.other]\nkind = \"postgres\"\ndsn = \"host=127.0.0.2 dbname=globex\"\n" GLOBEX, ""},
};
/* clang-format on */

struct place {
    unsigned line, column;
};

/* Appends text without its mark; where the mark stands is the place. */
static size_t append(char *to, size_t size, size_t capacity, const char *text, struct place *place)
{
    for (; *text != '\0' && size + 1 < capacity; text++) {
        if (*text != '@') {
            to[size++] = *text;
            continue;
        }
        *place = (struct place){1, 1};
        for (size_t i = 0; i < size; i++) {
            place->line += to[i] == '\n' ? 1 : 0;
            place->column = to[i] == '\n' ? 1 : place->column + 1;
        }
    }
    to[size] = '\0';
    return size;
}

static void write_row(const struct config_files *files, const struct row *row, struct place *place)
{
    static char text[16384];
    size_t size = 0;
    for (size_t i = 0; i < CHUNK_COUNT; i++) {
        size = append(text, size, sizeof text, i == row->chunk ? row->text : sound_chunks[i], place);
    }
    size = append(text, size, sizeof text, row->tail, place);
    config_files_write(files, "main.toml", text, size);
}

static bool is_as_expected(struct config_files *files, const struct row *row, struct policy_relations *relations)
{
    struct place place = {0, 0};
    bool is_found = false;
    bool is_there = false;
    write_row(files, row, &place);
    assert_ok(config_files_load(files, "main.toml"));
    assert_ok(config_lint(files->config, relations, &files->diag));
    for (const struct rg_finding *finding = files->diag.first; finding != NULL; finding = finding->next) {
        if (finding->rule != NULL && strcmp(finding->rule, policy_lint_name(row->rule)) == 0) {
            assert_int_equal(finding->severity, RG_SEVERITY_WARNING);
            is_found = true;
            is_there = is_there || place.line == 0 ||
                       (finding->place.line == place.line && finding->place.column == place.column);
            if (row->is_found && !is_there) {
                print_error("%s: at %u:%u, expected %u:%u\n", row->name, finding->place.line, finding->place.column,
                            place.line, place.column);
            }
        }
    }
    if (is_found != row->is_found) {
        print_error("%s: %s %s\n", row->name, policy_lint_name(row->rule), is_found ? "found" : "not found");
    }
    return is_found == row->is_found && (!is_found || is_there);
}

static void each_lint_finds_its_case_and_leaves_its_neighbour(void **state)
{
    (void)state;
    struct config_files files;
    struct policy_relations *relations = NULL;
    size_t wrong = 0;
    config_files_init(&files);
    assert_ok(policy_relations_parse(rg_slice_of(relations_text), &relations));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        wrong += is_as_expected(&files, &rows[i], relations) ? 0 : 1;
    }
    policy_relations_free(&relations);
    config_files_done(&files);
    assert_int_equal(wrong, 0);
}

/* Masks have rows of their own below, because their section is read elsewhere. */
static void each_lint_has_both_rows(void **state)
{
    (void)state;
    for (size_t rule = 0; rule < POLICY_LINT_COUNT; rule++) {
        bool has[2] = {rule == POLICY_LINT_MASK_FILTERABLE, rule == POLICY_LINT_MASK_FILTERABLE};
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            if (rows[i].rule == rule) {
                has[rows[i].is_found ? 1 : 0] = true;
            }
        }
        if (!has[0] || !has[1]) {
            fail_msg("%s lacks a row", policy_lint_name((enum policy_lint_rule)rule));
        }
    }
}

static size_t count_rule(const struct rg_diag *diag, enum policy_lint_rule rule)
{
    size_t count = 0;
    for (const struct rg_finding *finding = diag->first; finding != NULL; finding = finding->next) {
        count += finding->rule != NULL && strcmp(finding->rule, policy_lint_name(rule)) == 0 ? 1 : 0;
    }
    return count;
}

static void masks_are_linted_like_predicates(void **state)
{
    (void)state;
    static const struct auth_claim_spec claims[] = {{.name = {"role", 4}, .type = {AUTH_SCALAR_TEXT, false}}};
    static const struct rg_slice columns[] = {{"shared.events.tenant_id", 23}, {"shared.events.mail", 18}};
    const struct policy_mask_row masks[] = {
        {.column_count = 1, .columns = columns, .kind = POLICY_MASK_NULL, .allow_in_predicates = true},
        {.column_count = 2,
         .columns = columns,
         .kind = POLICY_MASK_NULL,
         .unless_text = RG_SLICE(":role is distinct from 'guest'")},
        {.column_count = 1, .columns = columns, .kind = POLICY_MASK_NULL, .unless_text = RG_SLICE(":role = 'dba'")},
    };
    const struct policy_source source = {.claim_count = 1, .claims = claims, .mask_count = 3, .masks = masks};
    const struct tenant_registry registry = {0};
    struct policy_lint_input input = {.source = &source, .registry = &registry};
    struct rg_arena arena;
    struct rg_diag diag;
    struct policy_relations *relations = NULL;
    bool used[1] = {false};
    rg_arena_init(&arena, 1 << 20);
    rg_diag_init(&diag, &arena);
    assert_ok(policy_relations_parse(rg_slice_of(relations_text), &relations));
    input.relations = relations;
    assert_ok(policy_lint(&input, &diag, used));
    assert_true(used[0]);
    assert_int_equal(count_rule(&diag, POLICY_LINT_MASK_FILTERABLE), 1);
    assert_int_equal(count_rule(&diag, POLICY_LINT_PREDICATE_NULL), 1);
    assert_int_equal(count_rule(&diag, POLICY_LINT_COLUMN_ABSENT), 1);
    policy_relations_free(&relations);
    rg_arena_done(&arena);
}

static void nothing_is_said_about_names_without_a_snapshot(void **state)
{
    (void)state;
    static const struct row row = {"absent",
                                   POLICY_LINT_RELATION_ABSENT,
                                   false,
                                   CHUNK_EXTRA,
                                   P("on = [\"shared.nothing\"]\nfor = [\"select\"]\nusing = \"x = :tenant_id\"\n"),
                                   ""};
    struct config_files files;
    config_files_init(&files);
    assert_true(is_as_expected(&files, &row, NULL));
    assert_int_equal(count_rule(&files.diag, POLICY_LINT_RELATION_UNNAMED), 0);
    assert_int_equal(count_rule(&files.diag, POLICY_LINT_COLUMN_ABSENT), 0);
    config_files_done(&files);
}

static void loading_alone_lints_nothing(void **state)
{
    (void)state;
    static const struct row row = {"constant",  POLICY_LINT_PREDICATE_TRUE,     true,
                                   CHUNK_EXTRA, P(EVENTS "using = \"true\"\n"), ""};
    struct place place = {0, 0};
    struct config_files files;
    config_files_init(&files);
    write_row(&files, &row, &place);
    assert_ok(config_files_load(&files, "main.toml"));
    assert_int_equal(files.diag.warning_count, 0); /* what `run` would log at each start */
    config_files_done(&files);
}

static void the_manual_knows_every_rule(void **state)
{
    (void)state;
    static char manual[32768];
    FILE *file = fopen("docs/check.md", "rb");
    assert_non_null(file);
    assert_true(fread(manual, 1, sizeof manual - 1, file) > 1000);
    assert_int_equal(fclose(file), 0);
    for (size_t rule = 0; rule < POLICY_LINT_COUNT; rule++) {
        char row[128];
        (void)snprintf(row, sizeof row, "| `%s` |", policy_lint_name((enum policy_lint_rule)rule));
        if (strstr(manual, row) == NULL) {
            fail_msg("docs/check.md lacks %s", row);
        }
    }
}

static int set_environment(void **state)
{
    (void)state;
    return setenv("CONFIG_TEST_VERIFIER", VERIFIER, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_lint_finds_its_case_and_leaves_its_neighbour),
        cmocka_unit_test(each_lint_has_both_rows),
        cmocka_unit_test(masks_are_linted_like_predicates),
        cmocka_unit_test(nothing_is_said_about_names_without_a_snapshot),
        cmocka_unit_test(loading_alone_lints_nothing),
        cmocka_unit_test(the_manual_knows_every_rule),
    };
    return cmocka_run_group_tests(tests, set_environment, NULL);
}
