/* SPDX-License-Identifier: Apache-2.0 */
/* One request to S3: its URL, its headers, libcurl's signature, the answer's headers and body. What libcurl 7.88 signs
 * is the path, the query and the headers exactly as they are given here, so all three are given in SigV4's own form
 * (AWS "Authenticating Requests: Using the Authorization Header"): encoded, sorted, and x-amz-content-sha256 by us. */
#include <pthread.h>
#include <stdio.h>
#include <strings.h>

#include "audit/export/s3_private.h"
#include "base/rg_memory.h"

struct transfer {
    const struct s3 *s3;
    const struct s3_request *request;
    struct s3_answer *answer;
    size_t sent;       /* bytes of the body */
    rg_status failure; /* of the sink, or of our own limits */
    char error[CURL_ERROR_SIZE];
};

/* ---- libcurl's life ---- */

static void init_curl(void)
{
    RG_ASSERT(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

bool s3_global_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    return pthread_once(&once, init_curl) == 0;
}

static bool set_timeouts(CURL *curl, const struct s3_options *options)
{
    unsigned connect_ms = options->connect_timeout_ms == 0 ? 10000 : options->connect_timeout_ms;
    unsigned stall_s = options->stall_timeout_s == 0 ? 60 : options->stall_timeout_s;
    return curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)stall_s) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
}

/* With a CA file only that file counts: Debian's libcurl would add /etc/ssl/certs. */
static bool set_trust(CURL *curl, struct rg_slice ca_file)
{
    bool is_set = curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
                  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
                  curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK;
    if (ca_file.size == 0) {
        return is_set;
    }
    return is_set && curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file.data) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_CAPATH, NULL) == CURLE_OK;
}

bool s3_set_limits(CURL *curl, const struct s3_options *options)
{
    return curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https,http") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_USERAGENT, "rowgate/" ROWGATE_VERSION) == CURLE_OK &&
           set_timeouts(curl, options) && set_trust(curl, options->ca_file);
}

/* ---- the URL ---- */

static rg_status put_host(const struct s3 *s3, struct rg_buf *out)
{
    const struct s3_options *options = &s3->options;
    struct rg_slice endpoint = options->endpoint;
    if (options->is_path_style) {
        RG_TRY(rg_buf_put(out, endpoint));
        RG_TRY(rg_buf_put_u8(out, '/'));
        return s3_encode(options->bucket, false, out);
    }
    const char *host = memmem(endpoint.data, endpoint.size, "://", 3); /* s3_open saw it */
    size_t scheme = (size_t)(host - endpoint.data) + 3;
    RG_TRY(rg_buf_put(out, rg_slice_cut(endpoint, 0, scheme)));
    RG_TRY(rg_buf_put(out, options->bucket));
    RG_TRY(rg_buf_put_u8(out, '.'));
    return rg_buf_put(out, rg_slice_cut(endpoint, scheme, SIZE_MAX));
}

static rg_status make_url(const struct s3 *s3, const struct s3_request *request, struct rg_buf *out)
{
    RG_TRY(put_host(s3, out));
    RG_TRY(rg_buf_put_u8(out, '/'));
    if (request->key != NULL) {
        RG_TRY(s3_encode(s3->options.prefix, true, out));
        RG_TRY(s3_encode(rg_slice_of(request->key), true, out));
    }
    if (request->query != NULL) {
        RG_TRY(rg_buf_printf(out, "?%s", request->query));
    }
    return rg_buf_put_u8(out, '\0');
}

/* ---- headers out ---- */

void s3_request_put_header(struct s3_request *request, const char *name, const char *value)
{
    RG_ASSERT(request->header_count < S3_HEADERS_MAX);
    request->headers[request->header_count] = (struct s3_header){name, value};
    request->header_count++;
}

static bool add_header(struct curl_slist **list, const char *name, const char *value)
{
    RG_AUTO(rg_buf_done) struct rg_buf line;
    rg_buf_init(&line, RG_SECRET_MAX_BYTES + 256);
    if (!rg_is_ok(rg_buf_printf(&line, "%s: %s", name, value)) || !rg_is_ok(rg_buf_put_u8(&line, '\0'))) {
        return false;
    }
    struct curl_slist *longer = curl_slist_append(*list, rg_buf_slice(&line).data);
    rg_wipe(line.bytes, line.end);
    *list = longer == NULL ? *list : longer;
    return longer != NULL;
}

static bool make_headers(const struct s3 *s3, const struct s3_request *request, struct curl_slist **out_list)
{
    char hash[2 * RG_SHA256_SIZE + 1];
    struct rg_digest digest = rg_sha256_one(request->body);
    rg_digest_hex(&digest, hash);
    bool is_made = add_header(out_list, "x-amz-content-sha256", hash);
    if (s3->credentials.session_token != NULL) {
        is_made = is_made &&
                  add_header(out_list, "x-amz-security-token", rg_secret_slice(s3->credentials.session_token).data);
    }
    for (size_t i = 0; i < request->header_count; i++) {
        is_made = is_made && add_header(out_list, request->headers[i].name, request->headers[i].value);
    }
    return is_made;
}

