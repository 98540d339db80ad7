/* SPDX-License-Identifier: Apache-2.0 */
/* The order socket: SOCK_SEQPACKET, so that an order and an answer is one packet each and nothing is ever half read. */
#include "audit/keep/order_server.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/rg_memory.h"

enum { BACKLOG = 16, ACCEPTS_A_TURN = 4, NAME_SIZE = 64, ORDER_ARENA = 256 * 1024, STATUS_SIZE = 16 * 1024 };

struct peer {
    int fd; /* -1 = none */
    unsigned uid;
    const char *refusal; /* of whatever it will order; NULL = it may */
    int64_t deadline_us;
    uint64_t ticket; /* of the order whose answer is pending; 0 = no order yet */
};

struct audit_orders {
    int fd;
    int directory_fd; /* borrowed */
    unsigned uid;
    char own_name[NAME_SIZE]; /* asked for once: a directory of users may be far away */
    char root_name[NAME_SIZE];
    struct audit_orders_handler handler;
    uint64_t last_ticket;
    struct peer peers[AUDIT_ORDERS_PEERS_MAX];
    char packet[AUDIT_ORDER_MAX];
};

void audit_operator_name(unsigned uid, char *out_name, size_t size)
{
    enum { MEMORY = 16 * 1024 };
    struct passwd entry;
    struct passwd *found = NULL;
    char *memory = rg_memory_alloc(MEMORY);
    if (getpwuid_r(uid, &entry, memory, MEMORY, &found) == 0 && found != NULL && found->pw_name[0] != '\0') {
        (void)snprintf(out_name, size, "%s", found->pw_name);
    } else {
        (void)snprintf(out_name, size, "uid %u", uid);
    }
    rg_memory_free(memory);
}

/* A path of any length fits behind the directory's descriptor. */
static struct sockaddr_un address_in(int directory_fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/orders.sock", directory_fd);
    return address;
}

static rg_status listen_in(int directory_fd, int fd)
{
    const struct sockaddr_un address = address_in(directory_fd);
    struct stat info;
    if (fstatat(directory_fd, "orders.sock", &info, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISSOCK(info.st_mode)) {
        return rg_fail(RG_STORAGE, "orders.sock in the audit log's directory is no socket");
    }
    (void)unlinkat(directory_fd, "orders.sock", 0); /* we hold the log's lock: nobody listens there */
    mode_t before = umask(S_IRWXG | S_IRWXO | S_IXUSR);
    int result = bind(fd, (const struct sockaddr *)(const void *)&address, sizeof address);
    int error = errno;
    (void)umask(before);
    if (result != 0) {
        return rg_fail(RG_STORAGE, "cannot make orders.sock: %s", strerror(error));
    }
    return listen(fd, BACKLOG) == 0 ? RG_OK : rg_fail(RG_STORAGE, "cannot listen on orders.sock: %s", strerror(errno));
}

rg_status audit_orders_open(int directory_fd, const struct audit_orders_handler *handler,
                            struct audit_orders **out_orders)
{
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return rg_fail(RG_STORAGE, "cannot make a socket for orders: %s", strerror(errno));
    }
    rg_status status = listen_in(directory_fd, fd);
    if (!rg_is_ok(status)) {
        (void)close(fd);
        return status;
    }
    struct audit_orders *orders = rg_memory_alloc(sizeof *orders);
    orders->fd = fd;
    orders->directory_fd = directory_fd;
    orders->uid = geteuid();
    orders->handler = *handler;
    audit_operator_name(orders->uid, orders->own_name, sizeof orders->own_name);
    audit_operator_name(0, orders->root_name, sizeof orders->root_name);
    for (size_t i = 0; i < AUDIT_ORDERS_PEERS_MAX; i++) {
        orders->peers[i].fd = -1;
    }
    *out_orders = orders;
    return RG_OK;
}

static void drop(struct peer *peer)
{
    if (peer->fd >= 0) {
        (void)close(peer->fd);
    }
    *peer = (struct peer){.fd = -1};
}

