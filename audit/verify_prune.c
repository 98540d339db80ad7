/* SPDX-License-Identifier: Apache-2.0 */
/* A log whose beginning was pruned (docs/audit-format.md 9): tiles give the hashes of what is gone, pruned/<size>.base
 * where its tenants stood, and a signed retention.prune binds both. What it declares must be so, and no hold may have
 * stood against it. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "audit/keep/base.h"
#include "audit/manifest.h"
#include "audit/verify_private.h"
#include "base/rg_memory.h"

/* ---- before the segments ---- */

static rg_status fold_tiles(struct verify_stitch *stitch, uint64_t size, struct rg_digest *row)
{
    for (uint64_t first = 0; first < size; first += AUDIT_TILE_WIDTH) {
        size_t count = size - first < AUDIT_TILE_WIDTH ? (size_t)(size - first) : AUDIT_TILE_WIDTH;
        RG_TRY(verify_tiles_row(stitch->tiles, first, count, row));
        for (size_t i = 0; i < count; i++) {
            verify_fold_leaf(stitch, &row[i]);
        }
        stitch->prev = row[count - 1];
    }
    return RG_OK;
}

/* Nothing but the base tells them: the signed root of what comes behind, and the record's, say whether it is right. */
static rg_status fold_base(struct verify_stitch *stitch, uint64_t size, struct audit_base *base)
{
    const struct rg_digest none = {{0}};
    audit_base_init(base, stitch->report->origin, &none);
    base->chain.genesis = stitch->genesis;
    RG_TRY(audit_base_load(stitch->directory_fd, size, stitch->report->origin, base));
    stitch->carry_count = (size_t)(size % AUDIT_TILE_WIDTH);
    for (unsigned level = AUDIT_TREE_LEVELS; level-- > 8;) {
        if ((size >> level & 1) != 0) {
            audit_tree_append_node(stitch->tree, level, &base->tree.edge[level]);
        }
    }
    memcpy(stitch->carry, base->tiles.open[0], stitch->carry_count * sizeof *stitch->carry);
    memcpy(stitch->levels, base->tiles.open, sizeof base->tiles.open);
    stitch->prev = base->chain.prev;
    return RG_OK;
}

static rg_status fold_gone(struct verify_stitch *stitch, uint64_t size)
{
    if (stitch->has_no_tiles) {
        struct audit_base *base = rg_memory_alloc(sizeof *base); /* much for a frame */
        rg_status status = fold_base(stitch, size, base);
        audit_base_done(base);
        rg_memory_free(base);
        return status;
    }
    struct rg_digest *row = rg_memory_array(AUDIT_TILE_WIDTH, sizeof *row);
    rg_status status = fold_tiles(stitch, size, row);
    rg_memory_free(row);
    return status;
}

static void keep_names(struct verify_stitch *stitch, const struct audit_heads *heads)
{
    for (size_t i = 0; i < heads->slot_count; i++) {
        struct audit_tenant_head *ignored = NULL;
        struct rg_slice tenant = heads->slots[i].tenant;
        if (tenant.size > 0 && !rg_is_ok(audit_heads_get(&stitch->base_tenants, tenant, &stitch->genesis, &ignored))) {
            return; /* as many as there may be */
        }
    }
}

