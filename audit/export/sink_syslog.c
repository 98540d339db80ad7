/* SPDX-License-Identifier: Apache-2.0 */
/* The syslog sink: records become RFC 5424 messages, a batch of them is written to the connection (RFC 5425 framing:
 * size, blank, message) and confirmed when the connection has held for a while after the peer's machine had it. */
#include "audit/export/sink_syslog.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "audit/export/http.h"
#include "audit/export/records.h"
#include "base/rg_memory.h"
#include "base/rg_secret.h"

enum {
    TEXTS_MAX = 64 * 1024,
    HEADER_MAX = 1024,
    HOST_MAX = 255, /* RFC 5424 6.2.4 */
    MSGID_MAX = 32, /* 6.2.7 */
    FACILITY_AUDIT = 13,
    SEVERITY_WARNING = 4,
    SEVERITY_INFORMATIONAL = 6,
    PORT_TLS = 6514, /* RFC 5425 4.1 */
    PORT_CLEAR = 601,
};

/* What went over the connection, and when. */
struct sent {
    bool is_there;
    struct export_mark mark;
    int64_t at_us; /* monotonic */
};

struct syslog_sink {
    struct rg_arena arena; /* of the options' texts */
    struct export_syslog_options options;
    struct rg_secret *private_key; /* NULL = none */
    struct export_records *records;
    struct export_http *http; /* NULL = not set up yet */
    struct rg_buf batch;
    struct sent settling;    /* confirmed when it is old enough */
    struct sent newest;      /* settles next */
    char host[HOST_MAX + 1]; /* of this machine, PRINTUSASCII */
};

/* ---- messages ---- */

/* What a line says of itself: found as text, because its start and these keys are ours (docs/audit-format.md). */
static struct rg_slice value_of(struct rg_slice line, struct rg_slice key, char end)
{
    const char *at = memmem(line.data, line.size, key.data, key.size);
    if (at == NULL) {
        return (struct rg_slice){0};
    }
    struct rg_slice rest = rg_slice_cut(line, (size_t)(at - line.data) + key.size, SIZE_MAX);
    const char *stop = rest.size == 0 ? NULL : memchr(rest.data, end, rest.size);
    return stop == NULL ? (struct rg_slice){0} : rg_slice_cut(rest, 0, (size_t)(stop - rest.data));
}

static unsigned priority_of(struct rg_slice line)
{
    struct rg_slice severity = value_of(line, RG_SLICE("\"severity_id\":"), ',');
    bool is_high = severity.size == 1 && severity.data[0] >= '3';
    return FACILITY_AUDIT * 8 + (is_high ? SEVERITY_WARNING : SEVERITY_INFORMATIONAL);
}

static rg_status write_batch(struct syslog_sink *sink, const struct export_turn *turn)
{
    rg_status status =
        rg_buf_size(&sink->batch) == 0 ? RG_OK : export_http_write(sink->http, turn, rg_buf_slice(&sink->batch));
    rg_buf_clear(&sink->batch);
    return status;
}

static rg_status put_message(struct syslog_sink *sink, const struct audit_head *head, struct rg_slice line)
{
    char header[HEADER_MAX];
    char time[RG_TIME_TEXT_SIZE];
    char prev[RG_DIGEST_B64_SIZE];
    struct rg_slice kind = rg_slice_cut(value_of(line, RG_SLICE("\"kind\":\""), '"'), 0, MSGID_MAX);
    kind = kind.size == 0 ? RG_SLICE("-") : kind;
    rg_clock_format(head->hlc_us, time);
    rg_digest_b64url(&head->prev, prev);
    int size = snprintf(header, sizeof header,
                        "<%u>1 %s %s rowgate - %.*s [rowgate@32473 seq=\"%016" PRIu64 "\" prev=\"%s\"] ",
                        priority_of(line), time, sink->host, (int)kind.size, kind.data, head->seq, prev);
    RG_ASSERT(size > 0 && (size_t)size < sizeof header);
    RG_TRY(rg_buf_printf(&sink->batch, "%zu ", (size_t)size + line.size));
    RG_TRY(rg_buf_put(&sink->batch, rg_slice_make(header, (size_t)size)));
    return rg_buf_put(&sink->batch, line);
}

