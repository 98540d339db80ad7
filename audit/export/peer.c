/* SPDX-License-Identifier: Apache-2.0 */
/* Watches one peer: its checkpoints may only grow. What is seen goes into this node's own log, where the peer cannot
 * take it back. Whether the peer's growth is consistent is settled by `rowgate audit verify` over all nodes' logs. */
#include "audit/export/peer.h"

#include <inttypes.h>
#include <stdio.h>

#include "audit/export/http.h"
#include "audit/keys_list.h"
#include "audit/rollback.h"
#include "base/rg_memory.h"

enum { TEXTS = 16 * 1024, NOTE_BYTES = 16 * 1024, TROUBLE_MAX = 480, KEYS_ARENA = 64 * 1024 * 1024 };

static const int64_t second_us = 1000000;

struct peer {
    struct rg_arena arena; /* of the options' texts */
    char name[EXPORT_NAME_MAX + 1];
    struct rg_slice origin;
    const char *url;
    struct audit_vkey root;
    struct export_http *http;
    int64_t every_us;
    uint64_t quiet_growth; /* records that peers' records alone can make */

    struct rg_arena keys_arena;
    struct audit_keys *keys; /* NULL = not fetched yet */

    bool has_cursor;
    uint64_t size; /* the newest that was seen; 0 = none */
    struct rg_digest root_hash;
    uint64_t recorded_size; /* the newest that was recorded since the start */
    int64_t recorded_us;    /* monotonic; 0 = not since the start */
    int64_t asked_us;       /* monotonic; 0 = never */
    char trouble[TROUBLE_MAX + 1];
};

/* ---- the cursor: the newest note ---- */

static bool parse_note(struct rg_slice bytes, struct audit_note *note, struct audit_checkpoint *out_checkpoint)
{
    return rg_is_ok(audit_note_parse(bytes, note)) && rg_is_ok(audit_checkpoint_parse(note->text, out_checkpoint)) &&
           out_checkpoint->size > 0;
}

static rg_status load_cursor(struct peer *peer, struct export_turn *turn)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena = {0};
    struct rg_slice bytes = {0};
    struct audit_checkpoint checkpoint = {0};
    struct audit_note *note = NULL;
    if (peer->has_cursor) {
        return RG_OK;
    }
    rg_arena_init(&arena, EXPORT_CURSOR_MAX + TEXTS);
    RG_TRY(export_cursor_load(turn, &arena, &bytes));
    RG_TRY(rg_arena_new(&arena, &note));
    if (parse_note(bytes, note, &checkpoint) && rg_slice_is_equal(checkpoint.origin, peer->origin)) {
        peer->size = checkpoint.size;
        peer->root_hash = checkpoint.root;
    }
    peer->has_cursor = true;
    return RG_OK;
}

/* ---- asking ---- */

static rg_status get(struct peer *peer, struct export_turn *turn, const char *path, struct rg_slice *out_body)
{
    const struct export_http_request request = {.method = "GET", .path = path};
    long status = 0;
    RG_TRY(export_http_send(peer->http, turn, &request, &status, out_body));
    return status == 200 ? RG_OK : export_http_fail(peer->http, &request, status);
}

static rg_status fetch_lists(struct peer *peer, struct export_turn *turn, struct rg_arena *arena,
                             struct audit_keys *keys)
{
    uint64_t epochs[AUDIT_LISTS_MAX];
    struct rg_slice lists[AUDIT_LISTS_MAX];
    size_t count = 0;
    struct rg_slice body = {0};
    RG_TRY(get(peer, turn, "/keys", &body));
    RG_TRY(peer_epochs_parse(body, epochs, AUDIT_LISTS_MAX, &count));
    for (size_t i = 0; i < count; i++) {
        char path[32];
        (void)snprintf(path, sizeof path, "/keys/%08" PRIu64, epochs[i]);
        RG_TRY(get(peer, turn, path, &body));
        RG_TRY(rg_arena_copy(arena, body, &lists[i]));
    }
    RG_TRY(audit_keys_parse(lists, count, &peer->root, arena, keys));
    return rg_slice_is_equal(keys->origin, peer->origin)
               ? RG_OK
               : rg_fail(RG_PROTOCOL, "%s has the keys of another log", peer->url);
}

static rg_status fetch_keys(struct peer *peer, struct export_turn *turn)
{
    struct rg_arena arena;
    struct audit_keys *keys = NULL;
    rg_arena_init(&arena, KEYS_ARENA);
    rg_status status = rg_arena_new(&arena, &keys);
    if (rg_is_ok(status)) {
        status = fetch_lists(peer, turn, &arena, keys);
    }
    if (!rg_is_ok(status)) {
        rg_arena_done(&arena);
        return status;
    }
    rg_arena_done(&peer->keys_arena);
    peer->keys_arena = arena;
    peer->keys = keys;
    return RG_OK;
}

