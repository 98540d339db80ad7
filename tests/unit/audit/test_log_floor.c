/* SPDX-License-Identifier: Apache-2.0 */
/* Recovery above a signed floor: what a checkpoint covers must be there unchanged, what can be made again is, and a log
 * without keys does not open. */
#include "audit/log_private.h"
#include "tests/support/audit_checker.h"

#define FIRST_SEGMENT "seg/0000000000000000.jsonl"

static void run(const struct audit_dir *dir, const char *script)
{
    char command[512];
    (void)snprintf(command, sizeof command, "cd '%s' && { %s; }", dir->path, script);
    assert_int_equal(system(command), 0);
}

static void assert_refused(const struct audit_dir *dir, enum rg_kind kind, const char *text)
{
    struct auditor_options options = audit_dir_options(dir);
    struct audit_log log = {.durability = AUDIT_WRITTEN};
    rg_status status = audit_log_open(&options, &log);
    assert_false(rg_is_ok(status));
    assert_int_equal(status.error->kind, kind);
    if (strstr(status.error->text, text) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", status.error->text, text);
    }
    assert_int_equal(log.durability, AUDIT_WRITTEN);      /* untouched */
    run(dir, "test -z \"$(ls quarantine 2>/dev/null)\""); /* nothing was cut */
}

static void assert_opens(const struct audit_dir *dir)
{
    struct audit_checker checker;
    audit_dir_fill(dir, 1);
    assert_intact(dir, 0);
    audit_checker_run(&checker, dir);
    assert_int_equal(checker.newest, checker.count);
    audit_checker_done(&checker);
}

static void needs_keys_and_says_how_they_are_made(void **state)
{
    (void)state;
    struct audit_dir dir;
    audit_dir_make_bare(&dir);
    struct auditor_options options = audit_dir_options(&dir);
    struct audit_log log = {0};
    assert_fails(RG_CONFIG, audit_log_open(&options, &log));
    assert_int_not_equal(access(dir.path, F_OK), 0); /* it may be about to be moved back there */
    audit_dir_make_keys(&dir);
    assert_opens(&dir);
    run(&dir, "mv keys gone");
    assert_refused(&dir, RG_CONFIG, "rowgate audit keys init");
    run(&dir, "mv gone keys && mv keys/seed seed");
    assert_refused(&dir, RG_STORAGE, "seed");
    run(&dir, "mv seed keys/seed");
    assert_opens(&dir);
    audit_dir_remove(&dir);
}

static void makes_nothing_in_the_place_of_what_was_moved_away(void **state)
{
    (void)state;
    struct audit_dir dir;
    audit_dir_make(&dir);
    audit_dir_fill(&dir, 3);
    run(&dir, "mv seg gone");
    assert_refused(&dir, RG_STORAGE, "seg");
    run(&dir, "test ! -e seg && mv gone seg && mkdir ../copy && mv * ../copy");
    assert_refused(&dir, RG_CONFIG, "rowgate audit keys init");
    run(&dir, "test -z \"$(ls)\" && mv ../copy/* .");
    assert_opens(&dir);
    audit_dir_remove(&dir);
}

static void refuses_keys_of_another_log(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct audit_dir other;
    char command[160];
    audit_dir_make(&dir);
    audit_dir_make(&other);
    audit_dir_fill(&dir, 3);
    (void)snprintf(command, sizeof command, "rm -rf keys && cp -a '%s/keys' keys", other.path);
    run(&dir, command);
    assert_refused(&dir, RG_STORAGE, "record 0");
    struct auditor_options options = audit_dir_options(&other);
    struct audit_log log = {0};
    options.origin = RG_SLICE("another/audit/node-1/1");
    assert_fails(RG_CONFIG, audit_log_open(&options, &log));
    audit_dir_remove(&dir);
    audit_dir_remove(&other);
}

static void refuses_a_log_that_is_shorter_than_its_checkpoint(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct audit_file file;
    audit_dir_make(&dir);
    audit_dir_fill(&dir, 4);
    audit_file_load(&dir, FIRST_SEGMENT, &file);
    size_t size = file.size - 1;
    for (int lines = 0; lines < 6; lines++) { /* whole records are gone */
        while (file.bytes[size - 1] != '\n') {
            size--;
        }
        audit_file_write(file.path, file.bytes, size);
        assert_refused(&dir, RG_STORAGE, "rolled back or altered");
        size--;
    }
    audit_file_write(file.path, file.bytes, file.size - 20); /* a torn one that was signed */
    assert_refused(&dir, RG_STORAGE, "a signed checkpoint covers this record");
    audit_file_write(file.path, file.bytes, 0);
    assert_refused(&dir, RG_STORAGE, "rolled back or altered");
    audit_file_restore(&file);
    assert_opens(&dir);
    free(file.bytes);
    audit_dir_remove(&dir);
}

