/* SPDX-License-Identifier: Apache-2.0 */
/* What Superset answers to nobody in particular: what it is, what it shows, what it believes. */
#include "proxy/superset_private.h"

#include <stdio.h>
#include <strings.h>

#include "base/rg_crypto.h"
#include "base/rg_sign.h"

enum { ANSWERED = 200, REFUSED = 401, FORBIDDEN = 403 };

/* ---- what it is ---- */

static void judge_cookie_words(struct superset_check *check, const char *cookie)
{
    if (strcasestr(cookie, "; httponly") == NULL || strcasestr(cookie, "; samesite=") == NULL ||
        strcasestr(cookie, "; secure") == NULL) {
        superset_warning(
            check, "superset.session_cookie",
            "SESSION_COOKIE_SECURE = True, SESSION_COOKIE_HTTPONLY = True, SESSION_COOKIE_SAMESITE = \"Lax\"",
            "the session cookie lacks Secure, HttpOnly or SameSite");
    }
}

static void report_secret(struct superset_check *check, const struct superset_secret *secret, const char *how)
{
    check->is_secret_found = true;
    superset_error(
        check, "superset.secret_key",
        "SECRET_KEY = what `openssl rand -base64 42` prints, then `superset re-encrypt-secrets`; all sessions end",
        "SECRET_KEY is the one of %s: anybody can make %s of any user", secret->where, how);
}

/* Superset signs a cookie for everybody who asks: no forging is needed to know its key. */
static rg_status judge_cookies(struct superset_check *check)
{
    for (size_t i = 0; i < 8; i++) {
        const char *cookie = export_http_field(check->http, "set-cookie", i);
        const char *equals = cookie == NULL ? NULL : strchr(cookie, '=');
        if (equals == NULL) {
            return RG_OK;
        }
        const struct superset_secret *secret = NULL;
        rg_status status = superset_cookie_judge(rg_slice_make(equals + 1, strcspn(equals + 1, ";")), &secret);
        if (!rg_is_ok(status)) {
            if (status.error->kind != RG_PROTOCOL) {
                return status;
            }
            continue;
        }
        check->is_cookie_judged = true;
        judge_cookie_words(check, cookie);
        if (secret != NULL) {
            report_secret(check, secret, "a session");
        }
        return RG_OK;
    }
    return RG_OK;
}

static const json_t *find_setting(const json_t *settings, const char *name)
{
    return json_object_get(json_object_get(json_object_get(settings, "common"), "conf"), name);
}

static void judge_login(struct superset_check *check, const struct superset_answer *page)
{
    json_int_t type = json_integer_value(find_setting(check->settings, "AUTH_TYPE"));
    const struct rg_slice input = RG_SLICE("type=\"password\"");
    bool has_form = page->body.size > 0 && memmem(page->body.data, page->body.size, input.data, input.size) != NULL;
    if (page->status == ANSWERED && (has_form || type == 1 || type == 2)) {
        superset_warning(check, "superset.login_form",
                         "deploy/superset_config.py; until then nobody but rowgate may reach this port",
                         "Superset takes passwords of its own (GET /login/ shows its form)");
    }
    if (json_is_true(find_setting(check->settings, "AUTH_USER_REGISTRATION"))) {
        superset_warning(check, "superset.registration", "AUTH_USER_REGISTRATION = False",
                         "people make accounts for themselves");
    }
    if (page->status == ANSWERED && superset_field(check, "content-security-policy")[0] == '\0') {
        superset_warning(check, "superset.talisman", "TALISMAN_ENABLED = True, which is the default",
                         "pages come without Content-Security-Policy");
    }
}

static void keep_version(struct superset_check *check, const struct superset_answer *answer, const char *key)
{
    RG_AUTO(superset_json_done) json_t *json = answer->status == ANSWERED ? superset_json(answer) : NULL;
    const char *version = json_string_value(json_object_get(json, key));
    if (version != NULL && check->facts.version[0] == '\0') {
        (void)snprintf(check->facts.version, sizeof check->facts.version, "%s", version);
    }
}

static rg_status find_version(struct superset_check *check)
{
    struct superset_answer answer = {0};
    RG_TRY(superset_ask(check, "/version", NULL, &answer));
    keep_version(check, &answer, "version_string");
    if (check->facts.version[0] == '\0') {
        RG_TRY(superset_ask(check, "/static/version_info.json", NULL, &answer));
        keep_version(check, &answer, "version");
    }
    return RG_OK;
}

static rg_status say_what_it_is(const struct superset_check *check, long status)
{
    if (strstr(superset_field(check, "location"), "/.rowgate/") != NULL) {
        return rg_fail(RG_UPSTREAM, "it is rowgate that answers: give Superset's own URL, url of [upstreams.NAME]");
    }
    if (check->settings == NULL && check->facts.version[0] == '\0') {
        return rg_fail(RG_UPSTREAM, "no Superset answers: GET /login/ has HTTP status %ld and /version tells nothing",
                       status);
    }
    return RG_OK;
}

