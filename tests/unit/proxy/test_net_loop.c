/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/net/loop.h"

#include <pthread.h>
#include <sys/eventfd.h>

#include "proxy/net/loop_private.h"
#include "proxy/net/offload.h"
#include "tests/support/net_test.h"

struct trace {
    char text[64];
    size_t size;
};

struct step {
    struct trace *trace;
    struct net_timer timer;
    char name;
    struct net_timer *victim; /* stopped when we fire */
};

static void on_step(void *context)
{
    struct step *step = context;
    step->trace->text[step->trace->size++] = step->name;
    if (step->victim != NULL) {
        net_timer_stop(step->victim);
    }
}

static void set_flag(void *context)
{
    *(bool *)context = true;
}

static struct net_loop *new_loop(void)
{
    struct net_loop *loop = NULL;
    assert_ok(net_loop_new(NULL, &loop));
    return loop;
}

static void timers_fire_by_their_time_and_not_by_their_start(void **state)
{
    (void)state;
    static const uint64_t delays[] = {30, 5, 60, 1, 45};
    struct net_loop *loop = new_loop();
    struct trace trace = {0};
    struct step steps[5];
    for (size_t i = 0; i < 5; i++) {
        steps[i] = (struct step){.trace = &trace, .name = (char)('a' + i)};
        net_timer_start(loop, &steps[i].timer, delays[i], on_step, &steps[i]);
    }
    net_test_run_for(loop, 100);
    assert_string_equal(trace.text, "dbaec");
    net_loop_free(&loop);
    assert_null(loop);
}

static void a_stopped_or_restarted_timer_does_not_fire_at_its_old_time(void **state)
{
    (void)state;
    struct net_loop *loop = new_loop();
    struct trace trace = {0};
    struct step steps[3];
    for (size_t i = 0; i < 3; i++) {
        steps[i] = (struct step){.trace = &trace, .name = (char)('a' + i)};
        net_timer_start(loop, &steps[i].timer, 10, on_step, &steps[i]);
    }
    steps[1].victim = &steps[2].timer;
    net_timer_start(loop, &steps[0].timer, 50, on_step, &steps[0]);
    net_timer_start(loop, &steps[2].timer, 30, on_step, &steps[2]);
    net_test_run_for(loop, 100);
    assert_string_equal(trace.text, "ba");
    assert_false(net_timer_is_running(&steps[2].timer));
    net_timer_stop(&steps[2].timer);
    net_loop_free(&loop);
}

static void thousands_of_timers_keep_their_order_while_half_are_stopped(void **state)
{
    (void)state;
    enum { COUNT = 4000 };
    struct net_loop *loop = new_loop();
    bool *fired = rg_memory_array(COUNT, sizeof(bool));
    struct net_timer *timers = rg_memory_array(COUNT, sizeof(struct net_timer));
    for (size_t i = 0; i < COUNT; i++) {
        net_timer_start(loop, &timers[i], (i * 7919) % 50, set_flag, &fired[i]);
    }
    for (size_t i = 0; i < COUNT; i += 2) {
        net_timer_stop(&timers[i]);
    }
    net_test_run_for(loop, 80);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(fired[i], i % 2 == 1);
        assert_false(net_timer_is_running(&timers[i]));
    }
    rg_memory_free(timers);
    rg_memory_free(fired);
    net_loop_free(&loop);
}

struct again {
    struct net_loop *loop;
    struct net_timer timer;
    int count;
};

static void on_again(void *context)
{
    struct again *again = context;
    again->count++;
    net_timer_start(again->loop, &again->timer, 0, on_again, again);
}

static void a_timer_of_zero_that_restarts_itself_does_not_starve_the_loop(void **state)
{
    (void)state;
    struct again again = {.loop = new_loop()};
    struct trace trace = {0};
    struct step other = {.trace = &trace, .name = 'x'};
    net_timer_start(again.loop, &again.timer, 0, on_again, &again);
    net_timer_start(again.loop, &other.timer, 10, on_step, &other);
    net_test_run_for(again.loop, 30);
    assert_string_equal(trace.text, "x");
    assert_true(again.count > 10);
    net_loop_free(&again.loop);
    assert_false(net_timer_is_running(&again.timer));
}

static void count_turn(void *context)
{
    (*(int *)context)++;
}

