/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_SESSION_PRIVATE_H
#define RG_PROXY_SESSION_PRIVATE_H

#include "auth/capsule.h"
#include "proxy/net/upstream.h"
#include "proxy/output.h"
#include "proxy/pgwire/backend.h"
#include "proxy/pgwire/frame.h"
#include "proxy/pgwire/frontend.h"
#include "proxy/pgwire/scan.h"
#include "proxy/pgwire/startup.h"
#include "proxy/pipeline.h"
#include "proxy/pool.h"
#include "proxy/prepared.h"
#include "proxy/rate.h"
#include "proxy/requests.h"
#include "proxy/session.h"
#include "proxy/settings.h"
#include "proxy/worker.h"

/* The inside of a session, shared by session*.c alone.
 *
 *   session.c                 its life: accept, pump, output, end
 *   session_startup.c         the first packets: TLS, cancel, startup message
 *   session_credential.c      asking for the credential and taking it
 *   session_login.c           the steps of pipeline_login
 *   session_capsule.c         a login by an identity capsule, and the life of what is behind it
 *   session_login_settings.c  what the startup packet asked for
 *   session_statement.c       the steps of pipeline_statement
 *   session_catalog.c         the snapshot of the upstream's catalogue that statements are judged by
 *   session_message.c         one row for each frontend message
 *   session_upstream.c        opening, losing, cancelling the upstream
 *   session_pool.c            sharing connections to the upstream with other sessions
 *   session_reply.c           one row for each backend message
 *   session_copy.c            the client's data of COPY ... FROM STDIN
 *   session_prelude.c         the second lock's settings: before which messages, and what their answers mean
 *   session_error.c           an upstream's error, filtered and mapped
 *   session_gate.c            what a reply waits for
 *   session_hyper.c           what is different with Hyper: values of parameters, one statement a message
 *   session_record.c          audit records and refusals
 *   session_revoked.c         whether it was revoked
 *   session_metrics.c         what is counted of all that
 *   session_local.c           what is answered without the upstream, and the BEGIN that is sent later
 *   session_orphan.c          statements that no HTTP request is behind
 *   session_limits.c          how many statements a minute, and the words of what a tenant's limits refuse
 *   session_timers.c          how long all that may take
 */

enum session_phase {
    SESSION_DEAD = 0,
    SESSION_STARTUP,   /* in clear: SSLRequest, GSSENCRequest, CancelRequest */
    SESSION_HANDSHAKE, /* TLS */
    SESSION_STARTUP_TLS,
    SESSION_PASSWORD, /* waits for the token */
    SESSION_SASL_FIRST,
    SESSION_SASL_FINAL,
    SESSION_LOGIN, /* pipeline_login runs */
    SESSION_READY,
    SESSION_CLOSING, /* last words are on their way */
};

enum {
    SESSION_ARENA_BYTES = 256 * 1024,
    SESSION_OUTPUT_BYTES = 8 * 1024 * 1024, /* hard maximum of held bytes: a chunk and collected messages */
    SESSION_HOLD_BYTES = 64 * 1024,         /* a result up to this size has one combined record (audit.md 3.6) */
    SESSION_PAUSE_BYTES = 512 * 1024,       /* held above this: the upstream is not read */
    SESSION_TEXT_MAX = 16 * 1024 * 1024,    /* read, and on record whole; beyond POLICY_TEXT_MAX always refused */
    SESSION_MESSAGE_BYTES = 2 * POLICY_TEXT_MAX + 65536, /* a rewritten statement and its header */
    SESSION_SERVER_BYTES = 2 * SESSION_MESSAGE_BYTES,    /* pending to the upstream: one may start when another waits */
    SESSION_CONNECT_ATTEMPTS = 3,
    SESSION_POOL_RETRY_US = 5000000, /* of a pool: a server that is restarted is waited for */
    SESSION_CANCEL_GRACE_MS = 5000,
    SESSION_CLOSING_MS = 10000, /* for the last words to leave */
};

