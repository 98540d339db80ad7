/* SPDX-License-Identifier: Apache-2.0 */
/* Asks a witness to cosign: sends the newest checkpoint with the proof from the one that it cosigned last, sends it the
 * log's lists of keys when it lacks them, and says what it means when it refuses. */
#include "audit/export/witness.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "audit/cosign.h"
#include "audit/export/depot_private.h"
#include "audit/export/http.h"
#include "audit/keys_list.h"
#include "audit/line.h"
#include "audit/note_text.h"
#include "audit/publisher.h"
#include "audit/reader.h"
#include "audit/trail/tiles.h"
#include "audit/witness/witness.h"
#include "base/rg_memory.h"

enum { ARENA_BYTES = 32 * 1024, NOTE_BYTES = 32 * 1024, ANSWER_MAX = 16 * 1024, TROUBLE_MAX = 480, TRIES = 3 };

static const int64_t every_us = INT64_C(5) * 1000000;

struct asker {
    struct rg_arena arena; /* of the options' texts */
    char name[EXPORT_NAME_MAX + 1];
    const char *url;
    struct audit_cosigner cosigner;
    struct export_http *http;
    bool has_cursor;
    uint64_t size;                 /* that the witness cosigned last; 0 = none */
    int64_t done_us;               /* monotonic: when; 0 = not since the start */
    int64_t behind_us;             /* monotonic: when the witness was found to know more first; 0 = it does not */
    char trouble[TROUBLE_MAX + 1]; /* a rollback or a fork; "" = none */
};

/* One attempt's memory. */
struct question {
    struct asker *asker;
    struct export_turn *turn;
    struct rg_arena *arena;
    struct rg_slice bytes; /* of the note */
    struct audit_checkpoint checkpoint;
    struct rg_digest *proof;
    size_t proof_count;
};

/* ---- the cursor: "cosigned 0000000000001234\n" ---- */

static rg_status load_cursor(struct asker *asker, struct export_turn *turn)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena = {0};
    struct rg_slice word = RG_SLICE("cosigned ");
    struct rg_slice text = {0};
    uint64_t size = 0;
    if (asker->has_cursor) {
        return RG_OK;
    }
    rg_arena_init(&arena, EXPORT_CURSOR_MAX + 1024);
    RG_TRY(export_cursor_load(turn, &arena, &text));
    bool is_good = rg_slice_has_prefix(text, word) && text.size == word.size + AUDIT_DIGITS + 1 &&
                   audit_line_digits_parse(rg_slice_cut(text, word.size, AUDIT_DIGITS), &size);
    asker->size = is_good ? size : 0;
    asker->has_cursor = true;
    return RG_OK;
}

static rg_status store_cursor(struct asker *asker, struct export_turn *turn, uint64_t size)
{
    char text[64];
    (void)snprintf(text, sizeof text, "cosigned %016" PRIu64 "\n", size);
    RG_TRY(export_cursor_store(turn, rg_slice_of(text)));
    asker->size = size;
    return RG_OK;
}

/* ---- what is asked ---- */

/* *out_is_there false: it is gone already, the next turn has a newer one. */
static rg_status load_note(struct question *question, bool *out_is_there)
{
    char path[AUDIT_NOTE_PATH_SIZE];
    struct stat info;
    struct audit_note *note = NULL;
    audit_note_path(question->turn->size, path);
    rg_status status =
        depot_read_file(question->turn->directory_fd, path, NOTE_BYTES, question->arena, &question->bytes);
    *out_is_there = rg_is_ok(status);
    if (!rg_is_ok(status) && fstatat(question->turn->directory_fd, path, &info, AT_SYMLINK_NOFOLLOW) != 0) {
        return RG_OK;
    }
    RG_TRY(status);
    RG_TRY(rg_arena_new(question->arena, &note));
    RG_TRY(audit_note_parse(question->bytes, note));
    return audit_checkpoint_parse(note->text, &question->checkpoint);
}

