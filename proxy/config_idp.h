/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_CONFIG_IDP_H
#define RG_PROXY_CONFIG_IDP_H

#include "auth/oidc_login.h"

/* One [idp.NAME]: an identity provider and what people and programs may do with it. Immutable part of the snapshot. */

struct auth_saml_trust; /* auth/saml.h */

enum config_idp_type {
    CONFIG_IDP_NONE = 0, /* trusts nobody */
    CONFIG_IDP_OIDC,
    CONFIG_IDP_SAML,
};

#define CONFIG_IDP_NO_TRUST SIZE_MAX

struct config_idp {
    struct rg_slice name;         /* [idp.NAME], which also stands in our URLs */
    struct rg_slice display_name; /* for people; the name when the file gives none */
    enum config_idp_type type;
    size_t trust;                        /* OIDC: index in config.trusts, and in the snapshot's key cache; or
                                            CONFIG_IDP_NO_TRUST: tokens of this provider are never read */
    const struct auth_oidc_client *oidc; /* people log in here by a browser; NULL = not by OpenID Connect */
    const struct auth_saml_trust *saml;  /* the same by SAML; NULL = not */
    bool has_backchannel_logout;
};

struct config;

/* NULL = there is none of that name. */
const struct config_idp *config_idp_find(const struct config *config, struct rg_slice name);
/* Whether what this provider proved still counts: it is configured, by the same kind and with the same issuer. A login
 * by a browser (is_login) needs that people may log in there; else a token of its issuer must be acceptable. Pure. */
bool config_idp_is_trusted(const struct config *config, const struct config_idp *idp, enum auth_kind kind,
                           struct rg_slice issuer, bool is_login);
struct config_http_listener;
/* "https://bi.example.com/.rowgate/saml/NAME/LEAF": where the provider sends browsers and finds our metadata; leaf is
 * "acs", "slo" or "metadata". RG_LIMIT when the arena is full. */
rg_status config_idp_saml_url(const struct config_http_listener *listener, const struct config_idp *idp,
                              const char *leaf, struct rg_arena *arena, struct rg_slice *out_url) RG_MUST_CHECK;
/* True when people can log in here by a browser. Pure. */
static inline bool config_idp_has_login(const struct config_idp *idp)
{
    return idp->oidc != NULL || idp->saml != NULL;
}

#endif