rg_status superset_judge_page(struct superset_check *check)
{
    struct superset_answer page = {0};
    RG_TRY(find_version(check));
    RG_TRY(superset_ask(check, "/login/", NULL, &page));
    RG_TRY(superset_take_settings(check, &page));
    RG_TRY(say_what_it_is(check, page.status));
    RG_TRY(judge_cookies(check));
    judge_login(check, &page);
    if (check->options->is_outside) {
        superset_error(check, "superset.reachable", "a firewall, a network of its own, or a Unix socket: only rowgate",
                       "this machine reaches Superset without rowgate");
    }
    return RG_OK;
}

rg_status superset_judge_version(struct superset_check *check)
{
    enum { SHOWN = 4 };
    struct superset_version version;
    struct superset_version newest = {{0}};
    char names[256] = "";
    size_t count = 0;
    if (!superset_version_parse(rg_slice_of(check->facts.version), &version)) {
        return RG_OK;
    }
    const struct superset_hole *hole = NULL;
    for (size_t i = 0; (hole = superset_hole_find(i)) != NULL; i++) {
        if (superset_version_has_hole(&version, hole)) {
            newest = count == 0 ? hole->fixed[0] : newest;
            size_t size = strlen(names);
            if (count++ < SHOWN) {
                (void)snprintf(names + size, sizeof names - size, "%s%s (%s)", size == 0 ? "" : ", ", hole->id,
                               hole->what);
            }
        }
    }
    if (count > 0) {
        superset_error(check, "superset.version", "upgrade: docs/check-superset.md lists what each version mends",
                       "version %s has %zu known holes, mended in %u.%u.%u: %s%s", check->facts.version, count,
                       newest.parts[0], newest.parts[1], newest.parts[2], names, count > SHOWN ? ", ..." : "");
    }
    return RG_OK;
}

/* ---- what it believes ---- */

static rg_status ask_with(struct superset_check *check, const char *path, const char *prefix, const char *value,
                          struct superset_answer *out_answer)
{
    struct rg_slice header = {0};
    RG_TRY(rg_arena_printf(&check->arena, &header, "%s%s", prefix, value));
    const char *const headers[] = {header.data, NULL};
    return superset_ask(check, path, headers, out_answer);
}

/* FAB's own bearer token, of a user who cannot be: refused for its signature, or for its user when that is believed. */
static rg_status ask_bearer(struct superset_check *check, struct rg_slice secret, struct rg_digest *out_said)
{
    struct rg_slice claims = {0};
    struct rg_slice token = {0};
    struct superset_answer answer = {0};
    long long now = rg_clock_wall_us(check->options->clock) / 1000000;
    RG_TRY(rg_arena_printf(&check->arena, &claims,
                           "{\"fresh\":true,\"iat\":%lld,\"nbf\":%lld,\"exp\":%lld,\"jti\":\"%s\",\"type\":\"access\","
                           "\"sub\":\"2147483646\",\"csrf\":\"%s\"}",
                           now, now, now + 60, check->canary, check->canary));
    RG_TRY(superset_forge(secret, claims, &check->arena, &token));
    RG_TRY(ask_with(check, "/api/v1/log/?q=(page_size:1)", "Authorization: Bearer ", token.data, &answer));
    struct rg_slice parts[] = {rg_slice_make(&answer.status, sizeof answer.status), answer.body};
    *out_said = rg_sha256(parts, 2);
    return RG_OK;
}

rg_status superset_judge_session_secret(struct superset_check *check)
{
    const struct superset_secret *secret = NULL;
    struct rg_digest stranger;
    if (check->is_secret_found || check->is_cookie_judged) {
        return RG_OK;
    }
    RG_TRY(ask_bearer(check, rg_slice_of(check->canary), &stranger));
    for (size_t i = 0; (secret = superset_session_secret(i)) != NULL; i++) {
        struct rg_digest said;
        RG_TRY(ask_bearer(check, rg_slice_of(secret->text), &said));
        if (memcmp(said.bytes, stranger.bytes, sizeof said.bytes) != 0) {
            report_secret(check, secret, "a token");
            return RG_OK;
        }
    }
    return RG_OK;
}

/* Whether Superset takes the guest for the one whom the token names: it says so, or it stops asking who is there. */
static rg_status ask_guest(struct superset_check *check, struct rg_slice secret, const char *audience,
                           struct superset_answer *out_answer, bool *out_is_named)
{
    struct rg_slice claims = {0};
    struct rg_slice token = {0};
    struct superset_answer answer = {0};
    long long now = rg_clock_wall_us(check->options->clock) / 1000000;
    RG_TRY(rg_arena_printf(&check->arena, &claims,
                           "{\"user\":{\"username\":\"%s\"},\"resources\":[],\"rls_rules\":[],\"iat\":%lld,"
                           "\"exp\":%lld,\"type\":\"guest\"%s%s%s}",
                           check->canary, now, now + 60, audience[0] == '\0' ? "" : ",\"aud\":\"", audience,
                           audience[0] == '\0' ? "" : "\""));
    RG_TRY(superset_forge(secret, claims, &check->arena, &token));
    RG_TRY(ask_with(check, "/api/v1/me/", "X-GuestToken: ", token.data, &answer));
    struct rg_slice name = rg_slice_of(check->canary);
    *out_is_named = answer.body.size > 0 && memmem(answer.body.data, answer.body.size, name.data, name.size) != NULL;
    *out_answer = answer;
    return RG_OK;
}

