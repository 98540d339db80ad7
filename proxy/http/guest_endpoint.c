/* SPDX-License-Identifier: Apache-2.0 */
/* POST /.rowgate/guest-token: a token for the page that embeds a dashboard, asked for by that page with its visitor's
 * session, or by its backend with the visitor's access token. What a page of another site may do here is said by the
 * tenant's frame_ancestors: whoever may frame a dashboard may fetch the token for it. */
#include <jansson.h>
#include <stdlib.h>
#include <strings.h>

#include "auth/guest_token.h"
#include "proxy/http/capsule_header.h"
#include "proxy/http/chars.h"
#include "proxy/http/endpoints.h"
#include "proxy/http/guest.h"
#include "proxy/http/reply.h"
#include "proxy/http/steps_private.h"
#include "proxy/snapshot.h"
#include "proxy/worker.h"

enum { BODY_BYTES = 16 * 1024, SECOND_US = 1000 * 1000 };

#define PATH "/.rowgate/guest-token"

/* ---- the page that asks ---- */

/* A pattern with "*." in front of its host stands for every host below it; ports and schemes must be the same. */
static bool is_origin(struct rg_slice pattern, struct rg_slice origin)
{
    const struct rg_slice start = RG_SLICE("https://");
    struct rg_slice host = rg_slice_cut(pattern, start.size, SIZE_MAX);
    if (!rg_slice_has_prefix(pattern, start) || !rg_slice_has_prefix(host, RG_SLICE("*."))) {
        return rg_slice_is_equal(pattern, origin);
    }
    struct rg_slice end = rg_slice_cut(host, 1, SIZE_MAX); /* ".example.com" */
    struct rg_slice name = rg_slice_cut(origin, start.size, SIZE_MAX);
    return rg_slice_has_prefix(origin, start) && name.size > end.size &&
           rg_slice_is_equal(rg_slice_cut(name, name.size - end.size, end.size), end) && name.data[0] != '.' &&
           memchr(name.data, '/', name.size) == NULL;
}

static bool is_ancestor(const struct tenant_face *face, struct rg_slice origin)
{
    for (size_t i = 0; face != NULL && i < face->frame_ancestor_count; i++) {
        if (is_origin(face->frame_ancestors[i], origin)) {
            return true;
        }
    }
    return false;
}

static bool is_some_ancestor(const struct tenant_registry *registry, struct rg_slice origin)
{
    for (size_t i = 0; i < registry->static_count; i++) {
        if (is_ancestor(&registry->statics[i].face, origin)) {
            return true;
        }
    }
    for (size_t i = 0; i < registry->pattern_count; i++) {
        if (is_ancestor(&registry->patterns[i].face, origin)) {
            return true;
        }
    }
    return false;
}

static bool is_here(const struct http_request *request)
{
    return rg_slice_is_equal(request->path, RG_SLICE(PATH));
}

/* The Origin, when it is one of a site that may ask: the caller's tenant's where that is known, else any tenant's. */
static bool find_origin(const struct http_request *request, struct rg_slice *out_origin)
{
    const struct rg_slice scheme = RG_SLICE("https://");
    struct rg_slice origin = {0};
    if (!http_request_header(request, RG_SLICE("origin"), &origin, NULL)) {
        return false;
    }
    bool is_own = rg_slice_has_prefix(origin, scheme) &&
                  rg_slice_is_equal(rg_slice_cut(origin, scheme.size, SIZE_MAX), request->authority);
    bool is_host = request->has_tenant ? is_ancestor(request->tenant.face, origin)
                                       : is_some_ancestor(&request->snapshot->config->registry, origin);
    *out_origin = origin;
    return is_own || is_host;
}

bool http_guest_is_from_host(const struct http_request *request)
{
    struct rg_slice origin = {0};
    return is_here(request) && find_origin(request, &origin);
}

