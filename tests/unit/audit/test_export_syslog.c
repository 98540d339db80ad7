/* SPDX-License-Identifier: Apache-2.0 */
/* The syslog sink: messages byte for byte (RFC 5424, RFC 5425), and servers that refuse, hang, talk and die. */
#include "audit/export/sink_syslog.h"

#include "audit/class.h"
#include "tests/support/export_peer.h"
#include "tests/support/export_world.h"

struct syslog_world {
    struct export_world export;
    struct export_clock clock;
    struct export_task task;
    char host[256];
};

static struct export_peer peer;

static void make_task(struct syslog_world *world, uint16_t port, size_t batch_bytes, unsigned classes)
{
    const struct export_syslog_options options = {.name = "sink",
                                                  .host = "127.0.0.1",
                                                  .port = port,
                                                  .is_cleartext = true,
                                                  .ca_file = "",
                                                  .batch_bytes = batch_bytes,
                                                  .timeout_us = 400000,
                                                  .classes = classes};
    assert_ok(export_syslog_new(&options, &world->task));
}

static void prepare(struct syslog_world *world, enum export_peer_mode mode)
{
    export_clock_init(&world->clock);
    world->export.turn.clock = &world->clock.clock;
    assert_int_equal(gethostname(world->host, sizeof world->host - 1), 0);
    export_peer_open(&peer, mode);
    make_task(world, peer.port, 4096, AUDIT_CLASS_ALL);
}

static void make(struct syslog_world *world, enum export_peer_mode mode)
{
    memset(world, 0, sizeof *world);
    export_world_make(&world->export, 40);
    prepare(world, mode);
}

static void done(struct syslog_world *world)
{
    world->task.free(world->task.context);
    export_peer_close(&peer);
    export_world_done(&world->export);
}

static rg_status run(struct syslog_world *world)
{
    world->export.turn.next_us = 0;
    return world->task.turn(world->task.context, &world->export.turn);
}

static uint64_t confirmed(const struct syslog_world *world)
{
    return atomic_load(&world->export.turn.slot->confirmed);
}

/* Until the peer has read what the log's lines are as messages; `times`: all of it, so often. */
static void wait_read(const struct syslog_world *world, size_t lines)
{
    (void)world;
    for (int i = 0; i < 500; i++) {
        size_t found = 0;
        (void)pthread_mutex_lock(&peer.mutex);
        for (const char *at = peer.bytes; (at = strstr(at, " rowgate - ")) != NULL; at++) {
            found++;
        }
        (void)pthread_mutex_unlock(&peer.mutex);
        if (found >= lines) {
            assert_int_equal(found, lines);
            export_peer_settle(&peer); /* the last one may have begun only */
            return;
        }
        (void)usleep(10000);
    }
    fail_msg("the peer did not get %zu messages", lines);
}

/* ---- a receiver of our own: RFC 6587 3.4.1, RFC 5424 6, strict ---- */

static struct rg_slice take(struct rg_slice *rest, size_t size)
{
    assert_true(rest->size >= size);
    struct rg_slice taken = rg_slice_cut(*rest, 0, size);
    *rest = rg_slice_cut(*rest, size, SIZE_MAX);
    return taken;
}

static struct rg_slice take_until(struct rg_slice *rest, char end)
{
    const char *at = memchr(rest->data, end, rest->size);
    assert_non_null(at);
    struct rg_slice taken = take(rest, (size_t)(at - rest->data));
    (void)take(rest, 1);
    return taken;
}

static void expect(struct rg_slice *rest, const char *text)
{
    struct rg_slice taken = take(rest, strlen(text));
    assert_memory_equal(taken.data, text, taken.size);
}

static const char *find(struct rg_slice line, const char *key)
{
    const char *at = memmem(line.data, line.size, key, strlen(key));
    return at == NULL ? NULL : at + strlen(key);
}