/* ---- the answer's headers ---- */

static struct rg_slice trim(struct rg_slice text)
{
    while (text.size > 0 && (text.data[text.size - 1] == '\r' || text.data[text.size - 1] == '\n' ||
                             text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\t')) {
        text.size--;
    }
    while (text.size > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text = rg_slice_cut(text, 1, SIZE_MAX);
    }
    return text;
}

static void take_sha256(struct s3_object *object, struct rg_slice value)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct rg_slice bytes = {0};
    rg_arena_init(&arena, 256);
    if (value.size < 64 && rg_is_ok(rg_base64_decode(value, &arena, &bytes)) && bytes.size == RG_SHA256_SIZE) {
        memcpy(object->sha256.bytes, bytes.data, RG_SHA256_SIZE);
        object->has_sha256 = true;
    }
}

static void take_version(struct s3_object *object, struct rg_slice value)
{
    bool is_plain = value.size <= S3_VERSION_MAX;
    for (size_t i = 0; i < value.size && is_plain; i++) {
        is_plain = value.data[i] > ' ' && value.data[i] < 0x7f;
    }
    if (is_plain && !rg_slice_is_equal(value, RG_SLICE("null"))) {
        memcpy(object->version, value.data, value.size);
        object->version[value.size] = '\0';
    }
}

static void take_lock(struct s3_object *object, struct rg_slice value)
{
    object->lock = s3_lock_parse(value);
}

static void take_until(struct s3_object *object, struct rg_slice value)
{
    (void)s3_time_parse(value, &object->until_us);
}

static void take_hold(struct s3_object *object, struct rg_slice value)
{
    object->is_held = rg_slice_is_equal(value, RG_SLICE("ON"));
}

static void take_modified(struct s3_object *object, struct rg_slice value)
{
    (void)s3_time_parse(value, &object->modified_us);
}

static void take_marker(struct s3_object *object, struct rg_slice value)
{
    object->is_marker = rg_slice_is_equal(value, RG_SLICE("true"));
}

static void take_length(struct s3_object *object, struct rg_slice value)
{
    uint64_t size = 0;
    for (size_t i = 0; i < value.size && value.size < 19; i++) {
        if (value.data[i] < '0' || value.data[i] > '9') {
            return;
        }
        size = size * 10 + (uint64_t)(value.data[i] - '0');
    }
    object->size = size;
}

static void take_header(struct s3_object *object, struct rg_slice line)
{
    static const struct {
        const char *name;
        void (*take)(struct s3_object *object, struct rg_slice value);
    } rows[] = {
        {"x-amz-checksum-sha256", take_sha256},
        {"x-amz-version-id", take_version},
        {"x-amz-object-lock-mode", take_lock},
        {"x-amz-object-lock-retain-until-date", take_until},
        {"x-amz-object-lock-legal-hold", take_hold},
        {"x-amz-delete-marker", take_marker},
        {"last-modified", take_modified},
        {"content-length", take_length},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t size = strlen(rows[i].name);
        if (line.size > size && line.data[size] == ':' && strncasecmp(line.data, rows[i].name, size) == 0) {
            rows[i].take(object, trim(rg_slice_cut(line, size + 1, SIZE_MAX)));
        }
    }
}

static size_t on_header(char *data, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    struct rg_slice line = {data, size * count};
    if (rg_slice_has_prefix(line, RG_SLICE("HTTP/"))) { /* a new one, behind 100 Continue */
        transfer->answer->object = (struct s3_object){0};
    }
    take_header(&transfer->answer->object, line);
    return line.size;
}

/* ---- bodies ---- */

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    struct rg_slice bytes = {data, size * count};
    long status = 0;
    (void)curl_easy_getinfo(transfer->s3->curl, CURLINFO_RESPONSE_CODE, &status);
    const struct s3_sink *sink = transfer->request->sink;
    transfer->failure = sink != NULL && status / 100 == 2 ? sink->put(sink->context, bytes)
                                                          : rg_buf_put(&transfer->answer->body, bytes);
    return rg_is_ok(transfer->failure) ? bytes.size : 0; /* 0 ends the transfer */
}

static size_t on_read(char *out, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    struct rg_slice piece = rg_slice_cut(transfer->request->body, transfer->sent, size * count);
    if (piece.size > 0) {
        memcpy(out, piece.data, piece.size);
    }
    transfer->sent += piece.size;
    return piece.size;
}

static int on_seek(void *context, curl_off_t offset, int origin)
{
    struct transfer *transfer = context;
    if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > transfer->request->body.size) {
        return CURL_SEEKFUNC_CANTSEEK;
    }
    transfer->sent = (size_t)offset;
    return CURL_SEEKFUNC_OK;
}

static int on_progress(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct transfer *transfer = context;
    (void)(a + b + c + d);
    return transfer->s3->options.should_stop(transfer->s3->options.context) ? 1 : 0;
}

