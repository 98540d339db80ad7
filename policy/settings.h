/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_POLICY_SETTINGS_H
#define RG_POLICY_SETTINGS_H

#include "base/rg_slice.h"

/* Which settings a client may SET, RESET and SHOW, and with which values. Sessions upstream are shared, so a SET
 * of the session never reaches them: it is kept by rowgate, or it asks for what is the case anyway. Only SET
 * LOCAL, which ends with the transaction, passes. What is not in the table is refused. */

enum setting_set {
    SETTING_SET_REFUSED = 0,
    SETTING_SET_SEARCH_PATH, /* kept by the session; each name checked */
    SETTING_SET_APPLICATION, /* kept by the session */
    SETTING_SET_TIMEOUT,     /* kept by the session; milliseconds */
    SETTING_SET_VALUES,      /* one of values, which is what every session has */
    SETTING_SET_ANY,         /* has no effect that a tenant could see: accepted, dropped */
};

enum setting_show {
    SETTING_SHOW_REFUSED = 0,
    SETTING_SHOW_PASS,  /* the server's answer */
    SETTING_SHOW_PATH,  /* the virtual search_path */
    SETTING_SHOW_VALUE, /* shown */
};

enum { SETTING_VALUES_MAX = 8 };

struct setting {
    const char *name; /* lower case */
    enum setting_set set;
    bool is_local_passed; /* SET LOCAL goes upstream, any constant */
    enum setting_show show;
    const char *shown;
    const char *values[SETTING_VALUES_MAX]; /* compared without case */
};

/* NULL = not in the table. name in any case. */
const struct setting *setting_find(struct rg_slice name);
bool setting_has_value(const struct setting *setting, struct rg_slice value);

#endif
