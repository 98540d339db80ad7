/* SPDX-License-Identifier: Apache-2.0 */
/* The webhook sinks: records are gathered into a body, which is posted and, when the answer is 2xx, confirmed. */
#include "audit/export/sink_webhook.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "audit/export/http.h"
#include "audit/export/records.h"
#include "base/rg_memory.h"
#include "base/rg_secret.h"

enum {
    ANSWER_MAX = 64 * 1024,
    ENVELOPE_MAX = 4096,
    HEADER_MAX = 256,
    TEXTS_MAX = 64 * 1024,
    WRAPPING_MAX = 64, /* of Splunk, beside the envelope */
    REASON_MAX = 400,
    STATUS_TOO_LARGE = 413,
    STATUS_TOO_MANY = 429,
    STATUS_UNAVAILABLE = 503,
};

struct webhook {
    struct rg_arena arena; /* of the options' texts */
    struct export_webhook_options options;
    struct rg_secret *secret;
    struct rg_secret *private_key; /* NULL = none */
    struct export_records *records;
    struct export_http *http; /* NULL = not set up yet */
    struct rg_buf body;
    struct rg_buf authorization; /* of Splunk: the whole header, with NUL */
    struct rg_buf envelope;      /* of Splunk: what stands between the time and the line */
    uint64_t first_seq;
    uint64_t last_seq;
    size_t batch_bytes;    /* the configured ones, or fewer since a 413 */
    int64_t not_before_us; /* monotonic: Retry-After; 0 = now */
    char refusal[REASON_MAX];
};

/* ---- the body ---- */

/* Splunk wants the host and the index with each event; both are escaped by jansson, once. */
static rg_status make_envelope(struct webhook *hook, struct rg_slice origin)
{
    const char *index = hook->options.splunk_index;
    char *text = NULL;
    rg_buf_clear(&hook->envelope);
    RG_TRY(rg_buf_reserve(&hook->envelope, ENVELOPE_MAX, &text));
    json_t *object = json_pack("{s:s%, s:s, s:s, s:s*}", "host", origin.data, origin.size, "source", "rowgate",
                               "sourcetype", "ocsf:json", "index", index[0] == '\0' ? NULL : index);
    size_t size = object == NULL ? 0 : json_dumpb(object, text, ENVELOPE_MAX, JSON_COMPACT | JSON_ENSURE_ASCII);
    json_decref(object);
    if (size < 2 || size > ENVELOPE_MAX) {
        return rg_fail(RG_INTERNAL, "cannot write what Splunk wants beside each event");
    }
    rg_buf_commit(&hook->envelope, size - 1);
    rg_buf_consume(&hook->envelope, 1); /* without its braces */
    return RG_OK;
}

static rg_status put_line(struct webhook *hook, int64_t hlc_us, struct rg_slice line)
{
    if (hook->options.shape == EXPORT_WEBHOOK_SIGNED) {
        RG_TRY(rg_buf_put(&hook->body, line));
        return rg_buf_put_u8(&hook->body, '\n');
    }
    RG_TRY(rg_buf_printf(&hook->body, "{\"time\":%" PRId64 ".%03" PRId64 ",", hlc_us / 1000000, hlc_us / 1000 % 1000));
    RG_TRY(rg_buf_put(&hook->body, rg_buf_slice(&hook->envelope)));
    RG_TRY(rg_buf_put(&hook->body, RG_SLICE(",\"event\":")));
    RG_TRY(rg_buf_put(&hook->body, line));
    return rg_buf_put(&hook->body, RG_SLICE("}\n"));
}

/* ---- sending ---- */

static rg_status sign(const struct webhook *hook, const char *timestamp, struct rg_digest *out_signature)
{
    RG_AUTO(rg_buf_done) struct rg_buf text;
    rg_buf_init(&text, SIZE_MAX / 2);
    RG_TRY(rg_buf_put(&text, rg_slice_of(timestamp)));
    RG_TRY(rg_buf_put_u8(&text, '.'));
    RG_TRY(rg_buf_put(&text, rg_buf_slice(&hook->body)));
    *out_signature = rg_hmac_sha256(rg_secret_slice(hook->secret), rg_buf_slice(&text));
    return RG_OK;
}

/* What Splunk says when it took a batch. */
static bool is_taken(const struct webhook *hook, long status, struct rg_slice answer)
{
    if (status < 200 || status >= 300 || hook->options.shape == EXPORT_WEBHOOK_SIGNED) {
        return status >= 200 && status < 300;
    }
    json_t *root = json_loadb(answer.size == 0 ? "" : answer.data, answer.size, JSON_REJECT_DUPLICATES, NULL);
    const json_t *code = json_object_get(root, "code");
    bool is_good = json_is_integer(code) && json_integer_value(code) == 0;
    json_decref(root);
    return is_good;
}

