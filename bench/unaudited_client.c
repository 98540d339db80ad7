/* SPDX-License-Identifier: Apache-2.0 */
/* What the audit costs can only be told beside a rowgate without it: this client of the auditor says at the next loop
 * turn that everything is on record, and keeps nothing. It is linked into bench's own program (rowgate_unaudited, which
 * no ordinary target builds and nothing installs), in the place of audit/client.c. */
#include <sys/eventfd.h>
#include <unistd.h>

#include "audit/audit.h"
#include "base/rg_memory.h"

struct audit_client {
    int wakeup_fd;
    bool is_signalled;
    uint64_t last_ticket;
    uint64_t taken_ticket;
};

rg_status audit_client_open(int door_fd, size_t queue_bytes, struct audit_client **out_client)
{
    (void)door_fd;
    (void)queue_bytes;
    struct audit_client *client = rg_memory_alloc(sizeof *client);
    client->wakeup_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    *out_client = client;
    return RG_OK;
}

rg_status audit_client_seal(struct audit_client *client, struct rg_slice origin)
{
    (void)client;
    (void)origin;
    return RG_OK;
}

void audit_client_close(struct audit_client **client)
{
    struct audit_client *closing = *client;
    *client = NULL;
    if (closing != NULL) {
        (void)close(closing->wakeup_fd);
        rg_memory_free(closing);
    }
}

rg_status audit_submit(struct audit_client *client, const struct audit_event *event, uint64_t *out_ticket)
{
    (void)event;
    client->last_ticket++;
    *out_ticket = client->last_ticket;
    return RG_OK;
}

size_t audit_client_last_size(const struct audit_client *client)
{
    (void)client;
    return 0;
}

void audit_flush(struct audit_client *client)
{
    uint64_t one = 1;
    if (client->last_ticket != client->taken_ticket && !client->is_signalled) {
        ssize_t put = write(client->wakeup_fd, &one, sizeof one);
        (void)put;
        client->is_signalled = true;
    }
}

bool audit_has_taken(const struct audit_client *client)
{
    (void)client;
    return false;
}

bool audit_has_unsent(const struct audit_client *client)
{
    (void)client;
    return false;
}

bool audit_wants_write(const struct audit_client *client)
{
    (void)client;
    return false;
}

int audit_wakeup_fd(const struct audit_client *client)
{
    return client->wakeup_fd;
}

bool audit_take(struct audit_client *client, uint64_t *out_ticket, uint64_t *out_seq)
{
    uint64_t ignored = 0;
    if (client->last_ticket == client->taken_ticket) {
        if (client->is_signalled) {
            ssize_t got = read(client->wakeup_fd, &ignored, sizeof ignored);
            (void)got;
            client->is_signalled = false;
        }
        return false;
    }
    client->taken_ticket++;
    *out_ticket = client->taken_ticket;
    *out_seq = client->taken_ticket;
    return true;
}

bool audit_client_is_faulted(const struct audit_client *client)
{
    (void)client;
    return false;
}

enum audit_state audit_client_state(const struct audit_client *client)
{
    (void)client;
    return AUDIT_OPEN;
}

const char *audit_client_reason(const struct audit_client *client)
{
    (void)client;
    return "";
}

bool audit_client_is_disk_full(const struct audit_client *client)
{
    (void)client;
    return false;
}