/* ---- the call ---- */

static bool set_method(CURL *curl, struct transfer *transfer)
{
    const struct s3_request *request = transfer->request;
    if (strcmp(request->method, "HEAD") == 0) {
        return curl_easy_setopt(curl, CURLOPT_NOBODY, 1L) == CURLE_OK;
    }
    if (strcmp(request->method, "PUT") != 0) {
        return curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L) == CURLE_OK;
    }
    return curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_READDATA, transfer) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, on_seek) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_SEEKDATA, transfer) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->body.size) == CURLE_OK;
}

static bool set_callbacks(CURL *curl, struct transfer *transfer)
{
    bool is_set = curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, transfer->error) == CURLE_OK &&
                  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
                  curl_easy_setopt(curl, CURLOPT_HEADERDATA, transfer) == CURLE_OK &&
                  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
                  curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer) == CURLE_OK;
    if (transfer->s3->options.should_stop == NULL) {
        return is_set;
    }
    return is_set && curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_XFERINFODATA, transfer) == CURLE_OK;
}

static bool set_signer(CURL *curl, const struct s3 *s3)
{
    char scope[128];
    int size = snprintf(scope, sizeof scope, "aws:amz:%.*s:s3", RG_SLICE_ARGS(s3->options.region));
    return size > 0 && (size_t)size < sizeof scope && curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, scope) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_USERNAME, rg_secret_slice(s3->credentials.access_key).data) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PASSWORD, rg_secret_slice(s3->credentials.secret_key).data) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROXY, s3->options.proxy.size > 0 ? s3->options.proxy.data : "") == CURLE_OK;
}

static const char *advice_of(CURLcode result)
{
    switch ((int)result) {
    case CURLE_PEER_FAILED_VERIFICATION:
        return ": its certificate is not by an authority that ca_file or this machine names, or is of another host";
    case CURLE_SSL_CACERT_BADFILE:
        return ": ca_file cannot be read or holds no certificate";
    case CURLE_COULDNT_RESOLVE_HOST:
        return ": check endpoint, region and addressing";
    case CURLE_COULDNT_RESOLVE_PROXY:
        return ": check proxy";
    default:
        return "";
    }
}

static rg_status check_result(const struct transfer *transfer, CURLcode result)
{
    if (result == CURLE_OK) {
        return RG_OK;
    }
    if (!rg_is_ok(transfer->failure)) {
        return transfer->failure;
    }
    const struct s3_request *request = transfer->request;
    if (result == CURLE_ABORTED_BY_CALLBACK) {
        return rg_fail(RG_CLOSED, "%s %s: stopped", request->method, transfer->s3->name);
    }
    const char *text = transfer->error[0] != '\0' ? transfer->error : curl_easy_strerror(result);
    return rg_fail(RG_UPSTREAM, "%s %.200s%.80s: %.120s%s", request->method, transfer->s3->name,
                   request->key == NULL ? "" : request->key, text, advice_of(result));
}

static rg_status send_request(struct s3 *s3, struct transfer *transfer, const char *url, struct curl_slist *headers)
{
    CURL *curl = s3->curl;
    curl_easy_reset(curl); /* keeps the connection */
    if (!s3_set_limits(curl, &s3->options) || !set_signer(curl, s3) || !set_method(curl, transfer) ||
        !set_callbacks(curl, transfer) || curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers) != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_URL, url) != CURLE_OK) {
        return rg_fail(RG_INTERNAL, "libcurl refuses an option of a request to %s", s3->name);
    }
    RG_TRY(check_result(transfer, curl_easy_perform(curl)));
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &transfer->answer->status);
    return RG_OK;
}

void s3_answer_done(struct s3_answer *answer)
{
    rg_buf_done(&answer->body);
}

rg_status s3_perform(struct s3 *s3, const struct s3_request *request, struct s3_answer *out_answer)
{
    RG_AUTO(rg_buf_done) struct rg_buf url;
    struct curl_slist *headers = NULL;
    rg_buf_init(&url, S3_URL_MAX);
    RG_TRY(make_url(s3, request, &url));
    RG_TRY(s3_credentials_get(s3, &s3->credentials));
    *out_answer = (struct s3_answer){0};
    rg_buf_init(&out_answer->body, S3_ANSWER_MAX);
    struct transfer transfer = {.s3 = s3, .request = request, .answer = out_answer};
    rg_status status = make_headers(s3, request, &headers)
                           ? send_request(s3, &transfer, rg_buf_slice(&url).data, headers)
                           : rg_fail(RG_INTERNAL, "the headers of a request to %s are too long", s3->name);
    curl_slist_free_all(headers);
    if (rg_is_ok(status) && out_answer->status / 100 != 2) {
        s3_xml_error(rg_buf_slice(&out_answer->body), out_answer->code, out_answer->message);
    }
    if (rg_is_ok(status) && out_answer->status == 403) { /* the next attempt looks whether there are new ones */
        s3_credentials_done(&s3->credentials);
    }
    return status;
}
