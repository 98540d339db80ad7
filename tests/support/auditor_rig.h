/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_SUPPORT_AUDITOR_RIG_H
#define RG_TESTS_SUPPORT_AUDITOR_RIG_H

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audit/control.h"
#include "tests/support/audit_dir.h"

/* An auditor as the supervisor has it: behind a control socket, with a door; in a thread or in a child process. */
struct auditor_rig {
    int control; /* the supervisor's end; -1 = closed */
    int door;    /* the gateway's end */
    int served;  /* the auditor's end of control */
    struct auditor *auditor;
    pthread_t thread;
    pid_t child; /* 0 = a thread */
    bool has_failed;
    enum rg_kind kind; /* of auditor_serve's failure */
    char text[256];
};

/* How often the text stands in the log's segments. */
static inline size_t audit_dir_count(const struct audit_dir *dir, const char *text)
{
    char command[512];
    unsigned long long count = 0;
    (void)snprintf(command, sizeof command, "cat '%s'/seg/*.jsonl | grep -aoF '%s' | wc -l", dir->path, text);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_int_equal(fscanf(pipe, "%llu", &count), 1);
    (void)pclose(pipe);
    return (size_t)count;
}

static inline void rig_pair(int type, int *out_ours, int *out_theirs)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds), 0);
    *out_ours = fds[0];
    *out_theirs = fds[1];
}

static inline void rig_send(const struct auditor_rig *rig, enum audit_control_type type)
{
    assert_ok(audit_control_send(rig->control, &(struct audit_control){.type = type}));
}

/* The gateway's end of a new door. */
static inline int rig_door(const struct auditor_rig *rig)
{
    int ours = -1;
    int theirs = -1;
    rig_pair(SOCK_SEQPACKET, &ours, &theirs);
    assert_ok(audit_control_send(rig->control, &(struct audit_control){.type = AUDIT_CONTROL_DOOR, .fd = theirs}));
    (void)close(theirs);
    return ours;
}

/* The next message from the auditor; fails the test after five seconds. */
static inline struct audit_control rig_hear(const struct auditor_rig *rig, char memory[AUDIT_CONTROL_MAX])
{
    struct audit_control message = {0};
    struct pollfd waiting = {.fd = rig->control, .events = POLLIN};
    bool has_message = false;
    assert_int_equal(poll(&waiting, 1, 5000), 1);
    assert_ok(audit_control_receive(rig->control, memory, &message, &has_message));
    assert_true(has_message);
    return message;
}

static inline void *rig_on_thread(void *context)
{
    struct auditor_rig *rig = context;
    rg_status status = auditor_serve(rig->auditor, rig->served);
    if (!rg_is_ok(status)) {
        rig->has_failed = true;
        rig->kind = status.error->kind;
        (void)snprintf(rig->text, sizeof rig->text, "%.250s", status.error->text);
    }
    auditor_close(&rig->auditor);
    (void)close(rig->served); /* as the end of a process does, with the doors in flight there */
    return NULL;
}

/* Fails as auditor_open does; the rig is untouched then. */
static inline rg_status rig_start(struct auditor_rig *rig, const struct auditor_options *options)
{
    struct auditor *auditor = NULL;
    RG_TRY(auditor_open(options, &auditor));
    *rig = (struct auditor_rig){.auditor = auditor};
    rig_pair(SOCK_SEQPACKET, &rig->control, &rig->served);
    rig->door = rig_door(rig);
    assert_int_equal(pthread_create(&rig->thread, NULL, rig_on_thread, rig), 0);
    return RG_OK;
}

/* What most tests begin with: a new log, its auditor on a thread, and a gateway's client (out_client NULL: none). */
static inline void rig_open(struct audit_dir *dir, struct auditor_rig *rig, struct audit_client **out_client)
{
    audit_dir_make(dir);
    struct auditor_options options = audit_dir_options(dir);
    assert_ok(rig_start(rig, &options));
    if (out_client != NULL) {
        assert_ok(audit_client_open(rig->door, 0, out_client));
    }
}

