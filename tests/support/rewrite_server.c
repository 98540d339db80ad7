/* SPDX-License-Identifier: Apache-2.0 */
/* The rewriter as a filter for tests/proof: what a statement becomes, thousands of times a second and without a wire.
 *
 *   rewrite_server WORLD...      each a head in the language of tests/support/vector_file.h: one identity; the files
 *                                that it names stand beside it
 *   rewrite_server --relations-query     prints the query that makes a snapshot of a database's relations
 *
 * Standard input: lines of JSON, each an array of [world, protocol ("simple", "extended"), text]. Standard output: one
 * line for each, an array of {"text"} (statements parted by ";\n") or {"rule", "sqlstate", "message"}. A line is read
 * whole before its answer is written. A test program: no part of rowgate calls it. */
#include <jansson.h>
#include <stdlib.h>

#include "base/rg_buf.h"
#include "tests/support/vector_world.h"

enum { WORLDS_MAX = 16, ARENA_BYTES = 256 << 20 };

struct server {
    struct rg_arena arena;
    size_t world_count;
    struct vector_world worlds[WORLDS_MAX];
    struct rg_arena scratch;
};

static rg_status load(struct server *server, const char *path)
{
    struct rg_slice head = {0};
    if (server->world_count == WORLDS_MAX) {
        return rg_fail(RG_LIMIT, "more than %d worlds", WORLDS_MAX);
    }
    struct rg_slice folder = {0};
    const char *slash = strrchr(path, '/');
    RG_TRY(rg_arena_copy(&server->arena, slash == NULL ? RG_SLICE(".") : rg_slice_make(path, (size_t)(slash - path)),
                         &folder));
    struct vector_world *world = &server->worlds[server->world_count];
    world->arena = &server->arena;
    RG_TRY(vector_read(path, &server->arena, &head));
    RG_TRY(vector_world_init(world, folder.data, head));
    server->world_count++;
    return RG_OK;
}

static json_t *text_of(struct rg_slice slice)
{
    json_t *text = json_stringn(slice.data == NULL ? "" : slice.data, slice.size);
    return text != NULL ? text : json_string("(not UTF-8)");
}

static json_t *refusal(const struct policy_statement *statement)
{
    json_t *answer = json_object();
    (void)json_object_set_new(answer, "rule", text_of(statement->rule));
    (void)json_object_set_new(answer, "sqlstate", json_string(statement->sqlstate));
    (void)json_object_set_new(answer, "message", text_of(statement->message));
    return answer;
}

static json_t *failure(rg_status status)
{
    json_t *answer = json_object();
    (void)json_object_set_new(answer, "rule", json_string(rg_kind_info(status.error->kind)->name));
    (void)json_object_set_new(answer, "sqlstate", json_string(rg_kind_info(status.error->kind)->sqlstate));
    (void)json_object_set_new(answer, "message", json_string(status.error->text));
    return answer;
}

static rg_status joined(const struct policy_plan *plan, struct rg_arena *arena, struct rg_slice *out_text)
{
    struct rg_slice text = {"", 0};
    for (size_t i = 0; i < plan->count; i++) {
        struct rg_slice next = plan->statements[i].text;
        if (i == 0) {
            text = next;
            continue;
        }
        RG_TRY(rg_arena_printf(arena, &text, "%.*s;\n%.*s", (int)text.size, text.data, (int)next.size, next.data));
    }
    *out_text = text;
    return RG_OK;
}

static json_t *answer_of(const struct policy_plan *plan, struct rg_arena *arena)
{
    for (size_t i = 0; plan->is_denied && i < plan->count; i++) {
        if (plan->statements[i].verdict == POLICY_DENY) {
            return refusal(&plan->statements[i]);
        }
    }
    struct rg_slice text = {0};
    rg_status status = joined(plan, arena, &text);
    if (!rg_is_ok(status)) {
        return failure(status);
    }
    json_t *answer = json_object();
    (void)json_object_set_new(answer, "text", text_of(text));
    return answer;
}

static json_t *serve(struct server *server, const json_t *request)
{
    size_t index = (size_t)json_integer_value(json_array_get(request, 0));
    const char *protocol = json_string_value(json_array_get(request, 1));
    const json_t *text = json_array_get(request, 2);
    if (index >= server->world_count || protocol == NULL || !json_is_string(text)) {
        return failure(rg_fail(RG_PROTOCOL, "a request is [world, protocol, text]"));
    }
    const struct vector_world *world = &server->worlds[index];
    struct policy_plan plan = {0};
    rg_status status = policy_plan_text(
        world->binding, &world->session,
        rg_slice_is_equal(rg_slice_of(protocol), RG_SLICE("extended")) ? POLICY_EXTENDED : POLICY_SIMPLE,
        rg_slice_make(json_string_value(text), json_string_length(text)), &server->scratch, &plan);
    json_t *answer = rg_is_ok(status) ? answer_of(&plan, &server->scratch) : failure(status);
    rg_arena_reset(&server->scratch);
    return answer;
}

static json_t *serve_line(struct server *server, const char *line, size_t size)
{
    json_error_t error;
    json_t *requests = json_loadb(line, size, JSON_ALLOW_NUL, &error);
    json_t *answers = json_array();
    for (size_t i = 0; i < json_array_size(requests); i++) {
        (void)json_array_append_new(answers, serve(server, json_array_get(requests, i)));
    }
    json_decref(requests);
    return answers;
}

static int run(struct server *server)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size = 0;
    while ((size = getline(&line, &capacity, stdin)) > 0) {
        json_t *answers = serve_line(server, line, (size_t)size);
        int failed = json_dumpf(answers, stdout, JSON_COMPACT);
        json_decref(answers);
        if (failed != 0 || putchar('\n') == EOF || fflush(stdout) != 0) {
            break;
        }
    }
    bool is_done = feof(stdin) != 0;
    free(line);
    return is_done ? 0 : 1;
}

int main(int argc, char **argv)
{
    static struct server server;
    rg_arena_init(&server.arena, ARENA_BYTES);
    rg_arena_init(&server.scratch, ARENA_BYTES);
    if (argc == 2 && strcmp(argv[1], "--relations-query") == 0) {
        (void)puts(policy_relations_query());
        return 0;
    }
    rg_status status = policy_self_test();
    for (int i = 1; i < argc && rg_is_ok(status); i++) {
        status = load(&server, argv[i]);
    }
    if (!rg_is_ok(status)) {
        (void)fprintf(stderr, "rewrite_server: %s\n", status.error->text);
        return 2;
    }
    int code = run(&server);
    for (size_t i = 0; i < server.world_count; i++) {
        vector_world_done(&server.worlds[i]);
    }
    rg_arena_done(&server.scratch);
    rg_arena_done(&server.arena);
    return code;
}
