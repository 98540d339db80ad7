/* SPDX-License-Identifier: Apache-2.0 */
/* Whose requests they are: credentials from the environment, from a TOML file (a systemd credential is one), or from
 * the instance metadata service by IMDSv2 (a session token by PUT, then the role's name, then its keys, which end and
 * are fetched anew five minutes before). What is secret lives in rg_secret, and in libcurl's copy for the request. */
#include <jansson.h>
#include <stdlib.h>

#include "audit/export/s3_private.h"
#include "base/rg_toml.h"

#define METADATA_URL "http://169.254.169.254"
#define ROLES_PATH "/latest/meta-data/iam/security-credentials/"

enum { SMALL_MAX = 64 * 1024, EARLY_US = 300 * 1000000 };

void s3_credentials_done(struct s3_credentials *credentials)
{
    rg_secret_free(&credentials->access_key);
    rg_secret_free(&credentials->secret_key);
    rg_secret_free(&credentials->session_token);
    credentials->until_us = 0;
}

/* They go into headers: a line break there would be a header of somebody else's. */
static rg_status keep(struct rg_slice value, const char *what, struct rg_secret **out_secret)
{
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] <= ' ' || value.data[i] >= 0x7f) {
            return rg_fail(RG_CONFIG, "%s holds a blank or a byte that is not printable ASCII", what);
        }
    }
    return value.size == 0 ? RG_OK : rg_secret_new(value, out_secret);
}

static rg_status make(struct rg_slice access_key, struct rg_slice secret_key, struct rg_slice token, const char *where,
                      struct s3_credentials *out)
{
    RG_AUTO(s3_credentials_done) struct s3_credentials made = {0};
    if (access_key.size == 0 || secret_key.size == 0) {
        return rg_fail(RG_CONFIG, "no credentials for S3: %s", where);
    }
    RG_TRY(keep(access_key, "the access key", &made.access_key));
    RG_TRY(keep(secret_key, "the secret key", &made.secret_key));
    RG_TRY(keep(token, "the session token", &made.session_token));
    *out = made;
    made = (struct s3_credentials){0};
    return RG_OK;
}

static rg_status from_environment(struct s3_credentials *out)
{
    return make(rg_slice_of(getenv("AWS_ACCESS_KEY_ID")), rg_slice_of(getenv("AWS_SECRET_ACCESS_KEY")),
                rg_slice_of(getenv("AWS_SESSION_TOKEN")),
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not in the environment", out);
}

/* ---- the file ---- */

static struct rg_slice toml_text(const struct rg_toml_node *root, const char *name)
{
    const struct rg_toml_node *node = rg_toml_find(root, rg_slice_of(name));
    return node == NULL || node->type != RG_TOML_STRING ? (struct rg_slice){0} : node->text;
}

rg_status s3_credentials_parse(struct rg_slice text, const char *file, struct s3_credentials *out)
{
    static const char *const names[] = {"access_key", "secret_key", "session_token"};
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct rg_diag diag;
    const struct rg_toml_node *root = NULL;
    rg_arena_init(&arena, 4 * SMALL_MAX);
    rg_diag_init(&diag, &arena);
    rg_status status = rg_toml_parse(text, file, &arena, &diag, &root);
    if (!rg_is_ok(status)) { /* toml++'s words may quote a line: they are not passed on */
        unsigned line = diag.first == NULL ? 0 : diag.first->place.line;
        return rg_fail(RG_CONFIG, "%.200s: line %u is no TOML: access_key = \"...\", secret_key = \"...\"", file, line);
    }
    for (const struct rg_toml_node *node = root->first; node != NULL; node = node->next) {
        bool is_known = false;
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            is_known =
                is_known || (rg_slice_is_equal(node->key, rg_slice_of(names[i])) && node->type == RG_TOML_STRING);
        }
        if (!is_known) {
            return rg_fail(RG_CONFIG, "%.200s: line %u is none of access_key, secret_key, session_token", file,
                           node->key_place.line);
        }
    }
    status = make(toml_text(root, "access_key"), toml_text(root, "secret_key"), toml_text(root, "session_token"),
                  "the file has no access_key or no secret_key", out);
    return rg_is_ok(status) ? status : rg_fail(RG_CONFIG, "%.200s: %.200s", file, status.error->text);
}

static rg_status from_file(struct rg_slice path, struct s3_credentials *out)
{
    struct rg_secret *text = NULL;
    rg_status status = rg_secret_load_file(path, (struct rg_slice){0}, &text);
    if (!rg_is_ok(status)) {
        return rg_fail(RG_CONFIG, "no credentials for S3: %.200s %.200s", path.data, status.error->text);
    }
    status = s3_credentials_parse(rg_secret_slice(text), path.data, out);
    rg_secret_free(&text);
    return status;
}

/* ---- the instance metadata service ---- */

static struct rg_slice json_text(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return (struct rg_slice){json_string_value(value), json_string_length(value)};
}