/* The frontend message in work. Slices point into the client's input and are decoded again after a wait. */
struct command {
    struct pgwire_frame frame;
    struct rg_slice text;          /* Q, P */
    struct pgwire_prepare prepare; /* P */
    struct pgwire_bind bind;       /* B */
    struct pgwire_target target;   /* D, C */
    struct pgwire_execute execute; /* E */
    struct policy_cached *cached;  /* reference, from the plan step on */
    struct binds *binds;           /* E: reference; NULL = none are recorded */
    uint64_t first_statement_id;
    int64_t begun_us;        /* monotonic: when its message was there */
    bool is_recorded;        /* its decisions were submitted: it is forwarded, or they get outcomes */
    bool had_written;        /* the transaction had, when they were */
    bool is_cancelled;       /* a cancel request came while it waited for the BEGIN before it */
    bool is_lesson;          /* its answer is kept for the next one who asks */
    size_t counted;          /* statements of it that statements_per_minute knows of; 0 = not asked yet */
    unsigned late_seconds;   /* there was no room for it, and it may be the end of a transaction: when there is some */
    size_t decided_count;    /* statements whose decisions, if due, were submitted */
    bool has_newest_catalog; /* was judged again by a snapshot asked for on its behalf */
};

/* Between the rewritten statements of one simple query. Each was proved alone and may end in a line comment, which
 * must not swallow the semicolon: two statements would be executed as one that nobody judged. */
#define STATEMENT_SEPARATOR RG_SLICE("\n;\n")

/* COPY ... FROM STDIN, as session_copy.c has it. */
enum copy_state {
    COPY_NONE = 0, /* CopyData is out of place */
    COPY_AWAITED,  /* the upstream may ask for data: the client is not read until it is known what its bytes are */
    COPY_ACTIVE,   /* CopyData is passed on */
    COPY_STRAY,    /* the copy failed: CopyData that was on its way is ignored, as PostgreSQL does */
};

struct key_wait; /* a login that waits for keys, session_login.c */

struct session {
    struct session *next;
    struct session *previous;
    struct worker *worker;
    struct snapshot *snapshot; /* what the current statement runs under */
    size_t listener;
    uint64_t id;
    enum session_phase phase;
    size_t step; /* in the pipeline of the phase */
    bool is_suspended;
    bool is_direct_tls;
    bool is_logged_in;
    bool is_draining;
    struct rg_arena arena;
    struct net_stream *client;
    char peer[64];
    struct output output;
    struct net_timer login_timer;
    struct net_timer idle_timer;
    struct net_timer statement_timer;
    struct net_timer retry_timer;
    struct net_timer catalog_timer;
    struct net_timer begin_timer;
    struct net_timer pool_timer;

    /* who */
    struct pgwire_startup startup;
    struct rg_slice credential; /* the token; wiped as soon as it was judged */
    struct auth_scram_exchange *scram;
    const struct config_account *account; /* of snapshot; until the login is done */
    struct key_wait *key_wait;
    bool has_waited_for_keys;
    struct auth_identity identity;
    const struct auth_capsule *capsule; /* that it logged in with, in the arena; NULL = by another credential */
    struct auth_session *browser;   /* the session that the capsule names, a reference; NULL = a bearer's, or none */
    bool is_orphan_told;            /* that no HTTP request is behind it */
    int64_t begun_us;               /* wall clock */
    char public_id[24];             /* "q-NUMBER": for people, and to revoke */
    uint64_t revocation_generation; /* as of the last look */
    char revoked_by[AUTH_REVOCATION_BY_SIZE];
    struct tenant tenant;
    struct config_limits limits; /* what holds for it, as of its snapshot */
    struct rate_place rate;      /* of its tenant's statements */
    unsigned char run;           /* of messages that are one statement: the last of them, as session_limits.c counts */
    bool is_end_let;             /* the end of the open transaction was let through above the limit */
    struct policy_binding *binding;
    bool is_break_glass;     /* may go on while the log's disk is nearly full */
    unsigned metrics_tenant; /* its number in the metrics; 0 before the login */
    bool has_quota;
    struct rg_slice owner; /* tenant, provider and subject: who may cancel this session in SQL */
    struct keys_entry key;
    bool has_key;

