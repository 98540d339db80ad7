/* SPDX-License-Identifier: Apache-2.0 */
/* The pieces of a record: which fields of an event stand in which, and how a piece becomes text. All escaping
 * is jansson's; what is put beside it are numbers and hexadecimal digits. */
#include "audit/record_private.h"
#include "audit/utf8.h"

enum { SENT_LIMIT = 12 * 1024 };

void audit_piece_init(struct audit_piece *piece)
{
    enum { LIMIT = 4 * AUDIT_LINE_MAX }; /* what dump_json lets through, and its reserve */
    rg_buf_init(&piece->rg, LIMIT);
    rg_buf_init(&piece->ocsf, LIMIT);
    rg_buf_init(&piece->metadata, LIMIT);
    rg_buf_init(&piece->tenant, LIMIT);
}

void audit_piece_done(struct audit_piece *piece)
{
    rg_buf_done(&piece->rg);
    rg_buf_done(&piece->ocsf);
    rg_buf_done(&piece->metadata);
    rg_buf_done(&piece->tenant);
}

/* ---- JSON to text ---- */

/* Most texts are short: memory for a whole line is asked for only when one is long. */
static rg_status dump_json(const json_t *value, struct rg_buf *out)
{
    enum { USUAL = 2 * 1024, ROOM = 2 * AUDIT_LINE_MAX };
    const size_t flags = JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY;
    char *memory = NULL;
    rg_buf_clear(out);
    RG_TRY(rg_buf_reserve(out, USUAL, &memory));
    size_t size = json_dumpb(value, memory, USUAL, flags);
    if (size == 0 || size > ROOM) {
        return rg_fail(RG_INTERNAL, "cannot write an audit record as JSON: %zu bytes", size);
    }
    if (size > USUAL) {
        RG_TRY(rg_buf_reserve(out, size, &memory));
        size_t again = json_dumpb(value, memory, size, flags);
        RG_ASSERT(again == size);
    }
    rg_buf_commit(out, size);
    return RG_OK;
}

/* {"a":1} becomes ,"a":1 and {} nothing. */
static rg_status dump_keys(const json_t *object, struct rg_buf *out)
{
    if (json_object_size(object) == 0) {
        rg_buf_clear(out);
        return RG_OK;
    }
    RG_TRY(dump_json(object, out));
    rg_buf_truncate(out, rg_buf_size(out) - 1);
    out->bytes[out->start] = ',';
    return RG_OK;
}

static rg_status dump_tenant(struct rg_slice tenant, struct rg_buf *out)
{
    rg_buf_clear(out);
    if (tenant.size == 0) {
        return RG_OK;
    }
    json_t *text = audit_utf8_is_valid(tenant) ? json_stringn(tenant.data, tenant.size) : NULL;
    if (text == NULL) {
        return rg_fail(RG_INTERNAL, "the tenant id of an audit record is not UTF-8");
    }
    rg_status status = dump_json(text, out);
    json_decref(text);
    RG_TRY(status);
    rg_buf_consume(out, 1); /* its quotes */
    rg_buf_truncate(out, rg_buf_size(out) - 1);
    return RG_OK;
}

rg_status audit_writer_finish(struct audit_writer *writer, struct audit_piece *piece)
{
    RG_TRY(writer->status);
    RG_TRY(dump_tenant(writer->event->tenant, &piece->tenant));
    RG_TRY(dump_keys(writer->rg, &piece->rg));
    RG_TRY(dump_keys(writer->ocsf, &piece->ocsf));
    return dump_keys(writer->metadata, &piece->metadata);
}

void audit_small_number(struct audit_small *small, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    uint64_t rest = value > INT64_MAX ? INT64_MAX : value;
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    audit_small_add(small, rg_slice_make(digits + at, sizeof digits - at));
}

void audit_small_hex(struct audit_small *small, uint64_t value)
{
    static const char hex[] = "0123456789abcdef";
    char digits[16];
    for (size_t i = 0; i < sizeof digits; i++) {
        digits[i] = hex[(value >> (60 - 4 * i)) & 0xf];
    }
    audit_small_add(small, rg_slice_make(digits, sizeof digits));
}

/* ---- what stands in which ---- */

static void write_name(struct audit_writer *writer, const char *key, struct rg_slice text)
{
    audit_writer_text(writer, writer->rg, key, key, text, AUDIT_NAME_MAX);
}