static rg_status make_proof(struct question *question, uint64_t old_size)
{
    struct trail_tiles *tiles = rg_memory_alloc(sizeof *tiles); /* much for a frame */
    const struct audit_tree_source source = {.get = trail_tiles_get, .context = tiles};
    tiles->directory_fd = question->turn->directory_fd;
    question->proof = NULL;
    question->proof_count = 0;
    rg_status status = RG_OK;
    if (old_size > 0 && old_size < question->checkpoint.size) {
        status = audit_tree_prove_consistency(&source, old_size, question->checkpoint.size, question->arena,
                                              &question->proof, &question->proof_count);
    }
    rg_memory_free(tiles);
    return status;
}

static rg_status send(const struct question *question, const char *path, struct rg_slice body, long *out_status,
                      struct rg_slice *out_body)
{
    static const char *const headers[] = {"Content-Type: text/plain; charset=utf-8", NULL};
    const struct export_http_request request = {.method = "POST", .path = path, .headers = headers, .body = body};
    return export_http_send(question->asker->http, question->turn, &request, out_status, out_body);
}

static rg_status submit(struct question *question, uint64_t old_size, long *out_status, struct rg_slice *out_body)
{
    RG_AUTO(rg_buf_done) struct rg_buf body;
    rg_buf_init(&body, WITNESS_CHECKPOINT_MAX);
    RG_TRY(make_proof(question, old_size));
    RG_TRY(witness_submission_encode(old_size, question->proof, question->proof_count, question->bytes, &body));
    return send(question, "/add-checkpoint", rg_buf_slice(&body), out_status, out_body);
}

/* ---- answers ---- */

/* Said once in the log and in the operational log; the task fails until the process ends. */
static rg_status say(struct question *question, const char *what)
{
    struct asker *asker = question->asker;
    bool is_new = strncmp(asker->trouble, what, strcspn(what, ":")) != 0;
    (void)snprintf(asker->trouble, sizeof asker->trouble, "%.*s", TROUBLE_MAX, what);
    if (is_new) {
        const struct audit_event event = {.kind = AUDIT_EXPORT_STATE,
                                          .wall_us = rg_clock_wall_us(question->turn->clock),
                                          .verdict = AUDIT_DENIED,
                                          .object = rg_slice_of(asker->name),
                                          .message = rg_slice_of(asker->trouble)};
        export_warn(question->turn, asker->trouble);
        RG_TRY(export_record(question->turn, &event));
    }
    return rg_fail(RG_PROTOCOL, "%s", asker->trouble);
}

/* After a power loss the newest checkpoint on the disk can be a moment behind, until the auditor signs again. */
static bool is_patient(struct question *question)
{
    const int64_t patience_us = INT64_C(5) * 1000000;
    struct asker *asker = question->asker;
    int64_t now_us = rg_clock_monotonic_us(question->turn->clock);
    asker->behind_us = asker->behind_us == 0 ? now_us : asker->behind_us;
    return now_us - asker->behind_us < patience_us;
}

static rg_status say_rollback(struct question *question, uint64_t theirs)
{
    char text[TROUBLE_MAX + 1];
    (void)snprintf(text, sizeof text,
                   "ROLLBACK: the witness at %.200s says that it has cosigned %" PRIu64
                   " records of this log, and %" PRIu64
                   " are signed here: records were removed, or an old copy restored",
                   question->asker->url, theirs, question->checkpoint.size);
    return is_patient(question) ? rg_fail(RG_PROTOCOL, "%s", text) : say(question, text);
}

static rg_status say_fork(struct question *question, uint64_t at)
{
    char text[TROUBLE_MAX + 1];
    (void)snprintf(text, sizeof text,
                   "FORK: the witness at %.200s has cosigned another history of this log: its checkpoint of %" PRIu64
                   " records is not continued by that of %" PRIu64 " here",
                   question->asker->url, at, question->checkpoint.size);
    return say(question, text);
}

static rg_status make_directory(const struct export_turn *turn)
{
    bool is_there = mkdirat(turn->directory_fd, EXPORT_COSIGNED, S_IRWXU) == 0 || errno == EEXIST;
    return is_there ? RG_OK : rg_fail(RG_STORAGE, "cannot make " EXPORT_COSIGNED ": %s", strerror(errno));
}

