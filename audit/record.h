/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_RECORD_H
#define RG_AUDIT_RECORD_H

#include "base/rg_buf.h"
#include "base/rg_crypto.h"

/* One thing that happened, as the proxy knows it: slices and integers, no policy or tenant structs,
 * because the log format outlives refactors. Fill what is known and leave the rest zero: an empty
 * slice or a zero number is left out of the record. */

enum audit_kind {
    AUDIT_NONE = 0, /* refused by the encoder */
    AUDIT_LOGIN,
    AUDIT_LOGIN_FAILED,
    AUDIT_LOGOUT,
    AUDIT_STATEMENT,
    AUDIT_HTTP,           /* a request of the HTTP plane */
    AUDIT_CACHE_LEAK,     /* an answer of the upstream's cache was made for another view; verdict: did it leave? */
    AUDIT_SESSION_REVOKE, /* sessions ended by an operator's order, a provider's, or ours */
    AUDIT_CONSOLE,        /* a command of an operator at the admin console */
    AUDIT_SQL_ORPHAN,     /* statements of a session that no HTTP request is behind, where there should be one */
    AUDIT_POLICY_LOADED,
    AUDIT_POLICY_REFUSED,
    AUDIT_LOG_STARTED, /* from here on: written by the auditor itself, refused from clients */
    AUDIT_LOG_STOPPED,
    AUDIT_LOG_RECOVERED,
    AUDIT_LOG_CHECKPOINT,
    AUDIT_LOG_FAULT,
    AUDIT_EPOCH_OPEN,
    AUDIT_KEY_ROTATE,
    AUDIT_CLOCK_STEP,
    AUDIT_DISK_STATE,
    AUDIT_PROCESS_DIED,       /* message: which one, and how; by the auditor for the supervisor */
    AUDIT_PROCESS_MISBEHAVED, /* message: what a client of the auditor sent */
    AUDIT_EXPORT_SEGMENT,     /* a sealed segment is stored outside; by the exporter, as the next two */
    AUDIT_EXPORT_STATE,       /* a sink, witness or peer stopped working (verdict denied) or works again (allowed) */
    AUDIT_PEER_CKPT,          /* message: another node's newest checkpoint, the whole note */
    AUDIT_CLUSTER_MEMBERS,    /* message: the origins of all nodes, one a line */
    AUDIT_HOLD_PLACE,         /* by an operator's order, as those below */
    AUDIT_HOLD_RELEASE,
    AUDIT_RETENTION_PRUNE, /* before segments are removed */
    AUDIT_PII_ERASE,
    AUDIT_LOG_EXPORTED, /* object: a trail, a proof or evidence was made */
    AUDIT_KIND_COUNT
};

enum audit_phase {
    AUDIT_COMBINED = 0, /* decision and outcome in one record */
    AUDIT_DECISION,     /* written before the statement or request is forwarded, or its first byte answered */
    AUDIT_OUTCOME       /* how what was decided ended */
};

enum audit_verdict { AUDIT_DENIED = 0, AUDIT_ALLOWED, AUDIT_REWRITTEN };

/* Every slice may hold hostile bytes of any length, also NUL and invalid UTF-8: the encoder keeps
 * them all (docs/audit-format.md 5). */
struct audit_event {
    enum audit_kind kind;
    int64_t wall_us; /* when it happened, microseconds since 1970 UTC */

    /* who, from where; any kind */
    uint64_t session_id;
    struct rg_slice tenant;  /* verified tenant id; empty = not known (yet): the record joins no tenant chain */
    struct rg_slice user;    /* mapped user, or the claimed name of a failed login */
    struct rg_slice subject; /* "sub" of the token, or the account */
    struct rg_slice idp;     /* issuer, or "scram" */
    struct rg_slice client_address;
    uint16_t client_port;
    struct rg_slice database; /* as the client asked */
    struct rg_slice listener;
    struct rg_slice application_name; /* of the SQL session; the HTTP client's User-Agent */
    struct rg_slice upstream;         /* its name in the configuration */
    struct rg_slice policy;           /* digest of the configuration snapshot in force, as text */
    /* filled by the encoder alone, when it seals what is personal (audit/sealer.h): leave them empty */
    struct rg_slice personal_key;     /* id of the key with which these values are sealed; empty = they are clear */
    struct rg_slice personal_address; /* what stands for client_address, for those who hold the key */
    bool is_break_glass;              /* done while the log's disk was nearly full, by one of those who may */
    bool is_unmarked; /* a guest's statement about relations that does not say for which view it was made */

    /* the ruling; statements, failed logins, refused policies */
    enum audit_verdict verdict;
    struct rg_slice rule;     /* name of what allowed or denied it */
    struct rg_slice sqlstate; /* of the answer; empty = success */
    struct rg_slice message;  /* of the answer, or the reason */

    /* statements and requests */
    enum audit_phase phase;
    uint64_t statement_id;              /* chosen by the worker, unique in its session; links decision and outcome;
                                         * of a request: unique in the run */
    struct rg_slice class_name;         /* READ, WRITE, DDL, SESSION, MISC, ...; of a request: audit/web.h */
    struct rg_slice sql;                /* the client's own text, a placeholder in the place of each literal */
    struct rg_slice literals;           /* of sql: a list of base/rg_literal.h */
    struct rg_slice sql_sent;           /* what was sent upstream when it differs, in the same way */
    struct rg_slice literals_sent;      /* of sql_sent */
    struct rg_slice binds;              /* values of $1.., put by audit_bind_put; empty = none, or not recorded */
    const struct rg_digest *sql_sha256; /* of the client's own text with its literals; NULL = left out */
    const struct rg_slice *relations;   /* physical names, "schema.table" */
    size_t relation_count;
    uint64_t rows;        /* outcome and combined: always written */
    uint64_t bytes;       /* of the result, as sent to the client; same */
    uint64_t duration_us; /* same */

