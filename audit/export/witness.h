/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_EXPORT_WITNESS_H
#define RG_AUDIT_EXPORT_WITNESS_H

#include "audit/export/task.h"

/* The task that asks one witness (C2SP tlog-witness) to cosign the log's checkpoints: the newest, at most every five
 * seconds. The note with its cosignature goes to <directory>/export/cosigned/<key id, 8 hex digits>.note, which verify
 * counts (`--witness`). A witness that knows more records than the log has, or another history, is said at once: an
 * export.state record, a line in the operational log, and the task fails from then on; it does not close the log,
 * because what a witness refuses is not signed. */

#define EXPORT_COSIGNED "export/cosigned"

struct export_witness_options {
    const char *name; /* as configured: the task is "witness/<name>" */
    const char *url;  /* the submission prefix, without a slash at its end */
    const char *key;  /* verifier key of the witness's cosignatures */
    const char *ca_file;
    int64_t timeout_us;
};

/* Copies the options. RG_CONFIG: key is none of a witness. RG_INTERNAL. */
rg_status export_witness_new(const struct export_witness_options *options, struct export_task *out_task) RG_MUST_CHECK;

#endif
