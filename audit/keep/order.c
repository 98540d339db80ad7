/* SPDX-License-Identifier: Apache-2.0 */
/* The side that gives an order: to the auditor that runs, or, when none does, to the log itself, which is opened as the
 * auditor would. Whose lock it is decides that, so the two can never both write. */
#include "audit/keep/order.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "audit/keep/keep.h"
#include "audit/keep/order_server.h"
#include "audit/keep/subjects.h"
#include "audit/reader.h"
#include "base/rg_memory.h"

enum { WAIT_MS = 30 * 1000, OPERATOR_SIZE = 64 };

/* ---- a running auditor ---- */

/* -1 and *out_error 0: nobody listens there. */
static int connect_to(int directory_fd, int *out_error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/orders.sock", directory_fd);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    int result = fd < 0 ? -1 : connect(fd, (const struct sockaddr *)(const void *)&address, sizeof address);
    int error = errno;
    *out_error = 0;
    if (result != 0) {
        *out_error = error == ENOENT || error == ECONNREFUSED ? 0 : error;
        audit_fd_done(&fd);
        return -1;
    }
    return fd;
}

static rg_status receive(int fd, int timeout_ms, char *packet, struct rg_slice *out_packet)
{
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    int ready = poll(&waiting, 1, timeout_ms);
    ssize_t size = ready <= 0 ? -1 : recv(fd, packet, AUDIT_ORDER_MAX, 0);
    if (ready == 0) {
        return rg_fail(RG_STORAGE, "the auditor did not answer within %d s: the order may yet be done", WAIT_MS / 1000);
    }
    if (size <= 0) {
        return rg_fail(RG_STORAGE, "the auditor ended before it answered: the order may have been done");
    }
    *out_packet = rg_slice_make(packet, (size_t)size);
    return RG_OK;
}

static rg_status ask(int fd, const struct audit_order *order, struct rg_arena *arena,
                     struct audit_order_reply *out_reply)
{
    RG_AUTO(rg_buf_done) struct rg_buf packet;
    void *memory = NULL;
    struct rg_slice answer = {0};
    rg_buf_init(&packet, AUDIT_ORDER_MAX);
    RG_TRY(audit_order_encode(order, &packet));
    RG_TRY(rg_arena_alloc(arena, AUDIT_ORDER_MAX, &memory));
    struct rg_slice bytes = rg_buf_slice(&packet);
    if (send(fd, bytes.data, bytes.size, MSG_NOSIGNAL) != (ssize_t)bytes.size) {
        return rg_fail(RG_STORAGE, "cannot send the order to the auditor: %s", strerror(errno));
    }
    int timeout_ms = order->kind == AUDIT_ORDER_PRUNE ? -1 : WAIT_MS;
    RG_TRY(receive(fd, timeout_ms, memory, &answer));
    return audit_order_reply_parse(answer, arena, out_reply);
}

/* ---- none ---- */

static rg_status copy_reply(struct rg_arena *arena, struct audit_order_reply *reply)
{
    RG_TRY(rg_arena_copy(arena, reply->id, &reply->id));
    return rg_arena_copy(arena, reply->text, &reply->text);
}

/* Until no prune goes on. The log's own clock goes on too. */
static rg_status settle(struct audit_keep *keep)
{
    const struct timespec pause = {.tv_nsec = 1000 * 1000};
    while (audit_prune_is_going(&keep->prune)) {
        RG_TRY(audit_keep_turn(keep));
        if (rg_clock_monotonic_us(keep->log->clock) >= audit_log_deadline_us(keep->log)) {
            RG_TRY(audit_log_watch(keep->log));
        }
        (void)nanosleep(&pause, NULL);
    }
    return RG_OK;
}

static rg_status wait_for(struct audit_keep *keep, struct audit_order_reply *reply)
{
    rg_status status = RG_OK;
    RG_TRY(settle(keep));
    bool is_told = audit_keep_take(keep, &status, reply);
    return is_told ? status : rg_fail(RG_INTERNAL, "the prune ended without an outcome");
}

static rg_status obey_offline(struct audit_log *log, const struct auditor_options *options,
                              const struct audit_order *order, struct rg_arena *arena, struct audit_order_reply *reply)
{
    RG_AUTO(audit_subjects_close) struct audit_subjects *subjects = NULL;
    RG_AUTO(audit_keep_done) struct audit_keep keep = {0};
    char name[OPERATOR_SIZE];
    bool is_pending = false;
    RG_TRY(audit_keep_open(&keep, log, order->retention));
    RG_TRY(settle(&keep)); /* of a crash before */
    if (audit_subjects_are_wanted(options, log)) {
        RG_TRY(audit_subjects_open(options, log, &subjects));
        keep.subjects = audit_subjects_hooks(subjects);
    }
    audit_operator_name(getuid(), name, sizeof name);
    RG_TRY(audit_keep_obey(&keep, order, rg_slice_of(name), reply, &is_pending));
    RG_TRY(is_pending ? wait_for(&keep, reply) : RG_OK);
    return copy_reply(arena, reply);
}

/* The failure of the order, or else that of the stop. The thread's error slot is used again on the way. */
static rg_status finish(struct audit_log *log, rg_status status)
{
    char text[sizeof status.error->text];
    enum rg_kind kind = RG_INTERNAL;
    if (!rg_is_ok(status)) {
        kind = status.error->kind;
        (void)snprintf(text, sizeof text, "%s", status.error->text);
    }
    rg_status stopped = audit_log_stop(log);
    return rg_is_ok(status) ? stopped : rg_fail(kind, "%s", text);
}

static rg_status open_and_obey(struct rg_slice directory, int directory_fd, const struct audit_order *order,
                               struct rg_arena *arena, struct audit_order_reply *reply)
{
    struct auditor_options options = {.directory = directory};
    RG_TRY(audit_order_check(order));
    RG_TRY(audit_origin_load(directory_fd, arena, &options.origin));
    struct audit_log *log = rg_memory_alloc(sizeof *log); /* much for a frame */
    rg_status status = audit_log_open(&options, log);
    if (rg_is_ok(status)) {
        status = finish(log, obey_offline(log, &options, order, arena, reply));
        audit_log_done(log);
    }
    rg_memory_free(log);
    return status;
}

rg_status audit_order(struct rg_slice directory, const struct audit_order *order, struct rg_arena *arena,
                      struct audit_order_reply *out_reply)
{
    RG_AUTO(audit_fd_done) int directory_fd = -1;
    struct audit_order_reply reply = {0};
    int error = 0;
    RG_TRY(audit_directory_open(directory, arena, &directory_fd));
    RG_AUTO(audit_fd_done) int fd = connect_to(directory_fd, &error);
    if (error != 0) {
        return rg_fail(error == EACCES || error == EPERM ? RG_DENIED : RG_STORAGE, "cannot reach the auditor: %s",
                       strerror(error));
    }
    RG_TRY(fd >= 0 ? ask(fd, order, arena, &reply) : open_and_obey(directory, directory_fd, order, arena, &reply));
    *out_reply = reply;
    return RG_OK;
}
