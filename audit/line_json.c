/* SPDX-License-Identifier: Apache-2.0 */
/* The second look at a line: as JSON, by jansson. The hashes prove that bytes did not change; this proves
 * that they say one thing only, to every reader. */
#include <jansson.h>

#include "audit/line.h"

static bool parse_kind(const char *text, enum audit_kind *out_kind)
{
    if (strcmp(text, "part") == 0) {
        *out_kind = AUDIT_NONE;
        return true;
    }
    for (enum audit_kind known = AUDIT_LOGIN; known < AUDIT_KIND_COUNT; known++) {
        if (strcmp(text, audit_kind_name(known)) == 0) {
            *out_kind = known;
            return true;
        }
    }
    return false;
}

static const char *find_problem(const json_t *record, enum audit_kind *out_kind)
{
    static const char *const numbers[] = {"class_uid", "category_uid", "activity_id",
                                          "type_uid",  "severity_id",  "time"};
    const char *kind =
        json_string_value(json_object_get(json_object_get(json_object_get(record, "unmapped"), "rg"), "kind"));
    if (kind == NULL || !parse_kind(kind, out_kind)) {
        return "\"kind\" is not one that this version writes";
    }
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (!json_is_integer(json_object_get(record, numbers[i]))) {
            return "an OCSF key that every record has is missing";
        }
    }
    return json_is_object(json_object_get(record, "metadata")) ? NULL : "\"metadata\" is missing";
}

rg_status audit_line_check_json(struct rg_slice line, enum audit_kind *out_kind)
{
    enum audit_kind kind = AUDIT_NONE;
    json_error_t error;
    json_t *record = json_loadb(line.data, line.size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (record == NULL) {
        return rg_fail(RG_PROTOCOL, "not a JSON object: %s at column %d", error.text, error.position);
    }
    const char *problem = find_problem(record, &kind);
    json_decref(record);
    if (problem != NULL) {
        return rg_fail(RG_PROTOCOL, "%s", problem);
    }
    *out_kind = kind;
    return RG_OK;
}