rg_status s3_instance_parse(struct rg_slice json, struct s3_credentials *out)
{
    json_error_t error;
    json_t *document = json.size == 0 ? NULL : json_loadb(json.data, json.size, JSON_REJECT_DUPLICATES, &error);
    if (document == NULL) {
        return rg_fail(RG_PROTOCOL, "the instance metadata service answers no JSON");
    }
    struct s3_credentials made = {0};
    int64_t until_us = 0;
    rg_status status = make(json_text(document, "AccessKeyId"), json_text(document, "SecretAccessKey"),
                            json_text(document, "Token"), "the instance metadata service gave none", &made);
    if (rg_is_ok(status) && !s3_time_parse(json_text(document, "Expiration"), &until_us)) {
        s3_credentials_done(&made);
        status = rg_fail(RG_PROTOCOL, "the instance metadata service does not say when the credentials end");
    }
    if (rg_is_ok(status)) {
        made.until_us = until_us;
        *out = made;
    }
    json_decref(document);
    return status;
}

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
    rg_status status = rg_buf_put(context, (struct rg_slice){data, size * count});
    return rg_is_ok(status) ? size * count : 0;
}

static const char *metadata_url(const struct s3 *s3)
{
    const char *named = getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    return s3->options.metadata_url.size > 0 ? s3->options.metadata_url.data : named != NULL ? named : METADATA_URL;
}

/* Never by a proxy, and quick: it is on the machine, or it is not there at all. */
static bool set_ask(CURL *curl, const struct s3 *s3, const char *method, const char *url, struct curl_slist *headers,
                    struct rg_buf *body)
{
    return s3_set_limits(curl, &s3->options) && curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, 2000L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 10000L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEDATA, body) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK;
}

static rg_status ask(const struct s3 *s3, const char *method, const char *path, const char *header, struct rg_buf *body)
{
    char url[1024];
    long answered = 0;
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, header);
    rg_status status = RG_OK;
    int size = snprintf(url, sizeof url, "%s%s", metadata_url(s3), path);
    rg_buf_clear(body);
    if (curl == NULL || headers == NULL || size < 0 || (size_t)size >= sizeof url ||
        !set_ask(curl, s3, method, url, headers, body)) {
        status = rg_fail(RG_INTERNAL, "libcurl refuses a request to the instance metadata service");
    } else {
        CURLcode result = curl_easy_perform(curl);
        (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answered);
        if (result != CURLE_OK || answered != 200) {
            status = rg_fail(RG_UPSTREAM, "%s %.200s: %ld %s: no credentials from the instance metadata service",
                             method, url, answered, result == CURLE_OK ? "" : curl_easy_strerror(result));
        }
    }
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return status;
}

/* One line of printable ASCII, as header value or part of a path. */
static rg_status take_line(struct rg_buf *body, const char *what, struct rg_arena *arena, struct rg_slice *out_line)
{
    struct rg_slice line = rg_buf_slice(body);
    while (line.size > 0 && (line.data[line.size - 1] == '\n' || line.data[line.size - 1] == '\r')) {
        line.size--;
    }
    for (size_t i = 0; i < line.size; i++) {
        if (line.data[i] <= ' ' || line.data[i] >= 0x7f) {
            return rg_fail(RG_PROTOCOL, "the instance metadata service answers nonsense for its %s", what);
        }
    }
    return line.size == 0 || line.size > 512
               ? rg_fail(RG_CONFIG, "the instance metadata service has no %s: does the instance have one?", what)
               : rg_arena_copy(arena, line, out_line);
}

static rg_status ask_all(const struct s3 *s3, struct rg_arena *arena, struct rg_buf *body, struct s3_credentials *out)
{
    struct rg_slice line = {0};
    struct rg_slice header = {0};
    struct rg_slice path = {0};
    RG_TRY(ask(s3, "PUT", "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds: 21600", body));
    RG_TRY(take_line(body, "session token", arena, &line));
    RG_TRY(rg_arena_printf(arena, &header, "X-aws-ec2-metadata-token: %.*s", RG_SLICE_ARGS(line)));
    RG_TRY(ask(s3, "GET", ROLES_PATH, header.data, body));
    RG_TRY(take_line(body, "role", arena, &line));
    RG_TRY(rg_arena_printf(arena, &path, ROLES_PATH "%.*s", RG_SLICE_ARGS(line)));
    RG_TRY(ask(s3, "GET", path.data, header.data, body));
    return s3_instance_parse(rg_buf_slice(body), out);
}

static rg_status from_instance(const struct s3 *s3, struct s3_credentials *out)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    RG_AUTO(rg_buf_done) struct rg_buf body;
    rg_arena_init(&arena, SMALL_MAX);
    rg_buf_init(&body, SMALL_MAX);
    rg_status status = ask_all(s3, &arena, &body, out);
    if (body.bytes != NULL) {
        rg_wipe(body.bytes, body.capacity);
    }
    return status;
}

/* ---- all ---- */

static bool is_good(const struct s3_credentials *credentials)
{
    int64_t now_us = rg_clock_wall_us(rg_clock_system());
    return credentials->access_key != NULL &&
           (credentials->until_us == 0 || now_us < credentials->until_us - (int64_t)EARLY_US);
}

rg_status s3_credentials_get(const struct s3 *s3, struct s3_credentials *io_credentials)
{
    struct s3_credentials made = {0};
    rg_status status = RG_OK;
    if (is_good(io_credentials)) {
        return RG_OK;
    }
    switch (s3->options.credentials) {
    case S3_FROM_ENVIRONMENT:
        status = from_environment(&made);
        break;
    case S3_FROM_FILE:
        status = from_file(s3->options.credentials_path, &made);
        break;
    case S3_FROM_INSTANCE:
        status = from_instance(s3, &made);
        break;
    }
    RG_TRY(status);
    s3_credentials_done(io_credentials);
    *io_credentials = made;
    return RG_OK;
}
