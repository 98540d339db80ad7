/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_EXPORT_S3_H
#define RG_AUDIT_EXPORT_S3_H

#include "base/rg_arena.h"
#include "base/rg_buf.h"
#include "base/rg_clock.h"
#include "base/rg_crypto.h"

/* A client of S3 and what speaks like it, over libcurl, which also signs (SigV4). One bucket and one prefix; keys are
 * given and told without the prefix. There is no operation that deletes. Each call blocks and is one attempt: the
 * caller tries again.
 *
 * Failures, each with what was asked, of which object, the HTTP status, S3's own code and message, and what to do:
 *   RG_UPSTREAM  not reached, timed out, 5xx, slow down: try again
 *   RG_DENIED    401 and 403: wrong credentials, clock, or a missing permission
 *   RG_CONFIG    no such bucket, no Object Lock or versioning, wrong region, no credentials: nothing an attempt mends
 *   RG_PROTOCOL  an answer that is none
 *   RG_LIMIT     larger than the caller takes
 *   RG_CLOSED    should_stop said so
 * No text holds a secret. */

enum s3_lock { S3_LOCK_OFF = 0, S3_LOCK_GOVERNANCE, S3_LOCK_COMPLIANCE };
enum s3_credentials_from {
    S3_FROM_ENVIRONMENT = 0, /* AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN */
    S3_FROM_FILE,            /* TOML: access_key, secret_key, session_token; read again after a 403 */
    S3_FROM_INSTANCE         /* the instance metadata service, version 2 (IMDSv2) */
};

enum {
    S3_KEY_MAX = 1024,    /* bytes of a key, S3's own limit */
    S3_VERSION_MAX = 256, /* bytes of a version's id */
    S3_ETAG_MAX = 128,
    S3_OBJECT_MAX = 1 << 30, /* bytes of a body */
};

struct s3_options {
    struct rg_slice bucket;
    struct rg_slice prefix;   /* empty, or ends in a slash; begins with none */
    struct rg_slice endpoint; /* "https://host[:port]" without a slash at its end; http only to a loopback address */
    struct rg_slice region;
    bool is_path_style; /* else the bucket is the first label of the host */
    enum s3_credentials_from credentials;
    struct rg_slice credentials_path;   /* of S3_FROM_FILE */
    struct rg_slice metadata_url;       /* of S3_FROM_INSTANCE; empty = AWS_EC2_METADATA_SERVICE_ENDPOINT, or
                                           http://169.254.169.254 */
    struct rg_slice ca_file;            /* empty = the machine's authorities */
    struct rg_slice proxy;              /* "http://..."; empty = none, whatever the environment says */
    unsigned connect_timeout_ms;        /* 0 = 10,000 */
    unsigned stall_timeout_s;           /* not a byte for so long; 0 = 60 */
    bool (*should_stop)(void *context); /* asked about once a second while a call waits; NULL = never */
    void *context;
};

struct s3;

/* "s3://bucket" or "s3://bucket/prefix[/]": the slash is put behind the prefix. RG_CONFIG. Slices live in arena. */
rg_status s3_url_parse(struct rg_slice url, struct rg_arena *arena, struct rg_slice *out_bucket,
                       struct rg_slice *out_prefix) RG_MUST_CHECK;

/* Copies the options; connects to nothing yet. RG_CONFIG, also when there are no credentials in the environment or
 * the file. Threads: one at a time per handle. */
rg_status s3_open(const struct s3_options *options, struct s3 **out_s3) RG_MUST_CHECK;
void s3_close(struct s3 **s3); /* nulls, accepts NULL */
/* "s3://bucket/prefix": for messages. Valid as long as s3. */
const char *s3_name(const struct s3 *s3);

/* What is known of one object's version, from the answer's headers. */
struct s3_object {
    bool is_there;   /* false: 404 (HEAD, GET); everything else is zero then */
    bool is_taken;   /* PUT with is_new: the key exists already (412); nothing was stored */
    bool is_marker;  /* the newest version is a delete marker; is_there is false then */
    uint64_t size;   /* of the body */
    bool has_sha256; /* the server told it */
    struct rg_digest sha256;
    enum s3_lock lock;
    int64_t until_us; /* retain until, microseconds since 1970 UTC; 0 = not locked */
    bool is_held;     /* legal hold */
    int64_t modified_us;
    char version[S3_VERSION_MAX + 1]; /* "" = the bucket has no versions */
};

