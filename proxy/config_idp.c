/* SPDX-License-Identifier: Apache-2.0 */
/* [idp.NAME]: the list of identity providers, each filled by the file of its type. */
#include "auth/saml.h"
#include "proxy/config_private.h"

rg_status config_copy_texts(struct config_draft *draft, const struct rg_schema_list *list,
                            const struct rg_slice **out_texts)
{
    struct rg_slice *texts = NULL;
    RG_TRY(rg_arena_array(draft->arena, list->count, sizeof *texts, (void **)&texts));
    for (size_t i = 0; i < list->count; i++) {
        texts[i] = list->items[i].text;
    }
    *out_texts = texts;
    return RG_OK;
}

void config_check_ca_file(struct config_draft *draft, const struct rg_schema_string *ca_file)
{
    struct rg_secret *content RG_AUTO(rg_secret_free) = NULL;
    if (ca_file->is_given) {
        rg_status status = rg_secret_load_file(ca_file->text, ((struct rg_slice){NULL, 0}), &content);
        if (!rg_is_ok(status) && status.error->kind != RG_LIMIT) {
            config_error(draft, ca_file->place, "\"ca_file\": %.*s %s", rg_slice_shown(ca_file->text),
                         ca_file->text.data, status.error->text);
        }
    }
}

/* The same for SAML, where a session is found by the provider's name at logout. */
static void check_entities(struct config_draft *draft, const struct config_idp *idps)
{
    const struct config_raw_idp *raws = draft->raw.idps.items;
    for (size_t i = 0; i < draft->raw.idps.count; i++) {
        for (size_t j = 0; j < i; j++) {
            bool has_both = idps[i].saml != NULL && idps[j].saml != NULL;
            if (has_both && rg_slice_is_equal(idps[i].saml->idp.entity_id, idps[j].saml->idp.entity_id)) {
                config_error(draft, raws[i].metadata.place, "[idp.%.*s] has metadata of the same provider",
                             rg_slice_shown(idps[j].name), idps[j].name.data);
            }
        }
    }
}

/* Who signed a token is found by its issuer alone. */
static void check_issuers(struct config_draft *draft, const struct config_idp *idps, const struct auth_trust *trusts)
{
    const struct config_raw_idp *raws = draft->raw.idps.items;
    for (size_t i = 0; i < draft->raw.idps.count; i++) {
        for (size_t j = 0; j < i; j++) {
            bool has_both = idps[i].trust != CONFIG_IDP_NO_TRUST && idps[j].trust != CONFIG_IDP_NO_TRUST;
            struct rg_slice issuer = has_both ? trusts[idps[i].trust].issuer : (struct rg_slice){NULL, 0};
            if (issuer.size > 0 && rg_slice_is_equal(issuer, trusts[idps[j].trust].issuer)) {
                config_error(draft, raws[i].issuer.is_given ? raws[i].issuer.place : raws[i].head.place,
                             "[idp.%.*s] has the same issuer", rg_slice_shown(raws[j].head.name),
                             raws[j].head.name.data);
            }
        }
    }
}

void config_check_idp_keys(struct config_draft *draft, const struct config_idp_key *keys, size_t count,
                           const char *type)
{
    for (size_t i = 0; i < count; i++) {
        if (keys[i].is_given) {
            config_error(draft, keys[i].place, "\"%s\" is no key of type \"%s\"", keys[i].name, type);
        }
    }
}

static void check_oidc_keys(struct config_draft *draft, const struct config_raw_idp *raw)
{
    const struct config_idp_key keys[] = {
        {"metadata", raw->metadata.is_given, raw->metadata.place},
        {"entity_id", raw->entity_id.is_given, raw->entity_id.place},
        {"private_key", raw->private_key.is_given, raw->private_key.place},
        {"certificate", raw->certificate.is_given, raw->certificate.place},
        {"subject_attribute", raw->subject_attribute.is_given, raw->subject_attribute.place},
        {"user_attribute", raw->user_attribute.is_given, raw->user_attribute.place},
        {"allow_idp_initiated", raw->allow_idp_initiated.is_given, raw->allow_idp_initiated.place},
        {"require_encrypted_assertions", raw->require_encrypted.is_given, raw->require_encrypted.place},
        {"allow_sha1", raw->allow_sha1.is_given, raw->allow_sha1.place},
        {"allow_cbc", raw->allow_cbc.is_given, raw->allow_cbc.place},
    };
    config_check_idp_keys(draft, keys, sizeof keys / sizeof keys[0], "oidc");
}

