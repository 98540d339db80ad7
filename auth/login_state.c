/* SPDX-License-Identifier: Apache-2.0 */
/* Logins under way. Anybody may begin one, so what one address can have is bounded, and a flood pushes out itself
 * first: when there are too many in all, the busiest address loses its oldest. */
#include "auth/login_state.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <stdio.h>

#include "auth/state_private.h"

enum { BODY_MAX = 64 * 1024 };

/* The texts, by their names in the store. */
static const struct {
    const char *name;
    size_t offset;
} texts[] = {
    {"idp", offsetof(struct auth_login, idp)},
    {"nonce", offsetof(struct auth_login, nonce)},
    {"verifier", offsetof(struct auth_login, verifier)},
    {"return_to", offsetof(struct auth_login, return_to)},
    {"request_id", offsetof(struct auth_login, request_id)},
    {"listener", offsetof(struct auth_login, listener)},
};
enum { TEXT_COUNT = sizeof texts / sizeof texts[0] };

static void json_done(json_t **json)
{
    json_decref(*json);
}

static void text_done(char **text)
{
    free(*text);
}

/* ---- the form in the store ---- */

static rg_status check(const struct auth_login *login)
{
    if (login->kind == AUTH_UNVERIFIED || login->idp.size == 0) {
        return rg_fail(RG_DENIED, "a login needs an identity provider");
    }
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        const struct rg_slice *text = (const void *)((const char *)login + texts[i].offset);
        if (text->size > AUTH_LOGIN_TEXT_MAX) {
            return rg_fail(RG_LIMIT, "the login's %s has %zu bytes, limit %d", texts[i].name, text->size,
                           AUTH_LOGIN_TEXT_MAX);
        }
    }
    return RG_OK;
}

static rg_status encode(const struct auth_login *login, struct rg_buf *out)
{
    RG_AUTO(json_done) json_t *object = json_pack("{s:i}", "kind", (int)login->kind);
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        const struct rg_slice *text = (const void *)((const char *)login + texts[i].offset);
        json_t *value = json_stringn(text->size == 0 ? "" : text->data, text->size);
        if (value == NULL || json_object_set_new(object, texts[i].name, value) != 0) {
            return rg_fail(RG_DENIED, "the login's %s is not UTF-8", texts[i].name);
        }
    }
    RG_AUTO(text_done) char *body = json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII);
    return body == NULL ? rg_fail(RG_INTERNAL, "a login cannot be written as JSON")
                        : rg_buf_put(out, rg_slice_of(body));
}

static rg_status decode(struct rg_slice body, struct rg_arena *arena, struct auth_login *out_login)
{
    json_error_t error;
    RG_AUTO(json_done)
    json_t *object = json_loadb(body.data, body.size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    int64_t kind = json_integer_value(json_object_get(object, "kind"));
    struct auth_login login = {0};
    if (kind <= AUTH_UNVERIFIED || kind > AUTH_OAUTH) {
        return rg_fail(RG_STORAGE, "a login of the state does not have the form that this rowgate knows");
    }
    login.kind = (enum auth_kind)kind;
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        const json_t *value = json_object_get(object, texts[i].name);
        struct rg_slice *text = (void *)((char *)&login + texts[i].offset);
        RG_TRY(rg_arena_copy(arena, rg_slice_make(json_string_value(value), json_string_length(value)), text));
    }
    *out_login = login;
    return RG_OK;
}

/* ---- putting ---- */

/* Whoever has an IPv6 network has all its addresses: a /64 counts as one. */
static struct rg_digest address_key(const struct auth_state *state, struct rg_slice address)
{
    char text[INET6_ADDRSTRLEN] = {0};
    uint8_t bytes[16] = {0};
    struct rg_slice counted = rg_slice_cut(address, 0, AUTH_LOGIN_TEXT_MAX);
    if (address.size < sizeof text && address.size > 0) {
        memcpy(text, address.data, address.size);
        counted = inet_pton(AF_INET6, text, bytes) == 1 ? rg_slice_make(bytes, 8) : counted;
        bool is_mapped = counted.size == 8 && memcmp(bytes, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) == 0;
        counted = is_mapped ? rg_slice_make(bytes, sizeof bytes) : counted;
    }
    return auth_state_index(&state->keys, "address", &counted, 1);
}

