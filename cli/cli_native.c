/* SPDX-License-Identifier: Apache-2.0 */
/* From options to the plan of the second lock. Called by cli_policy.c and cli_diff.c. */
#include "cli/cli_native.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "proxy/net/query.h"

enum { WORK_ARENA_BYTES = 512 << 20, ANSWER_SECONDS = 60 };

static void say(const char *text)
{
    (void)fprintf(stderr, "rowgate: %s\n", text);
}

static void say_findings(const struct rg_diag *diag)
{
    for (const struct rg_finding *finding = diag->first; finding != NULL; finding = finding->next) {
        if (finding->severity == RG_SEVERITY_ERROR) {
            (void)fprintf(stderr, "%s:%u:%u: %.*s\n", finding->place.file == NULL ? "" : finding->place.file,
                          finding->place.line, finding->place.column, (int)finding->text.size, finding->text.data);
        }
    }
}

static rg_status find_upstream(const struct native_options *options, struct native_work *work)
{
    const struct config *config = work->config;
    if (options->upstream != NULL) {
        work->upstream = config_upstream_find(config, rg_slice_of(options->upstream));
        return work->upstream != NULL ? RG_OK : rg_fail(RG_CONFIG, "no upstream \"%s\"", options->upstream);
    }
    for (size_t i = 0; i < config->upstream_count; i++) {
        if (config->upstreams[i].lock == POLICY_LOCK_NONE) {
            continue;
        }
        if (work->upstream != NULL) {
            return rg_fail(RG_CONFIG, "more than one upstream has a second lock: say which with --upstream");
        }
        work->upstream = &config->upstreams[i];
    }
    return work->upstream != NULL
               ? RG_OK
               : rg_fail(RG_CONFIG,
                         "no upstream has identity = \"set_local\" or \"set_role\": there is no second lock");
}

rg_status native_work_ask(struct native_work *work, struct rg_slice sql, struct rg_slice *out_answer)
{
    struct net_query query = {
        .sql = sql.data,
        .connect_timeout_us = work->upstream->connect_timeout_us,
        .answer_timeout_us = (int64_t)ANSWER_SECONDS * 1000000,
        .stop_fd = -1,
    };
    RG_AUTO(rg_buf_done) struct rg_buf answer;
    rg_buf_init(&answer, POLICY_RELATIONS_TEXT_MAX);
    RG_TRY(net_query_text(work->upstream->conninfo, &query, &answer));
    return rg_arena_copy(&work->arena, rg_buf_slice(&answer), out_answer);
}

static rg_status read_file(struct native_work *work, const char *path, struct rg_slice *out_text)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return rg_fail(RG_STORAGE, "%s: cannot be read", path);
    }
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, POLICY_RELATIONS_TEXT_MAX);
    char chunk[2048];
    rg_status status = RG_OK;
    for (size_t size = 1; size > 0 && rg_is_ok(status);) {
        size = fread(chunk, 1, sizeof chunk, file);
        status = rg_buf_put(&buf, rg_slice_make(chunk, size));
    }
    (void)fclose(file);
    RG_TRY(status);
    return rg_arena_copy(&work->arena, rg_buf_slice(&buf), out_text);
}

static rg_status load_relations(const struct native_options *options, struct native_work *work)
{
    struct rg_slice text = {0};
    if (options->relations != NULL) {
        RG_TRY(read_file(work, options->relations, &text));
    } else {
        RG_TRY(native_work_ask(work, rg_slice_of(policy_relations_query()), &text));
    }
    return policy_relations_parse(text, &work->relations);
}

static rg_status load(const struct native_options *options, struct native_work *work)
{
    RG_TRY(find_upstream(options, work));
    RG_TRY(load_relations(options, work));
    const char *login = net_conninfo_user(work->upstream->conninfo);
    work->source = (struct native_source){
        .set = work->config->policies,
        .registry = &work->config->registry,
        .upstream = work->upstream->name,
        .login = rg_slice_of(login),
        .lock = work->upstream->lock,
        .relations = work->relations,
    };
    return native_plan_make(&work->source, &work->arena, &work->plan);
}

bool native_options_parse(int argc, char **argv, const char *allowed, struct native_options *options,
                          bool *out_wants_help)
{
    static const struct option names[] = {{"config", required_argument, NULL, 'c'},
                                          {"upstream", required_argument, NULL, 'u'},
                                          {"relations", required_argument, NULL, 'r'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    for (int option = 0; (option = getopt_long(argc, argv, "c:h", names, NULL)) != -1;) {
        if (option == '?' || option == 'h' || strchr(allowed, option) == NULL) {
            *out_wants_help = option == 'h';
            return false;
        }
        options->path = option == 'c' ? optarg : options->path;
        options->upstream = option == 'u' ? optarg : options->upstream;
        options->relations = option == 'r' ? optarg : options->relations;
        options->is_json = options->is_json || option == 'j';
    }
    return options->path != NULL && optind == argc;
}

bool native_work_load(const struct native_options *options, struct native_work *work)
{
    *work = (struct native_work){0};
    rg_arena_init(&work->arena, WORK_ARENA_BYTES);
    struct rg_diag diag;
    rg_diag_init(&diag, &work->arena);
    rg_status status = config_load(options->path, &diag, &work->config);
    if (rg_is_ok(status)) {
        status = load(options, work);
    }
    if (!rg_is_ok(status)) {
        say(status.error->text);
        say_findings(&diag);
    }
    return rg_is_ok(status);
}

void native_work_done(struct native_work *work)
{
    policy_relations_free(&work->relations);
    config_free(&work->config);
    rg_arena_done(&work->arena);
}
