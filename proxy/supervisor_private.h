/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_SUPERVISOR_PRIVATE_H
#define RG_PROXY_SUPERVISOR_PRIVATE_H

#include <sys/types.h>

#include "audit/control.h"
#include "proxy/config.h"
#include "proxy/net/listener.h"

/* The inside of the supervisor, shared by supervisor*.c alone.
 *
 *   supervisor.c         the life of the whole: start, wait, stop
 *   supervisor_setup.c   what the configuration says, kept for children that start again
 *   supervisor_console.c the socket of the admin console
 *   supervisor_child.c   one child process: fork and exec, its end, when it is due again
 *   supervisor_events.c  what the children say, and what the end of one means for the others
 *   supervisor_export.c  the exporter: started when there is something to export, never missed by a statement
 */

enum {
    SUPERVISOR_NOTES_MAX = 16, /* ends that wait for an auditor to put them on record */
    SUPERVISOR_HOW_MAX = 400,
};

struct child {
    const char *name;
    pid_t pid;   /* 0 = not running */
    int control; /* our end; -1 = none */
    bool is_ready;
    bool was_ready;    /* ever: its next failure does not end the supervisor */
    bool is_end_noted; /* on record since it was ready last: one that never comes to work does not fill the log */
    int64_t ready_us;  /* monotonic */
    int64_t retry_us;  /* when it is due to be started again; 0 = it is not */
    int64_t delay_us;  /* of the next back-off */
    char reason[AUDIT_REASON_MAX + 1]; /* what it said before it ended */
};

struct child_start {
    const char *name;
    bool dies_with_parent; /* else it sees its control socket close */
    size_t argument_count;
    const char *const *arguments; /* behind "child NAME --control FD" */
    size_t kept_count;
    const int *kept; /* descriptors that it inherits, beside the control socket */
};

struct supervisor_note {
    char which[AUDIT_CONTROL_WHICH_MAX];
    char how[SUPERVISOR_HOW_MAX];
};

struct supervisor {
    const struct rg_clock *clock;
    struct rg_log *log;
    const char *path;
    struct rg_arena arena; /* what was kept of the configuration */
    struct config_server server;
    struct config_log log_config;
    struct audit_control options; /* for the auditor */
    size_t listener_count;
    struct net_listener **listeners; /* bound; the gateway listens */
    bool is_end_asked;               /* by the gateway: all ends when it has ended in order */
    int64_t look_us;                 /* when the exporter looks at the configuration again; 0 = nobody wished it */
    int64_t looked_us;               /* when it did so last, by a wish */
    const char **gateway_arguments;
    size_t gateway_argument_count;
    int *listener_fds;
    size_t kept_count;            /* of them: the console's is the last one */
    int console_fd;               /* bound; -1 = there is none */
    struct rg_slice console_path; /* of its socket */
    struct child auditor;
    struct child gateway;
    struct child exporter;
    bool wants_exporter; /* the configuration has something to export */
    const char *exporter_arguments[6];
    int64_t sealed_us;        /* when the exporter's last wish for a new segment was passed on */
    int64_t exporter_kill_us; /* all else ended and it was told to; 0 = it was not */
    size_t note_count;
    struct supervisor_note notes[SUPERVISOR_NOTES_MAX];
    unsigned stop_signals; /* how often it was told to end */
    bool has_pid_file;
    bool is_over;
    int64_t kill_us; /* the auditor was told to stop and is killed then; 0 = it was not */
    int exit_code;
    char failure[512];              /* why it could not start; empty = it could */
    char packet[AUDIT_CONTROL_MAX]; /* of the message being taken from a child */
};

/* supervisor_setup.c */
/* Reads the configuration and takes the addresses. RG_CONFIG after its findings went to the log. */
rg_status supervisor_set_up(struct supervisor *supervisor) RG_MUST_CHECK;
void supervisor_done(struct supervisor *supervisor);

/* The configuration as it is now, quietly: *out_is_exported by it. RG_CONFIG. */
rg_status supervisor_look_exports(const struct supervisor *supervisor, bool *out_is_exported) RG_MUST_CHECK;

/* supervisor_console.c */
/* Makes the console's socket, 0600, for the gateway to listen on. RG_CONFIG: it cannot, or somebody listens there. */
rg_status supervisor_open_console(struct supervisor *supervisor, struct rg_slice path) RG_MUST_CHECK;
void supervisor_close_console(struct supervisor *supervisor); /* removes it; nothing when there is none */
/* One more option of the gateway. */
void supervisor_add_argument(struct supervisor *supervisor, const char *option, const char *value);

/* supervisor_child.c */
/* RG_INTERNAL when the system has no process or descriptor for it. */
rg_status child_start(struct child *child, const struct child_start *start) RG_MUST_CHECK;
/* Whether it ended: reaped then, and *out_status is waitpid's. */
bool child_is_ended(struct child *child, int *out_status);
int child_exit_code(int status);
/* "signal 9" or "status 1". */
void child_describe_end(int status, char text[SUPERVISOR_HOW_MAX]);
/* Sets when it is due again. */
void child_back_off(struct child *child, int64_t now_us);
void child_signal(const struct child *child, int number);
void child_close_control(struct child *child);

/* supervisor_export.c */
/* The auditor is ready: the exporter gets a way to it, and is started when it should run and does not. */
void supervisor_join_exporter(struct supervisor *supervisor);
/* SIGHUP: with a sound configuration it ends, and starts again by that; with another it goes on as it is. */
void supervisor_reload_exporter(struct supervisor *supervisor);
/* The gateway's wish for the same: granted once a second at most, because it reads files, and never lost. */
void supervisor_wish_reload(struct supervisor *supervisor);
void supervisor_grant_reload(struct supervisor *supervisor, int64_t now_us);
void supervisor_on_exporter_ended(struct supervisor *supervisor, int status);
/* It wants the live segment to end. */
void supervisor_pass_seal(struct supervisor *supervisor);
/* The auditor ended for good: what it wrote last is exported, then this is the end. */
void supervisor_finish(struct supervisor *supervisor);
/* supervisor_events.c */
/* A new way from a child to the auditor: which is AUDIT_CONTROL_EXPORTER or "". What hung on the one before is lost
 * with it. RG_INTERNAL without descriptors. */
rg_status supervisor_open_door(struct supervisor *supervisor, struct child *child, const char *which) RG_MUST_CHECK;
void supervisor_tell(struct supervisor *supervisor, struct child *child, const struct audit_control *message);
void supervisor_fail_start(struct supervisor *supervisor, struct child *child, rg_status status);
/* A child ended that should not have: on record, and due again later. */
void supervisor_schedule(struct supervisor *supervisor, struct child *child, int status);
rg_status supervisor_start_auditor(struct supervisor *supervisor) RG_MUST_CHECK;
/* Messages of the children, as far as they are there. */
void supervisor_take_messages(struct supervisor *supervisor);
/* Children that ended. */
void supervisor_reap(struct supervisor *supervisor);
/* Those that are due again. */
void supervisor_restart(struct supervisor *supervisor);
/* A signal to end: the gateway decides what it means; without one it is the end. */
void supervisor_stop(struct supervisor *supervisor, int number);

#endif
