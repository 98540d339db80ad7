/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_SUPPORT_OCSF_H
#define RG_TESTS_SUPPORT_OCSF_H

/* Checks a record against the OCSF schema as tests/ocsf has it: required attributes, "at least one of", types,
 * allowed values, and no attribute that the schema (as written down) does not have. tests/support/ocsf.py is the
 * same for whole logs. */
#include <arpa/inet.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/rg_test.h"

struct ocsf {
    json_t *base;
    json_t *objects;
    json_t *security_control;
    json_t *host;
    json_t *classes[8];
    char problem[200]; /* the last one found */
};

static inline json_t *ocsf_load(const char *name)
{
    char path[128];
    json_error_t error;
    (void)snprintf(path, sizeof path, "tests/ocsf/%s.json", name);
    json_t *value = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (value == NULL) {
        fail_msg("%s: %s", path, error.text);
    }
    return value;
}

static inline void ocsf_init(struct ocsf *ocsf)
{
    static const char *const names[] = {"authentication",     "datastore_activity", "web_resources_activity",
                                        "api_activity",       "entity_management",  "user_access",
                                        "event_log_activity", "detection_finding"};
    *ocsf = (struct ocsf){.base = ocsf_load("base"),
                          .objects = ocsf_load("objects"),
                          .security_control = ocsf_load("security_control"),
                          .host = ocsf_load("host")};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        ocsf->classes[i] = ocsf_load(names[i]);
    }
}

static inline void ocsf_done(struct ocsf *ocsf)
{
    json_decref(ocsf->base);
    json_decref(ocsf->objects);
    json_decref(ocsf->security_control);
    json_decref(ocsf->host);
    for (size_t i = 0; i < sizeof ocsf->classes / sizeof ocsf->classes[0]; i++) {
        json_decref(ocsf->classes[i]);
    }
}

static inline bool ocsf_fail(struct ocsf *ocsf, const char *where, const char *what)
{
    (void)snprintf(ocsf->problem, sizeof ocsf->problem, "%s: %s", where, what);
    return false;
}

static inline bool ocsf_has_value(json_t *list, json_t *wanted)
{
    size_t i = 0;
    json_t *value = NULL;
    json_array_foreach(list, i, value)
    {
        if (json_equal(value, wanted)) {
            return true;
        }
    }
    return false;
}

static inline bool ocsf_has_number(json_t *list, json_int_t number)
{
    size_t i = 0;
    json_t *value = NULL;
    json_array_foreach(list, i, value)
    {
        if (json_integer_value(value) == number) {
            return true;
        }
    }
    return false;
}

static inline bool ocsf_is_ip(const char *text)
{
    unsigned char binary[16];
    char address[64] = "";
    (void)snprintf(address, sizeof address, "%.*s", (int)strcspn(text, "%"), text);
    return strlen(text) <= 40 && (inet_pton(AF_INET, text, binary) == 1 || inet_pton(AF_INET6, address, binary) == 1);
}

static inline bool ocsf_is_scalar(json_t *value, const char *type)
{
    json_int_t number = json_integer_value(value);
    if (strcmp(type, "string") == 0) {
        return json_string_length(value) > 0;
    }
    if (strcmp(type, "ip") == 0) {
        return json_is_string(value) && ocsf_is_ip(json_string_value(value));
    }
    if (strcmp(type, "port") == 0) {
        return json_is_integer(value) && number >= 0 && number <= 65535;
    }
    if (strcmp(type, "timestamp") == 0) {
        return json_is_integer(value) && number >= 0;
    }
    if (strcmp(type, "boolean") == 0) {
        return json_is_boolean(value);
    }
    if (strcmp(type, "object") == 0) {
        return json_is_object(value);
    }
    return (strcmp(type, "integer") == 0 || strcmp(type, "long") == 0) && json_is_integer(value);
}

static inline bool ocsf_check_object(struct ocsf *ocsf, json_t *value, json_t *rules, const char *where);

/* type: a scalar's, an object's name, or either in [ ]. */
static inline bool ocsf_check_value(struct ocsf *ocsf, json_t *value, const char *type, const char *where)
{
    char inner[64];
    if (type[0] == '[') {
        size_t i = 0;
        json_t *element = NULL;
        (void)snprintf(inner, sizeof inner, "%.*s", (int)strlen(type) - 2, type + 1);
        json_array_foreach(value, i, element)
        {
            if (!ocsf_check_value(ocsf, element, inner, where)) {
                return false;
            }
        }
        return json_array_size(value) > 0 || ocsf_fail(ocsf, where, "is not a filled array");
    }
    json_t *rules = json_object_get(json_object_get(ocsf->objects, "objects"), type);
    if (rules != NULL) {
        return ocsf_check_object(ocsf, value, rules, where);
    }
    return ocsf_is_scalar(value, type) || ocsf_fail(ocsf, where, "has the wrong type, or is empty");
}