void audit_orders_close(struct audit_orders **orders)
{
    struct audit_orders *closing = *orders;
    *orders = NULL;
    if (closing == NULL) {
        return;
    }
    for (size_t i = 0; i < AUDIT_ORDERS_PEERS_MAX; i++) {
        drop(&closing->peers[i]);
    }
    (void)unlinkat(closing->directory_fd, "orders.sock", 0);
    (void)close(closing->fd);
    rg_memory_free(closing);
}

size_t audit_orders_polls(const struct audit_orders *orders, struct pollfd *polls)
{
    size_t count = 0;
    bool has_room = false;
    if (orders == NULL) {
        return 0;
    }
    for (size_t i = 0; i < AUDIT_ORDERS_PEERS_MAX; i++) {
        const struct peer *peer = &orders->peers[i];
        has_room = has_room || peer->fd < 0;
        polls[1 + i] = (struct pollfd){.fd = peer->fd, .events = peer->ticket == 0 ? POLLIN : 0};
        count++;
    }
    polls[0] = (struct pollfd){.fd = has_room ? orders->fd : -1, .events = POLLIN};
    return count + 1;
}

/* ---- answers ---- */

/* A peer that has no room for one packet asked for nothing it may wait for. */
static void answer(struct peer *peer, rg_status status, const struct audit_order_reply *reply)
{
    RG_AUTO(rg_buf_done) struct rg_buf packet;
    rg_buf_init(&packet, AUDIT_ORDER_MAX);
    if (rg_is_ok(audit_order_reply_encode(status, reply, &packet))) {
        struct rg_slice bytes = rg_buf_slice(&packet);
        (void)send(peer->fd, bytes.data, bytes.size, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    drop(peer);
}

void audit_orders_answer(struct audit_orders *orders, uint64_t ticket, rg_status status,
                         const struct audit_order_reply *reply)
{
    for (size_t i = 0; orders != NULL && i < AUDIT_ORDERS_PEERS_MAX; i++) {
        if (orders->peers[i].fd >= 0 && orders->peers[i].ticket == ticket && ticket != 0) {
            answer(&orders->peers[i], status, reply);
            return;
        }
    }
}

/* ---- orders ---- */

static struct rg_slice name_of(const struct audit_orders *orders, unsigned uid)
{
    return rg_slice_of(uid == orders->uid ? orders->own_name : orders->root_name);
}

static void refuse(struct audit_orders *orders, struct peer *peer, rg_status status)
{
    char what[192];
    (void)snprintf(what, sizeof what, "an order of uid %u was refused: %.120s", peer->uid, status.error->text);
    answer(peer, status, NULL);
    orders->handler.on_refused(orders->handler.context, what);
}

static void take_order(struct audit_orders *orders, struct peer *peer, struct rg_slice packet)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct audit_order order = {0};
    struct audit_order_reply reply = {0};
    bool is_pending = false;
    rg_arena_init(&arena, ORDER_ARENA);
    rg_status status = peer->refusal != NULL           ? rg_fail(RG_DENIED, "%s", peer->refusal)
                       : packet.size > AUDIT_ORDER_MAX ? rg_fail(RG_LIMIT, "an order of %zu bytes", packet.size)
                                                       : audit_order_parse(packet, &arena, &order);
    if (!rg_is_ok(status)) {
        refuse(orders, peer, status);
        return;
    }
    orders->last_ticket++;
    peer->ticket = orders->last_ticket;
    status = orders->handler.obey(orders->handler.context, &order, name_of(orders, peer->uid), peer->ticket, &reply,
                                  &is_pending);
    if (!is_pending && peer->fd >= 0) {
        answer(peer, status, &reply);
    }
}

static void read_peer(struct audit_orders *orders, struct peer *peer)
{
    ssize_t size = recv(peer->fd, orders->packet, sizeof orders->packet, MSG_DONTWAIT | MSG_TRUNC);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (size <= 0) {
        drop(peer);
        return;
    }
    take_order(orders, peer, rg_slice_make(orders->packet, (size_t)size));
}

static struct peer *find_room(struct audit_orders *orders)
{
    for (size_t i = 0; i < AUDIT_ORDERS_PEERS_MAX; i++) {
        if (orders->peers[i].fd < 0) {
            return &orders->peers[i];
        }
    }
    return NULL;
}

/* ---- who it is ---- */

/* What a process gave up for good, for itself and all that it starts. */
struct fenced {
    unsigned long no_new_privs;
    unsigned long filters; /* of seccomp */
};

static bool take_number(const char *status, const char *key, unsigned long *out_number)
{
    const char *found = strstr(status, key);
    *out_number = found == NULL ? 0 : strtoul(found + strlen(key), NULL, 10);
    return found != NULL;
}

static bool load_fenced(pid_t pid, struct fenced *out_fenced)
{
    char path[48];
    char *status = rg_memory_alloc(STATUS_SIZE);
    struct fenced fenced = {0};
    (void)snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
    int fd = pid <= 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, status, STATUS_SIZE - 1);
    if (fd >= 0) {
        (void)close(fd);
    }
    status[size < 0 ? 0 : size] = '\0';
    bool is_told = take_number(status, "\nNoNewPrivs:", &fenced.no_new_privs);
    (void)take_number(status, "\nSeccomp_filters:", &fenced.filters); /* Linux 5.9 */
    rg_memory_free(status);
    *out_fenced = is_told ? fenced : *out_fenced;
    return is_told;
}

