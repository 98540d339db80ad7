/* SPDX-License-Identifier: Apache-2.0 */
/* The console's life: one thread that accepts, one for each connection (there are few), and the commands that these
 * hand to the gateway's main thread. */
#include "proxy/console.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/rg_memory.h"
#include "proxy/console_private.h"
#include "proxy/pgwire/error.h"

enum { BACKLOG = 16, REST_MS = 100 };

/* ---- commands for the main thread ---- */

struct console_job {
    struct console_job *next;
    const struct console_command *command;
    struct console_call *call;
    bool is_done;
    enum rg_kind kind;
    char failure[512]; /* empty = it succeeded */
};

static void ring(int fd)
{
    const uint64_t one = 1;
    (void)!write(fd, &one, sizeof one);
}

static void forget_job(struct console *console, const struct console_job *job)
{
    struct console_job **link = &console->first;
    while (*link != NULL && *link != job) {
        link = &(*link)->next;
    }
    if (*link == job) {
        *link = job->next;
        console->last = *link == NULL ? link : console->last;
    }
}

rg_status console_run(struct console *console, const struct console_command *command, struct console_call *call)
{
    struct console_job job = {.command = command, .call = call};
    (void)pthread_mutex_lock(&console->lock);
    *console->last = &job;
    console->last = &job.next;
    ring(console->job_fd);
    while (!job.is_done && !atomic_load(&console->is_ending)) {
        (void)pthread_cond_wait(&console->answered, &console->lock);
    }
    if (!job.is_done) {
        forget_job(console, &job);
    }
    (void)pthread_mutex_unlock(&console->lock);
    if (!job.is_done) {
        return rg_fail(RG_CLOSED, "rowgate is shutting down");
    }
    return job.failure[0] == '\0' ? RG_OK : rg_fail(job.kind, "%s", job.failure);
}

static struct console_job *next_job(struct console *console)
{
    (void)pthread_mutex_lock(&console->lock);
    struct console_job *job = console->first;
    if (job != NULL) {
        forget_job(console, job);
    }
    (void)pthread_mutex_unlock(&console->lock);
    return job;
}

static void do_job(struct console *console, struct console_job *job)
{
    job->call->gateway = console->gateway;
    job->call->config = console->gateway->snapshot->config;
    rg_status status = job->command->run(job->call);
    status = rg_is_ok(status) ? console_rows_check(job->call->rows) : status;
    if (!rg_is_ok(status)) {
        job->kind = status.error->kind;
        (void)snprintf(job->failure, sizeof job->failure, "%s", status.error->text);
    }
    (void)pthread_mutex_lock(&console->lock);
    job->is_done = true;
    (void)pthread_cond_broadcast(&console->answered);
    (void)pthread_mutex_unlock(&console->lock);
}

void console_take_jobs(struct console *console)
{
    uint64_t count = 0;
    struct console_job *job = NULL;
    if (console == NULL) {
        return;
    }
    (void)!read(console->job_fd, &count, sizeof count);
    while ((job = next_job(console)) != NULL) {
        do_job(console, job);
    }
}

int console_job_fd(const struct console *console)
{
    return console == NULL ? -1 : console->job_fd;
}

/* ---- who may ---- */

void console_set_snapshot(struct console *console, const struct snapshot *snapshot)
{
    if (console == NULL) {
        return;
    }
    struct config *config = config_ref(snapshot->config);
    (void)pthread_mutex_lock(&console->lock);
    struct config *old = console->config;
    console->config = config;
    memcpy(console->digest, snapshot->digest, sizeof console->digest);
    (void)pthread_mutex_unlock(&console->lock);
    config_free(&old);
}

unsigned console_roles(struct console *console, struct rg_slice name, char out_digest[2 * RG_SHA256_SIZE + 1])
{
    (void)pthread_mutex_lock(&console->lock);
    unsigned roles = config_console_roles(&console->config->admin, name);
    memcpy(out_digest, console->digest, sizeof console->digest);
    (void)pthread_mutex_unlock(&console->lock);
    return roles;
}

void console_set_door(struct console *console, int door_fd)
{
    if (console == NULL) {
        return;
    }
    int fd = fcntl(door_fd, F_DUPFD_CLOEXEC, 0);
    (void)pthread_mutex_lock(&console->lock);
    int old = console->next_door;
    console->next_door = fd;
    (void)pthread_mutex_unlock(&console->lock);
    if (old >= 0) {
        (void)close(old);
    }
}

/* ---- connections ---- */

static void *serve_seat(void *argument)
{
    struct console_seat *seat = argument;
    (void)prctl(PR_SET_NAME, "console");
    console_serve(seat);
    atomic_store(&seat->is_left, true);
    return NULL;
}

static void leave_seat(struct console_seat *seat)
{
    (void)pthread_join(seat->thread, NULL);
    (void)close(seat->fd);
    seat->is_taken = false;
}

static struct console_seat *find_seat(struct console *console)
{
    struct console_seat *found = NULL;
    size_t left = 0;
    for (size_t i = 0; i < CONSOLE_SEATS; i++) {
        struct console_seat *seat = &console->seats[i];
        if (seat->is_taken && atomic_load(&seat->is_left)) {
            leave_seat(seat);
        }
        found = seat->is_taken ? found : seat;
        left += seat->is_taken ? 0 : 1;
    }
    if (found != NULL) {
        found->is_reserved = left <= CONSOLE_SEATS_RESERVED;
    }
    return found;
}

