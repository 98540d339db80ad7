/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_EXPORT_S3_PRIVATE_H
#define RG_AUDIT_EXPORT_S3_PRIVATE_H

#include <curl/curl.h>

#include "audit/export/s3.h"
#include "base/rg_secret.h"

/* The client's inside: s3_http.c makes one request, s3_credentials.c knows by whom, s3_xml.c reads answers, s3_error.c
 * says what went wrong, s3.c has the operations. */

enum { S3_ANSWER_MAX = 8 * 1024 * 1024, S3_CODE_MAX = 64, S3_MESSAGE_MAX = 200, S3_URL_MAX = 8192 };

/* ---- credentials ---- */

struct s3_credentials {
    struct rg_secret *access_key; /* not secret, but of the same life */
    struct rg_secret *secret_key;
    struct rg_secret *session_token; /* NULL = none */
    int64_t until_us;                /* wall clock; 0 = they do not end */
};
void s3_credentials_done(struct s3_credentials *credentials);
/* *io_credentials is made anew when it is empty or about to end. RG_CONFIG, RG_UPSTREAM. */
rg_status s3_credentials_get(const struct s3 *s3, struct s3_credentials *io_credentials) RG_MUST_CHECK;
/* The TOML file's content; the answer of the metadata service (JSON). Pure. RG_CONFIG, RG_PROTOCOL. */
rg_status s3_credentials_parse(struct rg_slice text, const char *file, struct s3_credentials *out) RG_MUST_CHECK;
rg_status s3_instance_parse(struct rg_slice json, struct s3_credentials *out) RG_MUST_CHECK;

/* ---- one request ---- */

struct s3 {
    struct s3_options options; /* texts in arena */
    struct rg_arena *arena;
    char *name;
    CURL *curl;
    struct s3_credentials credentials;
};

struct s3_header {
    const char *name; /* lower case */
    const char *value;
};

enum { S3_HEADERS_MAX = 12 };

struct s3_request {
    const char *method; /* "GET", "HEAD", "PUT" */
    const char *key;    /* NULL = the bucket */
    const char *query;  /* encoded, its names in ascending order, each with "="; NULL = none: libcurl 7.88 signs it as
                           it stands */
    struct s3_header headers[S3_HEADERS_MAX]; /* none begins with the name of another: libcurl sorts whole lines */
    size_t header_count;
    struct rg_slice body;       /* of PUT */
    const struct s3_sink *sink; /* of a 2xx answer's body; NULL = it is kept in s3_answer.body */
};

struct s3_answer {
    long status; /* HTTP */
    struct s3_object object;
    struct rg_buf body;
    char code[S3_CODE_MAX + 1]; /* of an <Error> */
    char message[S3_MESSAGE_MAX + 1];
};
void s3_answer_done(struct s3_answer *answer);
void s3_request_put_header(struct s3_request *request, const char *name, const char *value);
/* Signs, sends, takes the answer, whatever its status. RG_UPSTREAM, RG_CLOSED, RG_CONFIG, and the sink's failures. */
rg_status s3_perform(struct s3 *s3, const struct s3_request *request, struct s3_answer *out_answer) RG_MUST_CHECK;
/* The failure that an answer of another status than 2xx is. action: "PUT s3://bucket/key". */
rg_status s3_fail(const struct s3 *s3, const struct s3_request *request, const struct s3_answer *answer) RG_MUST_CHECK;

/* Percent-encodes as SigV4 wants it: all but A-Z a-z 0-9 - . _ ~ and, in paths, "/". RG_LIMIT. */
rg_status s3_encode(struct rg_slice text, bool keeps_slashes, struct rg_buf *out) RG_MUST_CHECK;
/* "2026-11-22T10:00:00Z", with or without a fraction; or "Sun, 22 Nov 2026 10:00:00 GMT". False for anything else. */
bool s3_time_parse(struct rg_slice text, int64_t *out_us);
enum { S3_TIME_SIZE = 24 };
void s3_time_format(int64_t us, char out_text[S3_TIME_SIZE]); /* "2026-11-22T10:00:00Z" */
enum s3_lock s3_lock_parse(struct rg_slice text);
/* curl options that every connection of ours has. False when libcurl refuses one. */
bool s3_set_limits(CURL *curl, const struct s3_options *options);
bool s3_global_init(void);

/* ---- answers (untrusted) ---- */

struct s3_page {
    const struct s3_entry *entries; /* in the arena */
    size_t count;
    bool is_truncated;
    struct rg_slice next; /* token, or key marker */
    struct rg_slice next_version;
};
/* Bounded, no DTD, no entity, no network. RG_PROTOCOL, RG_LIMIT when the arena is full. Pure. */
rg_status s3_xml_page(struct rg_slice xml, struct rg_arena *arena, struct s3_page *out_page) RG_MUST_CHECK;
rg_status s3_xml_lockable(struct rg_slice xml, bool *out_is_lockable) RG_MUST_CHECK;
rg_status s3_xml_versioned(struct rg_slice xml, bool *out_is_versioned) RG_MUST_CHECK;
/* Code and message of an error, printable ASCII; "" when there are none. */
void s3_xml_error(struct rg_slice xml, char out_code[S3_CODE_MAX + 1], char out_message[S3_MESSAGE_MAX + 1]);

#endif