/* Each field is what the line itself says; the line, as it is in the log, is the message. */
static void check_message(const struct syslog_world *world, struct rg_slice message, struct rg_slice line)
{
    char text[512];
    char time[RG_TIME_TEXT_SIZE];
    char prev[RG_DIGEST_B64_SIZE];
    struct audit_head head;
    assert_ok(audit_line_parse(line, &head));
    rg_clock_format(head.hlc_us, time);
    rg_digest_b64url(&head.prev, prev);
    const char *severity = find(line, "\"severity_id\":");
    const char *kind = find(line, "\"kind\":\"");
    assert_non_null(severity);
    assert_non_null(kind);
    (void)snprintf(text, sizeof text, "<%d>1 %s %s rowgate - %.*s [rowgate@32473 seq=\"%016llu\" prev=\"%s\"] ",
                   severity[0] >= '3' ? 108 : 110, time, world->host, (int)strcspn(kind, "\""), kind,
                   (unsigned long long)head.seq, prev);
    assert_int_equal(strlen(time), 27); /* TIME-SECFRAC has at most six digits, and "Z" */
    expect(&message, text);
    assert_true(rg_slice_is_equal(message, line));
}

static void check_all(const struct syslog_world *world, struct rg_slice got)
{
    struct audit_file file;
    audit_file_load(&world->export.dir, "seg/0000000000000000.jsonl", &file);
    struct rg_slice lines = rg_slice_make(file.bytes, file.size);
    while (lines.size > 0) {
        struct rg_slice line = take_until(&lines, '\n');
        struct rg_slice size = take_until(&got, ' ');
        assert_true(size.size > 0 && size.data[0] != '0');
        check_message(world, take(&got, strtoul(size.data, NULL, 10)), line);
    }
    assert_int_equal(got.size, 0);
    free(file.bytes);
}

static void every_message_is_rfc_5424_to_the_byte(void **state)
{
    (void)state;
    struct syslog_world world;
    make(&world, EXPORT_PEER_READS);
    assert_ok(run(&world));
    wait_read(&world, world.export.turn.size);
    check_all(&world, rg_slice_make(peer.bytes, peer.size));
    assert_int_equal(peer.connections, 1);
    done(&world);
}

/* ---- hostile records ---- */

static const char hostile[] =
    "x\n<0>1 - - - - - - forged\r\n\"] [rowgate@32473 seq=\"9\"] \"severity_id\":6,\"kind\":\"login\" "
    "\\\"severity_id\\\":9 \x01\x7f \xef\xbb\xbf 12 <14>1 \xff\xfe";

static void texts_in_records_break_neither_framing_nor_data(void **state)
{
    (void)state;
    struct syslog_world world;
    struct audit_log log = {0};
    memset(&world, 0, sizeof world);
    audit_dir_make_fast(&world.export.dir);
    audit_dir_open(&world.export.dir, &log);
    static char big[200000];
    memset(big, 'x', sizeof big);
    for (size_t i = 0; i < 3; i++) {
        uint64_t seq = 0;
        struct audit_event event = audit_sample(i, "acme");
        event.kind = i == 2 ? AUDIT_LOGIN_FAILED : AUDIT_STATEMENT;
        event.user = rg_slice_make(hostile, sizeof hostile - 1);
        event.sql = i == 1 ? rg_slice_make(big, sizeof big) : event.user; /* with continuation records */
        event.message = event.user;
        event.verdict = i == 2 ? AUDIT_DENIED : AUDIT_REWRITTEN;
        assert_ok(audit_dir_append(&log, &event, &seq));
    }
    assert_ok(audit_log_stop(&log));
    audit_log_done(&log);
    export_world_open(&world.export, "sink");
    prepare(&world, EXPORT_PEER_READS);
    assert_ok(run(&world));
    wait_read(&world, world.export.turn.size);
    check_all(&world, rg_slice_make(peer.bytes, peer.size));
    assert_true(world.export.turn.size > 5 && strstr(peer.bytes, " part [rowgate@") != NULL);
    assert_non_null(strstr(peer.bytes, "<108>1 ")); /* the failed login: a warning */
    assert_null(strchr(peer.bytes, '\n'));
    done(&world);
}