static inline bool ocsf_check_needed(struct ocsf *ocsf, json_t *value, json_t *rules, const char *where)
{
    size_t i = 0;
    json_t *name = NULL;
    bool has_one = json_array_size(json_object_get(rules, "at_least_one")) == 0;
    json_array_foreach(json_object_get(rules, "required"), i, name)
    {
        if (json_object_get(value, json_string_value(name)) == NULL) {
            return ocsf_fail(ocsf, where, json_string_value(name));
        }
    }
    json_array_foreach(json_object_get(rules, "at_least_one"), i, name)
    {
        has_one |= json_object_get(value, json_string_value(name)) != NULL;
    }
    return has_one || ocsf_fail(ocsf, where, "has none of the attributes of which it needs one");
}

static inline bool ocsf_check_object(struct ocsf *ocsf, json_t *value, json_t *rules, const char *where)
{
    const char *key = NULL;
    json_t *member = NULL;
    if (!json_is_object(value) || !ocsf_check_needed(ocsf, value, rules, where)) {
        return json_is_object(value) ? false : ocsf_fail(ocsf, where, "is not an object");
    }
    json_object_foreach(value, key, member)
    {
        const char *type = json_string_value(json_object_get(json_object_get(rules, "attributes"), key));
        json_t *allowed = json_object_get(json_object_get(rules, "enums"), key);
        if (type == NULL) {
            return ocsf_fail(ocsf, key, "is not an attribute here");
        }
        if (!ocsf_check_value(ocsf, member, type, key)) {
            return false;
        }
        if (allowed != NULL && !ocsf_has_value(allowed, member)) {
            return ocsf_fail(ocsf, key, "has a value that the schema does not have");
        }
    }
    return true;
}

static inline json_t *ocsf_class(struct ocsf *ocsf, json_int_t class_uid)
{
    for (size_t i = 0; i < sizeof ocsf->classes / sizeof ocsf->classes[0]; i++) {
        if (json_integer_value(json_object_get(ocsf->classes[i], "class_uid")) == class_uid) {
            return ocsf->classes[i];
        }
    }
    return NULL;
}

static inline json_int_t ocsf_number(json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static inline bool ocsf_check_numbers(struct ocsf *ocsf, json_t *record, json_t *rules)
{
    json_int_t activity = ocsf_number(record, "activity_id");
    json_t *metadata = json_object_get(record, "metadata");
    if (!ocsf_has_number(json_object_get(rules, "activity_id"), activity)) {
        return ocsf_fail(ocsf, "activity_id", "is not one of this class");
    }
    if (ocsf_number(record, "category_uid") != ocsf_number(rules, "category_uid") ||
        ocsf_number(record, "type_uid") != ocsf_number(rules, "class_uid") * 100 + activity) {
        return ocsf_fail(ocsf, "type_uid", "or category_uid is not the class's");
    }
    if (strcmp(json_string_value(json_object_get(metadata, "version")), "1.8.0") != 0) {
        return ocsf_fail(ocsf, "metadata.version", "is not 1.8.0");
    }
    return !json_is_true(json_object_get(metadata, "is_truncated")) ||
           ocsf_fail(ocsf, "metadata.is_truncated", "must never be true");
}

/* Adds what `more` requires and allows; a value list of `more` wins. */
static inline void ocsf_add_rules(json_t *rules, json_t *more)
{
    assert_int_equal(json_array_extend(json_object_get(rules, "required"), json_object_get(more, "required")), 0);
    assert_int_equal(json_object_update(json_object_get(rules, "attributes"), json_object_get(more, "attributes")), 0);
    assert_int_equal(json_object_update(json_object_get(rules, "enums"), json_object_get(more, "enums")), 0);
}

/* False with what is wrong in ocsf->problem. */
static inline bool ocsf_check(struct ocsf *ocsf, json_t *record)
{
    json_t *class_rules = ocsf_class(ocsf, ocsf_number(record, "class_uid"));
    json_t *profiles = json_object_get(json_object_get(record, "metadata"), "profiles");
    if (class_rules == NULL) {
        return ocsf_fail(ocsf, "class_uid", "is not one that rowgate may write");
    }
    json_t *rules = json_deep_copy(class_rules);
    ocsf_add_rules(rules, ocsf->base);
    if (profiles != NULL) {
        size_t i = 0;
        json_t *name = NULL;
        assert_true(json_array_size(profiles) > 0);
        json_array_foreach(profiles, i, name)
        {
            bool is_host = strcmp(json_string_value(name), "host") == 0;
            assert_true(is_host || strcmp(json_string_value(name), "security_control") == 0);
            ocsf_add_rules(rules, is_host ? ocsf->host : ocsf->security_control);
        }
    }
    bool is_valid = ocsf_check_object(ocsf, record, rules, "record") && ocsf_check_numbers(ocsf, record, class_rules);
    json_decref(rules);
    return is_valid;
}

#endif
