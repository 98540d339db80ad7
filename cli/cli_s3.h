/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_CLI_S3_H
#define RG_CLI_S3_H

#include "audit/export/s3_verify.h"
#include "proxy/config.h"

/* The arguments that say which bucket, by which way, with which credentials. */

struct cli_s3 { /* as given; NULL = not */
    const char *url;
    const char *endpoint;
    const char *region;
    const char *addressing;
    const char *ca_file;
    const char *proxy;
    const char *credentials;
    const char *origin;
    const char *lock;
    const char *max_lag;
    const char *max_age;
    const char *config;
};

#define CLI_S3_USAGE                                                                                                   \
    "S3 options:\n"                                                                                                    \
    "-c FILE             all of the following as [audit.s3] there has them, but for --max-lag, --max-age\n"            \
    "--endpoint URL      https://HOST[:PORT]; without it Amazon's of the region\n"                                     \
    "--region NAME       AWS_REGION, or us-east-1\n"                                                                   \
    "--addressing HOW    path or virtual; path when there is an --endpoint\n"                                          \
    "--ca-file FILE      the authority of the server's certificate\n"                                                  \
    "--proxy URL         an HTTP proxy\n"                                                                              \
    "--credentials REF   env (AWS_ACCESS_KEY_ID, ...), file:PATH (TOML: access_key, secret_key, session_token) or\n"   \
    "                    instance; to read and to list is enough\n"                                                    \
    "--origin ORIGIN     which log, when the bucket holds several\n"                                                   \
    "--object-lock MODE  every object must be locked by compliance, or governance at least; without it as the log\n"   \
    "                    recorded it\n"                                                                                \
    "--max-lag AGE       records that are anchored for longer must be there as a segment; 1h\n"                        \
    "--max-age AGE       the newest anchor may be so old; any age\n"

/* The place of an argument's value; NULL = the name is none of these. */
const char **cli_s3_find(const char *name, struct cli_s3 *s3);
bool cli_s3_is_given(const struct cli_s3 *s3);
/* Fills options->s3 and what belongs to it. *out_config, when -c was given, must live as long as options.
 * RG_CONFIG with what is wrong. */
rg_status cli_s3_take(const struct cli_s3 *s3, struct rg_arena *arena, struct config **out_config,
                      struct s3_verify_options *options) RG_MUST_CHECK;

#endif
