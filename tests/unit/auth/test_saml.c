/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/saml.h"

#include <pthread.h>

#include "tests/support/rg_test.h"
#include "tests/vectors/saml/attacks.h"

static struct auth_saml_login untouched;

static rg_status judge(const char *xml, struct auth_saml_login *login, enum auth_saml_rule *rule)
{
    memset(login, 0x5a, sizeof *login);
    return auth_saml_judge(&saml_world.trust, &saml_world.expected, rg_slice_of(xml), &saml_world.arena, login, rule);
}

static void assert_login(const char *name, const char *xml)
{
    struct auth_saml_login login;
    enum auth_saml_rule rule = AUTH_SAML_NONE;
    rg_status status = judge(xml, &login, &rule);
    if (!rg_is_ok(status)) {
        fail_msg("%s: %s", name, status.error->text);
    }
    assert_int_equal(rule, AUTH_SAML_NONE);
    assert_int_equal(login.identity.kind, AUTH_SAML);
    assert_slice(login.identity.subject, "alice@example.com");
}

static void assert_refused(const char *name, enum auth_saml_rule wanted, const char *xml)
{
    struct auth_saml_login login;
    enum auth_saml_rule rule = AUTH_SAML_NONE;
    rg_status status = judge(xml, &login, &rule);
    if (rg_is_ok(status)) {
        fail_msg("%s: is a login", name);
        return;
    }
    if (status.error->kind != RG_DENIED || rule != wanted) {
        fail_msg("%s: %s (%s), expected %s", name, auth_saml_rule_name(rule), status.error->text,
                 auth_saml_rule_name(wanted));
    }
    assert_null(strstr(status.error->text, "example.com"));
    assert_memory_equal(&login, &untouched, sizeof login);
}

/* ---- the honest ---- */

static void accepts_a_signed_assertion_and_says_who_it_is(void **state)
{
    (void)state;
    struct auth_saml_login login;
    enum auth_saml_rule rule = AUTH_SAML_SIGNATURE;
    struct saml_recipe recipe = saml_recipe();
    saml_world_reset();
    assert_ok(judge(saml_write(&recipe), &login, &rule));
    assert_int_equal(rule, AUTH_SAML_NONE);
    assert_int_equal(login.identity.kind, AUTH_SAML);
    assert_slice(login.identity.idp, "main");
    assert_slice(login.identity.issuer, SAML_IDP);
    assert_slice(login.identity.subject, "alice@example.com");
    assert_slice(login.identity.user, "alice@example.com");
    assert_slice(login.identity.token_id, "_assertion1");
    assert_slice(login.assertion_id, "_assertion1");
    assert_slice(login.session_index, "_session1");
    assert_slice(login.name_id.value, "alice@example.com");
    assert_slice(login.name_id.format, "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress");
    assert_slice(login.name_id.sp_name_qualifier, SAML_ENTITY);
    assert_int_equal(login.name_id.name_qualifier.size, 0);
    assert_int_equal(login.identity.expires_at_us, SAML_NOW_US + INT64_C(1000000) * (8 * 3600 + 60));
    assert_int_equal(login.identity.issued_at_us, SAML_NOW_US - 2000000);
    assert_int_equal(login.replay_until_us, SAML_NOW_US + INT64_C(1000) * (298123 + 60000));
    assert_int_equal(login.identity.claim_count, 3);
    assert_slice(login.identity.claims[0].elements[0], "6f9619ff-8b86-4d01-b42d-00cf4fc964ff");
    assert_int_equal(login.identity.claims[1].count, 2);
    assert_slice(login.identity.claims[1].elements[1], "south");
    assert_false(login.identity.claims[2].is_present);
}

static void sign_by_ec(struct saml_recipe *recipe)
{
    recipe->key = saml_world.idp_ec;
    recipe->signature_method = MORE "ecdsa-sha256";
}

static void sign_by_the_next_key(struct saml_recipe *recipe)
{
    recipe->key = saml_world.idp_next;
    recipe->signature_method = MORE "rsa-sha512";
    recipe->digest_method = XENC "sha512";
}

static void allow_sha1(struct saml_recipe *recipe)
{
    sign_by_sha1(recipe);
    digest_by_sha1(recipe);
    saml_world.trust.allow_sha1 = true;
}

