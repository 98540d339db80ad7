/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_AUDITOR_PRIVATE_H
#define RG_AUDIT_AUDITOR_PRIVATE_H

#include <poll.h>

#include "audit/channel.h"
#include "audit/control.h"
#include "audit/keep/keep.h"
#include "audit/keep/order_server.h"
#include "audit/keep/subjects.h"
#include "audit/log.h"

#define AUDITOR_RING_DIRECTORY "ring" /* in the log's */

enum {
    AUDITOR_CHANNELS_MAX = 256,
    AUDITOR_RINGS_MAX = 64,               /* 64 MiB on the disk; further channels use their sockets */
    AUDITOR_DOORS_MAX = 8,                /* a gateway's, the exporter's, and those of some that just died */
    AUDITOR_HELD_MAX = 512 * 1024 * 1024, /* bytes of all channels together from which no large one may grow */
    AUDITOR_POLLS_MAX = 1 + AUDITOR_DOORS_MAX + AUDITOR_CHANNELS_MAX + AUDIT_ORDERS_POLLS_MAX,
};

struct auditor_door {
    int fd; /* -1 = closed in this turn */
    enum audit_source source;
};

/* What clients did that they may not: recorded at once, then at most once a second, with how often. */
struct auditor_misbehaviour {
    uint64_t count; /* not recorded yet */
    int64_t next_us;
    char text[256];
};

struct auditor {
    struct audit_log log;
    struct rg_log *log_out; /* NULL = none */
    struct audit_json *json;
    int control_fd;
    char order[AUDIT_CONTROL_MAX]; /* the supervisor's message that is being obeyed */
    bool is_stopping;
    bool is_not_publishing; /* as it was said in the operational log */
    bool is_waiting;        /* for space on the disk: the log holds records that are not durable; no more are taken */
    struct auditor_door doors[AUDITOR_DOORS_MAX];
    size_t door_count;
    struct audit_channel *channels[AUDITOR_CHANNELS_MAX];
    size_t channel_count;
    uint64_t opened_count;
    size_t ring_count;
    uint64_t turn_seq;                      /* records before the first turn whose takings are not durable */
    int64_t ring_us;                        /* when a ring last held something */
    int64_t ring_look_us;                   /* between two looks; 0 = not looked yet */
    uint64_t ring_bytes;                    /* the most that was taken from one of them since the last look */
    bool are_rings_asleep;                  /* their clients were told to wake us */
    bool are_rings_closed;                  /* nothing more is taken from them, ever */
    struct pollfd polls[AUDITOR_POLLS_MAX]; /* control, doors, channels, orders */
    struct audit_answer state;              /* as everybody was told, or will be */
    char reason[AUDIT_REASON_MAX + 1];
    bool is_state_due; /* to the supervisor */
    uint64_t told_seq; /* records of which the supervisor knows that they are durable */
    int64_t told_us;   /* since when */
    struct auditor_misbehaviour misbehaviour;
    struct audit_subjects *subjects; /* NULL = the log has no store of subjects' keys */
    char subjects_trouble[256];      /* as it was said in the operational log */
    struct audit_keep keep;
    uint64_t prune_ticket;
    struct audit_orders *orders; /* NULL = the socket could not be made */
};

/* auditor_door.c: one message of the supervisor after the other; new channels from a door. */
rg_status auditor_take_orders(struct auditor *auditor) RG_MUST_CHECK;
void auditor_take_channels(struct auditor *auditor, size_t door);
/* auditor_rings.c: the rings of durability "written". A channel without one is none of its matter. */
void auditor_give_ring(struct auditor *auditor, struct audit_channel *channel);
/* Takes what its ring holds. RG_STORAGE closes the log; RG_PROTOCOL: the client put nonsense there. */
rg_status auditor_take_ring(struct auditor *auditor, struct audit_channel *channel, bool *out_has_taken) RG_MUST_CHECK;
void auditor_settle_rings(struct auditor *auditor); /* what was taken is durable */
/* How long the auditor may wait for something else before it has to look into the rings; tells their clients when it
 * goes to sleep. */
int64_t auditor_ring_wait_us(struct auditor *auditor);
/* Ends a channel that did nothing wrong by itself: its ring is told so and looked at a last time in this turn, so that
 * nothing is lost that its client believes. Before the turn's rings are taken. */
void auditor_end_channel(struct auditor *auditor, struct audit_channel *channel, const char *why);
/* A client that made its ring shorter or longer is refused; one whose ring was removed gets another. */
void auditor_watch_rings(struct auditor *auditor);
/* From now on no client believes what it puts. What is there already stays, for now or for the next auditor. */
void auditor_close_rings(struct auditor *auditor);
/* Before the channel is closed: the file goes, unless it holds what is not durable. */
void auditor_drop_ring(struct auditor *auditor, struct audit_channel *channel);
/* Takes what rings of earlier auditors hold and the log does not. RG_STORAGE. */
rg_status auditor_recover_rings(struct auditor *auditor) RG_MUST_CHECK;
/* auditor.c: one event, its record and the continuation records behind it. *out_seq is the first one's. channel may be
 * NULL for an event that does not begin with a key. */
rg_status auditor_append_event(struct auditor *auditor, struct audit_channel *channel, struct rg_slice event,
                               uint64_t *out_seq) RG_MUST_CHECK;
/* auditor_orders.c: operators' orders. Without a socket there are none. */
rg_status auditor_open_orders(struct auditor *auditor, struct rg_slice retention) RG_MUST_CHECK;
rg_status auditor_serve_orders(struct auditor *auditor, const struct pollfd *polls) RG_MUST_CHECK;
/* auditor_subjects.c: the keys of subjects, when the log has a store of them. */
rg_status auditor_open_subjects(struct auditor *auditor, const struct auditor_options *options) RG_MUST_CHECK;
/* Takes the key off an event that begins with one. RG_PROTOCOL: the client's doing; RG_STORAGE. */
rg_status auditor_take_key(struct auditor *auditor, struct audit_channel *channel,
                           struct rg_slice *event) RG_MUST_CHECK;
rg_status auditor_commit_keys(struct auditor *auditor) RG_MUST_CHECK;
rg_status auditor_tend_subjects(struct auditor *auditor) RG_MUST_CHECK;
/* auditor_state.c: what is told to whom. */
void auditor_set_state(struct auditor *auditor, enum audit_state state, const char *reason);
void auditor_look_state(struct auditor *auditor); /* asks the log */
/* Says in the operational log when checkpoints cannot be written, and when they can again. */
void auditor_look_publishing(struct auditor *auditor);
void auditor_tell_state(struct auditor *auditor); /* to the supervisor; each channel is told with its answers */
void auditor_on_misbehaviour(struct auditor *auditor, uint64_t channel_number, const char *what);
/* Records it when it is due. RG_STORAGE. */
rg_status auditor_note_misbehaviour(struct auditor *auditor) RG_MUST_CHECK;
/* An outcome of audit_log_commit, note or seal: with a full disk the auditor goes on, and waits. RG_STORAGE. */
rg_status auditor_absorb(struct auditor *auditor, rg_status status) RG_MUST_CHECK;
rg_status auditor_note(struct auditor *auditor, enum audit_kind kind, struct rg_slice text) RG_MUST_CHECK;
/* When the supervisor wants to hear of records that became durable; INT64_MAX = of none. */
int64_t auditor_tell_due_us(const struct auditor *auditor);
int64_t auditor_now_us(const struct auditor *auditor);

#endif
