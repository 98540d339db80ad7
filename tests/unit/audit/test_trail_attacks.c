/* SPDX-License-Identifier: Apache-2.0 */
/* Each row of tests/vectors/audit/trail_attacks.h and proof_attacks.h on a fresh trail, then flips of every byte of
 * one. With RG_TRAIL_VECTORS=DIR the files are written there, with the exit status in their names, for the other
 * verifiers. */
#include "tests/vectors/audit/proof_attacks.h"

struct logs {
    struct history log;
    struct history other;
};

static void write_log(struct history *history)
{
    history_begin(history);
    history_start(history);
    history_statements(history, 40);
    history_checkpoint(history);
    history_statements(history, 40);
    history_next_epoch(history);
    history_statements(history, 40);
    history_next_segment(history);
    history_put(history, "initech", 6005, "{\"kind\":\"statement\",\"part\":\"1/3\"}");
    history_put(history, "initech", 6005, "{\"kind\":\"part\",\"part\":\"2/3\"}");
    history_put(history, "initech", 6005, "{\"kind\":\"part\",\"part\":\"3/3\"}");
    history_statements(history, 40);
    history_checkpoint(history);
}

static void make_logs(struct logs *logs)
{
    *logs = (struct logs){.log = history_blank(), .other = history_blank()};
    logs->other.key_set = 5;
    write_log(&logs->log);
    write_log(&logs->other);
}

static void remove_logs(struct logs *logs)
{
    history_end(&logs->log);
    history_remove(&logs->log);
    history_end(&logs->other);
    history_remove(&logs->other);
}

/* The lines point into the buffers. */
struct files {
    struct rg_buf lines;
    struct rg_buf older;
    struct rg_buf foreign;
    struct rg_buf globex;
};

static void make_files(struct logs *logs, struct files *files, struct trail_attack *attack)
{
    struct audit_trail_made made = {0};
    *files = (struct files){0};
    rg_buf_init(&files->lines, WORLD_FILE_MAX);
    rg_buf_init(&files->older, WORLD_FILE_MAX);
    rg_buf_init(&files->foreign, WORLD_FILE_MAX);
    rg_buf_init(&files->globex, WORLD_FILE_MAX);
    world_export(&logs->log, "acme", &files->lines);
    world_export(&logs->log, "globex", &files->globex);
    world_export(&logs->other, "acme", &files->foreign);
    assert_ok(world_try_export(&logs->log, "acme", INT64_MIN, INT64_C(1800000000000000) + 20000, &files->older, &made));
    *attack = (struct trail_attack){.history = &logs->log,
                                    .other = &logs->other,
                                    .lines = world_split(rg_buf_slice(&files->lines)),
                                    .older = world_split(rg_buf_slice(&files->older)),
                                    .foreign = world_split(rg_buf_slice(&files->foreign)),
                                    .globex = world_split(rg_buf_slice(&files->globex))};
    rg_buf_init(&attack->raw, WORLD_FILE_MAX);
    rg_buf_init(&attack->since, 65536);
}

static void free_files(struct files *files, struct trail_attack *attack)
{
    world_lines_done(&attack->lines);
    world_lines_done(&attack->older);
    world_lines_done(&attack->foreign);
    world_lines_done(&attack->globex);
    rg_buf_done(&attack->raw);
    rg_buf_done(&attack->since);
    rg_buf_done(&files->lines);
    rg_buf_done(&files->older);
    rg_buf_done(&files->foreign);
    rg_buf_done(&files->globex);
}

static void save(const char *directory, const char *name, struct rg_slice bytes)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes.data, 1, bytes.size, file), bytes.size);
    (void)fclose(file);
}

