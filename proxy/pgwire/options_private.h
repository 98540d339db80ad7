/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_PGWIRE_OPTIONS_PRIVATE_H
#define RG_PROXY_PGWIRE_OPTIONS_PRIVATE_H

#include "base/rg_arena.h"

/* The "options" start-up parameter: command-line switches for the server, of which only settings are
 * understood ("-c name=value", "-cname=value", "--name=value"). */
struct pgwire_options {
    struct rg_slice rest;
};

/* The next pair; *out_found false at the end. '-' in the name becomes '_' (ParseLongOption).
 * Returns: ok; RG_PROTOCOL for anything that is no setting; RG_LIMIT when arena is full. */
rg_status pgwire_options_get(struct pgwire_options *options, struct rg_arena *arena, struct rg_slice *out_name,
                             struct rg_slice *out_value, bool *out_found) RG_MUST_CHECK;

#endif
