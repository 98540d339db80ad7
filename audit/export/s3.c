/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of S3 that the audit log's export and its verifier need. */
#include "audit/export/s3.h"

#include <inttypes.h>
#include <stdio.h>

#include "audit/export/s3_private.h"
#include "audit/export/url.h"
#include "base/rg_memory.h"

enum { NAME_SIZE = 1024, QUERY_SIZE = 8192 };

/* ---- opening ---- */

static rg_status copy_options(const struct s3_options *options, struct s3 *s3)
{
    struct s3_options *copy = &s3->options;
    struct rg_slice *const texts[] = {&copy->bucket,           &copy->prefix,       &copy->endpoint, &copy->region,
                                      &copy->credentials_path, &copy->metadata_url, &copy->ca_file,  &copy->proxy};
    *copy = *options;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct rg_slice text = *texts[i];
        RG_TRY(rg_arena_copy(s3->arena, text, texts[i]));
    }
    struct rg_slice name = {0};
    RG_TRY(
        rg_arena_printf(s3->arena, &name, "s3://%.*s/%.*s", RG_SLICE_ARGS(copy->bucket), RG_SLICE_ARGS(copy->prefix)));
    void *memory = NULL;
    RG_TRY(rg_arena_alloc(s3->arena, name.size + 1, &memory));
    s3->name = memory;
    memcpy(s3->name, name.data, name.size);
    return RG_OK;
}

static rg_status check_endpoint(struct rg_slice endpoint, struct rg_arena *arena)
{
    struct export_url url = {0};
    rg_status status = export_url_parse(endpoint, arena, &url);
    bool is_https = rg_is_ok(status) && rg_slice_is_equal(url.scheme, RG_SLICE("https"));
    bool is_near = rg_is_ok(status) && rg_slice_is_equal(url.scheme, RG_SLICE("http")) && url.is_loopback;
    bool is_bare =
        endpoint.size > 0 && endpoint.data[endpoint.size - 1] != '/' && rg_slice_is_equal(url.path, RG_SLICE("/"));
    return is_bare && (is_https || is_near)
               ? RG_OK
               : rg_fail(RG_CONFIG, "the endpoint \"%.*s\" is no https://host[:port] (http only to this machine)",
                         rg_slice_shown(endpoint), endpoint.data == NULL ? "" : endpoint.data);
}

/* It becomes part of libcurl's "aws:amz:<region>:s3". */
static rg_status check_region(struct rg_slice region)
{
    bool is_good = region.size > 0 && region.size <= 60;
    for (size_t i = 0; i < region.size && is_good; i++) {
        char byte = region.data[i];
        is_good = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
                  byte == '-' || byte == '_';
    }
    return is_good ? RG_OK : rg_fail(RG_CONFIG, "\"%.*s\" is no region", rg_slice_shown(region), region.data);
}

static rg_status open_with(const struct s3_options *options, struct s3 *s3)
{
    RG_TRY(copy_options(options, s3));
    RG_TRY(check_endpoint(s3->options.endpoint, s3->arena));
    RG_TRY(check_region(s3->options.region));
    s3->curl = s3_global_init() ? curl_easy_init() : NULL;
    if (s3->curl == NULL) {
        return rg_fail(RG_INTERNAL, "libcurl cannot be started");
    }
    bool is_local = options->credentials != S3_FROM_INSTANCE; /* that is asked when it is needed */
    return is_local ? s3_credentials_get(s3, &s3->credentials) : RG_OK;
}

rg_status s3_open(const struct s3_options *options, struct s3 **out_s3)
{
    enum { TEXTS_MAX = 64 * 1024 };
    struct s3 *s3 = rg_memory_alloc(sizeof *s3);
    s3->arena = rg_memory_alloc(sizeof *s3->arena);
    rg_arena_init(s3->arena, TEXTS_MAX);
    rg_status status = open_with(options, s3);
    if (!rg_is_ok(status)) {
        s3_close(&s3);
        return status;
    }
    *out_s3 = s3;
    return RG_OK;
}

void s3_close(struct s3 **s3)
{
    struct s3 *closed = *s3;
    if (closed == NULL) {
        return;
    }
    *s3 = NULL;
    curl_easy_cleanup(closed->curl);
    s3_credentials_done(&closed->credentials);
    rg_arena_done(closed->arena);
    rg_memory_free(closed->arena);
    rg_memory_free(closed);
}

