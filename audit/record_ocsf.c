/* SPDX-License-Identifier: Apache-2.0 */
/* The OCSF 1.8 half of a record: which class and activity an event is, and what that class requires
 * (reference audit.md 6.1; tests/ocsf has the schema as data). One row of the table per kind; what OCSF has
 * no word for stands in rg. An attribute that a class requires is there also when the event lacks it. */
#include <arpa/inet.h>
#include <strings.h>

#include "audit/record_private.h"
#include "audit/web.h"

enum {
    MESSAGE_MAX = 4 * 1024,
    SQL_MAX = 12 * 1024,
    COPY_MAX = 128,      /* of texts that stand elsewhere already */
    ACTIVITY_LOGOFF = 2, /* of class 3002 */
    ACTIVITY_DELETE = 2, /* of class 1008 */
    ACTIVITY_EXPORT = 3,
    ACTIVITY_ARCHIVE = 4,
    ACTIVITY_OTHER = 99,
    HTTP_FAILED = 400, /* statuses from here on */
};

#define UNKNOWN RG_SLICE("unknown")

static bool is_failure(const struct audit_event *event)
{
    bool is_refused_kind = event->kind == AUDIT_LOGIN_FAILED || event->kind == AUDIT_POLICY_REFUSED ||
                           event->kind == AUDIT_LOG_FAULT || event->kind == AUDIT_PROCESS_DIED ||
                           event->kind == AUDIT_CACHE_LEAK || event->kind == AUDIT_PROCESS_MISBEHAVED;
    bool has_stopped =
        (event->kind == AUDIT_EXPORT_STATE || event->kind == AUDIT_CONSOLE) && event->verdict == AUDIT_DENIED;
    bool is_denied = audit_kind_is_decided(event->kind) && event->verdict == AUDIT_DENIED;
    bool has_failed = event->kind == AUDIT_HTTP && event->status >= HTTP_FAILED;
    return is_refused_kind || is_denied || has_failed || has_stopped || event->sqlstate.size > 0;
}

static void write_user(struct audit_writer *writer, json_t *parent)
{
    const struct audit_event *event = writer->event;
    json_t *user = audit_writer_object(writer, parent, "user");
    audit_writer_text(writer, user, "name", "user", event->user, AUDIT_NAME_MAX);
    audit_writer_text(writer, user, "uid", "subject", event->subject, AUDIT_NAME_MAX);
    if (event->user.size == 0 && event->subject.size == 0) {
        audit_writer_text(writer, user, "name", NULL, UNKNOWN, AUDIT_NAME_MAX);
    }
}

/* What OCSF takes as ip_t: an address, an IPv6 one perhaps with its zone. */
static bool is_ip(struct rg_slice address)
{
    enum { IP_MAX = 40 };
    char text[IP_MAX + 1] = "";
    unsigned char binary[16];
    if (address.size == 0 || address.size > IP_MAX || memchr(address.data, 0, address.size) != NULL) {
        return false;
    }
    memcpy(text, address.data, address.size);
    if (inet_pton(AF_INET, text, binary) == 1) {
        return true;
    }
    char *zone = strchr(text, '%');
    for (const char *at = zone; at != NULL && *at != '\0'; at++) {
        if (*at < 0x21 || *at > 0x7e) {
            return false;
        }
    }
    if (zone != NULL) {
        *zone = '\0';
    }
    return inet_pton(AF_INET6, text, binary) == 1;
}

static void write_source(struct audit_writer *writer)
{
    const struct audit_event *event = writer->event;
    json_t *source = audit_writer_object(writer, writer->ocsf, "src_endpoint");
    bool is_sealed = event->personal_key.size > 0 && event->client_address.size > 0;
    const char *key = is_sealed ? "uid" : is_ip(event->client_address) ? "ip" : "name";
    audit_writer_text(writer, source, key, "client_address", event->client_address, AUDIT_NAME_MAX);
    if (event->client_address.size == 0) {
        audit_writer_text(writer, source, key, NULL, UNKNOWN, AUDIT_NAME_MAX);
    }
    if (event->client_port != 0) {
        audit_writer_number(writer, source, "port", event->client_port);
    }
}

