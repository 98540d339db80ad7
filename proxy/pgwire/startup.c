/* SPDX-License-Identifier: Apache-2.0 */
/* The first packet. Everything in it comes from someone unknown and, for the SSLRequest, in the clear: so
 * each key may come once, each text must be harmless to print, and what has no use here is refused. */
#include "proxy/pgwire/startup.h"

#include <strings.h>

#include "proxy/pgwire/cursor.h"
#include "proxy/pgwire/options_private.h"
#include "proxy/pgwire/utf8.h"

enum {
    VERSION_MAJOR = 3,
    REQUEST_MAJOR = 1234, /* the "version" of the requests, protocol-message-formats */
    REQUEST_CANCEL = 5678,
    REQUEST_SSL = 5679,
    REQUEST_GSSENC = 5680,
    SCRATCH_SPARE_BYTES = 64, /* of the arena's own rounding */
};

/* What is read so far: too large for a frame, and for a session to keep. */
struct reading {
    struct pgwire_startup startup;
    struct pgwire_setting settings[PGWIRE_SETTINGS_MAX];
    struct rg_slice extensions[PGWIRE_SETTINGS_MAX];
    struct rg_slice keys[PGWIRE_SETTINGS_MAX]; /* every key, to find those sent twice */
    size_t key_count;
    struct rg_arena *arena; /* of the names and values */
};

static bool is_same_name(struct rg_slice a, struct rg_slice b)
{
    return a.size == b.size && (a.size == 0 || strncasecmp(a.data, b.data, a.size) == 0);
}

static bool is_name_byte(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
           byte == '_' || byte == '.' || byte == '$';
}

static rg_status check_key(const struct reading *reading, struct rg_slice key)
{
    if (key.size > PGWIRE_SETTING_NAME_MAX) {
        return rg_fail(RG_LIMIT, "start-up parameter: name of %zu bytes, limit %d", key.size,
                       (int)PGWIRE_SETTING_NAME_MAX);
    }
    for (size_t i = 0; i < key.size; i++) {
        if (!is_name_byte(key.data[i])) {
            return rg_fail(RG_PROTOCOL, "start-up parameter: byte 0x%02x in the name", (unsigned char)key.data[i]);
        }
    }
    for (size_t i = 0; i < reading->key_count; i++) {
        if (is_same_name(reading->keys[i], key)) {
            return rg_fail(RG_PROTOCOL, "start-up parameter \"%.*s\" is given twice", RG_SLICE_ARGS(key));
        }
    }
    return RG_OK;
}

static rg_status add_key(struct reading *reading, struct rg_slice key)
{
    RG_TRY(check_key(reading, key));
    if (reading->key_count == PGWIRE_SETTINGS_MAX) {
        return rg_fail(RG_LIMIT, "more than %d start-up parameters", (int)PGWIRE_SETTINGS_MAX);
    }
    reading->keys[reading->key_count++] = key;
    return RG_OK;
}

static rg_status check_value(struct rg_slice key, struct rg_slice value, size_t limit_bytes)
{
    if (value.size > limit_bytes) {
        return rg_fail(RG_LIMIT, "start-up parameter \"%.*s\": %zu bytes, limit %zu", RG_SLICE_ARGS(key), value.size,
                       limit_bytes);
    }
    if (!pgwire_utf8_is_printable(value)) {
        return rg_fail(RG_PROTOCOL, "start-up parameter \"%.*s\" is not printable UTF-8", RG_SLICE_ARGS(key));
    }
    return RG_OK;
}

static rg_status on_user(struct reading *reading, struct rg_slice key, struct rg_slice value)
{
    RG_TRY(check_value(key, value, PGWIRE_USER_MAX_BYTES));
    return rg_arena_copy(reading->arena, value, &reading->startup.user);
}

static rg_status on_database(struct reading *reading, struct rg_slice key, struct rg_slice value)
{
    RG_TRY(check_value(key, value, PGWIRE_USER_MAX_BYTES));
    return rg_arena_copy(reading->arena, value, &reading->startup.database);
}

