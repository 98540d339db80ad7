/* SPDX-License-Identifier: Apache-2.0 */
/* What a request of the HTTP plane has in its record: who and from where (the same for a session's requests), what was
 * asked for (the same for equal requests), and what is each request's own. Where everything stands:
 * docs/audit-format.md 5 and 6. */
#include "audit/record_private.h"
#include "audit/web.h"

enum { PATH_MAX_BYTES = 1024, QUERY_MAX_BYTES = 4 * 1024, REFERENCE_MAX = 64, COPY_MAX = 128, RESOURCES_MAX = 16 };

#define UNKNOWN RG_SLICE("unknown")

/* OCSF's http_method is a closed list. */
static bool is_known_method(struct rg_slice method)
{
    static const struct rg_slice known[] = {{"GET", 3},     {"POST", 4},    {"PUT", 3},   {"DELETE", 6}, {"HEAD", 4},
                                            {"OPTIONS", 7}, {"CONNECT", 7}, {"PATCH", 5}, {"TRACE", 5}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (rg_slice_is_equal(method, known[i])) {
            return true;
        }
    }
    return false;
}

static void write_http_request(struct audit_writer *writer)
{
    const struct audit_event *event = writer->event;
    bool is_known = is_known_method(event->method);
    if (!is_known) {
        audit_writer_text(writer, writer->rg, "method", "method", event->method, AUDIT_NAME_MAX);
    }
    json_t *request = audit_writer_object(writer, writer->ocsf, "http_request");
    if (is_known) {
        audit_writer_text(writer, request, "http_method", "method", event->method, AUDIT_NAME_MAX);
    }
    json_t *url = audit_writer_object(writer, request, "url");
    audit_writer_text(writer, url, "path", "path", event->path, PATH_MAX_BYTES);
    if (event->path.size == 0) {
        audit_writer_text(writer, url, "path", NULL, UNKNOWN, AUDIT_NAME_MAX);
    }
    audit_writer_text(writer, url, "query_string", "query", event->query, QUERY_MAX_BYTES);
}

/* "dashboard" of "dashboard/12". */
static struct rg_slice type_of(struct rg_slice object)
{
    const char *slash = object.size == 0 ? NULL : memchr(object.data, '/', object.size);
    return rg_slice_cut(object, 0, slash == NULL ? object.size : (size_t)(slash - object.data));
}

static void write_resource(struct audit_writer *writer, json_t *array, struct rg_slice object)
{
    json_t *resource = json_object();
    (void)json_array_append_new(array, resource);
    audit_writer_text(writer, resource, "name", NULL, object.size > 0 ? object : UNKNOWN, COPY_MAX);
    audit_writer_text(writer, resource, "type", NULL, type_of(object), COPY_MAX);
}

/* "dashboard/12,chart/5": the first ones of them; all stand in rg. */
static void write_resources(struct audit_writer *writer, const char *key)
{
    struct rg_slice rest = writer->event->object;
    json_t *array = json_array();
    (void)json_object_set_new_nocheck(writer->ocsf, key, array);
    for (size_t i = 0; i == 0 || (rest.size > 0 && i < RESOURCES_MAX); i++) {
        const char *comma = rest.size == 0 ? NULL : memchr(rest.data, ',', rest.size);
        size_t size = comma == NULL ? rest.size : (size_t)(comma - rest.data);
        write_resource(writer, array, rg_slice_cut(rest, 0, size));
        rest = rg_slice_cut(rest, size + 1, SIZE_MAX);
    }
}

static void write_operation(struct audit_writer *writer)
{
    const struct audit_event *event = writer->event;
    json_t *api = audit_writer_object(writer, writer->ocsf, "api");
    audit_writer_text(writer, api, "operation", NULL, event->action.size > 0 ? event->action : UNKNOWN, COPY_MAX);
}

void audit_web_write_request(struct audit_writer *writer)
{
    const struct audit_event *event = writer->event;
    bool is_view = audit_web_find(event->class_name)->class_uid == AUDIT_OCSF_WEB;
    audit_writer_text(writer, writer->rg, "action", "action", event->action, AUDIT_NAME_MAX);
    audit_writer_text(writer, writer->rg, "object", "object", event->object, AUDIT_NAME_MAX);
    write_http_request(writer);
    if (!is_view) {
        write_operation(writer);
    }
    write_resources(writer, is_view ? "web_resources" : "resources");
}

struct rg_slice audit_web_continued(const struct audit_event *event)
{
    bool is_view = audit_web_find(event->class_name)->class_uid == AUDIT_OCSF_WEB;
    return is_view ? RG_SLICE(",\"web_resources\":[{\"name\":\"continued\"}]")
                   : RG_SLICE(",\"api\":{\"operation\":\"continued\"}");
}

/* ---- a request's own ---- */

static bool is_plain(struct rg_slice reference)
{
    for (size_t i = 0; i < reference.size; i++) {
        char c = reference.data[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '-' && c != '_') {
            return false;
        }
    }
    return reference.size <= REFERENCE_MAX;
}

