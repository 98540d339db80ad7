/* SPDX-License-Identifier: Apache-2.0 */
/* One connection of the console: the startup packet, who it is by the kernel's word, then its messages one after the
 * other. On a thread of its own, which may block. */
#include <pwd.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/rg_memory.h"
#include "proxy/console_private.h"
#include "proxy/pgwire/backend.h"
#include "proxy/pgwire/error.h"
#include "proxy/pgwire/startup.h"

enum { IN_BYTES = CONSOLE_MESSAGE_MAX + 8192, OUT_BYTES = CONSOLE_ROWS_BYTES + (1 << 20), STARTUP_BYTES = 64 * 1024 };
enum { ASKS_MAX = 2 /* for TLS, for GSSAPI */ };

#define MUST(status) (void)!rg_is_ok(status) /* the buffer holds more than is ever put into it at once */

void console_tell_error(struct console_session *session, const struct console_error *error)
{
    struct pgwire_error message = {.severity = error->is_fatal ? PGWIRE_SEVERITY_FATAL : PGWIRE_SEVERITY_ERROR,
                                   .message = rg_slice_of(error->text)};
    memcpy(message.sqlstate, error->sqlstate, sizeof message.sqlstate);
    MUST(pgwire_error_encode(&message, &session->out));
    session->is_over = session->is_over || error->is_fatal;
}

static void tell_fatal(struct console_session *session, const char *sqlstate, const char *text)
{
    struct console_error error = {.is_fatal = true};
    (void)snprintf(error.sqlstate, sizeof error.sqlstate, "%s", sqlstate);
    (void)snprintf(error.text, sizeof error.text, "%s", text);
    console_tell_error(session, &error);
}

/* ---- who it is ---- */

static void name_of(unsigned uid, char out_name[CONSOLE_NAME_SIZE])
{
    enum { MEMORY = 16 * 1024 };
    struct passwd entry;
    struct passwd *found = NULL;
    char *memory = rg_memory_alloc(MEMORY);
    bool is_found = getpwuid_r(uid, &entry, memory, MEMORY, &found) == 0 && found != NULL;
    (void)snprintf(out_name, CONSOLE_NAME_SIZE, is_found ? "%.63s" : "uid %.0s%u", is_found ? found->pw_name : "", uid);
    rg_memory_free(memory);
}

static bool find_peer(struct console_session *session)
{
    struct ucred who = {0};
    socklen_t size = sizeof who;
    if (getsockopt(session->fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) {
        return false;
    }
    session->uid = who.uid;
    name_of(who.uid, session->os_user);
    return true;
}

/* NULL = come in. */
static const char *why_not(struct console_session *session, const struct pgwire_startup *startup)
{
    char digest[2 * RG_SHA256_SIZE + 1];
    if (session->uid != geteuid() && session->uid != 0) {
        return "only rowgate's own user and root may log in here";
    }
    if (!rg_slice_is_equal(startup->database, RG_SLICE("rowgate")) &&
        !rg_slice_is_equal(startup->database, RG_SLICE("pgbouncer"))) {
        return "the console's database is \"rowgate\"";
    }
    unsigned roles = console_roles(session->console, startup->user, digest);
    if (roles == CONFIG_CONSOLE_NOBODY) {
        return "this name is in none of admin_users, stats_users and auditor_users";
    }
    bool is_admin = (roles & CONFIG_CONSOLE_ADMIN) != 0;
    return session->is_reserved && !is_admin ? "the console's last connections are for admin_users" : NULL;
}

static struct rg_slice application_of(const struct pgwire_startup *startup)
{
    const struct pgwire_setting *setting = pgwire_setting_find(startup, RG_SLICE("application_name"));
    return setting == NULL ? (struct rg_slice){0} : setting->value;
}

static void refuse_login(struct console_session *session, const struct pgwire_startup *startup, const char *why)
{
    struct console_error error = {.sqlstate = "28000", .rule = "console.login", .is_fatal = true};
    (void)snprintf(error.text, sizeof error.text, "%s", why);
    MUST(console_record_login(session, &error, startup->database, application_of(startup)));
    console_tell_error(session, &error); /* also when the log takes nothing: it is refused either way */
}

static void welcome(struct console_session *session, const struct pgwire_startup *startup)
{
    static const struct pgwire_parameter parameters[] = {
        {{"server_version", 14},
         {"15.0 (rowgate " ROWGATE_VERSION ")", sizeof("15.0 (rowgate " ROWGATE_VERSION ")") - 1}},
        {{"server_encoding", 15}, {"UTF8", 4}},
        {{"client_encoding", 15}, {"UTF8", 4}},
        {{"DateStyle", 9}, {"ISO", 3}},
        {{"TimeZone", 8}, {"UTC", 3}},
        {{"integer_datetimes", 17}, {"on", 2}},
        {{"standard_conforming_strings", 27}, {"on", 2}},
    };
    struct rg_buf *out = &session->out;
    if (startup->minor > 0 || startup->extension_count > 0) {
        MUST(pgwire_negotiate_encode(0, startup->extensions, startup->extension_count, out));
    }
    MUST(pgwire_auth_ok_encode(out));
    for (size_t i = 0; i < sizeof parameters / sizeof parameters[0]; i++) {
        MUST(pgwire_parameter_encode(&parameters[i], out));
    }
    MUST(pgwire_key_encode((struct pgwire_key){(uint32_t)session->id, 0}, out)); /* nothing here is cancelled */
    MUST(pgwire_ready_encode(PGWIRE_TRANSACTION_IDLE, out));
}

static void log_in(struct console_session *session, const struct pgwire_startup *startup)
{
    (void)snprintf(session->user, sizeof session->user, "%.*s", startup->user.size > 63 ? 63 : (int)startup->user.size,
                   startup->user.data);
    const char *why = why_not(session, startup);
    if (why != NULL) {
        refuse_login(session, startup, why);
        return;
    }
    if (!rg_is_ok(console_record_login(session, NULL, startup->database, application_of(startup)))) {
        tell_fatal(session, "58030", "the audit log takes no record of this login");
        return;
    }
    session->is_logged_in = true;
    welcome(session, startup);
}

/* ---- the first packets ---- */

static bool next_packet(struct console_session *session, int64_t deadline_us, struct pgwire_frame *out_frame)
{
    bool is_whole = false;
    while (rg_is_ok(pgwire_startup_peek(rg_buf_slice(&session->in), out_frame, &is_whole))) {
        if (is_whole) {
            return true;
        }
        if (!console_wire_read(session, deadline_us)) {
            return false;
        }
    }
    tell_fatal(session, "08P01", "that is no startup packet");
    return false;
}

/* One packet. false: it was the last one. */
static bool start_up(struct console_session *session, struct rg_arena *arena, int64_t deadline_us)
{
    struct pgwire_frame frame;
    struct pgwire_startup startup = {0};
    if (!next_packet(session, deadline_us, &frame)) {
        return false;
    }
    rg_status status = pgwire_startup_parse(frame.body, arena, &startup);
    rg_buf_consume(&session->in, frame.size);
    if (!rg_is_ok(status)) {
        tell_fatal(session, "08P01", status.error->text);
        return false;
    }
    if (startup.kind == PGWIRE_STARTUP_SSL || startup.kind == PGWIRE_STARTUP_GSSENC) {
        MUST(rg_buf_put_u8(&session->out, 'N')); /* nobody listens on a UNIX socket */
        console_wire_flush(session);
        return true;
    }
    if (startup.kind == PGWIRE_STARTUP_SESSION) {
        log_in(session, &startup);
    }
    return false;
}

static bool begin(struct console_session *session)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, STARTUP_BYTES);
    int64_t deadline_us = rg_clock_monotonic_us(session->console->gateway->clock) + (int64_t)CONSOLE_LOGIN_MS * 1000;
    int count = 0;
    while (count <= ASKS_MAX && start_up(session, &arena, deadline_us)) {
        count++;
    }
    console_wire_flush(session);
    return session->is_logged_in;
}