/* As the supervisor does it, without exec: options by the control socket. */
static inline void rig_fork(struct auditor_rig *rig, const struct auditor_options *options)
{
    *rig = (struct auditor_rig){0};
    rig_pair(SOCK_SEQPACKET, &rig->control, &rig->served);
    rig->child = fork();
    assert_true(rig->child >= 0);
    if (rig->child == 0) {
        (void)close(rig->control);
        _exit(rg_is_ok(auditor_run(rig->served, NULL)) ? 0 : 1);
    }
    (void)close(rig->served);
    assert_ok(
        audit_control_send(rig->control, &(struct audit_control){.type = AUDIT_CONTROL_OPTIONS, .options = *options}));
    rig->door = rig_door(rig);
}

static inline void rig_close_ends(struct auditor_rig *rig)
{
    if (rig->control >= 0) {
        (void)close(rig->control);
    }
    (void)close(rig->door);
}

/* Waits for the end of what was told to stop; true when it ended well. */
static inline bool rig_join(struct auditor_rig *rig)
{
    int status = 0;
    if (rig->child != 0) {
        assert_int_equal(waitpid(rig->child, &status, 0), rig->child);
        rig_close_ends(rig);
        return WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
    assert_int_equal(pthread_join(rig->thread, NULL), 0);
    rig_close_ends(rig);
    return !rig->has_failed;
}

static inline bool rig_stop(struct auditor_rig *rig)
{
    (void)rg_is_ok(audit_control_send(rig->control, &(struct audit_control){.type = AUDIT_CONTROL_STOP}));
    return rig_join(rig);
}

/* What most tests end with: all that was flushed is in a log that holds. The directory stays. */
static inline void rig_finish(const struct audit_dir *dir, struct auditor_rig *rig, struct audit_client **client)
{
    audit_client_close(client);
    assert_true(rig_stop(rig));
    assert_intact(dir, 0);
}

/* One turn of a gateway's loop: sends what waits, sleeps until there is something to take; false = it did not. */
static inline bool rig_turn(struct audit_client *client, int timeout_ms)
{
    audit_flush(client);
    if (audit_has_taken(client)) {
        return true;
    }
    struct pollfd waiting = {.fd = audit_wakeup_fd(client),
                             .events = (short)(POLLIN | (audit_wants_write(client) ? POLLOUT : 0))};
    return poll(&waiting, 1, timeout_ms) > 0;
}

/* Acknowledgements up to `ticket`; false when the channel died first, or nothing came for three seconds. */
static inline bool rig_await(struct audit_client *client, uint64_t ticket, uint64_t *out_seq)
{
    uint64_t got = 0;
    for (bool has_come = true; has_come;) {
        while (got < ticket && audit_take(client, &got, out_seq)) {
        }
        if (got >= ticket) {
            return true;
        }
        if (audit_client_is_faulted(client)) {
            return false;
        }
        has_come = rig_turn(client, 3000);
    }
    return false;
}

/* Until the auditor told its state, or the channel died. */
static inline void rig_await_state(struct audit_client *client, enum audit_state state)
{
    uint64_t ticket = 0;
    uint64_t seq = 0;
    for (int i = 0; i < 500 && audit_client_state(client) != state && !audit_client_is_faulted(client); i++) {
        (void)rig_turn(client, 20);
        assert_false(audit_take(client, &ticket, &seq));
    }
    assert_int_equal(audit_client_state(client), state);
}

/* One event submitted and durable. */
static inline bool rig_write_one(struct audit_client *client, uint64_t number)
{
    struct audit_event event = audit_sample(number, "acme");
    uint64_t ticket = 0;
    uint64_t seq = 0;
    return rg_is_ok(audit_submit(client, &event, &ticket)) && rig_await(client, ticket, &seq);
}

#endif