/* A replication connection speaks another language than SQL, which nothing here could police. */
static rg_status on_replication(struct reading *reading, struct rg_slice key, struct rg_slice value)
{
    (void)reading;
    (void)key;
    static const char *const off[] = {"false", "off", "no", "0"};
    for (size_t i = 0; i < sizeof off / sizeof off[0]; i++) {
        if (is_same_name(value, rg_slice_of(off[i]))) {
            return RG_OK;
        }
    }
    return rg_fail(RG_PROTOCOL, "replication connections are not accepted");
}

static rg_status add_setting(struct reading *reading, struct rg_slice name, struct rg_slice value, bool is_option)
{
    RG_TRY(check_value(name, value, PGWIRE_SETTING_VALUE_MAX));
    struct pgwire_setting setting = {.is_option = is_option};
    RG_TRY(rg_arena_copy(reading->arena, name, &setting.name));
    RG_TRY(rg_arena_copy(reading->arena, value, &setting.value));
    reading->settings[reading->startup.setting_count++] = setting; /* room: one key each */
    return RG_OK;
}

/* The rows of special keys below must not come in through options either. */
static bool is_special(struct rg_slice key);

static rg_status on_options(struct reading *reading, struct rg_slice key, struct rg_slice value)
{
    (void)key;
    struct pgwire_options options = {value};
    bool has_pair = true;
    while (has_pair) {
        struct rg_slice name = {0};
        struct rg_slice text = {0};
        RG_TRY(pgwire_options_get(&options, reading->arena, &name, &text, &has_pair));
        if (has_pair) {
            RG_TRY(add_key(reading, name));
            if (is_special(name)) {
                return rg_fail(RG_PROTOCOL, "start-up options: \"%.*s\" is no setting", RG_SLICE_ARGS(name));
            }
            RG_TRY(add_setting(reading, name, text, true));
        }
    }
    return RG_OK;
}

struct special_key {
    const char *key;
    rg_status (*on_value)(struct reading *reading, struct rg_slice key, struct rg_slice value);
};

static const struct special_key special_keys[] = {
    {"user", on_user},
    {"database", on_database},
    {"options", on_options},
    {"replication", on_replication},
};

static const struct rg_slice extension_prefix = {"_pq_.", 5};

static const struct special_key *special_find(struct rg_slice key)
{
    for (size_t i = 0; i < sizeof special_keys / sizeof special_keys[0]; i++) {
        if (is_same_name(key, rg_slice_of(special_keys[i].key))) {
            return &special_keys[i];
        }
    }
    return NULL;
}

static bool is_special(struct rg_slice key)
{
    return special_find(key) != NULL || rg_slice_has_prefix(key, extension_prefix);
}

static rg_status on_parameter(struct reading *reading, struct rg_slice key, struct rg_slice value)
{
    RG_TRY(add_key(reading, key));
    const struct special_key *special = special_find(key);
    if (special != NULL) {
        return special->on_value(reading, key, value);
    }
    if (rg_slice_has_prefix(key, extension_prefix)) {
        RG_TRY(check_value(key, value, PGWIRE_SETTING_VALUE_MAX));
        return rg_arena_copy(reading->arena, key, &reading->extensions[reading->startup.extension_count++]);
    }
    return add_setting(reading, key, value, false);
}

static rg_status get_parameters(struct pgwire_cursor *cursor, struct reading *reading)
{
    struct rg_slice key = {0};
    RG_TRY(pgwire_cursor_get_cstr(cursor, &key));
    while (key.size > 0) {
        struct rg_slice value = {0};
        RG_TRY(pgwire_cursor_get_cstr(cursor, &value));
        RG_TRY(on_parameter(reading, key, value));
        RG_TRY(pgwire_cursor_get_cstr(cursor, &key));
    }
    return pgwire_cursor_expect_end(cursor);
}

