/* SPDX-License-Identifier: Apache-2.0 */
/* Every single byte of a closed log, changed: records, LF, tiles, checkpoints, manifests, key lists, origin. None may
 * pass. An ordinary run takes one byte in some hundred, scripts/proof audit all of a 1 MB log. */
#include "audit/verify_private.h"

#include "tests/support/audit_proof.h"

struct flips {
    struct history history;
    struct verify_plan plan; /* what verify_segment_read needs: a flip that it stops at needs no more */
    struct verify_checkpoints checkpoints;
    struct verify_tiles tiles;
    struct rg_arena arena;
    uint64_t tried;
    uint64_t stopped;
    uint64_t missed;
};

static void make_plan(struct flips *flips)
{
    struct verify_findings findings = {0};
    int fd = open(flips->history.path, O_RDONLY | O_DIRECTORY);
    rg_arena_init(&flips->arena, 16 << 20);
    assert_ok(verify_checkpoints_load(fd, rg_slice_of(flips->history.origin), &(struct audit_verify_options){0},
                                      &flips->arena, &findings, &flips->checkpoints));
    assert_ok(verify_tiles_load(fd, &findings, &flips->tiles));
    assert_int_equal(findings.count, 0);
    flips->tiles.needed_size = flips->checkpoints.newest_size;
    flips->plan = (struct verify_plan){.directory_fd = fd, .checkpoints = &flips->checkpoints, .tiles = &flips->tiles};
}

static void drop_plan(struct flips *flips)
{
    (void)close(flips->plan.directory_fd);
    verify_checkpoints_done(&flips->checkpoints);
    verify_tiles_done(&flips->tiles);
    rg_arena_done(&flips->arena);
}

/* The first half of verify alone: what one segment's reader finds, verify reports. */
static bool is_stopped_in_segment(struct flips *flips, const char *name, bool is_newest)
{
    uint64_t first_seq = 0;
    assert_true(audit_line_digits_parse(rg_slice_make(name + 4, AUDIT_DIGITS), &first_seq));
    struct verify_segment segment = {.first_seq = first_seq, .is_newest = is_newest};
    rg_status status = verify_segment_read(&flips->plan, &segment);
    bool is_found = !rg_is_ok(status) || segment.findings.count > 0;
    verify_segment_done(&segment);
    return is_found;
}

static void flip(struct flips *flips, const char *name, bool is_segment, bool is_newest, const struct spoil_file *file,
                 int fd, size_t at, char mask)
{
    char changed = (char)(file->bytes[at] ^ mask);
    assert_int_equal(pwrite(fd, &changed, 1, (off_t)at), 1);
    flips->tried++;
    if (is_segment && is_stopped_in_segment(flips, name, is_newest)) {
        flips->stopped++;
    } else if (proof_verify(&flips->history) == AUDIT_INTACT) {
        print_error("missed: byte %zu of %s, mask 0x%02x\n", at, name, (unsigned char)mask);
        flips->missed++;
    }
    assert_int_equal(pwrite(fd, &file->bytes[at], 1, (off_t)at), 1);
}

/* Every step-th byte from the first-th on. */
static void flip_file(struct flips *flips, const char *name, bool is_newest, size_t first, size_t step)
{
    static const char masks[] = {0x01, 0x20, (char)0x80, 0x04, 0x02, 0x40, 0x10, 0x08};
    struct spoil_file file = spoil_load(&flips->history, name);
    bool is_segment = strncmp(name, "seg/", 4) == 0 && strstr(name, ".jsonl") != NULL;
    int fd = open(file.path, O_WRONLY);
    assert_true(fd >= 0);
    for (size_t at = first; at < file.size; at += step) {
        flip(flips, name, is_segment, is_newest, &file, fd, at, masks[(at / step) % sizeof masks]);
    }
    (void)close(fd);
    spoil_free(&file);
}

/* Closed, so that the last record is signed; space written ahead behind it. */
static void make_log(struct flips *flips, uint64_t statements)
{
    static const char zeros[1000];
    flips->history = history_blank();
    flips->history.segment_statements = 200;
    history_write_all(&flips->history, statements);
    history_stop(&flips->history);
    assert_int_equal(write(flips->history.segment_fd, zeros, sizeof zeros), sizeof zeros);
    history_assert_intact(&flips->history);
}

/* One share of the bytes, on a log of its own. */
static void flip_all(struct flips *flips, uint64_t statements, size_t first, size_t step)
{
    static struct proof_files files;
    make_log(flips, statements);
    make_plan(flips);
    proof_list(&flips->history, &files);
    const char *newest = NULL;
    for (size_t i = 0; i < files.count; i++) {
        newest = strstr(files.names[i], ".jsonl") != NULL ? files.names[i] : newest;
    }
    for (size_t i = 0; i < files.count; i++) {
        flip_file(flips, files.names[i], files.names[i] == newest, first, step);
    }
    history_assert_intact(&flips->history);
    drop_plan(flips);
    history_end(&flips->history);
    history_remove(&flips->history);
}

static void finds_every_flipped_byte(void **state)
{
    (void)state;
    enum { SAMPLE = 331 };
    size_t shares = proof_is_whole() ? (size_t)sysconf(_SC_NPROCESSORS_ONLN) : 1;
    int results[2];
    struct flips all = {0};
    assert_int_equal(pipe(results), 0);
    for (size_t i = 0; i < shares; i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            struct flips flips = {0};
            flip_all(&flips, proof_is_whole() ? 2000 : 400, proof_is_whole() ? i : SAMPLE / 2,
                     proof_is_whole() ? shares : SAMPLE);
            const uint64_t counts[] = {flips.tried, flips.stopped, flips.missed};
            _exit(write(results[1], counts, sizeof counts) == sizeof counts ? 0 : 1);
        }
    }
    (void)close(results[1]);
    for (size_t i = 0; i < shares; i++) {
        uint64_t counts[3];
        assert_int_equal(read(results[0], counts, sizeof counts), sizeof counts); /* a share that failed writes none */
        all.tried += counts[0];
        all.stopped += counts[1];
        all.missed += counts[2];
    }
    (void)close(results[0]);
    print_message("%llu bytes flipped one by one, %llu stopped by the segment's own reader, %llu missed\n",
                  (unsigned long long)all.tried, (unsigned long long)all.stopped, (unsigned long long)all.missed);
    assert_true(all.tried > 500);
    assert_int_equal(all.missed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(finds_every_flipped_byte)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
