/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests: what a sealed segment says about itself must be what it is. They are no signed evidence, the checkpoints
 * are; but a reader may rely on them, so none may be wrong, and none may be missing before one that is there. */
#include <inttypes.h>

#include "audit/manifest.h"
#include "audit/verify_private.h"

static const char *find_problem(const struct verify_stitch *stitch, const struct verify_segment *segment,
                                const struct audit_manifest *manifest)
{
    static const struct rg_digest not_hashed;
    struct rg_digest root = verify_fold_root(stitch);
    if (!rg_slice_is_equal(manifest->origin, stitch->report->origin)) {
        return "it is the manifest of another log's segment";
    }
    if (manifest->first_seq != segment->first_seq || manifest->record_count != segment->count ||
        manifest->bytes != segment->byte_count) {
        return "the segment has another size, or begins with another record";
    }
    if (memcmp(manifest->root.bytes, root.bytes, RG_SHA256_SIZE) != 0) {
        return "its root is not that of the records";
    }
    bool is_hashed = memcmp(segment->sha256.bytes, not_hashed.bytes, RG_SHA256_SIZE) != 0;
    if (is_hashed && memcmp(segment->sha256.bytes, manifest->sha256.bytes, RG_SHA256_SIZE) != 0) {
        return "its hash is not that of the file";
    }
    return NULL;
}

static void find(struct verify_stitch *stitch, enum audit_result result, uint64_t first_seq, uint64_t seq,
                 const char *text)
{
    char path[AUDIT_MANIFEST_PATH_SIZE];
    audit_manifest_path(first_seq, path);
    verify_find(stitch->findings, result, path, seq, "%s", text);
}

rg_status verify_manifest_add(struct verify_stitch *stitch, const struct verify_segment *segment)
{
    char path[AUDIT_MANIFEST_PATH_SIZE];
    struct rg_slice bytes = {0};
    struct audit_manifest manifest = {0};
    bool is_absent = false;
    audit_manifest_path(segment->first_seq, path);
    rg_status status =
        verify_file_load(stitch->directory_fd, path, AUDIT_MANIFEST_MAX, stitch->arena, &bytes, &is_absent);
    if (!rg_is_ok(status) && status.error->kind == RG_STORAGE) {
        return status;
    }
    if (rg_is_ok(status) && is_absent) { /* it comes a moment after the segment */
        stitch->missing_manifest =
            stitch->missing_manifest == UINT64_MAX ? segment->first_seq : stitch->missing_manifest;
        return RG_OK;
    }
    if (rg_is_ok(status)) {
        status = audit_manifest_parse(bytes, &manifest);
    }
    const char *problem = rg_is_ok(status) ? find_problem(stitch, segment, &manifest) : status.error->text;
    if (problem != NULL) {
        find(stitch, AUDIT_ALTERED, segment->first_seq, stitch->next_seq, problem); /* where the segment ends */
    }
    if (stitch->missing_manifest != UINT64_MAX) {
        find(stitch, AUDIT_INCOMPLETE, stitch->missing_manifest, stitch->missing_manifest,
             "the manifest is missing although later ones are there");
        stitch->missing_manifest = UINT64_MAX;
    }
    return RG_OK;
}

/* Both lists ascend. */
void verify_manifests_end(struct verify_stitch *stitch)
{
    const struct audit_segments *names = stitch->names;
    size_t at = 0;
    for (size_t i = 0; i < names->manifest_count; i++) {
        while (at < names->count && names->first_seqs[at] < names->manifest_seqs[i]) {
            at++;
        }
        bool is_there = at < names->count && names->first_seqs[at] == names->manifest_seqs[i];
        if (!is_there && stitch->is_pruned && names->manifest_seqs[i] < stitch->base_size) {
            verify_pruned_manifest(stitch, names->manifest_seqs[i]);
        } else if (!is_there && names->manifest_seqs[i] >= stitch->next_seq) {
            find(stitch, AUDIT_TRUNCATED, names->manifest_seqs[i], stitch->next_seq,
                 "the manifest of a segment that is missing");
        } else if (!is_there) {
            find(stitch, AUDIT_ALTERED, names->manifest_seqs[i], names->manifest_seqs[i], "the manifest of no segment");
        }
    }
}