/* Class 3002 has no database: it stands in rg. */
static void session_of_login(struct audit_writer *writer)
{
    write_user(writer, writer->ocsf);
    write_source(writer);
    json_t *service = audit_writer_object(writer, writer->ocsf, "service");
    audit_writer_text(writer, service, "name", NULL, RG_SLICE("rowgate"), AUDIT_NAME_MAX);
    audit_writer_text(writer, writer->rg, "database", "database", writer->event->database, AUDIT_NAME_MAX);
}

static void session_of_statement(struct audit_writer *writer)
{
    enum { DATABASE_RELATIONAL = 1 };
    const struct audit_event *event = writer->event;
    write_user(writer, audit_writer_object(writer, writer->ocsf, "actor"));
    write_source(writer);
    json_t *database = audit_writer_object(writer, writer->ocsf, "database");
    audit_writer_text(writer, database, "name", "database", event->database, AUDIT_NAME_MAX);
    if (event->database.size == 0) {
        audit_writer_text(writer, database, "name", NULL, UNKNOWN, AUDIT_NAME_MAX);
    }
    audit_writer_number(writer, database, "type_id", DATABASE_RELATIONAL);
}

static void session_of_policy(struct audit_writer *writer)
{
    enum { ENTITY_POLICY = 5 };
    json_t *entity = audit_writer_object(writer, writer->ocsf, "entity");
    audit_writer_text(writer, entity, "name", NULL, RG_SLICE("rowgate policies"), AUDIT_NAME_MAX);
    audit_writer_number(writer, entity, "type_id", ENTITY_POLICY);
    audit_writer_text(writer, entity, "uid", NULL, writer->event->policy, COPY_MAX);
}

static void session_of_log(struct audit_writer *writer)
{
    enum { LOG_APPLICATION = 2 };
    audit_writer_text(writer, writer->ocsf, "log_name", NULL, RG_SLICE("rowgate audit"), AUDIT_NAME_MAX);
    audit_writer_text(writer, writer->ocsf, "log_provider", NULL, RG_SLICE("rowgate"), AUDIT_NAME_MAX);
    audit_writer_number(writer, writer->ocsf, "log_type_id", LOG_APPLICATION);
}

/* Class 6001 knows an actor by the profile host, which every class has. */
static void session_of_request(struct audit_writer *writer)
{
    write_user(writer, audit_writer_object(writer, writer->ocsf, "actor"));
    write_source(writer);
}

/* Class 6003, as a request's: what was asked for stands in rg whole. */
static void session_of_command(struct audit_writer *writer)
{
    const struct rg_slice operation = writer->event->action;
    session_of_request(writer);
    json_t *api = audit_writer_object(writer, writer->ocsf, "api");
    audit_writer_text(writer, api, "operation", NULL, operation.size > 0 ? operation : UNKNOWN, COPY_MAX);
}

/* Class 2004: what it is called, and a number under which it is known: the request's. */
static void session_of_leak(struct audit_writer *writer)
{
    const struct rg_slice uid = writer->event->reference;
    json_t *finding = audit_writer_object(writer, writer->ocsf, "finding_info");
    audit_writer_text(writer, finding, "title", NULL, RG_SLICE("A cached answer was made for another view"),
                      AUDIT_NAME_MAX);
    audit_writer_text(writer, finding, "uid", NULL, uid.size > 0 ? uid : UNKNOWN, COPY_MAX);
}

/* ---- kinds ---- */

struct kind_row {
    const char *name;
    unsigned class_uid;   /* 0 = by the request's class, as the activity */
    unsigned activity_id; /* 0 = by the statement's class */
    void (*write_session)(struct audit_writer *writer);
};