static rg_status try_guest(struct superset_check *check, const struct superset_secret *secret, const char *audience,
                           long stranger, bool *out_is_believed)
{
    struct superset_answer answer = {0};
    bool is_named = false;
    RG_TRY(ask_guest(check, rg_slice_of(secret->text), audience, &answer, &is_named));
    *out_is_believed = is_named || (stranger == REFUSED && (answer.status == ANSWERED || answer.status == FORBIDDEN));
    if (*out_is_believed) {
        superset_error(check, "superset.guest_secret",
                       "deploy/superset_config.py: GUEST_TOKEN_JWT_ALGO = \"EdDSA\" with rowgate's public key",
                       "guest tokens signed with the secret of %s are believed (audience \"%s\"): anybody is any guest",
                       secret->where, audience);
    }
    return RG_OK;
}

rg_status superset_judge_guest_secret(struct superset_check *check)
{
    struct superset_answer answer = {0};
    const struct superset_secret *secret = NULL;
    bool is_believed = false;
    struct rg_slice url = {0};
    RG_TRY(rg_arena_copy(&check->arena, check->options->url, &url));
    const char *const audiences[] = {"",
                                     "http://0.0.0.0:8080/",
                                     "http://0.0.0.0:8088/",
                                     "superset",
                                     "http://superset:8088/",
                                     "http://superset_app:8088/",
                                     "http://localhost:8088/",
                                     url.data};
    RG_TRY(ask_guest(check, rg_slice_of(check->canary), "superset", &answer, &is_believed));
    long stranger = answer.status;
    for (size_t i = 0; (secret = superset_guest_secret(i)) != NULL; i++) {
        for (size_t at = 0; at < sizeof audiences / sizeof audiences[0] && !is_believed; at++) {
            RG_TRY(try_guest(check, secret, audiences[at], stranger, &is_believed));
        }
    }
    return RG_OK;
}

/* ---- rowgate's own header, forged ---- */

static rg_status forge_identity(struct superset_check *check, struct rg_slice *out_token)
{
    RG_AUTO(rg_secret_free) struct rg_secret *pem = NULL;
    RG_AUTO(auth_mint_free) struct auth_mint *mint = NULL;
    uint8_t seed[RG_SIGN_SEED_SIZE];
    struct rg_slice claims = {0};
    long long now = rg_clock_wall_us(check->options->clock) / 1000000;
    rg_random(seed, sizeof seed);
    RG_TRY(rg_sign_pem_encode(seed, &pem));
    RG_TRY(auth_mint_new(rg_secret_slice(pem), &mint));
    RG_TRY(rg_arena_printf(&check->arena, &claims,
                           "{\"iss\":\"rowgate\",\"aud\":\"superset\",\"sub\":\"rg-%s\",\"name\":\"%s\",\"tenant\":"
                           "\"%s\",\"roles\":[],\"session\":\"\",\"iat\":%lld,\"exp\":%lld}",
                           check->canary, check->canary, check->canary, now, now + 60));
    return auth_mint_sign(mint, claims, &check->arena, out_token);
}

static rg_status is_somebody(struct superset_check *check, const char *prefix, const char *value, bool *out_is)
{
    struct superset_answer answer = {0};
    RG_TRY(ask_with(check, "/api/v1/me/", prefix, value, &answer));
    RG_AUTO(superset_json_done) json_t *json = answer.status == ANSWERED ? superset_json(&answer) : NULL;
    *out_is = json_is_string(json_object_get(json_object_get(json, "result"), "username"));
    return RG_OK;
}

rg_status superset_judge_forged(struct superset_check *check)
{
    static const char *const headers[] = {
        "X-Rowgate-User: ", "Remote-User: ",       "X-Remote-User: ", "X-Forwarded-User: ",
        "X-Auth-User: ",    "X-Forwarded-Email: ", "X-User: ",        "X-WEBAUTH-USER: "};
    struct rg_slice token = {0};
    bool is_believed = false;
    RG_TRY(forge_identity(check, &token));
    RG_TRY(is_somebody(check, "X-Rowgate-Identity: ", token.data, &is_believed));
    if (is_believed) {
        superset_error(check, "superset.identity_forged",
                       "deploy/superset_config.py as it is, with rowgate's public key",
                       "X-Rowgate-Identity signed by a stranger is believed");
    }
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        RG_TRY(is_somebody(check, headers[i], "admin", &is_believed));
        if (is_believed) {
            superset_error(check, "superset.header_believed", "remove what reads it: rowgate signs who is calling",
                           "the header \"%sadmin\" makes its sender that user", headers[i]);
        }
    }
    return RG_OK;
}
