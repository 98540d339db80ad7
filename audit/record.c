/* SPDX-License-Identifier: Apache-2.0 */
/* From an event to framed messages: the worker's half of a record, made with jansson, and continuation
 * records for the texts that do not stand whole in the first one. Called by audit_submit, on the event
 * loop: no I/O, no locks. The auditor adds the head (audit/line.h). */
#include "audit/record.h"

#include "audit/record_private.h"
#include "audit/utf8.h"

enum {
    NAME_LIMIT = 512,
    SENT_LIMIT = 16 * 1024,
    B64_ROOM = 4 * 1024,
    TEXT_PIECE = 52 * 1024, /* escaped bytes of a piece: leaves room for the rest of its record */
    B64_PIECE = 36 * 1024,  /* raw bytes, 48 KiB as base64 */
};

struct parts {
    uint64_t number; /* of the part being written, 1-based */
    uint64_t count;
};

static void writer_done(struct audit_writer *writer)
{
    json_decref(writer->rg);
    json_decref(writer->ocsf);
    rg_buf_done(&writer->scratch);
    rg_buf_done(&writer->relations);
}

static void writer_init(struct audit_writer *writer, const struct audit_event *event)
{
    *writer = (struct audit_writer){.event = event, .rg = json_object(), .ocsf = json_object(), .b64_left = B64_ROOM};
    rg_buf_init(&writer->scratch, AUDIT_LINE_MAX);
    rg_buf_init(&writer->relations, SIZE_MAX / 2);
}

static void put_common(struct audit_writer *writer, const char *kind)
{
    (void)json_object_set_new_nocheck(writer->rg, "kind", json_string(kind));
    if (writer->event->session_id != 0) {
        audit_writer_hex(writer, writer->rg, "session", writer->event->session_id);
    }
    if (writer->event->kind == AUDIT_STATEMENT) {
        audit_writer_hex(writer, writer->rg, "statement", writer->event->statement_id);
    }
}

static void put_statement(struct audit_writer *writer)
{
    static const char *const phases[] = {
        [AUDIT_COMBINED] = "combined", [AUDIT_DECISION] = "decision", [AUDIT_OUTCOME] = "outcome"};
    static const char *const verdicts[] = {
        [AUDIT_DENIED] = "denied", [AUDIT_ALLOWED] = "allowed", [AUDIT_REWRITTEN] = "rewritten"};
    const struct audit_event *event = writer->event;
    (void)json_object_set_new_nocheck(writer->rg, "phase", json_string(phases[event->phase]));
    (void)json_object_set_new_nocheck(writer->rg, "verdict", json_string(verdicts[event->verdict]));
    audit_writer_text(writer, writer->rg, "class", "class", event->class_name, NAME_LIMIT);
    if (event->sql_sha256 != NULL) {
        audit_writer_digest(writer, writer->rg, "sql_sha256", event->sql_sha256);
    }
    audit_writer_text(writer, writer->rg, "sql_sent", "sql_sent", event->sql_sent, SENT_LIMIT);
    audit_writer_relations(writer);
    if (event->phase != AUDIT_DECISION) {
        audit_writer_number(writer, writer->rg, "rows", event->rows);
        audit_writer_number(writer, writer->rg, "bytes", event->bytes);
        audit_writer_number(writer, writer->rg, "duration_us", event->duration_us);
    }
}

static void put_recovered(struct audit_writer *writer)
{
    const struct audit_event *event = writer->event;
    audit_writer_number(writer, writer->rg, "recovered_bytes", event->recovered_bytes);
    if (event->recovered_sha256 != NULL) {
        audit_writer_digest(writer, writer->rg, "recovered_sha256", event->recovered_sha256);
    }
    audit_writer_number(writer, writer->rg, "recovered_from", event->recovered_from_seq);
}

static void put_checkpoint(struct audit_writer *writer)
{
    const struct audit_event *event = writer->event;
    audit_writer_number(writer, writer->rg, "epoch", event->epoch);
    audit_writer_number(writer, writer->rg, "records", event->record_count);
    audit_writer_number(writer, writer->rg, "tenants", event->tenant_count);
    if (event->heads_root != NULL) {
        audit_writer_digest(writer, writer->rg, "heads_root", event->heads_root);
    }
}

static void put_epoch(struct audit_writer *writer)
{
    audit_writer_number(writer, writer->rg, "epoch", writer->event->epoch);
}

static void put_fault(struct audit_writer *writer)
{
    audit_writer_number(writer, writer->rg, "fault_from", writer->event->recovered_from_seq);
}

