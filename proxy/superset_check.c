/* SPDX-License-Identifier: Apache-2.0 */
/* `rowgate check --superset`: the questions, in their order. Called by cli/cli_check_superset.c. */
#include "proxy/superset_check.h"

#include <stdio.h>

#include "audit/export/url.h"
#include "base/rg_crypto.h"
#include "proxy/superset_private.h"

enum { ANSWER_MAX = 8 << 20, ARENA_BYTES = 128 << 20 };

struct question {
    rg_status (*ask)(struct superset_check *check);
    bool is_deep; /* only with a key that Superset believes */
};

static const struct question questions[] = {
    {superset_judge_page, false},         {superset_judge_version, false}, {superset_judge_session_secret, false},
    {superset_judge_guest_secret, false}, {superset_judge_public, false},  {superset_judge_swagger, false},
    {superset_judge_origins, false},      {superset_judge_proxy, false},   {superset_judge_forged, false},
    {superset_judge_frame, false},        {superset_judge_mcp, false},     {superset_judge_known, false},
    {superset_judge_databases, true},     {superset_judge_domains, true},  {superset_judge_cache, true},
    {superset_judge_flags, false},
};

static rg_status open_http(struct superset_check *check)
{
    const struct superset_check_options *options = check->options;
    struct export_url url = {0};
    struct rg_slice text = options->url;
    struct rg_slice ca_file = {0};
    rg_status status = export_url_parse(text, &check->arena, &url);
    bool is_http = rg_is_ok(status) && (rg_slice_is_equal(url.scheme, RG_SLICE("http")) ||
                                        rg_slice_is_equal(url.scheme, RG_SLICE("https")));
    if (!is_http) {
        return rg_fail(RG_CONFIG, "\"%.*s\" is no http or https URL without name, password, query and fragment",
                       rg_slice_shown(text), text.data);
    }
    while (text.size > 0 && text.data[text.size - 1] == '/') {
        text.size--;
    }
    check->host = url.host;
    RG_TRY(rg_arena_copy(&check->arena, text, &text));
    RG_TRY(rg_arena_copy(&check->arena, options->ca_file, &ca_file));
    const struct export_http_options http = {.url = text.data,
                                             .ca_file = ca_file.size == 0 ? "" : ca_file.data,
                                             .timeout_us = options->timeout_us,
                                             .answer_max = ANSWER_MAX};
    return export_http_open(&http, &check->http);
}

static void name_canary(struct superset_check *check)
{
    uint8_t random[6];
    rg_random(random, sizeof random);
    (void)snprintf(check->canary, sizeof check->canary, "rowgate-check-%02x%02x%02x%02x%02x%02x", random[0], random[1],
                   random[2], random[3], random[4], random[5]);
}

/* From where nobody should reach it, no answer is the good one. */
static bool is_silent(struct superset_check *check)
{
    struct superset_answer answer = {0};
    return check->options->is_outside && !rg_is_ok(superset_ask(check, "/health", NULL, &answer));
}

static rg_status ask_all(struct superset_check *check)
{
    RG_TRY(open_http(check));
    name_canary(check);
    if (is_silent(check)) {
        check->facts.is_silent = true;
        return RG_OK;
    }
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
        if (!questions[i].is_deep || check->facts.is_known) {
            RG_TRY(questions[i].ask(check));
        }
    }
    return RG_OK;
}

rg_status superset_check(const struct superset_check_options *options, struct rg_diag *diag,
                         struct superset_check_facts *out_facts)
{
    struct superset_check check = {.options = options, .diag = diag};
    rg_arena_init(&check.arena, ARENA_BYTES);
    rg_status status = ask_all(&check);
    export_http_close(&check.http);
    json_decref(check.settings);
    rg_arena_done(&check.arena);
    if (rg_is_ok(status)) {
        *out_facts = check.facts;
    }
    return status;
}