    /* requests; reference also of logins, failed logins and logouts over HTTP, and of SQL sessions that a request is
     * behind, with all their statements */
    struct rg_slice reference; /* "r-...": as shown to the user */
    struct rg_slice method;
    struct rg_slice path;                   /* as routed: decoded once */
    struct rg_slice query;                  /* as it came, without what is secret in it */
    struct rg_slice action;                 /* "dashboard.view"; empty = no route: the path may be anything */
    uint16_t status;                        /* of the answer; 0 = none is known */
    const struct rg_digest *digest_before;  /* of the resource as it was; NULL = left out, as the two below */
    const struct rg_digest *digest_after;   /* and as it became */
    const struct rg_digest *request_sha256; /* of the request's body */
    struct rg_slice guest; /* id of the guest token behind it, reference of who asked for that; in SQL sessions, too */
    struct rg_slice digest_missing; /* why a digest that should be there is not: "before: HTTP 404" */

    /* log.recovered */
    uint64_t recovered_bytes;
    const struct rg_digest *recovered_sha256;
    uint64_t recovered_from_seq; /* number of the first record that was unfinished; log.fault: that was written again */

    /* log.checkpoint, epoch.open, key.rotate, clock.step, disk.state */
    uint64_t epoch;
    uint64_t record_count; /* of the log, before this one */
    uint64_t tenant_count;
    const struct rg_digest *heads_root; /* audit_heads_root */
    int64_t from_us;                    /* what the wall clock would have shown */
    int64_t to_us;                      /* what it showed */
    const char *disk_state;             /* "open", "low", "reserve", "closed" */
    uint64_t free_bytes;

    /* the log's own life: from AUDIT_EXPORT_SEGMENT on. These records join no tenant's chain: who they are about stands
     * in about_tenant. from_us (above) and until_us: a hold's time, until when a stored object is locked */
    struct rg_slice object; /* what it is about: the stored object's name, the sink, the peer's origin, the hold; of
                             * cache.leak: "cache/" and the key; of a
                             * request: "dashboard/12", several with commas between; of session.revoke: one session's
                             * id, empty = all of user, subject, about_tenant; rows: how many there were */
    struct rg_slice object_version;
    struct rg_slice operator_name; /* who gave the order, or the command of the console */
    struct rg_slice about_tenant;
    struct rg_slice about_subject;
    uint64_t first_seq; /* of the records it is about; export.segment, retention.prune, log.exported: always written */
    uint64_t last_seq;  /* same */
    int64_t until_us;
    const struct rg_digest *digest; /* of the stored object; of the tree of last_seq + 1 records; NULL = left out */
};

enum {
    AUDIT_LINE_MAX = 60 * 1024, /* bytes of one line without its LF (audit.md 3.2) */
};

/* Appends the event to out as one group of framed messages (audit/message.h): one record, and as many
 * continuation records as its long texts need. Nothing is trimmed.
 * Returns: ok; RG_LIMIT when out is full; RG_INTERNAL for an event without kind. On failure out is as before.
 * Threads: any; the event is borrowed for the call. */
rg_status audit_record_encode(const struct audit_event *event, struct rg_buf *out) RG_MUST_CHECK;

/* The same, for a stream of events: byte for byte what audit_record_encode appends, but what an event has in
 * common with earlier ones (the session's names, the statement's text) is not made again. Once the buffers have
 * grown, a usual statement allocates nothing. Holds at most some 16 MiB for statements and sessions each.
 * Threads: one at a time. */
struct audit_encoder;

struct audit_encoder *audit_encoder_new(void);
void audit_encoder_free(struct audit_encoder **encoder);
rg_status audit_encoder_put(struct audit_encoder *encoder, const struct audit_event *event,
                            struct rg_buf *out) RG_MUST_CHECK;
/* From now on personal values are written encrypted (audit/sealer.h), with KEY frames ahead of the records; origin is
 * the log's. RG_LIMIT. */
rg_status audit_encoder_seal(struct audit_encoder *encoder, struct rg_slice origin) RG_MUST_CHECK;
/* What the last audit_encoder_put appended was not sent. */
void audit_encoder_undo(struct audit_encoder *encoder);
/* A subject was erased: its next record gets a new key. name: audit_subject_hash. */
void audit_encoder_forget(struct audit_encoder *encoder, const struct rg_digest *name);

/* One value of a list of binds. */
enum audit_bind { AUDIT_BIND_HIDDEN = 0, AUDIT_BIND_NULL, AUDIT_BIND_TEXT, AUDIT_BIND_BINARY };

enum { AUDIT_BIND_HEAD = 5 /* bytes before the value: u8 what it is, u32 its size */ };

/* Appends the next value to a list; the bytes of a hidden one are not kept. RG_LIMIT when out is full. */
rg_status audit_bind_put(struct rg_buf *out, enum audit_bind bind, struct rg_slice value) RG_MUST_CHECK;

/* "login", "statement", ...: the kind as it stands in the record. Static storage. */
const char *audit_kind_name(enum audit_kind kind);

#endif
