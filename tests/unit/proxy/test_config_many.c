/* SPDX-License-Identifier: Apache-2.0 */
/* Thousands of tenants and hundreds of policies: one mistake among them is found, at its place, wherever its other half
 * stands. The checks of names, callers and schemas sort what they compare; this is what sorting could lose. */
#include "tests/support/config_chunks.h"
#include "tests/support/config_test.h"

enum { TENANTS = 3000, POLICIES = 300, TEXT_MAX = 2 << 20, NOWHERE = -1 };

#define ROUTE(schema) "route = { upstream = \"pool\", schemas = { sales = " schema " } }\n"
#define CLAIM(value) "{ idp = \"main\", claim = \"tenant_id\", value = " value " }\n"

struct mistake {
    const char *name;
    int tenant, policy; /* instead of the one of this number */
    const char *text;   /* @ marks the finding's place */
    const char *wanted; /* part of its text; NULL = no mistake */
};

static const struct mistake mistakes[] = {
    {"sound", NOWHERE, NOWHERE, "", NULL},
    {"an id twice", 2999, NOWHERE, "[[tenants]]\nid = @\"t0000\"\nmatch = " CLAIM("\"other\"") ROUTE("\"s_other\""),
     "is given twice, first in"},
    {"the first one's callers", 2999, NOWHERE,
     "[[tenants]]\nid = \"other\"\nmatch = @" CLAIM("\"v0000\"") ROUTE("\"s_other\""),
     "tenant \"t0000\" matches the same callers"},
    {"the last one's callers", 0, NOWHERE,
     "[[tenants]]\nid = \"other\"\nmatch = " CLAIM("\"v2999\"") ROUTE("\"s_other\""),
     "tenant \"other\" matches the same callers"},
    {"its callers through another provider", 1500, NOWHERE,
     "[[tenants]]\nid = \"other\"\nmatch = @{ idp = \"second\", also = [\"main\"], claim = \"tenant_id\", value = "
     "\"v0007\" }\n" ROUTE("\"s_other\""),
     "tenant \"t0007\" matches the same callers"},
    {"the same value of another claim", 1500, NOWHERE,
     "[[tenants]]\nid = \"other\"\nmatch = { idp = \"main\", claim = \"group\", value = \"v0007\" "
     "}\n" ROUTE("\"s_other\""),
     NULL},
    {"the same value of another provider", 1500, NOWHERE,
     "[[tenants]]\nid = \"other\"\nmatch = { idp = \"second\", claim = \"tenant_id\", value = \"v0007\" "
     "}\n" ROUTE("\"s_other\""),
     NULL},
    {"the first one's schema", 2999, NOWHERE,
     "[[tenants]]\nid = \"other\"\nmatch = " CLAIM("\"other\"") ROUTE("@\"s0000\""),
     "schema \"s0000\" already belongs to tenant \"t0000\""},
    {"a schema of the middle as a shared one", NOWHERE, 299,
     "[[policies]]\nname = \"p\"\non = [@\"s1500.orders\"]\nfor = [\"select\"]\nusing = \"tenant_id = :tenant_id\"\n",
     "is a schema of one tenant"},
    {"a policy's name twice", NOWHERE, 299,
     "[[policies]]\nname = @\"p000\"\non = [\"shared.x\"]\nfor = [\"select\"]\nusing = \"tenant_id = :tenant_id\"\n",
     "is given twice, first in"},
    {"a tenant that nobody is", NOWHERE, 299,
     "[[policies]]\nname = \"p\"\non = [\"shared.x\"]\nfor = [\"select\"]\nusing = \"tenant_id = :tenant_id\"\n"
     "to = [\"t2998\", @\"t3000\"]\n",
     "no tenant is named \"t3000\""},
    {"a predicate that does not parse", NOWHERE, 299,
     "[[policies]]\nname = \"p\"\non = [\"shared.x\"]\nfor = [\"select\"]\nusing = \"tenant_id = @= :tenant_id\"\n",
     "syntax error"},
    {"one in lines of its own", NOWHERE, 0,
     "[[policies]]\nname = \"p\"\non = [\"shared.x\"]\nfor = [\"select\"]\nusing = '''\ntenant_id =\n  @= "
     ":tenant_id'''\n",
     "syntax error"},
};