static void use_a_prefix_list(struct saml_recipe *recipe)
{
    recipe->transforms = "<ds:Transform Algorithm=\"" DSIG "enveloped-signature\"/>"
                         "<ds:Transform Algorithm=\"" EXC_C14N "\"><ec:InclusiveNamespaces xmlns:ec=\"" EXC_C14N
                         "\" PrefixList=\"xs saml\"/></ds:Transform>";
}

static void encrypt_in_a_signed_response(struct saml_recipe *recipe)
{
    encrypt_unsigned(recipe);
    recipe->sign_response = true;
}

static void encrypt_signed_in_signed(struct saml_recipe *recipe)
{
    recipe->encrypt = "AES-128-GCM";
    recipe->sign_response = true;
    saml_world.trust.require_encrypted_assertions = true;
}

static void begin_at_the_provider_allowed(struct saml_recipe *recipe)
{
    begin_at_the_provider(recipe);
    saml_world.trust.allow_idp_initiated = true;
}

static void be_at_the_last_moment(struct saml_recipe *recipe)
{
    (void)recipe;
    saml_world.expected.now_us = SAML_NOW_US + INT64_C(1000000) * 358 - 1;
}

static void have_no_destination(struct saml_recipe *recipe)
{
    recipe->destination = "";
}

static void have_a_configured_audience(struct saml_recipe *recipe)
{
    be_for_another_audience(recipe);
    saml_world.trust.audience = RG_SLICE("https://other.example.com/metadata");
}

static void be_confirmed_in_two_ways(struct saml_recipe *recipe)
{
    recipe->name_id = saml_print(
        "%s<saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:sender-vouches\"/>", recipe->name_id);
}

static char *declare_xml(char *xml)
{
    return saml_print("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n%s\n", xml);
}

static const struct honest_row {
    const char *name;
    void (*before)(struct saml_recipe *recipe);
    char *(*after)(char *xml);
} honest[] = {
    {"signed assertion", NULL, NULL},
    {"signed response", sign_the_response_only, NULL},
    {"both signed", sign_both, NULL},
    {"ECDSA", sign_by_ec, NULL},
    {"the next certificate, SHA-512", sign_by_the_next_key, NULL},
    {"SHA-1 where it is allowed", allow_sha1, NULL},
    {"a list of prefixes", use_a_prefix_list, NULL},
    {"encrypted, AES-256-GCM", encrypt, NULL},
    {"encrypted in a signed response", encrypt_in_a_signed_response, NULL},
    {"signed, encrypted, in a signed response, AES-128-GCM", encrypt_signed_in_signed, NULL},
    {"encrypted, AES-CBC where it is allowed", encrypt_by_cbc_and_allow_it, NULL},
    {"begun at the provider where it is allowed", begin_at_the_provider_allowed, NULL},
    {"at the last moment of its life and the skew", be_at_the_last_moment, NULL},
    {"an unsigned response without destination", have_no_destination, NULL},
    {"another audience that the configuration names", have_a_configured_audience, NULL},
    {"a second confirmation of another method", be_confirmed_in_two_ways, NULL},
    {"an XML declaration and a line end", NULL, declare_xml},
};

static void accepts_what_honest_providers_send(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof honest / sizeof honest[0]; i++) {
        saml_world_reset();
        struct saml_recipe recipe = saml_recipe();
        if (honest[i].before != NULL) {
            honest[i].before(&recipe);
        }
        char *xml = saml_write(&recipe);
        assert_login(honest[i].name, honest[i].after != NULL ? honest[i].after(xml) : xml);
    }
}

/* ---- the others ---- */

static void refuses_every_attack_by_its_rule(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof attacks / sizeof attacks[0]; i++) {
        saml_world_reset();
        struct saml_recipe recipe = saml_recipe();
        if (attacks[i].before != NULL) {
            attacks[i].before(&recipe);
        }
        char *xml = saml_write(&recipe);
        assert_refused(attacks[i].name, attacks[i].rule, attacks[i].after != NULL ? attacks[i].after(xml) : xml);
    }
}