/* The last record is covered by no other's prev: only the signed root tells. */
static void refuses_a_changed_last_record(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct audit_file file;
    audit_dir_make(&dir);
    audit_dir_fill(&dir, 4);
    audit_file_load(&dir, FIRST_SEGMENT, &file);
    audit_file_poke(&file, file.size - 6, file.bytes[file.size - 6] == '7' ? '8' : '7');
    assert_refused(&dir, RG_STORAGE, "do not have the root that was signed");
    audit_file_restore(&file);
    assert_opens(&dir);
    free(file.bytes);
    audit_dir_remove(&dir);
}

static void refuses_a_rolled_back_log_also_with_its_checkpoints_gone(void **state)
{
    (void)state;
    struct audit_dir dir;
    audit_dir_make(&dir);
    audit_dir_fill(&dir, 4);
    run(&dir, "mkdir ../old && cp -a seg ckpt head.note tile ../old/");
    struct audit_log log = {0};
    audit_dir_open(&dir, &log);
    assert_ok(audit_log_open_epoch(&log)); /* as after an hour */
    assert_ok(audit_log_stop(&log));
    audit_log_done(&log);
    assert_opens(&dir);
    run(&dir, "mkdir ../new && cp -a seg ckpt head.note tile ../new/");
    run(&dir, "rm -rf seg && cp -a ../old/seg seg"); /* records only */
    assert_refused(&dir, RG_STORAGE, "rolled back or altered");
    run(&dir, "rm -rf ckpt tile && cp -a ../old/ckpt ../old/tile ../old/head.note ."); /* all but the keys */
    assert_refused(&dir, RG_STORAGE, "keys/seed is of epoch 1");
    run(&dir, "rm -rf seg ckpt tile head.note && cp -a ../new/seg ../new/tile ."); /* the checkpoints are removed */
    assert_refused(&dir, RG_STORAGE, "rolled back or altered");
    run(&dir, "cp -a ../new/ckpt ../new/head.note .");
    assert_opens(&dir);
    audit_dir_remove(&dir);
}

static void cuts_a_torn_tail_above_the_floor_and_records_it(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct audit_file file;
    struct audit_checker checker;
    audit_dir_make(&dir);
    audit_dir_fill(&dir, 4);
    audit_dir_crash(&dir, 6);
    audit_file_load(&dir, FIRST_SEGMENT, &file);
    audit_file_write(file.path, file.bytes, file.size - 30);
    assert_opens(&dir);
    audit_checker_run(&checker, &dir);
    assert_int_equal(checker.kinds[AUDIT_LOG_RECOVERED], 1);
    audit_checker_done(&checker);
    free(file.bytes);
    audit_dir_remove(&dir);
}

static void makes_missing_and_wrong_tiles_and_manifests_again(void **state)
{
    (void)state;
    static const char *const scripts[] = {
        "rm -r tile",
        "rm tile/0/001",
        "rm -r tile/0/*.p",
        "printf x | dd of=tile/0/000 conv=notrunc bs=1 seek=99 status=none",
        "truncate -s 100 tile/0/000",
        "rm -r tile && touch tile && rm tile",
        "rm seg/*.manifest",
        "rm publisher.new 2>/dev/null; touch publisher.new next reserve.new",
    };
    struct audit_dir dir;
    audit_dir_make(&dir);
    struct auditor_options options = audit_dir_options(&dir);
    struct audit_log log = {0};
    options.segment_bytes = 128 * 1024;
    assert_ok(audit_log_open(&options, &log));
    for (uint64_t i = 0; i < 700; i++) {
        uint64_t seq = 0;
        struct audit_event event = audit_sample(i, "acme");
        assert_ok(audit_dir_append(&log, &event, &seq));
    }
    assert_ok(audit_log_stop(&log));
    audit_log_done(&log);
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        run(&dir, scripts[i]);
        assert_opens(&dir);
    }
    audit_dir_remove(&dir);
}

/* From the first acknowledged record on there is a checkpoint: a fresh log does not begin in its place. */
static void refuses_to_begin_again_when_the_segments_are_gone_within_the_first_second(void **state)
{
    (void)state;
    struct audit_dir dir;
    audit_dir_make(&dir);
    audit_dir_crash(&dir, 1);
    run(&dir, "rm seg/*");
    assert_refused(&dir, RG_STORAGE, "rolled back or altered");
    audit_dir_remove(&dir);
}