struct login_keys {
    struct rg_digest id, browser, address;
};

static rg_status put_row(struct auth_state *state, const struct auth_login *login, const struct login_keys *keys,
                         int64_t now_us)
{
    RG_AUTO(rg_buf_done) struct rg_buf plain;
    RG_AUTO(rg_buf_done) struct rg_buf sealed;
    rg_buf_init(&plain, BODY_MAX);
    rg_buf_init(&sealed, 2 * BODY_MAX);
    RG_TRY(encode(login, &plain));
    RG_TRY(rg_aead_seal(state->keys.seal, rg_slice_make(keys->id.bytes, sizeof keys->id.bytes), rg_buf_slice(&plain),
                        &sealed));
    const struct auth_db_value values[] = {
        auth_db_digest(&keys->id),
        auth_db_digest(&keys->browser),
        auth_db_digest(&keys->address),
        auth_db_number(now_us),
        auth_db_number(now_us + AUTH_LOGIN_LIFETIME_US),
        auth_db_bytes(rg_buf_slice(&sealed)),
    };
    return auth_state_run(state, AUTH_SQL_LOGIN_PUT, values, 6, NULL);
}

static rg_status make_room(struct auth_state *state, const struct login_keys *keys)
{
    const struct auth_db_value values[] = {auth_db_digest(&keys->address), auth_db_number(AUTH_LOGIN_MAX_PER_ADDRESS)};
    int64_t count = 0;
    RG_TRY(auth_state_run(state, AUTH_SQL_LOGIN_CUT_ADDRESS, values, 2, NULL));
    RG_TRY(auth_state_count(state, AUTH_SQL_LOGIN_COUNT, NULL, 0, &count));
    return count <= AUTH_LOGIN_MAX ? RG_OK : auth_state_run(state, AUTH_SQL_LOGIN_CUT_BUSIEST, NULL, 0, NULL);
}

/* The browser's own value stands when the store knows it: then it was made here, for a login that still goes on. */
static rg_status choose_browser(struct auth_state *state, struct rg_slice browser, int64_t now_us,
                                char out_browser[AUTH_COOKIE_VALUE_SIZE], struct rg_digest *out_key)
{
    struct rg_digest key;
    int64_t count = 0;
    if (rg_is_ok(auth_cookie_hash(browser, &key))) {
        const struct auth_db_value values[] = {auth_db_digest(&key), auth_db_number(now_us)};
        RG_TRY(auth_state_count(state, AUTH_SQL_LOGIN_KNOWS, values, 2, &count));
    }
    if (count > 0) {
        memcpy(out_browser, browser.data, AUTH_COOKIE_VALUE);
        out_browser[AUTH_COOKIE_VALUE] = '\0';
        *out_key = key;
        return RG_OK;
    }
    auth_cookie_new(out_browser);
    return auth_cookie_hash(rg_slice_of(out_browser), out_key);
}

static rg_status put(struct auth_state *state, const struct auth_login *login, struct rg_slice browser, int64_t now_us,
                     struct login_keys *keys, char new_browser[AUTH_COOKIE_VALUE_SIZE])
{
    RG_TRY(choose_browser(state, browser, now_us, new_browser, &keys->browser));
    RG_TRY(put_row(state, login, keys, now_us));
    return make_room(state, keys);
}