static void the_turn_end_runs_once_a_turn(void **state)
{
    (void)state;
    struct net_loop *loop = new_loop();
    int turns = 0;
    net_loop_set_turn_end(loop, count_turn, &turns);
    for (int i = 1; i <= 5; i++) {
        net_loop_turn(loop, 0);
        assert_int_equal(turns, i);
    }
    net_loop_free(&loop);
}

/* A socket of libh2o that is written to at the end of a turn, as the HTTP plane does when a record lets an answer go.
 */
struct late_writer {
    struct net_loop *loop;
    h2o_socket_t *socket;
    int left;      /* writes to come */
    size_t told;   /* writes of whose end libh2o told */
    bool is_ready; /* the next turn's end writes */
    bool was_healed;
    bool is_done;
    struct net_timer healer;
};

static void on_late_written(h2o_socket_t *socket, const char *error)
{
    struct late_writer *writer = socket->data;
    assert_null(error);
    writer->told++;
    writer->is_ready = true;
    writer->left--;
    writer->is_done = writer->left == 0;
}

static void write_late(void *context)
{
    struct late_writer *writer = context;
    if (writer->is_ready && writer->left > 0) {
        h2o_iovec_t bytes = h2o_iovec_init("x", 1);
        writer->is_ready = false;
        h2o_socket_write(writer->socket, &bytes, 1, on_late_written);
    }
}

static void on_healed(void *context)
{
    struct late_writer *writer = context;
    writer->was_healed = !writer->is_done;
    writer->is_done = true;
}

static void assert_sleeps(struct net_loop *loop)
{
    enum { NAP_MS = 30, LONG_MS = 3600 * 1000, MOST = 10 };
    bool is_over = false;
    int turns = 0;
    struct net_timer nap = {0};
    net_timer_start(loop, &nap, NAP_MS, set_flag, &is_over);
    while (!is_over) {
        net_loop_turn(loop, LONG_MS);
        turns++;
    }
    assert_in_range(turns, 1, MOST);
}

static void what_was_written_at_the_end_of_a_turn_is_told_without_waiting_for_a_timer(void **state)
{
    (void)state;
    enum { WRITES = 100, HEAL_MS = 20 * 1000, LONG_MS = 3600 * 1000 };
    int fds[2];
    net_test_pair(fds);
    struct late_writer writer = {.loop = new_loop(), .left = WRITES, .is_ready = true};
    writer.socket = h2o_evloop_socket_create(net_loop_h2o(writer.loop), fds[0], 0);
    writer.socket->data = &writer;
    net_loop_set_turn_end(writer.loop, write_late, &writer);
    net_timer_start(writer.loop, &writer.healer, 0, set_flag, &writer.is_ready); /* the first turn ends at once */
    net_loop_turn(writer.loop, LONG_MS);
    net_timer_start(writer.loop, &writer.healer, HEAL_MS, on_healed, &writer);
    while (!writer.is_done) {
        net_loop_turn(writer.loop, LONG_MS);
    }
    assert_false(writer.was_healed);
    assert_int_equal(writer.told, WRITES);
    assert_sleeps(writer.loop); /* and nothing of it is left that would keep the loop awake */
    h2o_socket_close(writer.socket);
    net_loop_turn(writer.loop, 0);
    close(fds[1]);
    net_loop_free(&writer.loop);
}

enum { POSTERS = 4, POSTS = 2000 };

struct poster {
    struct net_loop *loop;
    int next;     /* loop's thread */
    int misorder; /* loop's thread */
    int *left;    /* loop's thread */
};

struct letter {
    struct poster *poster;
    int number;
};

static void on_letter(void *arg)
{
    struct letter *letter = arg;
    struct poster *poster = letter->poster;
    poster->misorder += letter->number == poster->next ? 0 : 1;
    poster->next++;
    if (--*poster->left == 0) {
        net_loop_stop(poster->loop);
    }
    rg_memory_free(letter);
}

static void *post_all(void *arg)
{
    struct poster *poster = arg;
    for (int i = 0; i < POSTS; i++) {
        struct letter *letter = rg_memory_alloc(sizeof *letter);
        *letter = (struct letter){poster, i};
        net_loop_post(poster->loop, on_letter, letter);
    }
    return NULL;
}

