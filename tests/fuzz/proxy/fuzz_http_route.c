/* SPDX-License-Identifier: Apache-2.0 */
/* A request against the table of routes, and what it says about itself: "METHOD PATH\nQUERY\nTYPE\nBODY". The path is
 * tried as a pattern too. */
#include "proxy/http/action.h"
#include "proxy/http/route_policy.h"
#include "proxy/http/route_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TABLE_BYTES = 4 << 20, POLICY_BYTES = 1 << 20, ROWS_MAX = 1000 };

static struct rg_arena arena;
static const struct http_route_table *table;
static struct http_pattern patterns[ROWS_MAX];
static size_t row_count;

static void open_once(void)
{
    if (table == NULL) {
        rg_arena_init(&arena, TABLE_BYTES);
        RG_ASSERT(rg_is_ok(http_route_table_new(&arena, &table)));
        const struct http_route *rows = http_route_rows(table, &row_count);
        for (size_t i = 0; i < row_count; i++) {
            RG_ASSERT(rg_is_ok(http_pattern_parse(rg_slice_of(rows[i].pattern), &patterns[i])));
        }
    }
}

static struct rg_slice take_line(struct rg_slice *rest, char end)
{
    const char *at = rest->size == 0 ? NULL : memchr(rest->data, end, rest->size);
    size_t size = at == NULL ? rest->size : (size_t)(at - rest->data);
    struct rg_slice line = rg_slice_cut(*rest, 0, size);
    *rest = rg_slice_cut(*rest, size + 1, rest->size);
    return line;
}

/* What the tree finds is what the patterns have, and captures lie inside the path. */
static void check_match(const struct http_route_match *match)
{
    bool is_known = false;
    for (size_t i = 0; i < row_count; i++) {
        is_known = is_known || http_pattern_has(&patterns[i], match->path);
    }
    RG_ASSERT(is_known == (match->outcome != HTTP_ROUTE_UNKNOWN));
    RG_ASSERT(match->outcome != HTTP_ROUTE_FOUND || http_pattern_has(&patterns[match->row], match->path));
    for (size_t i = 0; i < match->capture_count; i++) {
        struct rg_slice text = match->captures[i].text;
        RG_ASSERT(text.size > 0 && text.data > match->path.data &&
                  text.data + text.size <= match->path.data + match->path.size);
    }
}

static void check_action(const struct http_action_source *source)
{
    struct rg_arena small;
    struct http_action action;
    struct rg_slice starred;
    rg_arena_init(&small, HTTP_ACTION_ARENA_BYTES);
    RG_ASSERT(rg_is_ok(http_action_read(source, &small, &action)));
    RG_ASSERT(action.object_count <= HTTP_ACTION_OBJECTS_MAX && action.action != NULL);
    for (size_t i = 0; i < action.object_count; i++) {
        RG_ASSERT(action.objects[i].id.size <= HTTP_ACTION_TEXT_MAX && action.objects[i].kind[0] != '\0');
    }
    RG_ASSERT(rg_is_ok(http_query_star(source->query, &small, &starred)));
    RG_ASSERT(starred.size <= HTTP_ACTION_QUERY_MAX);
    rg_arena_done(&small);
}

/* A policy on that path decides like the comparison it stands for. */
static void check_policy(const struct http_route_match *match, struct rg_slice pattern_text)
{
    struct rg_arena small;
    struct http_route_policy policy = {.path = pattern_text, .methods = HTTP_METHOD_ALL};
    struct http_route_caller caller = {.has_identity = true, .tenant = RG_SLICE("acme")};
    struct http_route_finding finding;
    size_t finding_count = 0;
    const struct http_route_policies *policies = NULL;
    struct http_pattern pattern;
    rg_arena_init(&small, POLICY_BYTES);
    RG_ASSERT(rg_is_ok(http_route_policies_new(&small, table, &policy, 1, &finding, &finding_count, &policies)));
    struct http_route_decision with = http_route_decide(policies, match, &caller);
    struct http_route_decision without = http_route_decide(NULL, match, &caller);
    bool is_pattern = rg_is_ok(http_pattern_parse(pattern_text, &pattern));
    RG_ASSERT(!with.is_allowed || without.is_allowed);
    RG_ASSERT(!with.is_allowed || match->route->who == HTTP_WHO_ANYONE || !is_pattern ||
              !http_pattern_has(&pattern, match->path));
    rg_arena_done(&small);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rg_slice rest = rg_slice_make(data, size);
    open_once();
    enum http_method method = http_method_parse(take_line(&rest, ' '));
    struct rg_slice path = take_line(&rest, '\n');
    struct http_route_match match;
    http_route_find(table, method, path, &match);
    check_match(&match);
    check_policy(&match, path);
    struct rg_slice query = take_line(&rest, '\n');
    struct rg_slice type = take_line(&rest, '\n');
    check_policy(&match, query);
    if (match.outcome == HTTP_ROUTE_FOUND) {
        struct http_action_source source = {&match, query, type, rest};
        check_action(&source);
    }
    return 0;
}