static const struct kind_row kind_rows[AUDIT_KIND_COUNT] = {
    [AUDIT_LOGIN] = {"login", 3002, 1, session_of_login},
    [AUDIT_LOGIN_FAILED] = {"login.failed", 3002, 1, session_of_login},
    [AUDIT_LOGOUT] = {"logout", 3002, ACTIVITY_LOGOFF, session_of_login},
    [AUDIT_STATEMENT] = {"statement", 6005, 0, session_of_statement},
    [AUDIT_HTTP] = {"http.request", 0, 0, session_of_request},
    [AUDIT_CACHE_LEAK] = {"cache.leak", 2004, 1, session_of_leak},
    [AUDIT_SESSION_REVOKE] = {"session.revoke", 3002, ACTIVITY_LOGOFF, session_of_login},
    [AUDIT_CONSOLE] = {"console.command", 6003, ACTIVITY_OTHER, session_of_command},
    [AUDIT_SQL_ORPHAN] = {"sql.orphan", 6005, ACTIVITY_OTHER, session_of_statement},
    [AUDIT_POLICY_LOADED] = {"policy.loaded", 3004, 3, session_of_policy},
    [AUDIT_POLICY_REFUSED] = {"policy.refused", 3004, 3, session_of_policy},
    [AUDIT_LOG_STARTED] = {"log.started", 1008, 6, session_of_log},
    [AUDIT_LOG_STOPPED] = {"log.stopped", 1008, 7, session_of_log},
    [AUDIT_LOG_RECOVERED] = {"log.recovered", 1008, ACTIVITY_OTHER, session_of_log},
    [AUDIT_LOG_CHECKPOINT] = {"log.checkpoint", 1008, ACTIVITY_OTHER, session_of_log},
    [AUDIT_LOG_FAULT] = {"log.fault", 1008, ACTIVITY_OTHER, session_of_log},
    [AUDIT_EPOCH_OPEN] = {"epoch.open", 1008, ACTIVITY_OTHER, session_of_log},
    [AUDIT_KEY_ROTATE] = {"key.rotate", 1008, ACTIVITY_OTHER, session_of_log},
    [AUDIT_CLOCK_STEP] = {"clock.step", 1008, ACTIVITY_OTHER, session_of_log},
    [AUDIT_DISK_STATE] = {"disk.state", 1008, ACTIVITY_OTHER, session_of_log},
    [AUDIT_PROCESS_DIED] = {"process.died", 1008, ACTIVITY_OTHER, session_of_log},
    [AUDIT_PROCESS_MISBEHAVED] = {"process.misbehaved", 1008, ACTIVITY_OTHER, session_of_log},
    [AUDIT_EXPORT_SEGMENT] = {"export.segment", 1008, ACTIVITY_ARCHIVE, session_of_log},
    [AUDIT_EXPORT_STATE] = {"export.state", 1008, ACTIVITY_OTHER, session_of_log},
    [AUDIT_PEER_CKPT] = {"peer.ckpt", 1008, ACTIVITY_OTHER, session_of_log},
    [AUDIT_CLUSTER_MEMBERS] = {"cluster.members", 1008, ACTIVITY_OTHER, session_of_log},
    [AUDIT_HOLD_PLACE] = {"hold.place", 1008, ACTIVITY_OTHER, session_of_log},
    [AUDIT_HOLD_RELEASE] = {"hold.release", 1008, ACTIVITY_OTHER, session_of_log},
    [AUDIT_RETENTION_PRUNE] = {"retention.prune", 1008, ACTIVITY_DELETE, session_of_log},
    [AUDIT_PII_ERASE] = {"pii.erase", 1008, ACTIVITY_OTHER, session_of_log},
    [AUDIT_LOG_EXPORTED] = {"log.exported", 1008, ACTIVITY_EXPORT, session_of_log},
};

const char *audit_kind_name(enum audit_kind kind)
{
    return kind_rows[kind].name;
}

static unsigned class_of(const struct audit_event *event)
{
    unsigned class_uid = kind_rows[event->kind].class_uid;
    return class_uid != 0 ? class_uid : audit_web_find(event->class_name)->class_uid;
}