static void posts_of_many_threads_all_run_in_each_threads_order(void **state)
{
    (void)state;
    struct net_loop *loop = new_loop();
    int left = POSTERS * POSTS;
    struct poster posters[POSTERS];
    pthread_t threads[POSTERS];
    for (size_t i = 0; i < POSTERS; i++) {
        posters[i] = (struct poster){.loop = loop, .left = &left};
        assert_int_equal(pthread_create(&threads[i], NULL, post_all, &posters[i]), 0);
    }
    net_loop_run(loop);
    for (size_t i = 0; i < POSTERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(posters[i].next, POSTS);
        assert_int_equal(posters[i].misorder, 0);
    }
    net_loop_free(&loop);
}

static void a_stop_before_the_run_ends_it_and_the_next_run_works(void **state)
{
    (void)state;
    struct net_loop *loop = new_loop();
    net_loop_stop(loop);
    net_loop_run(loop);
    bool done = false;
    net_loop_post(loop, set_flag, &done);
    assert_true(net_test_run_until(loop, &done, 1000));
    net_loop_free(&loop);
}

static void what_was_posted_and_never_run_is_run_by_free(void **state)
{
    (void)state;
    struct net_loop *loop = new_loop();
    bool done = false;
    net_loop_post(loop, set_flag, &done);
    net_loop_free(&loop);
    assert_true(done);
}

struct watcher {
    int fd;
    uint64_t sum;
    struct net_watch *watch;
};

static void on_event(void *context)
{
    struct watcher *watcher = context;
    uint64_t value = 0;
    assert_int_equal(read(watcher->fd, &value, sizeof value), sizeof value);
    watcher->sum += value;
    if (watcher->sum >= 3) {
        net_watch_close(&watcher->watch);
    }
}

static void a_watch_tells_of_events_until_it_closes_itself(void **state)
{
    (void)state;
    struct net_loop *loop = new_loop();
    struct watcher watcher = {.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    assert_ok(net_watch_open(loop, watcher.fd, on_event, &watcher, &watcher.watch));
    for (uint64_t value = 1; value <= 3; value++) {
        assert_int_equal(write(watcher.fd, &value, sizeof value), sizeof value);
        net_test_run_for(loop, 10);
    }
    assert_int_equal(watcher.sum, 3);
    assert_null(watcher.watch);
    close(watcher.fd);
    net_loop_free(&loop);
}

static void a_watch_on_no_descriptor_fails(void **state)
{
    (void)state;
    struct net_loop *loop = new_loop();
    struct net_watch *watch = NULL;
    assert_fails(RG_INTERNAL, net_watch_open(loop, -1, set_flag, NULL, &watch));
    assert_null(watch);
    net_loop_free(&loop);
}

struct call {
    pthread_mutex_t *gate; /* run waits for it; NULL = does not */
    bool was_run;
    bool is_done;
    pthread_t ran_on;
};

static void run_call(void *arg)
{
    struct call *call = arg;
    call->was_run = true;
    call->ran_on = pthread_self();
    if (call->gate != NULL) {
        pthread_mutex_lock(call->gate);
        pthread_mutex_unlock(call->gate);
    }
}

static void end_call(void *arg)
{
    struct call *call = arg;
    call->is_done = true;
}

static void a_job_runs_off_the_loop_and_ends_on_it(void **state)
{
    (void)state;
    struct net_loop *loop = new_loop();
    struct net_offload *offload = NULL;
    assert_ok(net_offload_new(2, 8, &offload));
    struct call call = {0};
    assert_ok(net_offload_submit(offload, NET_OFFLOAD_LOOKUP, loop, run_call, end_call, &call));
    assert_true(net_test_run_until(loop, &call.is_done, 2000));
    assert_true(call.was_run);
    assert_false(pthread_equal(call.ran_on, pthread_self()));
    net_offload_free(&offload);
    net_loop_free(&loop);
}

static void a_full_lane_refuses_and_the_other_lane_works_on(void **state)
{
    (void)state;
    enum { WAITING = 3 };
    struct net_loop *loop = new_loop();
    struct net_offload *offload = NULL;
    assert_ok(net_offload_new(1, WAITING, &offload));
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&gate);
    struct call calls[WAITING + 8] = {0};
    size_t accepted = 0;
    rg_status status = RG_OK;
    for (size_t i = 0; i < WAITING + 8 && rg_is_ok(status); i++) {
        calls[i].gate = &gate;
        status = net_offload_submit(offload, NET_OFFLOAD_LOOKUP, loop, run_call, end_call, &calls[i]);
        accepted += rg_is_ok(status) ? 1 : 0;
    }
    assert_fails(RG_LIMIT, status);
    assert_in_range(accepted, WAITING, WAITING + 1);
    struct call other = {0};
    assert_ok(net_offload_submit(offload, NET_OFFLOAD_CANCEL, loop, run_call, end_call, &other));
    assert_true(net_test_run_until(loop, &other.is_done, 2000));
    pthread_mutex_unlock(&gate);
    net_offload_free(&offload); /* those not run are still ended */
    net_loop_free(&loop);
    for (size_t i = 0; i < accepted; i++) {
        assert_true(calls[i].is_done);
    }
    assert_false(calls[accepted].is_done);
}

