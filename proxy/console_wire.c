/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of a console's connection: never more than a message of them wait to be read, and nobody is waited for
 * longer than he was told. */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "proxy/console_private.h"

enum { READ_BYTES = 4096, MUCH_BYTES = 32 * 1024, ENDING_MS = 1000, SLICE_US = 100000 };

static int64_t now_us(const struct console_session *session)
{
    return rg_clock_monotonic_us(session->console->gateway->clock);
}

/* false: the time is over. deadline_us 0 = there is none. */
static bool wait_for(struct console_session *session, short events, int64_t deadline_us)
{
    struct pollfd wait = {.fd = session->fd, .events = events};
    int64_t left_us = deadline_us == 0 ? 0 : deadline_us - now_us(session);
    if (deadline_us != 0 && left_us <= 0) {
        return false;
    }
    int result = poll(&wait, 1, deadline_us == 0 ? -1 : (int)(left_us / 1000) + 1);
    return result > 0 || (result < 0 && errno == EINTR);
}

bool console_wire_read(struct console_session *session, int64_t deadline_us)
{
    char *memory = NULL;
    if (session->is_over || session->is_lost || !rg_is_ok(rg_buf_reserve(&session->in, READ_BYTES, &memory))) {
        return false;
    }
    while (wait_for(session, POLLIN, deadline_us)) {
        ssize_t size = recv(session->fd, memory, READ_BYTES, MSG_DONTWAIT);
        if (size > 0) {
            rg_buf_commit(&session->in, (size_t)size);
            return true;
        }
        if (size == 0 || (errno != EAGAIN && errno != EINTR)) {
            return false;
        }
    }
    return false;
}

/* However much there is to say and however slowly it is taken, the end waits for nobody longer than ENDING_MS. */
static int64_t patience_us(const struct console_session *session, int64_t begun_us)
{
    const struct console *console = session->console;
    int64_t until_us = begun_us + (int64_t)CONSOLE_WRITE_MS * 1000;
    int64_t end_us = until_us;
    if (atomic_load(&console->is_ending)) {
        end_us = atomic_load(&console->ended_us) + (int64_t)ENDING_MS * 1000;
    }
    return end_us < until_us ? end_us : until_us;
}

void console_wire_flush(struct console_session *session)
{
    int64_t begun_us = now_us(session);
    while (!session->is_lost && rg_buf_size(&session->out) > 0) {
        struct rg_slice bytes = rg_buf_slice(&session->out);
        ssize_t size = send(session->fd, bytes.data, bytes.size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (size > 0) {
            rg_buf_consume(&session->out, (size_t)size);
            continue;
        }
        bool is_full = size < 0 && (errno == EAGAIN || errno == EINTR);
        int64_t now = now_us(session);
        session->is_lost = !is_full || now > patience_us(session, begun_us);
        (void)!wait_for(session, POLLOUT, now + SLICE_US);
    }
    if (session->is_lost) {
        rg_buf_clear(&session->out);
    }
}

void console_wire_relieve(struct console_session *session)
{
    if (rg_buf_size(&session->out) > MUCH_BYTES) {
        console_wire_flush(session);
    }
}
