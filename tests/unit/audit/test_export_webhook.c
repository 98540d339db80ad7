/* SPDX-License-Identifier: Apache-2.0 */
/* The webhook sinks: signature, bodies and batches to the byte, and receivers that refuse, lie, hang and hang up. */
#include "audit/export/sink_webhook.h"

#include <openssl/hmac.h>

#include "audit/walk.h"
#include "base/rg_buf.h"
#include "tests/support/export_hook.h"

/* The bodies of requests from..to-1 are the log, byte for byte. */
static void assert_log(const struct hook_world *world, size_t from, size_t to)
{
    struct audit_file file;
    RG_AUTO(rg_buf_done) struct rg_buf all;
    rg_buf_init(&all, SIZE_MAX / 2);
    audit_file_load(&world->export.dir, "seg/0000000000000000.jsonl", &file);
    for (size_t i = from; i < to; i++) {
        assert_ok(rg_buf_put(&all, body_of(i)));
    }
    assert_int_equal(rg_buf_size(&all), file.size);
    assert_memory_equal(rg_buf_slice(&all).data, file.bytes, file.size);
    free(file.bytes);
}

/* ---- the signed shape ---- */

static void assert_signed(size_t at)
{
    char header[128] = "Rowgate-Signature: v1=";
    unsigned char mac[32];
    unsigned size = 0;
    RG_AUTO(rg_buf_done) struct rg_buf text;
    rg_buf_init(&text, SIZE_MAX / 2);
    assert_ok(rg_buf_put(&text, RG_SLICE("1700000000.")));
    assert_ok(rg_buf_put(&text, body_of(at)));
    struct rg_slice bytes = rg_buf_slice(&text);
    assert_non_null(HMAC(EVP_sha256(), "key", 3, (const void *)bytes.data, bytes.size, mac, &size));
    for (size_t i = 0; i < size; i++) {
        (void)snprintf(header + strlen(header), 3, "%02x", mac[i]);
    }
    (void)snprintf(header + strlen(header), 3, "\r\n");
    assert_true(has_header(at, header));
    assert_true(has_header(at, "Rowgate-Timestamp: 1700000000\r\n"));
    assert_true(has_header(at, "Content-Type: application/x-ndjson\r\n"));
    assert_true(has_header(at, "POST /in/here HTTP/1.1\r\n"));
    assert_false(has_header(at, "Expect:"));
}

/* RFC 4231's keys and data do not hold a timestamp, so: a value that `openssl dgst -sha256 -hmac key` computed for
 * "The quick brown fox jumps over the lazy dog", the known answer of HMAC-SHA-256 everywhere. */
static void the_signature_is_hmac_sha_256(void **state)
{
    (void)state;
    char hex[2 * RG_SHA256_SIZE + 1];
    struct rg_digest digest = rg_hmac_sha256(RG_SLICE("key"), RG_SLICE("The quick brown fox jumps over the lazy dog"));
    rg_digest_hex(&digest, hex);
    assert_string_equal(hex, "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8");
}

static void the_bodies_are_the_log_in_order_each_signed(void **state)
{
    (void)state;
    static const char *const script[] = {OK_ANSWER, NULL};
    struct hook_world world;
    make(&world, EXPORT_WEBHOOK_SIGNED, script);
    assert_ok(run(&world));
    assert_ok(run(&world)); /* and nothing a second time */
    assert_true(peer.request_count > 3);
    assert_int_equal(peer.connections, 1);
    for (size_t i = 0; i < peer.request_count; i++) {
        assert_signed(i);
        assert_true(body_of(i).size <= 4096);
    }
    assert_true(has_header(0, "Rowgate-Batch: 0-"));
    assert_log(&world, 0, peer.request_count);
    assert_int_equal(confirmed(&world), world.export.turn.size);
    done(&world);
}

static void long_and_hostile_records_arrive_as_they_are(void **state)
{
    (void)state;
    static const char *const script[] = {OK_ANSWER, NULL};
    struct hook_world world;
    memset(&world, 0, sizeof world);
    fill_hostile(&world.export);
    prepare(&world, EXPORT_WEBHOOK_SIGNED, script);
    assert_ok(run(&world));
    assert_log(&world, 0, peer.request_count);
    size_t alone = 0;
    for (size_t i = 0; i < peer.request_count; i++) {
        assert_signed(i);
        if (body_of(i).size > 4096) { /* longer than a batch: one line, alone */
            alone++;
            assert_ptr_equal(memchr(body_of(i).data, '\n', body_of(i).size), body_of(i).data + body_of(i).size - 1);
        }
    }
    assert_true(alone > 1); /* pieces of the long text */
    assert_int_equal(confirmed(&world), world.export.turn.size);
    done(&world);
}

