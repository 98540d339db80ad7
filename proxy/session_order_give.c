/* SPDX-License-Identifier: Apache-2.0 */
/* The operator's side of session orders. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/rg_memory.h"
#include "proxy/session_order.h"

enum { WAIT_MS = 60 * 1000, ROW_ARENA = 256 * 1024 };

static rg_status connect_failed(int error)
{
    if (error == ENOENT || error == ECONNREFUSED) {
        return rg_fail(RG_CONFIG, "no rowgate runs with this state");
    }
    return rg_fail(error == EACCES || error == EPERM ? RG_DENIED : RG_STORAGE, "cannot reach rowgate: %s",
                   strerror(error));
}

/* A path of any length fits behind the directory's descriptor. */
static rg_status connect_to(struct rg_slice directory, int fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char path[1024];
    if (directory.size >= sizeof path) {
        return rg_fail(RG_LIMIT, "the directory's path is too long");
    }
    (void)snprintf(path, sizeof path, "%.*s", RG_SLICE_ARGS(directory));
    int directory_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory_fd < 0) {
        return rg_fail(RG_CONFIG, "cannot open the state's directory: %s", strerror(errno));
    }
    (void)snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/sessions.sock", directory_fd);
    int result = connect(fd, (const struct sockaddr *)(const void *)&address, sizeof address);
    int error = errno;
    (void)close(directory_fd);
    return result == 0 ? RG_OK : connect_failed(error);
}

static rg_status receive(int fd, char *packet, struct rg_slice *out_packet)
{
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    if (poll(&waiting, 1, WAIT_MS) <= 0) {
        return rg_fail(RG_STORAGE, "rowgate does not answer: the order may have been carried out");
    }
    ssize_t size = recv(fd, packet, SESSION_ORDER_MAX, 0);
    if (size <= 0) {
        return rg_fail(RG_STORAGE, "rowgate ended before it answered: the order may have been carried out");
    }
    *out_packet = rg_slice_make(packet, (size_t)size);
    return RG_OK;
}

/* Up to the packet that ends the answer; after a tell that wants no more, the rest is read all the same. */
static rg_status read_answer(int fd, char *packet, struct session_teller teller, size_t *out_count)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    bool is_end = false;
    bool goes_on = true;
    rg_arena_init(&arena, ROW_ARENA);
    while (!is_end) {
        struct rg_slice bytes = {0};
        struct session_row row = {0};
        rg_arena_reset(&arena);
        RG_TRY(receive(fd, packet, &bytes));
        RG_TRY(session_answer_parse(bytes, &arena, &is_end, out_count, &row));
        goes_on = goes_on && (is_end || teller.tell == NULL || teller.tell(teller.context, &row));
    }
    return RG_OK;
}

static rg_status give(int fd, struct rg_slice directory, const struct session_order *order,
                      struct session_teller teller, size_t *out_count)
{
    RG_AUTO(rg_buf_done) struct rg_buf packet;
    rg_buf_init(&packet, SESSION_ORDER_MAX);
    RG_TRY(session_order_encode(order, &packet));
    RG_TRY(connect_to(directory, fd));
    struct rg_slice bytes = rg_buf_slice(&packet);
    if (send(fd, bytes.data, bytes.size, MSG_NOSIGNAL) != (ssize_t)bytes.size) {
        return rg_fail(RG_STORAGE, "cannot send the order: %s", strerror(errno));
    }
    char *answer = rg_memory_alloc(SESSION_ORDER_MAX);
    rg_status status = read_answer(fd, answer, teller, out_count);
    rg_memory_free(answer);
    return status;
}

rg_status session_order_give(struct rg_slice directory, const struct session_order *order, struct session_teller teller,
                             size_t *out_count)
{
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return rg_fail(RG_STORAGE, "cannot make a socket: %s", strerror(errno));
    }
    rg_status status = give(fd, directory, order, teller, out_count);
    (void)close(fd);
    return status;
}
