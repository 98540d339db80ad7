/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_CONFIG_AUDIT_H
#define RG_PROXY_CONFIG_AUDIT_H

#include "audit/class.h"
#include "base/rg_diag.h"
#include "base/rg_secret.h"

/* What happens to the audit log's records after they were written: [audit.s3], [[audit.sinks]], [[audit.witnesses]],
 * [audit.cluster], [audit.retention], [audit.personal]. Part of struct config_audit; every slice is NUL-terminated
 * behind its end, empty = not given. Durations in microseconds. What stands here was checked: URLs by libcurl's own
 * parser, keys by the library that uses them. */

struct config_tls;

enum config_s3_lock { CONFIG_S3_COMPLIANCE = 0, CONFIG_S3_GOVERNANCE, CONFIG_S3_LOCK_OFF };
enum config_s3_credentials {
    CONFIG_S3_ENVIRONMENT = 0, /* AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN */
    CONFIG_S3_FILE,            /* credentials_path: read again when it changed, so not part of the snapshot */
    CONFIG_S3_INSTANCE,        /* the instance metadata service, IMDSv2 */
};

struct config_audit_s3 {
    bool is_given;
    struct rg_slice bucket;
    struct rg_slice prefix;   /* empty, or ends in a slash; begins with none */
    struct rg_slice endpoint; /* "https://host[:port]" without a slash at its end; never empty */
    struct rg_slice region;
    bool is_path_style; /* else the bucket is the first label of the host */
    enum config_s3_credentials credentials;
    struct rg_slice credentials_path; /* cred:NAME was made one */
    struct rg_slice ca_file;
    struct rg_slice proxy; /* "http://..."; empty = none, whatever the environment says */
    enum config_s3_lock lock;
    int64_t retain_us;
    bool has_content_md5;
    int64_t anchor_every_us;
    int64_t seal_every_us;
    struct rg_place place;
};

enum config_sink_type { CONFIG_SINK_FILE = 0, CONFIG_SINK_SYSLOG, CONFIG_SINK_WEBHOOK, CONFIG_SINK_SPLUNK_HEC };

struct config_audit_sink {
    struct rg_slice name;
    enum config_sink_type type;
    struct rg_slice path;           /* of file: what is appended to */
    struct rg_slice url;            /* of the others: "tls://host:port" (syslog), "https://..." */
    const struct rg_secret *secret; /* webhook: key of the signature; splunk_hec: token; NULL = none */
    struct rg_slice ca_file;
    const struct rg_secret *certificate; /* PEM, of the client; NULL = none */
    const struct rg_secret *private_key; /* PEM; NULL exactly when there is no certificate */
    size_t batch_bytes;
    int64_t timeout_us;           /* of one batch, from its first byte to its answer */
    unsigned classes;             /* set of AUDIT_CLASS_*: what is sent; never empty */
    struct rg_slice splunk_index; /* empty = the token's own */
    struct rg_place place;
};

struct config_audit_witness {
    struct rg_slice name;
    struct rg_slice url; /* without a slash at its end: "/add-checkpoint" is put behind it */
    struct rg_slice key; /* verifier key, as written */
    struct rg_slice ca_file;
    int64_t timeout_us;
    struct rg_place place;
};

struct config_audit_peer {
    struct rg_slice origin;
    struct rg_slice url;  /* without a slash at its end */
    struct rg_slice root; /* verifier key of its root, named "<origin>/root" */
    struct rg_slice ca_file;
    int64_t timeout_us;
    struct rg_place place;
};

struct config_audit_cluster {
    bool is_given;
    size_t member_count; /* origins, this node's own among them */
    const struct rg_slice *members;
    struct rg_slice listen;       /* "host:port" where peers ask; empty = they are not answered */
    const struct config_tls *tls; /* of it; NULL = cleartext, which is on a loopback address then */
    int64_t every_us;             /* how often peers are asked */
    size_t peer_count;
    const struct config_audit_peer *peers;
    struct rg_place place;
};

struct config_audit_keep { /* [[audit.retention.rules]] */
    unsigned classes;      /* set of AUDIT_CLASS_*; never empty */
    size_t tenant_count;   /* 0 = all, and the records that are no tenant's */
    const struct rg_slice *tenants;
    int64_t keep_us; /* at least that of S3's lock */
};

struct config_audit_retention {
    bool is_given;    /* false = nothing is ever removed */
    int64_t keep_us;  /* of records that no rule names */
    int64_t local_us; /* on this machine's disk, INT64_MAX = as long as at all; only what is in S3 may go earlier */
    size_t rule_count;
    const struct config_audit_keep *rules; /* of several that name a record the longest holds */
};

struct config_audit_personal {
    bool is_encrypted;
    struct rg_slice keys; /* the directory of the subjects' key store; never in or above the log's */
    int64_t backups_us;
    int64_t unverified_us;
};

struct config_audit_life {
    struct config_audit_s3 s3;
    size_t sink_count;
    const struct config_audit_sink *sinks;
    size_t witness_count;
    const struct config_audit_witness *witnesses;
    struct config_audit_cluster cluster;
    struct config_audit_retention retention;
    struct config_audit_personal personal;
};

/* Whether anything leaves this machine or is asked of another: what the exporter's process is for. Pure. */
bool config_audit_is_exported(const struct config_audit_life *life);

#endif