static void refuses_a_log_shorter_than_what_was_acknowledged_and_cuts_nothing(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct audit_log log = {0};
    audit_dir_make(&dir);
    audit_dir_crash(&dir, 4); /* five records, one of them signed */
    struct auditor_options options = audit_dir_options(&dir);
    run(&dir, "cp -r seg kept && f=seg/0000000000000000.jsonl && truncate -s -40 $f && cp -r seg torn");
    options.acknowledged_seq = 5;
    assert_fails(RG_STORAGE, audit_log_open(&options, &log));
    run(&dir, "diff -r seg torn && test -z \"$(ls quarantine)\"");
    run(&dir, "rm -r seg && cp -r kept seg");
    options.acknowledged_seq = 6;
    assert_fails(RG_STORAGE, audit_log_open(&options, &log));
    options.acknowledged_seq = 5;
    assert_ok(audit_log_open(&options, &log));
    assert_ok(audit_log_stop(&log));
    audit_log_done(&log);
    audit_dir_remove(&dir);
}

/* A note that does not hold is passed over: power loss can leave half of one. */
static void passes_over_notes_that_do_not_hold(void **state)
{
    (void)state;
    struct audit_dir dir;
    audit_dir_make(&dir);
    audit_dir_fill(&dir, 4);
    audit_dir_fill(&dir, 4);
    run(&dir, "n=$(ls ckpt/*.note | tail -1) && head -c 60 $n > half && mv half $n && : > head.note");
    struct audit_log log = {0};
    audit_dir_open(&dir, &log);
    assert_ok(audit_log_stop(&log));
    audit_log_done(&log);
    audit_dir_remove(&dir);
}

static void finishes_the_step_of_an_epoch_that_was_opened(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct audit_log log = {0};
    struct audit_checker checker;
    audit_dir_make(&dir);
    audit_dir_fill(&dir, 3);
    struct auditor_options options = audit_dir_options(&dir);
    assert_ok(audit_log_open(&options, &log));
    run(&dir, "mv ckpt away && touch ckpt"); /* the record is written, its checkpoint cannot be */
    assert_ok(audit_log_open_epoch(&log));
    assert_fails(RG_STORAGE, audit_publisher_drain(log.publisher));
    uint64_t boundary = log.chain.next_seq;
    struct audit_event event = audit_sample(1, "acme");
    uint64_t seq = 0;
    assert_ok(audit_dir_append(&log, &event, &seq)); /* and the log goes on */
    assert_ok(audit_log_commit(&log));
    audit_log_done(&log);
    run(&dir, "rm ckpt && mv away ckpt");
    char note[64];
    (void)snprintf(note, sizeof note, "test ! -e ckpt/%016llu.note", (unsigned long long)boundary);
    run(&dir, note);
    assert_opens(&dir);
    (void)snprintf(note, sizeof note, "test -e ckpt/%016llu.note", (unsigned long long)boundary);
    run(&dir, note);
    audit_checker_run(&checker, &dir);
    assert_int_equal(checker.kinds[AUDIT_EPOCH_OPEN], 1);
    audit_checker_done(&checker);
    assert_ok(audit_log_open(&options, &log));
    assert_int_equal(log.epoch, 1);
    assert_ok(audit_log_stop(&log));
    audit_log_done(&log);
    audit_dir_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(needs_keys_and_says_how_they_are_made),
        cmocka_unit_test(makes_nothing_in_the_place_of_what_was_moved_away),
        cmocka_unit_test(refuses_keys_of_another_log),
        cmocka_unit_test(refuses_a_log_that_is_shorter_than_its_checkpoint),
        cmocka_unit_test(refuses_a_changed_last_record),
        cmocka_unit_test(refuses_a_rolled_back_log_also_with_its_checkpoints_gone),
        cmocka_unit_test(cuts_a_torn_tail_above_the_floor_and_records_it),
        cmocka_unit_test(makes_missing_and_wrong_tiles_and_manifests_again),
        cmocka_unit_test(refuses_to_begin_again_when_the_segments_are_gone_within_the_first_second),
        cmocka_unit_test(refuses_a_log_shorter_than_what_was_acknowledged_and_cuts_nothing),
        cmocka_unit_test(passes_over_notes_that_do_not_hold),
        cmocka_unit_test(finishes_the_step_of_an_epoch_that_was_opened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
