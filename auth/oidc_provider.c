/* SPDX-License-Identifier: Apache-2.0 */
/* One identity provider with the network done: discovery kept and renewed, the token endpoint, GitHub's API,
 * introspection, and new keys when a token names one that nobody knows. Every call waits; the judgement is
 * auth/oidc_login.h's. */
#include "auth/oidc_provider.h"

#include <pthread.h>
#include <time.h>

#include "auth/fetch.h"
#include "auth/form.h"
#include "auth/introspect_private.h"
#include "base/rg_memory.h"

static const int64_t SECOND_US = 1000000;

enum { DISCOVERY_KEEP_S = 600, DISCOVERY_RETRY_S = 5, KEYS_WAIT_S = 12, FORM_MAX = 64 * 1024 };

struct auth_oidc_provider {
    struct auth_oidc_provider_options options;
    struct auth_introspect_cache *answers;
    pthread_mutex_t lock;
    struct rg_buf discovery; /* the newest document that was good; under the lock, as are the two below */
    int64_t fetch_us;        /* monotonic: look for a newer one from then on */
    bool is_known;
};

void auth_oidc_provider_new(const struct auth_oidc_provider_options *options, struct auth_oidc_provider **out_provider)
{
    struct auth_oidc_provider *provider = rg_memory_alloc(sizeof *provider);
    provider->options = *options;
    provider->fetch_us = INT64_MIN / 2;
    rg_buf_init(&provider->discovery, AUTH_OIDC_MAX_ANSWER);
    RG_ASSERT(pthread_mutex_init(&provider->lock, NULL) == 0);
    auth_introspect_cache_new(AUTH_INTROSPECT_MAX, AUTH_INTROSPECT_KEEP_S * SECOND_US, &provider->answers);
    *out_provider = provider;
}

void auth_oidc_provider_free(struct auth_oidc_provider **provider)
{
    struct auth_oidc_provider *held = *provider;
    *provider = NULL;
    if (held != NULL) {
        auth_introspect_cache_free(&held->answers);
        rg_buf_done(&held->discovery);
        pthread_mutex_destroy(&held->lock);
        rg_memory_free(held);
    }
}

static int64_t monotonic_us(const struct auth_oidc_provider *provider)
{
    return rg_clock_monotonic_us(provider->options.clock);
}

static int64_t wall_us(const struct auth_oidc_provider *provider)
{
    return rg_clock_wall_us(provider->options.clock);
}

/* ---- discovery ---- */

/* The document that is kept, if any; *out_is_due: the caller is the one who fetches a newer one. */
static rg_status kept_discovery(struct auth_oidc_provider *provider, struct rg_arena *arena, struct rg_slice *out_text,
                                bool *out_is_due)
{
    pthread_mutex_lock(&provider->lock);
    int64_t now_us = monotonic_us(provider);
    *out_is_due = now_us >= provider->fetch_us;
    if (*out_is_due && provider->is_known) {
        provider->fetch_us = now_us + DISCOVERY_RETRY_S * SECOND_US; /* the others go on with the old one */
    }
    rg_status status = provider->is_known ? rg_arena_copy(arena, rg_buf_slice(&provider->discovery), out_text) : RG_OK;
    pthread_mutex_unlock(&provider->lock);
    return status;
}

static void keep_discovery(struct auth_oidc_provider *provider, struct rg_slice text)
{
    pthread_mutex_lock(&provider->lock);
    rg_buf_clear(&provider->discovery);
    provider->is_known = rg_is_ok(rg_buf_put(&provider->discovery, text));
    provider->fetch_us = monotonic_us(provider) + DISCOVERY_KEEP_S * SECOND_US;
    pthread_mutex_unlock(&provider->lock);
}

static void book_failure(struct auth_oidc_provider *provider)
{
    pthread_mutex_lock(&provider->lock);
    provider->fetch_us = monotonic_us(provider) + DISCOVERY_RETRY_S * SECOND_US;
    pthread_mutex_unlock(&provider->lock);
}

