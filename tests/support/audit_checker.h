/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_SUPPORT_AUDIT_CHECKER_H
#define RG_TESTS_SUPPORT_AUDIT_CHECKER_H

/* A second opinion on a log directory, which shares no code with verify: each record's prev, the tree of all, every
 * signed note by the key of its epoch, full tiles, manifests. For logs that a test wrote, which fit into memory. */
#include <dirent.h>
#include <inttypes.h>

#include "audit/manifest.h"
#include "audit/publisher.h"
#include "tests/support/audit_dir.h"

enum { CHECKER_RECORDS_MAX = 20000, CHECKER_SEGMENTS_MAX = 64 };

struct audit_checker {
    const struct audit_dir *dir;
    struct audit_keys keys;
    struct rg_digest *leaves;
    uint64_t *epochs; /* epoch.open records among those before record i */
    uint64_t count;
    uint64_t newest; /* size of the newest note */
    size_t notes;
    size_t kinds[AUDIT_KIND_COUNT];
    struct {
        uint64_t first;
        uint64_t end;
        uint64_t bytes;
    } segments[CHECKER_SEGMENTS_MAX];
    size_t segment_count;
};

static inline void audit_checker_count_kind(struct audit_checker *checker, const char *line)
{
    for (size_t kind = AUDIT_NONE + 1; kind < AUDIT_KIND_COUNT; kind++) {
        char wanted[64];
        (void)snprintf(wanted, sizeof wanted, "\"kind\":\"%s\"", audit_kind_name((enum audit_kind)kind));
        checker->kinds[kind] += strstr(line, wanted) != NULL ? 1 : 0;
    }
}

static inline void audit_checker_line(struct audit_checker *checker, const char *line, size_t size,
                                      const struct rg_digest *genesis)
{
    char prev[RG_DIGEST_B64_SIZE];
    char head[128];
    uint64_t seq = checker->count;
    assert_true(seq < CHECKER_RECORDS_MAX);
    rg_digest_b64url(seq == 0 ? genesis : &checker->leaves[seq - 1], prev);
    (void)snprintf(head, sizeof head, "{\"unmapped\":{\"rg\":{\"seq\":\"%016" PRIu64 "\",\"prev\":\"%s\",", seq, prev);
    if (size < strlen(head) || memcmp(line, head, strlen(head)) != 0) {
        fail_msg("record %" PRIu64 " does not follow: %.120s", seq, line);
    }
    const struct rg_slice parts[] = {RG_SLICE("\0"), rg_slice_make(line, size)};
    checker->leaves[seq] = rg_sha256(parts, 2);
    checker->epochs[seq] = seq == 0 ? 0 : checker->kinds[AUDIT_EPOCH_OPEN]; /* before this record's kind is counted */
    audit_checker_count_kind(checker, line);
    checker->count++;
}

static inline void audit_checker_segment(struct audit_checker *checker, uint64_t first, const struct rg_digest *genesis)
{
    struct audit_file file;
    char name[40];
    (void)snprintf(name, sizeof name, "seg/%016" PRIu64 ".jsonl", first);
    audit_file_load(checker->dir, name, &file);
    assert_int_equal(first, checker->count);
    size_t at = 0;
    while (at < file.size && file.bytes[at] != '\0') {
        char *end = memchr(file.bytes + at, '\n', file.size - at);
        assert_non_null(end);
        *end = '\0';
        audit_checker_line(checker, file.bytes + at, (size_t)(end - file.bytes) - at, genesis);
        at = (size_t)(end - file.bytes) + 1;
    }
    assert_true(checker->segment_count < CHECKER_SEGMENTS_MAX);
    checker->segments[checker->segment_count].first = first;
    checker->segments[checker->segment_count].end = checker->count;
    checker->segments[checker->segment_count].bytes = at;
    checker->segment_count++;
    free(file.bytes);
}

static inline void audit_checker_note(struct audit_checker *checker, const char *name)
{
    struct audit_file file;
    struct audit_note note = {0};
    struct audit_checkpoint checkpoint = {0};
    struct audit_vkey key = {0};
    audit_file_load(checker->dir, name, &file);
    assert_ok(audit_note_parse(rg_slice_make(file.bytes, file.size), &note));
    assert_ok(audit_checkpoint_parse(note.text, &checkpoint));
    if (checkpoint.size > checker->count) {
        fail_msg("%s covers %" PRIu64 " records of %" PRIu64, name, checkpoint.size, checker->count);
    }
    const struct rg_digest root = audit_tree_root_of(checker->leaves, (size_t)checkpoint.size);
    assert_memory_equal(root.bytes, checkpoint.root.bytes, sizeof root.bytes);
    assert_ok(audit_keys_vkey(&checker->keys, checker->epochs[checkpoint.size - 1], &key));
    if (!audit_note_is_signed_by(&note, &key)) {
        fail_msg("%s is not signed by the key of epoch %" PRIu64, name, checker->epochs[checkpoint.size - 1]);
    }
    checker->newest = checkpoint.size > checker->newest ? checkpoint.size : checker->newest;
    checker->notes++;
    free(file.bytes);
}

