/* SPDX-License-Identifier: Apache-2.0 */
/* Control messages over their socket: the packet, and the one descriptor that a door is. */
#include <sys/socket.h>
#include <unistd.h>

#include "audit/control.h"
#include "audit/passing.h"

rg_status audit_control_send(int control_fd, const struct audit_control *message)
{
    RG_AUTO(rg_buf_done) struct rg_buf packet;
    rg_buf_init(&packet, AUDIT_CONTROL_MAX);
    RG_TRY(audit_control_encode(message, &packet));
    return audit_passing_send(control_fd, rg_buf_slice(&packet),
                              message->type == AUDIT_CONTROL_DOOR ? message->fd : -1);
}

/* A door has its socket, nothing else has one. */
static rg_status check_fd(const struct audit_control *message, int fd)
{
    bool is_door = message->type == AUDIT_CONTROL_DOOR;
    if (is_door != (fd >= 0) || (is_door && !audit_passing_is_unix(fd, SOCK_SEQPACKET))) {
        return rg_fail(RG_PROTOCOL, "control message with a wrong descriptor, or without its own");
    }
    return RG_OK;
}

rg_status audit_control_receive(int control_fd, char memory[AUDIT_CONTROL_MAX], struct audit_control *out_message,
                                bool *out_has_message)
{
    struct audit_control message = {0};
    size_t size = 0;
    int fd = -1;
    enum audit_passing_result result = audit_passing_receive(control_fd, memory, AUDIT_CONTROL_MAX, &size, &fd);
    if (result == AUDIT_PASSING_END) {
        return rg_fail(RG_CLOSED, "the control socket's other end is gone");
    }
    if (result == AUDIT_PASSING_BAD) {
        return rg_fail(RG_PROTOCOL, "control packet too long, or with surplus descriptors");
    }
    if (result == AUDIT_PASSING_NOTHING) {
        *out_has_message = false;
        return RG_OK;
    }
    rg_status status = audit_control_parse(rg_slice_make(memory, size), &message);
    if (rg_is_ok(status)) {
        status = check_fd(&message, fd);
    }
    if (!rg_is_ok(status)) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return status;
    }
    message.fd = fd;
    *out_message = message;
    *out_has_message = true;
    return RG_OK;
}
