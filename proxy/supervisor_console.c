/* SPDX-License-Identifier: Apache-2.0 */
/* The socket of the admin console: made here, because the gateway may make no files, and kept while gateways come and
 * go. For rowgate's own user and for root: its mode says so, and the console asks the kernel again. */
#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "proxy/supervisor_private.h"

static rg_status make_address(struct rg_slice path, struct sockaddr_un *out_address)
{
    *out_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (path.size >= sizeof out_address->sun_path) {
        return rg_fail(RG_CONFIG, "[admin] listen is longer than a socket's name may be");
    }
    memcpy(out_address->sun_path, path.data, path.size);
    return RG_OK;
}

/* What a rowgate that died left behind makes room; a socket on which somebody listens does not, nor does a file. */
static rg_status make_room(struct rg_slice path, const struct sockaddr_un *address)
{
    struct stat info;
    if (lstat(path.data, &info) != 0) {
        return RG_OK; /* or bind says why not */
    }
    if (!S_ISSOCK(info.st_mode)) {
        return rg_fail(RG_CONFIG, "[admin] listen: %.*s is there and is no socket", rg_slice_shown(path), path.data);
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool is_heard = fd >= 0 && (connect(fd, (const struct sockaddr *)(const void *)address, sizeof *address) == 0 ||
                                errno == EAGAIN);
    if (fd >= 0) {
        (void)close(fd);
    }
    if (is_heard) {
        return rg_fail(RG_CONFIG, "[admin] listen: somebody listens on %.*s", rg_slice_shown(path), path.data);
    }
    (void)unlink(path.data);
    return RG_OK;
}

static rg_status bind_to(struct rg_slice path, int fd)
{
    struct sockaddr_un address;
    RG_TRY(make_address(path, &address));
    RG_TRY(make_room(path, &address));
    mode_t before = umask(S_IRWXG | S_IRWXO | S_IXUSR);
    int result = bind(fd, (const struct sockaddr *)(const void *)&address, sizeof address);
    int error = errno;
    (void)umask(before);
    return result == 0 ? RG_OK
                       : rg_fail(RG_CONFIG, "[admin] listen: cannot make %.*s: %s", rg_slice_shown(path), path.data,
                                 strerror(error));
}

rg_status supervisor_open_console(struct supervisor *supervisor, struct rg_slice path)
{
    struct rg_slice kept = {0};
    struct rg_slice argument = {0};
    RG_TRY(rg_arena_copy(&supervisor->arena, path, &kept));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return rg_fail(RG_CONFIG, "[admin] listen: %s", strerror(errno));
    }
    rg_status status = bind_to(kept, fd);
    if (!rg_is_ok(status)) {
        (void)close(fd);
        return status;
    }
    supervisor->console_fd = fd;
    supervisor->console_path = kept;
    supervisor->listener_fds[supervisor->kept_count++] = fd;
    RG_TRY(rg_arena_printf(&supervisor->arena, &argument, "%d=%.*s", fd, (int)kept.size, kept.data));
    supervisor_add_argument(supervisor, "--console", argument.data);
    return RG_OK;
}

void supervisor_close_console(struct supervisor *supervisor)
{
    if (supervisor->console_fd >= 0) {
        (void)unlink(supervisor->console_path.data);
        (void)close(supervisor->console_fd);
        supervisor->console_fd = -1;
    }
}
