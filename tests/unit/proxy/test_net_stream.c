/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/net/stream.h"

#include <errno.h>
#include <fcntl.h>

#include "tests/support/net_test.h"

/* One end of a socket pair as a stream that counts, the other end bare. */
struct end {
    struct net_loop *loop;
    struct net_stream *stream;
    int peer;
    size_t inputs;
    size_t drains;
    bool is_closed;
    bool has_input;
    char reason[128];
    bool closes_in_input;
    bool closes_in_closed;
    bool consumes;
    size_t received;
    size_t most_input;
};

static void on_input(void *context, struct net_stream *stream)
{
    struct end *end = context;
    size_t size = net_stream_input(stream).size;
    end->inputs++;
    end->has_input = true;
    end->most_input = size > end->most_input ? size : end->most_input;
    if (end->closes_in_input) {
        net_stream_close(&end->stream);
    } else if (end->consumes) {
        net_stream_consume(stream, size);
        end->received += size;
    }
}

static void on_drained(void *context, struct net_stream *stream)
{
    (void)stream;
    struct end *end = context;
    end->drains++;
}

static void on_closed(void *context, struct net_stream *stream, const char *reason)
{
    (void)stream;
    struct end *end = context;
    assert_false(end->is_closed);
    end->is_closed = true;
    (void)snprintf(end->reason, sizeof end->reason, "%s", reason);
    if (end->closes_in_closed) {
        net_stream_close(&end->stream);
    }
}

static const struct net_stream_events events = {on_input, on_drained, on_closed};

static void open_end(struct end *end)
{
    int fds[2];
    *end = (struct end){0};
    net_test_pair(fds);
    assert_ok(net_loop_new(NULL, &end->loop));
    assert_ok(net_stream_adopt(end->loop, fds[0], &end->stream));
    end->peer = fds[1];
    net_stream_set_events(end->stream, &events, end);
}

static void close_end(struct end *end)
{
    net_stream_close(&end->stream);
    if (end->peer >= 0) {
        close(end->peer);
    }
    net_loop_free(&end->loop);
}

