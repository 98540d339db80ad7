/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_CONFIG_LINT_H
#define RG_PROXY_CONFIG_LINT_H

#include "proxy/config.h"

/* Everything that `rowgate check` warns of beyond what loading says: policy/lint.h, and the lints of claims, patterns
 * and tenants, each with its place in the file. relations: NULL = not known. Returns: ok, also after findings; RG_LIMIT
 * when memory is out. Threads: any. */
rg_status config_lint(const struct config *config, const struct policy_relations *relations,
                      struct rg_diag *diag) RG_MUST_CHECK;

#endif
