/* SPDX-License-Identifier: Apache-2.0 */
/* What [idp.NAME] becomes: a trust for its tokens, a client for its logins, and what the presets fill in. */
#include "auth/saml.h"
#include "tests/support/config_chunks.h"
#include "tests/support/config_test.h"

static const struct config_idp *load_idp(struct config_files *files, const char *idp)
{
    static char text[16384];
    size_t size = 0;
    config_files_init(files);
    for (size_t i = 0; i < CHUNK_COUNT; i++) {
        size += (size_t)snprintf(text + size, sizeof text - size, "%s", i == CHUNK_IDP ? idp : sound_chunks[i]);
    }
    config_files_write(files, "main.toml", text, size);
    assert_ok(config_files_load(files, "main.toml"));
    assert_int_equal(files->diag.error_count, 0);
    const struct config_idp *found = config_idp_find(files->config, RG_SLICE("main"));
    assert_non_null(found);
    return found;
}

static void without_a_client_only_tokens_are_trusted(void **state)
{
    (void)state;
    struct config_files files;
    const struct config_idp *idp = load_idp(&files, sound_chunks[CHUNK_IDP]);
    assert_int_equal(idp->type, CONFIG_IDP_OIDC);
    assert_int_equal(idp->trust, 0);
    assert_null(idp->oidc);
    assert_false(config_idp_has_login(idp));
    assert_slice(idp->display_name, "main");
    assert_null(config_idp_find(files.config, RG_SLICE("mai")));
    config_files_done(&files);
}

/* What was proved under an older configuration, or comes inside a capsule, is judged by today's. */
static void an_identity_counts_where_its_provider_still_says_so(void **state)
{
    (void)state;
    struct config_files files;
    const struct config_idp *idp = load_idp(
        &files,
        "[idp.main]\ntype = \"oidc\"\nissuer = \"https://k.example\"\naudience = [\"api\"]\nclient_id = \"bi\"\n");
    const struct config *config = files.config;
    struct rg_slice issuer = RG_SLICE("https://k.example");
    assert_true(config_idp_is_trusted(config, idp, AUTH_OIDC, issuer, true));
    assert_true(config_idp_is_trusted(config, idp, AUTH_OIDC, issuer, false));
    assert_false(config_idp_is_trusted(config, idp, AUTH_OIDC, RG_SLICE("https://k.example/"), true));
    assert_false(config_idp_is_trusted(config, idp, AUTH_OIDC, (struct rg_slice){0}, false));
    assert_false(config_idp_is_trusted(config, idp, AUTH_SAML, issuer, true));
    assert_false(config_idp_is_trusted(config, idp, AUTH_SCRAM, issuer, false));
    assert_false(config_idp_is_trusted(config, idp, AUTH_UNVERIFIED, issuer, true));
    assert_false(config_idp_is_trusted(config, NULL, AUTH_OIDC, issuer, true));
    struct config_idp other = *idp;
    other.oidc = NULL; /* nobody logs in there by a browser any more */
    assert_false(config_idp_is_trusted(config, &other, AUTH_OIDC, issuer, true));
    assert_true(config_idp_is_trusted(config, &other, AUTH_OIDC, issuer, false));
    other = *idp;
    other.trust = CONFIG_IDP_NO_TRUST; /* its tokens are not read any more */
    assert_false(config_idp_is_trusted(config, &other, AUTH_OIDC, issuer, false));
    assert_true(config_idp_is_trusted(config, &other, AUTH_OIDC, issuer, true));
    config_files_done(&files);
}

