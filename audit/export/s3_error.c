/* SPDX-License-Identifier: Apache-2.0 */
/* What an answer of S3 that is no success means for whoever runs rowgate: the code as S3 gives it, and what to do. */
#include <stdio.h>

#include "audit/export/s3_private.h"

/* Codes of AWS "Error responses", first fit; method "" = any, status 0 = any, code "" = any. */
static const struct row {
    const char *code;
    const char *method;
    long status;
    enum rg_kind kind;
    const char *advice;
} rows[] = {
    {"SignatureDoesNotMatch", "", 0, RG_DENIED, "the secret key is wrong, or something between changed the request"},
    {"InvalidAccessKeyId", "", 0, RG_DENIED, "the server does not know this access key"},
    {"RequestTimeTooSkewed", "", 0, RG_DENIED, "this machine's clock is off: set it"},
    {"ExpiredToken", "", 0, RG_DENIED, "the session token has ended: new credentials are needed"},
    {"InvalidToken", "", 0, RG_DENIED, "the session token is not right"},
    {"NoSuchBucket", "", 0, RG_CONFIG, "create the bucket, with Object Lock, or correct url, endpoint or region"},
    {"AuthorizationHeaderMalformed", "", 0, RG_CONFIG, "region is not the bucket's"},
    {"PermanentRedirect", "", 0, RG_CONFIG, "region or endpoint is not the bucket's"},
    {"TemporaryRedirect", "", 0, RG_UPSTREAM, "region or endpoint is not the bucket's, or the bucket is new"},
    {"IllegalLocationConstraintException", "", 0, RG_CONFIG, "region is not the bucket's"},
    {"ObjectLockConfigurationNotFoundError", "", 0, RG_CONFIG, "the bucket has no Object Lock"},
    {"InvalidRequest", "PUT", 400, RG_CONFIG,
     "the bucket has no Object Lock, or the server wants Content-MD5 (content_md5 = true)"},
    {"InvalidBucketState", "", 0, RG_CONFIG, "the bucket has no versioning"},
    {"BadDigest", "", 0, RG_UPSTREAM, "what arrived is not what was sent"},
    {"XAmzContentSHA256Mismatch", "", 0, RG_UPSTREAM, "what arrived is not what was sent"},
    {"InvalidDigest", "", 0, RG_CONFIG, "the server takes no x-amz-checksum-sha256"},
    {"NotImplemented", "", 0, RG_CONFIG, "the server lacks a feature that is needed"},
    {"SlowDown", "", 0, RG_UPSTREAM, "too many requests"},
    {"KMS.DisabledException", "", 0, RG_CONFIG, "the bucket's key is disabled"},
    {"AccessDenied", "PUT", 0, RG_DENIED,
     "the credentials need s3:PutObject and, with object_lock, s3:PutObjectRetention (legal holds: "
     "s3:PutObjectLegalHold)"},
    {"AccessDenied", "", 0, RG_DENIED,
     "the credentials need s3:GetObject, s3:GetObjectVersion, s3:GetObjectRetention, s3:GetObjectLegalHold, "
     "s3:ListBucket, s3:ListBucketVersions, s3:GetBucketVersioning, s3:GetBucketObjectLockConfiguration"},
    {"", "", 401, RG_DENIED, "wrong credentials"},
    {"", "HEAD", 403, RG_DENIED,
     "wrong credentials, or they lack s3:GetObject, s3:GetObjectRetention or s3:ListBucket"},
    {"", "", 403, RG_DENIED, "wrong credentials, or a permission is missing"},
    {"", "", 404, RG_CONFIG, "the server has nothing under this name"},
    {"", "", 408, RG_UPSTREAM, "the server waited too long for us"},
    {"", "", 409, RG_UPSTREAM, "another writer was there at the same moment"},
    {"", "", 429, RG_UPSTREAM, "too many requests"},
};

static const struct row *find_row(const struct s3_request *request, const struct s3_answer *answer)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool has_code = rows[i].code[0] == '\0' || strcmp(rows[i].code, answer->code) == 0;
        bool has_method = rows[i].method[0] == '\0' || strcmp(rows[i].method, request->method) == 0;
        if (has_code && has_method && (rows[i].status == 0 || rows[i].status == answer->status)) {
            return &rows[i];
        }
    }
    return NULL;
}

rg_status s3_fail(const struct s3 *s3, const struct s3_request *request, const struct s3_answer *answer)
{
    const struct row *row = find_row(request, answer);
    enum rg_kind fallback = answer->status >= 500 ? RG_UPSTREAM : RG_PROTOCOL;
    const char *advice = row != NULL ? row->advice : answer->status >= 500 ? "the server is in trouble" : "";
    return rg_fail(row != NULL ? row->kind : fallback, "%s %.100s%.100s: %ld%s%s%s%.80s%s%s%s", request->method,
                   s3->name, request->key == NULL ? "" : request->key, answer->status,
                   answer->code[0] == '\0' ? "" : " ", answer->code, answer->message[0] == '\0' ? "" : " \"",
                   answer->message, answer->message[0] == '\0' ? "" : "\"", advice[0] == '\0' ? "" : ": ", advice);
}