const char *s3_name(const struct s3 *s3)
{
    return s3->name;
}

/* ---- one object ---- */

static rg_status call(struct s3 *s3, const struct s3_request *request, struct s3_object *out_object)
{
    RG_AUTO(s3_answer_done) struct s3_answer answer = {0};
    RG_TRY(s3_perform(s3, request, &answer));
    if (answer.status / 100 != 2) {
        return s3_fail(s3, request, &answer);
    }
    *out_object = answer.object;
    return RG_OK;
}

static rg_status put(struct s3 *s3, struct s3_request *request, struct s3_object *out_object)
{
    RG_AUTO(s3_answer_done) struct s3_answer answer = {0};
    RG_TRY(s3_perform(s3, request, &answer));
    bool is_taken = answer.status == 412;
    if (answer.status / 100 != 2 && !is_taken) {
        return s3_fail(s3, request, &answer);
    }
    *out_object = (struct s3_object){.is_taken = is_taken, .is_there = !is_taken, .size = request->body.size};
    if (!is_taken) {
        memcpy(out_object->version, answer.object.version, sizeof out_object->version);
        out_object->has_sha256 = true;
        out_object->sha256 = rg_sha256_one(request->body);
    }
    return RG_OK;
}

/* The server refuses a body that has another hash than this. */
static rg_status put_checksum(struct s3_request *request, struct rg_arena *arena)
{
    struct rg_digest digest = rg_sha256_one(request->body);
    struct rg_slice text = {0};
    RG_TRY(rg_base64_encode(rg_slice_make(digest.bytes, sizeof digest.bytes), arena, &text));
    s3_request_put_header(request, "x-amz-checksum-sha256", text.data);
    return RG_OK;
}

static rg_status put_md5(struct s3_request *request, struct rg_arena *arena)
{
    struct rg_slice text = {0};
    RG_TRY(rg_md5_base64(request->body, arena, &text));
    s3_request_put_header(request, "content-md5", text.data);
    return RG_OK;
}

rg_status s3_put(struct s3 *s3, const struct s3_put *what, struct s3_object *out_object)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct s3_request request = {.method = "PUT", .key = what->key, .body = what->body};
    char until[S3_TIME_SIZE];
    rg_arena_init(&arena, 4096);
    if (what->body.size > S3_OBJECT_MAX) {
        return rg_fail(RG_LIMIT, "%s%.200s: %zu bytes are too many for one PUT", s3->name, what->key, what->body.size);
    }
    s3_request_put_header(&request, "content-type",
                          what->content_type == NULL ? "application/octet-stream" : what->content_type);
    RG_TRY(put_checksum(&request, &arena));
    RG_TRY(what->has_md5 ? put_md5(&request, &arena) : RG_OK);
    if (what->is_new) {
        s3_request_put_header(&request, "if-none-match", "*");
    }
    if (what->lock != S3_LOCK_OFF) {
        s3_time_format(what->until_us, until);
        s3_request_put_header(&request, "x-amz-object-lock-mode", s3_lock_name(what->lock));
        s3_request_put_header(&request, "x-amz-object-lock-retain-until-date", until);
    }
    if (what->is_held) {
        s3_request_put_header(&request, "x-amz-object-lock-legal-hold", "ON");
    }
    return put(s3, &request, out_object);
}

static rg_status make_version_query(const char *name, const char *version, struct rg_buf *out)
{
    const char *join = "";
    if (name != NULL) {
        RG_TRY(rg_buf_printf(out, "%s=", name));
        join = "&";
    }
    if (version != NULL && version[0] != '\0') {
        RG_TRY(rg_buf_printf(out, "%sversionId=", join));
        RG_TRY(s3_encode(rg_slice_of(version), false, out));
    }
    return rg_buf_put_u8(out, '\0');
}

