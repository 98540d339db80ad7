/* SPDX-License-Identifier: Apache-2.0 */
/* [audit.cluster]: which logs there are beside this node's, and where their newest checkpoints are asked for. */
#include "audit/export/url.h"
#include "audit/note.h"
#include "proxy/config_audit_private.h"

static const struct config_url_rule base_rule = {.scheme = "https", .clear = "http", .has_path = true, .is_base = true};

static bool is_member(const struct config_audit_cluster *cluster, struct rg_slice origin)
{
    for (size_t i = 0; i < cluster->member_count; i++) {
        if (rg_slice_is_equal(cluster->members[i], origin)) {
            return true;
        }
    }
    return false;
}

static bool is_origin(struct rg_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] <= ' ' || text.data[i] > '~') {
            return false;
        }
    }
    return text.size > 0 && text.size <= 255;
}

static rg_status take_members(struct config_draft *draft, struct config_audit_cluster *cluster)
{
    const struct rg_schema_list *list = &draft->raw.audit.cluster.members;
    struct rg_slice *members = NULL;
    RG_TRY(rg_arena_array(draft->arena, list->count, sizeof *members, (void **)&members));
    cluster->members = members;
    for (size_t i = 0; i < list->count; i++) {
        const struct rg_schema_string *item = &list->items[i];
        if (!is_origin(item->text)) {
            config_error(draft, item->place, "\"members\" must hold origins: printable ASCII without spaces");
        } else if (is_member(cluster, item->text)) {
            config_error(draft, item->place, "\"%.*s\" is given twice", rg_slice_shown(item->text), item->text.data);
        }
        members[i] = item->text;
        cluster->member_count = i + 1;
    }
    struct rg_slice own = draft->config->audit.origin;
    if (list->is_given && own.size > 0 && !is_member(cluster, own)) {
        config_error(draft, list->place, "\"members\" lacks this node's own origin, \"%.*s\"", rg_slice_shown(own),
                     own.data);
    }
    return RG_OK;
}

/* ---- peers ---- */

static void check_root(struct config_draft *draft, const struct rg_schema_string *text, struct rg_slice key_text,
                       struct rg_slice origin)
{
    struct audit_vkey key = {0};
    struct rg_slice suffix = RG_SLICE("/root");
    rg_status status = audit_vkey_parse(key_text, &key);
    if (!rg_is_ok(status)) {
        config_error(draft, text->place, "\"root\": %s", status.error->text);
    } else if (!rg_slice_has_prefix(key.name, origin) ||
               !rg_slice_is_equal(rg_slice_cut(key.name, origin.size, SIZE_MAX), suffix)) {
        config_error(draft, text->place, "\"root\" is the key of \"%.*s\", not of \"%.*s/root\"",
                     rg_slice_shown(key.name), key.name.data, rg_slice_shown(origin), origin.data);
    }
}

/* The line itself, or file:PATH of a copy of the peer's keys/root.vkey. */
static rg_status take_root(struct config_draft *draft, const struct config_raw_peer *raw, struct rg_slice *out_root)
{
    struct rg_secret *content RG_AUTO(rg_secret_free) = NULL;
    struct rg_slice text = raw->root.text;
    if (!raw->root.is_given) {
        return RG_OK;
    }
    if (rg_slice_has_prefix(text, RG_SLICE("file:"))) {
        const char *slash = strrchr(raw->root.place.file, '/');
        struct rg_slice file = rg_slice_of(raw->root.place.file);
        struct rg_slice base = slash == NULL ? RG_SLICE(".") : rg_slice_cut(file, 0, (size_t)(slash - file.data));
        RG_TRY(rg_arena_copy(draft->arena, base, &base));
        rg_status status = rg_secret_load(text, base, &content);
        if (!rg_is_ok(status)) {
            config_error(draft, raw->root.place, "\"root\": %s", status.error->text);
            return RG_OK;
        }
        text = rg_secret_slice(content);
    }
    check_root(draft, &raw->root, text, raw->origin.text);
    return rg_arena_copy(draft->arena, text, out_root);
}