    /* what the upstream's relations look like */
    struct policy_relations *relations; /* reference; NULL = not known yet, or the upstream has no catalogue */
    uint64_t relations_version;         /* of the reader; 0 = none */
    bool is_waiting_for_catalog;
    uint64_t catalog_ticket;
    int64_t catalog_deadline_us; /* monotonic */

    /* the upstream */
    struct net_upstream *upstream;
    struct net_stream *server; /* NULL until open */
    struct pgwire_scanner scanner;
    struct pool_place place;     /* of the pool; joined to none: the connection is its own until its end */
    int64_t pool_retry_until_us; /* monotonic */
    int64_t wait_until_us;       /* monotonic: for a place */
    bool is_route_new;           /* bound anew since the connection was chosen */
    bool is_wait_over;           /* for a place: it was not granted in time */
    bool is_queued;              /* counted as one of its tenant's that wait */
    bool is_relaying;            /* answers are being passed on: the connection stays */
    unsigned attempts;
    bool is_probing;      /* the upstream is asked for its search_path, or whether it is there */
    bool is_probe_passed; /* it answered pg_catalog */
    bool is_pooled;       /* by PgBouncer: see is_early in session.c */
    bool has_cancelled;   /* a cancel request for it may still be on its way somewhere */
    bool is_connect_failed;
    bool is_upstream_counted;
    bool has_forwarded_settings; /* lost with the upstream, so the session is lost too */
    bool is_server_paused;
    bool is_cancelling;
    unsigned cancels_under_way;
    bool is_waiting_for_cancel;  /* suspended until none is under way */
    bool is_waiting_for_answers; /* the client is not read until fewer requests, or none of a kind, are outstanding */
    bool is_waiting_for_server;  /* the client is not read until the upstream drained */
    bool is_waiting_for_copy;    /* the client is not read while copy is COPY_AWAITED */
    enum pgwire_transaction transaction; /* as the client was told last */
    bool is_begin_deferred;              /* the upstream does not know of it yet: nothing was asked in it */
    bool is_begin_awaited;               /* it was told, and has not answered */
    bool is_cancel_due;                  /* a cancel request came meanwhile, for the statement behind it */
    struct requests requests;
    unsigned forwarded_since_sync;
    enum copy_state copy;
    size_t copy_left;            /* bytes of the client's CopyData message in work that were not taken yet */
    bool prelude_is_held;        /* of the second lock: forwarded in this batch, and nothing that ends it since */
    bool prelude_in_transaction; /* the open transaction has it, as of the last answer */

    /* the client's state that rowgate keeps */
    struct settings *settings;
    struct settings *settings_before; /* as of BEGIN */
    struct prepared_set prepared;
    uint64_t batches_forwarded; /* Sync and Query messages */
    uint64_t batches_answered;
    uint64_t next_portal; /* its number; 0 again when no transaction is open and nothing is outstanding */
    const struct prepared *upstream_prepared; /* what the upstream's unnamed statement holds */
    bool skips_to_sync;                       /* after an error in the extended protocol */
    bool drops_to_sync;                       /* answers too */
    bool is_mid_message;                      /* a streamed row was passed on in part */
    struct policy_cached *described;          /* the last statement parsed or described; reference */
    bool has_written;                         /* something other than reads in this transaction */
    struct command command;
    uint64_t next_statement_id;
    uint64_t wait_ticket; /* suspended until this one is durable */
    struct refusal pending_refusal;
};

/* session.c */
void session_pump(struct session *session);
void session_suspend(struct session *session);
void session_resume(struct session *session); /* runs the waiting step again */
void session_flush(struct session *session);
void session_stop_timers(struct session *session);
void session_start_closing(struct session *session); /* its last words leave, or it ends without them */
void session_end(struct session *session, enum session_end_reason reason);
void session_set_settings(struct session *session, struct settings *settings); /* takes the reference */
/* The worker's current policies for this session; RG_DENIED when they do not know it any more. */
rg_status session_rebind(struct session *session) RG_MUST_CHECK;
int64_t session_now_us(const struct session *session); /* wall clock */
void session_start_statement_timer(struct session *session);
void session_go_idle(struct session *session); /* ReadyForQuery was answered and nothing is outstanding */