static void no_changed_byte_makes_another_person(void **state)
{
    (void)state;
    saml_world_reset();
    struct saml_recipe recipe = saml_recipe();
    struct rg_slice text = rg_slice_of(saml_write(&recipe));
    static char honest_text[32 << 10];
    assert_true(text.size < sizeof honest_text);
    memcpy(honest_text, text.data, text.size + 1);
    size_t start = (size_t)(strstr(honest_text, "<saml:Assertion ") - honest_text);
    for (size_t i = start; i < text.size; i += 7) {
        rg_arena_reset(&saml_world.arena);
        struct auth_saml_login login;
        enum auth_saml_rule rule = AUTH_SAML_NONE;
        char kept = honest_text[i];
        honest_text[i] = (char)(kept ^ 1);
        rg_status status = judge(honest_text, &login, &rule);
        if (rg_is_ok(status)) { /* white space in base64, say */
            assert_slice(login.identity.subject, "alice@example.com");
            assert_slice(login.identity.claims[0].elements[0], "6f9619ff-8b86-4d01-b42d-00cf4fc964ff");
            assert_slice(login.session_index, "_session1");
        } else {
            assert_int_equal(status.error->kind, RG_DENIED);
            assert_int_not_equal(rule, AUTH_SAML_NONE);
        }
        honest_text[i] = kept;
    }
}

static void a_message_cut_anywhere_is_refused(void **state)
{
    (void)state;
    saml_world_reset();
    struct saml_recipe recipe = saml_recipe();
    struct rg_slice text = rg_slice_of(saml_write(&recipe));
    struct rg_slice copy = {0};
    struct rg_arena arena RG_AUTO(rg_arena_done) = {0};
    rg_arena_init(&arena, (size_t)1 << 20);
    assert_ok(rg_arena_copy(&arena, text, &copy));
    for (size_t size = 0; size < copy.size; size += 13) {
        struct auth_saml_login login;
        enum auth_saml_rule rule = AUTH_SAML_NONE;
        rg_arena_reset(&saml_world.arena);
        assert_fails(RG_DENIED, auth_saml_judge(&saml_world.trust, &saml_world.expected, rg_slice_cut(copy, 0, size),
                                                &saml_world.arena, &login, &rule));
        assert_int_equal(rule, AUTH_SAML_XML);
    }
}

static void the_zero_trust_accepts_nobody(void **state)
{
    (void)state;
    saml_world_reset();
    struct saml_recipe recipe = saml_recipe();
    char *xml = saml_write(&recipe);
    saml_world.trust = (struct auth_saml_trust){0};
    assert_fails(RG_CONFIG, auth_saml_trust_check(&saml_world.trust));
    assert_refused("zero trust", AUTH_SAML_ISSUER, xml);
    saml_world.trust.idp.entity_id = RG_SLICE(SAML_IDP);
    assert_refused("no certificate", AUTH_SAML_SIGNATURE, xml);
}

static void a_full_arena_is_a_limit_and_not_a_refusal(void **state)
{
    (void)state;
    saml_world_reset();
    struct saml_recipe recipe = saml_recipe();
    struct rg_slice xml = rg_slice_of(saml_write(&recipe));
    bool is_login = false;
    for (size_t limit = 0; limit < ((size_t)1 << 20) && !is_login; limit += 4096) {
        struct rg_arena arena RG_AUTO(rg_arena_done) = {0};
        struct auth_saml_login login = {0};
        enum auth_saml_rule rule = AUTH_SAML_NONE;
        rg_arena_init(&arena, limit);
        rg_status status = auth_saml_judge(&saml_world.trust, &saml_world.expected, xml, &arena, &login, &rule);
        is_login = rg_is_ok(status);
        if (!is_login) {
            assert_int_equal(status.error->kind, RG_LIMIT);
            assert_int_equal(login.identity.kind, AUTH_UNVERIFIED);
        }
    }
    assert_true(is_login);
}

static void merges_the_values_of_attributes_that_come_one_by_one(void **state)
{
    (void)state;
    saml_world_reset();
    struct auth_saml_login login;
    enum auth_saml_rule rule = AUTH_SAML_NONE;
    struct saml_recipe recipe = saml_recipe();
    recipe.attributes =
        saml_replace(recipe.attributes, "north</saml:AttributeValue>",
                     "north</saml:AttributeValue></saml:Attribute><saml:Attribute Name=\"urn:regions\">");
    assert_ok(judge(saml_write(&recipe), &login, &rule));
    assert_int_equal(login.identity.claims[1].count, 2);
    assert_slice(login.identity.claims[1].elements[0], "north");
    assert_slice(login.identity.claims[1].elements[1], "south");
}

