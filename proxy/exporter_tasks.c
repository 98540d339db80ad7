/* SPDX-License-Identifier: Apache-2.0 */
/* Which tasks a configuration asks for: a row for each kind of destination, its maker fills the plain options of
 * audit/export/ from struct config_audit_*. */
#include "proxy/exporter_tasks.h"

#include "audit/export/depot.h"
#include "audit/export/hold_objects.h"
#include "audit/export/peer.h"
#include "audit/export/sink_file.h"
#include "audit/export/sink_syslog.h"
#include "audit/export/sink_webhook.h"
#include "audit/export/url.h"
#include "audit/export/witness.h"

enum { URL_ARENA = 16 * 1024 };

static const char *text_of(struct rg_slice text)
{
    return text.size == 0 ? "" : text.data;
}

/* ---- makers: the at-th of its kind ---- */

static rg_status make_file(const struct config *config, size_t at, struct export_task *out_task)
{
    const struct config_audit_sink *sink = &config->audit.life.sinks[at];
    const struct export_file_options options = {.name = sink->name.data,
                                                .path = sink->path.data,
                                                .batch_bytes = sink->batch_bytes,
                                                .timeout_us = sink->timeout_us,
                                                .classes = sink->classes};
    export_file_new(&options, out_task);
    return RG_OK;
}

static rg_status make_syslog(const struct config *config, size_t at, struct export_task *out_task)
{
    const struct config_audit_sink *sink = &config->audit.life.sinks[at];
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct export_url url = {0};
    rg_arena_init(&arena, URL_ARENA);
    RG_TRY(export_url_parse(sink->url, &arena, &url));
    const struct export_syslog_options options = {.name = sink->name.data,
                                                  .host = url.host.data,
                                                  .port = url.port,
                                                  .is_cleartext = rg_slice_is_equal(url.scheme, RG_SLICE("tcp")),
                                                  .ca_file = text_of(sink->ca_file),
                                                  .certificate = rg_secret_slice(sink->certificate),
                                                  .private_key = rg_secret_slice(sink->private_key),
                                                  .batch_bytes = sink->batch_bytes,
                                                  .timeout_us = sink->timeout_us,
                                                  .classes = sink->classes};
    return export_syslog_new(&options, out_task);
}

static rg_status make_webhook(const struct config *config, size_t at, struct export_task *out_task)
{
    const struct config_audit_sink *sink = &config->audit.life.sinks[at];
    bool is_splunk = sink->type == CONFIG_SINK_SPLUNK_HEC;
    const struct export_webhook_options options = {.name = sink->name.data,
                                                   .shape = is_splunk ? EXPORT_WEBHOOK_SPLUNK : EXPORT_WEBHOOK_SIGNED,
                                                   .url = sink->url.data,
                                                   .ca_file = text_of(sink->ca_file),
                                                   .secret = rg_secret_slice(sink->secret),
                                                   .certificate = rg_secret_slice(sink->certificate),
                                                   .private_key = rg_secret_slice(sink->private_key),
                                                   .splunk_index = text_of(sink->splunk_index),
                                                   .batch_bytes = sink->batch_bytes,
                                                   .timeout_us = sink->timeout_us,
                                                   .classes = sink->classes};
    return export_webhook_new(&options, out_task);
}

static enum s3_lock lock_of(enum config_s3_lock lock)
{
    static const enum s3_lock locks[] = {[CONFIG_S3_COMPLIANCE] = S3_LOCK_COMPLIANCE,
                                         [CONFIG_S3_GOVERNANCE] = S3_LOCK_GOVERNANCE,
                                         [CONFIG_S3_LOCK_OFF] = S3_LOCK_OFF};
    return locks[lock];
}

static enum s3_credentials_from credentials_of(enum config_s3_credentials credentials)
{
    static const enum s3_credentials_from froms[] = {[CONFIG_S3_ENVIRONMENT] = S3_FROM_ENVIRONMENT,
                                                     [CONFIG_S3_FILE] = S3_FROM_FILE,
                                                     [CONFIG_S3_INSTANCE] = S3_FROM_INSTANCE};
    return froms[credentials];
}

static struct depot_options depot_of(const struct config *config)
{
    const struct config_audit_s3 *s3 = &config->audit.life.s3;
    return (struct depot_options){.s3 = {.bucket = s3->bucket,
                                         .prefix = s3->prefix,
                                         .endpoint = s3->endpoint,
                                         .region = s3->region,
                                         .is_path_style = s3->is_path_style,
                                         .credentials = credentials_of(s3->credentials),
                                         .credentials_path = s3->credentials_path,
                                         .ca_file = s3->ca_file,
                                         .proxy = s3->proxy},
                                  .lock = lock_of(s3->lock),
                                  .retain_us = s3->retain_us,
                                  .has_content_md5 = s3->has_content_md5,
                                  .anchor_every_us = s3->anchor_every_us,
                                  .seal_every_us = s3->seal_every_us};
}

static rg_status make_upload(const struct config *config, size_t at, struct export_task *out_task)
{
    const struct depot_options options = depot_of(config);
    (void)at;
    return upload_task_new(&options, out_task);
}

static rg_status make_anchors(const struct config *config, size_t at, struct export_task *out_task)
{
    const struct depot_options options = depot_of(config);
    (void)at;
    return anchor_task_new(&options, out_task);
}