/* Keys that are not known yet may have come with a rotation. */
static rg_status check_signature(struct peer *peer, struct export_turn *turn, const struct audit_note *note)
{
    if (peer->keys != NULL && audit_keys_have_signed(peer->keys, note)) {
        return RG_OK;
    }
    RG_TRY(fetch_keys(peer, turn));
    return audit_keys_have_signed(peer->keys, note)
               ? RG_OK
               : rg_fail(RG_PROTOCOL, "%s/checkpoint is not signed by a key that the peer's root vouches for",
                         peer->url);
}

/* ---- what it means ---- */

static rg_status say(struct peer *peer, struct export_turn *turn)
{
    const struct audit_event event = {.kind = AUDIT_EXPORT_STATE,
                                      .wall_us = rg_clock_wall_us(turn->clock),
                                      .verdict = AUDIT_DENIED,
                                      .object = rg_slice_of(peer->name),
                                      .message = rg_slice_of(peer->trouble)};
    export_warn(turn, peer->trouble);
    RG_TRY(export_record(turn, &event));
    return rg_fail(RG_PROTOCOL, "%s", peer->trouble);
}

/* RG_PROTOCOL when it contradicts what was seen before. */
static rg_status check_growth(struct peer *peer, struct export_turn *turn, const struct audit_checkpoint *checkpoint)
{
    bool is_other = checkpoint->size == peer->size &&
                    memcmp(checkpoint->root.bytes, peer->root_hash.bytes, sizeof peer->root_hash.bytes) != 0;
    if (checkpoint->size >= peer->size && !is_other) {
        return RG_OK;
    }
    bool is_new = peer->trouble[0] == '\0';
    (void)snprintf(peer->trouble, sizeof peer->trouble,
                   is_other ? "FORK: %.150s has signed two logs: two checkpoints of %" PRIu64
                              " records have different roots (now %" PRIu64 ")"
                            : "ROLLBACK: %.150s had signed %" PRIu64 " records, and now says %" PRIu64
                              ": records were removed, or an old copy restored",
                   peer->origin.data, peer->size, checkpoint->size);
    return is_new ? say(peer, turn) : rg_fail(RG_PROTOCOL, "%s", peer->trouble);
}

static bool is_worth_a_record(const struct peer *peer, const struct export_turn *turn, uint64_t size)
{
    int64_t since_us = rg_clock_monotonic_us(turn->clock) - peer->recorded_us;
    if (peer->recorded_us == 0) {
        return true;
    }
    bool is_quiet = size <= peer->recorded_size + peer->quiet_growth;
    return size > peer->recorded_size && since_us >= (is_quiet ? 3600 : 60) * second_us;
}

static rg_status take(struct peer *peer, struct export_turn *turn, struct rg_slice bytes,
                      const struct audit_checkpoint *checkpoint)
{
    const struct audit_event event = {
        .kind = AUDIT_PEER_CKPT, .wall_us = rg_clock_wall_us(turn->clock), .object = peer->origin, .message = bytes};
    if (is_worth_a_record(peer, turn, checkpoint->size)) {
        RG_TRY(export_record(turn, &event));
        peer->recorded_size = checkpoint->size;
        peer->recorded_us = rg_clock_monotonic_us(turn->clock);
    }
    if (checkpoint->size > peer->size) {
        RG_TRY(export_cursor_store(turn, bytes));
        peer->size = checkpoint->size;
        peer->root_hash = checkpoint->root;
    }
    return RG_OK;
}

/* ---- the turn ---- */

static rg_status look(struct peer *peer, struct export_turn *turn)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct audit_note *note = NULL;
    struct audit_checkpoint checkpoint = {0};
    struct rg_slice body = {0};
    struct rg_slice bytes = {0};
    rg_arena_init(&arena, 2 * NOTE_BYTES);
    RG_TRY(get(peer, turn, "/checkpoint", &body));
    if (body.size > NOTE_BYTES / 2) {
        return rg_fail(RG_PROTOCOL, "%s/checkpoint has %zu bytes: it is no checkpoint", peer->url, body.size);
    }
    RG_TRY(rg_arena_copy(&arena, body, &bytes)); /* the handle is used again for keys */
    RG_TRY(rg_arena_new(&arena, &note));
    if (!parse_note(bytes, note, &checkpoint) || !rg_slice_is_equal(checkpoint.origin, peer->origin)) {
        return rg_fail(RG_PROTOCOL, "%s/checkpoint is no checkpoint of %.*s", peer->url, rg_slice_shown(peer->origin),
                       peer->origin.data);
    }
    RG_TRY(check_signature(peer, turn, note));
    RG_TRY(check_growth(peer, turn, &checkpoint));
    return take(peer, turn, bytes, &checkpoint);
}