static void say(const struct end *end, const char *text)
{
    assert_int_equal(send(end->peer, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Pushes up to size bytes from the bare end; how many the kernel took. */
static size_t push(const struct end *end, size_t size)
{
    static char chunk[65536];
    size_t total = 0;
    while (total < size) {
        ssize_t sent = send(end->peer, chunk, sizeof chunk, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0) {
            assert_int_equal(errno, EAGAIN);
            break;
        }
        total += (size_t)sent;
    }
    return total;
}

static size_t drain(const struct end *end, size_t size)
{
    static char chunk[65536];
    size_t total = 0;
    while (total < size) {
        ssize_t got = recv(end->peer, chunk, sizeof chunk, MSG_DONTWAIT);
        if (got <= 0) {
            break;
        }
        total += (size_t)got;
    }
    return total;
}

static void input_gathers_until_it_is_consumed(void **state)
{
    (void)state;
    struct end end;
    open_end(&end);
    say(&end, "hello ");
    assert_true(net_test_run_until(end.loop, &end.has_input, 1000));
    end.has_input = false;
    say(&end, "world");
    assert_true(net_test_run_until(end.loop, &end.has_input, 1000));
    assert_slice(net_stream_input(end.stream), "hello world");
    net_stream_consume(end.stream, 6);
    assert_slice(net_stream_input(end.stream), "world");
    assert_string_equal(net_stream_peer(end.stream), "unix");
    assert_false(net_stream_is_tls(end.stream));
    assert_string_equal(net_stream_tls_version(end.stream), "");
    close_end(&end);
}

static void only_stream_sockets_are_adopted(void **state)
{
    (void)state;
    int fds[2];
    struct net_loop *loop = NULL;
    struct net_stream *stream = NULL;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    assert_ok(net_loop_new(NULL, &loop));
    assert_fails(RG_INTERNAL, net_stream_adopt(loop, fds[0], &stream));
    assert_fails(RG_INTERNAL, net_stream_adopt(loop, -1, &stream));
    assert_null(stream);
    close(fds[0]); /* still ours */
    close(fds[1]);
    net_loop_free(&loop);
}

static void small_writes_wait_for_the_turns_end_and_leave_together(void **state)
{
    (void)state;
    struct end end;
    char text[2000];
    open_end(&end);
    for (int i = 0; i < 100; i++) {
        assert_ok(net_stream_write(end.stream, RG_SLICE("0123456789")));
    }
    assert_int_equal(net_stream_pending(end.stream), 1000);
    assert_int_equal(recv(end.peer, text, sizeof text, MSG_DONTWAIT), -1);
    net_loop_turn(end.loop, 0);
    assert_int_equal(net_stream_pending(end.stream), 0);
    assert_int_equal(recv(end.peer, text, sizeof text, MSG_DONTWAIT), 1000);
    close_end(&end);
}

static void a_fast_peer_cannot_grow_the_input_past_its_limit(void **state)
{
    (void)state;
    struct end end;
    open_end(&end);
    size_t sent = 0;
    for (int i = 0; i < 200; i++) {
        sent += push(&end, 1024 * 1024);
        net_loop_turn(end.loop, 1);
    }
    assert_in_range(net_stream_input(end.stream).size, NET_STREAM_INPUT_BYTES,
                    NET_STREAM_INPUT_BYTES + NET_STREAM_READ_BYTES);
    size_t first = net_stream_input(end.stream).size;
    end.consumes = true;
    net_stream_consume(end.stream, first);
    net_test_run_for(end.loop, 100);
    assert_int_equal(first + end.received, sent);
    close_end(&end);
}

static void a_paused_stream_reads_nothing_and_a_resumed_one_all(void **state)
{
    (void)state;
    struct end end;
    open_end(&end);
    net_stream_pause(end.stream);
    net_stream_pause(end.stream);
    say(&end, "words");
    net_test_run_for(end.loop, 30);
    assert_int_equal(end.inputs, 0);
    assert_int_equal(net_stream_input(end.stream).size, 0);
    net_stream_resume(end.stream);
    assert_true(net_test_run_until(end.loop, &end.has_input, 1000));
    assert_slice(net_stream_input(end.stream), "words");
    close_end(&end);
}

static void resume_tells_of_input_that_was_there_before(void **state)
{
    (void)state;
    struct end end;
    open_end(&end);
    say(&end, "words");
    assert_true(net_test_run_until(end.loop, &end.has_input, 1000));
    net_stream_pause(end.stream);
    end.inputs = 0;
    net_stream_resume(end.stream);
    net_test_run_for(end.loop, 20);
    assert_int_equal(end.inputs, 1);
    close_end(&end);
}

static void a_paused_stream_whose_peer_hung_up_does_not_spin(void **state)
{
    (void)state;
    struct end end;
    open_end(&end);
    net_loop_turn(end.loop, 0);
    net_stream_pause(end.stream);
    close(end.peer);
    end.peer = -1;
    net_loop_turn(end.loop, 0);
    int turns = 0;
    for (int64_t stop = net_loop_now_us(end.loop) + 100000; net_loop_now_us(end.loop) < stop; turns++) {
        net_loop_turn(end.loop, 50);
    }
    assert_in_range(turns, 1, 5);
    assert_false(end.is_closed);
    net_stream_resume(end.stream);
    assert_true(net_test_run_until(end.loop, &end.is_closed, 1000));
    close_end(&end);
}

static void writing_past_the_limit_is_refused_and_queues_nothing(void **state)
{
    (void)state;
    struct end end;
    open_end(&end);
    net_stream_set_limits(end.stream, NET_STREAM_INPUT_BYTES, 10);
    assert_ok(net_stream_write(end.stream, RG_SLICE("12345678")));
    assert_fails(RG_LIMIT, net_stream_write(end.stream, RG_SLICE("abc")));
    assert_int_equal(net_stream_pending(end.stream), 8);
    close_end(&end);
}

static void a_slow_reader_fills_the_output_once_and_drains_it_once(void **state)
{
    (void)state;
    static char block[NET_STREAM_HIGH_BYTES];
    struct end end;
    open_end(&end);
    size_t queued = 0;
    while (!net_stream_is_full(end.stream)) {
        assert_ok(net_stream_write(end.stream, rg_slice_make(block, sizeof block)));
        queued += sizeof block;
        net_loop_turn(end.loop, 0);
        assert_true(queued < 100u * 1024 * 1024);
    }
    assert_int_equal(end.drains, 0);
    size_t got = 0;
    while (got < queued) {
        got += drain(&end, 65536);
        net_loop_turn(end.loop, 0);
    }
    assert_int_equal(end.drains, 1);
    assert_int_equal(net_stream_pending(end.stream), 0);
    close_end(&end);
}

static void the_peers_last_words_come_before_its_end(void **state)
{
    (void)state;
    struct end end;
    open_end(&end);
    say(&end, "FATAL");
    close(end.peer);
    end.peer = -1;
    assert_true(net_test_run_until(end.loop, &end.is_closed, 1000));
    assert_int_equal(end.inputs, 1);
    assert_slice(net_stream_input(end.stream), "FATAL");
    assert_string_equal(end.reason, "connection closed by the peer");
    assert_fails(RG_CLOSED, net_stream_write(end.stream, RG_SLICE("x")));
    close_end(&end);
}

static void last_words_are_read_even_when_writing_fails_first(void **state)
{
    (void)state;
    struct end end;
    open_end(&end);
    say(&end, "FATAL: shutting down");
    close(end.peer);
    end.peer = -1;
    assert_ok(net_stream_write(end.stream, RG_SLICE("SELECT 1")));
    net_loop_turn(end.loop, 0);
    assert_true(net_test_run_until(end.loop, &end.is_closed, 1000));
    assert_slice(net_stream_input(end.stream), "FATAL: shutting down");
    close_end(&end);
}

static void a_paused_writer_learns_that_the_peer_is_gone(void **state)
{
    (void)state;
    struct end end;
    open_end(&end);
    net_stream_pause(end.stream);
    close(end.peer);
    end.peer = -1;
    assert_ok(net_stream_write(end.stream, RG_SLICE("SELECT 1")));
    assert_true(net_test_run_until(end.loop, &end.is_closed, 1000));
    assert_non_null(strstr(end.reason, "while writing"));
    close_end(&end);
}

static void a_callback_may_close_the_stream_that_calls_it(void **state)
{
    (void)state;
    struct end end;
    open_end(&end);
    end.closes_in_input = true;
    say(&end, "bye");
    close(end.peer);
    end.peer = -1;
    assert_true(net_test_run_until(end.loop, &end.has_input, 1000));
    assert_null(end.stream);
    net_test_run_for(end.loop, 20);
    assert_false(end.is_closed);
    close_end(&end);
    open_end(&end);
    end.closes_in_closed = true;
    close(end.peer);
    end.peer = -1;
    assert_true(net_test_run_until(end.loop, &end.is_closed, 1000));
    assert_null(end.stream);
    close_end(&end);
}

static void a_close_with_queued_output_sends_nothing_and_frees_all(void **state)
{
    (void)state;
    struct end end;
    open_end(&end);
    assert_ok(net_stream_write(end.stream, RG_SLICE("never sent")));
    net_stream_close(&end.stream);
    net_test_run_for(end.loop, 10);
    char text[16];
    assert_int_equal(recv(end.peer, text, sizeof text, 0), 0);
    close_end(&end);
}

static void finish_sends_what_is_pending_then_ends_and_tells_nobody(void **state)
{
    (void)state;
    struct end end;
    open_end(&end);
    say(&end, "unread");
    assert_ok(net_stream_write(end.stream, RG_SLICE("goodbye")));
    net_stream_finish(&end.stream);
    assert_null(end.stream);
    net_test_run_for(end.loop, 20);
    char text[16];
    assert_int_equal(recv(end.peer, text, sizeof text, 0), 7);
    assert_int_equal(recv(end.peer, text, sizeof text, 0), 0);
    say(&end, "still talking");
    net_test_run_for(end.loop, 20);
    size_t open_files = net_test_open_files();
    close(end.peer);
    end.peer = -1;
    net_test_run_for(end.loop, 20);
    assert_int_equal(net_test_open_files(), open_files - 2); /* the lingering end goes with its peer */
    assert_int_equal(end.inputs, 0);
    assert_false(end.is_closed);
    close_end(&end);
}

static void finish_gives_up_on_a_peer_that_never_reads(void **state)
{
    (void)state;
    static char block[NET_STREAM_OUTPUT_BYTES];
    struct end end;
    open_end(&end);
    assert_ok(net_stream_write(end.stream, rg_slice_make(block, sizeof block)));
    size_t open_files = net_test_open_files();
    net_stream_finish(&end.stream);
    net_test_run_for(end.loop, NET_STREAM_FINISH_MS - 1500);
    assert_int_equal(net_test_open_files(), open_files);
    net_test_run_for(end.loop, 1800);
    assert_int_equal(net_test_open_files(), open_files - 1);
    close_end(&end);
}

static void a_loop_may_go_while_a_stream_still_finishes(void **state)
{
    (void)state;
    struct end end;
    open_end(&end);
    assert_ok(net_stream_write(end.stream, RG_SLICE("goodbye")));
    net_stream_finish(&end.stream);
    net_loop_turn(end.loop, 0);
    close_end(&end);
}

static void an_idle_stream_gives_its_big_buffers_back(void **state)
{
    (void)state;
    struct end end;
    open_end(&end);
    end.consumes = true;
    for (int i = 0; i < 50; i++) {
        (void)push(&end, 1024 * 1024);
        net_loop_turn(end.loop, 1);
    }
    net_test_run_for(end.loop, 20);
    assert_true(end.received > 1024 * 1024);
    assert_true(end.most_input <= NET_STREAM_INPUT_BYTES + NET_STREAM_READ_BYTES);
    close_end(&end);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(input_gathers_until_it_is_consumed),
        cmocka_unit_test(only_stream_sockets_are_adopted),
        cmocka_unit_test(small_writes_wait_for_the_turns_end_and_leave_together),
        cmocka_unit_test(a_fast_peer_cannot_grow_the_input_past_its_limit),
        cmocka_unit_test(a_paused_stream_reads_nothing_and_a_resumed_one_all),
        cmocka_unit_test(resume_tells_of_input_that_was_there_before),
        cmocka_unit_test(a_paused_stream_whose_peer_hung_up_does_not_spin),
        cmocka_unit_test(writing_past_the_limit_is_refused_and_queues_nothing),
        cmocka_unit_test(a_slow_reader_fills_the_output_once_and_drains_it_once),
        cmocka_unit_test(the_peers_last_words_come_before_its_end),
        cmocka_unit_test(last_words_are_read_even_when_writing_fails_first),
        cmocka_unit_test(a_paused_writer_learns_that_the_peer_is_gone),
        cmocka_unit_test(a_callback_may_close_the_stream_that_calls_it),
        cmocka_unit_test(a_close_with_queued_output_sends_nothing_and_frees_all),
        cmocka_unit_test(finish_sends_what_is_pending_then_ends_and_tells_nobody),
        cmocka_unit_test(finish_gives_up_on_a_peer_that_never_reads),
        cmocka_unit_test(a_loop_may_go_while_a_stream_still_finishes),
        cmocka_unit_test(an_idle_stream_gives_its_big_buffers_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