/* ---- confirming ---- */

/* Everything before the mark is on the peer's machine. */
static void note_sent(struct syslog_sink *sink, const struct export_turn *turn, const struct export_mark *mark)
{
    sink->newest = (struct sent){.is_there = true, .mark = *mark, .at_us = rg_clock_monotonic_us(turn->clock)};
    if (!sink->settling.is_there) {
        sink->settling = sink->newest;
    }
}

/* The connection is open now. */
static rg_status settle(struct syslog_sink *sink, const struct export_turn *turn)
{
    int64_t now_us = rg_clock_monotonic_us(turn->clock);
    while (sink->settling.is_there && now_us - sink->settling.at_us >= EXPORT_SYSLOG_SETTLE_US) {
        RG_TRY(export_records_confirm_mark(sink->records, &sink->settling.mark));
        bool has_newer = sink->newest.mark.next_seq != sink->settling.mark.next_seq;
        sink->settling = has_newer ? sink->newest : (struct sent){0};
    }
    return RG_OK;
}

/* ---- sending ---- */

/* before: where the log was before the record whose message goes next. */
static rg_status flush(struct syslog_sink *sink, const struct export_turn *turn, const struct export_mark *before)
{
    RG_TRY(write_batch(sink, turn));
    note_sent(sink, turn, before);
    return settle(sink, turn);
}

static rg_status add_line(struct syslog_sink *sink, const struct export_turn *turn, const struct export_mark *before,
                          struct rg_slice line)
{
    struct audit_head head;
    size_t size = rg_buf_size(&sink->batch);
    if (size > 0 && size + line.size + HEADER_MAX > sink->options.batch_bytes) {
        RG_TRY(flush(sink, turn, before));
    }
    RG_TRY(audit_line_parse(line, &head));
    return put_message(sink, &head, line);
}

/* A record and its continuation records, a message each. */
static rg_status add(struct syslog_sink *sink, const struct export_turn *turn, const struct export_mark *before,
                     const struct audit_walked *record)
{
    RG_TRY(add_line(sink, turn, before, record->line));
    for (struct rg_slice rest = record->parts; rest.size > 0;) {
        const char *end = memchr(rest.data, '\n', rest.size);
        size_t size = end == NULL ? rest.size : (size_t)(end - rest.data);
        RG_TRY(add_line(sink, turn, before, rg_slice_cut(rest, 0, size)));
        rest = rg_slice_cut(rest, size + 1, SIZE_MAX);
    }
    return RG_OK;
}

/* All that is there is sent: records that were passed over count, too. */
static rg_status finish(struct syslog_sink *sink, struct export_turn *turn)
{
    struct export_mark end = export_records_mark(sink->records);
    bool is_new =
        rg_buf_size(&sink->batch) > 0 || (sink->settling.is_there && end.next_seq != sink->newest.mark.next_seq);
    RG_TRY(is_new ? flush(sink, turn, &end) : settle(sink, turn));
    if (!sink->settling.is_there) {
        return export_records_confirm(sink->records);
    }
    turn->next_us = sink->settling.at_us + EXPORT_SYSLOG_SETTLE_US;
    return RG_OK;
}

static rg_status send_all(struct syslog_sink *sink, struct export_turn *turn)
{
    for (;;) {
        struct audit_walked record;
        bool is_there = false;
        struct export_mark before = export_records_mark(sink->records);
        if (export_should_stop(turn)) {
            return rg_fail(RG_CLOSED, "told to stop");
        }
        RG_TRY(export_records_next(sink->records, &is_there, &record));
        if (!is_there) {
            return finish(sink, turn);
        }
        RG_TRY(add(sink, turn, &before, &record));
    }
}

/* ---- the task ---- */

static rg_status set_up(struct syslog_sink *sink)
{
    char url[HOST_MAX + 64];
    const struct export_syslog_options *given = &sink->options;
    unsigned port = given->port != 0 ? given->port : given->is_cleartext ? PORT_CLEAR : PORT_TLS;
    bool is_ipv6 = strchr(given->host, ':') != NULL;
    const struct export_http_options options = {.url = url,
                                                .ca_file = given->ca_file,
                                                .certificate = given->certificate,
                                                .private_key = rg_secret_slice(sink->private_key),
                                                .timeout_us = given->timeout_us,
                                                .answer_max = 1};
    (void)snprintf(url, sizeof url, "%s://%s%s%s:%u", given->is_cleartext ? "http" : "https", is_ipv6 ? "[" : "",
                   given->host, is_ipv6 ? "]" : "", port);
    return export_http_open(&options, &sink->http);
}

