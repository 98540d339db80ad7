/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_AUDITOR_PRIVATE_H
#define RG_AUDIT_AUDITOR_PRIVATE_H

#include <poll.h>

#include "audit/channel.h"
#include "audit/control.h"
#include "audit/log.h"

enum {
    AUDITOR_CHANNELS_MAX = 256,
    AUDITOR_DOORS_MAX = 4,                /* a gateway's, and those of gateways that just died */
    AUDITOR_HELD_MAX = 512 * 1024 * 1024, /* bytes of all channels together from which no large one may grow */
    AUDITOR_POLLS_MAX = 1 + AUDITOR_DOORS_MAX + AUDITOR_CHANNELS_MAX,
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
    int doors[AUDITOR_DOORS_MAX];
    size_t door_count;
    struct audit_channel *channels[AUDITOR_CHANNELS_MAX];
    size_t channel_count;
    uint64_t opened_count;
    struct pollfd polls[AUDITOR_POLLS_MAX]; /* control, doors, channels */
    struct audit_answer state;              /* as everybody was told, or will be */
    char reason[AUDIT_REASON_MAX + 1];
    bool is_state_due; /* to the supervisor */
    uint64_t told_seq; /* records of which the supervisor knows that they are durable */
    int64_t told_us;   /* since when */
    struct auditor_misbehaviour misbehaviour;
};

/* auditor_door.c: one message of the supervisor after the other; new channels from a door. */
rg_status auditor_take_orders(struct auditor *auditor) RG_MUST_CHECK;
void auditor_take_channels(struct auditor *auditor, size_t door);
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