static void a_peer_that_answers_nobody_leaves_threads_and_room_for_others(void **state)
{
    (void)state;
    enum { WAITING = 32, PER_PEER = WAITING / 4, THREADS = 4 };
    static const char dead, alive;
    struct net_loop *loop = new_loop();
    struct net_offload *offload = NULL;
    assert_ok(net_offload_new(1, WAITING, &offload)); /* 4 threads in this lane */
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&gate);
    struct call calls[WAITING + THREADS] = {0};
    size_t accepted = 0;
    rg_status status = RG_OK;
    for (size_t i = 0; i < WAITING + THREADS && rg_is_ok(status); i++) {
        calls[i].gate = &gate;
        status = net_offload_submit_for(offload, NET_OFFLOAD_HTTP, &dead, loop, run_call, end_call, &calls[i]);
        accepted += rg_is_ok(status) ? 1 : 0;
    }
    assert_fails(RG_LIMIT, status);
    assert_in_range(accepted, PER_PEER, PER_PEER + THREADS / 2);
    struct call others[2] = {0};
    assert_ok(net_offload_submit_for(offload, NET_OFFLOAD_HTTP, &alive, loop, run_call, end_call, &others[0]));
    assert_ok(net_offload_submit(offload, NET_OFFLOAD_HTTP, loop, run_call, end_call, &others[1]));
    assert_true(net_test_run_until(loop, &others[0].is_done, 20000));
    assert_true(net_test_run_until(loop, &others[1].is_done, 20000));
    pthread_mutex_unlock(&gate);
    for (size_t i = 0; i < accepted; i++) {
        assert_true(net_test_run_until(loop, &calls[i].is_done, 20000));
        assert_true(calls[i].was_run);
    }
    net_offload_free(&offload);
    net_loop_free(&loop);
}

static void a_loop_gives_back_what_it_took(void **state)
{
    (void)state;
    size_t before = 0;
    for (int i = 0; i < 3; i++) {
        struct net_loop *loop = new_loop();
        net_loop_turn(loop, 0);
        net_loop_free(&loop);
        if (i == 0) {
            before = net_test_open_files();
        }
    }
    /* libh2o 2.2.5 never closes a loop's epoll descriptor: one for each loop stays. */
    assert_in_range(net_test_open_files(), before, before + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_by_their_time_and_not_by_their_start),
        cmocka_unit_test(a_stopped_or_restarted_timer_does_not_fire_at_its_old_time),
        cmocka_unit_test(thousands_of_timers_keep_their_order_while_half_are_stopped),
        cmocka_unit_test(a_timer_of_zero_that_restarts_itself_does_not_starve_the_loop),
        cmocka_unit_test(the_turn_end_runs_once_a_turn),
        cmocka_unit_test(what_was_written_at_the_end_of_a_turn_is_told_without_waiting_for_a_timer),
        cmocka_unit_test(posts_of_many_threads_all_run_in_each_threads_order),
        cmocka_unit_test(a_stop_before_the_run_ends_it_and_the_next_run_works),
        cmocka_unit_test(what_was_posted_and_never_run_is_run_by_free),
        cmocka_unit_test(a_watch_tells_of_events_until_it_closes_itself),
        cmocka_unit_test(a_watch_on_no_descriptor_fails),
        cmocka_unit_test(a_job_runs_off_the_loop_and_ends_on_it),
        cmocka_unit_test(a_full_lane_refuses_and_the_other_lane_works_on),
        cmocka_unit_test(a_peer_that_answers_nobody_leaves_threads_and_room_for_others),
        cmocka_unit_test(a_loop_gives_back_what_it_took),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
