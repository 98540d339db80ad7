/* SPDX-License-Identifier: Apache-2.0 */
/* From an event to framed messages: its pieces (audit/record_piece.c), found or made, with the numbers of this
 * record between them, and continuation records for the texts that do not stand whole in the first one. Called by
 * audit_submit, on the event loop: no I/O, no locks. The auditor adds the head (audit/line.h). */
#include "audit/record.h"

#include "audit/record_private.h"
#include "audit/sealer.h"
#include "audit/utf8.h"
#include "base/rg_memory.h"

enum {
    TEXT_PIECE = 52 * 1024, /* escaped bytes of a piece: leaves room for the rest of its record */
    B64_PIECE = 36 * 1024,  /* raw bytes, 48 KiB as base64 */
};

/* Memory that the next event uses again. */
struct audit_encoder {
    struct audit_piece session;
    struct audit_piece statement;
    struct audit_piece values;
    struct audit_piece rest;
    struct rg_buf rg; /* of the record being written, whole */
    struct rg_buf ocsf;
    struct audit_long_list longs;
    struct audit_cache *cache;   /* NULL: each piece is made anew */
    struct audit_sealer *sealer; /* NULL: personal values are written as they are */
};

/* One event on its way. */
struct record {
    struct audit_encoder *encoder;
    const struct audit_event *event;
    const struct audit_piece *session;
    const struct audit_piece *statement; /* or the request; NULL: the event is neither */
    uint64_t part;                       /* the part being written, 1-based */
    uint64_t part_count;
};

static void encoder_init(struct audit_encoder *encoder)
{
    *encoder = (struct audit_encoder){0};
    audit_piece_init(&encoder->session);
    audit_piece_init(&encoder->statement);
    audit_piece_init(&encoder->values);
    audit_piece_init(&encoder->rest);
    rg_buf_init(&encoder->rg, (size_t)8 * AUDIT_LINE_MAX);
    rg_buf_init(&encoder->ocsf, (size_t)8 * AUDIT_LINE_MAX);
    audit_long_list_init(&encoder->longs);
}

static void encoder_done(struct audit_encoder *encoder)
{
    audit_piece_done(&encoder->session);
    audit_piece_done(&encoder->statement);
    audit_piece_done(&encoder->values);
    audit_piece_done(&encoder->rest);
    rg_buf_done(&encoder->rg);
    rg_buf_done(&encoder->ocsf);
    audit_long_list_done(&encoder->longs);
    audit_cache_free(&encoder->cache);
    audit_sealer_free(&encoder->sealer);
}

/* ---- pieces ---- */

static rg_status make_piece(struct record *record, void (*write)(struct audit_writer *writer),
                            struct audit_piece *out_piece)
{
    RG_AUTO(audit_writer_done) struct audit_writer writer;
    audit_writer_init(&writer, record->event, &record->encoder->longs);
    write(&writer);
    return audit_writer_finish(&writer, out_piece);
}