static rg_status take_turn(void *context, struct export_turn *turn)
{
    struct peer *peer = context;
    int64_t now_us = rg_clock_monotonic_us(turn->clock);
    int64_t due_us = peer->asked_us == 0 ? 0 : peer->asked_us + peer->every_us;
    RG_TRY(load_cursor(peer, turn));
    export_confirm(turn, turn->size, 0); /* nothing of this log goes there: there is no lag */
    if (now_us < due_us || (turn->is_last && peer->asked_us != 0)) {
        turn->next_us = due_us;
        return peer->trouble[0] == '\0' ? RG_OK : rg_fail(RG_PROTOCOL, "%s", peer->trouble);
    }
    rg_status status = look(peer, turn);
    if (rg_is_ok(status) && peer->trouble[0] != '\0') { /* until the process ends, so that nobody overlooks it */
        status = rg_fail(RG_PROTOCOL, "%s", peer->trouble);
    }
    RG_TRY(status);
    peer->asked_us = now_us;
    turn->next_us = now_us + peer->every_us;
    return RG_OK;
}

static void free_peer(void *context)
{
    struct peer *peer = context;
    export_http_close(&peer->http);
    rg_arena_done(&peer->keys_arena);
    rg_arena_done(&peer->arena);
    rg_memory_free(peer);
}

static rg_status set_up(const struct peer_options *options, struct peer *peer)
{
    struct rg_slice url = {0};
    struct rg_slice root = {0};
    const struct export_http_options http = {.url = options->url,
                                             .ca_file = options->ca_file,
                                             .timeout_us = options->timeout_us,
                                             .answer_max = PEER_ANSWER_MAX};
    rg_arena_init(&peer->arena, TEXTS);
    (void)snprintf(peer->name, sizeof peer->name, "peer/%.280s", options->origin);
    RG_TRY(rg_arena_copy(&peer->arena, rg_slice_of(options->origin), &peer->origin));
    RG_TRY(rg_arena_copy(&peer->arena, rg_slice_of(options->url), &url));
    RG_TRY(rg_arena_copy(&peer->arena, rg_slice_of(options->root), &root));
    RG_TRY(audit_vkey_parse(root, &peer->root));
    peer->url = url.data;
    peer->every_us = options->every_us;
    peer->quiet_growth = 2 * (uint64_t)options->member_count + 2;
    return export_http_open(&http, &peer->http);
}

rg_status peer_task_new(const struct peer_options *options, struct export_task *out_task)
{
    struct peer *peer = rg_memory_alloc(sizeof *peer);
    rg_status status = set_up(options, peer);
    if (!rg_is_ok(status)) {
        free_peer(peer);
        return rg_is_ok(status) || status.error->kind != RG_PROTOCOL
                   ? status
                   : rg_fail(RG_CONFIG, "[audit.cluster] peer %s: \"root\" is no root's key", options->origin);
    }
    *out_task = (struct export_task){.name = peer->name, .turn = take_turn, .free = free_peer, .context = peer};
    return RG_OK;
}

/* ---- members ---- */

struct members {
    struct rg_arena arena;
    struct rg_slice text;
    bool is_done;
};

static rg_status take_members_turn(void *context, struct export_turn *turn)
{
    struct members *members = context;
    RG_AUTO(rg_arena_done) struct rg_arena arena = {0};
    struct rg_slice before = {0};
    const struct audit_event event = {
        .kind = AUDIT_CLUSTER_MEMBERS, .wall_us = rg_clock_wall_us(turn->clock), .message = members->text};
    export_confirm(turn, turn->size, 0);
    if (members->is_done) {
        return RG_OK;
    }
    rg_arena_init(&arena, EXPORT_CURSOR_MAX + 1024);
    RG_TRY(export_cursor_load(turn, &arena, &before));
    if (!rg_slice_is_equal(before, members->text)) {
        RG_TRY(export_record(turn, &event));
        RG_TRY(export_cursor_store(turn, members->text));
    }
    members->is_done = true;
    return RG_OK;
}

static void free_members(void *context)
{
    struct members *members = context;
    rg_arena_done(&members->arena);
    rg_memory_free(members);
}

void members_task_new(struct rg_slice text, struct export_task *out_task)
{
    struct members *members = rg_memory_alloc(sizeof *members);
    rg_arena_init(&members->arena, text.size + 1024);
    rg_status status = rg_arena_copy(&members->arena, text, &members->text);
    RG_ASSERT(rg_is_ok(status));
    *out_task =
        (struct export_task){.name = "members", .turn = take_members_turn, .free = free_members, .context = members};
}
