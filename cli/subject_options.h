/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_CLI_SUBJECT_OPTIONS_H
#define RG_CLI_SUBJECT_OPTIONS_H

#include "proxy/subject.h"

/* --as USER@TENANT and --claim NAME=VALUE, as proxy/subject.h takes them. */

enum { SUBJECT_CLAIMS_MAX = 64 };

struct subject_options {
    struct subject_request request; /* its claims point to claims below */
    struct auth_claim_constant claims[SUBJECT_CLAIMS_MAX];
};

/* The user may hold '@'. false = not USER@TENANT. */
bool subject_options_take_as(struct subject_options *options, const char *text);
/* The same name again adds an element. false = not NAME=VALUE, too many, or the arena is full. */
bool subject_options_take_claim(struct subject_options *options, struct rg_arena *arena, const char *text);

#endif