static inline void audit_checker_notes(struct audit_checker *checker)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/ckpt", checker->dir->path);
    DIR *directory = opendir(path);
    if (directory == NULL) {
        return;
    }
    for (const struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        if (entry->d_name[0] != '.') {
            (void)snprintf(path, sizeof path, "ckpt/%.40s", entry->d_name);
            audit_checker_note(checker, path);
        }
    }
    (void)closedir(directory);
    (void)snprintf(path, sizeof path, "%s/head.note", checker->dir->path);
    if (access(path, F_OK) == 0) {
        audit_checker_note(checker, "head.note");
    }
}

static inline void audit_checker_tiles(struct audit_checker *checker)
{
    for (uint64_t index = 0; (index + 1) * AUDIT_TILE_WIDTH <= checker->newest; index++) {
        struct audit_file file;
        char path[AUDIT_TILE_PATH_SIZE];
        audit_tile_path(0, index, AUDIT_TILE_WIDTH, path);
        audit_file_load(checker->dir, path, &file);
        assert_int_equal(file.size, AUDIT_TILE_WIDTH * RG_SHA256_SIZE);
        assert_memory_equal(file.bytes, &checker->leaves[index * AUDIT_TILE_WIDTH], file.size);
        free(file.bytes);
    }
}

static inline void audit_checker_manifest(const struct audit_checker *checker, size_t number)
{
    struct audit_file file;
    struct audit_file segment;
    struct audit_manifest manifest = {0};
    char name[AUDIT_MANIFEST_PATH_SIZE];
    char segment_name[40];
    uint64_t first = checker->segments[number].first;
    audit_manifest_path(first, name);
    (void)snprintf(segment_name, sizeof segment_name, "seg/%016" PRIu64 ".jsonl", first);
    audit_file_load(checker->dir, name, &file);
    audit_file_load(checker->dir, segment_name, &segment);
    assert_ok(audit_manifest_parse(rg_slice_make(file.bytes, file.size), &manifest));
    const struct rg_digest sha256 = rg_sha256_one(rg_slice_make(segment.bytes, segment.size));
    const struct rg_digest root = audit_tree_root_of(checker->leaves, (size_t)checker->segments[number].end);
    assert_slice(manifest.origin, TEST_ORIGIN);
    assert_int_equal(manifest.first_seq, first);
    assert_int_equal(manifest.record_count, checker->segments[number].end - first);
    assert_int_equal(manifest.bytes, segment.size);
    assert_memory_equal(manifest.sha256.bytes, sha256.bytes, sizeof sha256.bytes);
    assert_memory_equal(manifest.root.bytes, root.bytes, sizeof root.bytes);
    free(file.bytes);
    free(segment.bytes);
}

/* Everything of a log that ended in order. Frees with audit_checker_done. */
static inline void audit_checker_run(struct audit_checker *checker, const struct audit_dir *dir)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, 16 << 20);
    struct audit_segments segments = {0};
    int fd = open(dir->path, O_RDONLY | O_DIRECTORY);
    *checker = (struct audit_checker){.dir = dir};
    checker->leaves = calloc(CHECKER_RECORDS_MAX, sizeof *checker->leaves);
    checker->epochs = calloc(CHECKER_RECORDS_MAX, sizeof *checker->epochs);
    assert_ok(audit_keys_load(fd, NULL, &arena, &checker->keys));
    assert_ok(audit_segments_load(fd, &arena, &segments));
    (void)close(fd);
    const struct rg_digest keys_root = audit_keys_genesis_root(&checker->keys);
    const struct rg_slice parts[] = {RG_SLICE("rowgate/audit/v1\n" TEST_ORIGIN "\n"),
                                     rg_slice_make(keys_root.bytes, sizeof keys_root.bytes)};
    const struct rg_digest genesis = rg_sha256(parts, 2);
    for (size_t i = 0; i < segments.count; i++) {
        audit_checker_segment(checker, segments.first_seqs[i], &genesis);
    }
    audit_checker_notes(checker);
    audit_checker_tiles(checker);
    for (size_t i = 0; i + 1 < checker->segment_count; i++) {
        audit_checker_manifest(checker, i);
    }
    checker->keys = (struct audit_keys){0};
}

static inline void audit_checker_done(struct audit_checker *checker)
{
    free(checker->leaves);
    free(checker->epochs);
}

#endif
