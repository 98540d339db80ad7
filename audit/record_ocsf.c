/* SPDX-License-Identifier: Apache-2.0 */
/* The OCSF 1.8 half of a record: which class and activity an event is, and what that class requires
 * (reference audit.md 6.1). One row of the table per kind; what OCSF has no word for stands in rg. */
#include <stdio.h>
#include <strings.h>

#include "audit/record_private.h"

enum {
    NAME_MAX_BYTES = 512,
    MESSAGE_MAX = 4 * 1024,
    SQL_MAX = 16 * 1024,
    COPY_MAX = 128, /* of texts that stand elsewhere already */
    ACTIVITY_OTHER = 99,
};

static const struct audit_event *event_of(const struct audit_writer *writer)
{
    return writer->event;
}

static bool is_failure(const struct audit_event *event)
{
    bool is_refused_kind = event->kind == AUDIT_LOGIN_FAILED || event->kind == AUDIT_POLICY_REFUSED;
    bool is_denied = event->kind == AUDIT_STATEMENT && event->verdict == AUDIT_DENIED;
    return is_refused_kind || is_denied || event->sqlstate.size > 0;
}

static void put_user(struct audit_writer *writer, json_t *parent)
{
    json_t *user = audit_writer_object(writer, parent, "user");
    audit_writer_text(writer, user, "name", "user", event_of(writer)->user, NAME_MAX_BYTES);
    audit_writer_text(writer, user, "uid", "subject", event_of(writer)->subject, NAME_MAX_BYTES);
    if (event_of(writer)->user.size == 0 && event_of(writer)->subject.size == 0) {
        audit_writer_text(writer, user, "name", NULL, RG_SLICE("unknown"), NAME_MAX_BYTES);
    }
}

static void put_source(struct audit_writer *writer)
{
    json_t *source = audit_writer_object(writer, writer->ocsf, "src_endpoint");
    audit_writer_text(writer, source, "ip", "client_address", event_of(writer)->client_address, NAME_MAX_BYTES);
    audit_writer_number(writer, source, "port", event_of(writer)->client_port);
}

static void put_database(struct audit_writer *writer)
{
    json_t *database = audit_writer_object(writer, writer->ocsf, "database");
    audit_writer_text(writer, database, "name", "database", event_of(writer)->database, NAME_MAX_BYTES);
    audit_writer_number(writer, database, "type_id", 1);
}

static void fill_login(struct audit_writer *writer)
{
    put_user(writer, writer->ocsf);
    put_source(writer);
    json_t *service = audit_writer_object(writer, writer->ocsf, "service");
    audit_writer_text(writer, service, "name", NULL, RG_SLICE("rowgate"), NAME_MAX_BYTES);
    put_database(writer);
}

/* Profile security_control: allowed 1/1, denied 2/2, rewritten 4 (Modified) with disposition 1. */
static void fill_statement(struct audit_writer *writer)
{
    static const unsigned actions[] = {[AUDIT_DENIED] = 2, [AUDIT_ALLOWED] = 1, [AUDIT_REWRITTEN] = 4};
    const struct audit_event *event = event_of(writer);
    audit_writer_number(writer, writer->ocsf, "action_id", actions[event->verdict]);
    audit_writer_number(writer, writer->ocsf, "disposition_id", event->verdict == AUDIT_DENIED ? 2 : 1);
    put_user(writer, audit_writer_object(writer, writer->ocsf, "actor"));
    put_source(writer);
    put_database(writer);
    json_t *query = audit_writer_object(writer, writer->ocsf, "query_info");
    audit_writer_text(writer, query, "query_string", "sql", event->sql, SQL_MAX);
    if (event->rule.size > 0 || event->policy.size > 0) {
        json_t *policy = audit_writer_object(writer, writer->ocsf, "policy");
        audit_writer_text(writer, policy, "name", NULL, event->rule, COPY_MAX);
        audit_writer_text(writer, policy, "uid", NULL, event->policy, COPY_MAX);
    }
}

static void fill_policy(struct audit_writer *writer)
{
    enum { ENTITY_POLICY = 5 };
    json_t *entity = audit_writer_object(writer, writer->ocsf, "entity");
    audit_writer_text(writer, entity, "name", NULL, RG_SLICE("rowgate policies"), NAME_MAX_BYTES);
    audit_writer_number(writer, entity, "type_id", ENTITY_POLICY);
    audit_writer_text(writer, entity, "uid", NULL, event_of(writer)->policy, COPY_MAX);
}

static void fill_log(struct audit_writer *writer)
{
    (void)writer; /* class 1008 requires nothing beyond the base */
}

struct kind_row {
    const char *name;
    unsigned class_uid;
    unsigned activity_id; /* 0 = by the statement's class */
    void (*fill)(struct audit_writer *writer);
};