/* Remembers what the receiver wished. */
static void heed(struct webhook *hook, const struct export_turn *turn, long status, const char *reason)
{
    int64_t pause_us = export_http_retry_after_us(hook->http);
    size_t size = rg_buf_size(&hook->body);
    if (status == STATUS_TOO_LARGE) {
        hook->batch_bytes = size / 2 < hook->batch_bytes ? size / 2 : hook->batch_bytes;
    }
    if (status == STATUS_TOO_MANY || status == STATUS_UNAVAILABLE) {
        pause_us = pause_us > EXPORT_WEBHOOK_PAUSE_MAX_US ? EXPORT_WEBHOOK_PAUSE_MAX_US : pause_us;
        hook->not_before_us = pause_us == 0 ? 0 : rg_clock_monotonic_us(turn->clock) + pause_us;
        (void)snprintf(hook->refusal, REASON_MAX, "%.*s", REASON_MAX - 1, reason);
    }
}

static rg_status post(struct webhook *hook, const struct export_turn *turn, const char *const *headers)
{
    long status = 0;
    struct rg_slice answer = {0};
    const struct export_http_request request = {
        .method = "POST", .path = "", .headers = headers, .body = rg_buf_slice(&hook->body)};
    rg_status sent = export_http_send(hook->http, turn, &request, &status, &answer);
    if (!rg_is_ok(sent)) {
        export_http_close(&hook->http); /* the next turn reads renewed certificates, and tells of no old connection */
        return sent;
    }
    if (is_taken(hook, status, answer)) {
        return RG_OK;
    }
    rg_status refused = export_http_fail(hook->http, &request, status);
    refused = rg_fail(RG_UPSTREAM, "%.380s (records %" PRIu64 " to %" PRIu64 ")", refused.error->text, hook->first_seq,
                      hook->last_seq);
    heed(hook, turn, status, refused.error->text);
    return refused;
}

static rg_status post_signed(struct webhook *hook, const struct export_turn *turn)
{
    char timestamp[32];
    char hex[2 * RG_SHA256_SIZE + 1];
    char headers[3][HEADER_MAX];
    struct rg_digest signature = {{0}};
    (void)snprintf(timestamp, sizeof timestamp, "%" PRId64, rg_clock_wall_us(turn->clock) / 1000000);
    RG_TRY(sign(hook, timestamp, &signature));
    rg_digest_hex(&signature, hex);
    (void)snprintf(headers[0], HEADER_MAX, "Rowgate-Timestamp: %s", timestamp);
    (void)snprintf(headers[1], HEADER_MAX, "Rowgate-Signature: v1=%s", hex);
    (void)snprintf(headers[2], HEADER_MAX, "Rowgate-Batch: %" PRIu64 "-%" PRIu64, hook->first_seq, hook->last_seq);
    const char *const list[] = {
        "Content-Type: application/x-ndjson", "Expect:", headers[0], headers[1], headers[2], NULL};
    return post(hook, turn, list);
}

static rg_status post_batch(struct webhook *hook, const struct export_turn *turn)
{
    if (hook->options.shape == EXPORT_WEBHOOK_SIGNED) {
        return post_signed(hook, turn);
    }
    const char *const list[] = {"Content-Type: application/json", "Expect:", rg_buf_slice(&hook->authorization).data,
                                NULL};
    return post(hook, turn, list);
}

/* before: where the log was before the record whose line goes next. */
static rg_status flush(struct webhook *hook, const struct export_turn *turn, const struct export_mark *before)
{
    rg_status status = rg_buf_size(&hook->body) == 0 ? RG_OK : post_batch(hook, turn);
    rg_buf_clear(&hook->body);
    RG_TRY(status);
    return export_records_confirm_mark(hook->records, before);
}

static rg_status add_line(struct webhook *hook, const struct export_turn *turn, const struct export_mark *before,
                          struct rg_slice line)
{
    struct audit_head head;
    size_t size = rg_buf_size(&hook->body);
    RG_TRY(audit_line_parse(line, &head));
    if (size > 0 && size + line.size + rg_buf_size(&hook->envelope) + WRAPPING_MAX > hook->batch_bytes) {
        RG_TRY(flush(hook, turn, before));
    }
    hook->first_seq = rg_buf_size(&hook->body) == 0 ? head.seq : hook->first_seq;
    hook->last_seq = head.seq;
    return put_line(hook, head.hlc_us, line);
}

static rg_status add(struct webhook *hook, const struct export_turn *turn, const struct export_mark *before,
                     const struct audit_walked *record)
{
    RG_TRY(add_line(hook, turn, before, record->line));
    for (struct rg_slice rest = record->parts; rest.size > 0;) {
        const char *end = memchr(rest.data, '\n', rest.size);
        size_t size = end == NULL ? rest.size : (size_t)(end - rest.data);
        RG_TRY(add_line(hook, turn, before, rg_slice_cut(rest, 0, size)));
        rest = rg_slice_cut(rest, size + 1, SIZE_MAX);
    }
    return RG_OK;
}

static rg_status send_all(struct webhook *hook, struct export_turn *turn)
{
    for (;;) {
        struct audit_walked record;
        bool is_there = false;
        struct export_mark before = export_records_mark(hook->records);
        if (export_should_stop(turn)) {
            return rg_fail(RG_CLOSED, "told to stop");
        }
        RG_TRY(export_records_next(hook->records, &is_there, &record));
        if (!is_there) {
            before = export_records_mark(hook->records); /* with what was passed over */
            return flush(hook, turn, &before);
        }
        RG_TRY(add(hook, turn, &before, &record));
    }
}