/* ---- what is confirmed ---- */

static void a_batch_is_confirmed_when_its_connection_outlived_it(void **state)
{
    (void)state;
    struct syslog_world world;
    make(&world, EXPORT_PEER_READS);
    assert_ok(run(&world));
    assert_int_equal(confirmed(&world), 0);
    assert_true(world.export.turn.next_us > 0);
    assert_ok(run(&world));
    assert_int_equal(confirmed(&world), 0);
    world.clock.ahead_us += EXPORT_SYSLOG_SETTLE_US;
    assert_ok(run(&world));
    world.clock.ahead_us +=
        EXPORT_SYSLOG_SETTLE_US; /* the first batches and the last ones settle one after the other */
    assert_ok(run(&world));
    assert_int_equal(confirmed(&world), world.export.turn.size);
    assert_int_equal(world.export.turn.next_us, 0);
    wait_read(&world, world.export.turn.size); /* and nothing went twice */
    done(&world);
}

static void what_a_lost_connection_may_have_taken_with_it_is_sent_again(void **state)
{
    (void)state;
    struct syslog_world world;
    make(&world, EXPORT_PEER_DEAF); /* its machine acknowledges, it reads nothing */
    assert_ok(run(&world));
    export_peer_drop(&peer); /* kill -9 */
    atomic_store(&peer.mode, EXPORT_PEER_READS);
    world.clock.ahead_us += EXPORT_SYSLOG_SETTLE_US;
    assert_fails(RG_UPSTREAM, run(&world));
    assert_int_equal(confirmed(&world), 0);
    assert_ok(run(&world));
    wait_read(&world, world.export.turn.size);
    check_all(&world, rg_slice_make(peer.bytes, peer.size));
    done(&world);
}

static void an_idle_connection_that_was_closed_is_made_anew_without_a_failure(void **state)
{
    (void)state;
    struct syslog_world world;
    make(&world, EXPORT_PEER_READS);
    uint64_t size = world.export.turn.size;
    world.export.turn.size = 5;
    for (int i = 0; i < 3; i++) {
        assert_ok(run(&world));
        world.clock.ahead_us += EXPORT_SYSLOG_SETTLE_US;
    }
    assert_int_equal(confirmed(&world), 5);
    export_peer_drop(&peer);
    world.export.turn.size = size;
    (void)usleep(50000);
    assert_ok(run(&world));
    wait_read(&world, size);
    assert_int_equal(peer.connections, 2);
    check_all(&world, rg_slice_make(peer.bytes, peer.size));
    done(&world);
}

static void a_hundred_failures_keep_no_descriptor(void **state)
{
    (void)state;
    struct syslog_world world;
    make(&world, EXPORT_PEER_HANGS_UP);
    (void)rg_is_ok(run(&world));
    int before = dup(0);
    (void)close(before);
    for (int i = 0; i < 100; i++) {
        (void)rg_is_ok(run(&world));
        world.clock.ahead_us += EXPORT_SYSLOG_SETTLE_US / 4;
    }
    int after = dup(0);
    (void)close(after);
    assert_true(after <= before + 4);
    assert_true(confirmed(&world) < world.export.turn.size);
    done(&world);
}

static void records_that_are_passed_over_count_as_confirmed(void **state)
{
    (void)state;
    struct syslog_world world;
    make(&world, EXPORT_PEER_READS);
    world.task.free(world.task.context);
    make_task(&world, peer.port, 4096, AUDIT_CLASS_POLICY);
    assert_ok(run(&world));
    assert_int_equal(confirmed(&world), world.export.turn.size);
    assert_int_equal(export_peer_size(&peer), 0);
    done(&world);
}

/* ---- servers that are none ---- */

/* What it says may come a moment after the first batch. */
__attribute__((noinline)) static rg_status run_until_heard(struct syslog_world *world)
{
    RG_TRY(run(world));
    world->clock.ahead_us += EXPORT_SYSLOG_SETTLE_US;
    return run(world);
}

