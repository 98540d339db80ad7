/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_RING_H
#define RG_AUDIT_RING_H

#include <stdatomic.h>

#include "audit/store.h"
#include "base/rg_buf.h"
#include "base/rg_crypto.h"

/* A channel's ring: a file of fixed size in the log's directory, through which a gateway's loop hands events to the
 * auditor when durability is "written". What stands in it is in the kernel: it survives the death of all processes, and
 * the next auditor takes it before anything else. It does not survive the machine, and is not asked to.
 *
 * The client's side may be in hostile hands: nothing that it can write decides more than what the auditor takes next,
 * and the auditor uses pread and pwrite, never a mapping: a file that was cut short must be no SIGBUS for it. The
 * client maps the file, so that a record costs no call, where the auditor's head says that the file system overwrites
 * in place: elsewhere a store could find the disk full, which is a signal, too.
 *
 * Layout: a page of head, with what the auditor tells and the position up to which the client has put; then entries,
 * end to end, over the end of the file to its start. An entry: u64 mark, u32 size, u32 0, the bytes, zeros up to a
 * multiple of 8, u64 end mark, zeros up to a multiple of 16. The marks follow from the entry's position (bytes put
 * since the ring's start) and the ring's key, so that what an earlier lap left behind, or half a write, is no entry.
 * Numbers are in the machine's order: a ring of another machine, or of this one before it started, is not read.
 * Threads: each side one at a time. */

enum {
    AUDIT_RING_BYTES = 1024 * 1024,              /* of entries */
    AUDIT_RING_ENTRY_MAX = AUDIT_RING_BYTES / 2, /* bytes of one entry's content */
    AUDIT_RING_HEAD = 4096,                      /* bytes before the entries */
    AUDIT_RING_FILE = AUDIT_RING_HEAD + AUDIT_RING_BYTES,
};

enum audit_ring_state {
    AUDIT_RING_CLOSED = 0, /* what is put from now on counts for nothing */
    AUDIT_RING_AWAKE,      /* the auditor looks by itself, within milliseconds */
    AUDIT_RING_ASLEEP      /* it wants to be woken */
};

/* Whose ring it is. All bytes are compared. */
struct audit_ring_owner {
    char boot[64]; /* of the machine: the kernel's boot id */
    struct rg_digest log;
};

struct audit_ring {
    int fd; /* -1 = none */
    uint64_t key;
    void *map;         /* client: the file; NULL = not mapped */
    uint64_t at;       /* client: put; auditor: taken */
    uint64_t drained;  /* taken, and in the log */
    uint64_t sleeps;   /* how often the auditor went to sleep */
    uint64_t turn_seq; /* what was taken after `drained` is in the log from here on, if at all */
    enum audit_ring_state state;
    struct rg_buf memory; /* client without a map: the entry being put; auditor: what it looks at */
};

/* ---- both ---- */

/* False when the kernel does not say which run of the machine this is: no rings then. */
bool audit_ring_boot(char out_boot[64]);
void audit_ring_close(
    struct audit_ring *ring); /* the descriptor and the memory; accepts { .fd = -1 } and the zero value */
/* Reads the state and what was drained, as the auditor told last. What makes no sense leaves the ring as it was. False
 * when it cannot be read. */
bool audit_ring_hear(struct audit_ring *ring);
/* The entry at `position` that `bytes` begin with, whole: *out_content borrows from bytes, *out_size is all that it
 * takes. False: there is none, or not all of it. Pure. */
bool audit_ring_entry(struct rg_slice bytes, uint64_t position, uint64_t key, struct rg_slice *out_content,
                      size_t *out_size);

/* ---- the client's side ---- */

enum audit_ring_put { AUDIT_RING_FAILED = 0, AUDIT_RING_FULL, AUDIT_RING_PUT };

/* Takes the descriptor over, also when it fails. RG_STORAGE when it is no ring, or not all of one. */
rg_status audit_ring_attach(int fd, struct audit_ring *out_ring) RG_MUST_CHECK;
/* Puts one entry, then hears. PUT: it is in the kernel, and the auditor looks again after it unless ring->state is
 * CLOSED, in which case nobody may believe so. FULL: nothing happened. FAILED: as if it was not put; nothing may be put
 * any more. */
enum audit_ring_put audit_ring_put(struct audit_ring *ring, struct rg_slice content);

/* ---- the auditor's side ---- */

/* Creates directory_fd/name, which must not exist, with its space. RG_LIMIT, RG_STORAGE; nothing is left behind then.
 */
rg_status audit_ring_create(const struct audit_store *store, int directory_fd, const char *name,
                            const struct audit_ring_owner *owner, struct audit_ring *out_ring) RG_MUST_CHECK;
/* Opens what an earlier auditor left, to take from `drained` on; the descriptor is taken over, also on failure.
 * *out_is_ours: of this log, and the machine was not started since. RG_PROTOCOL when it is no ring. */
rg_status audit_ring_open(int fd, const struct audit_ring_owner *owner, bool *out_is_ours,
                          struct audit_ring *out_ring) RG_MUST_CHECK;
/* Says state, drained, sleeps and turn_seq. A failure is not told: the client then hears what was said before, and the
 * next start takes again what it can recognise. */
void audit_ring_tell(struct audit_ring *ring);
/* Does the client say that it put something? */
bool audit_ring_has_more(const struct audit_ring *ring);
/* Appends to out the content of the entries that are whole, not all at once. False: there were none, or they do not fit
 * out. */
bool audit_ring_take(struct audit_ring *ring, struct rg_buf *out);

#endif