rg_status http_guest_share(struct http_request *request, struct http_response_head *head)
{
    struct rg_slice origin = {0};
    if (!is_here(request) || request->snapshot == NULL) {
        return RG_OK;
    }
    RG_TRY(http_response_set(request, head, RG_SLICE("vary"), RG_SLICE("Origin")));
    if (!find_origin(request, &origin)) {
        return RG_OK;
    }
    RG_TRY(http_response_set(request, head, RG_SLICE("access-control-allow-origin"), origin));
    return http_response_set(request, head, RG_SLICE("access-control-allow-credentials"), RG_SLICE("true"));
}

void http_guest_preflight(struct http_request *request)
{
    static const struct http_header headers[] = {
        {{"access-control-allow-methods", 28}, {"POST", 4}},
        {{"access-control-allow-headers", 28}, {"content-type, authorization", 27}},
        {{"access-control-max-age", 22}, {"600", 3}},
    };
    if (!http_guest_is_from_host(request)) {
        http_reply_problem(request, 403, "http.csrf", "This request comes from another site.");
        return;
    }
    http_reply(request, &(struct http_reply){
                            .status = 204, .header_count = sizeof headers / sizeof headers[0], .headers = headers});
}

/* ---- what it asks for ---- */

static void decref(json_t **value)
{
    json_decref(*value);
}

static bool has_only(json_t *object, const char *const *names, size_t count)
{
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(object, key, value)
    {
        bool is_known = false;
        for (size_t i = 0; i < count; i++) {
            is_known = is_known || strcmp(key, names[i]) == 0;
        }
        if (!is_known) {
            return false;
        }
    }
    return json_is_object(object);
}

static rg_status take_resource(json_t *one, struct rg_arena *arena, struct rg_slice *out_id)
{
    static const char *const names[] = {"type", "id"};
    const json_t *type = json_object_get(one, "type");
    const json_t *id = json_object_get(one, "id");
    if (!has_only(one, names, 2) || !json_is_string(type) || strcmp(json_string_value(type), "dashboard") != 0 ||
        !json_is_string(id) || json_string_length(id) > AUTH_GUEST_MAX_ID) {
        return rg_fail(RG_PROTOCOL, "a resource is not {\"type\": \"dashboard\", \"id\": \"UUID\"}");
    }
    return rg_arena_copy(arena, rg_slice_make(json_string_value(id), json_string_length(id)), out_id);
}

static bool is_json(const struct http_request *request)
{
    struct rg_slice type = {0};
    (void)http_request_header(request, RG_SLICE("content-type"), &type, NULL);
    const char *end = type.size == 0 ? NULL : memchr(type.data, ';', type.size);
    return http_is_word(http_trim(rg_slice_cut(type, 0, end == NULL ? type.size : (size_t)(end - type.data))),
                        "application/json");
}

static rg_status read_body(struct http_request *request, struct rg_slice **out_ids, size_t *out_count)
{
    static const char *const names[] = {"resources"};
    struct rg_slice body = request->body;
    struct rg_slice *ids = NULL;
    if (!is_json(request) || body.size > BODY_BYTES) {
        return rg_fail(RG_PROTOCOL, "no JSON of at most %d bytes", BODY_BYTES);
    }
    __attribute__((cleanup(decref))) json_t *json =
        json_loadb(body.data == NULL ? "" : body.data, body.size, JSON_REJECT_DUPLICATES, NULL);
    const json_t *list = json_object_get(json, "resources");
    size_t count = json_array_size(list);
    if (!has_only(json, names, 1) || count == 0 || count > AUTH_GUEST_MAX_RESOURCES) {
        return rg_fail(RG_PROTOCOL, "no {\"resources\": [...]} of 1 to %d dashboards", AUTH_GUEST_MAX_RESOURCES);
    }
    RG_TRY(rg_arena_array(&request->arena, count, sizeof *ids, (void **)&ids));
    for (size_t i = 0; i < count; i++) {
        RG_TRY(take_resource(json_array_get(list, i), &request->arena, &ids[i]));
    }
    *out_ids = ids;
    *out_count = count;
    return RG_OK;
}

/* ---- the token ---- */

