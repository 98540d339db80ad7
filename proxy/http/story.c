/* SPDX-License-Identifier: Apache-2.0 */
/* From a request to its event. What a request does is the route's word, narrowed by proxy/http/action.h; who sent it is
 * the verified identity's or nobody's, never a header's. Called by the gate; no I/O. */
#include "proxy/http/story.h"

#include <jansson.h>
#include <stdlib.h>

#include "auth/session.h"
#include "base/rg_buf.h"
#include "proxy/http/action.h"
#include "proxy/http/endpoints.h"
#include "proxy/http/guest.h"
#include "proxy/snapshot.h"

enum { OBJECT_MAX = 4096, SAID_MAX = 512, JSON_DEPTH_MAX = 64 };

/* ---- what it does ---- */

/* What stands behind the last dot of an action. */
static struct rg_slice verb_of(struct rg_slice action)
{
    const char *dot = action.size == 0 ? NULL : memrchr(action.data, '.', action.size);
    return dot == NULL ? action : rg_slice_cut(action, (size_t)(dot - action.data) + 1, SIZE_MAX);
}

static bool is_one_of(struct rg_slice text, const char *const *words)
{
    for (size_t i = 0; words[i] != NULL; i++) {
        if (rg_slice_is_equal(text, rg_slice_of(words[i]))) {
            return true;
        }
    }
    return false;
}

static bool is_about_login(struct rg_slice action)
{
    return rg_slice_has_prefix(action, RG_SLICE("login.")) || rg_slice_has_prefix(action, RG_SLICE("logout"));
}

/* The names are those of audit/web.h. */
static struct rg_slice class_of(const struct http_request *request, struct rg_slice action, bool is_export)
{
    static const struct {
        const char *words[6];
        const char *name;
    } rows[] = {
        {{"create", "copy", "duplicate", "permalink", NULL}, "CREATE"},
        {{"delete", NULL}, "DELETE"},
        {{"import", "upload", NULL}, "IMPORT"},
        {{"execute", "stop", "test", "warm", NULL}, "RUN"},
    };
    const struct http_route *route = request->route;
    struct rg_slice verb = verb_of(action);
    if (route == NULL || is_about_login(action)) {
        return (struct rg_slice){0};
    }
    if (is_export || (route->flags & HTTP_ROUTE_EXPORT) != 0) {
        return RG_SLICE("EXPORT");
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if ((route->flags & HTTP_ROUTE_CHANGES) != 0 && is_one_of(verb, rows[i].words)) {
            return rg_slice_of(rows[i].name);
        }
    }
    if ((route->flags & HTTP_ROUTE_CHANGES) != 0) {
        return RG_SLICE("UPDATE");
    }
    return rg_slice_is_equal(verb, RG_SLICE("list")) ? RG_SLICE("SEARCH") : RG_SLICE("READ");
}

/* ---- what it is about ---- */

/* A name is told from its neighbours by commas and from its kind by a slash: neither is in it. */
static rg_status put_id(struct rg_slice id, struct rg_buf *out)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < id.size; i++) {
        unsigned char byte = (unsigned char)id.data[i];
        bool is_special = byte <= ' ' || byte == ',' || byte == '/' || byte == '%' || byte == 0x7f;
        if (is_special) {
            RG_TRY(rg_buf_put_u8(out, '%'));
            RG_TRY(rg_buf_put_u8(out, (uint8_t)hex[byte >> 4]));
            RG_TRY(rg_buf_put_u8(out, (uint8_t)hex[byte & 0xf]));
        } else {
            RG_TRY(rg_buf_put_u8(out, byte));
        }
    }
    return RG_OK;
}

static rg_status put_objects(const struct http_action *action, struct rg_buf *out)
{
    for (size_t i = 0; i < action->object_count; i++) {
        const struct http_action_object *object = &action->objects[i];
        if (i > 0) {
            RG_TRY(rg_buf_put_u8(out, ','));
        }
        RG_TRY(rg_buf_put(out, rg_slice_of(object->kind)));
        RG_TRY(rg_buf_put_u8(out, '/'));
        RG_TRY(put_id(object->id, out));
    }
    return RG_OK;
}

/* What does not fit is left out, whole objects at a time. */
static rg_status make_object(const struct http_action *action, struct rg_arena *arena, struct rg_slice *out_object)
{
    RG_AUTO(rg_buf_done) struct rg_buf text;
    rg_buf_init(&text, OBJECT_MAX);
    struct http_action some = *action;
    while (!rg_is_ok(put_objects(&some, &text))) {
        rg_buf_clear(&text);
        some.object_count--;
    }
    return rg_arena_copy(arena, rg_buf_slice(&text), out_object);
}

static rg_status make_said(const struct http_action *action, struct rg_arena *arena, struct rg_slice *out_said)
{
    char hex[2 * RG_SHA256_SIZE + 1];
    if (action->has_sql) {
        rg_digest_hex(&action->sql_digest, hex);
        return rg_arena_printf(arena, out_said, "SQL of %zu bytes, sha256 %s", action->sql_bytes, hex);
    }
    *out_said = rg_slice_cut(action->title, 0, SAID_MAX);
    return RG_OK;
}

