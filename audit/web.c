/* SPDX-License-Identifier: Apache-2.0 */
/* The classes of requests: views and exports are OCSF's Web Resources Activity, changes and runs its API Activity. */
#include "audit/web.h"

enum { WEB_RESOURCES = 6001, API = 6003, OTHER = 99 };

static const struct audit_web rows[] = {
    {{"READ", 4}, "read", WEB_RESOURCES, 2},   {{"SEARCH", 6}, "read", WEB_RESOURCES, 5},
    {{"EXPORT", 6}, "read", WEB_RESOURCES, 7}, {{"SHARE", 5}, NULL, WEB_RESOURCES, 8},
    {{"CREATE", 6}, "write", API, 1},          {{"UPDATE", 6}, "write", API, 3},
    {{"DELETE", 6}, "write", API, 4},          {{"IMPORT", 6}, "write", API, OTHER},
    {{"RUN", 3}, "query", API, OTHER},
};

static const struct audit_web other = {{"", 0}, NULL, WEB_RESOURCES, OTHER};

const struct audit_web *audit_web_find(struct rg_slice class_name)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rg_slice_is_equal(rows[i].name, class_name)) {
            return &rows[i];
        }
    }
    return &other;
}

const struct audit_web *audit_web_at(size_t number)
{
    return number < sizeof rows / sizeof rows[0] ? &rows[number] : NULL;
}
