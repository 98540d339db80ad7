/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_EXPORT_SINK_WEBHOOK_H
#define RG_AUDIT_EXPORT_SINK_WEBHOOK_H

#include "audit/export/task.h"

/* A sink that POSTs batches of the log's lines, in order, at least once. Two shapes, one line of the body a record,
 * continuation records each on their own:
 *
 * webhook: application/x-ndjson, the lines as they stand in the log. Signed: "Rowgate-Timestamp: <seconds since 1970>"
 * and "Rowgate-Signature: v1=<hexadecimal of HMAC-SHA-256(secret, timestamp || '.' || body)>". "Rowgate-Batch:
 * <first number>-<last number>" is no more than a label for logs: it is not signed. Any answer of 2xx confirms a batch.
 *
 * splunk_hec: Splunk's HTTP Event Collector, {"time":...,"host":...,"source":"rowgate","sourcetype":"ocsf:json",
 * "event":<the line>} a record, "Authorization: Splunk <secret>". Only Splunk's own {"text":"Success","code":0}
 * confirms: a proxy's or a login page's 200 does not.
 *
 * Nothing is ever skipped: what a receiver refuses is sent again until it takes it, and the failure names the records.
 * Retry-After of 429 and 503 counts, up to EXPORT_WEBHOOK_PAUSE_MAX_US; after 413 batches are halved, down to one line.
 */

enum { EXPORT_WEBHOOK_PAUSE_MAX_US = 300000000 };

enum export_webhook_shape { EXPORT_WEBHOOK_SIGNED = 0, EXPORT_WEBHOOK_SPLUNK };

struct export_webhook_options {
    const char *name;
    enum export_webhook_shape shape;
    const char *url;
    const char *ca_file;         /* "" = the system's */
    struct rg_slice secret;      /* not empty */
    struct rg_slice certificate; /* PEM, and its key; empty = none */
    struct rg_slice private_key;
    const char *splunk_index; /* "" = the token's own */
    size_t batch_bytes;       /* a single longer line is a batch of its own */
    int64_t timeout_us;
    unsigned classes; /* AUDIT_CLASS_* */
};

/* Copies the options; connects in its first turn. RG_LIMIT when a text or secret is too long, RG_CONFIG without a
 * secret or when Splunk's is not printable ASCII. */
rg_status export_webhook_new(const struct export_webhook_options *options, struct export_task *out_task) RG_MUST_CHECK;

#endif