/* ---- what shows it ---- */

/* "/api/v1/dashboard/12" of a PUT or DELETE of it or of a part of it: what a GET of that says is what changed. */
static struct rg_slice resource_of(const struct http_request *request)
{
    static const char *const kinds[] = {"dashboard/", "chart/", "dataset/", "database/", "rowlevelsecurity/"};
    const struct rg_slice start = RG_SLICE("/api/v1/");
    bool is_method =
        rg_slice_is_equal(request->method, RG_SLICE("PUT")) || rg_slice_is_equal(request->method, RG_SLICE("DELETE"));
    struct rg_slice rest = rg_slice_cut(request->path, start.size, SIZE_MAX);
    for (size_t i = 0; is_method && rg_slice_has_prefix(request->path, start) && i < sizeof kinds / sizeof kinds[0];
         i++) {
        struct rg_slice kind = rg_slice_of(kinds[i]);
        struct rg_slice id =
            rg_slice_has_prefix(rest, kind) ? rg_slice_cut(rest, kind.size, SIZE_MAX) : (struct rg_slice){0};
        size_t size = 0;
        while (size < id.size && id.data[size] >= '0' && id.data[size] <= '9') {
            size++;
        }
        if (size > 0 && (size == id.size || id.data[size] == '/')) {
            return rg_slice_cut(request->path, 0, start.size + kind.size + size);
        }
    }
    return (struct rg_slice){0};
}

/* The hash of a body that holds a password and little else tells it to who guesses: not of those. */
static bool is_body_harmless(struct rg_slice action)
{
    static const char *const kinds[] = {"dashboard.", "chart.", "dataset.", "rls.", "sqllab.", "saved_query."};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (rg_slice_has_prefix(action, rg_slice_of(kinds[i]))) {
            return true;
        }
    }
    return false;
}

/* ---- all of it ---- */

static rg_status read_action(struct http_request *request, bool reads_body, struct http_story *story)
{
    struct http_action action;
    struct http_action_source source = {.match = request->match, .query = request->query};
    if (reads_body) {
        (void)http_request_header(request, RG_SLICE("content-type"), &source.content_type, NULL);
        source.body = request->body;
    }
    RG_TRY(http_action_read(&source, &request->arena, &action));
    RG_TRY(make_object(&action, &request->arena, &story->object));
    RG_TRY(make_said(&action, &request->arena, &story->said));
    story->action = rg_slice_of(action.action);
    story->class_name = class_of(request, story->action, action.is_export);
    story->login_user = action.user;
    if (reads_body && story->changes && request->body.size > 0 && is_body_harmless(story->action)) {
        story->body_digest = rg_sha256_one(request->body);
        story->has_body_digest = true;
    }
    return RG_OK;
}

uint64_t http_story_session_number(struct rg_slice public_id)
{
    enum { DIGITS = 16, BASE = 16 };
    const struct rg_slice start = RG_SLICE("s-");
    char hex[DIGITS + 1] = "";
    if (public_id.size != start.size + DIGITS || !rg_slice_has_prefix(public_id, start)) {
        return 0;
    }
    memcpy(hex, public_id.data + start.size, DIGITS);
    return strspn(hex, "0123456789abcdef") == DIGITS ? strtoull(hex, NULL, BASE) : 0;
}

/* What we answer ourselves: the endpoints' own table says what it is called. */
static rg_status read_own(struct http_request *request, struct http_story *story)
{
    struct rg_slice captures[HTTP_CAPTURES_MAX];
    size_t count = 0;
    bool is_other_method = false;
    const struct http_endpoint *endpoint =
        http_endpoint_find(request->method, request->path, captures, &count, &is_other_method);
    if (endpoint == NULL) {
        return RG_OK;
    }
    story->action = rg_slice_of(endpoint->action);
    story->is_silent = rg_slice_is_equal(story->action, RG_SLICE("static"));
    return count == 0 ? RG_OK
                      : rg_arena_printf(&request->arena, &story->object, "idp/%.*s", RG_SLICE_ARGS(captures[0]));
}

rg_status http_story_read(struct http_request *request, bool reads_body, struct http_story *out_story)
{
    struct http_story story = {0};
    const struct http_route *route = request->route;
    story.is_silent = route != NULL && route->class == HTTP_ROUTE_PUBLIC;
    if (story.is_silent) {
        *out_story = story;
        return RG_OK;
    }
    if (request->session != NULL) {
        story.session_id = http_story_session_number(rg_slice_of(request->session->public_id));
    }
    story.changes = route != NULL && route->class != HTTP_ROUTE_OWN && (route->flags & HTTP_ROUTE_CHANGES) != 0;
    (void)http_request_header(request, RG_SLICE("user-agent"), &story.user_agent, NULL);
    RG_TRY(http_query_star(request->query, &request->arena, &story.query));
    if (http_endpoint_is_ours(request->path) && request->endpoint == NULL) {
        RG_TRY(read_own(request, &story));
    } else if (request->match != NULL) {
        RG_TRY(read_action(request, reads_body, &story));
    }
    story.resource = story.changes ? resource_of(request) : (struct rg_slice){0};
    *out_story = story;
    return RG_OK;
}

