/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_TRIAL_H
#define RG_PROXY_TRIAL_H

#include "proxy/config.h"

/* Runs [[tests]]: made-up subjects, the real policies, no database. */

struct trial_result {
    bool is_passed;
    struct rg_slice wanted; /* in words; empty when passed */
    struct rg_slice came;   /* in words: "allowed", "denied by rule x: message", ... */
    struct rg_slice sent;   /* the texts that would be sent, joined by "; "; empty when denied */
};

/* Where the catalogue snapshots come from. find gives a reference, or NULL: not known. The zero value knows none. */
struct trial_relations {
    struct policy_relations *(*find)(void *context, struct rg_slice upstream);
    void *context;
};

/* Runs one test of config. What the test says about the statement is an output, not a status: so is a login that would
 * be refused (a denial by rule login.claims).
 * Returns: ok; RG_LIMIT when the arena is full; RG_CONFIG when the subject cannot be made up.
 * Owns:    *out_result lives in arena.
 * Threads: any. */
rg_status trial_run(const struct config *config, const struct config_test *test,
                    const struct trial_relations *relations, struct rg_arena *arena,
                    struct trial_result *out_result) RG_MUST_CHECK;

/* Runs all of them. Each that fails is an error in diag at its place; RG_CONFIG then. */
rg_status trial_run_all(const struct config *config, const struct trial_relations *relations,
                        struct rg_diag *diag) RG_MUST_CHECK;

#endif
