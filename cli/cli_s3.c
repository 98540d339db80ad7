/* SPDX-License-Identifier: Apache-2.0 */
/* Which bucket: from arguments, the environment, or [audit.s3] of a configuration file. */
#include "cli/cli_s3.h"

#include <stdlib.h>

#include "cli/when.h"

const char **cli_s3_find(const char *name, struct cli_s3 *s3)
{
    const struct {
        const char *name;
        const char **value;
    } rows[] = {{"--s3", &s3->url},
                {"--endpoint", &s3->endpoint},
                {"--region", &s3->region},
                {"--addressing", &s3->addressing},
                {"--ca-file", &s3->ca_file},
                {"--proxy", &s3->proxy},
                {"--credentials", &s3->credentials},
                {"--origin", &s3->origin},
                {"--object-lock", &s3->lock},
                {"--max-lag", &s3->max_lag},
                {"--max-age", &s3->max_age},
                {"-c", &s3->config}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(name, rows[i].name) == 0) {
            return rows[i].value;
        }
    }
    return NULL;
}

bool cli_s3_is_given(const struct cli_s3 *s3)
{
    return s3->endpoint != NULL || s3->region != NULL || s3->addressing != NULL || s3->ca_file != NULL ||
           s3->proxy != NULL || s3->credentials != NULL || s3->origin != NULL || s3->lock != NULL ||
           s3->max_lag != NULL || s3->max_age != NULL || s3->config != NULL;
}

static rg_status take_config(const char *path, struct rg_arena *arena, struct config **out_config,
                             struct s3_verify_options *options)
{
    static const enum s3_lock locks[] = {[CONFIG_S3_COMPLIANCE] = S3_LOCK_COMPLIANCE,
                                         [CONFIG_S3_GOVERNANCE] = S3_LOCK_GOVERNANCE,
                                         [CONFIG_S3_LOCK_OFF] = S3_LOCK_OFF};
    static const enum s3_credentials_from froms[] = {[CONFIG_S3_ENVIRONMENT] = S3_FROM_ENVIRONMENT,
                                                     [CONFIG_S3_FILE] = S3_FROM_FILE,
                                                     [CONFIG_S3_INSTANCE] = S3_FROM_INSTANCE};
    struct rg_diag diag;
    rg_diag_init(&diag, arena);
    rg_status status = config_load(path, &diag, out_config);
    if (!rg_is_ok(status)) {
        return diag.first == NULL ? status
                                  : rg_fail(RG_CONFIG, "%s:%u: %.*s", diag.first->place.file, diag.first->place.line,
                                            rg_slice_shown(diag.first->text), diag.first->text.data);
    }
    const struct config_audit_s3 *s3 = &(*out_config)->audit.life.s3;
    if (!s3->is_given) {
        return rg_fail(RG_CONFIG, "%s has no [audit.s3]", path);
    }
    options->origin = (*out_config)->audit.origin;
    options->lock = locks[s3->lock];
    options->s3 = (struct s3_options){.bucket = s3->bucket,
                                      .prefix = s3->prefix,
                                      .endpoint = s3->endpoint,
                                      .region = s3->region,
                                      .is_path_style = s3->is_path_style,
                                      .credentials = froms[s3->credentials],
                                      .credentials_path = s3->credentials_path,
                                      .ca_file = s3->ca_file,
                                      .proxy = s3->proxy};
    return RG_OK;
}

static rg_status take_credentials(const char *text, struct s3_options *s3)
{
    struct rg_slice file = RG_SLICE("file:");
    if (strcmp(text, "env") == 0) {
        s3->credentials = S3_FROM_ENVIRONMENT;
    } else if (strcmp(text, "instance") == 0) {
        s3->credentials = S3_FROM_INSTANCE;
    } else if (rg_slice_has_prefix(rg_slice_of(text), file)) {
        s3->credentials = S3_FROM_FILE;
        s3->credentials_path = rg_slice_of(text + file.size);
    } else {
        return rg_fail(RG_CONFIG, "--credentials is env, instance or file:PATH");
    }
    return RG_OK;
}

static rg_status take_age(const char *text, const char *name, int64_t *out_us)
{
    int64_t now_us = rg_clock_wall_us(rg_clock_system());
    int64_t then_us = 0;
    if (text == NULL) {
        return RG_OK;
    }
    if (!when_parse(text, now_us, &then_us) || then_us >= now_us) {
        return rg_fail(RG_CONFIG, "%s is an age like 90s, 15m, 2h or 3d", name);
    }
    *out_us = now_us - then_us;
    return RG_OK;
}

static rg_status take_words(const struct cli_s3 *s3, struct s3_verify_options *options)
{
    if (s3->addressing != NULL) {
        options->s3.is_path_style = strcmp(s3->addressing, "path") == 0;
        if (!options->s3.is_path_style && strcmp(s3->addressing, "virtual") != 0) {
            return rg_fail(RG_CONFIG, "--addressing is path or virtual");
        }
    }
    if (s3->lock != NULL) {
        options->lock = strcmp(s3->lock, "compliance") == 0   ? S3_LOCK_COMPLIANCE
                        : strcmp(s3->lock, "governance") == 0 ? S3_LOCK_GOVERNANCE
                                                              : S3_LOCK_OFF;
        if (options->lock == S3_LOCK_OFF) {
            return rg_fail(RG_CONFIG, "--object-lock is compliance or governance");
        }
    }
    RG_TRY(s3->credentials == NULL ? RG_OK : take_credentials(s3->credentials, &options->s3));
    RG_TRY(take_age(s3->max_lag, "--max-lag", &options->max_lag_us));
    return take_age(s3->max_age, "--max-age", &options->max_age_us);
}

static rg_status take_endpoint(const struct cli_s3 *s3, struct rg_arena *arena, struct s3_options *options)
{
    const char *region = getenv("AWS_REGION");
    if (s3->region != NULL || options->region.size == 0) {
        options->region = rg_slice_of(s3->region != NULL ? s3->region : region != NULL ? region : "us-east-1");
    }
    if (s3->endpoint != NULL) {
        options->endpoint = rg_slice_of(s3->endpoint);
        options->is_path_style = true;
    }
    return options->endpoint.size > 0 ? RG_OK
                                      : rg_arena_printf(arena, &options->endpoint, "https://s3.%.*s.amazonaws.com",
                                                        RG_SLICE_ARGS(options->region));
}

rg_status cli_s3_take(const struct cli_s3 *s3, struct rg_arena *arena, struct config **out_config,
                      struct s3_verify_options *options)
{
    RG_TRY(s3->config == NULL ? RG_OK : take_config(s3->config, arena, out_config, options));
    RG_TRY(s3_url_parse(rg_slice_of(s3->url), arena, &options->s3.bucket, &options->s3.prefix));
    RG_TRY(take_endpoint(s3, arena, &options->s3));
    RG_TRY(take_words(s3, options));
    options->s3.ca_file = s3->ca_file != NULL ? rg_slice_of(s3->ca_file) : options->s3.ca_file;
    options->s3.proxy = s3->proxy != NULL ? rg_slice_of(s3->proxy) : options->s3.proxy;
    options->origin = s3->origin != NULL ? rg_slice_of(s3->origin) : options->origin;
    return RG_OK;
}
