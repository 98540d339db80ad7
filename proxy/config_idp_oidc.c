/* SPDX-License-Identifier: Apache-2.0 */
/* [idp.NAME] with type = "oidc": what its tokens must prove, and, with a client_id, how people log in there. */
#include "proxy/config_private.h"

/* ---- presets ---- */

enum preset { PRESET_ENTRA = 0, PRESET_GITHUB, PRESET_GOOGLE, PRESET_KEYCLOAK, PRESET_NONE };

#define SCOPES_MAX 4

struct preset_row {
    const char *issuer;
    const char *issuer_template;
    const char *scopes[SCOPES_MAX];
    bool is_plain_oauth;
};

static const struct preset_row presets[] = {
    [PRESET_ENTRA] = {.issuer = "https://login.microsoftonline.com/organizations/v2.0",
                      .issuer_template = "https://login.microsoftonline.com/{tid}/v2.0",
                      .scopes = {"openid", "profile", "email", "offline_access"}},
    [PRESET_GITHUB] = {.issuer = "https://github.com", .scopes = {"read:user"}, .is_plain_oauth = true},
    [PRESET_GOOGLE] = {.issuer = "https://accounts.google.com", .scopes = {"openid", "profile", "email"}},
    [PRESET_KEYCLOAK] = {.scopes = {"openid", "profile", "email"}},
    [PRESET_NONE] = {.scopes = {"openid", "profile", "email"}},
};

static const struct preset_row *preset_of(const struct config_raw_idp *raw)
{
    return &presets[raw->preset.is_given ? raw->preset.word : (unsigned)PRESET_NONE];
}

/* ---- what tokens must prove ---- */

static const char *const algorithms[] = {"RS256", "RS384", "RS512", "PS256", "PS384",
                                         "PS512", "ES256", "ES384", "ES512", "EdDSA"};
enum { ALGORITHM_COUNT = sizeof algorithms / sizeof algorithms[0] };

static const char *algorithm_at(const void *list, size_t at)
{
    (void)list;
    return algorithms[at];
}

static void check_algorithm(struct config_draft *draft, const struct rg_schema_string *name)
{
    if (auth_algorithm_is_known(name->text)) {
        return;
    }
    const char *near = rg_schema_nearest(name->text, algorithm_at, algorithms, ALGORITHM_COUNT);
    bool is_useful = near != NULL && auth_algorithm_is_known(rg_slice_of(near));
    config_error(draft, name->place, "\"%.*s\" is no algorithm that rowgate verifies%s%s%s", rg_slice_shown(name->text),
                 name->text.data, is_useful ? ", did you mean \"" : "", is_useful ? near : "", is_useful ? "\"?" : "");
}

static rg_status set_algorithms(struct config_draft *draft, const struct config_raw_idp *raw, struct auth_trust *trust)
{
    if (raw->algorithms.is_given) {
        for (size_t i = 0; i < raw->algorithms.count; i++) {
            check_algorithm(draft, &raw->algorithms.items[i]);
        }
        trust->algorithm_count = raw->algorithms.count;
        return config_copy_texts(draft, &raw->algorithms, &trust->algorithms);
    }
    struct rg_slice *all = NULL;
    RG_TRY(rg_arena_array(draft->arena, ALGORITHM_COUNT, sizeof *all, (void **)&all));
    trust->algorithms = all;
    trust->algorithm_count = 0;
    for (size_t i = 0; i < ALGORITHM_COUNT; i++) {
        if (auth_algorithm_is_known(rg_slice_of(algorithms[i]))) {
            all[trust->algorithm_count++] = rg_slice_of(algorithms[i]);
        }
    }
    return RG_OK;
}

static bool is_https(struct rg_slice url)
{
    struct rg_slice prefix = RG_SLICE("https://");
    return rg_slice_has_prefix(url, prefix) && url.size > prefix.size && url.data[prefix.size] != '/' &&
           strpbrk(url.data, " \t\r\n\"<>\\^`{|}") == NULL;
}

static bool is_audience_sound(const struct rg_schema_list *audience)
{
    for (size_t i = 0; i < audience->count; i++) {
        if (audience->items[i].text.size == 0) {
            return false;
        }
    }
    return audience->count > 0;
}

static void check_urls(struct config_draft *draft, const struct config_raw_idp *raw)
{
    if (raw->issuer.is_given && !is_https(raw->issuer.text)) {
        config_error(draft, raw->issuer.place, "\"issuer\" must be an https:// URL");
    } else if (raw->issuer.is_given && strpbrk(raw->issuer.text.data, "?#") != NULL) {
        config_error(draft, raw->issuer.place, "\"issuer\" must have no query and no fragment");
    }
    if (raw->jwks_uri.is_given && !is_https(raw->jwks_uri.text)) {
        config_error(draft, raw->jwks_uri.place, "\"jwks_uri\" must be an https:// URL");
    }
    if (!raw->issuer.is_given && preset_of(raw)->issuer == NULL) {
        config_error(draft, raw->head.place, "\"issuer\" is missing in [idp.NAME]");
    }
}