bool session_is_idle(const struct session *session);
void session_shut_down(struct session *session);

/* session_startup.c */
bool startup_on_packet(struct session *session); /* false = more bytes are needed */

/* session_timers.c */
void session_start_login_timer(struct session *session);
void session_watch_idleness(struct session *session); /* starts the idle timer where nothing is under way */

/* session_gate.c */
/* Whether the log takes records of this session now; else gate_refusal says why not. */
bool gate_is_open(const struct session *session);
struct refusal gate_refusal(const struct session *session);
/* Appends to what the client gets, straight through when nothing is held. */
rg_status gate_put(struct session *session, struct rg_slice bytes) RG_MUST_CHECK;
/* Holds what follows until the request's statement is on record. */
rg_status gate_hold(struct session *session, const struct request *request) RG_MUST_CHECK;
rg_status gate_settle(struct session *session, const struct request *request) RG_MUST_CHECK;
/* A result grew past what is held for a combined record: its decision goes on record now. */
rg_status gate_decide_now(struct session *session, struct request *request) RG_MUST_CHECK;
/* The outcome of the running statement; what is held since its start waits for this record. */
rg_status gate_record_outcome(struct session *session, struct request *request,
                              const struct pgwire_error *error) RG_MUST_CHECK;
/* What Parse and Describe showed of statements that nothing ran. */
rg_status gate_release_batch(struct session *session) RG_MUST_CHECK;

/* session_credential.c: refusals of a login, and what leads to its steps */
enum pipeline_next login_refuse(struct session *session, const char *sqlstate, const char *rule, const char *message);
enum pipeline_next login_refuse_status(struct session *session, rg_status status, const char *sqlstate,
                                       const char *rule);

/* session_login.c */
void login_start(struct session *session); /* after the startup packet: asks for a credential */
bool login_on_message(struct session *session);
void login_forget_credential(struct session *session);
void login_cancel_wait(struct session *session);
enum pipeline_next login_authenticate(struct session *session);
enum pipeline_next login_resolve(struct session *session);
enum pipeline_next login_bind(struct session *session);
enum pipeline_next login_admit(struct session *session);
enum pipeline_next login_settings(struct session *session);
enum pipeline_next login_record(struct session *session);
enum pipeline_next login_welcome(struct session *session);

/* session_capsule.c */
/* The credential is a capsule; NEXT with the identity, or refused: all that is wrong with one is told alike. */
enum pipeline_next capsule_authenticate(struct session *session);
/* A capsule's login comes to nothing; reason is for the record alone. */
enum pipeline_next capsule_refuse(struct session *session, const char *reason);
/* False when it was made for another view than the binding's: what is read now would be kept for that one. */
bool capsule_fits(const struct session *session, const struct policy_binding *binding);
/* Whether what the capsule names is alive and says the same: ok for all other logins; RG_DENIED when it is over;
 * RG_UPSTREAM when that cannot be known just now. */
rg_status capsule_check(struct session *session) RG_MUST_CHECK;

/* session_limits.c */
uint64_t session_limit(const struct session *session, enum config_limit limit);
/* The words of a refusal: it points into them. */
struct limit_words {
    char hint[CONFIG_LIMIT_WORDS + 256];
};
/* What says which limit it was, whose, and what to do. */
struct refusal limit_refusal(const struct session *session, enum config_limit limit, struct limit_words *words);
/* Counts the message in work: NEXT, or refused. In an open transaction that is for limit_check_plan to say. */
enum pipeline_next limit_count_message(struct session *session);
/* Its plan is known: counts the other statements of it. What ends a transaction is let through. */
enum pipeline_next limit_check_plan(struct session *session);
void limit_forget_transaction(struct session *session);

