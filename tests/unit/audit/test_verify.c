/* SPDX-License-Identifier: Apache-2.0 */
/* Spoils small logs in every way we can think of; the verifier must find each and name the record. */
#include "audit/verify.h"

#include "tests/support/audit_dir.h"

#define FIRST_SEGMENT "seg/0000000000000000.jsonl"

static size_t line_start(const struct audit_file *file, size_t number)
{
    size_t at = 0;
    for (size_t i = 0; i < number; i++) {
        const char *end = memchr(file->bytes + at, '\n', file->size - at);
        assert_non_null(end);
        at = (size_t)(end - file->bytes) + 1;
    }
    return at;
}

static uint64_t line_at(const struct audit_file *file, size_t at)
{
    uint64_t number = 0;
    for (size_t i = 0; i < at; i++) {
        number += file->bytes[i] == '\n' ? 1 : 0;
    }
    return number;
}

struct spoiled {
    struct audit_dir dir;
    struct audit_file file;
    size_t last; /* where the last record starts */
};

static void make(struct spoiled *log, uint64_t count)
{
    audit_dir_make(&log->dir);
    audit_dir_fill(&log->dir, count);
    assert_intact(&log->dir, count + 2);
    audit_file_load(&log->dir, FIRST_SEGMENT, &log->file);
    log->last = line_start(&log->file, count + 1);
}

static void unmake(struct spoiled *log)
{
    free(log->file.bytes);
    audit_dir_remove(&log->dir);
}

static void finds_each_flipped_byte_and_names_its_record(void **state)
{
    (void)state;
    static const char flips[] = {0x01, 0x20, (char)0x80};
    struct spoiled log;
    make(&log, 4);
    for (size_t at = 0; at < log.last; at++) {
        for (size_t i = 0; i < sizeof flips; i++) {
            audit_file_poke(&log.file, at, (char)(log.file.bytes[at] ^ flips[i]));
            assert_finding(&log.dir, AUDIT_ALTERED, line_at(&log.file, at));
        }
        audit_file_poke(&log.file, at, '\0');
        assert_finding(&log.dir, AUDIT_ALTERED, line_at(&log.file, at));
        audit_file_poke(&log.file, at, log.file.bytes[at]);
    }
    assert_intact(&log.dir, 6);
    unmake(&log);
}

/* No later record covers the last one: only its form and its links are checked, and the report says so. */
static void finds_a_flip_in_the_last_record_where_form_or_link_breaks(void **state)
{
    (void)state;
    struct spoiled log;
    make(&log, 4);
    size_t found = 0;
    for (size_t at = log.last; at < log.file.size; at++) {
        RG_AUTO(rg_arena_done) struct rg_arena arena;
        rg_arena_init(&arena, 1 << 20);
        audit_file_poke(&log.file, at, (char)(log.file.bytes[at] ^ 0x80));
        struct audit_report report = audit_dir_verify(&log.dir, &arena);
        assert_int_not_equal(report.result, AUDIT_INTACT);
        assert_true(report.seq == 5);
        found++;
        audit_file_poke(&log.file, at, log.file.bytes[at]);
    }
    assert_int_equal(found, log.file.size - log.last);
    unmake(&log);
}

static void says_where_a_log_was_cut_at_each_byte(void **state)
{
    (void)state;
    struct spoiled log;
    make(&log, 3);
    for (size_t size = log.file.size - 1; size > 0; size--) {
        assert_int_equal(truncate(log.file.path, (off_t)size), 0);
        if (log.file.bytes[size - 1] == '\n') {
            assert_intact(&log.dir, line_at(&log.file, size)); /* proven up to there, and no further */
        } else {
            assert_finding(&log.dir, AUDIT_TRUNCATED, line_at(&log.file, size));
        }
    }
    assert_int_equal(truncate(log.file.path, 0), 0);
    assert_finding(&log.dir, AUDIT_INCOMPLETE, 0);
    unmake(&log);
}

static void finds_a_deleted_record(void **state)
{
    (void)state;
    struct spoiled log;
    make(&log, 6);
    for (size_t number = 0; number + 1 < 8; number++) {
        size_t from = line_start(&log.file, number);
        size_t to = line_start(&log.file, number + 1);
        char *bytes = malloc(log.file.size);
        memcpy(bytes, log.file.bytes, from);
        memcpy(bytes + from, log.file.bytes + to, log.file.size - to);
        audit_file_write(log.file.path, bytes, log.file.size - (to - from));
        assert_finding(&log.dir, AUDIT_ALTERED, number);
        free(bytes);
    }
    unmake(&log);
}

