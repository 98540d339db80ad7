/* SPDX-License-Identifier: Apache-2.0 */
/* At a start: what the log says was erased is erased, whatever the store says. The store remembers up to which record
 * it followed the log, and so does each copy of it: a restored one follows from there. */
#include <jansson.h>

#include "audit/keep/subjects_private.h"
#include "audit/walk.h"

enum { ARENA_BYTES = 64 * 1024 * 1024 };

/* What stands for the subject in a record of an erasure. False: it is none. */
static bool get_pseudonym(struct rg_slice line, struct subject_pseudonym *out_pseudonym)
{
    static const struct rg_slice mark = {"\"kind\":\"pii.erase\"", 18};
    if (memmem(line.data, line.size, mark.data, mark.size) == NULL) {
        return false;
    }
    json_t *json = json_loadb(line.data, line.size, JSON_ALLOW_NUL, NULL);
    const json_t *rg = json_object_get(json_object_get(json, "unmapped"), "rg");
    const char *kind = json_string_value(json_object_get(rg, "kind"));
    const char *object = json_string_value(json_object_get(rg, "object"));
    bool is_one = kind != NULL && object != NULL && strcmp(kind, audit_kind_name(AUDIT_PII_ERASE)) == 0 &&
                  subject_pseudonym_parse(rg_slice_of(object), out_pseudonym);
    json_decref(json);
    return is_one;
}

static rg_status follow(struct subject_store *store, struct audit_walk *walk)
{
    struct audit_walked record;
    bool is_there = true;
    while (is_there) {
        struct subject_pseudonym pseudonym;
        uint64_t count = 0;
        RG_TRY(audit_walk_next(walk, true, &is_there, &record));
        if (is_there && get_pseudonym(record.line, &pseudonym)) {
            RG_TRY(subject_store_erase(store, &pseudonym, &count));
        }
    }
    return RG_OK;
}

static rg_status find_start(const struct subject_store *store, const struct audit_log *log, struct rg_arena *arena,
                            bool *out_is_there, struct audit_place *out_place)
{
    struct audit_segments segments = {0};
    uint64_t from = subject_store_followed(store);
    RG_TRY(audit_segments_load(log->directory_fd, arena, &segments));
    uint64_t first = segments.count == 0 ? 0 : segments.first_seqs[0];
    *out_is_there = segments.count > 0 && from < log->chain.next_seq;
    if (*out_is_there && from <= first) { /* what was pruned is gone; its erasures were followed, or are in no store */
        *out_place = (struct audit_place){.segment_seq = first, .seq = first};
        return RG_OK;
    }
    return *out_is_there ? audit_walk_find(log->directory_fd, from, out_is_there, out_place) : RG_OK;
}

rg_status subjects_follow(struct subject_store *store, struct audit_log *log)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    RG_AUTO(audit_walk_done) struct audit_walk walk = {.fd = -1};
    struct audit_place place = {0};
    bool is_there = false;
    rg_arena_init(&arena, ARENA_BYTES);
    RG_TRY(find_start(store, log, &arena, &is_there, &place));
    if (is_there) {
        audit_walk_init(&walk, log->directory_fd, &place);
        RG_TRY(follow(store, &walk));
    }
    return subject_store_set_followed(store, log->durable_seq);
}