static rg_status get_piece(struct record *record, enum audit_piece_kind kind, const struct audit_piece **out_piece)
{
    struct audit_encoder *encoder = record->encoder;
    bool is_session = kind == AUDIT_PIECE_SESSION;
    struct audit_piece *own = is_session ? &encoder->session : &encoder->statement;
    size_t longs_before = encoder->longs.count;
    const struct audit_piece *found =
        encoder->cache == NULL ? NULL : audit_cache_find(encoder->cache, kind, record->event);
    if (found == NULL) {
        RG_TRY(make_piece(record, is_session ? audit_piece_write_session : audit_piece_write_statement, own));
        if (encoder->cache != NULL && encoder->longs.count == longs_before) {
            audit_cache_keep(encoder->cache, kind, record->event, own);
        }
        found = own;
    }
    *out_piece = found;
    return RG_OK;
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

static rg_status write_part_number(struct audit_writer *writer, const struct record *record)
{
    if (json_object_set_new_nocheck(
            writer->rg, "part",
            json_sprintf("%llu/%llu", (unsigned long long)record->part, (unsigned long long)record->part_count)) != 0) {
        return rg_fail(RG_INTERNAL, "cannot number the parts of an audit record");
    }
    return RG_OK;
}

/* What the continuation records carry: field, size and hash of each whole text. */
static rg_status write_long_list(struct audit_writer *writer, struct record *record)
{
    const struct audit_long_list *longs = writer->longs;
    json_t *list = json_array();
    for (size_t i = 0; i < longs->count; i++) {
        record->part_count += count_pieces(&longs->texts[i]);
    }
    RG_TRY(write_part_number(writer, record));
    (void)json_object_set_new_nocheck(writer->rg, "long", list);
    for (size_t i = 0; i < longs->count; i++) {
        const struct audit_long_text *text = &longs->texts[i];
        json_t *entry = json_object();
        (void)json_array_append_new(list, entry);
        (void)json_object_set_new_nocheck(entry, "field", json_string(text->field));
        audit_writer_number(writer, entry, "bytes", text->bytes.size);
        audit_writer_digest(writer, entry, "sha256", &text->sha256);
    }
    return RG_OK;
}

static rg_status make_rest(struct record *record)
{
    struct audit_encoder *encoder = record->encoder;
    RG_AUTO(audit_writer_done) struct audit_writer writer;
    audit_writer_init(&writer, record->event, &encoder->longs);
    audit_piece_write_rest(&writer);
    if (encoder->longs.count > 0) {
        RG_TRY(write_long_list(&writer, record));
    }
    return audit_writer_finish(&writer, &encoder->rest);
}

/* ---- records ---- */

static void add_ids(const struct audit_event *event, const char *kind, struct audit_small *out)
{
    audit_small_add(out, RG_SLICE("{\"kind\":\""));
    audit_small_add(out, rg_slice_of(kind));
    if (event->session_id != 0) {
        audit_small_add(out, RG_SLICE("\",\"session\":\""));
        audit_small_hex(out, event->session_id);
    }
    if (audit_kind_is_decided(event->kind)) {
        bool is_statement = event->kind == AUDIT_STATEMENT;
        audit_small_add(out, is_statement ? RG_SLICE("\",\"statement\":\"") : RG_SLICE("\",\"request\":\""));
        audit_small_hex(out, event->statement_id);
    }
    audit_small_add(out, event->is_break_glass ? RG_SLICE("\",\"break_glass\":true") : RG_SLICE("\""));
}

static void add_ruling(const struct audit_event *event, struct audit_small *out)
{
    static const char *const phases[] = {[AUDIT_COMBINED] = ",\"phase\":\"combined\"",
                                         [AUDIT_DECISION] = ",\"phase\":\"decision\"",
                                         [AUDIT_OUTCOME] = ",\"phase\":\"outcome\""};
    static const char *const verdicts[] = {[AUDIT_DENIED] = ",\"verdict\":\"denied\"",
                                           [AUDIT_ALLOWED] = ",\"verdict\":\"allowed\"",
                                           [AUDIT_REWRITTEN] = ",\"verdict\":\"rewritten\""};
    audit_small_add(out, rg_slice_of(phases[event->phase]));
    audit_small_add(out, rg_slice_of(verdicts[event->verdict]));
    if (event->kind == AUDIT_HTTP) {
        audit_web_add_result(event, out);
        return;
    }
    audit_web_add_reference(event, out);
    audit_web_add_guest(event, out);
    if (event->phase != AUDIT_DECISION) {
        audit_small_add(out, RG_SLICE(",\"rows\":"));
        audit_small_number(out, event->rows);
        audit_small_add(out, RG_SLICE(",\"bytes\":"));
        audit_small_number(out, event->bytes);
        audit_small_add(out, RG_SLICE(",\"duration_us\":"));
        audit_small_number(out, event->duration_us);
    }
}

static rg_status put_message(const struct record *record, struct rg_buf *out)
{
    const struct audit_encoder *encoder = record->encoder;
    struct audit_message message = {.has_more = record->part < record->part_count,
                                    .tenant = rg_buf_slice(&record->session->tenant),
                                    .rg = rg_buf_slice(&encoder->rg),
                                    .ocsf = rg_buf_slice(&encoder->ocsf)};
    return audit_message_encode(&message, out);
}

/* The same pieces in the same order for both objects. */
static rg_status put_end(const struct record *record, bool has_rest)
{
    struct audit_encoder *encoder = record->encoder;
    if (has_rest) {
        RG_TRY(rg_buf_put(&encoder->rg, rg_buf_slice(&encoder->rest.rg)));
        RG_TRY(rg_buf_put(&encoder->ocsf, rg_buf_slice(&encoder->rest.ocsf)));
    }
    RG_TRY(rg_buf_put(&encoder->ocsf, rg_buf_slice(&record->session->ocsf)));
    if (record->part == 1) {
        RG_TRY(rg_buf_put(&encoder->rg, rg_buf_slice(&record->session->rg)));
    }
    if (record->part == 1 && record->statement != NULL) {
        RG_TRY(rg_buf_put(&encoder->rg, rg_buf_slice(&record->statement->rg)));
        RG_TRY(rg_buf_put(&encoder->ocsf, rg_buf_slice(&record->statement->ocsf)));
        if (record->event->kind == AUDIT_STATEMENT) {
            RG_TRY(rg_buf_put(&encoder->rg, rg_buf_slice(&encoder->values.rg)));
        }
    } else if (record->event->kind == AUDIT_HTTP) {
        RG_TRY(rg_buf_put(&encoder->ocsf, audit_web_continued(record->event)));
    }
    RG_TRY(rg_buf_put_u8(&encoder->rg, '}'));
    return rg_buf_put_u8(&encoder->ocsf, '}');
}

static rg_status put_start(const struct record *record, const char *kind)
{
    struct audit_encoder *encoder = record->encoder;
    struct audit_small small;
    bool is_first = record->part == 1;
    small.size = 0;
    add_ids(record->event, kind, &small);
    if (is_first && audit_kind_is_decided(record->event->kind)) {
        add_ruling(record->event, &small);
    }
    rg_buf_clear(&encoder->rg);
    rg_buf_clear(&encoder->ocsf);
    RG_TRY(rg_buf_put(&encoder->rg, audit_small_slice(&small)));
    return audit_ocsf_put_start(record->event, rg_buf_slice(&record->session->metadata), is_first ? 0 : record->part,
                                &encoder->ocsf);
}

static rg_status put_first(struct record *record, struct rg_buf *out)
{
    bool has_rest = audit_piece_has_rest(record->event) || record->encoder->longs.count > 0;
    if (has_rest) {
        RG_TRY(make_rest(record));
    }
    RG_TRY(put_start(record, audit_kind_name(record->event->kind)));
    RG_TRY(put_end(record, has_rest));
    return put_message(record, out);
}

/* ---- continuation records ---- */

static rg_status write_bytes(struct audit_writer *writer, const struct audit_long_text *text, struct rg_slice bytes)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, (size_t)2 * B64_PIECE);
    struct rg_slice value = bytes;
    if (!text->is_valid) {
        RG_TRY(rg_base64_encode(bytes, &arena, &value));
    }
    if (json_object_set_new_nocheck(writer->rg, text->is_valid ? "text" : "b64",
                                    json_stringn(value.data, value.size)) != 0) {
        return rg_fail(RG_INTERNAL, "cannot put a piece of \"%s\" into an audit record", text->field);
    }
    return RG_OK;
}

