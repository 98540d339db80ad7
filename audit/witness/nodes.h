/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_WITNESS_NODES_H
#define RG_AUDIT_WITNESS_NODES_H

#include "audit/verify.h"

/* The logs of all nodes of a cluster together (reference audit.md 3.9, docs/cluster.md): each is verified by itself and
 * against every checkpoint of it that another node recorded (peer.ckpt); and each origin that a node names as a member
 * (its newest cluster.members) or recorded a checkpoint of must be among those given. */

enum { NODES_MAX = 32, NODES_KEPT_MAX = 1000 * 1000 };

struct nodes_options {
    const struct rg_slice *directories; /* NUL-terminated */
    size_t count;
    const struct audit_vkey *roots; /* the outsider's own copies, by name "<origin>/root"; others are believed */
    size_t root_count;
    unsigned threads;
    bool is_strict;
};

/* One report a directory, in the arena. A rolled-back node is AUDIT_TRUNCATED, two histories AUDIT_FORKED, in the
 * report of the log that it is about; a missing one AUDIT_INCOMPLETE in the report of a log that names it. Returns: as
 * audit_verify_with; RG_CONFIG when two directories are of one log. */
rg_status nodes_verify(const struct nodes_options *options, struct rg_arena *arena,
                       struct audit_report **out_reports) RG_MUST_CHECK;

/* ---- reading them together: by (hlc, origin, seq) ---- */

/* Every record of all logs in that order: its line, then its continuation lines. The filter's tenant counts, its
 * from_seq does not. A failure of on_line ends it. RG_STORAGE, RG_PROTOCOL. */
struct audit_sink;
rg_status nodes_cat(const struct rg_slice *directories, size_t count, struct rg_slice tenant,
                    const struct audit_sink *sink) RG_MUST_CHECK;

#endif