static rg_status make_holds(const struct config *config, size_t at, struct export_task *out_task)
{
    const struct depot_options options = depot_of(config);
    (void)at;
    return hold_task_new(&options, out_task);
}

static rg_status make_witness(const struct config *config, size_t at, struct export_task *out_task)
{
    const struct config_audit_witness *witness = &config->audit.life.witnesses[at];
    const struct export_witness_options options = {.name = witness->name.data,
                                                   .url = witness->url.data,
                                                   .key = witness->key.data,
                                                   .ca_file = text_of(witness->ca_file),
                                                   .timeout_us = witness->timeout_us};
    return export_witness_new(&options, out_task);
}

static rg_status make_peer(const struct config *config, size_t at, struct export_task *out_task)
{
    const struct config_audit_cluster *cluster = &config->audit.life.cluster;
    const struct config_audit_peer *peer = &cluster->peers[at];
    const struct peer_options options = {.origin = peer->origin.data,
                                         .url = peer->url.data,
                                         .root = peer->root.data,
                                         .ca_file = text_of(peer->ca_file),
                                         .timeout_us = peer->timeout_us,
                                         .every_us = cluster->every_us,
                                         .member_count = cluster->member_count};
    return peer_task_new(&options, out_task);
}

static rg_status make_members(const struct config *config, size_t at, struct export_task *out_task)
{
    const struct config_audit_cluster *cluster = &config->audit.life.cluster;
    RG_AUTO(rg_buf_done) struct rg_buf text;
    (void)at;
    rg_buf_init(&text, EXPORT_CURSOR_MAX);
    for (size_t i = 0; i < cluster->member_count; i++) {
        RG_TRY(rg_buf_put(&text, cluster->members[i]));
        RG_TRY(rg_buf_put(&text, RG_SLICE("\n")));
    }
    members_task_new(rg_buf_slice(&text), out_task);
    return RG_OK;
}

/* ---- the rows ---- */

typedef rg_status export_maker(const struct config *config, size_t at,
                               struct export_task *out_task); /* a function, no struct */

/* NULL = this build has none. */
static export_maker *const sink_makers[] = {
    [CONFIG_SINK_FILE] = make_file,
    [CONFIG_SINK_SYSLOG] = make_syslog,
    [CONFIG_SINK_WEBHOOK] = make_webhook,
    [CONFIG_SINK_SPLUNK_HEC] = make_webhook,
};

static rg_status make_sink(const struct config *config, size_t at, struct export_task *out_task)
{
    const struct config_audit_sink *sink = &config->audit.life.sinks[at];
    export_maker *make = sink_makers[sink->type];
    if (make == NULL) {
        return rg_fail(RG_CONFIG, "%s:%u: sinks of this type are not supported yet", sink->place.file,
                       sink->place.line);
    }
    return make(config, at, out_task);
}

static size_t count_s3(const struct config_audit_life *life)
{
    return life->s3.is_given ? 1 : 0;
}

static size_t count_holds(const struct config_audit_life *life)
{
    return life->s3.is_given && life->s3.lock != CONFIG_S3_LOCK_OFF ? 1 : 0;
}

static size_t count_sinks(const struct config_audit_life *life)
{
    return life->sink_count;
}

static size_t count_witnesses(const struct config_audit_life *life)
{
    return life->witness_count;
}

static size_t count_peers(const struct config_audit_life *life)
{
    return life->cluster.peer_count;
}

static size_t count_members(const struct config_audit_life *life)
{
    return life->cluster.member_count > 0 ? 1 : 0;
}

static const struct {
    const char *what; /* "s3": the segments; "anchors": the checkpoints; "holds": legal holds on what is stored */
    size_t (*count)(const struct config_audit_life *life);
    export_maker *make; /* NULL = this build has none */
} rows[] = {
    {"s3", count_s3, make_upload},
    {"anchors", count_s3, make_anchors},
    {"holds", count_holds, make_holds},
    {"sinks", count_sinks, make_sink},
    {"witnesses", count_witnesses, make_witness},
    {"peers", count_peers, make_peer},
    {"members", count_members, make_members},
};

enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

void exporter_tasks_free(struct export_task *tasks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        tasks[i].free(tasks[i].context);
    }
}

static rg_status make_all(const struct config *config, struct export_task *tasks, size_t *made)
{
    for (size_t row = 0; row < ROW_COUNT; row++) {
        for (size_t at = 0; at < rows[row].count(&config->audit.life); at++) {
            if (rows[row].make == NULL) {
                return rg_fail(RG_CONFIG, "[audit] %s: not supported yet", rows[row].what);
            }
            RG_TRY(rows[row].make(config, at, &tasks[*made]));
            *made += 1;
        }
    }
    return RG_OK;
}

rg_status exporter_tasks_make(const struct config *config, struct rg_arena *arena, struct export_task **out_tasks,
                              size_t *out_count)
{
    struct export_task *tasks = NULL;
    size_t count = 0;
    size_t made = 0;
    for (size_t row = 0; row < ROW_COUNT; row++) {
        count += rows[row].count(&config->audit.life);
    }
    RG_TRY(rg_arena_array(arena, count, sizeof *tasks, (void **)&tasks));
    rg_status status = make_all(config, tasks, &made);
    if (!rg_is_ok(status)) {
        exporter_tasks_free(tasks, made);
        return status;
    }
    *out_tasks = tasks;
    *out_count = count;
    return RG_OK;
}