static rg_status put_part(struct record *record, const struct audit_long_text *text, struct rg_slice bytes,
                          struct rg_buf *out)
{
    struct audit_encoder *encoder = record->encoder;
    RG_AUTO(audit_writer_done) struct audit_writer writer;
    audit_writer_init(&writer, record->event, &encoder->longs);
    RG_TRY(write_part_number(&writer, record));
    (void)json_object_set_new_nocheck(writer.rg, "field", json_string(text->field));
    audit_writer_digest(&writer, writer.rg, "sha256", &text->sha256);
    RG_TRY(write_bytes(&writer, text, bytes));
    RG_TRY(audit_writer_finish(&writer, &encoder->rest));
    RG_TRY(put_start(record, "part"));
    RG_TRY(put_end(record, true));
    return put_message(record, out);
}

static rg_status put_parts(struct record *record, struct rg_buf *out)
{
    const struct audit_long_list *longs = &record->encoder->longs;
    for (size_t i = 0; i < longs->count; i++) {
        const struct audit_long_text *text = &longs->texts[i];
        struct rg_slice rest = text->bytes;
        while (rest.size > 0) {
            size_t size = piece_size(text, rest);
            record->part++;
            RG_TRY(put_part(record, text, rg_slice_cut(rest, 0, size), out));
            rest = rg_slice_cut(rest, size, SIZE_MAX);
        }
    }
    return RG_OK;
}

