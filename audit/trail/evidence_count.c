/* SPDX-License-Identifier: Apache-2.0 */
/* One record, read as JSON: what it adds to which table. A statement counts once, when it is decided; its rows and
 * bytes count where its outcome is told. */
#include <stdio.h>

#include "audit/trail/evidence_private.h"
#include "audit/web.h"

static void get(const struct audit_json *json, const char *path, char out_text[EVIDENCE_NAME_MAX])
{
    const char *text = NULL;
    size_t size = 0;
    if (!audit_json_string_at(json, path, &text, &size)) {
        size = 0;
    }
    evidence_clean(rg_slice_make(text, size), out_text);
}

static void get_or(const struct audit_json *json, const char *const *paths, const char *otherwise,
                   char out_text[EVIDENCE_NAME_MAX])
{
    out_text[0] = '\0';
    for (; *paths != NULL && out_text[0] == '\0'; paths++) {
        get(json, *paths, out_text);
    }
    if (out_text[0] == '\0') {
        (void)snprintf(out_text, EVIDENCE_NAME_MAX, "%s", otherwise);
    }
}

void evidence_about(const struct audit_json *json, char out_tenant[EVIDENCE_NAME_MAX])
{
    get(json, "unmapped.rg.about_tenant", out_tenant);
}

/* So much of a cleaned text that no code point is cut. */
static size_t whole_points(const char *cleaned, size_t size)
{
    while (size > 0 && ((unsigned char)cleaned[size] & 0xc0) == 0x80) {
        size--;
    }
    return size;
}

/* "acme / alice"; a long one loses its end. */
static void get_user(const struct audit_json *json, char out_text[EVIDENCE_NAME_MAX])
{
    static const char *const names[] = {"user.name", "actor.user.name", "user.uid", "actor.user.uid", NULL};
    char tenant[EVIDENCE_NAME_MAX];
    char user[EVIDENCE_NAME_MAX];
    enum { TENANT_MAX = 60, USER_MAX = 90 };
    get(json, "unmapped.rg.tenant", tenant);
    get_or(json, names, "(no name)", user);
    struct rg_slice first = rg_slice_of(tenant[0] == '\0' ? "(not known)" : tenant);
    struct rg_slice last = rg_slice_of(user);
    size_t used = 0;
    first.size = first.size > TENANT_MAX ? whole_points(tenant, TENANT_MAX) : first.size;
    last.size = last.size > USER_MAX ? whole_points(user, USER_MAX) : last.size;
    memcpy(out_text, first.data, first.size);
    used = first.size;
    memcpy(out_text + used, " / ", 3);
    used += 3;
    memcpy(out_text + used, last.data, last.size);
    out_text[used + last.size] = '\0';
}

static void get_source(const struct audit_json *json, char out_text[EVIDENCE_NAME_MAX])
{
    static const char *const names[] = {"src_endpoint.ip", "src_endpoint.uid", "src_endpoint.name", NULL};
    get_or(json, names, "(not known)", out_text);
}

static uint64_t get_number(const struct audit_json *json, const char *path)
{
    int64_t value = 0;
    return audit_json_integer_at(json, path, &value) && value > 0 ? (uint64_t)value : 0;
}

static void add(struct evidence_found *found, enum evidence_table table, const char *key, uint64_t first,
                uint64_t second, uint64_t third)
{
    const uint64_t values[EVIDENCE_VALUES] = {first, second, third};
    evidence_tally_add(&found->tables[table], key, values);
}

/* Most records are of the same day as the one before. */
static void get_day(struct evidence_found *found, int64_t wall_us, char out_day[EVIDENCE_DAY_SIZE])
{
    static const int64_t day_us = (int64_t)24 * 3600 * 1000 * 1000;
    if (found->day[0] == '\0' || found->day_number != wall_us / day_us) {
        found->day_number = wall_us / day_us;
        evidence_day(wall_us, found->day);
    }
    memcpy(out_day, found->day, EVIDENCE_DAY_SIZE);
}

static void count_login(struct evidence_found *found, const struct evidence_record *record,
                        const struct audit_json *json)
{
    static const char *const reasons[] = {"message", NULL};
    static const char *const methods[] = {"unmapped.rg.idp", NULL};
    char day[EVIDENCE_DAY_SIZE];
    char text[EVIDENCE_NAME_MAX];
    uint64_t is_failed = record->kind == AUDIT_LOGIN_FAILED;
    uint64_t is_out = record->kind == AUDIT_LOGOUT;
    uint64_t is_in = !is_failed && !is_out;
    get_day(found, record->head->hlc_us, day);
    add(found, EVIDENCE_LOGIN_DAYS, day, is_in, is_failed, is_out);
    if (is_out) {
        return;
    }
    get_user(json, text);
    add(found, EVIDENCE_LOGIN_USERS, text, is_failed, is_in, 0);
    get_source(json, text);
    add(found, EVIDENCE_LOGIN_SOURCES, text, is_failed, is_in, 0);
    get_or(json, methods, "(not recorded)", text);
    add(found, EVIDENCE_LOGIN_METHODS, text, is_in, is_failed, 0);
    if (is_failed) {
        get_or(json, reasons, "(no reason)", text);
        add(found, EVIDENCE_FAILURES, text, 1, 0, 0);
    }
}

