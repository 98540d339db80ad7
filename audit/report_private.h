/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_REPORT_PRIVATE_H
#define RG_AUDIT_REPORT_PRIVATE_H

#include "audit/verify.h"

/* The report's two forms. Both append to out; RG_LIMIT when it is full, and out may hold a part then. */
rg_status report_text(const struct audit_report *report, struct rg_buf *out) RG_MUST_CHECK;
rg_status report_json(const struct audit_report *report, struct rg_buf *out) RG_MUST_CHECK;

/* "intact", "altered", ... Static storage. */
const char *report_result_name(enum audit_result result);
/* What no log can prove by itself. */
extern const char report_not_proven[];

#endif
