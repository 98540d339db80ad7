/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors between processes. Called for the control sockets (control_socket.c) and for doors (client.c,
 * auditor_door.c). What comes in may be from a process in hostile hands: every descriptor is either handed to the
 * caller or closed. */
#include "audit/passing.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { FDS_MAX = 253 }; /* SCM_MAX_FD of Linux: what one packet can carry */

rg_status audit_passing_send(int socket_fd, struct rg_slice bytes, int fd)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec part = {.iov_len = bytes.size};
    memcpy(&part.iov_base, &bytes.data, sizeof part.iov_base); /* const there, and only read by sendmsg */
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (fd >= 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(head), &fd, sizeof fd);
    }
    ssize_t sent = -1;
    do {
        sent = sendmsg(socket_fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0) {
        return RG_OK;
    }
    if (errno == EAGAIN || errno == ETOOMANYREFS || errno == ENOBUFS) {
        return rg_fail(RG_LIMIT, "the other process does not read: %s", strerror(errno));
    }
    return rg_fail(RG_CLOSED, "the other process is gone: %s", strerror(errno));
}

struct passed {
    int fds[FDS_MAX];
    size_t count;
    bool is_odd; /* ancillary data that is no descriptor */
};

static void collect(struct msghdr *message, struct passed *passed)
{
    for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head != NULL; head = CMSG_NXTHDR(message, head)) {
        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) {
            passed->is_odd = true;
            continue;
        }
        size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        count = count > FDS_MAX - passed->count ? FDS_MAX - passed->count : count;
        memcpy(&passed->fds[passed->count], CMSG_DATA(head), count * sizeof(int));
        passed->count += count;
    }
}

enum audit_passing_result audit_passing_receive(int socket_fd, char *memory, size_t memory_size, size_t *out_size,
                                                int *out_fd)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
    } control;
    struct passed passed = {0};
    struct iovec part = {memory, memory_size};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t got = recvmsg(socket_fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got < 0 && errno == ECONNRESET) {
        /* Who ends with something of ours unread is told of before its last words, once (unix(7)). */
        got = recvmsg(socket_fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    }
    if (got < 0) {
        bool is_later = errno == EAGAIN || errno == EINTR;
        return is_later ? AUDIT_PASSING_NOTHING : AUDIT_PASSING_END;
    }
    collect(&message, &passed);
    if (got == 0 && passed.count == 0) {
        return AUDIT_PASSING_END; /* we send no empty packets: to say nothing is to hang up */
    }
    if (passed.count > 1 || passed.is_odd || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
        for (size_t i = 0; i < passed.count; i++) {
            (void)close(passed.fds[i]);
        }
        return AUDIT_PASSING_BAD;
    }
    *out_size = (size_t)got;
    *out_fd = passed.count == 1 ? passed.fds[0] : -1;
    return AUDIT_PASSING_PACKET;
}

static bool is_option(int fd, int option, int wanted)
{
    int value = -1;
    socklen_t size = sizeof value;
    return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 && value == wanted;
}

bool audit_passing_is_unix(int fd, int type)
{
    return is_option(fd, SO_DOMAIN, AF_UNIX) && is_option(fd, SO_TYPE, type);
}