struct audit_event http_story_event(const struct http_request *request, const struct http_story *story)
{
    bool is_refused = request->rule.size > 0;
    struct audit_event event = {
        .kind = AUDIT_HTTP,
        .session_id = story->session_id,
        .statement_id = request->id,
        .client_address = request->client_address,
        .client_port = request->client_port,
        .listener = request->listener_name,
        .application_name = story->user_agent,
        .policy = rg_slice_of(request->snapshot->digest),
        .verdict = is_refused ? AUDIT_DENIED : AUDIT_ALLOWED,
        .rule = request->rule,
        .message = is_refused ? request->refusal : story->said,
        .class_name = story->class_name,
        .action = story->action,
        .object = story->object,
        .reference = rg_slice_of(request->reference),
        .method = request->method,
        .path = request->path,
        .query = story->query,
        .status = request->status > 0 && request->status <= 999 ? (uint16_t)request->status : 0,
    };
    if (request->identity.kind != AUTH_UNVERIFIED) {
        event.user = request->identity.user;
        event.subject = request->identity.subject;
        event.idp = request->identity.kind == AUTH_SCRAM ? RG_SLICE("scram") : request->identity.issuer;
    }
    if (request->has_tenant) {
        event.tenant = request->tenant.id;
    }
    if (request->guest != NULL) {
        event.guest = request->guest->id;
    }
    if (request->is_forwarded) {
        event.upstream = request->listener->upstream->name;
    }
    if (story->has_body_digest) {
        event.request_sha256 = &story->body_digest;
    }
    return event;
}

/* ---- Superset's own log-in ---- */

enum audit_kind http_story_login(const struct http_request *request, int status, struct rg_slice location)
{
    enum { FOUND = 302, UNAUTHORIZED = 401, OK = 200 };
    const struct rg_slice form = RG_SLICE("/login");
    bool is_post = rg_slice_is_equal(request->method, RG_SLICE("POST"));
    if (!is_post || request->route == NULL ||
        !rg_slice_is_equal(rg_slice_of(request->route->action), RG_SLICE("login.form"))) {
        return AUDIT_NONE;
    }
    if (status == UNAUTHORIZED) {
        return AUDIT_LOGIN_FAILED;
    }
    if (status == FOUND) {
        struct rg_slice rest = rg_slice_cut(location, form.size, SIZE_MAX);
        bool is_form =
            rg_slice_has_prefix(location, form) && (rest.size == 0 || rest.data[0] == '/' || rest.data[0] == '?');
        return is_form ? AUDIT_LOGIN_FAILED : AUDIT_LOGIN;
    }
    return status == OK && rg_slice_has_prefix(request->path, RG_SLICE("/api/")) ? AUDIT_LOGIN : AUDIT_NONE;
}

/* ---- digests ---- */

static bool is_humanized(const char *key)
{
    static const char end[] = "_humanized";
    size_t size = strlen(key);
    return size >= sizeof end - 1 && strcmp(key + size - (sizeof end - 1), end) == 0;
}

/* False: deeper than anything of Superset's. */
static bool drop_humanized(json_t *value, unsigned depth)
{
    size_t i = 0;
    const char *key = NULL;
    json_t *member = NULL;
    void *next = NULL;
    bool is_good = depth < JSON_DEPTH_MAX;
    json_array_foreach(value, i, member)
    {
        is_good = is_good && drop_humanized(member, depth + 1);
    }
    json_object_foreach_safe(value, next, key, member)
    {
        if (is_humanized(key)) {
            (void)json_object_del(value, key);
        } else {
            is_good = is_good && drop_humanized(member, depth + 1);
        }
    }
    return is_good;
}

static int on_dump(const char *bytes, size_t size, void *context)
{
    struct rg_sha256_stream *stream = context;
    rg_sha256_put(stream, rg_slice_make(bytes, size));
    return 0;
}

struct rg_digest http_story_digest(struct rg_slice body)
{
    const size_t flags = JSON_COMPACT | JSON_SORT_KEYS;
    json_t *value =
        body.size == 0 ? NULL : json_loadb(body.data, body.size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    struct rg_sha256_stream *stream = rg_sha256_new();
    bool is_json = value != NULL && drop_humanized(value, 0) && json_dump_callback(value, on_dump, stream, flags) == 0;
    struct rg_digest digest = rg_sha256_end(stream);
    rg_sha256_free(&stream);
    json_decref(value);
    return is_json ? digest : rg_sha256_one(body);
}