static int64_t least(int64_t a, int64_t b)
{
    return b > 0 && b < a ? b : a; /* 0 = no end */
}

/* Not beyond the session or the access token that asks. */
static int64_t expiry_of(const struct http_request *request, int64_t now_us)
{
    int64_t until_us = now_us + request->listener->upstream->superset->guest_token_us;
    until_us = least(until_us, request->identity.expires_at_us);
    return request->session == NULL ? until_us : least(until_us, request->session->expires_us);
}

static rg_status make_token(struct http_request *request, const struct auth_mint *mint, const struct rg_slice *ids,
                            size_t count, struct auth_guest_token *token, struct rg_slice *out_text)
{
    int64_t now_us = http_caller_now_us(request);
    *token = (struct auth_guest_token){.id = rg_slice_of(request->reference),
                                       .issued_s = now_us / SECOND_US,
                                       .expires_s = expiry_of(request, now_us) / SECOND_US,
                                       .resource_count = count,
                                       .resources = ids};
    const struct http_capsule_wish wish = {.purpose = AUTH_CAPSULE_GUEST,
                                           .lifetime_us = token->expires_s * SECOND_US - now_us,
                                           .is_guest = true,
                                           .resource_count = count,
                                           .resources = ids};
    struct http_guest *guest = NULL;
    RG_TRY(http_capsule_make(request, &wish, &token->capsule));
    RG_TRY(rg_arena_new(&request->arena, &guest));
    RG_TRY(auth_guest_token_make(mint, token, &request->arena, out_text));
    *guest = (struct http_guest){token->id, count, ids};
    request->guest = guest; /* for the record: which one it made */
    return RG_OK;
}

static void answer(struct http_request *request, const struct auth_guest_token *token, struct rg_slice text)
{
    static const struct http_header no_store = {{"cache-control", 13}, {"no-store", 8}};
    json_t *object = json_pack("{s:s%, s:I}", "token", text.data, text.size, "expires_in",
                               (json_int_t)(token->expires_s - token->issued_s));
    char *body = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
    json_decref(object);
    http_reply(request, &(struct http_reply){.status = body == NULL ? 500 : 200,
                                             .content_type = RG_SLICE("application/json"),
                                             .header_count = 1,
                                             .headers = &no_store,
                                             .body = rg_slice_of(body)});
    free(body); /* jansson's own; the answer is a copy */
}

/* NULL: it was answered. */
static const struct auth_mint *find_mint(struct http_request *request)
{
    const struct auth_mint *mint = request->listener->upstream->superset->identity;
    struct rg_slice origin = {0};
    size_t count = 0;
    (void)http_request_header(request, RG_SLICE("origin"), &origin, &count);
    if (mint == NULL || request->worker->gateway->state == NULL) {
        http_reply_problem(request, 403, "guest.off", "Guest tokens are not issued here.");
        return NULL;
    }
    if (count > 0 && !http_guest_is_from_host(request)) {
        http_reply_problem(request, 403, "http.csrf", "This request comes from another site.");
        return NULL;
    }
    return mint;
}

void http_guest_create(struct http_request *request)
{
    struct auth_guest_token token = {0};
    struct rg_slice *ids = NULL;
    struct rg_slice text = {0};
    size_t count = 0;
    const struct auth_mint *mint = find_mint(request);
    if (mint == NULL) {
        return;
    }
    rg_status status = read_body(request, &ids, &count);
    if (!rg_is_ok(status)) {
        http_reply_status(request, status, "guest.request",
                          "Ask with JSON: {\"resources\": [{\"type\": \"dashboard\", \"id\": UUID}]}.");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (!http_guest_may_embed(request->tenant.face, ids[i])) {
            http_reply_problem(request, 403, "guest.dashboard", "This dashboard may not be embedded for you.");
            return;
        }
    }
    status = make_token(request, mint, ids, count, &token, &text);
    if (!rg_is_ok(status)) {
        http_reply_status(request, status, "guest.token", "No guest token can be made for you.");
        return;
    }
    answer(request, &token, text);
}
