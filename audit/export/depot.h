/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_EXPORT_DEPOT_H
#define RG_AUDIT_EXPORT_DEPOT_H

#include "audit/export/s3.h"
#include "audit/export/task.h"

/* Where a node's evidence stands in a bucket, and how it is put there so that it stays (docs/export.md; reference
 * audit.md 3.10, 3.12):
 *
 * raw/v1/node=<n>/dt=YYYY-MM-DD/hour=HH/<first>-<last>.jsonl.gz   a sealed segment, as hashed; <first> and <last> are
 * raw/v1/node=<n>/dt=YYYY-MM-DD/hour=HH/<first>-<last>.manifest   numbers of records, 16 digits; the manifest as it is
 * ckpt/v1/node=<n>/<size>.note                                    an anchor: a signed checkpoint, 16 digits
 * keys/v1/node=<n>/root.vkey, list-<first epoch>.note             the public keys
 * pruned/v1/node=<n>/<size>.base                                  where the log stood behind what was pruned, 16 digits
 *
 * <n> is the log's origin, percent-encoded but for A-Z a-z 0-9 - . _ ~; day and hour are those of the first record's
 * hlc, UTC. Every object is put once, under a name that was not there, with its SHA-256 and Object Lock; what the
 * server then says of it (HEAD) decides whether it is stored. */

enum { DEPOT_NODE_MAX = 3 * 255 + 1 };

/* "test%2Faudit%2Fnode%2F1", with NUL. RG_LIMIT for more than 255 bytes. Pure. */
rg_status depot_node(struct rg_slice origin, char out_node[DEPOT_NODE_MAX]) RG_MUST_CHECK;
/* The way back; false for what depot_node does not write. The slice lives in arena. */
bool depot_origin(struct rg_slice node, struct rg_arena *arena, struct rg_slice *out_origin);

/* Name of a segment's two objects; what ends it is ".jsonl.gz" or ".manifest". Pure. */
struct depot_segment {
    uint64_t first_seq;
    uint64_t last_seq;
    int64_t hlc_us; /* of record first_seq */
};
rg_status depot_segment_key(const char *node, const struct depot_segment *segment, const char *suffix,
                            char out_key[S3_KEY_MAX + 1]) RG_MUST_CHECK;
/* "<first>-<last><suffix>", the last part of such a key. False for anything else. Pure. */
bool depot_segment_name_parse(struct rg_slice name, struct rg_slice suffix, uint64_t *out_first, uint64_t *out_last);
rg_status depot_anchor_key(const char *node, uint64_t size, char out_key[S3_KEY_MAX + 1]) RG_MUST_CHECK;
/* "<size>.note". Same. */
bool depot_anchor_name_parse(struct rg_slice name, uint64_t *out_size);
rg_status depot_base_key(const char *node, uint64_t size, char out_key[S3_KEY_MAX + 1]) RG_MUST_CHECK;
/* "<size>.base". Same. */
bool depot_base_name_parse(struct rg_slice name, uint64_t *out_size);

/* A small file of the log's directory. RG_STORAGE. */
rg_status depot_read_file(int directory_fd, const char *name, size_t limit_bytes, struct rg_arena *arena,
                          struct rg_slice *out_bytes) RG_MUST_CHECK;

/* ---- the exporter's two tasks ---- */

struct depot_options {
    struct s3_options s3; /* should_stop is set here */
    enum s3_lock lock;
    int64_t retain_us; /* from the moment of the PUT; at least a minute when there is a lock */
    bool has_content_md5;
    int64_t anchor_every_us;
    int64_t seal_every_us; /* a segment whose first record is older is sealed; 0 = only when it is full */
};

/* "s3": uploads sealed segments in order, the public keys and bases; each segment is then recorded as export.segment.
 * "anchors": uploads checkpoints: those that end a segment or an epoch, and every anchor_every the newest; at its start
 * it holds the log against the newest anchors (audit/rollback.h). Two tasks, so that no big segment delays an anchor.
 * Options are copied. Nothing is connected to before the first turn. RG_CONFIG. */
rg_status upload_task_new(const struct depot_options *options, struct export_task *out_task) RG_MUST_CHECK;
rg_status anchor_task_new(const struct depot_options *options, struct export_task *out_task) RG_MUST_CHECK;

#endif