static rg_status keep(struct reading *reading, struct pgwire_startup *out_startup)
{
    const struct pgwire_startup *startup = &reading->startup;
    struct pgwire_setting *settings = NULL;
    struct rg_slice *extensions = NULL;
    RG_TRY(rg_arena_array(reading->arena, startup->setting_count + 1, sizeof *settings, (void **)&settings));
    RG_TRY(rg_arena_array(reading->arena, startup->extension_count + 1, sizeof *extensions, (void **)&extensions));
    memcpy(settings, reading->settings, startup->setting_count * sizeof *settings);
    memcpy(extensions, reading->extensions, startup->extension_count * sizeof *extensions);
    reading->startup.settings = settings;
    reading->startup.extensions = extensions;
    *out_startup = reading->startup;
    return RG_OK;
}

static rg_status parse_session(struct pgwire_cursor *cursor, uint16_t minor, struct rg_arena *arena,
                               struct pgwire_startup *out_startup)
{
    struct reading *reading = NULL;
    RG_AUTO(rg_arena_done) struct rg_arena scratch;
    rg_arena_init(&scratch, sizeof *reading + SCRATCH_SPARE_BYTES);
    RG_TRY(rg_arena_new(&scratch, &reading));
    reading->arena = arena;
    reading->startup.kind = PGWIRE_STARTUP_SESSION;
    reading->startup.minor = minor;
    RG_TRY(get_parameters(cursor, reading));
    if (reading->startup.user.size == 0) {
        return rg_fail(RG_PROTOCOL, "start-up packet: no user");
    }
    if (reading->startup.database.size == 0) {
        reading->startup.database = reading->startup.user;
    }
    return keep(reading, out_startup);
}

static rg_status parse_cancel(struct pgwire_cursor *cursor, struct pgwire_startup *out_startup)
{
    struct pgwire_startup startup = {.kind = PGWIRE_STARTUP_CANCEL};
    cursor->message = "CancelRequest";
    RG_TRY(pgwire_cursor_get_u32(cursor, &startup.cancel_pid));
    RG_TRY(pgwire_cursor_get_u32(cursor, &startup.cancel_secret));
    RG_TRY(pgwire_cursor_expect_end(cursor));
    *out_startup = startup;
    return RG_OK;
}

static rg_status parse_request(struct pgwire_cursor *cursor, uint16_t code, struct pgwire_startup *out_startup)
{
    if (code == REQUEST_CANCEL) {
        return parse_cancel(cursor, out_startup);
    }
    if (code != REQUEST_SSL && code != REQUEST_GSSENC) {
        return rg_fail(RG_PROTOCOL, "start-up packet: unknown request %u", code);
    }
    RG_TRY(pgwire_cursor_expect_end(cursor));
    *out_startup = (struct pgwire_startup){.kind = code == REQUEST_SSL ? PGWIRE_STARTUP_SSL : PGWIRE_STARTUP_GSSENC};
    return RG_OK;
}

rg_status pgwire_startup_parse(struct rg_slice body, struct rg_arena *arena, struct pgwire_startup *out_startup)
{
    struct pgwire_cursor cursor = {.rest = body, .message = "start-up packet"};
    uint16_t major = 0;
    uint16_t minor = 0;
    RG_TRY(pgwire_cursor_get_u16(&cursor, &major));
    RG_TRY(pgwire_cursor_get_u16(&cursor, &minor));
    if (major == REQUEST_MAJOR) {
        return parse_request(&cursor, minor, out_startup);
    }
    if (major != VERSION_MAJOR) {
        return rg_fail(RG_PROTOCOL, "protocol %u.%u is not spoken here, only 3.0", major, minor);
    }
    return parse_session(&cursor, minor, arena, out_startup);
}

const struct pgwire_setting *pgwire_setting_find(const struct pgwire_startup *startup, struct rg_slice name)
{
    for (size_t i = 0; i < startup->setting_count; i++) {
        if (is_same_name(startup->settings[i].name, name)) {
            return &startup->settings[i];
        }
    }
    return NULL;
}
