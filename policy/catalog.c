/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/catalog.h"

#include "policy/catalog_private.h"
#include "policy/names_private.h"

/* The table of catalogues: looks a name up among policy/catalog_names.def. The selects themselves are data in
 * policy/catalog_tenant.c, catalog_builtin.c and catalog_session.c. Called by the rewriter. */

#define CATALOG(name) {#name, catalog_select_##name},
static const struct catalog_view CATALOG_VIEWS[] = {
#include "policy/catalog_names.def"
};
#undef CATALOG

enum { CATALOG_COUNT = sizeof(CATALOG_VIEWS) / sizeof(CATALOG_VIEWS[0]) };

const struct catalog_view *catalog_view_find(struct rg_slice name)
{
    size_t low = 0;
    size_t high = CATALOG_COUNT;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = names_compare(name, CATALOG_VIEWS[middle].name);
        if (order == 0) {
            return &CATALOG_VIEWS[middle];
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

size_t catalog_view_count(void)
{
    return CATALOG_COUNT;
}

const struct catalog_view *catalog_view_at(size_t index)
{
    return index < CATALOG_COUNT ? &CATALOG_VIEWS[index] : NULL;
}