static void write_pieces(const struct spoiled *log, const struct rg_slice *pieces, size_t count)
{
    char *bytes = malloc(4 * log->file.size + 200000);
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        memcpy(bytes + size, pieces[i].data, pieces[i].size);
        size += pieces[i].size;
    }
    audit_file_write(log->file.path, bytes, size);
    free(bytes);
}

static struct rg_slice lines(const struct spoiled *log, size_t from, size_t to)
{
    size_t start = line_start(&log->file, from);
    return rg_slice_make(log->file.bytes + start, line_start(&log->file, to) - start);
}

static void finds_reordered_repeated_and_inserted_records(void **state)
{
    (void)state;
    struct spoiled log;
    make(&log, 6);
    const struct rg_slice swapped[] = {lines(&log, 0, 2), lines(&log, 3, 4), lines(&log, 2, 3), lines(&log, 4, 8)};
    write_pieces(&log, swapped, 4);
    assert_finding(&log.dir, AUDIT_ALTERED, 2);
    const struct rg_slice repeated[] = {lines(&log, 0, 4), lines(&log, 3, 4), lines(&log, 4, 8)};
    write_pieces(&log, repeated, 3);
    assert_finding(&log.dir, AUDIT_ALTERED, 4);
    const struct rg_slice foreign[] = {lines(&log, 0, 4), RG_SLICE("{\"note\":\"no head\"}\n"), lines(&log, 4, 8)};
    write_pieces(&log, foreign, 3);
    assert_finding(&log.dir, AUDIT_ALTERED, 4);
    const struct rg_slice blank[] = {lines(&log, 0, 4), RG_SLICE("\n"), lines(&log, 4, 8)};
    write_pieces(&log, blank, 3);
    assert_finding(&log.dir, AUDIT_ALTERED, 4);
    const struct rg_slice carriage[] = {lines(&log, 0, 4), RG_SLICE("\r\n"), lines(&log, 4, 8)};
    write_pieces(&log, carriage, 3);
    assert_finding(&log.dir, AUDIT_ALTERED, 4);
    unmake(&log);
}

static void accepts_zeros_written_ahead_and_nothing_else_there(void **state)
{
    (void)state;
    static char zeros[100000];
    struct spoiled log;
    make(&log, 2);
    const struct rg_slice padded[] = {lines(&log, 0, 4), rg_slice_make(zeros, 1)};
    write_pieces(&log, padded, 2);
    assert_intact(&log.dir, 4);
    const struct rg_slice hidden[] = {lines(&log, 0, 4), rg_slice_make(zeros, 600), RG_SLICE("x")};
    write_pieces(&log, hidden, 3);
    assert_finding(&log.dir, AUDIT_ALTERED, 4);
    const struct rg_slice torn[] = {lines(&log, 0, 4), RG_SLICE("{\"unmapped\":{\"rg\":{\"s"),
                                    rg_slice_make(zeros, 600)};
    write_pieces(&log, torn, 3);
    assert_finding(&log.dir, AUDIT_TRUNCATED, 4);
    memset(zeros, 'x', sizeof zeros);
    const struct rg_slice endless[] = {lines(&log, 0, 4), rg_slice_make(zeros, sizeof zeros)};
    write_pieces(&log, endless, 2);
    assert_finding(&log.dir, AUDIT_ALTERED, 4);
    unmake(&log);
}

static void finds_another_origin(void **state)
{
    (void)state;
    struct spoiled log;
    char path[128];
    make(&log, 2);
    (void)snprintf(path, sizeof path, "%s/origin", log.dir.path);
    audit_file_write(path, "test/audit/node-2/1\n", 20);
    assert_finding(&log.dir, AUDIT_ALTERED, 0);
    unmake(&log);
}

/* Segments of 128 KiB, four of them. */
static void make_segments(struct audit_dir *dir, struct rg_arena *arena, struct audit_segments *out_segments)
{
    audit_dir_make(dir);
    struct auditor_options options = audit_dir_options(dir);
    options.segment_bytes = 128 * 1024;
    struct audit_log log = {0};
    assert_ok(audit_log_open(&options, &log));
    for (uint64_t i = 0; i < 500; i++) {
        uint64_t seq = 0;
        struct audit_event event = audit_sample(i, "acme");
        assert_ok(audit_dir_append(&log, &event, &seq));
        assert_ok(audit_log_commit(&log));
    }
    assert_ok(audit_log_stop(&log));
    assert_ok(audit_segments_load(log.directory_fd, arena, out_segments));
    audit_log_done(&log);
    assert_true(out_segments->count >= 4);
    assert_intact(dir, 502);
}

static void segment_path(const struct audit_dir *dir, uint64_t first_seq, char out_path[128])
{
    char name[AUDIT_SEGMENT_NAME_SIZE];
    audit_segment_name(first_seq, name);
    (void)snprintf(out_path, 128, "%s/seg/%s", dir->path, name);
}