static void one_that_answers_is_no_syslog_server_and_confirms_nothing(void **state)
{
    (void)state;
    static char flood[300000];
    static const char *const texts[] = {"HTTP/1.1 400 Bad Request\r\n\r\n", "\xff\xfe\n", flood};
    memset(flood, 'A', sizeof flood - 1);
    for (size_t i = 0; i < 3; i++) {
        struct syslog_world world;
        make(&world, EXPORT_PEER_TALKS);
        peer.says = texts[i];
        rg_status status = run_until_heard(&world);
        assert_fails(RG_UPSTREAM, status);
        assert_non_null(strstr(status.error->text, "answers"));
        assert_null(strchr(status.error->text, '\n'));
        assert_int_equal(confirmed(&world), 0);
        done(&world);
    }
}

static void nobody_there_is_a_failure_that_names_the_host(void **state)
{
    (void)state;
    struct syslog_world world;
    make(&world, EXPORT_PEER_READS);
    world.task.free(world.task.context);
    make_task(&world, 1, 4096, AUDIT_CLASS_ALL);
    rg_status status = run(&world);
    assert_fails(RG_UPSTREAM, status);
    assert_non_null(strstr(status.error->text, "127.0.0.1:1"));
    assert_int_equal(confirmed(&world), 0);
    done(&world);
}

static void one_that_reads_nothing_fails_in_time_and_one_told_to_stop_at_once(void **state)
{
    (void)state;
    struct syslog_world world;
    struct audit_log log = {0};
    static char big[4 << 20];
    memset(&world, 0, sizeof world);
    memset(big, 'x', sizeof big);
    audit_dir_make_fast(&world.export.dir);
    audit_dir_open(&world.export.dir, &log);
    for (size_t i = 0; i < 4; i++) { /* more than the sockets hold */
        uint64_t seq = 0;
        struct audit_event event = audit_sample(i, "acme");
        event.sql = rg_slice_make(big, sizeof big);
        assert_ok(audit_dir_append(&log, &event, &seq));
    }
    assert_ok(audit_log_stop(&log));
    audit_log_done(&log);
    export_world_open(&world.export, "sink");
    prepare(&world, EXPORT_PEER_DEAF);
    rg_status status = run(&world);
    assert_fails(RG_UPSTREAM, status);
    assert_non_null(strstr(status.error->text, "takes nothing more"));
    assert_int_equal(confirmed(&world), 0);
    export_runner_stop(world.export.runner, 0);
    assert_fails(RG_CLOSED, run(&world));
    assert_int_equal(confirmed(&world), 0);
    done(&world);
}

static void a_name_that_is_too_long_is_refused(void **state)
{
    (void)state;
    char host[300];
    struct export_task task = {.name = "untouched"};
    memset(host, 'h', sizeof host - 1);
    host[sizeof host - 1] = '\0';
    const struct export_syslog_options options = {.name = "sink", .host = host, .ca_file = ""};
    assert_fails(RG_LIMIT, export_syslog_new(&options, &task));
    assert_string_equal(task.name, "untouched");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_is_rfc_5424_to_the_byte),
        cmocka_unit_test(texts_in_records_break_neither_framing_nor_data),
        cmocka_unit_test(a_batch_is_confirmed_when_its_connection_outlived_it),
        cmocka_unit_test(what_a_lost_connection_may_have_taken_with_it_is_sent_again),
        cmocka_unit_test(an_idle_connection_that_was_closed_is_made_anew_without_a_failure),
        cmocka_unit_test(a_hundred_failures_keep_no_descriptor),
        cmocka_unit_test(records_that_are_passed_over_count_as_confirmed),
        cmocka_unit_test(one_that_answers_is_no_syslog_server_and_confirms_nothing),
        cmocka_unit_test(nobody_there_is_a_failure_that_names_the_host),
        cmocka_unit_test(one_that_reads_nothing_fails_in_time_and_one_told_to_stop_at_once),
        cmocka_unit_test(a_name_that_is_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