/* For the other verifiers: what needs a kept checkpoint is left out. */
static void save_vector(const struct trail_attack *attack, size_t number, int exit_code)
{
    const char *directory = getenv("RG_TRAIL_VECTORS");
    char name[64];
    struct audit_vkey root;
    RG_AUTO(rg_buf_done) struct rg_buf line;
    rg_buf_init(&line, 1024);
    if (directory == NULL || rg_buf_size(&attack->since) > 0) {
        return;
    }
    (void)snprintf(name, sizeof name, "%03zu.exit%d.trail", number, exit_code);
    save(directory, name, rg_buf_slice(&attack->raw));
    history_root_key(attack->history, &root);
    assert_ok(audit_vkey_encode(&root, &line));
    assert_ok(rg_buf_put_u8(&line, '\n'));
    save(directory, "root.vkey", rg_buf_slice(&line));
}

/* For the fuzzer: tests/fuzz/audit/corpus_trail. */
static void save_seed(const char *name, const struct rg_buf *file)
{
    if (getenv("RG_TRAIL_VECTORS") != NULL) {
        save(getenv("RG_TRAIL_VECTORS"), name, rg_buf_slice(file));
    }
}

/* The first line of the record in several lines. */
static uint64_t long_record(const struct history *history)
{
    return history->segment_seq;
}

static bool run(const struct trail_attack_row *row, size_t number, bool is_proof)
{
    struct logs logs;
    struct files files;
    struct trail_attack attack;
    struct audit_trail_report report = {0};
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, WORLD_ARENA);
    make_logs(&logs);
    make_files(&logs, &files, &attack);
    if (is_proof) {
        struct audit_trail_made made = {0};
        rg_buf_clear(&files.lines);
        assert_ok(world_try_prove(&logs.log, long_record(&logs.log), true, &files.lines, &made));
        assert_int_equal(made.record_count, 3);
        world_lines_done(&attack.lines);
        attack.lines = world_split(rg_buf_slice(&files.lines));
    }
    row->apply(&attack);
    if (rg_buf_size(&attack.raw) == 0) {
        world_join(&attack.lines, &attack.raw);
    }
    assert_ok(world_try_check(&logs.log, rg_buf_slice(&attack.raw), rg_buf_slice(&attack.since), &arena, &report));
    save_vector(&attack, number, row->exit_code);
    bool is_right = audit_result_exit_code(report.result) == row->exit_code;
    if (!is_right) {
        print_error("%s: exit %d, expected %d; line %llu: %.*s\n", row->name, audit_result_exit_code(report.result),
                    row->exit_code, (unsigned long long)report.line, (int)report.reason.size, report.reason.data);
    }
    free_files(&files, &attack);
    remove_logs(&logs);
    return is_right;
}

static void answers_each_attack_with_its_exit_status(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < sizeof trail_attacks / sizeof trail_attacks[0]; i++) {
        wrong += run(&trail_attacks[i], i, false) ? 0 : 1;
    }
    assert_int_equal(wrong, 0);
}

static void answers_each_attack_on_a_proof_with_its_exit_status(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < sizeof proof_attacks / sizeof proof_attacks[0]; i++) {
        wrong += run(&proof_attacks[i], 200 + i, true) ? 0 : 1;
    }
    assert_int_equal(wrong, 0);
}

/* An older trail proves less, and says so. */
static void tells_up_to_when_an_older_trail_goes(void **state)
{
    struct logs logs;
    struct files files;
    struct trail_attack attack;
    struct audit_trail_report report = {0};
    struct audit_trail_report older = {0};
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    (void)state;
    rg_arena_init(&arena, WORLD_ARENA);
    make_logs(&logs);
    make_files(&logs, &files, &attack);
    assert_ok(world_try_check(&logs.log, rg_buf_slice(&files.lines), (struct rg_slice){0}, &arena, &report));
    assert_ok(world_try_check(&logs.log, rg_buf_slice(&files.older), (struct rg_slice){0}, &arena, &older));
    assert_int_equal(older.result, AUDIT_INTACT);
    assert_true(older.end_us < report.end_us && older.end_seq < report.end_seq);
    assert_true(older.record_count < report.record_count);
    assert_int_equal(older.checkpoint_us, report.checkpoint_us);
    free_files(&files, &attack);
    remove_logs(&logs);
}

