/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_CLASS_H
#define RG_AUDIT_CLASS_H

#include "audit/record.h"

/* Records by what they tell, for filters: of sinks, of retention. Every kind is in exactly one class. Pure. */

enum {
    AUDIT_CLASS_LOGIN = 1U << 0,     /* logins, failed logins, logouts, revoked sessions */
    AUDIT_CLASS_STATEMENT = 1U << 1, /* statements, and those that no request is behind */
    AUDIT_CLASS_POLICY = 1U << 2,    /* configurations loaded and refused */
    AUDIT_CLASS_LOG = 1U << 3, /* the log's own life: starts, checkpoints, keys, exports, holds, prunes, erasures */
    AUDIT_CLASS_WEB = 1U << 4, /* requests of the HTTP plane, and what was wrong with their answers */
    AUDIT_CLASS_ALL = 31U,
};

/* "login", "statement", "policy", "log", "web", NULL: bit i is for name i. */
extern const char *const audit_class_names[];

/* Its bit; 0 for AUDIT_NONE and what is no kind. */
unsigned audit_class_of(enum audit_kind kind);

#endif