static void a_single_text_is_cut_where_the_claim_says_so(void **state)
{
    (void)state;
    saml_world_reset();
    struct auth_saml_login login;
    enum auth_saml_rule rule = AUTH_SAML_NONE;
    struct saml_recipe recipe = saml_recipe();
    struct auth_claim_spec specs[3];
    memcpy(specs, saml_world.claims, sizeof specs);
    specs[1].split = RG_SLICE(";");
    specs[1].max_elements = 3;
    saml_world.trust.claims = specs;
    recipe.attributes =
        saml_replace(recipe.attributes, "north</saml:AttributeValue><saml:AttributeValue>south", "north;south;;east");
    assert_ok(judge(saml_write(&recipe), &login, &rule));
    assert_int_equal(login.identity.claims[1].count, 3);
    assert_slice(login.identity.claims[1].elements[2], "east");
    recipe.attributes = saml_replace(recipe.attributes, "east", "east;west");
    assert_fails(RG_DENIED, judge(saml_write(&recipe), &login, &rule));
    assert_int_equal(rule, AUTH_SAML_CLAIM);
}

static void the_subject_and_the_user_may_come_from_attributes(void **state)
{
    (void)state;
    saml_world_reset();
    struct auth_saml_login login;
    enum auth_saml_rule rule = AUTH_SAML_NONE;
    struct saml_recipe recipe = saml_recipe();
    saml_world.trust.subject_attribute = RG_SLICE("tenant");
    saml_world.trust.user_attribute = RG_SLICE("displayName");
    assert_ok(judge(saml_write(&recipe), &login, &rule));
    assert_slice(login.identity.subject, "6f9619ff-8b86-4d01-b42d-00cf4fc964ff");
    assert_slice(login.identity.user, "Alice & Co");
    assert_slice(login.name_id.value, "alice@example.com");
}

static void the_session_has_no_end_when_the_provider_sets_none(void **state)
{
    (void)state;
    saml_world_reset();
    struct auth_saml_login login;
    enum auth_saml_rule rule = AUTH_SAML_NONE;
    struct saml_recipe recipe = saml_recipe();
    recipe.session_until = "";
    assert_ok(judge(saml_write(&recipe), &login, &rule));
    assert_int_equal(login.identity.expires_at_us, 0);
}

enum { THREADS = 4, ROUNDS = 20 };

struct judging {
    struct rg_slice good, bad;
    size_t logins, refusals;
};

static void *judge_often(void *context)
{
    struct judging *judging = context;
    for (int i = 0; i < ROUNDS; i++) {
        struct rg_arena arena RG_AUTO(rg_arena_done) = {0};
        struct auth_saml_login login = {0};
        enum auth_saml_rule rule = AUTH_SAML_NONE;
        rg_arena_init(&arena, (size_t)4 << 20);
        judging->logins +=
            rg_is_ok(auth_saml_judge(&saml_world.trust, &saml_world.expected, judging->good, &arena, &login, &rule))
                ? 1
                : 0;
        bool is_login =
            rg_is_ok(auth_saml_judge(&saml_world.trust, &saml_world.expected, judging->bad, &arena, &login, &rule));
        judging->refusals += !is_login && rule == AUTH_SAML_SIGNATURE ? 1 : 0;
    }
    return NULL;
}

