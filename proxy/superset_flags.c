/* SPDX-License-Identifier: Apache-2.0 */
/* The settings that a page tells its scripts: feature flags, and what the front end must know. */
#include "proxy/superset_private.h"

struct flag {
    const char *name;
    const char *what; /* when it is as it should not be */
    enum rg_severity severity;
    bool is_bad_when; /* its value */
};

static const struct flag flags[] = {
    {"ENABLE_SUPERSET_META_DB", "one SQL text joins several databases inside Superset", RG_SEVERITY_ERROR, true},
    {"ALLOW_ADHOC_SUBQUERY", "filters of charts may hold sub-queries", RG_SEVERITY_WARNING, true},
    {"ENABLE_TEMPLATE_PROCESSING", "SQL is a Jinja template that runs inside Superset", RG_SEVERITY_WARNING, true},
    {"ENABLE_JAVASCRIPT_CONTROLS", "charts carry scripts that run in others' browsers", RG_SEVERITY_WARNING, true},
    {"ENABLE_FACTORY_RESET_COMMAND", "one command empties Superset", RG_SEVERITY_WARNING, true},
    {"DYNAMIC_PLUGINS", "charts' code is loaded from addresses in the database", RG_SEVERITY_WARNING, true},
    {"ENABLE_EXTENSIONS", "extensions run inside Superset", RG_SEVERITY_WARNING, true},
    {"CACHE_QUERY_BY_USER", "what is cached is not kept by person", RG_SEVERITY_WARNING, false},
};

static void judge_flag(struct superset_check *check, const struct flag *flag, const json_t *values)
{
    const json_t *value = json_object_get(values, flag->name);
    bool is_bad = json_is_boolean(value) && json_is_true(value) == flag->is_bad_when;
    if (is_bad) {
        rg_diag_rule(check->diag, flag->severity, "superset.flag",
                     flag->is_bad_when ? "FEATURE_FLAGS: False, which is the default" : "FEATURE_FLAGS: True",
                     "%s is %s: %s", flag->name, flag->is_bad_when ? "on" : "off", flag->what);
    }
}

rg_status superset_judge_flags(struct superset_check *check)
{
    const json_t *common = json_object_get(check->settings, "common");
    const json_t *conf = json_object_get(common, "conf");
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        judge_flag(check, &flags[i], json_object_get(common, "feature_flags"));
    }
    if (json_is_false(json_object_get(conf, "HTML_SANITIZATION"))) {
        superset_error(check, "superset.html", "HTML_SANITIZATION = True, which is the default",
                       "HTML of dashboards is shown as it stands: scripts of one user run as another");
    }
    return RG_OK;
}