struct s3_put {
    const char *key;
    struct rg_slice body;
    const char *content_type; /* NULL = application/octet-stream */
    enum s3_lock lock;
    int64_t until_us; /* of lock; whole seconds count */
    bool is_held;     /* with a legal hold from the start */
    bool is_new;      /* If-None-Match: *: only when there is no such key */
    bool has_md5;     /* Content-MD5 as well, for older servers */
};

/* Stores body as one object with x-amz-checksum-sha256, which the server checks. Of *out_object only is_taken, version
 * and sha256 are set. */
rg_status s3_put(struct s3 *s3, const struct s3_put *put, struct s3_object *out_object) RG_MUST_CHECK;
/* The newest version, or this one. */
rg_status s3_head(struct s3 *s3, const char *key, const char *version, struct s3_object *out_object) RG_MUST_CHECK;
/* The same, and its bytes to sink in pieces. version NULL = the newest. A sink that fails ends the call with its
 * status. */
struct s3_sink {
    rg_status (*put)(void *context, struct rg_slice bytes);
    void *context;
};
rg_status s3_get(struct s3 *s3, const char *key, const char *version, const struct s3_sink *sink,
                 struct s3_object *out_object) RG_MUST_CHECK;
/* The same for small ones. RG_LIMIT when larger than limit_bytes. */
rg_status s3_get_all(struct s3 *s3, const char *key, const char *version, size_t limit_bytes, struct rg_arena *arena,
                     struct rg_slice *out_bytes, struct s3_object *out_object) RG_MUST_CHECK;

/* An object or one version of it, as listed. Borrowed for the call. */
struct s3_entry {
    struct rg_slice key; /* NUL-terminated behind its end */
    struct rg_slice version;
    bool is_newest; /* listing of versions */
    bool is_marker; /* same: a delete marker */
    uint64_t size;
    int64_t modified_us;
    struct rg_slice etag;
};
/* Takes one entry; *should_end: no more are wanted. A failure ends the listing with its status. */
struct s3_taker {
    rg_status (*take)(void *context, const struct s3_entry *entry, bool *should_end);
    void *context;
};
/* The objects whose keys begin with `under`, ascending by bytes, behind `after` (NULL = from the first). */
rg_status s3_list(struct s3 *s3, const char *under, const char *after, const struct s3_taker *taker) RG_MUST_CHECK;
/* All versions and delete markers, also of what s3_list does not show; by key, the newest of a key first. */
rg_status s3_list_versions(struct s3 *s3, const char *under, const char *after,
                           const struct s3_taker *taker) RG_MUST_CHECK;

/* What the bucket promises. */
struct s3_bucket {
    bool is_versioned;
    bool is_lockable; /* Object Lock is enabled */
};
rg_status s3_get_bucket(struct s3 *s3, struct s3_bucket *out_bucket) RG_MUST_CHECK;

/* Sets or lifts a legal hold on one version; version NULL = the newest. RG_CONFIG when there is no such object. */
rg_status s3_put_legal_hold(struct s3 *s3, const char *key, const char *version, bool is_held) RG_MUST_CHECK;
/* Sets one version's retention; a server shortens none of S3_LOCK_COMPLIANCE. Same. */
rg_status s3_put_retention(struct s3 *s3, const char *key, const char *version, enum s3_lock lock,
                           int64_t until_us) RG_MUST_CHECK;
/* Of *out_object lock, until_us and is_held, from HEAD. */
rg_status s3_get_retention(struct s3 *s3, const char *key, const char *version,
                           struct s3_object *out_object) RG_MUST_CHECK;

/* "COMPLIANCE", "GOVERNANCE", "": as S3 writes it. Static storage. */
const char *s3_lock_name(enum s3_lock lock);

#endif
