/* SPDX-License-Identifier: Apache-2.0 */
/* [audit.s3]: which bucket, by which way, with which credentials and which lock. Whether the bucket is there and locks
 * what it is told to is the exporter's to find out. */
#include <arpa/inet.h>
#include <stdlib.h>

#include "audit/export/url.h"
#include "proxy/config_audit_private.h"

/* ---- URLs, also for the others ---- */

static void report_scheme(struct config_draft *draft, const struct rg_schema_string *text, const char *key,
                          const struct config_url_rule *rule)
{
    const char *where =
        rule->is_clear_fine ? "://..." : "://... of a loopback address: cleartext must not leave the machine";
    config_error(draft, text->place, "\"%s\" must be %s://...%s%s%s", key, rule->scheme,
                 rule->clear == NULL ? "" : ", or ", rule->clear == NULL ? "" : rule->clear,
                 rule->clear == NULL ? "" : where);
}

rg_status config_check_url(struct config_draft *draft, const struct rg_schema_string *text, const char *key,
                           const struct config_url_rule *rule, struct rg_slice *out_url)
{
    struct export_url url = {0};
    if (!text->is_given) {
        return RG_OK;
    }
    rg_status status = export_url_parse(text->text, draft->arena, &url);
    if (!rg_is_ok(status)) {
        RG_TRY(status.error->kind == RG_LIMIT ? status : RG_OK);
        config_error(draft, text->place, "\"%s\" is no URL that can be used: %s", key, status.error->text);
        return RG_OK;
    }
    bool is_clear = rule->clear != NULL && rg_slice_is_equal(url.scheme, rg_slice_of(rule->clear));
    if (!rg_slice_is_equal(url.scheme, rg_slice_of(rule->scheme)) &&
        !(is_clear && (url.is_loopback || rule->is_clear_fine))) {
        report_scheme(draft, text, key, rule);
    } else if (!rule->has_path && !rg_slice_is_equal(url.path, RG_SLICE("/"))) {
        config_error(draft, text->place, "\"%s\" must end behind the host or port, without a path", key);
    }
    size_t size = text->text.size;
    while (rule->is_base && size > 0 && text->text.data[size - 1] == '/') {
        size--;
    }
    return rg_arena_copy(draft->arena, rg_slice_cut(text->text, 0, size), out_url);
}

/* ---- the bucket ---- */

static bool is_label(struct rg_slice text, const char *others)
{
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && strchr(others, c) == NULL) {
            return false;
        }
    }
    return text.size > 0;
}

static bool is_prefix(struct rg_slice prefix)
{
    for (size_t i = 0; i < prefix.size; i++) {
        if (!is_label(rg_slice_cut(prefix, i, 1), "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_.=/")) {
            return false;
        }
    }
    return prefix.size == 0 || (prefix.data[0] != '/' && prefix.data[prefix.size - 1] == '/' && prefix.size <= 512 &&
                                strstr(prefix.data, "//") == NULL && strstr(prefix.data, "./") == NULL);
}

static rg_status take_bucket(struct config_draft *draft, const struct rg_schema_string *text,
                             struct config_audit_s3 *s3)
{
    struct rg_slice scheme = RG_SLICE("s3://");
    struct rg_slice rest = rg_slice_cut(text->text, scheme.size, SIZE_MAX);
    const char *slash = rest.size == 0 ? NULL : memchr(rest.data, '/', rest.size);
    size_t size = slash == NULL ? rest.size : (size_t)(slash - rest.data);
    struct rg_slice bucket = rg_slice_cut(rest, 0, size);
    if (!text->is_given) {
        return RG_OK;
    }
    if (!rg_slice_has_prefix(text->text, scheme) || bucket.size < 3 || bucket.size > 63 || !is_label(bucket, ".-")) {
        config_error(draft, text->place,
                     "\"url\" must be s3://BUCKET/ or s3://BUCKET/PREFIX/, the bucket of 3 to 63 lower-case letters, "
                     "digits, \".\" and \"-\"");
        return RG_OK;
    }
    RG_TRY(rg_arena_copy(draft->arena, bucket, &s3->bucket));
    RG_TRY(rg_arena_copy(draft->arena, rg_slice_cut(rest, size + 1, SIZE_MAX), &s3->prefix));
    if (!is_prefix(s3->prefix)) {
        config_error(draft, text->place,
                     "the prefix in \"url\" must end in \"/\" and hold letters, digits, \"-_.=\" and single slashes");
    }
    return RG_OK;
}

/* A bucket in the host's name: what cannot work is said here rather than by a certificate's failure. */
static rg_status check_addressing(struct config_draft *draft, const struct config_audit_s3 *s3,
                                  const struct config_raw_s3 *raw)
{
    struct export_url url = {0};
    struct in6_addr address;
    struct rg_place place = raw->addressing.is_given ? raw->addressing.place : raw->url.place;
    if (s3->is_path_style || s3->bucket.size == 0 || s3->endpoint.size == 0) {
        return RG_OK;
    }
    if (memchr(s3->bucket.data, '.', s3->bucket.size) != NULL) {
        config_error(draft, place,
                     "a bucket with a dot in its name needs addressing = \"path\": no certificate covers "
                     "it as a host");
    }
    if (rg_is_ok(export_url_parse(s3->endpoint, draft->arena, &url)) &&
        (inet_pton(AF_INET, url.host.data, &address) == 1 || inet_pton(AF_INET6, url.host.data, &address) == 1)) {
        config_error(draft, place, "an endpoint that is an address needs addressing = \"path\"");
    }
    return RG_OK;
}