static rg_status encode(struct audit_encoder *encoder, const struct audit_event *event, struct rg_buf *out)
{
    struct record record = {.encoder = encoder, .event = event, .part = 1, .part_count = 1};
    audit_long_list_clear(&encoder->longs);
    RG_TRY(get_piece(&record, AUDIT_PIECE_SESSION, &record.session));
    if (audit_kind_is_decided(event->kind)) {
        RG_TRY(get_piece(&record, AUDIT_PIECE_STATEMENT, &record.statement));
    }
    if (event->kind == AUDIT_STATEMENT) {
        RG_TRY(audit_values_put_plain(event, &encoder->values)
                   ? RG_OK
                   : make_piece(&record, audit_piece_write_values, &encoder->values));
    }
    RG_TRY(put_first(&record, out));
    return put_parts(&record, out);
}

static rg_status encode_sealed(struct audit_encoder *encoder, const struct audit_event *event, struct rg_buf *out)
{
    struct audit_event sealed;
    RG_TRY(audit_sealer_event(encoder->sealer, event, out, &sealed));
    return encode(encoder, &sealed, out);
}

rg_status audit_encoder_put(struct audit_encoder *encoder, const struct audit_event *event, struct rg_buf *out)
{
    if (event->kind <= AUDIT_NONE || event->kind >= AUDIT_KIND_COUNT) {
        return rg_fail(RG_INTERNAL, "audit event without kind");
    }
    size_t before = rg_buf_size(out);
    rg_status status = encoder->sealer == NULL ? encode(encoder, event, out) : encode_sealed(encoder, event, out);
    if (!rg_is_ok(status)) {
        rg_buf_truncate(out, before);
        audit_encoder_undo(encoder);
    }
    return status;
}

rg_status audit_encoder_seal(struct audit_encoder *encoder, struct rg_slice origin)
{
    struct audit_sealer *sealer = NULL;
    RG_TRY(audit_sealer_new(origin, NULL, &sealer));
    audit_sealer_free(&encoder->sealer);
    encoder->sealer = sealer;
    return RG_OK;
}

void audit_encoder_undo(struct audit_encoder *encoder)
{
    if (encoder->sealer != NULL) {
        audit_sealer_undo(encoder->sealer);
    }
}

void audit_encoder_forget(struct audit_encoder *encoder, const struct rg_digest *name)
{
    if (encoder->sealer != NULL) {
        audit_sealer_forget(encoder->sealer, name);
    }
}

rg_status audit_record_encode(const struct audit_event *event, struct rg_buf *out)
{
    RG_AUTO(encoder_done) struct audit_encoder encoder;
    encoder_init(&encoder);
    return audit_encoder_put(&encoder, event, out);
}

struct audit_encoder *audit_encoder_new(void)
{
    struct audit_encoder *encoder = rg_memory_alloc(sizeof *encoder);
    encoder_init(encoder);
    encoder->cache = audit_cache_new();
    return encoder;
}

void audit_encoder_free(struct audit_encoder **encoder)
{
    struct audit_encoder *old = *encoder;
    *encoder = NULL;
    if (old != NULL) {
        encoder_done(old);
        rg_memory_free(old);
    }
}