/* session_metrics.c */
void count_connection(const struct session *session, bool is_open);
void count_login(struct session *session); /* it is logged in */
void count_logout(const struct session *session);
void count_fatal(const struct session *session, const struct refusal *refusal); /* of a login, or what ends it */
void count_refusal(const struct session *session, const struct refusal *refusal);
void count_stopped(const struct session *session, const struct refusal *refusal); /* a result */
/* One that ended, by its record, which was submitted just now. request NULL: it never ran. */
void count_statement(struct session *session, const struct policy_statement *statement, const struct request *request,
                     bool has_failed);
void count_rewrite(const struct session *session, int64_t begun_us);
void count_orphan(const struct session *session);
void count_upstream(struct session *session); /* session->upstream may have come or gone */
void count_connect(const struct session *session, bool is_ok);
void count_lost(const struct session *session);

/* session_orphan.c */
/* Of a planned statement: refused, or told once a session, where nothing is behind it and the listener asks. */
enum pipeline_next statement_check_orphan(struct session *session);
enum pipeline_next statement_check_guest(struct session *session); /* session_guest.c: reads only */

/* session_revoked.c */
/* Whether somebody revoked it, its credential, its subject or its tenant; looks only when something was revoked since
 * the last time. True stays true. */
bool session_is_revoked(struct session *session);
enum pipeline_next login_check_revoked(struct session *session);
enum pipeline_next statement_refuse_revoked(struct session *session);
/* The same for one whose capsule names a session that is over. */
enum pipeline_next statement_refuse_over(struct session *session);

/* session_catalog.c */
enum pipeline_next login_catalog(struct session *session);
/* The newest snapshot for the statements from here on: plans made by an older one are forgotten. NEXT, or refused:
 * there is none yet. */
enum pipeline_next catalog_take(struct session *session);
void catalog_forget(struct session *session); /* another configuration: another reader, perhaps */
/* The statement in work was denied for what the snapshot does not know. true = a newer one is being read and the
 * step is to be run again. */
bool catalog_wait_for_newer(struct session *session);
bool catalog_is_awaited(struct session *session); /* that read is still under way */
/* An error of the upstream may mean that the snapshot is old: asks for a newer one. */
void catalog_note_error(struct session *session, const char *sqlstate);

/* session_statement.c */
enum pipeline_next statement_authenticate(struct session *session);
enum pipeline_next statement_plan(struct session *session);
enum pipeline_next statement_record(struct session *session);
enum pipeline_next statement_execute(struct session *session);
void statement_apply_effects(struct session *session, const struct policy_cached *cached);
/* What is planned: prepare says the text and the types of a Parse message; for a simple query there are no types. */
rg_status statement_find_plan(struct session *session, enum policy_protocol protocol,
                              const struct pgwire_prepare *prepare, struct policy_cached **out_cached) RG_MUST_CHECK;
/* POLICY_HYPER: the same with the values of a Bind. */
rg_status statement_find_bound_plan(struct session *session, const struct pgwire_prepare *prepare,
                                    const struct policy_value *values, size_t value_count,
                                    struct policy_cached **out_cached) RG_MUST_CHECK;

/* session_local.c */
enum local_result {
    LOCAL_REFUSED = 0, /* never an output */
    LOCAL_ANSWERED,    /* the message in work is done: not forwarded */
    LOCAL_FORWARD,
    LOCAL_WAIT, /* for the BEGIN before it; the session is resumed */
};
rg_status local_try(struct session *session, enum local_result *out_result) RG_MUST_CHECK;
/* By the extended protocol nothing is said before the BEGIN that was deferred is answered: a pooler may give its server
 * away with the answer of a Query (is_early in session.c). */
enum pipeline_next statement_begin(struct session *session);
/* Sends the BEGIN that was deferred. */
rg_status local_begin(struct session *session) RG_MUST_CHECK;
/* It was answered. RG_UPSTREAM when no transaction is open now: what follows would stand outside of it. */
rg_status local_begun(struct session *session, enum pgwire_transaction state) RG_MUST_CHECK;
/* A message of the answer to a request with a lesson, before it is handled. */
void local_note(struct session *session, struct request *request, const struct pgwire_span *span);

