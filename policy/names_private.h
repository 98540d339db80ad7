/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_POLICY_NAMES_PRIVATE_H
#define RG_POLICY_NAMES_PRIVATE_H

#include "base/rg_slice.h"

/* The order of the sorted name tables of this folder: strcmp's, for a name that has a length. A NUL inside name equals
 * nothing. */
static inline int names_compare(struct rg_slice name, const char *row_name)
{
    size_t row_size = strlen(row_name);
    size_t common = name.size < row_size ? name.size : row_size;
    int order = common == 0 ? 0 : memcmp(name.data, row_name, common);
    if (order != 0) {
        return order;
    }
    return (name.size > row_size) - (name.size < row_size);
}

#endif