/* The base is no evidence but for what the record binds of it. */
static void take_base(struct verify_stitch *stitch, struct audit_base *base)
{
    char path[AUDIT_BASE_PATH_SIZE];
    const struct rg_digest none = {{0}};
    audit_base_init(base, stitch->report->origin, &none);
    base->chain.genesis = stitch->genesis;
    audit_base_path(stitch->base_size, path);
    rg_status status = audit_base_load(stitch->directory_fd, stitch->base_size, stitch->report->origin, base);
    const struct rg_digest root = audit_tree_root(&base->tree);
    if (!rg_is_ok(status)) {
        bool is_absent = faccessat(stitch->directory_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) != 0;
        verify_find(stitch->findings, is_absent ? AUDIT_INCOMPLETE : AUDIT_ALTERED, path, stitch->base_size,
                    "where the tenants stood when the records before were pruned: %s", status.error->text);
        stitch->has_base = true; /* their chains begin as they say themselves */
        return;
    }
    if (memcmp(root.bytes, stitch->base_root.bytes, RG_SHA256_SIZE) != 0) {
        verify_find(stitch->findings, AUDIT_ALTERED, path, stitch->base_size, "its hashes are not those of the tiles");
    }
    stitch->base_heads_root = audit_heads_root(&base->chain.tenants);
    stitch->base_epoch = base->epoch;
    stitch->epoch = base->epoch;
    keep_names(stitch, &base->chain.tenants);
    stitch->tenants = base->chain.tenants;
    base->chain.tenants = (struct audit_heads){0};
}

rg_status verify_stitch_pruned(struct verify_stitch *stitch, uint64_t size)
{
    RG_TRY(fold_gone(stitch, size));
    stitch->next_seq = size;
    stitch->base_size = size;
    stitch->is_pruned = true;
    stitch->base_root = verify_fold_root(stitch);
    struct audit_base *base = rg_memory_alloc(sizeof *base); /* much for a frame */
    take_base(stitch, base);
    audit_base_done(base);
    rg_memory_free(base);
    (void)snprintf(stitch->last_file, sizeof stitch->last_file, "tile");
    return RG_OK;
}

/* ---- between them ---- */

void verify_keeps_add(struct verify_stitch *stitch, const struct verify_segment *segment)
{
    const struct verify_keep *keeps = segment->keeps.items;
    for (size_t i = 0; i < segment->keeps.count; i++) {
        struct verify_keep *kept = verify_list_add(&stitch->keeps, sizeof *kept);
        *kept = keeps[i];
        audit_segment_name(segment->first_seq, kept->segment);
    }
    struct verify_boundary *boundary = verify_list_add(&stitch->boundaries, sizeof *boundary);
    boundary->size = stitch->next_seq;
    boundary->root = verify_fold_root(stitch);
    boundary->epoch = stitch->epoch;
    boundary->has_heads = !stitch->has_base;
    if (boundary->has_heads) {
        boundary->heads_root = audit_heads_root(&stitch->tenants);
    }
}

/* ---- behind them ---- */

static void find(struct verify_stitch *stitch, const struct verify_keep *keep, const char *text)
{
    struct verify_finding finding = {.result = AUDIT_ALTERED, .seq = keep->seq, .line = keep->line};
    (void)snprintf(finding.file, sizeof finding.file, "seg/%s", keep->segment);
    (void)snprintf(finding.reason, sizeof finding.reason, "%s", text);
    verify_find_at(stitch->findings, &finding);
}

static bool is_same(const struct rg_digest *a, const struct rg_digest *b)
{
    return memcmp(a->bytes, b->bytes, RG_SHA256_SIZE) == 0;
}

static const struct verify_boundary *find_boundary(const struct verify_stitch *stitch, uint64_t size)
{
    const struct verify_boundary *boundaries = stitch->boundaries.items;
    for (size_t i = 0; i < stitch->boundaries.count; i++) {
        if (boundaries[i].size == size) {
            return &boundaries[i];
        }
    }
    return NULL;
}

/* Earlier than what is gone now: the tiles tell its root, where there are any. */
static const char *check_older(struct verify_stitch *stitch, const struct audit_pruned *pruned)
{
    if (stitch->has_no_tiles) {
        return NULL;
    }
    struct audit_tree *tree = rg_memory_alloc(sizeof *tree);
    struct rg_digest ignored;
    bool is_right = false;
    if (rg_is_ok(verify_tiles_prefix(stitch->tiles, pruned->last_seq + 1, tree, &ignored))) {
        const struct rg_digest root = audit_tree_root(tree);
        is_right = is_same(&root, &pruned->root);
    }
    rg_memory_free(tree);
    return is_right ? NULL : "it declares another root than its records had";
}