rg_status auth_login_put(struct auth_state *state, const struct auth_login *login, struct rg_slice address,
                         struct rg_slice browser, int64_t now_us, char out_id[AUTH_COOKIE_VALUE_SIZE],
                         char out_browser[AUTH_COOKIE_VALUE_SIZE])
{
    char id[AUTH_COOKIE_VALUE_SIZE];
    char new_browser[AUTH_COOKIE_VALUE_SIZE];
    struct login_keys keys = {.address = address_key(state, address)};
    RG_TRY(check(login));
    auth_cookie_new(id);
    RG_TRY(auth_cookie_hash(rg_slice_of(id), &keys.id));
    RG_TRY(auth_state_begin(state, false));
    RG_TRY(auth_state_end(state, put(state, login, browser, now_us, &keys, new_browser)));
    memcpy(out_id, id, sizeof id);
    memcpy(out_browser, new_browser, sizeof new_browser);
    return RG_OK;
}

/* ---- taking ---- */

struct taken {
    bool is_found;
    struct rg_digest browser;
    int64_t expires_us;
    struct rg_buf sealed;
};

static rg_status on_taken(void *context, const struct auth_db_row *row)
{
    struct taken *taken = context;
    if (row->columns[0].bytes.size != sizeof taken->browser.bytes) {
        return rg_fail(RG_STORAGE, "a login of the state has no browser");
    }
    memcpy(taken->browser.bytes, row->columns[0].bytes.data, sizeof taken->browser.bytes);
    taken->expires_us = row->columns[1].number;
    taken->is_found = true;
    return rg_buf_put(&taken->sealed, row->columns[2].bytes);
}

static rg_status refuse(void)
{
    return rg_fail(RG_DENIED, "the login took too long, was finished before, or was begun in another browser");
}

static rg_status open_taken(struct auth_state *state, const struct rg_digest *id, const struct rg_digest *browser,
                            const struct taken *taken, int64_t now_us, struct rg_buf *plain)
{
    bool is_same = rg_secret_is_equal(rg_slice_make(browser->bytes, sizeof browser->bytes),
                                      rg_slice_make(taken->browser.bytes, sizeof taken->browser.bytes));
    if (!taken->is_found || !is_same || now_us >= taken->expires_us) {
        return refuse();
    }
    rg_status status =
        rg_aead_open(state->keys.seal, rg_slice_make(id->bytes, sizeof id->bytes), rg_buf_slice(&taken->sealed), plain);
    return rg_is_ok(status) ? RG_OK : rg_fail(RG_STORAGE, "a login of the state was not sealed by this key");
}

static void taken_done(struct taken *taken)
{
    rg_buf_done(&taken->sealed);
}

rg_status auth_login_take(struct auth_state *state, struct rg_slice id, struct rg_slice browser, int64_t now_us,
                          struct rg_arena *arena, struct auth_login *out_login)
{
    RG_AUTO(taken_done) struct taken taken = {0};
    RG_AUTO(rg_buf_done) struct rg_buf plain;
    struct rg_digest key;
    struct rg_digest browser_key;
    rg_buf_init(&taken.sealed, 2 * BODY_MAX);
    rg_buf_init(&plain, BODY_MAX);
    if (!rg_is_ok(auth_cookie_hash(id, &key))) {
        return refuse();
    }
    if (!rg_is_ok(auth_cookie_hash(browser, &browser_key))) {
        rg_random(browser_key.bytes, sizeof browser_key.bytes); /* nobody's: the login is used up all the same */
    }
    const struct auth_db_value value = auth_db_digest(&key);
    RG_TRY(auth_state_begin(state, false));
    rg_status status =
        auth_state_read(state, AUTH_SQL_LOGIN_TAKE, &value, 1, (struct auth_db_reader){on_taken, &taken});
    status = auth_state_commit(state, status);
    if (rg_is_ok(status)) {
        status = open_taken(state, &key, &browser_key, &taken, now_us, &plain); /* the key is the lock's too */
    }
    auth_state_unlock(state);
    RG_TRY(status);
    return decode(rg_buf_slice(&plain), arena, out_login);
}
