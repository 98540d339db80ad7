/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_CONTROL_H
#define RG_AUDIT_CONTROL_H

#include "audit/auditor.h"

/* The control sockets between the supervisor and its children: SOCK_SEQPACKET, one message a packet, versioned,
 * bounded, with at most one descriptor. Both ends decode strictly: the gateway's end may be in hostile hands. */

enum audit_control_type {
    AUDIT_CONTROL_NONE = 0, /* refused by the encoder */
    AUDIT_CONTROL_OPTIONS,  /* supervisor to auditor, once and first: options */
    AUDIT_CONTROL_DOOR,     /* supervisor to each child: fd, its end of a new door; which: who writes through it */
    AUDIT_CONTROL_NOTE,     /* supervisor to auditor: which process died, how; becomes a process.died record */
    AUDIT_CONTROL_SEAL,     /* exporter to supervisor, and on to the auditor: seal the live segment */
    AUDIT_CONTROL_STOP,     /* supervisor to auditor: log.stopped and end; gateway to supervisor: wishes to be told
                             to end, and all with it */
    AUDIT_CONTROL_READY,    /* either child to supervisor */
    AUDIT_CONTROL_STATE, /* auditor to supervisor, and on to the gateway (CLOSED: the auditor is down): state, reason,
                            durable_seq */
    AUDIT_CONTROL_RELOADED, /* gateway to supervisor: an operator had the configuration read again */
    AUDIT_CONTROL_COUNT
};

enum {
    AUDIT_CONTROL_MAX = 8192, /* bytes of one packet */
    AUDIT_CONTROL_PATH_MAX = 4096,
    AUDIT_CONTROL_SUBJECTS_MAX = 512,
    AUDIT_CONTROL_WHICH_MAX = 64,
    AUDIT_CONTROL_HOW_MAX = 512,
};

/* which of a DOOR through which the exporter's records come: other kinds than through any other door. */
#define AUDIT_CONTROL_EXPORTER "exporter"

/* Only what the type names is sent; the rest is zero after receiving. */
struct audit_control {
    enum audit_control_type type;
    struct auditor_options options; /* without clock, store and log */
    struct rg_slice which;
    struct rg_slice how;
    enum audit_state state;
    struct rg_slice reason; /* at most AUDIT_REASON_MAX bytes */
    uint64_t durable_seq;   /* of STATE: records that the auditor has called durable; 0 from the supervisor */
    int fd;                 /* of DOOR; of any other type it does not matter when sending, and is -1 when received */
};

/* Appends the packet without its descriptor. RG_LIMIT when a text is too long, RG_INTERNAL without a type. Pure. */
rg_status audit_control_encode(const struct audit_control *message, struct rg_buf *out) RG_MUST_CHECK;
/* Reads a packet; *out_message borrows from it, its fd is -1. RG_PROTOCOL for anything else; output untouched. Pure. */
rg_status audit_control_parse(struct rg_slice packet, struct audit_control *out_message) RG_MUST_CHECK;

/* Sends one message, with a copy of its descriptor: message->fd stays the caller's. Never blocks.
 * Returns: RG_CLOSED when the other end is gone; RG_LIMIT when it does not read, or as audit_control_encode. */
rg_status audit_control_send(int control_fd, const struct audit_control *message) RG_MUST_CHECK;
/* Takes one message; never blocks. *out_has_message is false when none is there. Its texts are in `memory`; its
 * descriptor (DOOR, close-on-exec, a SOCK_SEQPACKET socket) is the caller's now.
 * Returns: RG_CLOSED at the end of the socket; RG_PROTOCOL for nonsense, a missing or surplus descriptor: that packet
 * is gone, its descriptors are closed, outputs are untouched. */
rg_status audit_control_receive(int control_fd, char memory[AUDIT_CONTROL_MAX], struct audit_control *out_message,
                                bool *out_has_message) RG_MUST_CHECK;

#endif