/* OpenID Connect Discovery 1.0 4.1: a terminating slash of the issuer is left out. */
static rg_status fetch_discovery(struct auth_oidc_provider *provider, struct rg_arena *arena,
                                 struct auth_oidc_endpoints *out_endpoints)
{
    const struct auth_trust *trust = &provider->options.client->trust;
    struct rg_slice issuer = trust->issuer;
    struct auth_fetch request = {.what = "discovery document", .ca_file = trust->ca_file};
    struct auth_fetch_answer answer = {0};
    if (issuer.size > 0 && issuer.data[issuer.size - 1] == '/') {
        issuer.size--;
    }
    RG_TRY(rg_arena_printf(arena, &request.url, "%.*s/.well-known/openid-configuration", RG_SLICE_ARGS(issuer)));
    RG_TRY(auth_fetch(&request, arena, &answer));
    if (answer.status != 200) {
        return rg_fail(RG_UPSTREAM, "discovery document: HTTP status %ld", answer.status);
    }
    RG_TRY(auth_oidc_discovery_parse(trust, answer.body, arena, out_endpoints));
    keep_discovery(provider, answer.body);
    return RG_OK;
}

static rg_status discover(struct auth_oidc_provider *provider, struct rg_arena *arena,
                          struct auth_oidc_endpoints *out_endpoints)
{
    const struct auth_oidc_client *client = provider->options.client;
    struct rg_slice kept = {0};
    bool is_due = false;
    if (client->is_plain_oauth) {
        *out_endpoints = client->fixed;
        return RG_OK;
    }
    RG_TRY(kept_discovery(provider, arena, &kept, &is_due));
    if (is_due) {
        rg_status status = fetch_discovery(provider, arena, out_endpoints);
        if (rg_is_ok(status) || kept.size == 0) {
            if (!rg_is_ok(status)) {
                book_failure(provider);
            }
            return status;
        }
    } else if (kept.size == 0) {
        return rg_fail(RG_UPSTREAM, "discovery document: could not be fetched a moment ago");
    }
    return auth_oidc_discovery_parse(&client->trust, kept, arena, out_endpoints);
}

/* ---- keys ---- */

struct key_wait {
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool is_done;
};

static void on_keys(void *context)
{
    struct key_wait *wait = context;
    pthread_mutex_lock(&wait->lock);
    wait->is_done = true;
    pthread_cond_signal(&wait->ended);
    pthread_mutex_unlock(&wait->lock);
}

/* true when the keys were asked for anew and the answer has come, whatever it was. */
static bool renew_keys(struct auth_oidc_provider *provider, struct rg_slice kid)
{
    struct auth_jwks_cache *cache = provider->options.jwks;
    struct key_wait wait = {.lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER};
    struct timespec until;
    if (auth_jwks_cache_request(cache, provider->options.trust_index, kid, on_keys, &wait) ==
        AUTH_REFETCH_COOLING_DOWN) {
        return false;
    }
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += KEYS_WAIT_S;
    pthread_mutex_lock(&wait.lock);
    while (!wait.is_done && pthread_cond_timedwait(&wait.ended, &wait.lock, &until) == 0) {
    }
    bool is_done = wait.is_done;
    pthread_mutex_unlock(&wait.lock);
    auth_jwks_cache_cancel(cache, &wait);
    return is_done;
}

/* One judgement that needs keys; once more with new ones when it named a key that nobody knows. */
struct judgement {
    struct auth_oidc_provider *provider;
    struct rg_slice token; /* the one whose key is meant */
    rg_status (*judge)(const struct judgement *judgement, const struct auth_jwks *jwks, enum auth_verify_hint *hint);
    const void *input;
    void *output;
    struct rg_arena *arena;
};

static rg_status judge_once(const struct judgement *judgement, enum auth_verify_hint *hint)
{
    const struct auth_oidc_provider_options *options = &judgement->provider->options;
    struct auth_jwks *jwks = auth_jwks_cache_find(options->jwks, options->trust_index);
    rg_status status = judgement->judge(judgement, jwks, hint);
    auth_jwks_free(&jwks);
    return status;
}