/* session_message.c */
/* What a Query or Execute must remember of the moment it was forwarded. */
void request_start(struct session *session, struct request *request);
struct message_row {
    char type;
    bool is_statement; /* goes through every step of pipeline_statement */
    bool is_extended;  /* skipped after an error until Sync */
    rg_status (*decode)(struct session *session);
    enum pipeline_next (*plan)(struct session *session);
    rg_status (*forward)(struct session *session);
};
const struct message_row *message_row_find(char type);

/* session_upstream.c */
const struct config_upstream *upstream_of(const struct session *session); /* that its route names */
enum pipeline_next session_connect(struct session *session);
void upstream_lost(struct session *session, const char *reason);
void upstream_close(struct session *session);
/* The same at the end of a transaction, where sessions share connections; nothing while one is open. */
void upstream_put_back(struct session *session);
void upstream_give_back(struct session *session); /* the session is over: closed, or kept for the next one */
rg_status upstream_write(struct session *session, struct rg_slice bytes) RG_MUST_CHECK;
void upstream_cancel(struct session *session);
void upstream_probed(struct session *session); /* the probe was answered */

/* session_copy.c */
/* Behind a forwarded request: its statements may take data. */
void copy_expect(struct session *session, const struct request *request);
/* The upstream's CopyInResponse. */
rg_status copy_start(struct session *session, struct request *request, const struct pgwire_span *span) RG_MUST_CHECK;
/* Whether the client's next bytes are for copy_on_input, and not a message of the pipeline. */
bool copy_is_next(const struct session *session);
bool copy_on_input(struct session *session); /* false = more bytes are needed */
/* After answers of the upstream: is the copy over? */
void copy_settle(struct session *session);
/* Ends a copy under way with an error of rowgate's own; the upstream rolls back. false = none is under way. */
bool copy_stop(struct session *session, const struct refusal *refusal);

/* session_hyper.c */
bool session_is_hyper(const struct session *session);
/* With Hyper: a Parse declares no types, because its text holds no parameters. */
void hyper_forget_types(const struct session *session, struct pgwire_prepare *prepare);
/* A plan of several statements is refused. */
enum pipeline_next hyper_check_query(struct session *session);
/* The plan of a Bind with its values for constants, in place of the prepared statement's. */
enum pipeline_next hyper_plan_values(struct session *session);
/* The Bind without its parameters. */
rg_status hyper_bind_encode(const struct pgwire_bind *bind, struct rg_buf *message) RG_MUST_CHECK;
/* Hyper's RowDescription of a portal says text whatever was asked for: the formats of the Bind in work are kept with
 * its portal, noted in the Describe that was forwarded last, and put into the answer. */
void hyper_keep_formats(struct session *session);
void hyper_note_formats(struct session *session, const struct portal *portal);
/* Puts into span what its description should have said of formats and parameters, if that differs: in message. */
rg_status hyper_correct_description(const struct session *session, const struct request *request,
                                    struct rg_buf *message, struct pgwire_span *span) RG_MUST_CHECK;

/* session_prelude.c */
/* Makes sure that the second lock's settings hold for what is forwarded next in the extended protocol. */
rg_status prelude_before(struct session *session, const struct policy_cached *cached) RG_MUST_CHECK;
/* The statement was forwarded: what it does to the settings. */
void prelude_after(struct session *session, const struct policy_statement *statement);
/* The rewritten statements as one text again, with preludes where they are due; marks them in out_preludes. */
rg_status prelude_join(struct session *session, const struct policy_plan *plan, struct rg_buf *text,
                       uint64_t out_preludes[POLICY_STATEMENTS_MAX / 64]) RG_MUST_CHECK;
/* A Query or Sync was forwarded: notes in its request what it leaves. */
void prelude_end_batch(struct session *session, struct request *request);
/* It was answered. */
void prelude_on_ready(struct session *session, const struct request *request);
void prelude_forget(struct session *session);
rg_status prelude_failed(struct session *session, struct request *request,
                         const struct pgwire_span *span) RG_MUST_CHECK;