static void threads_judge_beside_each_other(void **state)
{
    (void)state;
    saml_world_reset();
    struct saml_recipe recipe = saml_recipe();
    struct judging judgings[THREADS] = {0};
    pthread_t threads[THREADS];
    recipe.encrypt = "AES-256-GCM";
    struct rg_slice good = rg_slice_of(saml_write(&recipe));
    recipe.key = saml_world.stranger;
    struct rg_slice bad = rg_slice_of(saml_write(&recipe));
    for (size_t i = 0; i < THREADS; i++) {
        judgings[i] = (struct judging){.good = good, .bad = bad};
        assert_int_equal(pthread_create(&threads[i], NULL, judge_often, &judgings[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(judgings[i].logins, ROUNDS);
        assert_int_equal(judgings[i].refusals, ROUNDS);
    }
}

/* ---- the posted field ---- */

static void decodes_a_posted_field_with_or_without_lines(void **state)
{
    (void)state;
    saml_world_reset();
    struct rg_slice xml = {0};
    enum auth_saml_rule rule = AUTH_SAML_XML;
    assert_ok(auth_saml_decode_post(RG_SLICE("PGEv\r\nPg=="), &saml_world.arena, &xml, &rule));
    assert_slice(xml, "<a/>");
    assert_int_equal(rule, AUTH_SAML_NONE);
    static const char *const bad[] = {"PGEvP", "PGEvPg=", "PGEvPg", "PGEv Pg==", "PGE-Pg==", "", "===="};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        xml = RG_SLICE("kept");
        assert_fails(RG_DENIED, auth_saml_decode_post(rg_slice_of(bad[i]), &saml_world.arena, &xml, &rule));
        assert_int_equal(rule, AUTH_SAML_BASE64);
        assert_slice(xml, "kept");
    }
}

static void refuses_a_huge_field(void **state)
{
    (void)state;
    saml_world_reset();
    struct rg_slice xml = {0};
    enum auth_saml_rule rule = AUTH_SAML_NONE;
    char *text = saml_print("%*s", 1 << 20, "");
    memset(text, 'A', (size_t)1 << 20);
    assert_fails(RG_DENIED, auth_saml_decode_post(rg_slice_of(text), &saml_world.arena, &xml, &rule));
    assert_int_equal(rule, AUTH_SAML_SIZE);
}

/* ---- the trust ---- */

static void a_trust_that_cannot_be_satisfied_is_found_at_start(void **state)
{
    (void)state;
    saml_world_reset();
    assert_ok(auth_saml_trust_check(&saml_world.trust));
    struct auth_saml_trust trust = saml_world.trust;
    trust.entity_id = (struct rg_slice){NULL, 0};
    assert_fails(RG_CONFIG, auth_saml_trust_check(&trust));
    trust.entity_id = trust.idp.entity_id;
    assert_fails(RG_CONFIG, auth_saml_trust_check(&trust));
    trust = saml_world.trust;
    trust.idp.certificate_count = 0;
    assert_fails(RG_CONFIG, auth_saml_trust_check(&trust));
    trust = saml_world.trust;
    trust.clock_skew_us = INT64_C(601000000);
    assert_fails(RG_CONFIG, auth_saml_trust_check(&trust));
    trust = saml_world.trust;
    trust.private_key = (struct rg_slice){NULL, 0};
    trust.require_encrypted_assertions = true;
    assert_fails(RG_CONFIG, auth_saml_trust_check(&trust));
    trust.require_encrypted_assertions = false;
    trust.idp.wants_signed_requests = true;
    assert_fails(RG_CONFIG, auth_saml_trust_check(&trust));
}

static int make(void **state)
{
    memset(&untouched, 0x5a, sizeof untouched);
    return saml_world_make(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_a_signed_assertion_and_says_who_it_is),
        cmocka_unit_test(accepts_what_honest_providers_send),
        cmocka_unit_test(refuses_every_attack_by_its_rule),
        cmocka_unit_test(no_changed_byte_makes_another_person),
        cmocka_unit_test(a_message_cut_anywhere_is_refused),
        cmocka_unit_test(the_zero_trust_accepts_nobody),
        cmocka_unit_test(a_full_arena_is_a_limit_and_not_a_refusal),
        cmocka_unit_test(merges_the_values_of_attributes_that_come_one_by_one),
        cmocka_unit_test(threads_judge_beside_each_other),
        cmocka_unit_test(a_single_text_is_cut_where_the_claim_says_so),
        cmocka_unit_test(the_subject_and_the_user_may_come_from_attributes),
        cmocka_unit_test(the_session_has_no_end_when_the_provider_sets_none),
        cmocka_unit_test(decodes_a_posted_field_with_or_without_lines),
        cmocka_unit_test(refuses_a_huge_field),
        cmocka_unit_test(a_trust_that_cannot_be_satisfied_is_found_at_start),
    };
    return cmocka_run_group_tests(tests, make, saml_world_done);
}
