/* SPDX-License-Identifier: Apache-2.0 */
/* [idp.NAME] with type = "saml": the provider's metadata, our keys, and what an assertion must be. */
#include "auth/saml_metadata.h"
#include "proxy/config_private.h"

static void check_keys(struct config_draft *draft, const struct config_raw_idp *raw)
{
    const struct config_idp_key others[] = {
        {"issuer", raw->issuer.is_given, raw->issuer.place},
        {"algorithms", raw->algorithms.is_given, raw->algorithms.place},
        {"jwks_cooldown", raw->jwks_cooldown.is_given, raw->jwks_cooldown.place},
        {"ca_file", raw->ca_file.is_given, raw->ca_file.place},
        {"jwks_uri", raw->jwks_uri.is_given, raw->jwks_uri.place},
        {"user_claim", raw->user_claim.is_given, raw->user_claim.place},
        {"issuer_template", raw->issuer_template.is_given, raw->issuer_template.place},
        {"client_id", raw->client_id.is_given, raw->client_id.place},
        {"client_secret", raw->client_secret.is_given, raw->client_secret.place},
        {"preset", raw->preset.is_given, raw->preset.place},
        {"scopes", raw->scopes.is_given, raw->scopes.place},
        {"introspection", raw->introspection.is_given, raw->introspection.place},
        {"backchannel_logout", raw->backchannel_logout.is_given, raw->backchannel_logout.place},
    };
    config_check_idp_keys(draft, others, sizeof others / sizeof others[0], "saml");
    if (!raw->metadata.is_given) {
        config_error(draft, raw->head.place, "\"metadata\" is missing in [idp.NAME]");
    }
    if (!raw->entity_id.is_given) {
        config_error(draft, raw->head.place, "\"entity_id\" is missing in [idp.NAME]");
    }
    if (raw->audience.count > 1) {
        config_error(draft, raw->audience.place, "\"audience\" must be one name for a provider of type \"saml\"");
    }
}

/* What the file holds is used until the next reload: a provider's new certificate comes by a new file and a reload. */
static rg_status read_metadata(struct config_draft *draft, const struct rg_schema_string *path,
                               struct auth_saml_idp *out_idp)
{
    struct rg_slice xml = {0};
    if (!path->is_given) {
        return RG_OK;
    }
    rg_status status = config_read_bytes(path->text.data, draft->arena, &xml);
    if (rg_is_ok(status)) {
        status = auth_saml_metadata_parse(xml, draft->arena, out_idp);
    }
    if (!rg_is_ok(status) && status.error->kind == RG_INTERNAL) {
        return status;
    }
    if (!rg_is_ok(status)) {
        config_error(draft, path->place, "\"metadata\": %.*s %s", rg_slice_shown(path->text), path->text.data,
                     status.error->text);
    }
    return RG_OK;
}

static void fill_trust(const struct config_draft *draft, const struct config_raw_idp *raw,
                       struct auth_saml_trust *trust)
{
    *trust = auth_saml_trust_default();
    trust->name = raw->head.name;
    trust->entity_id = raw->entity_id.text;
    trust->audience = raw->audience.count == 1 ? raw->audience.items[0].text : (struct rg_slice){NULL, 0};
    trust->private_key = rg_secret_slice(raw->private_key.secret);
    trust->certificate = rg_secret_slice(raw->certificate.secret);
    trust->subject_attribute = raw->subject_attribute.text;
    trust->user_attribute = raw->user_attribute.text;
    trust->claims = draft->config->claims;
    trust->claim_count = draft->config->claim_count;
    trust->clock_skew_us = raw->clock_skew.value;
    trust->allow_idp_initiated = raw->allow_idp_initiated.value != 0;
    trust->require_encrypted_assertions = raw->require_encrypted.value != 0;
    trust->allow_sha1 = raw->allow_sha1.value != 0;
    trust->allow_cbc = raw->allow_cbc.value != 0;
}

rg_status config_make_idp_saml(struct config_draft *draft, const struct config_raw_idp *raw, struct config_idp *idp)
{
    struct auth_saml_trust *trust = NULL;
    size_t before = draft->diag->error_count;
    RG_TRY(rg_arena_new(draft->arena, &trust));
    check_keys(draft, raw);
    fill_trust(draft, raw, trust);
    RG_TRY(read_metadata(draft, &raw->metadata, &trust->idp));
    if (draft->diag->error_count == before) {
        rg_status status = auth_saml_keys_check(trust->private_key, trust->certificate);
        status = rg_is_ok(status) ? auth_saml_trust_check(trust) : status;
        if (!rg_is_ok(status)) {
            config_error(draft, raw->head.place, "%s", status.error->text);
        }
    }
    idp->type = CONFIG_IDP_SAML;
    idp->saml = trust;
    return RG_OK;
}

rg_status config_idp_saml_url(const struct config_http_listener *listener, const struct config_idp *idp,
                              const char *leaf, struct rg_arena *arena, struct rg_slice *out_url)
{
    return rg_arena_printf(arena, out_url, "%.*s/.rowgate/saml/%.*s/%s", RG_SLICE_ARGS(listener->public_url),
                           RG_SLICE_ARGS(idp->name), leaf);
}