static void count_decision(struct evidence_found *found, const struct evidence_record *record,
                           const struct audit_json *json, const char *day, const char *user)
{
    static const char *const classes[] = {"unmapped.rg.class", NULL};
    static const char *const rules[] = {"unmapped.rg.rule", "policy.uid", NULL};
    static const char *const policies[] = {"unmapped.rg.policy", "policy.version", NULL};
    char text[EVIDENCE_NAME_MAX];
    uint64_t is_denied = record->is_denied;
    get(json, "unmapped.rg.verdict", text);
    uint64_t is_rewritten = strcmp(text, "rewritten") == 0;
    add(found, EVIDENCE_STATEMENT_DAYS, day, !is_denied, is_denied, is_rewritten);
    get_or(json, classes, "(not classified)", text);
    add(found, EVIDENCE_CLASSES, text, 1, is_denied, 0);
    get_or(json, rules, "(no rule)", text);
    add(found, EVIDENCE_RULES, text, is_denied, 1, 0);
    get_or(json, policies, "(not recorded)", text);
    add(found, EVIDENCE_POLICIES, text, 1, is_denied, 0);
    add(found, EVIDENCE_USERS, user, 1, is_denied, 0);
    if (is_denied) {
        get_source(json, text);
        add(found, EVIDENCE_DENIED_SOURCES, text, 1, 0, 0);
    }
    found->statements++;
}

static void count_statement(struct evidence_found *found, const struct evidence_record *record,
                            const struct audit_json *json)
{
    char phase[EVIDENCE_NAME_MAX];
    char day[EVIDENCE_DAY_SIZE];
    char user[EVIDENCE_NAME_MAX];
    get_day(found, record->head->hlc_us, day);
    get_user(json, user);
    get(json, "unmapped.rg.phase", phase);
    if (strcmp(phase, "outcome") != 0) {
        count_decision(found, record, json, day, user);
    }
    if (strcmp(phase, "decision") != 0) {
        uint64_t rows = get_number(json, "unmapped.rg.rows");
        uint64_t bytes = get_number(json, "unmapped.rg.bytes");
        found->rows += rows;
        found->bytes += bytes;
        add(found, EVIDENCE_USERS, user, 0, 0, rows);
        add(found, EVIDENCE_MOVED_DAYS, day, bytes, rows, 0);
        add(found, EVIDENCE_MOVED_USERS, user, bytes, rows, 0);
    }
}

/* What left as a file: told at its end, like the bytes. */
static void count_export(struct evidence_found *found, const struct audit_json *json, const char *user)
{
    add(found, EVIDENCE_EXPORTS, user, 1, get_number(json, "unmapped.rg.bytes"), 0);
}

/* Who read and changed what. A request counts where the status of its answer is told: of a change that is the outcome,
 * of a read the decision, when it has one. */
static void count_request(struct evidence_found *found, const struct evidence_record *record,
                          const struct audit_json *json)
{
    enum { FAILED = 400, CHANGES = 6003 /* OCSF's class of what changes or runs something */ };
    static const char *const actions[] = {"unmapped.rg.action", NULL};
    char action[EVIDENCE_NAME_MAX], object[EVIDENCE_NAME_MAX], user[EVIDENCE_NAME_MAX], text[EVIDENCE_NAME_MAX];
    get(json, "unmapped.rg.class", text);
    get_user(json, user);
    bool is_change = audit_web_find(rg_slice_of(text))->class_uid == CHANGES;
    bool is_export = strcmp(text, "EXPORT") == 0;
    uint64_t is_refused = record->is_denied || get_number(json, "unmapped.rg.status") >= FAILED;
    get(json, "unmapped.rg.phase", text);
    bool is_decision = strcmp(text, "decision") == 0;
    if (is_export && !is_decision && is_refused == 0) {
        count_export(found, json, user);
    }
    if (strcmp(text, "combined") != 0 && is_decision == is_change) {
        return;
    }
    uint64_t has_read = !is_refused && !is_change;
    uint64_t has_changed = !is_refused && is_change;
    get_or(json, actions, "(no route)", action);
    get(json, "unmapped.rg.object", object);
    add(found, EVIDENCE_REQUESTS, action, has_read + has_changed, is_refused, 0);
    add(found, EVIDENCE_REQUEST_USERS, user, has_read, has_changed, is_refused);
    if (object[0] != '\0') {
        add(found, EVIDENCE_OBJECTS, object, has_read, has_changed, is_refused);
    }
    found->requests++;
}

static void keep_event(struct evidence_found *found, const struct evidence_record *record,
                       const struct audit_json *json)
{
    static const char *const whos[] = {"unmapped.rg.object", "unmapped.rg.operator", "unmapped.rg.about_subject", NULL};
    static const char *const texts[] = {"message", "unmapped.rg.state", NULL};
    struct evidence_event event = {.seq = record->head->seq,
                                   .hlc_us = record->head->hlc_us,
                                   .kind = record->kind,
                                   .is_in_period = record->is_in_period};
    get_or(json, whos, "", event.who);
    get_or(json, texts, "", event.text);
    get(json, "unmapped.rg.policy", event.policy);
    if (record->kind == AUDIT_POLICY_LOADED || record->kind == AUDIT_POLICY_REFUSED) {
        evidence_found_policy(found, &event);
    }
    if (record->is_in_period) {
        evidence_found_event(found, &event);
    }
}

void evidence_count(struct evidence_found *found, const struct evidence_record *record, const struct audit_json *json)
{
    bool is_login = record->kind == AUDIT_LOGIN || record->kind == AUDIT_LOGIN_FAILED || record->kind == AUDIT_LOGOUT;
    if (is_login) {
        count_login(found, record, json);
    } else if (record->kind == AUDIT_STATEMENT) {
        count_statement(found, record, json);
    } else if (record->kind == AUDIT_HTTP) {
        count_request(found, record, json);
    } else {
        keep_event(found, record, json);
    }
    if (record->kind == AUDIT_LOG_STARTED && record->is_in_period) {
        static const char *const versions[] = {"metadata.product.version", NULL};
        char text[EVIDENCE_NAME_MAX];
        get_or(json, versions, "(not recorded)", text);
        add(found, EVIDENCE_VERSIONS, text, 1, 0, 0);
    }
}
