/* SPDX-License-Identifier: Apache-2.0 */
/* What each message of a console's client does. A command comes by Query or by Execute, and goes one way from there:
 * words, table, rights, record, main thread. */
#include <stdio.h>

#include "proxy/console_private.h"
#include "proxy/pgwire/backend.h"

enum { WORDS_BYTES = 2 * CONSOLE_TEXT_MAX };

/* ---- a command ---- */

static void set_error(struct console_error *error, const char *sqlstate, const char *rule, const char *text)
{
    *error = (struct console_error){.rule = rule};
    (void)snprintf(error->sqlstate, sizeof error->sqlstate, "%s", sqlstate);
    (void)snprintf(error->text, sizeof error->text, "%s", text);
}

struct decided {
    const struct console_command *command; /* NULL without an error: there is none, as in ";" */
    struct rg_slice argument;              /* in the arena or in the text */
    char name[CONSOLE_NAME_SIZE];
};

/* false: error says why not. */
static bool decide(struct rg_slice text, struct rg_arena *arena, struct decided *out, struct console_error *error)
{
    struct console_words words = {0};
    rg_status status = console_parse(text, arena, &words);
    if (!rg_is_ok(status)) {
        bool is_long = status.error->kind == RG_LIMIT;
        set_error(error, is_long ? "54000" : "42601", "console.syntax", status.error->text);
        return false;
    }
    out->command = console_command_find(&words, &out->argument);
    if (out->command == NULL && words.count > 0) {
        set_error(error, "42601", "console.unknown", "this is no command of the console; SHOW HELP lists them");
        return false;
    }
    if (out->command != NULL) {
        console_command_name(out->command, out->name);
    }
    return true;
}

/* On record before anything else comes of it (L4): what is refused, too. false: error says why not. */
static bool admit(struct console_session *session, const struct decided *decided, struct console_error *error)
{
    char digest[2 * RG_SHA256_SIZE + 1];
    unsigned roles = console_roles(session->console, rg_slice_of(session->user), digest);
    bool is_allowed = console_may(decided->command, roles);
    if (!is_allowed) {
        set_error(error, "42501", "console.rights", "the console does not let you do that; ask one of admin_users");
    }
    rg_status status =
        console_record_command(session, decided->name, decided->argument, is_allowed ? NULL : error, digest);
    if (!rg_is_ok(status)) {
        set_error(error, "58030", "console.audit", "the audit log takes no record of this command: it was not obeyed");
    }
    return is_allowed && rg_is_ok(status);
}

static void refuse_text(struct console_session *session, struct console_error *error)
{
    char digest[2 * RG_SHA256_SIZE + 1];
    (void)console_roles(session->console, rg_slice_of(session->user), digest);
    /* its text may hold what nobody should read there: of it nothing is recorded */
    rg_status status = console_record_command(session, "unknown", (struct rg_slice){0}, error, digest);
    if (!rg_is_ok(status)) {
        set_error(error, "58030", "console.audit", "the audit log takes no record of this command: it was not obeyed");
    }
}

static void set_tag(const struct console_command *command, const struct console_call *call, char tag[CONSOLE_NAME_SIZE])
{
    if (call->has_count) {
        (void)snprintf(tag, CONSOLE_NAME_SIZE, "%s %zu", command->words[0], call->count);
    } else {
        (void)snprintf(tag, CONSOLE_NAME_SIZE, "%s", command->words[0]);
    }
}

/* rows are made for the command's columns. false: error says why not. */
static bool obey(struct console_session *session, const struct decided *decided, struct console_rows *rows,
                 char tag[CONSOLE_NAME_SIZE], struct console_error *error)
{
    struct console_call call = {.by = session->user, .argument = decided->argument, .rows = rows};
    if (!admit(session, decided, error)) {
        return false;
    }
    rg_status status = console_run(session->console, decided->command, &call);
    if (!rg_is_ok(status)) {
        bool is_object = status.error->kind == RG_CONFIG && decided->command->argument != NULL;
        set_error(error, is_object ? "42704" : rg_kind_info(status.error->kind)->sqlstate, NULL, status.error->text);
        return false;
    }
    set_tag(decided->command, &call, tag);
    return true;
}

/* Up to max rows (0 = all). */
static rg_status send_rows(struct console_session *session, const struct console_command *command,
                           const struct console_formats *formats, struct console_portal *portal, int32_t max)
{
    int32_t count = 0;
    while (portal->offset < rg_buf_size(&portal->rows.bytes) && (max <= 0 || count < max)) {
        RG_TRY(console_row_encode(&portal->rows, command->columns, formats, &portal->offset, &session->out));
        console_wire_relieve(session);
        count++;
    }
    return RG_OK;
}