static rg_status judge(const struct judgement *judgement)
{
    enum auth_verify_hint hint = AUTH_HINT_NONE;
    struct rg_slice kid = {0};
    rg_status status = judge_once(judgement, &hint);
    if (rg_is_ok(status) || hint != AUTH_HINT_UNKNOWN_KEY) {
        return status;
    }
    RG_TRY(auth_oidc_peek_kid(judgement->token, judgement->arena, &kid));
    if (!renew_keys(judgement->provider, kid)) {
        return rg_fail(RG_DENIED, "token key is unknown");
    }
    return judge_once(judgement, &hint);
}

/* ---- login and refresh ---- */

static rg_status ask_for_tokens(struct auth_oidc_provider *provider, const struct auth_oidc_endpoints *endpoints,
                                struct rg_slice form, struct rg_arena *arena, struct auth_oidc_tokens *out_tokens)
{
    const struct auth_oidc_client *client = provider->options.client;
    struct auth_fetch_answer answer = {0};
    struct auth_fetch request = {
        .what = "token endpoint", .url = endpoints->token, .ca_file = client->trust.ca_file, .form = form};
    if (client->client_secret.size > 0 && !endpoints->wants_post) {
        request.user = client->client_id;
        request.password = client->client_secret;
    }
    RG_TRY(auth_fetch(&request, arena, &answer));
    return auth_oidc_tokens_parse(answer.status, answer.body, arena, out_tokens);
}

static void secret_buf_done(struct rg_buf *buf)
{
    rg_wipe(buf->bytes, buf->capacity);
    rg_buf_done(buf);
}

static rg_status ask_api(struct auth_oidc_provider *provider, const char *what, struct rg_slice url,
                         struct rg_slice access_token, struct rg_arena *arena, struct rg_slice *out_body)
{
    struct auth_fetch_answer answer = {0};
    struct auth_fetch request = {
        .what = what, .url = url, .ca_file = provider->options.client->trust.ca_file, .bearer = access_token};
    RG_TRY(auth_fetch(&request, arena, &answer));
    if (answer.status != 200) {
        return rg_fail(answer.status == 401 ? RG_DENIED : RG_UPSTREAM, "%s: HTTP status %ld", what, answer.status);
    }
    *out_body = answer.body;
    return RG_OK;
}

static rg_status read_user(struct auth_oidc_provider *provider, const struct auth_oidc_endpoints *endpoints,
                           const struct auth_oidc_tokens *tokens, struct rg_arena *arena,
                           struct auth_oidc_login *out_login)
{
    struct rg_slice user = {0};
    struct rg_slice organizations = {0};
    RG_TRY(ask_api(provider, "user-info", endpoints->user, tokens->access_token, arena, &user));
    if (endpoints->organizations.size > 0) {
        RG_TRY(
            ask_api(provider, "organizations", endpoints->organizations, tokens->access_token, arena, &organizations));
    }
    return auth_oidc_user_judge(provider->options.client, tokens, user, organizations, wall_us(provider), arena,
                                out_login);
}

struct tokens_input {
    const struct auth_oidc_tokens *tokens;
    const struct auth_oidc_expected *expected;
};

static rg_status judge_tokens(const struct judgement *judgement, const struct auth_jwks *jwks,
                              enum auth_verify_hint *hint)
{
    const struct tokens_input *input = judgement->input;
    struct auth_oidc_login *login = judgement->output;
    return auth_oidc_tokens_judge(judgement->provider->options.client, jwks, input->tokens, input->expected,
                                  judgement->arena, login, hint);
}

static rg_status judge_answer(struct auth_oidc_provider *provider, const struct auth_oidc_tokens *tokens,
                              const struct auth_oidc_expected *expected, struct rg_arena *arena,
                              struct auth_oidc_login *out_login)
{
    struct tokens_input input = {tokens, expected};
    return judge(&(struct judgement){.provider = provider,
                                     .token = tokens->id_token,
                                     .judge = judge_tokens,
                                     .input = &input,
                                     .output = out_login,
                                     .arena = arena});
}

rg_status auth_oidc_provider_begin(struct auth_oidc_provider *provider, const struct auth_oidc_request *request,
                                   struct rg_arena *arena, struct rg_slice *out_url)
{
    struct auth_oidc_endpoints endpoints = {0};
    RG_TRY(discover(provider, arena, &endpoints));
    return auth_oidc_authorization_url(provider->options.client, &endpoints, request, arena, out_url);
}