static rg_status keep(const struct question *question, struct rg_slice note)
{
    char name[64];
    char temporary[64];
    (void)snprintf(name, sizeof name, EXPORT_COSIGNED "/%08x.note", question->asker->cosigner.key.id);
    (void)snprintf(temporary, sizeof temporary, EXPORT_COSIGNED "/%08x.new", question->asker->cosigner.key.id);
    RG_TRY(make_directory(question->turn));
    return audit_store_put(audit_store_files(), question->turn->directory_fd, name, temporary, note, true);
}

/* The answer is the witness's word only when its key says so. Of its lines those by other keys are not kept. */
static rg_status take_cosignature(struct question *question, struct rg_slice body)
{
    RG_AUTO(rg_buf_done) struct rg_buf whole;
    struct audit_note *note = NULL;
    uint64_t time_s = 0;
    rg_buf_init(&whole, NOTE_BYTES + ANSWER_MAX);
    RG_TRY(rg_buf_put(&whole, question->bytes));
    RG_TRY(rg_buf_put(&whole, body));
    RG_TRY(rg_arena_new(question->arena, &note));
    bool is_note = rg_is_ok(audit_note_parse(rg_buf_slice(&whole), note));
    if (!is_note || !audit_note_is_cosigned_by(note, &question->asker->cosigner, &time_s)) {
        return rg_fail(RG_PROTOCOL, "%s answered without a cosignature by %.*s: is \"key\" of this witness?",
                       question->asker->url, rg_slice_shown(question->asker->cosigner.key.name),
                       question->asker->cosigner.key.name.data);
    }
    RG_TRY(keep(question, rg_buf_slice(&whole)));
    RG_TRY(store_cursor(question->asker, question->turn, question->checkpoint.size));
    export_confirm(question->turn, question->checkpoint.size, 0);
    question->asker->done_us = rg_clock_monotonic_us(question->turn->clock);
    question->asker->behind_us = 0;
    return RG_OK;
}

static bool parse_size(struct rg_slice body, uint64_t *out_size)
{
    return body.size > 1 && body.data[body.size - 1] == '\n' &&
           audit_decimal_parse(rg_slice_cut(body, 0, body.size - 1), out_size);
}

/* ---- keys ---- */

static rg_status send_list(const struct question *question, uint64_t first_epoch)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    char name[AUDIT_LIST_NAME_SIZE];
    char path[AUDIT_LIST_NAME_SIZE + 8];
    struct rg_slice list = {0};
    struct rg_slice said = {0};
    long status = 0;
    rg_arena_init(&arena, AUDIT_NOTE_MAX + 1024);
    audit_list_name(first_epoch, name);
    (void)snprintf(path, sizeof path, "keys/%s", name);
    RG_TRY(depot_read_file(question->turn->directory_fd, path, AUDIT_NOTE_MAX, &arena, &list));
    RG_TRY(send(question, "/add-keys", list, &status, &said));
    if (status == 200) {
        return RG_OK;
    }
    return rg_fail(RG_UPSTREAM,
                   "%s does not know the key of this log's checkpoint and does not take %s (HTTP status %ld: %.*s): "
                   "give it the log's root or its keys (docs/witness.md)",
                   question->asker->url, path, status, said.size > 100 ? 100 : (int)said.size,
                   said.data == NULL ? "" : said.data);
}

static rg_status send_keys(const struct question *question)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct audit_keys *keys = NULL;
    rg_arena_init(&arena, AUDIT_KEYS_ARENA);
    RG_TRY(rg_arena_new(&arena, &keys));
    RG_TRY(audit_keys_load(question->turn->directory_fd, NULL, &arena, keys));
    for (size_t i = 0; i < keys->list_count; i++) {
        RG_TRY(send_list(question, keys->lists[i].first_epoch));
    }
    return RG_OK;
}

/* ---- the turn ---- */