/* Words of the key "type". */
enum { IDP_TYPE_OIDC = 0, IDP_TYPE_SAML };

/* An opaque token says nothing: it may be shown to one provider only. */
static void check_introspection(struct config_draft *draft)
{
    const struct config_raw_idp *raws = draft->raw.idps.items;
    const struct config_raw_idp *first = NULL;
    for (size_t i = 0; i < draft->raw.idps.count; i++) {
        if (raws[i].introspection.is_given && first != NULL) {
            config_error(draft, raws[i].introspection.place,
                         "[idp.%.*s] has \"introspection\", too: an opaque token could be either's",
                         rg_slice_shown(first->head.name), first->head.name.data);
        }
        first = raws[i].introspection.is_given && first == NULL ? &raws[i] : first;
    }
}

static rg_status make_idp(struct config_draft *draft, const struct config_raw_idp *raw, struct auth_trust *trusts,
                          struct config_idp *idp)
{
    size_t count = draft->config->trust_count;
    idp->name = raw->head.name;
    idp->display_name = raw->display_name.is_given ? raw->display_name.text : raw->head.name;
    idp->trust = CONFIG_IDP_NO_TRUST;
    if (raw->type.word == IDP_TYPE_SAML) {
        return config_make_idp_saml(draft, raw, idp);
    }
    check_oidc_keys(draft, raw);
    RG_TRY(config_make_idp_oidc(draft, raw, idp, &trusts[count]));
    if (trusts[count].name.size > 0) {
        idp->trust = count;
        draft->config->trust_count++;
    }
    return RG_OK;
}

rg_status config_make_idps(struct config_draft *draft)
{
    const struct config_raw_idp *raws = draft->raw.idps.items;
    struct auth_trust *trusts = NULL;
    struct config_idp *idps = NULL;
    RG_TRY(config_check_unique(draft, &draft->raw.idps, sizeof *raws, "idp"));
    RG_TRY(rg_arena_array(draft->arena, draft->raw.idps.count, sizeof *trusts, (void **)&trusts));
    RG_TRY(rg_arena_array(draft->arena, draft->raw.idps.count, sizeof *idps, (void **)&idps));
    for (size_t i = 0; i < draft->raw.idps.count; i++) {
        RG_TRY(make_idp(draft, &raws[i], trusts, &idps[i]));
    }
    check_issuers(draft, idps, trusts);
    check_introspection(draft);
    check_entities(draft, idps);
    draft->config->trusts = trusts;
    draft->config->idps = idps;
    draft->config->idp_count = draft->raw.idps.count;
    return RG_OK;
}

const struct config_idp *config_idp_find(const struct config *config, struct rg_slice name)
{
    for (size_t i = 0; i < config->idp_count; i++) {
        if (rg_slice_is_equal(config->idps[i].name, name)) {
            return &config->idps[i];
        }
    }
    return NULL;
}

bool config_idp_is_trusted(const struct config *config, const struct config_idp *idp, enum auth_kind kind,
                           struct rg_slice issuer, bool is_login)
{
    if (idp == NULL) {
        return false;
    }
    if (kind == AUTH_SAML) {
        return is_login && idp->saml != NULL && rg_slice_is_equal(idp->saml->idp.entity_id, issuer);
    }
    if (kind != AUTH_OIDC) {
        return false;
    }
    const struct auth_trust *login = idp->oidc == NULL ? NULL : &idp->oidc->trust;
    const struct auth_trust *token = idp->trust == CONFIG_IDP_NO_TRUST ? NULL : &config->trusts[idp->trust];
    const struct auth_trust *trust = is_login ? login : token;
    return trust != NULL && auth_trust_names_issuer(trust, issuer);
}
