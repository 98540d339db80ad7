/* SPDX-License-Identifier: Apache-2.0 */
/* One question to Superset, as nobody or as the one whom rowgate's key names. */
#include "proxy/superset_private.h"

#include <time.h>

#include "base/rg_crypto.h"
#include "proxy/http/identity_header.h"

enum { TOO_MANY = 429, TRIES = 4, VIEW_CHARACTERS = 22 };

static void wait_a_second(void)
{
    const struct timespec second = {.tv_sec = 1, .tv_nsec = 100000000};
    (void)nanosleep(&second, NULL);
}

rg_status superset_ask(struct superset_check *check, const char *path, const char *const *headers,
                       struct superset_answer *out_answer)
{
    const struct export_http_request request = {.method = "GET", .path = path, .headers = headers};
    struct superset_answer answer = {0};
    for (int i = 0; i < TRIES; i++) {
        RG_TRY(export_http_send(check->http, NULL, &request, &answer.status, &answer.body));
        check->facts.asked++;
        if (answer.status != TOO_MANY) {
            *out_answer = answer;
            return RG_OK;
        }
        wait_a_second();
    }
    return rg_fail(RG_UPSTREAM, "GET %.200s: HTTP status 429, again and again: Superset limits this caller", path);
}

static struct auth_identity somebody(void)
{
    return (struct auth_identity){.kind = AUTH_OIDC,
                                  .idp = RG_SLICE("rowgate-check"),
                                  .issuer = RG_SLICE("urn:rowgate:check"),
                                  .subject = RG_SLICE("rowgate check"),
                                  .user = RG_SLICE("rowgate check")};
}

void superset_known_name(const struct superset_check *check, char out_name[64])
{
    struct auth_identity identity = somebody();
    char name[HTTP_IDENTITY_NAME_SIZE] = "";
    http_identity_name(&identity, check->options->tenant, name);
    memcpy(out_name, name, sizeof name);
}

rg_status superset_ask_as(struct superset_check *check, const char *path, struct rg_slice tenant,
                          struct superset_answer *out_answer)
{
    const struct superset_check_options *options = check->options;
    struct auth_identity identity = somebody();
    struct rg_digest digest = rg_sha256_one(tenant);
    char view[RG_DIGEST_B64_SIZE];
    rg_digest_b64url(&digest, view); /* of no configuration: nobody else's */
    const struct http_identity_facts facts = {.identity = &identity,
                                              .tenant = tenant,
                                              .view = rg_slice_make(view, VIEW_CHARACTERS),
                                              .session = RG_SLICE("rowgate-check"),
                                              .role_count = options->role.size == 0 ? 0 : 1,
                                              .roles = &options->role};
    struct rg_slice token = {0};
    struct rg_slice header = {0};
    if (options->mint == NULL) {
        return rg_fail(RG_INTERNAL, "no key to ask with");
    }
    RG_TRY(http_identity_token(options->mint, &facts, rg_clock_wall_us(options->clock), NULL, &check->arena, &token));
    RG_TRY(rg_arena_printf(&check->arena, &header, HTTP_IDENTITY_HEADER ": %s", token.data));
    const char *const headers[] = {header.data, NULL};
    return superset_ask(check, path, headers, out_answer);
}

const char *superset_field(const struct superset_check *check, const char *name)
{
    const char *value = export_http_field(check->http, name, 0);
    return value == NULL ? "" : value;
}

json_t *superset_json(const struct superset_answer *answer)
{
    json_t *json = answer->body.size == 0 ? NULL : json_loadb(answer->body.data, answer->body.size, 0, NULL);
    if (!json_is_object(json)) {
        json_decref(json);
        return NULL;
    }
    return json;
}

void superset_json_done(json_t **json)
{
    json_decref(*json);
    *json = NULL;
}

rg_status superset_take_settings(struct superset_check *check, const struct superset_answer *page)
{
    struct rg_slice text = {0};
    rg_status status = superset_bootstrap_parse(page->body, &check->arena, &text);
    if (!rg_is_ok(status)) {
        return status.error->kind == RG_PROTOCOL ? RG_OK : status;
    }
    json_t *settings = json_loadb(text.data, text.size, 0, NULL);
    if (!json_is_object(settings)) {
        json_decref(settings);
        return RG_OK;
    }
    json_decref(check->settings);
    check->settings = settings;
    return RG_OK;
}