static void a_client_logs_in_with_its_own_audience(void **state)
{
    (void)state;
    struct config_files files;
    const struct config_idp *idp = load_idp(
        &files,
        "[idp.main]\ntype = \"oidc\"\npreset = \"keycloak\"\nissuer = \"https://k.example/realms/bi\"\n"
        "audience = [\"api\"]\nclient_id = \"bi\"\nclient_secret = \"env:PATH\"\nintrospection = \"discovery\"\n"
        "display_name = \"Corporate login\"\n");
    assert_slice(idp->display_name, "Corporate login");
    assert_true(config_idp_has_login(idp) && idp->has_backchannel_logout);
    assert_slice(idp->oidc->trust.audiences[0], "bi");
    assert_int_equal(idp->oidc->trust.audience_count, 1);
    assert_slice(files.config->trusts[idp->trust].audiences[0], "api");
    assert_int_equal(idp->oidc->scope_count, 3);
    assert_slice(idp->oidc->scopes[0], "openid");
    assert_true(idp->oidc->introspects && idp->oidc->client_secret.size > 0);
    assert_int_equal(idp->oidc->fixed.introspection.size, 0);
    assert_int_equal(idp->oidc->trust.claim_count, 2);
    config_files_done(&files);
}

static void a_client_without_an_audience_has_logins_only(void **state)
{
    (void)state;
    struct config_files files;
    const struct config_idp *idp =
        load_idp(&files, "[idp.main]\ntype = \"oidc\"\npreset = \"google\"\nclient_id = \"g\"\n"
                         "client_secret = \"env:PATH\"\nbackchannel_logout = false\n");
    assert_slice(idp->oidc->trust.issuer, "https://accounts.google.com");
    assert_true(files.config->trusts[idp->trust].is_login_only);
    assert_int_equal(files.config->trusts[idp->trust].audience_count, 0);
    assert_false(idp->has_backchannel_logout);
    config_files_done(&files);
}

static void entra_has_a_template_unless_one_directory_is_named(void **state)
{
    (void)state;
    struct config_files files;
    const char *const client = "client_id = \"e\"\nclient_secret = \"env:PATH\"\n";
    char text[512];
    (void)snprintf(text, sizeof text, "[idp.main]\ntype = \"oidc\"\npreset = \"entra\"\n%s", client);
    const struct config_idp *idp = load_idp(&files, text);
    assert_slice(idp->oidc->trust.issuer_template, "https://login.microsoftonline.com/{tid}/v2.0");
    assert_slice(files.config->trusts[idp->trust].issuer_template, "https://login.microsoftonline.com/{tid}/v2.0");
    assert_slice(idp->oidc->scopes[3], "offline_access");
    config_files_done(&files);
    (void)snprintf(text, sizeof text,
                   "[idp.main]\ntype = \"oidc\"\npreset = \"entra\"\n"
                   "issuer = \"https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0\"\n%s",
                   client);
    idp = load_idp(&files, text);
    assert_int_equal(idp->oidc->trust.issuer_template.size, 0);
    config_files_done(&files);
}

static void github_has_fixed_endpoints_and_no_trust(void **state)
{
    (void)state;
    struct config_files files;
    const struct config_idp *idp =
        load_idp(&files, "[idp.main]\ntype = \"oidc\"\npreset = \"github\"\nclient_id = \"h\"\n"
                         "client_secret = \"env:PATH\"\n");
    assert_int_equal(idp->trust, CONFIG_IDP_NO_TRUST);
    assert_int_equal(files.config->trust_count, 0);
    assert_true(idp->oidc->is_plain_oauth && !idp->has_backchannel_logout);
    assert_slice(idp->oidc->fixed.authorization, "https://github.com/login/oauth/authorize");
    assert_slice(idp->oidc->fixed.token, "https://github.com/login/oauth/access_token");
    assert_slice(idp->oidc->fixed.user, "https://api.github.com/user");
    assert_int_equal(idp->oidc->fixed.organizations.size, 0);
    config_files_done(&files);
    idp = load_idp(&files, "[idp.main]\ntype = \"oidc\"\npreset = \"github\"\nissuer = \"https://ghe.example\"\n"
                           "client_id = \"h\"\nclient_secret = \"env:PATH\"\nscopes = [\"read:user\", \"read:org\"]\n");
    assert_slice(idp->oidc->fixed.token, "https://ghe.example/login/oauth/access_token");
    assert_slice(idp->oidc->fixed.organizations, "https://ghe.example/api/v3/user/orgs");
    config_files_done(&files);
}