static void no_piece_of_a_record_is_confirmed_before_all_of_it_is_there(void **state)
{
    (void)state;
    bool is_over = false;
    for (size_t good = 0; !is_over; good++) {
        const char *script[32] = {0};
        struct hook_world world;
        for (size_t i = 0; i < good; i++) {
            script[i] = OK_ANSWER;
        }
        script[good] = "";
        memset(&world, 0, sizeof world);
        fill_hostile(&world.export);
        prepare(&world, EXPORT_WEBHOOK_SIGNED, script);
        rg_status status = run(&world);
        is_over = rg_is_ok(status);
        if (is_over) {
            assert_true(good > 4);
            assert_int_equal(peer.request_count, good);
            done(&world);
            break;
        }
        assert_fails(RG_UPSTREAM, status);
        uint64_t known = confirmed(&world);
        struct audit_place place = {0};
        bool is_there = false;
        assert_ok(audit_walk_find(world.export.turn.directory_fd, known, &is_there, &place));
        assert_true(is_there); /* and it begins a record: the walk starts there without a complaint */
        static const char *const healed[] = {OK_ANSWER, NULL};
        export_peer_use(&peer, healed);
        size_t from = peer.request_count;
        assert_ok(run(&world));
        struct audit_head head;
        struct rg_slice line = body_of(from);
        line = rg_slice_cut(line, 0, (size_t)((const char *)memchr(line.data, '\n', line.size) - line.data));
        assert_ok(audit_line_parse(line, &head));
        assert_int_equal(head.seq, known);
        assert_null(memmem(line.data, line.size, "\"kind\":\"part\"", 13));
        done(&world);
    }
}

/* ---- receivers that do not take it ---- */

static void each_refusal_confirms_nothing_and_names_the_records(void **state)
{
    (void)state;
    static const char *const refusals[] = {
        "HTTP/1.1 500 Oops\r\nContent-Length: 7\r\n\r\nno\nl\x01ne",
        "HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 301 Moved\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 199 Odd\r\nContent-Length: 0\r\n\r\n",
        "hang",
        "",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut",
        "HTTP/1.1 20",
    };
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        const char *const script[] = {OK_ANSWER, refusals[i], "", "", "", NULL};
        struct hook_world world;
        make(&world, EXPORT_WEBHOOK_SIGNED, script);
        rg_status status = run(&world);
        assert_fails(RG_UPSTREAM, status);
        assert_non_null(strstr(status.error->text, "/in/here"));
        assert_null(strchr(status.error->text, '\n'));
        assert_null(strchr(status.error->text, '\x01'));
        uint64_t known = confirmed(&world);
        assert_true(known > 0 && known < world.export.turn.size);
        static const char *const healed[] = {OK_ANSWER, NULL};
        if (strcmp(refusals[i], "hang") == 0) {
            export_peer_drop(&peer);
        }
        export_peer_use(&peer, healed);
        size_t from = peer.request_count;
        assert_ok(run(&world));
        char header[64];
        (void)snprintf(header, sizeof header, "Rowgate-Batch: %llu-", (unsigned long long)known);
        assert_true(has_header(from, header)); /* it goes on exactly where it was */
        done(&world);
    }
}

static void an_endless_answer_is_cut_off(void **state)
{
    (void)state;
    static char endless[200000] = "HTTP/1.1 500 No\r\nContent-Length: 199000\r\n\r\n";
    size_t head = strlen(endless);
    memset(endless + head, 'A', sizeof endless - head - 1);
    const char *const script[] = {endless, NULL};
    struct hook_world world;
    make(&world, EXPORT_WEBHOOK_SIGNED, script);
    assert_fails(RG_LIMIT, run(&world));
    assert_int_equal(confirmed(&world), 0);
    done(&world);
}

static void retry_after_is_heeded_within_bounds(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        int64_t pause_us; /* at least so long nothing is sent; 0 = it is sent again at once */
    } rows[] = {
        {"HTTP/1.1 429 Slow\r\nRetry-After: 40\r\nContent-Length: 0\r\n\r\n", 40000000},
        {"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", 7000000},
        {"HTTP/1.1 429 Slow\r\nRetry-After: 99999999999\r\nContent-Length: 0\r\n\r\n", EXPORT_WEBHOOK_PAUSE_MAX_US},
        {"HTTP/1.1 429 Slow\r\nRetry-After: -5\r\nContent-Length: 0\r\n\r\n", 0},
        {"HTTP/1.1 429 Slow\r\nRetry-After: soon\r\nContent-Length: 0\r\n\r\n", 0},
        {"HTTP/1.1 429 Slow\r\nContent-Length: 0\r\n\r\n", 0},
        {"HTTP/1.1 500 Oops\r\nRetry-After: 40\r\nContent-Length: 0\r\n\r\n", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *const script[] = {rows[i].answer, OK_ANSWER, NULL};
        struct hook_world world;
        make(&world, EXPORT_WEBHOOK_SIGNED, script);
        assert_fails(RG_UPSTREAM, run(&world));
        if (rows[i].pause_us > 0) {
            rg_status status = run(&world);
            assert_fails(RG_UPSTREAM, status);
            assert_non_null(strstr(status.error->text, "left alone"));
            world.clock.ahead_us += rows[i].pause_us - 2000000;
            assert_fails(RG_UPSTREAM, run(&world));
            assert_int_equal(peer.request_count, 1);
            world.clock.ahead_us += 2000000;
        }
        assert_ok(run(&world));
        assert_int_equal(confirmed(&world), world.export.turn.size);
        assert_log(&world, 1, peer.request_count);
        done(&world);
    }
}