static void check_peer(struct config_draft *draft, const struct config_audit_cluster *cluster,
                       const struct rg_schema_string *origin, size_t earlier)
{
    if (!origin->is_given) {
        return;
    }
    if (rg_slice_is_equal(origin->text, draft->config->audit.origin)) {
        config_error(draft, origin->place, "\"%.*s\" is this node itself", rg_slice_shown(origin->text),
                     origin->text.data);
    } else if (!is_member(cluster, origin->text)) {
        config_error(draft, origin->place, "\"%.*s\" is none of \"members\"", rg_slice_shown(origin->text),
                     origin->text.data);
    }
    for (size_t i = 0; i < earlier; i++) {
        if (rg_slice_is_equal(cluster->peers[i].origin, origin->text)) {
            config_error(draft, origin->place, "peer \"%.*s\" is given twice", rg_slice_shown(origin->text),
                         origin->text.data);
        }
    }
}

static rg_status take_peers(struct config_draft *draft, struct config_audit_cluster *cluster)
{
    const struct rg_schema_tables *tables = &draft->raw.audit.cluster.peers;
    const struct config_raw_peer *raws = tables->items;
    struct config_audit_peer *peers = NULL;
    RG_TRY(rg_arena_array(draft->arena, tables->count, sizeof *peers, (void **)&peers));
    cluster->peers = peers;
    cluster->peer_count = tables->count;
    for (size_t i = 0; i < tables->count; i++) {
        const struct config_raw_peer *raw = &raws[i];
        peers[i] = (struct config_audit_peer){.origin = raw->origin.text,
                                              .ca_file = raw->ca_file.text,
                                              .timeout_us = raw->timeout.value,
                                              .place = raw->head.place};
        check_peer(draft, cluster, &raw->origin, i);
        RG_TRY(config_check_url(draft, &raw->url, "url", &base_rule, &peers[i].url));
        RG_TRY(config_check_file(draft, &raw->ca_file, "ca_file"));
        RG_TRY(take_root(draft, raw, &peers[i].root));
    }
    return RG_OK;
}

/* ---- answering ---- */

static rg_status take_listen(struct config_draft *draft, struct config_audit_cluster *cluster)
{
    const struct config_raw_cluster *raw = &draft->raw.audit.cluster;
    struct rg_slice url = {0};
    struct export_url parts = {0};
    size_t at = 0;
    if (raw->tls.is_given &&
        config_refer(draft, &draft->raw.tls, sizeof(struct config_raw_tls), "tls", &raw->tls, &at)) {
        cluster->tls = &draft->config->tls[at];
    }
    if (!raw->listen.is_given) {
        if (raw->tls.is_given) {
            config_error(draft, raw->tls.place, "\"tls\" is that of \"listen\", which is not given");
        }
        return RG_OK;
    }
    if (!config_is_address(raw->listen.text)) {
        config_error(draft, raw->listen.place, "\"listen\" must be \"host:port\" or \"[v6]:port\"");
        return RG_OK;
    }
    RG_TRY(rg_arena_printf(draft->arena, &url, "http://%.*s", (int)raw->listen.text.size, raw->listen.text.data));
    bool is_url = rg_is_ok(export_url_parse(url, draft->arena, &parts));
    if (!raw->tls.is_given && !(is_url && parts.is_loopback)) {
        config_error(draft, raw->listen.place, "\"listen\" without \"tls\" must be a loopback address");
    }
    cluster->listen = raw->listen.text;
    return RG_OK;
}

rg_status config_make_audit_cluster(struct config_draft *draft, struct config_audit_cluster *cluster)
{
    const struct config_raw_cluster *raw = &draft->raw.audit.cluster;
    if (!raw->head.is_given) {
        return RG_OK;
    }
    *cluster = (struct config_audit_cluster){.is_given = true, .every_us = raw->every.value, .place = raw->head.place};
    RG_TRY(take_members(draft, cluster));
    RG_TRY(take_peers(draft, cluster));
    return take_listen(draft, cluster);
}