static void saml_has_the_providers_metadata_and_our_keys(void **state)
{
    (void)state;
    struct config_files files;
    const struct config_idp *idp =
        load_idp(&files, "[idp.main]\ntype = \"saml\"\nmetadata = \"idp.xml\"\nentity_id = \"urn:rowgate\"\n"
                         "private_key = \"rsa.pem\"\naudience = [\"urn:other\"]\nallow_idp_initiated = true\n"
                         "subject_attribute = \"employee\"\nclock_skew = \"2m\"\n");
    const struct auth_saml_trust *trust = idp->saml;
    assert_int_equal(idp->type, CONFIG_IDP_SAML);
    assert_true(config_idp_has_login(idp));
    assert_null(idp->oidc);
    assert_int_equal(idp->trust, CONFIG_IDP_NO_TRUST);
    assert_int_equal(files.config->trust_count, 0);
    assert_slice(trust->name, "main");
    assert_slice(trust->entity_id, "urn:rowgate");
    assert_slice(trust->audience, "urn:other");
    assert_slice(trust->idp.entity_id, "https://idp.example.com/metadata");
    assert_slice(trust->idp.sso_url, "https://idp.example.com/sso");
    assert_int_equal(trust->idp.certificate_count, 1);
    assert_slice(trust->subject_attribute, "employee");
    assert_int_equal(trust->clock_skew_us, INT64_C(120000000));
    assert_true(trust->allow_idp_initiated && trust->private_key.size > 0);
    assert_false(trust->allow_sha1 || trust->allow_cbc || trust->require_encrypted_assertions);
    assert_int_equal(trust->claim_count, 2);
    config_files_done(&files);
}

static void a_claim_has_a_name_for_each_protocol(void **state)
{
    (void)state;
    struct config_files files;
    (void)load_idp(&files, "[idp.main]\ntype = \"saml\"\nmetadata = \"idp.xml\"\nentity_id = \"urn:rowgate\"\n");
    assert_slice(files.config->claims[0].oidc_path, "$.tenant");
    assert_slice(files.config->claims[0].saml_name, "urn:tenant");
    assert_int_equal(files.config->claims[1].saml_name.size, 0);
    config_files_done(&files);
}

static void our_saml_endpoints_are_below_the_public_url(void **state)
{
    (void)state;
    struct rg_arena arena RG_AUTO(rg_arena_done) = {0};
    struct rg_slice url = {0};
    struct config_http_listener listener = {.public_url = RG_SLICE("https://bi.example.com:8443")};
    struct config_idp idp = {.name = RG_SLICE("main")};
    assert_fails(RG_LIMIT, config_idp_saml_url(&listener, &idp, "acs", &arena, &url));
    rg_arena_init(&arena, 4096);
    assert_ok(config_idp_saml_url(&listener, &idp, "acs", &arena, &url));
    assert_slice(url, "https://bi.example.com:8443/.rowgate/saml/main/acs");
}

int main(void)
{
    assert_int_equal(setenv("CONFIG_TEST_VERIFIER", VERIFIER, 1), 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(saml_has_the_providers_metadata_and_our_keys),
        cmocka_unit_test(a_claim_has_a_name_for_each_protocol),
        cmocka_unit_test(our_saml_endpoints_are_below_the_public_url),
        cmocka_unit_test(without_a_client_only_tokens_are_trusted),
        cmocka_unit_test(an_identity_counts_where_its_provider_still_says_so),
        cmocka_unit_test(a_client_logs_in_with_its_own_audience),
        cmocka_unit_test(a_client_without_an_audience_has_logins_only),
        cmocka_unit_test(entra_has_a_template_unless_one_directory_is_named),
        cmocka_unit_test(github_has_fixed_endpoints_and_no_trust),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