static void a_body_that_is_too_large_for_it_is_halved_until_it_fits(void **state)
{
    (void)state;
    static const char large[] = "HTTP/1.1 413 Large\r\nContent-Length: 0\r\n\r\n";
    static const char *const script[] = {large, large, OK_ANSWER, NULL};
    struct hook_world world;
    make(&world, EXPORT_WEBHOOK_SIGNED, script);
    assert_fails(RG_UPSTREAM, run(&world));
    assert_fails(RG_UPSTREAM, run(&world));
    assert_ok(run(&world));
    assert_true(body_of(1).size <= 2048);
    for (size_t i = 2; i < peer.request_count; i++) {
        struct rg_slice body = body_of(i);
        const char *first = memchr(body.data, '\n', body.size);
        assert_true(body.size <= 1024 || first == body.data + body.size - 1);
    }
    assert_log(&world, 2, peer.request_count);
    done(&world);
}

static void one_line_that_is_refused_for_ever_is_named_and_never_skipped(void **state)
{
    (void)state;
    static const char *const script[] = {"HTTP/1.1 413 Large\r\nContent-Length: 0\r\n\r\n", NULL};
    struct hook_world world;
    make(&world, EXPORT_WEBHOOK_SIGNED, script);
    for (int i = 0; i < 30; i++) {
        rg_status status = run(&world);
        assert_fails(RG_UPSTREAM, status);
        assert_int_equal(confirmed(&world), 0);
        if (i > 10) {
            assert_non_null(strstr(status.error->text, "413 (records 0 to 0)"));
        }
    }
    done(&world);
}

static void told_to_stop_it_confirms_nothing(void **state)
{
    (void)state;
    static const char *const script[] = {OK_ANSWER, NULL};
    struct hook_world world;
    make(&world, EXPORT_WEBHOOK_SIGNED, script);
    export_runner_stop(world.export.runner, 0);
    assert_fails(RG_CLOSED, run(&world));
    assert_int_equal(confirmed(&world), 0);
    done(&world);
}

static void *stop_soon(void *argument)
{
    (void)usleep(300000);
    export_runner_stop(argument, 0);
    return NULL;
}

static void a_receiver_that_hangs_does_not_hold_up_the_end(void **state)
{
    (void)state;
    static const char *const script[] = {"hang", NULL};
    struct hook_world world;
    pthread_t thread;
    make(&world, EXPORT_WEBHOOK_SIGNED, script);
    world.options.timeout_us = 60000000;
    make_task(&world);
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, world.export.runner), 0);
    int64_t start_us = rg_clock_monotonic_us(rg_clock_system());
    assert_fails(RG_CLOSED, run(&world));
    assert_true(rg_clock_monotonic_us(rg_clock_system()) - start_us < 2000000);
    assert_int_equal(pthread_join(thread, NULL), 0);
    done(&world);
}

static void the_environment_s_proxy_gets_nothing(void **state)
{
    (void)state;
    static const char *const script[] = {OK_ANSWER, NULL};
    struct hook_world world;
    assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
    assert_int_equal(setenv("ALL_PROXY", "http://127.0.0.1:1", 1), 0);
    make(&world, EXPORT_WEBHOOK_SIGNED, script);
    assert_ok(run(&world));
    assert_log(&world, 0, peer.request_count);
    assert_int_equal(unsetenv("http_proxy"), 0);
    assert_int_equal(unsetenv("ALL_PROXY"), 0);
    done(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_signature_is_hmac_sha_256),
        cmocka_unit_test(the_bodies_are_the_log_in_order_each_signed),
        cmocka_unit_test(long_and_hostile_records_arrive_as_they_are),
        cmocka_unit_test(no_piece_of_a_record_is_confirmed_before_all_of_it_is_there),
        cmocka_unit_test(each_refusal_confirms_nothing_and_names_the_records),
        cmocka_unit_test(an_endless_answer_is_cut_off),
        cmocka_unit_test(retry_after_is_heeded_within_bounds),
        cmocka_unit_test(a_body_that_is_too_large_for_it_is_halved_until_it_fits),
        cmocka_unit_test(one_line_that_is_refused_for_ever_is_named_and_never_skipped),
        cmocka_unit_test(told_to_stop_it_confirms_nothing),
        cmocka_unit_test(a_receiver_that_hangs_does_not_hold_up_the_end),
        cmocka_unit_test(the_environment_s_proxy_gets_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