static void put_clock_step(struct audit_writer *writer)
{
    const struct audit_event *event = writer->event;
    audit_writer_number(writer, writer->rg, "from_us", event->from_us < 0 ? 0 : (uint64_t)event->from_us);
    audit_writer_number(writer, writer->rg, "to_us", event->to_us < 0 ? 0 : (uint64_t)event->to_us);
}

static void put_disk_state(struct audit_writer *writer)
{
    const char *state = writer->event->disk_state == NULL ? "" : writer->event->disk_state;
    audit_writer_text(writer, writer->rg, "state", NULL, rg_slice_of(state), NAME_LIMIT);
    audit_writer_number(writer, writer->rg, "free_bytes", writer->event->free_bytes);
}

/* What a kind has in rg beyond the common keys. */
static void (*const putters[AUDIT_KIND_COUNT])(struct audit_writer *writer) = {
    [AUDIT_STATEMENT] = put_statement,   [AUDIT_LOG_RECOVERED] = put_recovered, [AUDIT_LOG_CHECKPOINT] = put_checkpoint,
    [AUDIT_LOG_FAULT] = put_fault,       [AUDIT_EPOCH_OPEN] = put_epoch,        [AUDIT_KEY_ROTATE] = put_epoch,
    [AUDIT_CLOCK_STEP] = put_clock_step, [AUDIT_DISK_STATE] = put_disk_state,
};

static void put_names(struct audit_writer *writer)
{
    const struct audit_event *event = writer->event;
    const struct {
        const char *key;
        struct rg_slice text;
    } names[] = {{"rule", event->rule},         {"policy", event->policy}, {"upstream", event->upstream},
                 {"listener", event->listener}, {"idp", event->idp},       {"application", event->application_name}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        audit_writer_text(writer, writer->rg, names[i].key, names[i].key, names[i].text, NAME_LIMIT);
    }
}

static void put_record(struct audit_writer *writer)
{
    put_common(writer, audit_kind_name(writer->event->kind));
    if (putters[writer->event->kind] != NULL) {
        putters[writer->event->kind](writer);
    }
    put_names(writer);
    audit_writer_ocsf(writer);
}

static size_t piece_size(const struct audit_long_text *text, struct rg_slice rest)
{
    if (!text->is_valid) {
        return rest.size < B64_PIECE ? rest.size : B64_PIECE;
    }
    return audit_utf8_fitting(rest, TEXT_PIECE);
}

static uint64_t count_pieces(const struct audit_long_text *text)
{
    uint64_t count = 0;
    for (struct rg_slice rest = text->bytes; rest.size > 0; count++) {
        rest = rg_slice_cut(rest, piece_size(text, rest), SIZE_MAX);
    }
    return count;
}

static rg_status put_part_number(struct audit_writer *writer, const struct parts *parts)
{
    if (json_object_set_new_nocheck(
            writer->rg, "part",
            json_sprintf("%llu/%llu", (unsigned long long)parts->number, (unsigned long long)parts->count)) != 0) {
        return rg_fail(RG_INTERNAL, "cannot number the parts of an audit record");
    }
    return RG_OK;
}

/* What the continuation records carry: field, size and hash of each whole text. */
static rg_status put_long_list(struct audit_writer *writer, const struct parts *parts)
{
    json_t *list = json_array();
    RG_TRY(put_part_number(writer, parts));
    (void)json_object_set_new_nocheck(writer->rg, "long", list);
    for (size_t i = 0; i < writer->long_count; i++) {
        const struct audit_long_text *text = &writer->long_texts[i];
        json_t *entry = json_object();
        (void)json_array_append_new(list, entry);
        (void)json_object_set_new_nocheck(entry, "field", json_string(text->field));
        audit_writer_number(writer, entry, "bytes", text->bytes.size);
        audit_writer_digest(writer, entry, "sha256", &text->sha256);
    }
    return RG_OK;
}

/* Behind what out holds. Most records are short: memory for a whole line is asked for only when one is long. */
static rg_status dump_json(const json_t *value, size_t flags, struct rg_buf *out)
{
    enum { USUAL = 2 * 1024, ROOM = 2 * AUDIT_LINE_MAX };
    char *memory = NULL;
    RG_TRY(rg_buf_reserve(out, USUAL, &memory));
    size_t size = json_dumpb(value, memory, USUAL, flags | JSON_COMPACT | JSON_ENSURE_ASCII);
    if (size == 0 || size > ROOM) {
        return rg_fail(RG_INTERNAL, "cannot write an audit record as JSON: %zu bytes", size);
    }
    if (size > USUAL) {
        RG_TRY(rg_buf_reserve(out, size, &memory));
        size_t again = json_dumpb(value, memory, size, flags | JSON_COMPACT | JSON_ENSURE_ASCII);
        RG_ASSERT(again == size);
    }
    rg_buf_commit(out, size);
    return RG_OK;
}