static rg_status refuse(const struct question *question, long status, struct rg_slice body)
{
    const struct export_http_request request = {.method = "POST", .path = "/add-checkpoint"};
    if (status == 404) {
        return rg_fail(RG_UPSTREAM, "%s does not know this log: start it with `--log` and the line of keys/root.vkey",
                       question->asker->url);
    }
    (void)body; /* export_http_fail shows it */
    return export_http_fail(question->asker->http, &request, status);
}

/* From the size that the witness is believed to know; it says another when it does not. */
static rg_status ask(struct question *question)
{
    uint64_t old_size = question->asker->size > question->checkpoint.size ? 0 : question->asker->size;
    bool has_sent_keys = false;
    for (unsigned i = 0; i < TRIES; i++) {
        long status = 0;
        struct rg_slice body = {0};
        uint64_t theirs = 0;
        RG_TRY(submit(question, old_size, &status, &body));
        if (status == 200) {
            return take_cosignature(question, body);
        }
        if (status == 422) {
            return say_fork(question, old_size);
        }
        if (status == 403 && !has_sent_keys) {
            RG_TRY(send_keys(question));
            has_sent_keys = true;
        } else if (status == 409 && parse_size(body, &theirs)) {
            if (theirs > question->checkpoint.size) {
                return say_rollback(question, theirs);
            }
            if (theirs == old_size) {
                return say_fork(question, theirs);
            }
            old_size = theirs;
        } else {
            return refuse(question, status, body);
        }
    }
    return rg_fail(RG_UPSTREAM, "%s changes its mind: it knew another size at each of %d requests",
                   question->asker->url, TRIES);
}

static rg_status ask_about_newest(struct asker *asker, struct export_turn *turn)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct question question = {.asker = asker, .turn = turn, .arena = &arena};
    bool is_there = false;
    rg_arena_init(&arena, 2 * NOTE_BYTES + ARENA_BYTES);
    RG_TRY(load_note(&question, &is_there));
    return is_there ? ask(&question) : RG_OK;
}

static rg_status take_turn(void *context, struct export_turn *turn)
{
    struct asker *asker = context;
    RG_TRY(load_cursor(asker, turn));
    export_confirm(turn, asker->size < turn->size ? asker->size : turn->size, 0);
    int64_t due_us = asker->done_us == 0 ? 0 : asker->done_us + every_us;
    if (turn->size == 0 || (turn->size == asker->size && asker->done_us != 0)) {
        return RG_OK;
    }
    if (!turn->is_last && rg_clock_monotonic_us(turn->clock) < due_us) {
        turn->next_us = due_us;
        return RG_OK;
    }
    return ask_about_newest(asker, turn);
}

static void free_asker(void *context)
{
    struct asker *asker = context;
    export_http_close(&asker->http);
    rg_arena_done(&asker->arena);
    rg_memory_free(asker);
}

static rg_status set_up(const struct export_witness_options *options, struct asker *asker)
{
    struct rg_slice url = {0};
    struct rg_slice key = {0};
    const struct export_http_options http = {
        .url = options->url, .ca_file = options->ca_file, .timeout_us = options->timeout_us, .answer_max = ANSWER_MAX};
    rg_arena_init(&asker->arena, ARENA_BYTES);
    (void)snprintf(asker->name, sizeof asker->name, "witness/%.280s", options->name);
    RG_TRY(rg_arena_copy(&asker->arena, rg_slice_of(options->url), &url));
    RG_TRY(rg_arena_copy(&asker->arena, rg_slice_of(options->key), &key));
    asker->url = url.data;
    if (!rg_is_ok(audit_cosigner_parse(key, &asker->cosigner))) {
        return rg_fail(RG_CONFIG, "[[audit.witnesses]] %s: \"key\" is no key of cosignatures (type 4)", options->name);
    }
    return export_http_open(&http, &asker->http);
}

rg_status export_witness_new(const struct export_witness_options *options, struct export_task *out_task)
{
    struct asker *asker = rg_memory_alloc(sizeof *asker);
    rg_status status = set_up(options, asker);
    if (!rg_is_ok(status)) {
        free_asker(asker);
        return status;
    }
    *out_task = (struct export_task){.name = asker->name, .turn = take_turn, .free = free_asker, .context = asker};
    return RG_OK;
}
