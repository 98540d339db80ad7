/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_CONSOLE_PRIVATE_H
#define RG_PROXY_CONSOLE_PRIVATE_H

#include <pthread.h>

#include "proxy/config.h"
#include "proxy/console.h"
#include "proxy/console_parse.h"
#include "proxy/console_rows.h"
#include "proxy/pgwire/frame.h"
#include "proxy/pgwire/frontend.h"

/* The inside of the console, shared by console*.c alone.
 *
 *   console.c            its life: the listening thread, the seats, commands handed to the main thread
 *   console_record.c     its channel to the auditor: what is on record before what
 *   console_parse.c      a command as words
 *   console_table.c      every command, its columns, who may; the one place that checks rights
 *   console_rows.c       what is answered
 *   console_session.c    one connection: who it is, its messages in turn
 *   console_wire.c       its bytes, bounded in size and time
 *   console_message.c    one row for each frontend message
 *   console_prepared.c   what the extended protocol keeps between messages
 *   console_ask.c        what the event loops know
 *   console_show.c       SHOW: this process and its configuration
 *   console_show_live.c  SHOW: clients, servers, pools, statements
 *   console_show_stats.c SHOW: what was counted
 *   console_order.c      what changes something
 */

enum {
    CONSOLE_SEATS = 16,
    CONSOLE_SEATS_RESERVED = 2,      /* of them the last ones: for admins, whatever stays connected */
    CONSOLE_MESSAGE_MAX = 16 * 1024, /* bytes of a frontend message */
    CONSOLE_LOGIN_MS = 10000,        /* from accept to ReadyForQuery */
    CONSOLE_WRITE_MS = 10000,        /* for a client to take what it asked for */
};

/* ---- commands ---- */

struct console_call { /* on the main thread */
    struct gateway *gateway;
    const struct config *config; /* the gateway's */
    const char *by;              /* the operator's name */
    struct rg_slice argument;
    struct console_rows *rows;
    bool has_count; /* the tag says a number: KILL 3 */
    size_t count;
};

struct console_command {
    const char *words[3];
    const char *argument; /* what the last word is; NULL = there is none */
    unsigned roles;       /* enum config_console_role: who may */
    const char *help;
    size_t column_count; /* 0 = it answers no rows */
    const struct console_column *columns;
    rg_status (*run)(struct console_call *call);
};

enum { CONSOLE_NAME_SIZE = 64 };

/* console_table.c */
size_t console_command_count(void);
const struct console_command *console_command_at(size_t at);
/* "SHOW POOLS", "KILL TENANT". */
void console_command_name(const struct console_command *command, char out_name[CONSOLE_NAME_SIZE]);
/* NULL = there is none of these words. *out_argument: its last word, or empty. */
const struct console_command *console_command_find(const struct console_words *words, struct rg_slice *out_argument);
/* The check of rights. Pure. */
bool console_may(const struct console_command *command, unsigned roles);

/* What the table names. console_show.c: */
rg_status console_show_help(struct console_call *call) RG_MUST_CHECK;
rg_status console_show_version(struct console_call *call) RG_MUST_CHECK;
rg_status console_show_config(struct console_call *call) RG_MUST_CHECK;
rg_status console_show_state(struct console_call *call) RG_MUST_CHECK;
rg_status console_show_policies(struct console_call *call) RG_MUST_CHECK;
rg_status console_show_masks(struct console_call *call) RG_MUST_CHECK;
rg_status console_show_limits(struct console_call *call) RG_MUST_CHECK;
rg_status console_show_idps(struct console_call *call) RG_MUST_CHECK;
/* console_show_live.c: */
rg_status console_show_databases(struct console_call *call) RG_MUST_CHECK;
rg_status console_show_pools(struct console_call *call) RG_MUST_CHECK;
rg_status console_show_clients(struct console_call *call) RG_MUST_CHECK;
rg_status console_show_servers(struct console_call *call) RG_MUST_CHECK;
rg_status console_show_users(struct console_call *call) RG_MUST_CHECK;
rg_status console_show_lists(struct console_call *call) RG_MUST_CHECK;
rg_status console_show_tenants(struct console_call *call) RG_MUST_CHECK;
rg_status console_show_statements(struct console_call *call) RG_MUST_CHECK;
/* console_show_stats.c: */
rg_status console_show_stats(struct console_call *call) RG_MUST_CHECK;
rg_status console_show_stats_totals(struct console_call *call) RG_MUST_CHECK;
rg_status console_show_stats_averages(struct console_call *call) RG_MUST_CHECK;
rg_status console_show_totals(struct console_call *call) RG_MUST_CHECK;
rg_status console_show_mem(struct console_call *call) RG_MUST_CHECK;
rg_status console_show_audit(struct console_call *call) RG_MUST_CHECK;
rg_status console_show_denials(struct console_call *call) RG_MUST_CHECK;
/* console_order.c: */
rg_status console_show_sessions(struct console_call *call) RG_MUST_CHECK;
rg_status console_reload(struct console_call *call) RG_MUST_CHECK;
rg_status console_revoke_session(struct console_call *call) RG_MUST_CHECK;
rg_status console_kill_client(struct console_call *call) RG_MUST_CHECK;
rg_status console_kill_tenant(struct console_call *call) RG_MUST_CHECK;
rg_status console_cancel_tenant(struct console_call *call) RG_MUST_CHECK;
rg_status console_shutdown(struct console_call *call) RG_MUST_CHECK;
rg_status console_shutdown_wait(struct console_call *call) RG_MUST_CHECK;

/* ---- the console ---- */

struct console_seat {
    struct console *console;
    pthread_t thread;
    int fd;
    bool is_taken;
    bool is_reserved;    /* few are left */
    atomic_bool is_left; /* its session is over: to be joined */
};