/* ---- the task ---- */

static rg_status set_up(struct webhook *hook, const struct export_turn *turn)
{
    const struct export_http_options options = {.url = hook->options.url,
                                                .ca_file = hook->options.ca_file,
                                                .certificate = hook->options.certificate,
                                                .private_key = rg_secret_slice(hook->private_key),
                                                .timeout_us = hook->options.timeout_us,
                                                .answer_max = ANSWER_MAX};
    if (hook->http != NULL) {
        return RG_OK;
    }
    RG_TRY(make_envelope(hook, turn->origin));
    char *room = NULL;
    rg_buf_clear(&hook->authorization);
    RG_TRY(
        rg_buf_reserve(&hook->authorization, rg_secret_slice(hook->secret).size + HEADER_MAX, &room)); /* no copies */
    RG_TRY(rg_buf_put(&hook->authorization, RG_SLICE("Authorization: Splunk ")));
    RG_TRY(rg_buf_put(&hook->authorization, rg_secret_slice(hook->secret)));
    RG_TRY(rg_buf_put_u8(&hook->authorization, '\0'));
    return export_http_open(&options, &hook->http);
}

static rg_status webhook_turn(void *context, struct export_turn *turn)
{
    struct webhook *hook = context;
    int64_t left_us = hook->not_before_us - rg_clock_monotonic_us(turn->clock);
    rg_buf_clear(&hook->body);
    RG_TRY(set_up(hook, turn));
    if (hook->not_before_us != 0 && left_us > 0) { /* its back-off ended earlier than what Retry-After said */
        return rg_fail(RG_UPSTREAM, "%s; it is left alone for %" PRId64 " s more", hook->refusal,
                       left_us / 1000000 + 1);
    }
    hook->not_before_us = 0;
    RG_TRY(export_records_begin(hook->records, turn));
    return send_all(hook, turn);
}

static void webhook_free(void *context)
{
    struct webhook *hook = context;
    export_records_free(&hook->records);
    export_http_close(&hook->http);
    if (hook->authorization.bytes != NULL) {
        rg_wipe(hook->authorization.bytes, hook->authorization.capacity);
    }
    rg_buf_done(&hook->authorization);
    rg_buf_done(&hook->envelope);
    rg_buf_done(&hook->body);
    rg_secret_free(&hook->secret);
    rg_secret_free(&hook->private_key);
    rg_arena_done(&hook->arena);
    rg_memory_free(hook);
}

static rg_status copy_text(struct webhook *hook, const char **io_text)
{
    struct rg_slice copy = {0};
    RG_TRY(rg_arena_copy(&hook->arena, rg_slice_of(*io_text), &copy));
    *io_text = copy.data;
    return RG_OK;
}

/* It stands in a header. */
static bool is_token(struct rg_slice secret)
{
    for (size_t i = 0; i < secret.size; i++) {
        if (secret.data[i] <= ' ' || secret.data[i] > '~') {
            return false;
        }
    }
    return true;
}

/* The slices of the secrets stay the caller's: only the copies are used. */
static rg_status copy_options(struct webhook *hook)
{
    struct export_webhook_options *options = &hook->options;
    RG_TRY(rg_secret_new(options->secret, &hook->secret));
    if (options->shape == EXPORT_WEBHOOK_SPLUNK && !is_token(options->secret)) {
        return rg_fail(RG_CONFIG, "sink %s: a token of Splunk is printable ASCII without blanks", options->name);
    }
    if (options->private_key.size > 0) {
        RG_TRY(rg_secret_new(options->private_key, &hook->private_key));
    }
    RG_TRY(rg_arena_copy(&hook->arena, options->certificate, &options->certificate));
    RG_TRY(copy_text(hook, &options->name));
    RG_TRY(copy_text(hook, &options->url));
    RG_TRY(copy_text(hook, &options->ca_file));
    return copy_text(hook, &options->splunk_index);
}

rg_status export_webhook_new(const struct export_webhook_options *options, struct export_task *out_task)
{
    struct webhook *hook = rg_memory_alloc(sizeof *hook);
    hook->options = *options;
    hook->batch_bytes = options->batch_bytes;
    hook->records = export_records_new(options->classes);
    rg_arena_init(&hook->arena, TEXTS_MAX + RG_SECRET_MAX_BYTES);
    rg_buf_init(&hook->body, SIZE_MAX / 2);
    rg_buf_init(&hook->authorization, RG_SECRET_MAX_BYTES + HEADER_MAX);
    rg_buf_init(&hook->envelope, ENVELOPE_MAX);
    rg_status status = copy_options(hook);
    if (!rg_is_ok(status)) {
        webhook_free(hook);
        return status;
    }
    *out_task =
        (struct export_task){.name = hook->options.name, .turn = webhook_turn, .free = webhook_free, .context = hook};
    return RG_OK;
}