rg_status auth_oidc_provider_finish(struct auth_oidc_provider *provider, const struct auth_oidc_callback *callback,
                                    const struct auth_oidc_request *request, struct rg_arena *arena,
                                    struct auth_oidc_login *out_login)
{
    const struct auth_oidc_client *client = provider->options.client;
    struct auth_oidc_endpoints endpoints = {0};
    struct auth_oidc_tokens tokens = {0};
    RG_AUTO(secret_buf_done) struct rg_buf form;
    rg_buf_init(&form, FORM_MAX);
    RG_TRY(discover(provider, arena, &endpoints));
    RG_TRY(auth_oidc_callback_judge(client, &endpoints, callback));
    RG_TRY(auth_oidc_code_form(client, &endpoints, callback->code, request->redirect_uri, request->verifier, &form));
    RG_TRY(ask_for_tokens(provider, &endpoints, rg_buf_slice(&form), arena, &tokens));
    if (client->is_plain_oauth) {
        return read_user(provider, &endpoints, &tokens, arena, out_login);
    }
    struct auth_oidc_expected expected = {.nonce = request->nonce, .now_us = wall_us(provider)};
    return judge_answer(provider, &tokens, &expected, arena, out_login);
}

/* Core 12.2 asks it of ID tokens; an account that is another one now must not go on under this one's session either. */
static rg_status read_same_user(struct auth_oidc_provider *provider, const struct auth_oidc_endpoints *endpoints,
                                const struct auth_oidc_tokens *tokens, struct rg_slice subject, struct rg_arena *arena,
                                struct auth_oidc_login *out_login)
{
    struct auth_oidc_login login = {0};
    RG_TRY(read_user(provider, endpoints, tokens, arena, &login));
    if (!rg_slice_is_equal(login.identity.subject, subject)) {
        return rg_fail(RG_DENIED, "user-info of a refresh is about somebody else");
    }
    *out_login = login;
    return RG_OK;
}

rg_status auth_oidc_provider_refresh(struct auth_oidc_provider *provider, struct rg_slice refresh_token,
                                     struct rg_slice issuer, struct rg_slice subject, struct rg_arena *arena,
                                     struct auth_oidc_login *out_login)
{
    const struct auth_oidc_client *client = provider->options.client;
    struct auth_oidc_endpoints endpoints = {0};
    struct auth_oidc_tokens tokens = {0};
    RG_AUTO(secret_buf_done) struct rg_buf form;
    rg_buf_init(&form, FORM_MAX);
    if (subject.size == 0 || refresh_token.size == 0) {
        return rg_fail(RG_DENIED, "nothing to refresh");
    }
    RG_TRY(discover(provider, arena, &endpoints));
    RG_TRY(auth_oidc_refresh_form(client, &endpoints, refresh_token, &form));
    RG_TRY(ask_for_tokens(provider, &endpoints, rg_buf_slice(&form), arena, &tokens));
    if (client->is_plain_oauth) {
        return read_same_user(provider, &endpoints, &tokens, subject, arena, out_login);
    }
    struct auth_oidc_expected expected = {.issuer = issuer, .subject = subject, .now_us = wall_us(provider)};
    return judge_answer(provider, &tokens, &expected, arena, out_login);
}

/* ---- logout ---- */

rg_status auth_oidc_provider_logout_url(struct auth_oidc_provider *provider, struct rg_slice id_token,
                                        struct rg_slice post_logout_redirect_uri, struct rg_arena *arena,
                                        struct rg_slice *out_url)
{
    struct auth_oidc_endpoints endpoints = {0};
    RG_TRY(discover(provider, arena, &endpoints));
    return auth_oidc_logout_url(provider->options.client, &endpoints, id_token, post_logout_redirect_uri,
                                (struct rg_slice){0}, arena, out_url);
}

static rg_status judge_logout(const struct judgement *judgement, const struct auth_jwks *jwks,
                              enum auth_verify_hint *hint)
{
    struct auth_oidc_logout *logout = judgement->output;
    return auth_oidc_logout_judge(judgement->provider->options.client, jwks, judgement->token,
                                  wall_us(judgement->provider), judgement->arena, logout, hint);
}