static const struct kind_row kind_rows[AUDIT_KIND_COUNT] = {
    [AUDIT_LOGIN] = {"login", 3002, 1, fill_login},
    [AUDIT_LOGIN_FAILED] = {"login.failed", 3002, 1, fill_login},
    [AUDIT_LOGOUT] = {"logout", 3002, 2, fill_login},
    [AUDIT_STATEMENT] = {"statement", 6005, 0, fill_statement},
    [AUDIT_POLICY_LOADED] = {"policy.loaded", 3004, 3, fill_policy},
    [AUDIT_POLICY_REFUSED] = {"policy.refused", 3004, 3, fill_policy},
    [AUDIT_LOG_STARTED] = {"log.started", 1008, 6, fill_log},
    [AUDIT_LOG_STOPPED] = {"log.stopped", 1008, 7, fill_log},
    [AUDIT_LOG_RECOVERED] = {"log.recovered", 1008, ACTIVITY_OTHER, fill_log},
    [AUDIT_PROCESS_DIED] = {"process.died", 1008, ACTIVITY_OTHER, fill_log},
    [AUDIT_PROCESS_MISBEHAVED] = {"process.misbehaved", 1008, ACTIVITY_OTHER, fill_log},
};

const char *audit_kind_name(enum audit_kind kind)
{
    return kind_rows[kind].name;
}

static const struct {
    const char *class_name;
    unsigned activity_id;
} activities[] = {{"read", 4}, {"write", 5}, {"insert", 5}, {"update", 2}, {"delete", 7}};

static unsigned activity_of(const struct audit_event *event)
{
    if (kind_rows[event->kind].activity_id != 0) {
        return kind_rows[event->kind].activity_id;
    }
    for (size_t i = 0; i < sizeof activities / sizeof activities[0]; i++) {
        struct rg_slice name = rg_slice_of(activities[i].class_name);
        if (name.size == event->class_name.size && strncasecmp(name.data, event->class_name.data, name.size) == 0) {
            return activities[i].activity_id;
        }
    }
    return ACTIVITY_OTHER;
}

static void put_metadata(struct audit_writer *writer)
{
    const struct audit_event *event = event_of(writer);
    json_t *metadata = audit_writer_object(writer, writer->ocsf, "metadata");
    audit_writer_text(writer, metadata, "version", NULL, RG_SLICE("1.8.0"), COPY_MAX);
    json_t *product = audit_writer_object(writer, metadata, "product");
    audit_writer_text(writer, product, "name", NULL, RG_SLICE("rowgate"), COPY_MAX);
    audit_writer_text(writer, product, "vendor_name", NULL, RG_SLICE("rowgate"), COPY_MAX);
    audit_writer_text(writer, product, "version", NULL, RG_SLICE(ROWGATE_VERSION), COPY_MAX);
    if (event->kind == AUDIT_STATEMENT) {
        char link[40];
        (void)snprintf(link, sizeof link, "%016llx-%016llx", (unsigned long long)event->session_id,
                       (unsigned long long)event->statement_id);
        audit_writer_text(writer, metadata, "correlation_uid", NULL, rg_slice_of(link), COPY_MAX);
        json_t *profiles = json_pack("[s]", "security_control");
        (void)json_object_set_new_nocheck(metadata, "profiles", profiles);
    }
    audit_writer_text(writer, metadata, "tenant_uid", NULL, event->tenant, COPY_MAX);
}

static void put_base(struct audit_writer *writer)
{
    enum { SEVERITY_INFORMATIONAL = 1, SEVERITY_MEDIUM = 3, STATUS_SUCCESS = 1, STATUS_FAILURE = 2 };
    const struct audit_event *event = event_of(writer);
    unsigned class_uid = kind_rows[event->kind].class_uid;
    unsigned activity = activity_of(event);
    bool is_bad = is_failure(event);
    audit_writer_number(writer, writer->ocsf, "class_uid", class_uid);
    audit_writer_number(writer, writer->ocsf, "category_uid", class_uid / 1000);
    audit_writer_number(writer, writer->ocsf, "activity_id", activity);
    audit_writer_number(writer, writer->ocsf, "type_uid", (uint64_t)class_uid * 100 + activity);
    audit_writer_number(writer, writer->ocsf, "time", event->wall_us < 0 ? 0 : (uint64_t)event->wall_us / 1000);
    audit_writer_number(writer, writer->ocsf, "severity_id", is_bad ? SEVERITY_MEDIUM : SEVERITY_INFORMATIONAL);
    audit_writer_number(writer, writer->ocsf, "status_id", is_bad ? STATUS_FAILURE : STATUS_SUCCESS);
    put_metadata(writer);
}

void audit_writer_ocsf(struct audit_writer *writer)
{
    const struct audit_event *event = event_of(writer);
    put_base(writer);
    audit_writer_text(writer, writer->ocsf, "status_code", "sqlstate", event->sqlstate, COPY_MAX);
    audit_writer_text(writer, writer->ocsf, "message", "message", event->message, MESSAGE_MAX);
    kind_rows[event->kind].fill(writer);
}

void audit_writer_ocsf_part(struct audit_writer *writer)
{
    put_base(writer);
}