static void check_keys(struct config_draft *draft, const struct config_raw_idp *raw)
{
    bool has_client = raw->client_id.is_given;
    const struct {
        const char *name;
        bool is_given;
        struct rg_place place;
    } rows[] = {{"client_secret", raw->client_secret.is_given, raw->client_secret.place},
                {"scopes", raw->scopes.is_given, raw->scopes.place},
                {"introspection", raw->introspection.is_given, raw->introspection.place},
                {"backchannel_logout", raw->backchannel_logout.is_given, raw->backchannel_logout.place}};
    for (size_t i = 0; !has_client && i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].is_given) {
            config_error(draft, rows[i].place, "\"%s\" needs a \"client_id\"", rows[i].name);
        }
    }
    if (has_client && raw->client_id.text.size == 0) {
        config_error(draft, raw->client_id.place, "\"client_id\" must not be empty");
    }
    if (!has_client && !raw->audience.is_given) {
        config_error(draft, raw->head.place, "\"audience\" is missing in [idp.NAME]");
    }
}

static rg_status fill_trust(struct config_draft *draft, const struct config_raw_idp *raw, struct auth_trust *out_trust)
{
    const struct preset_row *preset = preset_of(raw);
    bool has_own_issuer = raw->issuer.is_given || preset->issuer == NULL;
    bool has_template = !has_own_issuer && preset->issuer_template != NULL;
    struct auth_trust trust = auth_trust_default();
    trust.name = raw->head.name;
    trust.issuer = has_own_issuer ? raw->issuer.text : rg_slice_of(preset->issuer);
    trust.issuer_template = raw->issuer_template.is_given ? raw->issuer_template.text
                            : has_template                ? rg_slice_of(preset->issuer_template)
                                                          : (struct rg_slice){NULL, 0};
    trust.audience_count = raw->audience.count;
    trust.is_login_only = !raw->audience.is_given && raw->client_id.is_given;
    trust.user_claim = raw->user_claim.text;
    trust.claims = draft->config->claims;
    trust.claim_count = draft->config->claim_count;
    trust.clock_skew_us = raw->clock_skew.value;
    trust.jwks_uri = raw->jwks_uri.text;
    trust.ca_file = raw->ca_file.text;
    trust.jwks_cooldown_us = raw->jwks_cooldown.value;
    RG_TRY(config_copy_texts(draft, &raw->audience, &trust.audiences));
    RG_TRY(set_algorithms(draft, raw, &trust));
    *out_trust = trust;
    return RG_OK;
}

/* ---- how people log in ---- */

static rg_status set_scopes(struct config_draft *draft, const struct config_raw_idp *raw,
                            struct auth_oidc_client *client)
{
    const char *const *given = preset_of(raw)->scopes;
    struct rg_slice *scopes = NULL;
    bool has_openid = false;
    if (raw->scopes.is_given) {
        client->scope_count = raw->scopes.count;
        RG_TRY(config_copy_texts(draft, &raw->scopes, &client->scopes));
    } else {
        RG_TRY(rg_arena_array(draft->arena, SCOPES_MAX, sizeof *scopes, (void **)&scopes));
        while (client->scope_count < SCOPES_MAX && given[client->scope_count] != NULL) {
            scopes[client->scope_count] = rg_slice_of(given[client->scope_count]);
            client->scope_count++;
        }
        client->scopes = scopes;
    }
    for (size_t i = 0; i < client->scope_count; i++) {
        struct rg_slice scope = client->scopes[i];
        has_openid = has_openid || rg_slice_is_equal(scope, RG_SLICE("openid"));
        if (scope.size == 0 || strpbrk(scope.data, " \t\r\n\"\\") != NULL) {
            config_error(draft, raw->scopes.place, "\"scopes\" must be words");
        }
    }
    if (!has_openid && !client->is_plain_oauth) {
        config_error(draft, raw->scopes.place, "\"scopes\" must have \"openid\": without it there is no ID token");
    }
    return RG_OK;
}

static void set_introspection(struct config_draft *draft, const struct config_raw_idp *raw,
                              struct auth_oidc_client *client)
{
    const struct rg_schema_string *given = &raw->introspection;
    bool is_discovered = rg_slice_is_equal(given->text, RG_SLICE("discovery"));
    if (!given->is_given) {
        return;
    }
    client->introspects = true;
    if (!is_discovered && !is_https(given->text)) {
        config_error(draft, given->place, "\"introspection\" must be \"discovery\" or an https:// URL");
    } else if (!raw->audience.is_given || client->client_secret.size == 0) {
        config_error(draft, given->place, "\"introspection\" needs an \"audience\" and a \"client_secret\"");
    }
    client->fixed.introspection = is_discovered ? (struct rg_slice){NULL, 0} : given->text;
}

