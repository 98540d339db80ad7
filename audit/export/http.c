/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP for the exporter's tasks. One libcurl handle a destination, kept, so that its connection is kept too. */
#include "audit/export/http_private.h"

#include <pthread.h>
#include <string.h>

#include "base/rg_memory.h"

enum { URL_MAX = 8192, CONNECT_MS = 10000, RETRY_AFTER_MAX = 1000000000 };

/* ---- what libcurl calls ---- */

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
    struct export_http *http = context;
    if (!rg_is_ok(rg_buf_put(&http->answer, rg_slice_make(data, size * count)))) {
        http->is_too_long = true;
        return 0;
    }
    return size * count;
}

static int on_progress(void *context, curl_off_t all_down, curl_off_t down, curl_off_t all_up, curl_off_t up)
{
    const struct export_http *http = context;
    (void)all_down;
    (void)down;
    (void)all_up;
    (void)up;
    return http->turn != NULL && export_should_stop(http->turn) ? 1 : 0;
}

/* ---- setting up ---- */

static void init_curl(void)
{
    RG_ASSERT(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

static bool set_blob(CURL *curl, CURLoption option, const struct rg_buf *pem)
{
    struct rg_slice bytes = rg_buf_slice(pem);
    struct curl_blob blob = {.data = pem->bytes + pem->start, .len = bytes.size, .flags = CURL_BLOB_COPY};
    return bytes.size == 0 || curl_easy_setopt(curl, option, &blob) == CURLE_OK;
}

/* With a CA file only that file counts: Debian's libcurl would add /etc/ssl/certs. */
static bool set_trust(const struct export_http *http)
{
    CURL *curl = http->curl;
    bool is_set = curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
                  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
                  curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
                  set_blob(curl, CURLOPT_SSLCERT_BLOB, &http->certificate) &&
                  set_blob(curl, CURLOPT_SSLKEY_BLOB, &http->private_key);
    if (http->ca_file[0] == '\0') {
        return is_set;
    }
    return is_set && curl_easy_setopt(curl, CURLOPT_CAINFO, http->ca_file) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_CAPATH, NULL) == CURLE_OK;
}

static bool set_limits(struct export_http *http)
{
    CURL *curl = http->curl;
    long connect_ms = http->timeout_ms < CONNECT_MS ? http->timeout_ms : CONNECT_MS;
    return curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https,http") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK && /* not the environment's either */
           curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, connect_ms) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, http->timeout_ms) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_USERAGENT, "rowgate/" ROWGATE_VERSION) == CURLE_OK;
}

static bool set_calls(struct export_http *http)
{
    CURL *curl = http->curl;
    return curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, http->error) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEDATA, http) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_XFERINFODATA, http) == CURLE_OK;
}

static rg_status fill(struct export_http *http, const struct export_http_options *options)
{
    size_t size = strlen(options->ca_file) + 1;
    http->ca_file = rg_memory_alloc(size);
    memcpy(http->ca_file, options->ca_file, size);
    http->timeout_ms = (long)(options->timeout_us / 1000);
    http->base_size = strlen(options->url);
    rg_buf_init(&http->url, URL_MAX);
    rg_buf_init(&http->certificate, SIZE_MAX / 2);
    rg_buf_init(&http->private_key, SIZE_MAX / 2);
    rg_buf_init(&http->answer, options->answer_max);
    RG_TRY(rg_buf_put_cstr(&http->url, rg_slice_of(options->url)));
    RG_TRY(rg_buf_put(&http->certificate, options->certificate));
    return rg_buf_put(&http->private_key, options->private_key);
}

rg_status export_http_open(const struct export_http_options *options, struct export_http **out_http)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct export_http *http = rg_memory_alloc(sizeof *http);
    rg_status status = fill(http, options);
    if (rg_is_ok(status) && pthread_once(&once, init_curl) == 0) {
        http->curl = curl_easy_init();
    }
    if (rg_is_ok(status) && (http->curl == NULL || !set_limits(http) || !set_trust(http) || !set_calls(http))) {
        status = rg_fail(RG_INTERNAL, "cannot set up HTTP to %s", options->url);
    }
    if (!rg_is_ok(status)) {
        export_http_close(&http);
        return status;
    }
    *out_http = http;
    return RG_OK;
}

void export_http_close(struct export_http **http)
{
    struct export_http *closing = *http;
    *http = NULL;
    if (closing == NULL) {
        return;
    }
    if (closing->curl != NULL) {
        curl_easy_cleanup(closing->curl);
    }
    if (closing->private_key.bytes != NULL) {
        rg_wipe(closing->private_key.bytes, closing->private_key.capacity);
    }
    rg_buf_done(&closing->private_key);
    rg_buf_done(&closing->certificate);
    rg_buf_done(&closing->url);
    rg_buf_done(&closing->answer);
    rg_memory_free(closing->ca_file);
    rg_memory_free(closing);
}

/* ---- one request ---- */

