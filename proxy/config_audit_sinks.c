/* SPDX-License-Identifier: Apache-2.0 */
/* [[audit.sinks]], [[audit.witnesses]] and [audit.cluster]: who gets records or checkpoints beside S3, and whom this
 * node asks for theirs. */
#include "audit/export/url.h"
#include "audit/note.h"
#include "proxy/config_audit_private.h"
#include "proxy/net/tls.h"

bool config_audit_is_exported(const struct config_audit_life *life)
{
    return life->s3.is_given || life->sink_count > 0 || life->witness_count > 0 || life->cluster.is_given;
}

rg_status config_check_file(struct config_draft *draft, const struct rg_schema_string *path, const char *key)
{
    struct rg_secret *content RG_AUTO(rg_secret_free) = NULL;
    if (!path->is_given) {
        return RG_OK;
    }
    rg_status status = rg_secret_load_file(path->text, (struct rg_slice){0}, &content);
    if (!rg_is_ok(status) && status.error->kind != RG_LIMIT) { /* the system's bundle is large, and fine */
        config_error(draft, path->place, "\"%s\": %.*s %s", key, rg_slice_shown(path->text), path->text.data,
                     status.error->text);
    }
    return RG_OK;
}

/* Records of a list get the name that stands in them, for config_check_unique. */
static rg_status check_names(struct config_draft *draft, const struct rg_schema_tables *tables, size_t record_size,
                             size_t name_offset, const char *what)
{
    struct config_records records = {tables->count, tables->items, NULL};
    for (size_t i = 0; i < tables->count; i++) {
        struct rg_schema_head *head = (void *)((char *)tables->items + i * record_size);
        struct rg_schema_string name;
        memcpy(&name, (const char *)head + name_offset, sizeof name);
        head->name = name.text;
        head->name_place = name.is_given ? name.place : head->place;
    }
    return config_check_unique(draft, &records, record_size, what);
}

static void check_name(struct config_draft *draft, const struct rg_schema_string *name)
{
    static const struct rg_slice reserved[] = {{"s3", 2}, {"anchors", 7}, {"holds", 5}};
    if (name->is_given && !config_is_name(name->text)) {
        config_error(draft, name->place, "\"%.*s\" cannot be a name: letters, digits, _ and -, at most %d",
                     rg_slice_shown(name->text), name->text.data, CONFIG_NAME_MAX);
    }
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
        if (rg_slice_is_equal(name->text, reserved[i])) {
            config_error(draft, name->place, "\"%s\" is what [audit.s3] is called in states and metrics: take another",
                         reserved[i].data);
        }
    }
}

/* ---- sinks ---- */

static const char *const type_names[] = {"file", "syslog", "webhook", "splunk_hec"};

/* Which keys a type has beside those of all. */
struct sink_rule {
    bool has_path, has_url, has_secret, needs_secret, has_index;
    struct config_url_rule url;
};
static const struct sink_rule sink_rules[] = {
    [CONFIG_SINK_FILE] = {.has_path = true},
    [CONFIG_SINK_SYSLOG] = {.has_url = true, .url = {.scheme = "tls", .clear = "tcp", .is_base = true}},
    [CONFIG_SINK_WEBHOOK] = {.has_url = true,
                             .has_secret = true,
                             .needs_secret = true,
                             .url = {.scheme = "https", .clear = "http", .has_path = true}},
    [CONFIG_SINK_SPLUNK_HEC] = {.has_url = true,
                                .has_secret = true,
                                .needs_secret = true,
                                .has_index = true,
                                .url = {.scheme = "https", .clear = "http", .has_path = true}},
};

static void check_key(struct config_draft *draft, const struct config_raw_sink *raw, const char *key, bool may,
                      bool must, bool is_given, struct rg_place place)
{
    if (is_given && !may) {
        config_error(draft, place, "\"%s\" means nothing to a sink of type \"%s\"", key, type_names[raw->type.word]);
    } else if (!is_given && must) {
        config_error(draft, raw->head.place, "a sink of type \"%s\" needs \"%s\"", type_names[raw->type.word], key);
    }
}

static void check_pair(struct config_draft *draft, const struct config_raw_sink *raw)
{
    struct net_tls *tls = NULL;
    if (raw->certificate.is_given != raw->private_key.is_given) {
        config_error(draft, raw->certificate.is_given ? raw->certificate.place : raw->private_key.place,
                     "\"certificate\" and \"private_key\" belong together: give both or none");
    } else if (raw->certificate.secret != NULL && raw->private_key.secret != NULL) {
        rg_status status = net_tls_server_new(rg_secret_slice(raw->certificate.secret),
                                              rg_secret_slice(raw->private_key.secret), NET_TLS_1_2, &tls);
        if (!rg_is_ok(status)) {
            config_error(draft, raw->certificate.place, "%s", status.error->text);
        }
        net_tls_release(&tls);
    }
}

static void check_sink(struct config_draft *draft, const struct config_raw_sink *raw)
{
    const struct sink_rule *rule = &sink_rules[raw->type.word];
    check_key(draft, raw, "path", rule->has_path, rule->has_path, raw->path.is_given, raw->path.place);
    check_key(draft, raw, "url", rule->has_url, rule->has_url, raw->url.is_given, raw->url.place);
    check_key(draft, raw, "secret", rule->has_secret, rule->needs_secret, raw->secret.is_given, raw->secret.place);
    check_key(draft, raw, "index", rule->has_index, false, raw->index.is_given, raw->index.place);
    check_key(draft, raw, "ca_file", rule->has_url, false, raw->ca_file.is_given, raw->ca_file.place);
    check_key(draft, raw, "certificate", rule->has_url, false, raw->certificate.is_given, raw->certificate.place);
    check_key(draft, raw, "private_key", rule->has_url, false, raw->private_key.is_given, raw->private_key.place);
    if (rule->has_url) {
        check_pair(draft, raw);
    }
}

