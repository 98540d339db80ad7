/* SPDX-License-Identifier: Apache-2.0 */
/* Verify beside the real writer: while it commits and rotates, right after it was killed, after it started again. Never
 * a false alarm, but for a torn last line that a kill left. (systemd 27532: a verifier that cries wolf on a live file
 * is one that nobody runs.) */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/support/audit_dir.h"
#include "tests/support/audit_proof.h"

static void sleep_us(uint64_t us)
{
    const struct timespec pause = {.tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000) * 1000};
    (void)nanosleep(&pause, NULL);
}

static enum audit_result look(const struct audit_dir *dir, bool is_loud)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct audit_report report = {0};
    rg_arena_init(&arena, 64 << 20);
    assert_ok(audit_verify(rg_slice_of(dir->path), &arena, &report));
    if (is_loud && report.result != AUDIT_INTACT) {
        history_print(&report);
    }
    return report.result;
}

/* Groups of records of any size, a seal now and then. */
static rg_status write_on(struct audit_log *log, struct chance *chance, uint64_t number)
{
    static const char *const tenants[] = {"acme", "globex", "", "initech"};
    uint64_t seq = 0;
    for (uint64_t i = chance_below(chance, 40); i > 0; i--) {
        struct audit_event event = audit_sample(number * 64 + i, tenants[i % 4]);
        event.phase = i % 7 == 0 ? AUDIT_DECISION : AUDIT_COMBINED;
        RG_TRY(audit_dir_append(log, &event, &seq));
    }
    RG_TRY(audit_log_commit(log));
    RG_TRY(number % 20 == 19 ? audit_log_watch(log) : RG_OK);
    return chance_below(chance, 60) == 0 ? audit_log_seal(log) : RG_OK;
}

static struct auditor_options options_of(const struct audit_dir *dir)
{
    struct auditor_options options = audit_dir_options(dir);
    options.segment_bytes = 128 * 1024;
    return options;
}

/* ---- live ---- */

struct writer {
    const struct audit_dir *dir;
    atomic_bool is_over;
    uint64_t groups;
    bool has_failed;
};

static void *writer_main(void *context)
{
    struct writer *writer = context;
    struct chance chance = chance_of(proof_seed());
    struct auditor_options options = options_of(writer->dir);
    struct audit_log log = {0};
    writer->has_failed = !rg_is_ok(audit_log_open(&options, &log));
    while (!writer->has_failed && !atomic_load(&writer->is_over)) {
        writer->has_failed = !rg_is_ok(write_on(&log, &chance, writer->groups));
        writer->groups++;
        sleep_us(chance_below(&chance, 3000));
    }
    audit_log_done(&log);
    return NULL;
}

static void raises_no_false_alarm_beside_a_live_writer(void **state)
{
    (void)state;
    struct audit_dir dir;
    pthread_t id;
    uint64_t looks = proof_is_whole() ? 600 : 40;
    audit_dir_make_fast(&dir);
    struct writer writer = {.dir = &dir};
    assert_int_equal(pthread_create(&id, NULL, writer_main, &writer), 0);
    sleep_us(200000);
    for (uint64_t i = 0; i < looks; i++) {
        assert_int_equal(look(&dir, true), AUDIT_INTACT);
    }
    atomic_store(&writer.is_over, true);
    assert_int_equal(pthread_join(id, NULL), 0);
    assert_false(writer.has_failed);
    assert_int_equal(look(&dir, true), AUDIT_INTACT);
    print_message("%llu looks beside a writer of %llu groups, 0 false alarms\n", (unsigned long long)looks,
                  (unsigned long long)writer.groups);
    audit_dir_remove(&dir);
}

/* ---- killed ---- */

static noreturn void child_main(const struct audit_dir *dir, uint64_t seed)
{
    struct chance chance = chance_of(seed);
    struct auditor_options options = options_of(dir);
    struct audit_log log = {0};
    bool is_good = rg_is_ok(audit_log_open(&options, &log));
    for (uint64_t i = 0; is_good; i++) {
        is_good = rg_is_ok(write_on(&log, &chance, i));
    }
    _exit(1);
}

static void kill_one(const struct audit_dir *dir, uint64_t seed, struct chance *chance)
{
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        child_main(dir, seed);
    }
    sleep_us(chance_below(chance, 4) == 0 ? chance_below(chance, 3000) : chance_below(chance, 120000));
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status)); /* it had not failed by itself */
}

/* False as long as its first segment is but the space written ahead. */
static bool has_record(const struct audit_dir *dir)
{
    char path[128];
    char first = '\0';
    (void)snprintf(path, sizeof path, "%s/seg/0000000000000000.jsonl", dir->path);
    int fd = open(path, O_RDONLY);
    bool has_one = fd >= 0 && read(fd, &first, 1) == 1 && first != '\0';
    if (fd >= 0) {
        (void)close(fd);
    }
    return has_one;
}

static void raises_no_false_alarm_after_kills(void **state)
{
    (void)state;
    struct audit_dir dir;
    struct chance chance = chance_of(proof_seed() + 7);
    uint64_t kills = proof_is_whole() ? 1000 : 25;
    uint64_t torn = 0;
    bool has_begun = false;
    audit_dir_make_fast(&dir);
    for (uint64_t i = 0; i < kills; i++) {
        kill_one(&dir, proof_seed() + i, &chance);
        has_begun = has_begun || has_record(&dir);
        if (has_begun) { /* otherwise killed before its first record */
            enum audit_result result = look(&dir, false);
            torn += result == AUDIT_TRUNCATED ? 1 : 0;
            if (result != AUDIT_INTACT && result != AUDIT_TRUNCATED) {
                (void)look(&dir, true);
                fail_msg("false alarm after kill %llu", (unsigned long long)i);
            }
        }
        if (i % 25 == 24) {
            struct auditor_options options = options_of(&dir);
            struct audit_log log = {0};
            assert_ok(audit_log_open(&options, &log));
            assert_int_equal(look(&dir, true), AUDIT_INTACT);
            assert_ok(audit_log_stop(&log));
            audit_log_done(&log);
            assert_int_equal(look(&dir, true), AUDIT_INTACT);
            audit_dir_remove(&dir);
            audit_dir_make_fast(&dir);
            has_begun = false;
        }
    }
    print_message("%llu kills, %llu torn last lines, 0 false alarms\n", (unsigned long long)kills,
                  (unsigned long long)torn);
    audit_dir_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(raises_no_false_alarm_beside_a_live_writer),
        cmocka_unit_test(raises_no_false_alarm_after_kills),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
