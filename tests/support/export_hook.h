/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_SUPPORT_EXPORT_HOOK_H
#define RG_TESTS_SUPPORT_EXPORT_HOOK_H

/* A webhook sink over a small log, with a receiver that answers by a script. */
#include "audit/class.h"
#include "audit/export/sink_webhook.h"
#include "tests/support/export_peer.h"
#include "tests/support/export_world.h"

#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define SPLUNK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 27\r\n\r\n{\"text\":\"Success\",\"code\":0}"

struct hook_world {
    struct export_world export;
    struct export_clock clock;
    struct export_task task;
    struct export_webhook_options options;
    char url[128];
};

static struct export_peer peer;

static inline void make_task(struct hook_world *world)
{
    if (world->task.free != NULL) {
        world->task.free(world->task.context);
    }
    assert_ok(export_webhook_new(&world->options, &world->task));
}

static inline void prepare(struct hook_world *world, enum export_webhook_shape shape, const char *const *script)
{
    export_clock_init(&world->clock);
    world->export.turn.clock = &world->clock.clock;
    export_peer_open(&peer, EXPORT_PEER_HTTP);
    peer.script = script;
    (void)snprintf(world->url, sizeof world->url, "http://127.0.0.1:%u/in/here", peer.port);
    world->options = (struct export_webhook_options){.name = "sink",
                                                     .shape = shape,
                                                     .url = world->url,
                                                     .ca_file = "",
                                                     .secret = RG_SLICE("key"),
                                                     .splunk_index = "",
                                                     .batch_bytes = 4096,
                                                     .timeout_us = 400000,
                                                     .classes = AUDIT_CLASS_ALL};
    make_task(world);
}

static inline void make(struct hook_world *world, enum export_webhook_shape shape, const char *const *script)
{
    memset(world, 0, sizeof *world);
    export_world_make(&world->export, 40);
    prepare(world, shape, script);
}

static inline void done(struct hook_world *world)
{
    world->task.free(world->task.context);
    export_peer_close(&peer);
    export_world_done(&world->export);
}

static inline rg_status run(struct hook_world *world)
{
    rg_status status = world->task.turn(world->task.context, &world->export.turn);
    export_peer_settle(&peer);
    return status;
}

static inline uint64_t confirmed(const struct hook_world *world)
{
    return atomic_load(&world->export.turn.slot->confirmed);
}

static inline struct rg_slice body_of(size_t at)
{
    return rg_slice_make(peer.bytes + peer.requests[at].body, peer.requests[at].end - peer.requests[at].body);
}

static inline bool has_header(size_t at, const char *header)
{
    struct rg_slice head =
        rg_slice_make(peer.bytes + peer.requests[at].start, peer.requests[at].body - peer.requests[at].start);
    return memmem(head.data, head.size, header, strlen(header)) != NULL;
}

static inline void fill_hostile(struct export_world *export)
{
    static const char hostile[] = "x\r\n\r\nHTTP/1.1 200 OK\r\n\"}\n{\"event\":{},\"time\":0} \\u0000 \x01\x7f\xff";
    static char big[200000];
    struct audit_log log = {0};
    memset(big, 'x', sizeof big);
    audit_dir_make_fast(&export->dir);
    audit_dir_open(&export->dir, &log);
    for (size_t i = 0; i < 3; i++) {
        uint64_t seq = 0;
        struct audit_event event = audit_sample(i, "acme");
        event.user = rg_slice_make(hostile, sizeof hostile - 1);
        event.sql = i == 1 ? rg_slice_make(big, sizeof big) : event.user;
        assert_ok(audit_dir_append(&log, &event, &seq));
    }
    assert_ok(audit_log_stop(&log));
    audit_log_done(&log);
    export_world_open(export, "sink");
}

#endif
