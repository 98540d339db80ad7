/* SPDX-License-Identifier: Apache-2.0 */
/* The socket of session orders: SOCK_SEQPACKET, so that nothing is ever half read. One peer at a time: whoever connects
 * is the operator, and is given a few seconds. */
#include "proxy/session_orders.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/rg_memory.h"

enum { BACKLOG = 8, PEER_SECONDS = 5, ORDER_ARENA = 256 * 1024, NAME_SIZE = 64 };

#define SOCKET_NAME "sessions.sock"

struct session_orders {
    struct gateway *gateway;
    int fd;
    int directory_fd;
};

static struct sockaddr_un address_in(int directory_fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/" SOCKET_NAME, directory_fd);
    return address;
}

static rg_status listen_in(const struct session_orders *orders)
{
    const struct sockaddr_un address = address_in(orders->directory_fd);
    struct stat info;
    if (fstatat(orders->directory_fd, SOCKET_NAME, &info, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISSOCK(info.st_mode)) {
        return rg_fail(RG_STORAGE, SOCKET_NAME " in the state's directory is no socket");
    }
    (void)unlinkat(orders->directory_fd, SOCKET_NAME, 0);
    mode_t before = umask(S_IRWXG | S_IRWXO | S_IXUSR);
    int result = bind(orders->fd, (const struct sockaddr *)(const void *)&address, sizeof address);
    int error = errno;
    (void)umask(before);
    if (result != 0 || listen(orders->fd, BACKLOG) != 0) {
        return rg_fail(RG_STORAGE, "cannot make " SOCKET_NAME " in the state's directory: %s",
                       strerror(result != 0 ? error : errno));
    }
    return RG_OK;
}

rg_status session_orders_open(struct gateway *gateway, struct rg_slice directory, struct session_orders **out_orders)
{
    struct session_orders *orders = rg_memory_alloc(sizeof *orders);
    orders->gateway = gateway;
    orders->directory_fd = open(directory.data, O_PATH | O_DIRECTORY | O_CLOEXEC);
    orders->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    rg_status status = orders->directory_fd < 0 || orders->fd < 0
                           ? rg_fail(RG_STORAGE, "cannot make the socket of the state: %s", strerror(errno))
                           : listen_in(orders);
    if (!rg_is_ok(status)) {
        session_orders_close(&orders);
        return status;
    }
    *out_orders = orders;
    return RG_OK;
}

void session_orders_close(struct session_orders **orders)
{
    struct session_orders *old = *orders;
    *orders = NULL;
    if (old == NULL) {
        return;
    }
    if (old->fd >= 0) {
        (void)close(old->fd);
    }
    if (old->directory_fd >= 0) {
        (void)unlinkat(old->directory_fd, SOCKET_NAME, 0);
        (void)close(old->directory_fd);
    }
    rg_memory_free(old);
}

int session_orders_fd(const struct session_orders *orders)
{
    return orders == NULL ? -1 : orders->fd;
}

/* ---- one peer ---- */

struct peer {
    int fd;
    bool is_lost;
    char name[NAME_SIZE];
};

static void send_packet(struct peer *peer, const struct rg_buf *packet)
{
    struct rg_slice bytes = rg_buf_slice(packet);
    if (!peer->is_lost && send(peer->fd, bytes.data, bytes.size, MSG_NOSIGNAL) != (ssize_t)bytes.size) {
        peer->is_lost = true; /* it went, or does not read */
    }
}

static void send_end(struct peer *peer, rg_status status, size_t count)
{
    RG_AUTO(rg_buf_done) struct rg_buf packet;
    rg_buf_init(&packet, SESSION_ORDER_MAX);
    if (rg_is_ok(session_end_encode(status, count, &packet))) {
        send_packet(peer, &packet);
    }
}

static bool tell_peer(void *context, const struct session_row *row)
{
    struct peer *peer = context;
    RG_AUTO(rg_buf_done) struct rg_buf packet;
    rg_buf_init(&packet, SESSION_ORDER_MAX);
    if (rg_is_ok(session_row_encode(row, &packet))) {
        send_packet(peer, &packet);
    }
    return !peer->is_lost;
}

struct counting {
    struct peer *peer;
    size_t count;
};

static bool tell_and_count(void *context, const struct session_row *row)
{
    struct counting *counting = context;
    counting->count++;
    return tell_peer(counting->peer, row);
}

static void name_of(unsigned uid, char out_name[NAME_SIZE])
{
    enum { MEMORY = 16 * 1024 };
    struct passwd entry;
    struct passwd *found = NULL;
    char *memory = rg_memory_alloc(MEMORY);
    bool is_found = getpwuid_r(uid, &entry, memory, MEMORY, &found) == 0 && found != NULL;
    (void)snprintf(out_name, NAME_SIZE, is_found ? "%.63s" : "uid %.0s%u", is_found ? found->pw_name : "", uid);
    rg_memory_free(memory);
}

/* The kernel says who it is. */
static rg_status admit(struct peer *peer)
{
    struct ucred who = {0};
    socklen_t size = sizeof who;
    if (getsockopt(peer->fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) {
        return rg_fail(RG_DENIED, "nobody can say who gives the order");
    }
    if (who.uid != geteuid() && who.uid != 0) {
        return rg_fail(RG_DENIED, "only rowgate's own user and root may do that");
    }
    name_of(who.uid, peer->name);
    return RG_OK;
}

static rg_status read_order(const struct peer *peer, struct rg_arena *arena, struct session_order *out_order)
{
    void *packet = NULL;
    RG_TRY(rg_arena_alloc(arena, SESSION_ORDER_MAX + 1, &packet));
    ssize_t size = recv(peer->fd, packet, SESSION_ORDER_MAX + 1, 0);
    if (size <= 0) {
        return rg_fail(RG_CLOSED, "no order came");
    }
    return session_order_parse(rg_slice_make(packet, (size_t)size), arena, out_order);
}

static void obey(struct session_orders *orders, struct peer *peer)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct session_order order = {0};
    size_t count = 0;
    rg_arena_init(&arena, ORDER_ARENA);
    rg_status status = admit(peer);
    status = rg_is_ok(status) ? read_order(peer, &arena, &order) : status;
    if (rg_is_ok(status) && order.kind == SESSION_ORDER_LIST) {
        struct counting counting = {peer, 0};
        status = session_orders_list(orders->gateway, &order, (struct session_teller){tell_and_count, &counting});
        count = counting.count;
    } else if (rg_is_ok(status)) {
        status = session_orders_revoke(orders->gateway, &order, peer->name, &count);
    }
    send_end(peer, status, count);
}

void session_orders_take(struct session_orders *orders)
{
    const struct timeval patience = {.tv_sec = PEER_SECONDS};
    struct peer peer = {.fd = accept4(orders->fd, NULL, NULL, SOCK_CLOEXEC)};
    if (peer.fd < 0) {
        return;
    }
    (void)setsockopt(peer.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    (void)setsockopt(peer.fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    obey(orders, &peer);
    (void)close(peer.fd);
}