static unsigned activity_of(const struct audit_event *event)
{
    static const struct {
        struct rg_slice class_name;
        unsigned activity_id;
    } rows[] = {{{"read", 4}, 4}, {{"write", 5}, 5}, {{"insert", 6}, 5}, {{"update", 6}, 2}, {{"delete", 6}, 7}};
    if (kind_rows[event->kind].activity_id != 0) {
        return kind_rows[event->kind].activity_id;
    }
    if (event->kind == AUDIT_HTTP) {
        return audit_web_find(event->class_name)->activity_id;
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rg_slice name = rows[i].class_name;
        if (name.size == event->class_name.size && strncasecmp(name.data, event->class_name.data, name.size) == 0) {
            return rows[i].activity_id;
        }
    }
    return ACTIVITY_OTHER;
}

void audit_ocsf_write_session(struct audit_writer *writer)
{
    audit_writer_text(writer, writer->metadata, "tenant_uid", NULL, writer->event->tenant, COPY_MAX);
    kind_rows[writer->event->kind].write_session(writer);
}

/* query_info must have a uid: the hash of the text as recorded, so equal statements have equal ones. */
static void write_query(struct audit_writer *writer)
{
    enum { UID_DIGITS = 32 };
    char hex[2 * RG_SHA256_SIZE + 1];
    struct rg_digest digest = rg_sha256_one(writer->event->sql);
    rg_digest_hex(&digest, hex);
    json_t *query = audit_writer_object(writer, writer->ocsf, "query_info");
    audit_writer_text(writer, query, "query_string", "sql", writer->event->sql, SQL_MAX);
    audit_writer_text(writer, query, "uid", NULL, rg_slice_make(hex, UID_DIGITS), UID_DIGITS);
}

void audit_ocsf_write_statement(struct audit_writer *writer)
{
    const struct audit_event *event = writer->event;
    if (event->sql.size > 0 && event->kind == AUDIT_STATEMENT) {
        write_query(writer);
    }
    if (event->rule.size == 0 && event->policy.size == 0) {
        return;
    }
    json_t *policy = audit_writer_object(writer, writer->ocsf, "policy");
    bool is_applied = event->rule.size > 0;
    audit_writer_text(writer, policy, "uid", NULL, is_applied ? event->rule : RG_SLICE("none"), COPY_MAX);
    audit_writer_text(writer, policy, "version", NULL, event->policy, COPY_MAX);
    (void)json_object_set_new_nocheck(policy, "is_applied", json_boolean(is_applied));
}

void audit_ocsf_write_rest(struct audit_writer *writer)
{
    audit_writer_text(writer, writer->ocsf, "status_code", "sqlstate", writer->event->sqlstate, COPY_MAX);
    audit_writer_text(writer, writer->ocsf, "message", "message", writer->event->message, MESSAGE_MAX);
}

/* ---- the base: names of ours, numbers, nothing to escape ---- */

static void add_uid(const struct audit_event *event, uint64_t part, struct audit_small *out)
{
    static const struct rg_slice phases[] = {
        [AUDIT_COMBINED] = {"-c", 2}, [AUDIT_DECISION] = {"-d", 2}, [AUDIT_OUTCOME] = {"-o", 2}};
    bool is_decided = audit_kind_is_decided(event->kind);
    audit_small_add(out, RG_SLICE(",\"uid\":\""));
    audit_small_hex(out, event->session_id != 0 || is_decided ? event->session_id : (uint64_t)event->wall_us);
    audit_small_add(out, RG_SLICE("-"));
    if (is_decided) {
        audit_small_hex(out, event->statement_id);
        audit_small_add(out, phases[event->phase]);
    } else {
        audit_small_add(out, rg_slice_of(kind_rows[event->kind].name));
    }
    if (part > 0) {
        audit_small_add(out, RG_SLICE("."));
        audit_small_number(out, part);
    }
    audit_small_add(out, RG_SLICE("\""));
}

