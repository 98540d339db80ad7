/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_MANIFEST_H
#define RG_AUDIT_MANIFEST_H

#include "audit/reader.h"
#include "base/rg_crypto.h"

/* seg/<first>.manifest: what a sealed segment is, in eight lines (docs/audit-format.md), the last one the SHA-256
 * of those before it. Not signed: a checkpoint of the same tree size is. Threads: any. */

enum { AUDIT_MANIFEST_MAX = 1024, AUDIT_MANIFEST_PATH_SIZE = 32 };

struct audit_manifest {
    struct rg_slice origin; /* borrowed */
    uint64_t first_seq;
    uint64_t record_count;
    uint64_t bytes;          /* of the file */
    struct rg_digest sha256; /* of the file */
    struct rg_digest root;   /* of the tree of first_seq + record_count leaves */
};

/* "seg/0000000000000000.manifest", with NUL. */
void audit_manifest_path(uint64_t first_seq, char out_path[AUDIT_MANIFEST_PATH_SIZE]);
/* RG_LIMIT when out is full. */
rg_status audit_manifest_encode(const struct audit_manifest *manifest, struct rg_buf *out) RG_MUST_CHECK;
/* Exactly what audit_manifest_encode writes. RG_PROTOCOL for anything else. Borrows from bytes. */
rg_status audit_manifest_parse(struct rg_slice bytes, struct audit_manifest *out_manifest) RG_MUST_CHECK;

#endif
