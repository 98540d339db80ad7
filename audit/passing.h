/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_PASSING_H
#define RG_AUDIT_PASSING_H

#include "base/rg_slice.h"
#include "base/rg_status.h"

/* One packet over a SOCK_SEQPACKET socket, with at most one descriptor beside it (unix(7), SCM_RIGHTS). Never blocks,
 * whatever the other end does to the socket's flags. Any thread. */

enum audit_passing_result {
    AUDIT_PASSING_NOTHING = 0, /* none there */
    AUDIT_PASSING_PACKET,
    AUDIT_PASSING_BAD, /* longer than `memory`, several descriptors, or other ancillary data: dropped and closed */
    AUDIT_PASSING_END  /* the other end is gone */
};

/* fd -1 = none; it stays the caller's. RG_CLOSED when the other end is gone, RG_LIMIT when it does not read. */
rg_status audit_passing_send(int socket_fd, struct rg_slice bytes, int fd) RG_MUST_CHECK;
/* *out_size and *out_fd (close-on-exec, the caller's; -1 = none) are set for a PACKET only. */
enum audit_passing_result audit_passing_receive(int socket_fd, char *memory, size_t memory_size, size_t *out_size,
                                                int *out_fd);
/* Is it an AF_UNIX socket of this type (SOCK_STREAM, ...)? */
bool audit_passing_is_unix(int fd, int type);

#endif