/* HEAD and GET: 404 is an answer, not a failure; but not one that the bucket gives. */
static rg_status look(struct s3 *s3, struct s3_request *request, const char *version, struct s3_object *out_object)
{
    RG_AUTO(rg_buf_done) struct rg_buf query;
    RG_AUTO(s3_answer_done) struct s3_answer answer = {0};
    rg_buf_init(&query, QUERY_SIZE);
    RG_TRY(make_version_query(NULL, version, &query));
    request->query = rg_buf_size(&query) > 1 ? rg_buf_slice(&query).data : NULL;
    s3_request_put_header(request, "x-amz-checksum-mode", "ENABLED");
    RG_TRY(s3_perform(s3, request, &answer));
    bool is_absent = answer.status == 404 || (answer.status == 405 && answer.object.is_marker);
    if (is_absent && strcmp(answer.code, "NoSuchBucket") != 0) {
        *out_object = (struct s3_object){.is_marker = answer.object.is_marker};
        return RG_OK;
    }
    if (answer.status / 100 != 2) {
        return s3_fail(s3, request, &answer);
    }
    *out_object = answer.object;
    out_object->is_there = true;
    return RG_OK;
}

rg_status s3_head(struct s3 *s3, const char *key, const char *version, struct s3_object *out_object)
{
    struct s3_request request = {.method = "HEAD", .key = key};
    return look(s3, &request, version, out_object);
}

rg_status s3_get(struct s3 *s3, const char *key, const char *version, const struct s3_sink *sink,
                 struct s3_object *out_object)
{
    struct s3_request request = {.method = "GET", .key = key, .sink = sink};
    return look(s3, &request, version, out_object);
}

static rg_status take_bytes(void *context, struct rg_slice bytes)
{
    return rg_buf_put(context, bytes);
}

rg_status s3_get_all(struct s3 *s3, const char *key, const char *version, size_t limit_bytes, struct rg_arena *arena,
                     struct rg_slice *out_bytes, struct s3_object *out_object)
{
    RG_AUTO(rg_buf_done) struct rg_buf held;
    struct s3_object object = {0};
    const struct s3_sink sink = {take_bytes, &held};
    rg_buf_init(&held, limit_bytes);
    RG_TRY(s3_get(s3, key, version, &sink, &object));
    RG_TRY(rg_arena_copy(arena, rg_buf_slice(&held), out_bytes));
    *out_object = object;
    return RG_OK;
}

/* ---- legal hold and retention ---- */

static rg_status put_document(struct s3 *s3, const char *key, const char *version, const char *name, const char *xml)
{
    RG_AUTO(rg_buf_done) struct rg_buf query;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct s3_object object = {0};
    struct s3_request request = {.method = "PUT", .key = key, .body = rg_slice_of(xml)};
    rg_arena_init(&arena, 4096);
    rg_buf_init(&query, QUERY_SIZE);
    RG_TRY(make_version_query(name, version, &query));
    request.query = rg_buf_slice(&query).data;
    s3_request_put_header(&request, "content-type", "application/xml");
    RG_TRY(put_checksum(&request, &arena));
    RG_TRY(put_md5(&request, &arena));
    return call(s3, &request, &object);
}

rg_status s3_put_legal_hold(struct s3 *s3, const char *key, const char *version, bool is_held)
{
    char xml[256];
    (void)snprintf(xml, sizeof xml,
                   "<LegalHold xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Status>%s</Status></LegalHold>",
                   is_held ? "ON" : "OFF");
    return put_document(s3, key, version, "legal-hold", xml);
}

rg_status s3_put_retention(struct s3 *s3, const char *key, const char *version, enum s3_lock lock, int64_t until_us)
{
    char xml[320];
    char until[S3_TIME_SIZE];
    s3_time_format(until_us, until);
    (void)snprintf(xml, sizeof xml,
                   "<Retention xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Mode>%s</Mode>"
                   "<RetainUntilDate>%s</RetainUntilDate></Retention>",
                   s3_lock_name(lock), until);
    return put_document(s3, key, version, "retention", xml);
}

rg_status s3_get_retention(struct s3 *s3, const char *key, const char *version, struct s3_object *out_object)
{
    struct s3_object object = {0};
    RG_TRY(s3_head(s3, key, version, &object));
    *out_object = (struct s3_object){
        .is_there = object.is_there, .lock = object.lock, .until_us = object.until_us, .is_held = object.is_held};
    return RG_OK;
}
