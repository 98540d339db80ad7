/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_CONFIG_AUDIT_PRIVATE_H
#define RG_PROXY_CONFIG_AUDIT_PRIVATE_H

#include "proxy/config_private.h"

/* Shared by config_audit*.c alone. */

struct config_url_rule {
    const char *scheme;
    const char *clear;  /* the scheme without encryption: for loopback addresses only; NULL = none */
    bool is_clear_fine; /* anywhere, not only on loopback: what is sent over it is encrypted by itself */
    bool has_path;      /* else the URL ends behind its host */
    bool is_base;       /* paths are put behind it: slashes at its end are dropped */
};

/* What is wrong is reported at the text's place. *out_url is untouched when the text is not given. (config_audit_s3.c)
 */
rg_status config_check_url(struct config_draft *draft, const struct rg_schema_string *text, const char *key,
                           const struct config_url_rule *rule, struct rg_slice *out_url) RG_MUST_CHECK;
/* Reports a file that is given and cannot be read. (config_audit_sinks.c) */
rg_status config_check_file(struct config_draft *draft, const struct rg_schema_string *path,
                            const char *key) RG_MUST_CHECK;

#endif