/* The gateway and the exporter run as the auditor's user and may be in hostile hands. They are behind a fence that
 * neither they nor what they start can leave, and that the auditor is not behind: that tells them from a command. */
static bool is_fenced(pid_t pid)
{
    struct fenced own = {0};
    struct fenced peer = {0};
    return !load_fenced(getpid(), &own) || !load_fenced(pid, &peer) || peer.no_new_privs > own.no_new_privs ||
           peer.filters > own.filters;
}

static void admit(struct audit_orders *orders, struct peer *peer, int fd, int64_t now_us)
{
    struct ucred credentials = {.uid = (uid_t)-1};
    socklen_t size = sizeof credentials;
    bool is_known = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0;
    *peer = (struct peer){.fd = fd, .uid = credentials.uid, .deadline_us = now_us + AUDIT_ORDERS_WAIT_US};
    if (!is_known || (peer->uid != 0 && peer->uid != orders->uid)) {
        peer->refusal = "only root and the auditor's own user may give orders";
    } else if (is_fenced(credentials.pid)) {
        peer->refusal = "a process behind a fence, as the gateway is, may give no orders";
    }
}

static void admit_peers(struct audit_orders *orders, int64_t now_us)
{
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        struct peer *peer = find_room(orders);
        int fd = peer == NULL ? -1 : accept4(orders->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            return;
        }
        admit(orders, peer, fd, now_us);
    }
}

void audit_orders_turn(struct audit_orders *orders, const struct pollfd *polls, int64_t now_us)
{
    if (orders == NULL) {
        return;
    }
    for (size_t i = 0; i < AUDIT_ORDERS_PEERS_MAX; i++) {
        struct peer *peer = &orders->peers[i];
        short events = polls[1 + i].fd == peer->fd ? polls[1 + i].revents : 0;
        if (peer->fd >= 0 && peer->ticket == 0 && events != 0) {
            read_peer(orders, peer);
        } else if (peer->fd >= 0 && peer->ticket != 0 && (events & (POLLHUP | POLLERR)) != 0) {
            drop(peer); /* what it ordered goes on */
        }
        if (peer->fd >= 0 && peer->ticket == 0 && now_us >= peer->deadline_us) {
            drop(peer);
        }
    }
    if (polls[0].revents != 0) {
        admit_peers(orders, now_us);
    }
}