struct console_job;

struct console {
    struct gateway *gateway;
    int listen_fd;
    int stop_fd; /* readable: the listening thread ends */
    int job_fd;
    pthread_t thread;
    bool is_started;
    atomic_bool is_ending;
    _Atomic int64_t ended_us;                 /* since when: set before */
    struct console_seat seats[CONSOLE_SEATS]; /* the listening thread's */

    pthread_mutex_t lock; /* of what follows, never held for long */
    pthread_cond_t answered;
    struct console_job *first;
    struct console_job **last;
    struct config *config; /* reference */
    char digest[2 * RG_SHA256_SIZE + 1];
    int next_door; /* -1 = none that was not taken */

    pthread_mutex_t audit_lock; /* held until a record is durable */
    struct audit_client *audit;
};

/* console.c */
/* Runs the command on the main thread and waits for that. RG_CLOSED when the console ends; else what run returns. */
rg_status console_run(struct console *console, const struct console_command *command,
                      struct console_call *call) RG_MUST_CHECK;
/* The roles of that name as of now; out_digest: of the configuration that says so. */
unsigned console_roles(struct console *console, struct rg_slice name, char out_digest[2 * RG_SHA256_SIZE + 1]);

/* ---- one connection ---- */

/* What a client is told. */
struct console_error {
    char sqlstate[6];
    const char *rule; /* of a refusal, for its record; NULL = none */
    bool is_fatal;
    char text[512];
};

struct console_prepared;
struct console_portal;

struct console_session {
    struct console *console;
    int fd;
    uint64_t id;
    unsigned uid;
    char os_user[CONSOLE_NAME_SIZE];
    char user[CONSOLE_NAME_SIZE];
    struct rg_buf in;
    struct rg_buf out;
    bool is_over; /* nothing is read from it any more */
    bool is_lost; /* nor written */
    bool is_logged_in;
    bool is_reserved;   /* its seat is for admins */
    bool skips_to_sync; /* after an error in the extended protocol */
    struct console_prepared *prepared;
    struct console_portal *portals;
};

/* console_session.c: from accept to the end; the seat's fd stays the caller's. */
void console_serve(const struct console_seat *seat);
/* Sends the error; a fatal one ends the session. */
void console_tell_error(struct console_session *session, const struct console_error *error);

/* console_wire.c */
/* Waits for more bytes, until deadline_us (monotonic; 0 = without end). false: they do not come. */
bool console_wire_read(struct console_session *session, int64_t deadline_us);
/* Sends what is there; whoever does not take it is lost. */
void console_wire_flush(struct console_session *session);
/* The same when there is much of it. */
void console_wire_relieve(struct console_session *session);

/* console_message.c: one message of a session that is logged in. RG_PROTOCOL and RG_LIMIT end it. */
rg_status console_message(struct console_session *session, const struct pgwire_frame *frame) RG_MUST_CHECK;

/* console_prepared.c */
struct console_prepared { /* a statement by its name */
    struct console_prepared *next;
    char *name;
    char *text;
};
struct console_portal {
    struct console_portal *next;
    char *name;
    char *text;
    uint16_t *format_list;
    struct console_formats formats;
    const struct console_command *command; /* that ran; NULL = none yet */
    struct console_rows rows;
    size_t offset; /* of the rows that were not sent yet */
    char tag[CONSOLE_NAME_SIZE];
};
/* In place of one of that name. RG_LIMIT when there are too many. */
rg_status console_prepare(struct console_session *session, const struct pgwire_prepare *prepare) RG_MUST_CHECK;
rg_status console_bind(struct console_session *session, const struct pgwire_bind *bind) RG_MUST_CHECK;
const struct console_prepared *console_prepared_find(const struct console_session *session, struct rg_slice name);
struct console_portal *console_portal_find(const struct console_session *session, struct rg_slice name);
void console_prepared_drop(struct console_session *session, struct rg_slice name);
void console_portal_drop(struct console_session *session, struct rg_slice name);
void console_portals_drop(struct console_session *session);  /* all */
void console_prepared_done(struct console_session *session); /* all, and the portals */

/* console_record.c: each waits until the record is durable. RG_STORAGE, RG_CLOSED when that does not come. */
rg_status console_record_login(struct console_session *session, const struct console_error *error,
                               struct rg_slice database, struct rg_slice application) RG_MUST_CHECK;
/* error NULL: it is allowed. action: the command's name. */
rg_status console_record_command(struct console_session *session, const char *action, struct rg_slice argument,
                                 const struct console_error *error, const char *digest) RG_MUST_CHECK;
/* Nobody waits for this one. */
void console_record_logout(struct console_session *session);

/* ---- what the event loops know: console_ask.c ---- */

struct session_facts; /* proxy/session_facts.h */

struct console_pool {
    struct rg_slice upstream;
    size_t active, waiting, idle;
};

struct console_facts {
    size_t client_count;
    struct session_facts *clients;
    size_t pool_count;
    struct console_pool *pools; /* one for each loop and upstream */
};

/* Asks every loop and calls look with all that they said, which lives until it returns. RG_INTERNAL when one does not
 * answer; RG_LIMIT when it is too much. */
rg_status console_ask(struct console_call *call,
                      rg_status (*look)(struct console_call *call, const struct console_facts *facts)) RG_MUST_CHECK;

/* Ends or cancels sessions on their loops, and waits for that. */
enum console_strike { CONSOLE_KILL = 0, CONSOLE_CANCEL };
rg_status console_strike(struct gateway *gateway, enum console_strike strike, struct rg_slice tenant,
                         struct rg_slice session_id, size_t *out_count) RG_MUST_CHECK;

#endif