/* docs.github.com: apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps, rest/users/users, rest/orgs/orgs. GitHub
 * Enterprise Server has its API below /api/v3. */
static rg_status set_github(struct config_draft *draft, struct auth_oidc_client *client)
{
    struct auth_oidc_endpoints *fixed = &client->fixed;
    struct rg_slice issuer = client->trust.issuer;
    struct rg_slice api = RG_SLICE("https://api.github.com");
    bool asks_organizations = false;
    if (!rg_slice_is_equal(issuer, rg_slice_of(presets[PRESET_GITHUB].issuer))) {
        RG_TRY(rg_arena_printf(draft->arena, &api, "%.*s/api/v3", RG_SLICE_ARGS(issuer)));
    }
    for (size_t i = 0; i < client->scope_count; i++) {
        asks_organizations = asks_organizations || rg_slice_is_equal(client->scopes[i], RG_SLICE("read:org"));
    }
    RG_TRY(rg_arena_printf(draft->arena, &fixed->authorization, "%.*s/login/oauth/authorize", RG_SLICE_ARGS(issuer)));
    RG_TRY(rg_arena_printf(draft->arena, &fixed->token, "%.*s/login/oauth/access_token", RG_SLICE_ARGS(issuer)));
    RG_TRY(rg_arena_printf(draft->arena, &fixed->user, "%.*s/user", RG_SLICE_ARGS(api)));
    if (asks_organizations) {
        RG_TRY(rg_arena_printf(draft->arena, &fixed->organizations, "%.*s/user/orgs", RG_SLICE_ARGS(api)));
    }
    fixed->wants_post = true;
    return RG_OK;
}

static rg_status make_client(struct config_draft *draft, const struct config_raw_idp *raw,
                             const struct auth_trust *trust, const struct auth_oidc_client **out_client)
{
    struct auth_oidc_client *client = NULL;
    struct rg_slice *audience = NULL;
    RG_TRY(rg_arena_new(draft->arena, &client));
    RG_TRY(rg_arena_new(draft->arena, &audience));
    *audience = raw->client_id.text;
    client->trust = *trust;
    client->trust.audiences = audience;
    client->trust.audience_count = 1;
    client->client_id = raw->client_id.text;
    client->client_secret = rg_secret_slice(raw->client_secret.secret);
    client->is_plain_oauth = preset_of(raw)->is_plain_oauth;
    RG_TRY(set_scopes(draft, raw, client));
    set_introspection(draft, raw, client);
    if (client->is_plain_oauth) {
        RG_TRY(set_github(draft, client));
    }
    *out_client = client;
    return RG_OK;
}

static void check_plain_oauth(struct config_draft *draft, const struct config_raw_idp *raw)
{
    const struct {
        const char *name;
        bool is_given;
        struct rg_place place;
    } rows[] = {{"audience", raw->audience.is_given, raw->audience.place},
                {"algorithms", raw->algorithms.is_given, raw->algorithms.place},
                {"jwks_uri", raw->jwks_uri.is_given, raw->jwks_uri.place},
                {"issuer_template", raw->issuer_template.is_given, raw->issuer_template.place}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].is_given) {
            config_error(draft, rows[i].place, "\"%s\" means nothing here: this provider signs no tokens",
                         rows[i].name);
        }
    }
    if (!raw->client_id.is_given || !raw->client_secret.is_given) {
        config_error(draft, raw->head.place, "this preset needs \"client_id\" and \"client_secret\"");
    }
}

rg_status config_make_idp_oidc(struct config_draft *draft, const struct config_raw_idp *raw, struct config_idp *idp,
                               struct auth_trust *out_trust)
{
    struct auth_trust trust = {0};
    size_t before = draft->diag->error_count;
    bool is_plain = preset_of(raw)->is_plain_oauth;
    idp->type = CONFIG_IDP_OIDC;
    check_urls(draft, raw);
    RG_TRY(fill_trust(draft, raw, &trust));
    config_check_ca_file(draft, &raw->ca_file);
    if (is_plain) {
        check_plain_oauth(draft, raw);
    } else {
        check_keys(draft, raw);
    }
    if (draft->diag->error_count == before && !is_plain && (is_audience_sound(&raw->audience) || trust.is_login_only)) {
        rg_status status = auth_trust_check(&trust);
        if (!rg_is_ok(status)) {
            config_error(draft, raw->head.place, "%s", status.error->text);
        }
    }
    if (raw->client_id.is_given) {
        RG_TRY(make_client(draft, raw, &trust, &idp->oidc));
    }
    idp->has_backchannel_logout = idp->oidc != NULL && !is_plain && raw->backchannel_logout.value != 0;
    *out_trust = is_plain ? (struct auth_trust){0} : trust;
    return RG_OK;
}