rg_status export_http_set_url(struct export_http *http, const char *path)
{
    rg_buf_truncate(&http->url, http->base_size);
    RG_TRY(rg_buf_put(&http->url, rg_slice_of(path)));
    RG_TRY(rg_buf_put_u8(&http->url, '\0'));
    bool is_set = curl_easy_setopt(http->curl, CURLOPT_URL, rg_buf_slice(&http->url).data) == CURLE_OK;
    return is_set ? RG_OK : rg_fail(RG_INTERNAL, "libcurl refuses the URL");
}

static bool set_request(const struct export_http *http, const struct export_http_request *request,
                        struct curl_slist **out_headers)
{
    bool is_set = true;
    for (size_t i = 0; request->headers != NULL && request->headers[i] != NULL && is_set; i++) {
        struct curl_slist *longer = curl_slist_append(*out_headers, request->headers[i]);
        *out_headers = longer == NULL ? *out_headers : longer;
        is_set = longer != NULL;
    }
    is_set = is_set && curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, *out_headers) == CURLE_OK;
    if (strcmp(request->method, "POST") != 0) {
        return is_set && curl_easy_setopt(http->curl, CURLOPT_HTTPGET, 1L) == CURLE_OK;
    }
    const char *body = request->body.size == 0 ? "" : request->body.data;
    return is_set && curl_easy_setopt(http->curl, CURLOPT_POST, 1L) == CURLE_OK &&
           curl_easy_setopt(http->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.size) == CURLE_OK &&
           curl_easy_setopt(http->curl, CURLOPT_POSTFIELDS, body) == CURLE_OK;
}

rg_status export_http_explain(const struct export_http *http, const char *action, CURLcode result)
{
    const char *text = http->error[0] != '\0' ? http->error : curl_easy_strerror(result);
    if (result == CURLE_ABORTED_BY_CALLBACK) {
        return rg_fail(RG_CLOSED, "told to stop");
    }
    if (http->is_too_long) {
        return rg_fail(RG_LIMIT, "%s %.150s: the answer is too long", action, http->url.bytes + http->url.start);
    }
    /* Under TLS 1.3 a refused client certificate is such an end; the alert is lost when it overtakes what is sent. */
    bool is_ended = result == CURLE_SEND_ERROR || result == CURLE_RECV_ERROR || result == CURLE_GOT_NOTHING;
    return rg_fail(RG_UPSTREAM, "%s %.150s: %s%.200s", action, http->url.bytes + http->url.start,
                   is_ended
                       ? "the server ended the connection without an answer (does it want a client certificate, or "
                         "another one?): "
                       : "",
                   text);
}

rg_status export_http_send(struct export_http *http, const struct export_turn *turn,
                           const struct export_http_request *request, long *out_status, struct rg_slice *out_body)
{
    struct curl_slist *headers = NULL;
    rg_buf_clear(&http->answer);
    http->turn = turn;
    http->is_too_long = false;
    http->error[0] = '\0';
    RG_TRY(export_http_set_url(http, request->path));
    CURLcode result = set_request(http, request, &headers) ? curl_easy_perform(http->curl) : CURLE_FAILED_INIT;
    curl_slist_free_all(headers);
    if (result != CURLE_OK) {
        return export_http_explain(http, request->method, result);
    }
    (void)curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, out_status);
    *out_body = rg_buf_slice(&http->answer);
    return RG_OK;
}

const char *export_http_field(const struct export_http *http, const char *name, size_t index)
{
    struct curl_header *field = NULL;
    CURLHcode result = curl_easy_header(http->curl, name, index, CURLH_HEADER, -1, &field);
    return result == CURLHE_OK ? field->value : NULL;
}

int64_t export_http_retry_after_us(const struct export_http *http)
{
    curl_off_t seconds = 0;
    if (curl_easy_getinfo(http->curl, CURLINFO_RETRY_AFTER, &seconds) != CURLE_OK || seconds <= 0) {
        return 0;
    }
    return (int64_t)(seconds > RETRY_AFTER_MAX ? RETRY_AFTER_MAX : seconds) * 1000000;
}

void export_http_show(struct rg_slice bytes, char out_text[EXPORT_HTTP_SHOWN_SIZE])
{
    size_t size = 0;
    for (; size < bytes.size && size < EXPORT_HTTP_SHOWN_SIZE - 1; size++) {
        bool is_plain = bytes.data[size] >= ' ' && bytes.data[size] < 0x7f;
        out_text[size] = '?';
        if (is_plain) {
            out_text[size] = bytes.data[size];
        }
    }
    out_text[size] = '\0';
}

rg_status export_http_fail(const struct export_http *http, const struct export_http_request *request, long status)
{
    char shown[EXPORT_HTTP_SHOWN_SIZE];
    export_http_show(rg_buf_slice(&http->answer), shown);
    return rg_fail(RG_UPSTREAM, "%s %.150s: HTTP status %ld%s%s", request->method, http->url.bytes + http->url.start,
                   status, shown[0] == '\0' ? "" : ": ", shown);
}
