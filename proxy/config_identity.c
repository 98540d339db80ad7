/* SPDX-License-Identifier: Apache-2.0 */
/* Who may call: [claims], [[service_accounts]]. Identity providers: config_idp.c. */
#include "proxy/config_private.h"

/* ---- claims ---- */

static rg_status read_from(struct config_draft *draft, const struct config_raw_claim *raw, struct auth_claim_spec *spec)
{
    const struct rg_toml_node *node = raw->from;
    struct config_raw_from from = {0};
    if (node == NULL) {
        return RG_OK;
    }
    if (node->type == RG_TOML_TABLE) {
        RG_TRY(rg_schema_read(&draft->context, &config_schema_from, node, &from));
        spec->oidc_path = from.oidc.text;
        spec->saml_name = from.saml.text;
        return RG_OK;
    }
    if (node->type != RG_TOML_STRING || node->text.size == 0 ||
        memchr(node->text.data, '\0', node->text.size) != NULL) {
        config_error(draft, node->place, "\"from\" must be a claim's name or { oidc = \"$.path\", saml = \"name\" }");
        return RG_OK;
    }
    spec->oidc_path = node->text;
    return RG_OK;
}

static bool is_claim_name(struct rg_slice name)
{
    return config_is_name(name) && memchr(name.data, '-', name.size) == NULL; /* it stands in SQL as :name */
}

static void check_claim(struct config_draft *draft, const struct config_raw_claim *raw, struct auth_type type)
{
    if (!is_claim_name(raw->head.name)) {
        config_error(draft, raw->head.name_place, "a claim's name must be letters, digits and _, as in :name");
    }
    if (raw->split.is_given && !type.is_array) {
        config_error(draft, raw->split.place, "\"split\" needs a list type such as \"text[]\"");
    }
    if (raw->max.is_given && !type.is_array) {
        config_error(draft, raw->max.place, "\"max\" needs a list type such as \"text[]\"");
    }
    if (raw->lower.value != 0 && type.scalar != AUTH_SCALAR_TEXT) {
        config_error(draft, raw->lower.place, "\"lower\" needs the type \"text\" or \"text[]\"");
    }
}

static rg_status make_claim(struct config_draft *draft, const struct config_raw_claim *raw,
                            struct auth_claim_spec *out_spec)
{
    struct auth_claim_spec spec = {.name = raw->head.name, .split = raw->split.text};
    spec.type.scalar = AUTH_SCALAR_TEXT; /* when the type is wrong or missing, what uses the claim is not blamed too */
    RG_TRY(read_from(draft, raw, &spec));
    if (auth_type_find(raw->type.text, &spec.type)) {
        check_claim(draft, raw, spec.type);
    } else if (raw->type.is_given) {
        config_error(draft, raw->type.place,
                     "no type \"%.*s\"; one of text, uuid, int4, int8, numeric, bool, date, timestamptz, or a list "
                     "such as text[]",
                     rg_slice_shown(raw->type.text), raw->type.text.data);
    }
    spec.required = raw->required.value != 0;
    spec.lower = raw->lower.value != 0;
    spec.max_elements = (size_t)raw->max.value;
    *out_spec = spec;
    return RG_OK;
}

rg_status config_make_claims(struct config_draft *draft)
{
    const struct config_raw_claim *raws = draft->raw.claims.items;
    struct auth_claim_spec *specs = NULL;
    RG_TRY(config_check_unique(draft, &draft->raw.claims, sizeof *raws, "claim"));
    RG_TRY(rg_arena_array(draft->arena, draft->raw.claims.count, sizeof *specs, (void **)&specs));
    for (size_t i = 0; i < draft->raw.claims.count; i++) {
        RG_TRY(make_claim(draft, &raws[i], &specs[i]));
    }
    draft->config->claims = specs;
    draft->config->claim_count = draft->raw.claims.count;
    return RG_OK;
}

/* ---- service accounts ---- */