/* session_error.c */
rg_status reply_put_error(struct session *session, struct request *request,
                          const struct pgwire_span *span) RG_MUST_CHECK;

/* session_pool.c */
bool session_is_sharing(const struct session *session);
/* NEXT: it has a place, or needs none. */
enum pipeline_next session_enter_pool(struct session *session);
/* NULL = none is idle. *out_is_stale: to be asked whether it is there. */
struct net_upstream *session_take_pooled(struct session *session, bool *out_is_stale);
void session_leave_pool(struct session *session);
/* Its connection was lost before it was used: it goes on as one who was granted a place now, soon. */
void session_ask_again(struct session *session);
/* Gives back a place for which there is no connection, nor one under way. */
void session_leave_unused(struct session *session);
/* A cancel request while it waits for a place: true when it did. */
bool session_cancel_wait(struct session *session);
/* Others wait: no further batch is sent before those are answered that were, so that there is a moment at rest. */
bool session_must_yield(const struct session *session);
/* Gives the connection back when nothing of this session is on it. */
void session_rest(struct session *session);

/* session_reply.c */
void reply_on_input(struct session *session);
/* The upstream is lost and the session goes on: what waited for its answers waits no more. Not from within a step. */
void reply_settle(struct session *session);
/* Whole messages that answer the oldest request, as if they had come from the upstream. The session may end. */
void reply_feed(struct session *session, struct rg_slice messages);

/* session_record.c */
struct audit_event record_event(const struct session *session, enum audit_kind kind);
/* Submits the decision on statement index of the command in work. */
rg_status record_decision(struct session *session, size_t index, uint64_t statement_id,
                          uint64_t *out_ticket) RG_MUST_CHECK;
/* Submits a record on one statement of cached; request carries its counts and values (NULL: nothing ran). */
rg_status record_statement(struct session *session, const struct policy_cached *cached, size_t index,
                           enum audit_phase phase, uint64_t statement_id, const struct request *request,
                           const struct pgwire_error *error, uint64_t *out_ticket) RG_MUST_CHECK;
/* Records the outcomes of a request's statements from index on that ended without one; decided_only: those whose
 * decision is on record already. */
rg_status record_unfinished(struct session *session, const struct request *request, size_t from, bool decided_only,
                            const char *sqlstate, const char *message) RG_MUST_CHECK;
/* The outcomes of the statement in work whose decisions are on record, when it is not forwarded after all. */
void record_unexecuted(struct session *session, const char *sqlstate, const char *message);
/* The same for all that was forwarded and will not be answered any more; empties the queue. */
void record_abandoned(struct session *session);
/* A message without the secrets of any text of cached (NULL: none): what may be recorded or logged of it. */
rg_status record_hide(const struct policy_cached *cached, struct rg_slice message, struct rg_arena *arena,
                      struct rg_slice *out_message) RG_MUST_CHECK;
/* Whether personal values stand encrypted in the audit log: then the operational log has none of them. */
bool session_is_sealed(const struct session *session);
const char *session_shown_peer(const struct session *session); /* "" then */
/* Submits the record of a refusal. */
rg_status record_refusal(struct session *session, const struct refusal *refusal, struct rg_slice sql,
                         uint64_t *out_ticket) RG_MUST_CHECK;
/* The text of a refusal with its SQLSTATE; slices are borrowed. */
struct refusal refusal_make(const char *sqlstate, const char *rule, const char *message);
struct refusal refusal_from_status(rg_status status, const char *rule);
/* Refuses the message in work: records it, tells the client, fails an open transaction upstream too. */
enum pipeline_next session_refuse(struct session *session, const struct refusal *refusal);
/* Ends the session with an error that is recorded first. */
void session_fatal(struct session *session, const struct refusal *refusal);
/* Encodes a refusal for the client behind the record of ticket; sequence is filled in later when 0. */
rg_status refusal_put(struct session *session, const struct refusal *refusal, uint64_t ticket, bool is_durable,
                      uint64_t sequence) RG_MUST_CHECK;

#endif