static void hang_up(struct syslog_sink *sink)
{
    export_http_close(&sink->http);
    rg_buf_clear(&sink->batch);
    sink->settling = (struct sent){0};
    sink->newest = (struct sent){0};
}

/* A server that hung up while nothing was on its way (a restart, an idle connection) is no failure. */
static rg_status check_connection(struct syslog_sink *sink)
{
    if (sink->http == NULL) {
        return RG_OK;
    }
    rg_status status = export_http_check(sink->http);
    if (!rg_is_ok(status) && !sink->settling.is_there) {
        hang_up(sink);
        return RG_OK;
    }
    return status;
}

static rg_status run(struct syslog_sink *sink, struct export_turn *turn)
{
    RG_TRY(check_connection(sink));
    if (sink->http != NULL) {
        RG_TRY(export_records_resume(sink->records, turn));
    } else {
        RG_TRY(set_up(sink));
        RG_TRY(export_http_connect(sink->http, turn));
        RG_TRY(export_records_begin(sink->records, turn));
    }
    return send_all(sink, turn);
}

static rg_status syslog_turn(void *context, struct export_turn *turn)
{
    struct syslog_sink *sink = context;
    rg_status status = run(sink, turn);
    if (!rg_is_ok(status)) {
        hang_up(sink); /* the next turn begins behind what was confirmed */
    }
    return status;
}

static void syslog_free(void *context)
{
    struct syslog_sink *sink = context;
    export_records_free(&sink->records);
    export_http_close(&sink->http);
    rg_buf_done(&sink->batch);
    rg_secret_free(&sink->private_key);
    rg_arena_done(&sink->arena);
    rg_memory_free(sink);
}

static void name_host(struct syslog_sink *sink)
{
    if (gethostname(sink->host, HOST_MAX) != 0 || sink->host[0] == '\0') {
        (void)snprintf(sink->host, sizeof sink->host, "-");
    }
    for (char *at = sink->host; *at != '\0'; at++) {
        *at = *at > ' ' && *at < 0x7f ? *at : '?';
    }
}

static rg_status copy_options(struct syslog_sink *sink)
{
    struct export_syslog_options *options = &sink->options;
    struct rg_slice name = {0};
    struct rg_slice host = {0};
    struct rg_slice ca_file = {0};
    if (strlen(options->host) > HOST_MAX) {
        return rg_fail(RG_LIMIT, "a host's name of more than %d bytes", HOST_MAX);
    }
    if (options->private_key.size > 0) {
        RG_TRY(rg_secret_new(options->private_key, &sink->private_key));
    }
    RG_TRY(rg_arena_copy(&sink->arena, options->certificate, &options->certificate));
    RG_TRY(rg_arena_copy(&sink->arena, rg_slice_of(options->name), &name));
    RG_TRY(rg_arena_copy(&sink->arena, rg_slice_of(options->host), &host));
    RG_TRY(rg_arena_copy(&sink->arena, rg_slice_of(options->ca_file), &ca_file));
    options->name = name.data;
    options->host = host.data;
    options->ca_file = ca_file.data;
    return RG_OK;
}

rg_status export_syslog_new(const struct export_syslog_options *options, struct export_task *out_task)
{
    struct syslog_sink *sink = rg_memory_alloc(sizeof *sink);
    sink->options = *options;
    sink->records = export_records_new(options->classes);
    rg_arena_init(&sink->arena, TEXTS_MAX + RG_SECRET_MAX_BYTES);
    rg_buf_init(&sink->batch, SIZE_MAX / 2);
    name_host(sink);
    rg_status status = copy_options(sink);
    if (!rg_is_ok(status)) {
        syslog_free(sink);
        return status;
    }
    *out_task =
        (struct export_task){.name = sink->options.name, .turn = syslog_turn, .free = syslog_free, .context = sink};
    return RG_OK;
}