/* ---- simple query ---- */

static rg_status answer_query(struct console_session *session, struct rg_slice text, struct console_error *error,
                              bool *out_is_refused)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct console_portal portal = {0};
    const struct console_formats texts = {0};
    struct decided decided = {0};
    rg_arena_init(&arena, WORDS_BYTES);
    if (!decide(text, &arena, &decided, error)) {
        refuse_text(session, error);
        *out_is_refused = true;
        return RG_OK;
    }
    if (decided.command == NULL) {
        return pgwire_empty_query_encode(&session->out);
    }
    const struct console_command *command = decided.command;
    console_rows_init(&portal.rows, command->column_count);
    *out_is_refused = !obey(session, &decided, &portal.rows, portal.tag, error);
    rg_status status = RG_OK;
    if (!*out_is_refused && command->column_count > 0) {
        status = console_describe(command->columns, command->column_count, &texts, &session->out);
        status = rg_is_ok(status) ? send_rows(session, command, &texts, &portal, 0) : status;
    }
    console_rows_done(&portal.rows);
    return !rg_is_ok(status) || *out_is_refused ? status : pgwire_tag_encode(rg_slice_of(portal.tag), &session->out);
}

static rg_status on_query(struct console_session *session, struct rg_slice body)
{
    struct rg_slice text = {0};
    struct console_error error = {0};
    bool is_refused = false;
    RG_TRY(pgwire_query_parse(body, &text));
    console_prepared_drop(session, RG_SLICE("")); /* as in PostgreSQL */
    console_portals_drop(session);
    RG_TRY(answer_query(session, text, &error, &is_refused));
    if (is_refused) {
        console_tell_error(session, &error);
    }
    return pgwire_ready_encode(PGWIRE_TRANSACTION_IDLE, &session->out);
}

/* ---- extended protocol ---- */

static void fail(struct console_session *session, const struct console_error *error)
{
    console_tell_error(session, error);
    session->skips_to_sync = true;
}

static void fail_text(struct console_session *session, const char *sqlstate, const char *text)
{
    struct console_error error = {0};
    set_error(&error, sqlstate, NULL, text);
    fail(session, &error);
}

static rg_status on_parse(struct console_session *session, struct rg_slice body)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct pgwire_prepare prepare = {0};
    struct console_error error = {0};
    struct decided decided = {0};
    rg_arena_init(&arena, WORDS_BYTES);
    RG_TRY(pgwire_prepare_parse(body, &prepare));
    if (!decide(prepare.text, &arena, &decided, &error)) {
        refuse_text(session, &error);
        fail(session, &error);
        return RG_OK;
    }
    if (prepare.statement.size > 0 && console_prepared_find(session, prepare.statement) != NULL) {
        fail_text(session, "42P05", "there is a prepared statement of that name");
        return RG_OK;
    }
    rg_status status = console_prepare(session, &prepare);
    if (!rg_is_ok(status)) {
        fail_text(session, "53400", status.error->text);
        return RG_OK;
    }
    return pgwire_parse_complete_encode(&session->out);
}

static rg_status on_bind(struct console_session *session, struct rg_slice body)
{
    struct pgwire_bind bind = {0};
    RG_TRY(pgwire_bind_parse(body, &bind));
    if (bind.value_count > 0) {
        fail_text(session, "0A000", "commands of the console take no parameters");
        return RG_OK;
    }
    if (console_prepared_find(session, bind.statement) == NULL) {
        fail_text(session, "26000", "there is no prepared statement of that name");
        return RG_OK;
    }
    rg_status status = console_bind(session, &bind);
    if (!rg_is_ok(status)) {
        fail_text(session, "53400", status.error->text);
        return RG_OK;
    }
    return pgwire_bind_complete_encode(&session->out);
}

/* What was parsed before parses again. */
static rg_status describe_text(struct console_session *session, const char *text, const struct console_formats *formats)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct console_error error = {0};
    struct decided decided = {0};
    rg_arena_init(&arena, WORDS_BYTES);
    bool is_found = decide(rg_slice_of(text), &arena, &decided, &error);
    RG_ASSERT(is_found);
    bool has_rows = decided.command != NULL && decided.command->column_count > 0;
    return has_rows ? console_describe(decided.command->columns, decided.command->column_count, formats, &session->out)
                    : pgwire_no_data_encode(&session->out);
}