void audit_web_add_reference(const struct audit_event *event, struct audit_small *out)
{
    if (event->reference.size > 0 && is_plain(event->reference)) {
        audit_small_add(out, RG_SLICE(",\"reference\":\""));
        audit_small_add(out, event->reference);
        audit_small_add(out, RG_SLICE("\""));
    }
}

void audit_web_add_guest(const struct audit_event *event, struct audit_small *out)
{
    if (event->guest.size > 0 && is_plain(event->guest)) {
        audit_small_add(out, RG_SLICE(",\"guest\":\""));
        audit_small_add(out, event->guest);
        audit_small_add(out, RG_SLICE("\""));
    }
    audit_small_add(out, event->is_unmarked ? RG_SLICE(",\"unmarked\":true") : RG_SLICE(""));
}

void audit_web_add_result(const struct audit_event *event, struct audit_small *out)
{
    if (event->status != 0) {
        audit_small_add(out, RG_SLICE(",\"status\":"));
        audit_small_number(out, event->status);
    }
    audit_web_add_reference(event, out);
    if (event->phase != AUDIT_DECISION) {
        audit_small_add(out, RG_SLICE(",\"bytes\":"));
        audit_small_number(out, event->bytes);
        audit_small_add(out, RG_SLICE(",\"duration_us\":"));
        audit_small_number(out, event->duration_us);
    }
}

void audit_web_add_response(const struct audit_event *event, struct audit_small *out)
{
    if (event->status != 0) {
        audit_small_add(out, RG_SLICE(",\"http_response\":{\"code\":"));
        audit_small_number(out, event->status);
        audit_small_add(out, RG_SLICE("}"));
    }
}

bool audit_web_has_odd_name(const struct audit_event *event)
{
    return !is_plain(event->reference) || !is_plain(event->guest);
}

static void write_odd_reference(struct audit_writer *writer)
{
    if (!is_plain(writer->event->reference)) {
        audit_writer_text(writer, writer->rg, "reference", "reference", writer->event->reference, AUDIT_NAME_MAX);
    }
}

static void write_guest(struct audit_writer *writer)
{
    audit_writer_text(writer, writer->rg, "guest", "guest", writer->event->guest, AUDIT_NAME_MAX);
}

void audit_web_write_odd_names(struct audit_writer *writer)
{
    write_odd_reference(writer);
    if (!is_plain(writer->event->guest)) {
        write_guest(writer);
    }
}

bool audit_web_has_rest(const struct audit_event *event)
{
    return event->digest_before != NULL || event->digest_after != NULL || event->request_sha256 != NULL ||
           event->digest_missing.size > 0 || event->guest.size > 0 || event->message.size > 0 ||
           event->sqlstate.size > 0 || !is_plain(event->reference);
}

static void write_digest(struct audit_writer *writer, const char *key, const struct rg_digest *digest)
{
    if (digest != NULL) {
        audit_writer_digest(writer, writer->rg, key, digest);
    }
}

void audit_web_write_rest(struct audit_writer *writer)
{
    const struct audit_event *event = writer->event;
    write_odd_reference(writer);
    write_digest(writer, event->personal_key.size > 0 ? "request_hmac" : "request_sha256", event->request_sha256);
    write_digest(writer, "digest_before", event->digest_before);
    write_digest(writer, "digest_after", event->digest_after);
    audit_writer_text(writer, writer->rg, "digest_missing", "digest_missing", event->digest_missing, AUDIT_NAME_MAX);
    write_guest(writer);
}

void audit_web_write_login(struct audit_writer *writer)
{
    audit_writer_text(writer, writer->rg, "reference", "reference", writer->event->reference, AUDIT_NAME_MAX);
    write_guest(writer);
}

void audit_web_write_revoke(struct audit_writer *writer)
{
    const struct audit_event *event = writer->event;
    audit_writer_text(writer, writer->rg, "object", "object", event->object, AUDIT_NAME_MAX);
    audit_writer_text(writer, writer->rg, "operator", "operator", event->operator_name, AUDIT_NAME_MAX);
    audit_writer_text(writer, writer->rg, "about_tenant", "about_tenant", event->about_tenant, AUDIT_NAME_MAX);
    audit_writer_number(writer, writer->rg, "sessions", event->rows);
    audit_web_write_login(writer);
}

void audit_web_write_leak(struct audit_writer *writer)
{
    const struct audit_event *event = writer->event;
    bool is_kept_back = event->verdict == AUDIT_DENIED;
    audit_writer_text(writer, writer->rg, "verdict", NULL, is_kept_back ? RG_SLICE("denied") : RG_SLICE("allowed"),
                      AUDIT_NAME_MAX);
    audit_writer_text(writer, writer->rg, "object", "object", event->object, AUDIT_NAME_MAX);
    audit_web_write_login(writer);
}