static const char *check_declared(struct verify_stitch *stitch, const struct audit_pruned *pruned)
{
    uint64_t size = pruned->last_seq + 1;
    bool is_base = size == stitch->base_size;
    const struct verify_boundary *boundary = find_boundary(stitch, size);
    if (size < stitch->base_size) {
        return check_older(stitch, pruned);
    }
    if (!is_base && boundary == NULL) {
        return "it declares that records go that are within a segment";
    }
    const struct rg_digest *root = is_base ? &stitch->base_root : &boundary->root;
    const struct rg_digest *heads = is_base ? &stitch->base_heads_root : &boundary->heads_root;
    bool has_heads = is_base ? !stitch->has_base : boundary->has_heads;
    if (!is_same(root, &pruned->root)) {
        return "it declares another root than its records have";
    }
    if (has_heads && !is_same(heads, &pruned->heads_root)) {
        return "it declares other tenants than its records have";
    }
    if (pruned->epoch != (is_base ? stitch->base_epoch : boundary->epoch) && has_heads) {
        return "it declares another epoch than its records are of";
    }
    return NULL;
}

/* Prunes go on where the one before ended, or declare the same segment again, when it was not removed. */
static const char *check_order(const struct verify_stitch *stitch, const struct verify_keep *keep,
                               const struct verify_keep *before)
{
    bool is_complete = stitch->base_size == 0; /* all prunes there ever were can be seen */
    if (before == NULL) {
        return is_complete && keep->pruned.first_seq != 0 ? "it does not begin with the log's first record" : NULL;
    }
    bool is_next =
        keep->pruned.first_seq == before->pruned.last_seq + 1 || keep->pruned.first_seq == before->pruned.first_seq;
    return is_next ? NULL : "it does not go on where the prune before it ended";
}

/* ---- holds ---- */

/* Were there records of that tenant for certain? The first prune's tenants are known from where they stood then. */
static bool has_tenant(const struct verify_stitch *stitch, const struct verify_keep *hold,
                       const struct audit_pruned *pruned)
{
    if (!hold->has_tenant) {
        return true;
    }
    bool is_all = pruned->first_seq == 0 && pruned->last_seq + 1 == stitch->base_size;
    return is_all && audit_heads_find(&stitch->base_tenants, rg_slice_of(hold->tenant)) != NULL;
}

static bool is_against(const struct verify_stitch *stitch, const struct verify_keep *hold,
                       const struct audit_pruned *pruned)
{
    return hold->is_in_force && pruned->until_us >= hold->from_us &&
           (hold->until_us == 0 || pruned->from_us <= hold->until_us) && has_tenant(stitch, hold, pruned);
}

static void check_holds(struct verify_stitch *stitch, const struct verify_keep *keep)
{
    const struct verify_keep *keeps = stitch->keeps.items;
    for (const struct verify_keep *hold = keeps; hold < keep; hold++) {
        if (hold->kind == VERIFY_HOLD_PLACE && is_against(stitch, hold, &keep->pruned)) {
            char text[160];
            (void)snprintf(text, sizeof text, "it prunes records that the hold %.60s stands against", hold->id);
            find(stitch, keep, text);
            return;
        }
    }
}

static void release(struct verify_stitch *stitch, const struct verify_keep *keep)
{
    struct verify_keep *keeps = stitch->keeps.items;
    bool is_known = stitch->base_size > 0; /* its placing may be gone */
    for (struct verify_keep *hold = keeps; hold < keep; hold++) {
        if (hold->kind == VERIFY_HOLD_PLACE && strcmp(hold->id, keep->id) == 0) {
            is_known = is_known || hold->is_in_force;
            hold->is_in_force = false;
        }
    }
    if (!is_known) {
        find(stitch, keep, "it releases a hold that is not in force");
    }
}

/* ---- manifests of what is gone ---- */

