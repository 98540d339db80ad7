/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_SUPPORT_AUDIT_PROOF_H
#define RG_TESTS_SUPPORT_AUDIT_PROOF_H

/* What the long tests of verify share: how much of the proof is run, chance from a seed, the files that are evidence.
 */
#include <ftw.h>

#include "tests/support/audit_spoil.h"

/* scripts/proof audit runs all of it; an ordinary test run takes a sample. */
static inline bool proof_is_whole(void)
{
    return getenv("ROWGATE_AUDIT_PROOF") != NULL;
}

static inline uint64_t proof_seed(void)
{
    const char *text = getenv("ROWGATE_AUDIT_SEED");
    return text == NULL ? 1 : strtoull(text, NULL, 10);
}

struct chance {
    uint64_t state; /* not 0 */
};

static inline struct chance chance_of(uint64_t seed)
{
    struct chance chance = {.state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1};
    return chance;
}

/* xorshift64*, from 0 to below limit. */
static inline uint64_t chance_below(struct chance *chance, uint64_t limit)
{
    chance->state ^= chance->state >> 12;
    chance->state ^= chance->state << 25;
    chance->state ^= chance->state >> 27;
    return (chance->state * UINT64_C(0x2545f4914f6cdd1d) >> 11) % limit;
}

/* ---- files ---- */

enum { PROOF_FILES_MAX = 512 };

struct proof_files {
    char names[PROOF_FILES_MAX][80]; /* below the log's directory */
    size_t count;
};

static struct proof_files *proof_listing;
static size_t proof_prefix;

static inline int proof_on_file(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info;
    (void)where;
    const char *name = path + proof_prefix;
    bool is_evidence = type == FTW_F && strcmp(name, "lock") != 0 && strncmp(name, "idx/", 4) != 0 &&
                       strncmp(name, "quarantine/", 11) != 0 && strcmp(name, "keys/seed") != 0;
    if (is_evidence && proof_listing->count < PROOF_FILES_MAX) {
        (void)snprintf(proof_listing->names[proof_listing->count], 80, "%s", name);
        proof_listing->count++;
    }
    return 0;
}

static inline int proof_compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

static inline void proof_list(const struct history *history, struct proof_files *out_files)
{
    out_files->count = 0;
    proof_listing = out_files;
    proof_prefix = strlen(history->path) + 1;
    assert_int_equal(nftw(history->path, proof_on_file, 16, FTW_PHYS), 0);
    assert_true(out_files->count < PROOF_FILES_MAX);
    qsort(out_files->names, out_files->count, sizeof out_files->names[0], proof_compare);
}

static inline enum audit_result proof_verify(const struct history *history)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct audit_report report = {0};
    rg_arena_init(&arena, 16 << 20);
    const struct audit_verify_options options = {.directory = rg_slice_of(history->path), .threads = 1};
    rg_status status = audit_verify_with(&options, &arena, &report);
    return rg_is_ok(status) ? report.result : AUDIT_UNVERIFIED;
}

#endif