rg_status auth_oidc_provider_judge_logout(struct auth_oidc_provider *provider, struct rg_slice token,
                                          struct rg_arena *arena, struct auth_oidc_logout *out_logout)
{
    if (provider->options.client->is_plain_oauth) {
        return rg_fail(RG_DENIED, "this provider sends no logout tokens");
    }
    return judge(&(struct judgement){
        .provider = provider, .token = token, .judge = judge_logout, .output = out_logout, .arena = arena});
}

/* ---- bearer tokens ---- */

static rg_status judge_access(const struct judgement *judgement, const struct auth_jwks *jwks,
                              enum auth_verify_hint *hint)
{
    struct auth_identity *identity = judgement->output;
    return auth_oidc_verify(judgement->provider->options.trust, jwks, judgement->token, wall_us(judgement->provider),
                            judgement->arena, identity, hint);
}

bool auth_oidc_provider_introspects(const struct auth_oidc_provider *provider)
{
    const struct auth_oidc_client *client = provider->options.client;
    return provider->options.trust != NULL && client != NULL && client->introspects;
}

static rg_status introspect(struct auth_oidc_provider *provider, struct rg_slice token, struct rg_arena *arena,
                            struct rg_slice *out_answer)
{
    const struct auth_oidc_client *client = provider->options.client;
    struct auth_oidc_endpoints endpoints = {0};
    struct auth_fetch_answer answer = {0};
    struct auth_fetch request = {.what = "introspection endpoint", .ca_file = client->trust.ca_file};
    RG_AUTO(secret_buf_done) struct rg_buf form;
    rg_buf_init(&form, FORM_MAX);
    RG_TRY(discover(provider, arena, &endpoints));
    request.url = client->fixed.introspection.size > 0 ? client->fixed.introspection : endpoints.introspection;
    if (request.url.size == 0) {
        return rg_fail(RG_UPSTREAM, "the provider has no introspection endpoint");
    }
    RG_TRY(auth_form_put(&form, RG_SLICE("token"), token));
    RG_TRY(auth_form_put(&form, RG_SLICE("token_type_hint"), RG_SLICE("access_token")));
    request.form = rg_buf_slice(&form);
    request.user = client->client_id;
    request.password = client->client_secret;
    RG_TRY(auth_fetch(&request, arena, &answer));
    if (answer.status != 200) {
        return rg_fail(RG_UPSTREAM, "introspection endpoint: HTTP status %ld", answer.status);
    }
    *out_answer = answer.body;
    return RG_OK;
}

/* The provider's answer is kept, not our judgement: an expiry within it still counts. */
static rg_status judge_opaque(struct auth_oidc_provider *provider, struct rg_slice token, struct rg_arena *arena,
                              struct auth_identity *out_identity)
{
    struct rg_digest hash = rg_sha256_one(token);
    struct rg_slice answer = {0};
    RG_TRY(auth_introspect_cache_find(provider->answers, &hash, monotonic_us(provider), arena, &answer));
    if (answer.data == NULL) {
        RG_TRY(introspect(provider, token, arena, &answer));
        auth_introspect_cache_put(provider->answers, &hash, monotonic_us(provider), answer);
    }
    return auth_oidc_introspection_judge(provider->options.trust, provider->options.client->client_id, answer, token,
                                         wall_us(provider), arena, out_identity);
}

rg_status auth_oidc_provider_judge_bearer(struct auth_oidc_provider *provider, struct rg_slice token,
                                          struct rg_arena *arena, struct auth_identity *out_identity)
{
    struct rg_slice kid = {0};
    if (provider->options.trust == NULL || token.size == 0 || token.size > AUTH_OIDC_MAX_TOKEN) {
        return rg_fail(RG_DENIED, "token of a kind that is not accepted here");
    }
    if (!rg_is_ok(auth_oidc_peek_kid(token, arena, &kid))) {
        return auth_oidc_provider_introspects(provider)
                   ? judge_opaque(provider, token, arena, out_identity)
                   : rg_fail(RG_DENIED, "token of a kind that is not accepted here");
    }
    return judge(&(struct judgement){
        .provider = provider, .token = token, .judge = judge_access, .output = out_identity, .arena = arena});
}