/* No byte of a trail or proof can be another one: each bit of every 7th byte, and each byte's lowest bit. */
static size_t flip_all(const struct history *history, struct rg_buf *file)
{
    size_t accepted = 0;
    size_t size = rg_buf_size(file);
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, WORLD_ARENA);
    for (size_t i = 0; i < size; i++) {
        struct audit_trail_report report = {0};
        char *byte = file->bytes + file->start + i;
        *byte ^= (char)(1 << i % 7);
        rg_status status = world_try_check(history, rg_buf_slice(file), (struct rg_slice){0}, &arena, &report);
        if (rg_is_ok(status) && report.result == AUDIT_INTACT) {
            print_error("byte %zu of %zu\n", i, size);
            accepted++;
        }
        *byte ^= (char)(1 << i % 7);
        rg_arena_reset(&arena);
    }
    return accepted;
}

static void refuses_each_flipped_byte(void **state)
{
    struct history log = history_blank();
    struct audit_trail_made made = {0};
    RG_AUTO(rg_buf_done) struct rg_buf file;
    (void)state;
    rg_buf_init(&file, WORLD_FILE_MAX);
    log.padding = 10;
    history_begin(&log);
    history_start(&log);
    history_statements(&log, 9);
    history_checkpoint(&log);
    int64_t since_us = log.chain.hlc_us;
    history_statements(&log, 6);
    history_checkpoint(&log);
    assert_ok(world_try_export(&log, "globex", since_us, INT64_MAX, &file, &made));
    save_seed("trail_with_begin", &file);
    assert_int_equal(flip_all(&log, &file), 0);
    rg_buf_clear(&file);
    assert_ok(world_try_prove(&log, 4, true, &file, &made));
    save_seed("proof", &file);
    assert_int_equal(flip_all(&log, &file), 0);
    history_end(&log);
    history_remove(&log);
}

/* Ending anywhere, it proves nothing. */
static void refuses_each_beginning_of_a_file(void **state)
{
    struct history log = history_blank();
    RG_AUTO(rg_buf_done) struct rg_buf file;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    (void)state;
    rg_buf_init(&file, WORLD_FILE_MAX);
    rg_arena_init(&arena, WORLD_ARENA);
    log.padding = 10;
    history_begin(&log);
    history_start(&log);
    history_statements(&log, 9);
    history_checkpoint(&log);
    world_export(&log, "acme", &file);
    save_seed("trail", &file);
    for (size_t size = 0; size < rg_buf_size(&file); size++) {
        struct audit_trail_report report = {0};
        rg_status status =
            world_try_check(&log, rg_slice_cut(rg_buf_slice(&file), 0, size), (struct rg_slice){0}, &arena, &report);
        assert_true(!rg_is_ok(status) || report.result == AUDIT_TRUNCATED);
        rg_arena_reset(&arena);
    }
    history_end(&log);
    history_remove(&log);
}

static void is_no_file_of_ours(void **state)
{
    static const char *const files[] = {"", "\n", "c2sp.org/tlog-proof@v1\n", "rowgate/audit/trail\n", "{\"a\":1}\n"};
    struct history log = history_blank();
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct audit_trail_report report = {.line = 77};
    (void)state;
    rg_arena_init(&arena, WORLD_ARENA);
    log.origin = HISTORY_ORIGIN;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        assert_fails(RG_PROTOCOL, world_try_check(&log, rg_slice_of(files[i]), (struct rg_slice){0}, &arena, &report));
    }
    assert_fails(RG_PROTOCOL,
                 world_try_check(&log, RG_SLICE("rowgate/audit/trail/v1\n"), RG_SLICE("junk"), &arena, &report));
    assert_int_equal(report.line, 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_each_attack_with_its_exit_status),
        cmocka_unit_test(answers_each_attack_on_a_proof_with_its_exit_status),
        cmocka_unit_test(tells_up_to_when_an_older_trail_goes),
        cmocka_unit_test(refuses_each_flipped_byte),
        cmocka_unit_test(refuses_each_beginning_of_a_file),
        cmocka_unit_test(is_no_file_of_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