static void finds_dropped_renamed_swapped_and_torn_segments(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct audit_segments segments = {0};
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, 1 << 20);
    make_segments(&dir, &arena, &segments);
    char paths[3][128];
    char spare[128];
    (void)snprintf(spare, sizeof spare, "%.50s/spare", dir.root);
    for (size_t i = 0; i < 3; i++) {
        segment_path(&dir, segments.first_seqs[i], paths[i]);
        assert_int_equal(rename(paths[i], spare), 0); /* dropped */
        assert_finding(&dir, AUDIT_INCOMPLETE, segments.first_seqs[i]);
        assert_int_equal(rename(spare, paths[i]), 0);
    }
    char other[128];
    segment_path(&dir, segments.first_seqs[1] + 1, other);
    assert_int_equal(rename(paths[1], other), 0); /* renamed */
    assert_finding(&dir, AUDIT_INCOMPLETE, segments.first_seqs[1]);
    assert_int_equal(rename(other, paths[1]), 0);
    assert_int_equal(rename(paths[1], spare), 0); /* swapped */
    assert_int_equal(rename(paths[2], paths[1]), 0);
    assert_int_equal(rename(spare, paths[2]), 0);
    assert_finding(&dir, AUDIT_ALTERED, segments.first_seqs[1]);
    assert_int_equal(rename(paths[2], spare), 0);
    assert_int_equal(rename(paths[1], paths[2]), 0);
    assert_int_equal(rename(spare, paths[1]), 0);
    assert_intact(&dir, 502);
    struct stat info;
    assert_int_equal(stat(paths[0], &info), 0); /* torn although sealed */
    assert_int_equal(truncate(paths[0], info.st_size - 5), 0);
    assert_finding(&dir, AUDIT_ALTERED, segments.first_seqs[1] - 1);
    audit_dir_remove(&dir);
}

static void finds_files_that_are_no_segments(void **state)
{
    (void)state;
    struct spoiled log;
    make(&log, 2);
    char stranger[128];
    char link[128];
    (void)snprintf(stranger, sizeof stranger, "%s/seg/old.jsonl", log.dir.path);
    (void)snprintf(link, sizeof link, "%s/seg/0000000000000004.jsonl", log.dir.path);
    audit_dir_run("cp", log.file.path, stranger);
    assert_finding(&log.dir, AUDIT_ALTERED, 4);
    assert_int_equal(unlink(stranger), 0);
    assert_int_equal(symlink(log.file.path, link), 0);
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, 1 << 20);
    struct audit_report report = {.seq = 99};
    assert_fails(RG_STORAGE, audit_verify(rg_slice_of(log.dir.path), &arena, &report));
    assert_int_equal(report.seq, 99);
    unmake(&log);
}

static void fails_without_a_log_and_leaves_the_report(void **state)
{
    (void)state;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, 1 << 20);
    struct audit_report report = {.seq = 99};
    assert_fails(RG_STORAGE, audit_verify(RG_SLICE("/nonexistent/rowgate"), &arena, &report));
    assert_fails(RG_STORAGE, audit_verify(RG_SLICE("/tmp"), &arena, &report));
    assert_int_equal(report.seq, 99);
}

static void verifies_beside_a_live_writer(void **state)
{
    (void)state;
    struct audit_dir dir;
    audit_dir_make(&dir);
    struct auditor_options options = audit_dir_options(&dir);
    struct audit_log log = {0};
    assert_ok(audit_log_open(&options, &log));
    for (uint64_t i = 0; i < 20; i++) {
        uint64_t seq = 0;
        struct audit_event event = audit_sample(i, "acme");
        assert_ok(audit_dir_append(&log, &event, &seq));
        assert_ok(audit_log_commit(&log));
        assert_intact(&dir, i + 2);
    }
    audit_log_done(&log);
    audit_dir_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_each_flipped_byte_and_names_its_record),
        cmocka_unit_test(finds_a_flip_in_the_last_record_where_form_or_link_breaks),
        cmocka_unit_test(says_where_a_log_was_cut_at_each_byte),
        cmocka_unit_test(finds_a_deleted_record),
        cmocka_unit_test(finds_reordered_repeated_and_inserted_records),
        cmocka_unit_test(accepts_zeros_written_ahead_and_nothing_else_there),
        cmocka_unit_test(finds_another_origin),
        cmocka_unit_test(finds_dropped_renamed_swapped_and_torn_segments),
        cmocka_unit_test(finds_files_that_are_no_segments),
        cmocka_unit_test(fails_without_a_log_and_leaves_the_report),
        cmocka_unit_test(verifies_beside_a_live_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
