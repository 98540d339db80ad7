/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_CLI_CLI_NATIVE_H
#define RG_CLI_CLI_NATIVE_H

#include "policy/native.h"
#include "proxy/config.h"

/* What `policy export` and `diff` share: the configuration, one upstream of it, and what its database looks like. */

struct native_options {
    const char *path;
    const char *upstream;  /* NULL = the only one with a second lock */
    const char *relations; /* file; NULL = asked of the upstream */
    bool is_json;
};

struct native_work {
    struct rg_arena arena;
    struct config *config;
    const struct config_upstream *upstream;
    struct policy_relations *relations;
    struct native_source source;
    struct native_plan *plan;
};

/* allowed: of c, u, r and j, the options that this command has. False = show the usage, which was asked for or not. */
bool native_options_parse(int argc, char **argv, const char *allowed, struct native_options *options,
                          bool *out_wants_help);
/* Loads and plans; says what is wrong on standard error. False = trouble. native_work_done after either. */
bool native_work_load(const struct native_options *options, struct native_work *work);
void native_work_done(struct native_work *work);
/* Asks the upstream; the answer lives in the arena. */
rg_status native_work_ask(struct native_work *work, struct rg_slice sql, struct rg_slice *out_answer) RG_MUST_CHECK;

#endif