/* With its quotes. */
static rg_status dump_tenant(struct rg_slice tenant, struct rg_buf *out)
{
    if (tenant.size == 0) {
        return RG_OK;
    }
    json_t *text = audit_utf8_is_valid(tenant) ? json_stringn(tenant.data, tenant.size) : NULL;
    if (text == NULL) {
        return rg_fail(RG_INTERNAL, "the tenant id of an audit record is not UTF-8");
    }
    rg_status status = dump_json(text, JSON_ENCODE_ANY, out);
    json_decref(text);
    return status;
}

static rg_status put_message(const struct audit_writer *writer, bool has_more, struct rg_buf *out)
{
    RG_AUTO(rg_buf_done) struct rg_buf texts;
    rg_buf_init(&texts, (size_t)8 * AUDIT_LINE_MAX); /* what dump_json lets through, three times, and its reserve */
    RG_TRY(writer->status);
    RG_TRY(dump_tenant(writer->event->tenant, &texts));
    size_t tenant_size = rg_buf_size(&texts);
    RG_TRY(dump_json(writer->rg, 0, &texts));
    size_t rg_end = rg_buf_size(&texts);
    RG_TRY(dump_json(writer->ocsf, 0, &texts));
    struct rg_slice all = rg_buf_slice(&texts);
    struct audit_message message = {.has_more = has_more,
                                    .tenant = tenant_size < 2 ? rg_slice_cut(all, 0, 0)
                                                              : rg_slice_cut(all, 1, tenant_size - 2),
                                    .rg = rg_slice_cut(all, tenant_size, rg_end - tenant_size),
                                    .ocsf = rg_slice_cut(all, rg_end, SIZE_MAX)};
    return audit_message_encode(&message, out);
}

static rg_status put_piece_text(struct audit_writer *writer, const struct audit_long_text *text, struct rg_slice piece)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, (size_t)2 * B64_PIECE);
    struct rg_slice value = piece;
    if (!text->is_valid) {
        RG_TRY(rg_base64_encode(piece, &arena, &value));
    }
    if (json_object_set_new_nocheck(writer->rg, text->is_valid ? "text" : "b64",
                                    json_stringn(value.data, value.size)) != 0) {
        return rg_fail(RG_INTERNAL, "cannot put a piece of \"%s\" into an audit record", text->field);
    }
    return RG_OK;
}

static rg_status put_piece(const struct audit_event *event, const struct audit_long_text *text, struct rg_slice piece,
                           const struct parts *parts, struct rg_buf *out)
{
    RG_AUTO(writer_done) struct audit_writer writer;
    writer_init(&writer, event);
    put_common(&writer, "part");
    RG_TRY(put_part_number(&writer, parts));
    (void)json_object_set_new_nocheck(writer.rg, "field", json_string(text->field));
    audit_writer_digest(&writer, writer.rg, "sha256", &text->sha256);
    RG_TRY(put_piece_text(&writer, text, piece));
    audit_writer_ocsf_part(&writer);
    return put_message(&writer, parts->number < parts->count, out);
}

static rg_status put_pieces(const struct audit_writer *first, struct parts *parts, struct rg_buf *out)
{
    for (size_t i = 0; i < first->long_count; i++) {
        const struct audit_long_text *text = &first->long_texts[i];
        struct rg_slice rest = text->bytes;
        while (rest.size > 0) {
            size_t size = piece_size(text, rest);
            parts->number++;
            RG_TRY(put_piece(first->event, text, rg_slice_cut(rest, 0, size), parts, out));
            rest = rg_slice_cut(rest, size, SIZE_MAX);
        }
    }
    return RG_OK;
}

static rg_status encode(struct audit_writer *writer, struct rg_buf *out)
{
    put_record(writer);
    RG_TRY(writer->status);
    struct parts parts = {.number = 1, .count = 1};
    for (size_t i = 0; i < writer->long_count; i++) {
        parts.count += count_pieces(&writer->long_texts[i]);
    }
    if (parts.count > 1) {
        RG_TRY(put_long_list(writer, &parts));
    }
    RG_TRY(put_message(writer, parts.count > 1, out));
    return put_pieces(writer, &parts, out);
}

rg_status audit_record_encode(const struct audit_event *event, struct rg_buf *out)
{
    if (event->kind <= AUDIT_NONE || event->kind >= AUDIT_KIND_COUNT) {
        return rg_fail(RG_INTERNAL, "audit event without kind");
    }
    size_t before = rg_buf_size(out);
    RG_AUTO(writer_done) struct audit_writer writer;
    writer_init(&writer, event);
    rg_status status = encode(&writer, out);
    if (!rg_is_ok(status)) {
        rg_buf_truncate(out, before);
    }
    return status;
}