static rg_status on_describe(struct console_session *session, struct rg_slice body)
{
    struct pgwire_target target = {0};
    const struct console_formats texts = {0};
    RG_TRY(pgwire_describe_parse(body, &target));
    if (target.kind == PGWIRE_TARGET_STATEMENT) {
        const struct console_prepared *prepared = console_prepared_find(session, target.name);
        if (prepared == NULL) {
            fail_text(session, "26000", "there is no prepared statement of that name");
            return RG_OK;
        }
        RG_TRY(pgwire_parameter_description_encode(NULL, 0, &session->out));
        return describe_text(session, prepared->text, &texts);
    }
    const struct console_portal *portal = console_portal_find(session, target.name);
    if (portal == NULL) {
        fail_text(session, "34000", "there is no portal of that name");
        return RG_OK;
    }
    return describe_text(session, portal->text, &portal->formats);
}

/* The first Execute of a portal. false: it failed, or there is nothing to run. */
static bool run_portal(struct console_session *session, struct console_portal *portal)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct console_error error = {0};
    struct decided decided = {0};
    rg_arena_init(&arena, WORDS_BYTES);
    bool is_found = decide(rg_slice_of(portal->text), &arena, &decided, &error);
    RG_ASSERT(is_found);
    if (decided.command == NULL) {
        return true;
    }
    console_rows_init(&portal->rows, decided.command->column_count);
    if (!obey(session, &decided, &portal->rows, portal->tag, &error)) {
        fail(session, &error);
        return false;
    }
    portal->command = decided.command;
    return true;
}

static rg_status on_execute(struct console_session *session, struct rg_slice body)
{
    struct pgwire_execute execute = {0};
    RG_TRY(pgwire_execute_parse(body, &execute));
    struct console_portal *portal = console_portal_find(session, execute.portal);
    if (portal == NULL) {
        fail_text(session, "34000", "there is no portal of that name");
        return RG_OK;
    }
    if (portal->command == NULL && !run_portal(session, portal)) {
        return RG_OK;
    }
    if (portal->command == NULL) {
        return pgwire_empty_query_encode(&session->out);
    }
    RG_TRY(send_rows(session, portal->command, &portal->formats, portal, execute.max_rows));
    bool is_done = portal->offset >= rg_buf_size(&portal->rows.bytes);
    return is_done ? pgwire_tag_encode(rg_slice_of(portal->tag), &session->out)
                   : pgwire_portal_suspended_encode(&session->out);
}

static rg_status on_close(struct console_session *session, struct rg_slice body)
{
    struct pgwire_target target = {0};
    RG_TRY(pgwire_close_parse(body, &target));
    if (target.kind == PGWIRE_TARGET_STATEMENT) {
        console_prepared_drop(session, target.name);
    } else {
        console_portal_drop(session, target.name);
    }
    return pgwire_close_complete_encode(&session->out);
}

static rg_status on_sync(struct console_session *session, struct rg_slice body)
{
    RG_TRY(pgwire_empty_parse(body, "Sync"));
    session->skips_to_sync = false;
    console_portals_drop(session);
    return pgwire_ready_encode(PGWIRE_TRANSACTION_IDLE, &session->out);
}

static rg_status on_flush(struct console_session *session, struct rg_slice body)
{
    RG_TRY(pgwire_empty_parse(body, "Flush"));
    console_wire_flush(session);
    return RG_OK;
}

static rg_status on_terminate(struct console_session *session, struct rg_slice body)
{
    (void)body;
    session->is_over = true;
    return RG_OK;
}

/* ---- the table ---- */

static const struct {
    char type;
    bool is_skipped; /* after an error in the extended protocol */
    rg_status (*take)(struct console_session *session, struct rg_slice body);
} rows[] = {
    {'Q', true, on_query},    {'P', true, on_parse},   {'B', true, on_bind},
    {'D', true, on_describe}, {'E', true, on_execute}, {'C', true, on_close},
    {'H', true, on_flush},    {'S', false, on_sync},   {'X', false, on_terminate},
};

/* A message that is whole and holds what is no text: the connection goes on. */
static rg_status refuse_message(struct console_session *session, char type, const char *why)
{
    struct console_error error = {0};
    set_error(&error, "22021", "console.syntax", why);
    refuse_text(session, &error);
    if (type != 'Q') {
        fail(session, &error);
        return RG_OK;
    }
    console_tell_error(session, &error);
    return pgwire_ready_encode(PGWIRE_TRANSACTION_IDLE, &session->out);
}

rg_status console_message(struct console_session *session, const struct pgwire_frame *frame)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].type != frame->type) {
            continue;
        }
        if (rows[i].is_skipped && session->skips_to_sync) {
            return RG_OK;
        }
        rg_status status = rows[i].take(session, frame->body);
        bool is_no_text = !rg_is_ok(status) && status.error->kind == RG_DENIED;
        return is_no_text ? refuse_message(session, frame->type, status.error->text) : status;
    }
    return rg_fail(RG_PROTOCOL, "the console takes no message of this type");
}