static void add_metadata(const struct audit_event *event, uint64_t part, uint64_t time_ms, struct audit_small *out)
{
    audit_small_add(out, RG_SLICE(",\"metadata\":{\"version\":\"1.8.0\",\"product\":{\"name\":\"rowgate\","
                                  "\"vendor_name\":\"rowgate\",\"version\":\"" ROWGATE_VERSION "\"}"));
    add_uid(event, part, out);
    audit_small_add(out, RG_SLICE(",\"logged_time\":"));
    audit_small_number(out, time_ms);
    if (audit_kind_is_decided(event->kind)) {
        audit_small_add(out, RG_SLICE(",\"correlation_uid\":\""));
        audit_small_hex(out, event->session_id);
        audit_small_add(out, RG_SLICE("-"));
        audit_small_hex(out, event->statement_id);
        audit_small_add(out, event->kind == AUDIT_HTTP ? RG_SLICE("\",\"profiles\":[\"security_control\",\"host\"]")
                                                       : RG_SLICE("\",\"profiles\":[\"security_control\"]"));
    }
}

static void add_numbers(const struct audit_event *event, uint64_t time_ms, struct audit_small *out)
{
    unsigned class_uid = class_of(event);
    unsigned activity = activity_of(event);
    audit_small_add(out, RG_SLICE("{\"class_uid\":"));
    audit_small_number(out, class_uid);
    audit_small_add(out, RG_SLICE(",\"category_uid\":"));
    audit_small_number(out, class_uid / 1000);
    audit_small_add(out, RG_SLICE(",\"activity_id\":"));
    audit_small_number(out, activity);
    audit_small_add(out, RG_SLICE(",\"type_uid\":"));
    audit_small_number(out, (uint64_t)class_uid * 100 + activity);
    audit_small_add(out, RG_SLICE(",\"time\":"));
    audit_small_number(out, time_ms);
    /* severity: medium for a failure and for what somebody should look at, otherwise informational; status: success or
     * failure */
    bool has_failed = is_failure(event);
    bool is_alert = has_failed || event->kind == AUDIT_SQL_ORPHAN;
    audit_small_add(out, is_alert ? RG_SLICE(",\"severity_id\":3") : RG_SLICE(",\"severity_id\":1"));
    audit_small_add(out, has_failed ? RG_SLICE(",\"status_id\":2") : RG_SLICE(",\"status_id\":1"));
}

/* The end of metadata, and profile security_control: denied 2 (Blocked 2), allowed 1 (Allowed 1), rewritten 4,
 * Modified (Allowed 1). */
static struct rg_slice ruling_of(const struct audit_event *event)
{
    static const char *const rulings[] = {[AUDIT_DENIED] = "},\"action_id\":2,\"disposition_id\":2",
                                          [AUDIT_ALLOWED] = "},\"action_id\":1,\"disposition_id\":1",
                                          [AUDIT_REWRITTEN] = "},\"action_id\":4,\"disposition_id\":1"};
    return audit_kind_is_decided(event->kind) ? rg_slice_of(rulings[event->verdict]) : RG_SLICE("}");
}

rg_status audit_ocsf_put_start(const struct audit_event *event, struct rg_slice metadata, uint64_t part,
                               struct rg_buf *out)
{
    struct audit_small small;
    uint64_t time_ms = event->wall_us < 0 ? 0 : (uint64_t)event->wall_us / 1000;
    small.size = 0;
    add_numbers(event, time_ms, &small);
    add_metadata(event, part, time_ms, &small);
    RG_TRY(rg_buf_put(out, audit_small_slice(&small)));
    RG_TRY(rg_buf_put(out, metadata));
    RG_TRY(rg_buf_put(out, ruling_of(event)));
    small.size = 0;
    if (event->kind == AUDIT_HTTP && part == 0) {
        audit_web_add_response(event, &small);
    }
    return rg_buf_put(out, audit_small_slice(&small));
}
