/* SPDX-License-Identifier: Apache-2.0 */
/* The table of settings. Data, and two look-ups. */
#include "policy/settings.h"

#include <strings.h>

static const struct setting settings[] = {
    {"search_path", SETTING_SET_SEARCH_PATH, false, SETTING_SHOW_PATH, NULL, {NULL}},
    {"application_name", SETTING_SET_APPLICATION, false, SETTING_SHOW_VALUE, "", {NULL}},
    {"statement_timeout", SETTING_SET_TIMEOUT, false, SETTING_SHOW_PASS, NULL, {NULL}},
    {"client_encoding", SETTING_SET_VALUES, false, SETTING_SHOW_VALUE, "UTF8", {"utf8", "utf-8", "unicode"}},
    {"standard_conforming_strings", SETTING_SET_VALUES, false, SETTING_SHOW_PASS, NULL, {"on", "true", "yes", "1"}},
    {"bytea_output", SETTING_SET_VALUES, false, SETTING_SHOW_VALUE, "hex", {"hex"}},
    {"datestyle", SETTING_SET_VALUES, true, SETTING_SHOW_PASS, NULL, {"iso", "iso, mdy", "iso,mdy", "mdy"}},
    {"intervalstyle", SETTING_SET_VALUES, true, SETTING_SHOW_PASS, NULL, {"postgres"}},
    {"timezone", SETTING_SET_VALUES, true, SETTING_SHOW_PASS, NULL, {"utc", "etc/utc", "gmt", "etc/gmt", "z"}},
    {"extra_float_digits", SETTING_SET_VALUES, true, SETTING_SHOW_PASS, NULL, {"1", "2", "3"}},
    {"client_min_messages", SETTING_SET_VALUES, false, SETTING_SHOW_VALUE, "notice", {"notice", "warning", "error"}},
    {"default_transaction_isolation", SETTING_SET_VALUES, false, SETTING_SHOW_PASS, NULL, {"read committed"}},
    {"default_transaction_read_only", SETTING_SET_VALUES, false, SETTING_SHOW_PASS, NULL, {"off", "false", "no", "0"}},
    {"default_transaction_deferrable", SETTING_SET_VALUES, false, SETTING_SHOW_REFUSED, NULL, {"off", "false"}},
    {"transaction_isolation", SETTING_SET_REFUSED, false, SETTING_SHOW_PASS, NULL, {NULL}},
    {"transaction_read_only", SETTING_SET_REFUSED, false, SETTING_SHOW_PASS, NULL, {NULL}},
    {"transaction_deferrable", SETTING_SET_REFUSED, false, SETTING_SHOW_PASS, NULL, {NULL}},
    {"server_version", SETTING_SET_REFUSED, false, SETTING_SHOW_PASS, NULL, {NULL}},
    {"server_version_num", SETTING_SET_REFUSED, false, SETTING_SHOW_PASS, NULL, {NULL}},
    {"server_encoding", SETTING_SET_REFUSED, false, SETTING_SHOW_PASS, NULL, {NULL}},
    {"integer_datetimes", SETTING_SET_REFUSED, false, SETTING_SHOW_PASS, NULL, {NULL}},
    {"max_identifier_length", SETTING_SET_REFUSED, false, SETTING_SHOW_PASS, NULL, {NULL}},
    {"is_superuser", SETTING_SET_REFUSED, false, SETTING_SHOW_VALUE, "off", {NULL}},
};

static bool is_same(const char *name, struct rg_slice text)
{
    return strlen(name) == text.size && strncasecmp(name, text.data, text.size) == 0;
}

const struct setting *setting_find(struct rg_slice name)
{
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        if (is_same(settings[i].name, name)) {
            return &settings[i];
        }
    }
    return NULL;
}

bool setting_has_value(const struct setting *setting, struct rg_slice value)
{
    for (size_t i = 0; i < SETTING_VALUES_MAX && setting->values[i] != NULL; i++) {
        if (is_same(setting->values[i], value)) {
            return true;
        }
    }
    return false;
}
