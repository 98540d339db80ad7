/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_EXPORT_PEER_H
#define RG_AUDIT_EXPORT_PEER_H

#include "audit/export/task.h"
#include "base/rg_buf.h"

/* The nodes of a cluster keep each other's newest checkpoints (reference audit.md 3.9, docs/cluster.md): each has a log
 * of its own, and writes what it saw of the others into it. Rolling one back then contradicts the others. */

/* ---- asking: the task "peer/<origin>", one a peer ----
 * Every every_us: GET <url>/checkpoint; its signature must be by a key that the peer's root vouches for (GET
 * <url>/keys, /keys/<first epoch>). One that is smaller than one seen before, or of the same size with another root, is
 * said at once (export.state), and the task fails until the process ends; the newest good one is remembered in the
 * task's cursor.
 *
 * A record of it (peer.ckpt) makes this log grow, which the peers record, which makes theirs grow. So growth that such
 * records alone can explain (2 * member_count + 2 records) is written once an hour, any other once a minute. */
struct peer_options {
    const char *origin;
    const char *url;  /* without a slash at its end */
    const char *root; /* verifier key "<origin>/root" */
    const char *ca_file;
    int64_t timeout_us;
    int64_t every_us;
    size_t member_count;
};
/* Copies the options. RG_CONFIG: root is none. RG_INTERNAL. */
rg_status peer_task_new(const struct peer_options *options, struct export_task *out_task) RG_MUST_CHECK;

/* ---- the task "members": writes cluster.members when the list is another one than it wrote last ---- */
/* members: origins, one a line, copied. */
void members_task_new(struct rg_slice members, struct export_task *out_task);

/* ---- answering: GET /checkpoint, /keys, /keys/<8 digits>; all of it is public ---- */
enum { PEER_ANSWER_MAX = 1024 * 1024 };
/* Any thread. Returns the HTTP status; the body is appended. */
int peer_answer(int directory_fd, struct rg_slice method, struct rg_slice path, struct rg_buf *body);

/* The first epochs of GET /keys, 8 digits a line, ascending. RG_PROTOCOL. Pure. */
rg_status peer_epochs_parse(struct rg_slice bytes, uint64_t *out_epochs, size_t max, size_t *out_count) RG_MUST_CHECK;

#endif