/* ---- credentials ---- */

static rg_status join(struct config_draft *draft, const char *directory, struct rg_slice name, struct rg_slice *out)
{
    return rg_arena_printf(draft->arena, out, "%s/%.*s", directory, (int)name.size, name.data);
}

static rg_status take_file(struct config_draft *draft, const struct rg_schema_string *text, struct config_audit_s3 *s3)
{
    struct rg_slice name = rg_slice_cut(text->text, sizeof "file:" - 1, SIZE_MAX);
    bool is_credential = rg_slice_has_prefix(text->text, RG_SLICE("cred:"));
    const char *directory = is_credential ? getenv("CREDENTIALS_DIRECTORY") : NULL;
    struct rg_secret *content RG_AUTO(rg_secret_free) = NULL;
    if (is_credential && (directory == NULL || name.size == 0 || memchr(name.data, '/', name.size) != NULL)) {
        config_error(draft, text->place, "\"credentials\": no such systemd credential (LoadCredential=)");
        return RG_OK;
    }
    s3->credentials = CONFIG_S3_FILE;
    s3->credentials_path = name;
    if (is_credential) {
        RG_TRY(join(draft, directory, name, &s3->credentials_path));
    } else if (name.size > 0 && name.data[0] != '/') {
        const char *slash = strrchr(text->place.file, '/');
        struct rg_slice file = rg_slice_of(text->place.file);
        struct rg_slice base = slash == NULL ? RG_SLICE(".") : rg_slice_cut(file, 0, (size_t)(slash - file.data));
        RG_TRY(rg_arena_printf(draft->arena, &s3->credentials_path, "%.*s/%.*s", (int)base.size, base.data,
                               (int)name.size, name.data));
    }
    rg_status status = rg_secret_load_file(s3->credentials_path, (struct rg_slice){0}, &content);
    if (!rg_is_ok(status)) {
        config_error(draft, text->place, "\"credentials\": %.*s %s", rg_slice_shown(s3->credentials_path),
                     s3->credentials_path.data, status.error->text);
    }
    return RG_OK;
}

static rg_status take_credentials(struct config_draft *draft, const struct rg_schema_string *text,
                                  struct config_audit_s3 *s3)
{
    if (rg_slice_is_equal(text->text, RG_SLICE("env"))) {
        s3->credentials = CONFIG_S3_ENVIRONMENT;
        if (getenv("AWS_ACCESS_KEY_ID") == NULL || getenv("AWS_SECRET_ACCESS_KEY") == NULL) {
            config_warning(draft, text->is_given ? text->place : draft->raw.audit.s3.head.place,
                           "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set: until rowgate runs with them, "
                           "nothing is exported to S3 (or say credentials = \"file:PATH\" or \"instance\")");
        }
        return RG_OK;
    }
    if (rg_slice_is_equal(text->text, RG_SLICE("instance"))) {
        s3->credentials = CONFIG_S3_INSTANCE;
        return RG_OK;
    }
    if (rg_slice_has_prefix(text->text, RG_SLICE("file:")) || rg_slice_has_prefix(text->text, RG_SLICE("cred:"))) {
        return take_file(draft, text, s3);
    }
    config_error(
        draft, text->place,
        "\"credentials\" must be \"env\", \"instance\", \"file:PATH\" or \"cred:NAME\" (never the key itself)");
    return RG_OK;
}

static rg_status take_endpoint(struct config_draft *draft, const struct config_raw_s3 *raw, struct config_audit_s3 *s3)
{
    static const struct config_url_rule rule = {.scheme = "https", .clear = "http", .is_base = true};
    if (!is_label(raw->region.text, "-")) {
        config_error(draft, raw->region.place, "\"region\" must be lower-case letters, digits and \"-\"");
    } else if (!raw->endpoint.is_given) {
        return rg_arena_printf(draft->arena, &s3->endpoint, "https://s3.%.*s.amazonaws.com", (int)raw->region.text.size,
                               raw->region.text.data);
    }
    return config_check_url(draft, &raw->endpoint, "endpoint", &rule, &s3->endpoint);
}

rg_status config_make_audit_s3(struct config_draft *draft, struct config_audit_s3 *s3)
{
    static const struct config_url_rule proxy_rule = {
        .scheme = "https", .clear = "http", .is_clear_fine = true, .is_base = true};
    const struct config_raw_s3 *raw = &draft->raw.audit.s3;
    if (!raw->head.is_given) {
        return RG_OK;
    }
    *s3 = (struct config_audit_s3){
        .is_given = true,
        .region = raw->region.text,
        .is_path_style = raw->addressing.word == 1,
        .ca_file = raw->ca_file.text,
        .lock = (enum config_s3_lock)raw->object_lock.word,
        .retain_us = raw->retain.value,
        .has_content_md5 = raw->content_md5.value != 0,
        .anchor_every_us = raw->anchor_every.value,
        .seal_every_us = raw->seal_every.value,
        .place = raw->head.place,
    };
    RG_TRY(take_bucket(draft, &raw->url, s3));
    RG_TRY(take_endpoint(draft, raw, s3));
    RG_TRY(take_credentials(draft, &raw->credentials, s3));
    RG_TRY(config_check_file(draft, &raw->ca_file, "ca_file"));
    RG_TRY(config_check_url(draft, &raw->proxy, "proxy", &proxy_rule, &s3->proxy));
    return check_addressing(draft, s3, raw);
}
