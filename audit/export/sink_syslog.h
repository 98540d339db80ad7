/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_EXPORT_SINK_SYSLOG_H
#define RG_AUDIT_EXPORT_SINK_SYSLOG_H

#include "audit/export/task.h"

/* A sink that sends each line of the log as a syslog message: RFC 5424 over TLS (RFC 5425, octet counting), or over TCP
 * in the same framing to a loopback address. Facility 13 (log audit), severity 6, or 4 where OCSF says severity_id 3
 * and more; APP-NAME rowgate, MSGID the record's kind; structured data [rowgate@32473 seq="..." prev="..."];
 * the message is the line.
 *
 * Syslog has no answers: that the peer's machine acknowledged the bytes does not mean that its syslog server read them,
 * and a server that refuses a client certificate says so when the first batch is on its way (TLS 1.3). So a batch is
 * confirmed when the connection it went over has outlived it by EXPORT_SYSLOG_SETTLE_US; when the connection is lost,
 * everything younger is sent again. A server that dies with older messages in its memory loses them, and nothing on
 * this side can tell. */

enum { EXPORT_SYSLOG_SETTLE_US = 2000000 };

struct export_syslog_options {
    const char *name;
    const char *host;
    uint16_t port; /* 0 = 6514, of cleartext 601 */
    bool is_cleartext;
    const char *ca_file;         /* "" = the system's */
    struct rg_slice certificate; /* PEM, and its key; empty = none */
    struct rg_slice private_key;
    size_t batch_bytes;
    int64_t timeout_us; /* of connecting, and of one batch */
    unsigned classes;   /* AUDIT_CLASS_* */
};

/* Copies the options; connects in its first turn. RG_LIMIT when a text is too long. */
rg_status export_syslog_new(const struct export_syslog_options *options, struct export_task *out_task) RG_MUST_CHECK;

#endif