void audit_piece_write_session(struct audit_writer *writer)
{
    const struct audit_event *event = writer->event;
    write_name(writer, "policy", event->policy);
    write_name(writer, "upstream", event->upstream);
    write_name(writer, "listener", event->listener);
    write_name(writer, "idp", event->idp);
    write_name(writer, "application", event->application_name);
    if (event->personal_key.size > 0) {
        json_t *personal = audit_writer_object(writer, writer->rg, "personal");
        audit_writer_text(writer, personal, "key", NULL, event->personal_key, AUDIT_NAME_MAX);
        audit_writer_text(writer, personal, "address", NULL, event->personal_address, AUDIT_NAME_MAX);
    }
    audit_ocsf_write_session(writer);
}

void audit_piece_write_statement(struct audit_writer *writer)
{
    const struct audit_event *event = writer->event;
    write_name(writer, "class", event->class_name);
    if (event->kind == AUDIT_HTTP) {
        audit_web_write_request(writer);
    } else {
        audit_writer_text(writer, writer->rg, "sql_sent", "sql_sent", event->sql_sent, SENT_LIMIT);
        audit_writer_relations(writer);
    }
    write_name(writer, "rule", event->rule);
    audit_ocsf_write_statement(writer);
}

void audit_piece_write_values(struct audit_writer *writer)
{
    const struct audit_event *event = writer->event;
    if (event->sql_sha256 != NULL) {
        audit_writer_digest(writer, writer->rg, event->personal_key.size > 0 ? "sql_hmac" : "sql_sha256",
                            event->sql_sha256);
    }
    audit_writer_literals(writer, "literals", event->literals, &writer->longs->literals);
    audit_writer_literals(writer, "literals_sent", event->literals_sent, &writer->longs->literals_sent);
}

static void write_recovered(struct audit_writer *writer)
{
    const struct audit_event *event = writer->event;
    audit_writer_number(writer, writer->rg, "recovered_bytes", event->recovered_bytes);
    if (event->recovered_sha256 != NULL) {
        audit_writer_digest(writer, writer->rg, "recovered_sha256", event->recovered_sha256);
    }
    audit_writer_number(writer, writer->rg, "recovered_from", event->recovered_from_seq);
}

static void write_checkpoint(struct audit_writer *writer)
{
    const struct audit_event *event = writer->event;
    audit_writer_number(writer, writer->rg, "epoch", event->epoch);
    audit_writer_number(writer, writer->rg, "records", event->record_count);
    audit_writer_number(writer, writer->rg, "tenants", event->tenant_count);
    if (event->heads_root != NULL) {
        audit_writer_digest(writer, writer->rg, "heads_root", event->heads_root);
    }
}

static void write_epoch(struct audit_writer *writer)
{
    audit_writer_number(writer, writer->rg, "epoch", writer->event->epoch);
}

static void write_fault(struct audit_writer *writer)
{
    audit_writer_number(writer, writer->rg, "fault_from", writer->event->recovered_from_seq);
}

static void write_clock_step(struct audit_writer *writer)
{
    const struct audit_event *event = writer->event;
    audit_writer_number(writer, writer->rg, "from_us", event->from_us < 0 ? 0 : (uint64_t)event->from_us);
    audit_writer_number(writer, writer->rg, "to_us", event->to_us < 0 ? 0 : (uint64_t)event->to_us);
}

static void write_disk_state(struct audit_writer *writer)
{
    const char *state = writer->event->disk_state == NULL ? "" : writer->event->disk_state;
    audit_writer_text(writer, writer->rg, "state", NULL, rg_slice_of(state), AUDIT_NAME_MAX);
    audit_writer_number(writer, writer->rg, "free_bytes", writer->event->free_bytes);
}

static void write_name_of(struct audit_writer *writer, const char *key, struct rg_slice name)
{
    audit_writer_text(writer, writer->rg, key, key, name, AUDIT_NAME_MAX);
}

static void write_time(struct audit_writer *writer, const char *key, int64_t time_us)
{
    if (time_us > 0) {
        audit_writer_number(writer, writer->rg, key, (uint64_t)time_us);
    }
}

static void write_life(struct audit_writer *writer)
{
    const struct audit_event *event = writer->event;
    write_name_of(writer, "object", event->object);
    write_name_of(writer, "object_version", event->object_version);
    write_name_of(writer, "operator", event->operator_name);
    write_name_of(writer, "about_tenant", event->about_tenant);
    write_name_of(writer, "about_subject", event->about_subject);
    write_time(writer, "from_us", event->from_us);
    write_time(writer, "until_us", event->until_us);
    if (event->digest != NULL) {
        audit_writer_digest(writer, writer->rg, "digest", event->digest);
    }
}