void verify_pruned_manifest(struct verify_stitch *stitch, uint64_t first_seq)
{
    char path[AUDIT_MANIFEST_PATH_SIZE];
    struct rg_slice bytes = {0};
    struct audit_manifest manifest = {0};
    struct audit_pruned range = {0};
    bool is_absent = false;
    audit_manifest_path(first_seq, path);
    rg_status status =
        verify_file_load(stitch->directory_fd, path, AUDIT_MANIFEST_MAX, stitch->arena, &bytes, &is_absent);
    status = rg_is_ok(status) ? audit_manifest_parse(bytes, &manifest) : status;
    if (rg_is_ok(status) && manifest.record_count > 0) {
        range.last_seq = manifest.first_seq + manifest.record_count - 1;
        range.root = manifest.root;
    }
    bool is_right = rg_is_ok(status) && rg_slice_is_equal(manifest.origin, stitch->report->origin) &&
                    manifest.first_seq == first_seq && range.last_seq < stitch->base_size &&
                    check_older(stitch, &range) == NULL;
    if (!is_right) {
        verify_find(stitch->findings, AUDIT_ALTERED, path, first_seq,
                    "it is not the manifest of the segment that was pruned");
    }
}

/* ---- all of it ---- */

static bool does_declare(const struct verify_stitch *stitch, const struct verify_keep *keep)
{
    return keep->seq < stitch->report->signed_size && keep->pruned.last_seq + 1 == stitch->base_size;
}

static void judge(struct verify_stitch *stitch, const struct verify_keep *keep, const struct verify_keep *before,
                  bool *is_declared)
{
    const char *problem = check_declared(stitch, &keep->pruned);
    problem = problem == NULL ? check_order(stitch, keep, before) : problem;
    if (problem != NULL) {
        find(stitch, keep, problem);
        return;
    }
    check_holds(stitch, keep);
    if (does_declare(stitch, keep)) {
        *is_declared = true;
        stitch->report->pruned_by = keep->seq;
    }
}

/* A start found them before it signed them: what they declare did not go by them. */
static void take_void(struct verify_stitch *stitch, const struct verify_keep *recovered,
                      const struct verify_keep **before, bool *is_declared)
{
    struct verify_keep *keeps = stitch->keeps.items;
    *before = NULL;
    *is_declared = !stitch->is_pruned;
    for (struct verify_keep *keep = keeps; keep < recovered; keep++) {
        keep->is_void = keep->is_void || keep->seq >= recovered->void_seq;
        if (keep->kind == VERIFY_PRUNE && !keep->is_void) {
            *before = keep;
            bool is_by_this = does_declare(stitch, keep);
            *is_declared = *is_declared || is_by_this;
            stitch->report->pruned_by = is_by_this ? keep->seq : stitch->report->pruned_by;
        }
    }
}

void verify_prunes(struct verify_stitch *stitch)
{
    struct verify_keep *keeps = stitch->keeps.items;
    const struct verify_keep *before = NULL;
    bool is_declared = !stitch->is_pruned;
    for (size_t i = 0; i < stitch->keeps.count; i++) {
        keeps[i].is_in_force = keeps[i].kind == VERIFY_HOLD_PLACE;
        if (keeps[i].kind == VERIFY_HOLD_RELEASE) {
            release(stitch, &keeps[i]);
        } else if (keeps[i].kind == VERIFY_RECOVERED) {
            take_void(stitch, &keeps[i], &before, &is_declared);
        } else if (keeps[i].kind == VERIFY_PRUNE && !(stitch->has_base && !stitch->is_pruned)) {
            judge(stitch, &keeps[i], before, &is_declared);
            before = &keeps[i];
        }
    }
    if (is_declared) {
        stitch->report->pruned_size = stitch->is_pruned ? stitch->base_size : 0;
    } else if (!stitch->is_broken) {
        verify_find(stitch->findings, AUDIT_INCOMPLETE, "seg", 0,
                    "records 0 to %" PRIu64
                    " are missing, and no retention.prune record in the signed part declares them",
                    stitch->base_size - 1);
    }
}