/* It has not said anything yet, and is not waited for. */
static void turn_away(int fd)
{
    RG_AUTO(rg_buf_done) struct rg_buf out;
    const struct pgwire_error error = {.severity = PGWIRE_SEVERITY_FATAL,
                                       .sqlstate = "53300",
                                       .message = RG_SLICE("the console has no more than 16 connections")};
    rg_buf_init(&out, 1024);
    if (rg_is_ok(pgwire_error_encode(&error, &out))) {
        struct rg_slice bytes = rg_buf_slice(&out);
        (void)!send(fd, bytes.data, bytes.size, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    (void)close(fd);
}

static void take_client(struct console *console)
{
    int fd = accept4(console->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        bool is_exhausted = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
        (void)poll(NULL, 0, is_exhausted ? REST_MS : 0);
        return;
    }
    struct console_seat *seat = find_seat(console);
    if (seat == NULL) {
        turn_away(fd);
        return;
    }
    seat->console = console;
    seat->fd = fd;
    atomic_store(&seat->is_left, false);
    seat->is_taken = pthread_create(&seat->thread, NULL, serve_seat, seat) == 0;
    if (!seat->is_taken) {
        turn_away(fd);
    }
}

/* Those who are being answered may still say their last words. */
static void end_seats(struct console *console)
{
    for (size_t i = 0; i < CONSOLE_SEATS; i++) {
        if (console->seats[i].is_taken) {
            (void)shutdown(console->seats[i].fd, SHUT_RD);
        }
    }
    for (size_t i = 0; i < CONSOLE_SEATS; i++) {
        if (console->seats[i].is_taken) {
            leave_seat(&console->seats[i]);
        }
    }
}

static void *listen_for_clients(void *argument)
{
    struct console *console = argument;
    (void)prctl(PR_SET_NAME, "console-listen");
    while (!atomic_load(&console->is_ending)) {
        struct pollfd waits[] = {{.fd = console->listen_fd, .events = POLLIN},
                                 {.fd = console->stop_fd, .events = POLLIN}};
        (void)poll(waits, sizeof waits / sizeof waits[0], -1);
        if (waits[0].revents != 0 && !atomic_load(&console->is_ending)) {
            take_client(console);
        }
    }
    end_seats(console);
    return NULL;
}

/* ---- opening and closing ---- */

static rg_status start_thread(struct console *console)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before); /* also of the threads that it starts */
    int error = pthread_create(&console->thread, NULL, listen_for_clients, console);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    console->is_started = error == 0;
    return error == 0 ? RG_OK : rg_fail(RG_INTERNAL, "cannot start a thread: %s", strerror(error));
}

static rg_status start(struct console *console)
{
    int domain = 0;
    socklen_t size = sizeof domain;
    if (getsockopt(console->listen_fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0 || domain != AF_UNIX ||
        listen(console->listen_fd, BACKLOG) != 0) {
        return rg_fail(RG_CONFIG, "descriptor %d is no socket for the console", console->listen_fd);
    }
    (void)fcntl(console->listen_fd, F_SETFD, FD_CLOEXEC);
    (void)fcntl(console->listen_fd, F_SETFL, O_NONBLOCK);
    if (console->stop_fd < 0 || console->job_fd < 0) {
        return rg_fail(RG_INTERNAL, "eventfd: %s", strerror(errno));
    }
    return start_thread(console);
}

rg_status console_open(struct gateway *gateway, int fd, struct console **out_console)
{
    struct console *console = rg_memory_alloc(sizeof *console);
    console->gateway = gateway;
    console->listen_fd = fd;
    console->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    console->job_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    console->last = &console->first;
    console->next_door = -1;
    RG_ASSERT(pthread_mutex_init(&console->lock, NULL) == 0 && pthread_mutex_init(&console->audit_lock, NULL) == 0 &&
              pthread_cond_init(&console->answered, NULL) == 0);
    console_set_snapshot(console, gateway->snapshot);
    console_set_door(console, gateway->door_fd);
    rg_status status = start(console);
    if (!rg_is_ok(status)) {
        console_close(&console);
        return status;
    }
    *out_console = console;
    return RG_OK;
}

static void close_fd(int fd)
{
    if (fd >= 0) {
        (void)close(fd);
    }
}

void console_close(struct console **console)
{
    struct console *old = *console;
    *console = NULL;
    if (old == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&old->lock);
    atomic_store(&old->ended_us, rg_clock_monotonic_us(old->gateway->clock));
    atomic_store(&old->is_ending, true);
    (void)pthread_cond_broadcast(&old->answered);
    (void)pthread_mutex_unlock(&old->lock);
    if (old->is_started) {
        ring(old->stop_fd);
        (void)pthread_join(old->thread, NULL);
    }
    audit_client_close(&old->audit);
    config_free(&old->config);
    close_fd(old->next_door);
    close_fd(old->listen_fd);
    close_fd(old->stop_fd);
    close_fd(old->job_fd);
    (void)pthread_mutex_destroy(&old->lock);
    (void)pthread_mutex_destroy(&old->audit_lock);
    (void)pthread_cond_destroy(&old->answered);
    rg_memory_free(old);
}