/* ---- its messages ---- */

/* What a client sends is not followed any further. */
static void end_with(struct console_session *session, rg_status status)
{
    struct console_error error = {.is_fatal = true};
    (void)snprintf(error.sqlstate, sizeof error.sqlstate, "%s", rg_kind_info(status.error->kind)->sqlstate);
    (void)snprintf(error.text, sizeof error.text, "%s", status.error->text);
    console_tell_error(session, &error);
}

/* What was sent ahead is not begun any more: the end would wait for it. */
static bool is_ending(const struct console_session *session)
{
    return atomic_load(&session->console->is_ending);
}

/* false: more bytes are needed, or it is over. */
static bool take_message(struct console_session *session)
{
    const struct pgwire_limits limits = {PGWIRE_PHASE_READY, CONSOLE_MESSAGE_MAX};
    struct pgwire_frame frame;
    bool is_whole = false;
    rg_status status = pgwire_frame_peek(rg_buf_slice(&session->in), &limits, &frame, &is_whole);
    if (rg_is_ok(status) && !is_whole) {
        return false;
    }
    status = rg_is_ok(status) ? console_message(session, &frame) : status;
    if (!rg_is_ok(status)) {
        end_with(session, status);
        return false;
    }
    rg_buf_consume(&session->in, frame.size);
    console_wire_relieve(session);
    return !session->is_over && !session->is_lost && !is_ending(session);
}

static void run(struct console_session *session)
{
    bool goes_on = true;
    while (goes_on) {
        while (take_message(session)) {
        }
        console_wire_flush(session);
        goes_on = !session->is_over && !is_ending(session) && console_wire_read(session, 0);
    }
    if (is_ending(session) && !session->is_over) {
        tell_fatal(session, "57P01", "rowgate is shutting down");
        console_wire_flush(session);
    }
    console_record_logout(session);
}

void console_serve(const struct console_seat *seat)
{
    struct console_session session = {.console = seat->console, .fd = seat->fd, .is_reserved = seat->is_reserved};
    session.id = atomic_fetch_add(&seat->console->gateway->next_session_id, 1);
    rg_buf_init(&session.in, IN_BYTES);
    rg_buf_init(&session.out, OUT_BYTES);
    if (find_peer(&session) && begin(&session)) {
        run(&session);
    }
    (void)shutdown(session.fd, SHUT_RDWR);
    console_prepared_done(&session);
    rg_buf_done(&session.in);
    rg_buf_done(&session.out);
}