static rg_status constant_text(struct config_draft *draft, const struct rg_toml_node *node, struct rg_slice *out_text)
{
    if (node->type == RG_TOML_STRING) {
        *out_text = node->text;
        return RG_OK;
    }
    if (node->type == RG_TOML_INTEGER) {
        return rg_arena_printf(draft->arena, out_text, "%lld", (long long)node->integer);
    }
    if (node->type == RG_TOML_BOOL) {
        *out_text = node->boolean ? RG_SLICE("true") : RG_SLICE("false");
        return RG_OK;
    }
    config_error(draft, node->place, "a claim must be a string, an integer, a boolean, or a list of these");
    *out_text = (struct rg_slice){NULL, 0};
    return RG_OK;
}

static rg_status make_constant(struct config_draft *draft, const struct rg_toml_node *node,
                               struct auth_claim_constant *out_constant)
{
    bool is_list = node->type == RG_TOML_ARRAY;
    size_t count = is_list ? node->child_count : 1;
    struct rg_slice *texts = NULL;
    RG_TRY(rg_arena_array(draft->arena, count, sizeof *texts, (void **)&texts));
    const struct rg_toml_node *item = is_list ? node->first : node;
    for (size_t i = 0; i < count; i++, item = item->next) {
        RG_TRY(constant_text(draft, item, &texts[i]));
    }
    *out_constant = (struct auth_claim_constant){node->key, texts, count};
    return RG_OK;
}

rg_status config_make_constants(struct config_draft *draft, const struct rg_toml_node *node, size_t *out_count,
                                const struct auth_claim_constant **out_constants)
{
    struct auth_claim_constant *constants = NULL;
    size_t count = 0;
    if (node != NULL && node->type != RG_TOML_TABLE) {
        config_error(draft, node->place, "\"claims\" must be a table: { name = value }");
        return RG_OK;
    }
    RG_TRY(rg_arena_array(draft->arena, node == NULL ? 0 : node->child_count, sizeof *constants, (void **)&constants));
    for (const struct rg_toml_node *item = node == NULL ? NULL : node->first; item != NULL; item = item->next) {
        struct rg_schema_string name = {.text = item->key, .place = item->key_place};
        size_t at = 0;
        if (config_refer(draft, &draft->raw.claims, sizeof(struct config_raw_claim), "claim", &name, &at)) {
            RG_TRY(make_constant(draft, item, &constants[count++]));
        }
    }
    *out_constants = constants;
    *out_count = count;
    return RG_OK;
}

static rg_status make_account_claims(struct config_draft *draft, const struct config_raw_account *raw,
                                     const struct auth_claim_value **out_claims)
{
    const struct rg_toml_node *node = raw->claims;
    const struct auth_claim_constant *constants = NULL;
    size_t before = draft->diag->error_count;
    size_t count = 0;
    RG_TRY(config_make_constants(draft, node, &count, &constants));
    if (draft->diag->error_count != before) {
        return RG_OK;
    }
    rg_status status = auth_claims_from_constants(draft->config->claims, draft->config->claim_count, constants, count,
                                                  draft->arena, out_claims);
    if (!rg_is_ok(status)) {
        config_error(draft, node == NULL ? raw->head.place : node->place, "%s", status.error->text);
    }
    return RG_OK;
}

static rg_status make_account(struct config_draft *draft, const struct config_raw_account *raw,
                              struct config_account *out_account)
{
    struct config_account account = {.name = raw->name.text};
    if (raw->verifier.secret != NULL) {
        rg_status status =
            auth_scram_verifier_parse(rg_secret_slice(raw->verifier.secret), draft->arena, &account.verifier);
        if (!rg_is_ok(status)) {
            config_error(draft, raw->verifier.place, "\"verifier\": %s", status.error->text);
        }
    }
    RG_TRY(make_account_claims(draft, raw, &account.claims));
    *out_account = account;
    return RG_OK;
}

rg_status config_make_accounts(struct config_draft *draft)
{
    const struct config_raw_account *raws = draft->raw.accounts.items;
    struct config_account *accounts = NULL;
    RG_TRY(config_check_unique(draft, &draft->raw.accounts, sizeof *raws, "service account"));
    RG_TRY(rg_arena_array(draft->arena, draft->raw.accounts.count, sizeof *accounts, (void **)&accounts));
    for (size_t i = 0; i < draft->raw.accounts.count; i++) {
        RG_TRY(make_account(draft, &raws[i], &accounts[i]));
    }
    draft->config->accounts = accounts;
    draft->config->account_count = draft->raw.accounts.count;
    return RG_OK;
}