static void write_range(struct audit_writer *writer)
{
    audit_writer_number(writer, writer->rg, "first_seq", writer->event->first_seq);
    audit_writer_number(writer, writer->rg, "last_seq", writer->event->last_seq);
    write_life(writer);
}

/* What the rest of the log goes on from: audit/keep/base.h. */
static void write_prune(struct audit_writer *writer)
{
    audit_writer_number(writer, writer->rg, "epoch", writer->event->epoch);
    audit_writer_number(writer, writer->rg, "tenants", writer->event->tenant_count);
    if (writer->event->heads_root != NULL) {
        audit_writer_digest(writer, writer->rg, "heads_root", writer->event->heads_root);
    }
    write_range(writer);
}

static void write_erase(struct audit_writer *writer)
{
    audit_writer_number(writer, writer->rg, "records", writer->event->record_count);
    write_life(writer);
}

static void write_working(struct audit_writer *writer)
{
    bool is_working = writer->event->verdict != AUDIT_DENIED;
    audit_writer_text(writer, writer->rg, "state", NULL, is_working ? RG_SLICE("working") : RG_SLICE("failing"),
                      AUDIT_NAME_MAX);
    write_life(writer);
}

static void write_command(struct audit_writer *writer)
{
    const struct audit_event *event = writer->event;
    bool is_denied = event->verdict == AUDIT_DENIED;
    audit_writer_text(writer, writer->rg, "verdict", NULL, is_denied ? RG_SLICE("denied") : RG_SLICE("allowed"),
                      AUDIT_NAME_MAX);
    write_name_of(writer, "action", event->action);
    write_name_of(writer, "object", event->object);
    write_name_of(writer, "operator", event->operator_name);
}

/* What a kind has in rg beyond the common keys. */
static void (*const rest_writers[AUDIT_KIND_COUNT])(struct audit_writer *writer) = {
    [AUDIT_LOG_RECOVERED] = write_recovered,
    [AUDIT_LOG_CHECKPOINT] = write_checkpoint,
    [AUDIT_LOG_FAULT] = write_fault,
    [AUDIT_EPOCH_OPEN] = write_epoch,
    [AUDIT_KEY_ROTATE] = write_epoch,
    [AUDIT_CLOCK_STEP] = write_clock_step,
    [AUDIT_DISK_STATE] = write_disk_state,
    [AUDIT_EXPORT_SEGMENT] = write_range,
    [AUDIT_EXPORT_STATE] = write_working,
    [AUDIT_PEER_CKPT] = write_life,
    [AUDIT_CLUSTER_MEMBERS] = write_life,
    [AUDIT_HOLD_PLACE] = write_life,
    [AUDIT_HOLD_RELEASE] = write_life,
    [AUDIT_RETENTION_PRUNE] = write_prune,
    [AUDIT_PII_ERASE] = write_erase,
    [AUDIT_LOG_EXPORTED] = write_range,
    [AUDIT_LOGIN] = audit_web_write_login,
    [AUDIT_LOGIN_FAILED] = audit_web_write_login,
    [AUDIT_LOGOUT] = audit_web_write_login,
    [AUDIT_STATEMENT] = audit_web_write_odd_names,
    [AUDIT_HTTP] = audit_web_write_rest,
    [AUDIT_CACHE_LEAK] = audit_web_write_leak,
    [AUDIT_SESSION_REVOKE] = audit_web_write_revoke,
    [AUDIT_CONSOLE] = write_command,
};

bool audit_piece_has_rest(const struct audit_event *event)
{
    if (event->kind == AUDIT_HTTP) {
        return audit_web_has_rest(event);
    }
    return event->kind != AUDIT_STATEMENT || event->sqlstate.size > 0 || event->message.size > 0 ||
           event->binds.size > 0 || audit_web_has_odd_name(event);
}

void audit_piece_write_rest(struct audit_writer *writer)
{
    const struct audit_event *event = writer->event;
    if (rest_writers[event->kind] != NULL) {
        rest_writers[event->kind](writer);
    }
    if (!audit_kind_is_decided(event->kind)) {
        write_name(writer, "rule", event->rule);
    }
    if (event->kind != AUDIT_HTTP) {
        audit_writer_binds(writer);
    }
    audit_ocsf_write_rest(writer);
}