/* What a sink writes must not get into the log's directory, and two must not write one file. */
static void check_path(struct config_draft *draft, const struct config_raw_sink *raws, size_t at)
{
    const struct rg_schema_string *path = &raws[at].path;
    if (!path->is_given || path->text.size == 0) {
        return;
    }
    if (config_is_below(path->text, draft->config->audit.directory)) {
        config_error(draft, path->place, "\"path\" is in the directory of the log itself: give it another one");
    }
    for (size_t i = 0; i < at; i++) {
        if (rg_slice_is_equal(raws[i].path.text, path->text)) {
            config_error(draft, path->place, "\"path\" is that of another sink already");
        }
    }
}

unsigned config_classes(const struct rg_schema_word *words)
{
    return words->is_given ? words->word : AUDIT_CLASS_ALL;
}

static rg_status make_sink(struct config_draft *draft, const struct config_raw_sink *raw, struct config_audit_sink *out)
{
    *out = (struct config_audit_sink){
        .name = raw->name.text,
        .type = (enum config_sink_type)raw->type.word,
        .path = raw->path.text,
        .url = raw->url.text,
        .secret = raw->secret.secret,
        .ca_file = raw->ca_file.text,
        .certificate = raw->certificate.secret,
        .private_key = raw->private_key.secret,
        .batch_bytes = (size_t)raw->batch_bytes.value,
        .timeout_us = raw->timeout.value,
        .classes = config_classes(&raw->classes),
        .splunk_index = raw->index.text,
        .place = raw->head.place,
    };
    check_name(draft, &raw->name);
    if (!raw->type.is_given) {
        return RG_OK; /* reported; what it needs is not known */
    }
    check_sink(draft, raw);
    RG_TRY(config_check_file(draft, &raw->ca_file, "ca_file"));
    const struct sink_rule *rule = &sink_rules[raw->type.word];
    return rule->has_url ? config_check_url(draft, &raw->url, "url", &rule->url, &out->url) : RG_OK;
}

rg_status config_make_audit_sinks(struct config_draft *draft, struct config_audit_life *life)
{
    const struct rg_schema_tables *tables = &draft->raw.audit.sinks;
    const struct config_raw_sink *raws = tables->items;
    struct config_audit_sink *sinks = NULL;
    RG_TRY(check_names(draft, tables, sizeof *raws, offsetof(struct config_raw_sink, name), "sink"));
    RG_TRY(rg_arena_array(draft->arena, tables->count, sizeof *sinks, (void **)&sinks));
    for (size_t i = 0; i < tables->count; i++) {
        RG_TRY(make_sink(draft, &raws[i], &sinks[i]));
        check_path(draft, raws, i);
    }
    life->sinks = sinks;
    life->sink_count = tables->count;
    return RG_OK;
}

/* ---- witnesses ---- */

/* "<name>+<8 hex digits>+<44 of base64>" of any type: a witness's cosignatures have keys of their own type. */
static bool is_key(struct rg_slice text)
{
    enum { TAIL = 1 + 8 + 1 + 44 };
    if (text.size <= TAIL || text.size > AUDIT_VKEY_SIZE || memchr(text.data, ' ', text.size) != NULL) {
        return false;
    }
    const char *tail = text.data + text.size - TAIL;
    return tail[0] == '+' && tail[9] == '+' && strspn(tail + 1, "0123456789abcdef") == 8 &&
           memchr(text.data, '+', text.size - TAIL) == NULL;
}

static const struct config_url_rule base_rule = {.scheme = "https", .clear = "http", .has_path = true, .is_base = true};

rg_status config_make_audit_witnesses(struct config_draft *draft, struct config_audit_life *life)
{
    const struct rg_schema_tables *tables = &draft->raw.audit.witnesses;
    const struct config_raw_witness *raws = tables->items;
    struct config_audit_witness *witnesses = NULL;
    RG_TRY(check_names(draft, tables, sizeof *raws, offsetof(struct config_raw_witness, name), "witness"));
    RG_TRY(rg_arena_array(draft->arena, tables->count, sizeof *witnesses, (void **)&witnesses));
    for (size_t i = 0; i < tables->count; i++) {
        const struct config_raw_witness *raw = &raws[i];
        witnesses[i] = (struct config_audit_witness){.name = raw->name.text,
                                                     .key = raw->key.text,
                                                     .ca_file = raw->ca_file.text,
                                                     .timeout_us = raw->timeout.value,
                                                     .place = raw->head.place};
        check_name(draft, &raw->name);
        RG_TRY(config_check_url(draft, &raw->url, "url", &base_rule, &witnesses[i].url));
        RG_TRY(config_check_file(draft, &raw->ca_file, "ca_file"));
        if (raw->key.is_given && !is_key(raw->key.text)) {
            config_error(draft, raw->key.place,
                         "\"key\" must be the witness's verifier key: <name>+<8 hex digits>+<base64>");
        }
    }
    life->witnesses = witnesses;
    life->witness_count = tables->count;
    return RG_OK;
}