struct page {
    char text[TEXT_MAX];
    size_t size;
    struct rg_place place; /* of the mark */
};

static void add(struct page *page, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text != '@') {
            assert_true(page->size < TEXT_MAX);
            page->text[page->size++] = *text;
            continue;
        }
        page->place = (struct rg_place){NULL, 1, 1};
        for (size_t i = 0; i < page->size; i++) {
            page->place.line += page->text[i] == '\n' ? 1 : 0;
            page->place.column = page->text[i] == '\n' ? 1 : page->place.column + 1;
        }
    }
}

static void add_tenants(struct page *page, const struct mistake *mistake)
{
    for (int i = 0; i < TENANTS; i++) {
        char text[512];
        (void)snprintf(text, sizeof text, "[[tenants]]\nid = \"t%04d\"\nmatch = " CLAIM("\"v%04d\"") ROUTE("\"s%04d\""),
                       i, i, i);
        add(page, i == mistake->tenant ? mistake->text : text);
    }
}

static void add_policies(struct page *page, const struct mistake *mistake)
{
    for (int i = 0; i < POLICIES; i++) {
        char text[512];
        (void)snprintf(text, sizeof text,
                       "[[policies]]\nname = \"p%03d\"\non = [\"shared.x%03d\"]\nfor = [\"select\"]\n"
                       "using = \"tenant_id = :tenant_id\"\n",
                       i, i);
        add(page, i == mistake->policy ? mistake->text : text);
    }
}

static void write_page(const struct config_files *files, struct page *page, const struct mistake *mistake)
{
    static const char second[] = "[idp.second]\ntype = \"oidc\"\nissuer = \"https://second.example.com\"\n"
                                 "audience = [\"rowgate\"]\n";
    page->size = 0;
    for (size_t i = 0; i < CHUNK_COUNT; i++) {
        if (i == CHUNK_CLAIMS) {
            add(page, second);
            add(page, sound_chunks[i]);
            add(page, "group = { type = \"text\" }\n");
        } else if (i == CHUNK_TENANTS) {
            add_tenants(page, mistake);
        } else {
            add(page, sound_chunks[i]);
        }
    }
    add_policies(page, mistake);
    config_files_write(files, "many.toml", page->text, page->size);
}

static bool is_found(const struct config_files *files, const struct page *page, const struct mistake *mistake)
{
    const struct rg_finding *finding = files->diag.first;
    while (finding != NULL && strstr(finding->text.data, mistake->wanted) == NULL) {
        finding = finding->next;
    }
    if (finding == NULL) {
        return false;
    }
    bool has_place = page->place.line == 0 ||
                     (finding->place.line == page->place.line && finding->place.column == page->place.column);
    if (!has_place) {
        print_error("%s: at %u:%u instead of %u:%u\n", mistake->name, finding->place.line, finding->place.column,
                    page->place.line, page->place.column);
    }
    return has_place;
}

static void one_mistake_among_thousands_is_found(void **state)
{
    static struct page page;
    struct config_files files;
    (void)state;
    assert_int_equal(setenv("CONFIG_TEST_VERIFIER", VERIFIER, 1), 0);
    config_files_init(&files);
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        const struct mistake *mistake = &mistakes[i];
        page.place = (struct rg_place){0};
        write_page(&files, &page, mistake);
        rg_status status = config_files_load(&files, "many.toml");
        size_t wanted = mistake->wanted == NULL ? 0 : 1;
        bool is_good = rg_is_ok(status) == (wanted == 0) && files.diag.error_count == wanted &&
                       (wanted == 0 || is_found(&files, &page, mistake));
        if (!is_good) {
            for (const struct rg_finding *f = files.diag.first; f != NULL; f = f->next) {
                print_error("%s: %u:%u: %s\n", mistake->name, f->place.line, f->place.column, f->text.data);
            }
            fail_msg("%s: %zu errors", mistake->name, files.diag.error_count);
        }
    }
    config_files_done(&files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_mistake_among_thousands_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
