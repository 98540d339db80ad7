/* SPDX-License-Identifier: Apache-2.0 */
/* A record's lines, read back by jansson. The reverse of audit/record*.c; docs/audit-format.md 5 is the contract.
 * Nothing that the lines say is believed: a list of literals that does not fit leaves the text as it stands. */
#include "audit/show_record.h"

#include <inttypes.h>

#include <jansson.h>

#include "base/rg_literal.h"

enum { LONG_FIELDS_MAX = 32, JSON_FLAGS = JSON_ALLOW_NUL };

/* A long text on its way: the pieces of one field. */
struct long_text {
    struct rg_slice field;
    struct rg_slice sha256; /* hexadecimal, as the first record has it */
    struct rg_buf bytes;
};

struct parsing {
    struct rg_arena *arena;
    const json_t *ocsf; /* the whole line */
    const json_t *rg;
    struct long_text longs[LONG_FIELDS_MAX];
    size_t long_count;
    bool is_whole;
    struct audit_opener *opener; /* NULL: sealed values stay so */
    struct rg_slice key;         /* with which the record's values are sealed; empty = none is */
    bool is_open;
};

static void json_done(json_t **json)
{
    json_decref(*json);
}

static struct rg_slice slice_of(const json_t *text)
{
    return json_is_string(text) ? rg_slice_make(json_string_value(text), json_string_length(text))
                                : (struct rg_slice){0};
}

static rg_status keep(struct parsing *parsing, const json_t *text, struct rg_slice *out_text)
{
    struct rg_slice value = slice_of(text);
    return value.size == 0 ? RG_OK : rg_arena_copy(parsing->arena, value, out_text);
}

/* The value at "a.b" below an object. */
static const json_t *at_path(const json_t *object, const char *path)
{
    char step[64];
    for (const char *dot = strchr(path, '.'); dot != NULL; dot = strchr(path, '.')) {
        size_t size = (size_t)(dot - path);
        RG_ASSERT(size < sizeof step);
        memcpy(step, path, size);
        step[size] = '\0';
        object = json_object_get(object, step);
        path = dot + 1;
    }
    return json_object_get(object, path);
}

/* ---- continuation records ---- */

static void longs_done(struct parsing *parsing)
{
    for (size_t i = 0; i < parsing->long_count; i++) {
        rg_buf_done(&parsing->longs[i].bytes);
    }
}

static void parsing_done(struct parsing *parsing)
{
    longs_done(parsing);
}

static void list_longs(struct parsing *parsing)
{
    const json_t *list = json_object_get(parsing->rg, "long");
    for (size_t i = 0; i < json_array_size(list) && parsing->long_count < LONG_FIELDS_MAX; i++) {
        const json_t *entry = json_array_get(list, i);
        struct long_text *text = &parsing->longs[parsing->long_count++];
        text->field = slice_of(json_object_get(entry, "field"));
        text->sha256 = slice_of(json_object_get(entry, "sha256"));
        rg_buf_init(&text->bytes, AUDIT_WALK_MAX);
    }
}

static struct long_text *find_long(struct parsing *parsing, struct rg_slice field)
{
    for (size_t i = 0; i < parsing->long_count; i++) {
        if (rg_slice_is_equal(parsing->longs[i].field, field)) {
            return &parsing->longs[i];
        }
    }
    return NULL;
}

static rg_status put_b64(struct rg_slice b64, struct rg_buf *out)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct rg_slice bytes = {0};
    rg_arena_init(&arena, b64.size + 64);
    RG_TRY(rg_base64_decode(b64, &arena, &bytes));
    return rg_buf_put(out, bytes);
}

static rg_status take_part(struct parsing *parsing, struct rg_slice line)
{
    RG_AUTO(json_done) json_t *json = json_loadb(line.data, line.size, JSON_FLAGS, NULL);
    const json_t *rg = at_path(json, "unmapped.rg");
    struct long_text *text = find_long(parsing, slice_of(json_object_get(rg, "field")));
    struct rg_slice b64 = slice_of(json_object_get(rg, "b64"));
    if (text == NULL) {
        parsing->is_whole = false;
        return RG_OK;
    }
    return b64.size > 0 ? put_b64(b64, &text->bytes) : rg_buf_put(&text->bytes, slice_of(json_object_get(rg, "text")));
}

static rg_status take_parts(struct parsing *parsing, struct rg_slice lines)
{
    while (lines.size > 0) {
        const char *end = memchr(lines.data, '\n', lines.size);
        size_t size = end == NULL ? lines.size : (size_t)(end - lines.data);
        RG_TRY(take_part(parsing, rg_slice_cut(lines, 0, size)));
        lines = rg_slice_cut(lines, size + 1, SIZE_MAX);
    }
    for (size_t i = 0; i < parsing->long_count; i++) {
        char hex[2 * RG_SHA256_SIZE + 1];
        struct rg_digest digest = rg_sha256_one(rg_buf_slice(&parsing->longs[i].bytes));
        rg_digest_hex(&digest, hex);
        parsing->is_whole = parsing->is_whole && rg_slice_is_equal(parsing->longs[i].sha256, rg_slice_of(hex));
    }
    return RG_OK;
}

/* ---- texts ---- */

/* A sealed value becomes what it was, or a word that says why not. */
static rg_status reveal(struct parsing *parsing, enum audit_personal_field field, struct rg_slice *text)
{
    struct audit_key_id id;
    bool is_open = false;
    if (parsing->key.size == 0 || field == AUDIT_PERSONAL_NONE || !audit_personal_parse(*text, &id)) {
        return RG_OK;
    }
    RG_TRY(audit_opener_open(parsing->opener, parsing->key, field, *text, parsing->arena, &is_open, text));
    parsing->is_open = parsing->is_open && is_open;
    return RG_OK;
}

static rg_status keep_written(struct parsing *parsing, const char *field, const char *path, struct rg_slice *out_text);

static rg_status keep_field(struct parsing *parsing, const char *field, const char *path, struct rg_slice *out_text)
{
    RG_TRY(keep_written(parsing, field, path, out_text));
    return reveal(parsing, audit_personal_find(rg_slice_of(field)), out_text);
}

/* A field of the event: whole from its continuation records, or from rg's <field>_b64, or as it stands at `path`. */
static rg_status keep_written(struct parsing *parsing, const char *field, const char *path, struct rg_slice *out_text)
{
    char name[64];
    const struct long_text *text = find_long(parsing, rg_slice_of(field));
    if (text != NULL && rg_buf_size(&text->bytes) > 0) {
        return rg_arena_copy(parsing->arena, rg_buf_slice(&text->bytes), out_text);
    }
    (void)snprintf(name, sizeof name, "%.50s_b64", field);
    struct rg_slice b64 = slice_of(json_object_get(parsing->rg, name));
    if (b64.size > 0) {
        return rg_base64_decode(b64, parsing->arena, out_text);
    }
    return keep(parsing, at_path(parsing->ocsf, path), out_text);
}

/* One entry [at, size, text]; a text that JSON cannot carry is {"b64": ...}. False = it is none. */
static bool put_literal(const json_t *entry, struct rg_arena *arena, struct rg_buf *list)
{
    const json_t *at = json_array_get(entry, 0);
    const json_t *size = json_array_get(entry, 1);
    const json_t *text = json_array_get(entry, 2);
    struct rg_slice b64 = slice_of(json_object_get(text, "b64"));
    struct rg_literal literal = {.text = slice_of(text)};
    if (json_integer_value(at) < 0 || json_integer_value(size) < 0 || json_array_size(entry) != 3) {
        return false;
    }
    literal.at = (size_t)json_integer_value(at);
    literal.size = (size_t)json_integer_value(size);
    if (b64.size > 0 && !rg_is_ok(rg_base64_decode(b64, arena, &literal.text))) {
        return false;
    }
    return rg_is_ok(rg_literal_put(list, &literal));
}

/* A list that stands as text, long or sealed: its JSON. False = it stays sealed, and so does what it is about. */
static bool open_list(struct parsing *parsing, const char *field, struct rg_slice *bytes)
{
    struct audit_key_id id;
    bool was_open = parsing->is_open;
    bool is_sealed = parsing->key.size > 0 && audit_personal_parse(*bytes, &id);
    parsing->is_open = true;
    bool is_read = rg_is_ok(reveal(parsing, audit_personal_find(rg_slice_of(field)), bytes));
    bool is_open = !is_sealed || (is_read && parsing->is_open);
    parsing->is_open = was_open && is_open;
    return is_open;
}

/* The list as base/rg_literal.h has it. *out_is_good false: it is none. */
static void read_literals(struct parsing *parsing, const char *field, struct rg_buf *list, bool *out_is_good)
{
    RG_AUTO(json_done) json_t *json = NULL;
    const json_t *array = json_object_get(parsing->rg, field);
    const struct long_text *text = find_long(parsing, rg_slice_of(field));
    struct rg_slice bytes = text == NULL ? slice_of(array) : rg_buf_slice(&text->bytes);
    if (!open_list(parsing, field, &bytes)) {
        return;
    }
    if (bytes.size > 0) {
        json = json_loadb(bytes.data, bytes.size, JSON_FLAGS, NULL);
        array = json;
        *out_is_good = json_is_array(array);
    }
    for (size_t i = 0; *out_is_good && i < json_array_size(array); i++) {
        *out_is_good = put_literal(json_array_get(array, i), parsing->arena, list);
    }
}

/* The text with its literals where they were. */
static rg_status keep_joined(struct parsing *parsing, const char *field, struct rg_slice *text)
{
    RG_AUTO(rg_buf_done) struct rg_buf list;
    RG_AUTO(rg_buf_done) struct rg_buf joined;
    bool is_good = true;
    rg_buf_init(&list, AUDIT_WALK_MAX);
    rg_buf_init(&joined, AUDIT_WALK_MAX);
    read_literals(parsing, field, &list, &is_good);
    if (is_good && rg_buf_size(&list) == 0) {
        return RG_OK;
    }
    if (!is_good || !rg_is_ok(rg_literals_join(*text, rg_buf_slice(&list), &joined))) {
        parsing->is_whole = false;
        return RG_OK;
    }
    return rg_arena_copy(parsing->arena, rg_buf_slice(&joined), text);
}

static rg_status keep_relations(struct parsing *parsing, struct audit_shown *shown)
{
    const json_t *array = json_object_get(parsing->rg, "relations");
    const struct long_text *text = find_long(parsing, RG_SLICE("relations"));
    struct rg_slice rest = text == NULL ? (struct rg_slice){0} : rg_buf_slice(&text->bytes);
    size_t count = text == NULL ? json_array_size(array) : 1;
    void *memory = NULL;
    for (size_t i = 0; i < rest.size; i++) {
        count += rest.data[i] == '\0' ? 1 : 0;
    }
    if (count == 0) {
        return RG_OK;
    }
    RG_TRY(rg_arena_array(parsing->arena, count, sizeof *shown->relations, &memory));
    shown->relations = memory;
    for (size_t i = 0; i < count; i++) {
        const char *end = rest.size == 0 ? NULL : memchr(rest.data, '\0', rest.size);
        size_t size = end == NULL ? rest.size : (size_t)(end - rest.data);
        struct rg_slice name = text == NULL ? slice_of(json_array_get(array, i)) : rg_slice_cut(rest, 0, size);
        RG_TRY(rg_arena_copy(parsing->arena, name, &shown->relations[i]));
        rest = rg_slice_cut(rest, size + 1, SIZE_MAX);
    }
    shown->relation_count = count;
    return RG_OK;
}

static rg_status keep_dump(struct parsing *parsing, const json_t *value, struct rg_slice *out_text)
{
    RG_AUTO(rg_buf_done) struct rg_buf out;
    const size_t flags = JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY;
    char *memory = NULL;
    rg_buf_init(&out, AUDIT_WALK_MAX);
    size_t size = json_dumpb(value, NULL, 0, flags);
    RG_TRY(rg_buf_reserve(&out, size + 1, &memory));
    rg_buf_commit(&out, json_dumpb(value, memory, size, flags));
    return rg_arena_copy(parsing->arena, rg_buf_slice(&out), out_text);
}

static rg_status keep_binds(struct parsing *parsing, struct audit_shown *shown)
{
    const struct long_text *text = find_long(parsing, RG_SLICE("binds"));
    const json_t *array = json_object_get(parsing->rg, "binds");
    if (text != NULL || json_is_string(array)) {
        RG_TRY(
            rg_arena_copy(parsing->arena, text == NULL ? slice_of(array) : rg_buf_slice(&text->bytes), &shown->binds));
        return reveal(parsing, AUDIT_PERSONAL_BINDS, &shown->binds);
    }
    return array == NULL ? RG_OK : keep_dump(parsing, array, &shown->binds);
}

/* ---- the record ---- */

static rg_status keep_client(struct parsing *parsing, struct audit_shown *shown)
{
    const json_t *source = json_object_get(parsing->ocsf, "src_endpoint");
    json_int_t port = json_integer_value(json_object_get(source, "port"));
    struct rg_slice address = {0};
    bool is_ip = json_object_get(source, "ip") != NULL;
    const char *path = json_object_get(source, "uid") != NULL ? "src_endpoint.uid"
                       : is_ip                                ? "src_endpoint.ip"
                                                              : "src_endpoint.name";
    RG_TRY(keep_field(parsing, "client_address", path, &address));
    shown->address = address;
    if (port <= 0 || address.size > 256) {
        shown->client = address;
        return RG_OK;
    }
    return rg_arena_printf(parsing->arena, &shown->client, "%.*s:%" JSON_INTEGER_FORMAT, RG_SLICE_ARGS(address), port);
}

static rg_status keep_names(struct parsing *parsing, struct audit_shown *shown)
{
    bool is_login = json_object_get(parsing->ocsf, "user") != NULL;
    bool is_database = json_object_get(parsing->ocsf, "database") != NULL;
    bool is_method = at_path(parsing->ocsf, "http_request.http_method") != NULL;
    const struct {
        const char *field;
        const char *path;
        struct rg_slice *value;
    } rows[] = {
        {"user", is_login ? "user.name" : "actor.user.name", &shown->user},
        {"subject", is_login ? "user.uid" : "actor.user.uid", &shown->subject},
        {"idp", "unmapped.rg.idp", &shown->idp},
        {"database", is_database ? "database.name" : "unmapped.rg.database", &shown->database},
        {"listener", "unmapped.rg.listener", &shown->listener},
        {"application", "unmapped.rg.application", &shown->application},
        {"upstream", "unmapped.rg.upstream", &shown->upstream},
        {"policy", "unmapped.rg.policy", &shown->policy},
        {"rule", "unmapped.rg.rule", &shown->rule},
        {"class", "unmapped.rg.class", &shown->class_name},
        {"sqlstate", "status_code", &shown->sqlstate},
        {"message", "message", &shown->message},
        {"sql", "query_info.query_string", &shown->sql},
        {"sql_sent", "unmapped.rg.sql_sent", &shown->sql_sent},
        {"kind", "unmapped.rg.kind", &shown->kind},
        {"session", "unmapped.rg.session", &shown->session},
        {"statement", "unmapped.rg.statement", &shown->statement},
        {"request", "unmapped.rg.request", &shown->request},
        {"method", is_method ? "http_request.http_method" : "unmapped.rg.method", &shown->method},
        {"path", "http_request.url.path", &shown->path},
        {"query", "http_request.url.query_string", &shown->query},
        {"action", "unmapped.rg.action", &shown->action},
        {"object", "unmapped.rg.object", &shown->object},
        {"reference", "unmapped.rg.reference", &shown->reference},
        {"guest", "unmapped.rg.guest", &shown->guest},
        {"phase", "unmapped.rg.phase", &shown->phase},
        {"verdict", "unmapped.rg.verdict", &shown->verdict},
        {"tenant", "unmapped.rg.tenant", &shown->tenant},
        {"boot", "unmapped.rg.boot", &shown->boot},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        RG_TRY(keep_field(parsing, rows[i].field, rows[i].path, rows[i].value));
    }
    return keep_client(parsing, shown);
}

static uint64_t number_of(const struct parsing *parsing, const char *key)
{
    json_int_t value = json_integer_value(json_object_get(parsing->rg, key));
    return value < 0 ? 0 : (uint64_t)value;
}

/* So many of the keys as the record has, as one object. */
static rg_status keep_keys(struct parsing *parsing, const char *const *keys, size_t count, struct rg_slice *out_text)
{
    RG_AUTO(json_done) json_t *rest = json_object();
    for (size_t i = 0; i < count; i++) {
        json_t *value = json_object_get(parsing->rg, keys[i]);
        if (value != NULL) {
            (void)json_object_set(rest, keys[i], value);
        }
    }
    return json_object_size(rest) == 0 ? RG_OK : keep_dump(parsing, rest, out_text);
}

/* The keys of checkpoints, faults, ... and of requests' digests: docs/audit-format.md 5. */
static rg_status keep_rest(struct parsing *parsing, struct audit_shown *shown)
{
    static const char *const digests[] = {"request_sha256", "request_hmac", "digest_before", "digest_after",
                                          "digest_missing"};
    static const char *const keys[] = {"epoch",      "records",         "tenants",          "heads_root",
                                       "fault_from", "recovered_bytes", "recovered_sha256", "recovered_from",
                                       "state",      "free_bytes",      "from_us",          "to_us",
                                       "sessions",   "operator",        "about_tenant"};
    RG_TRY(keep_keys(parsing, digests, sizeof digests / sizeof digests[0], &shown->digests));
    return keep_keys(parsing, keys, sizeof keys / sizeof keys[0], &shown->rest);
}

static rg_status fill(struct parsing *parsing, struct audit_shown *shown)
{
    RG_TRY(keep_names(parsing, shown));
    RG_TRY(keep_joined(parsing, "literals", &shown->sql));
    RG_TRY(keep_joined(parsing, "literals_sent", &shown->sql_sent));
    RG_TRY(keep_relations(parsing, shown));
    RG_TRY(keep_binds(parsing, shown));
    RG_TRY(keep_rest(parsing, shown));
    shown->is_break_glass = json_is_true(json_object_get(parsing->rg, "break_glass"));
    shown->is_unmarked = json_is_true(json_object_get(parsing->rg, "unmarked"));
    shown->has_result = json_object_get(parsing->rg, "duration_us") != NULL;
    shown->status = number_of(parsing, "status");
    shown->rows = number_of(parsing, "rows");
    shown->bytes = number_of(parsing, "bytes");
    shown->duration_us = number_of(parsing, "duration_us");
    shown->is_whole = parsing->is_whole;
    shown->is_open = parsing->is_open;
    return RG_OK;
}

rg_status audit_shown_parse(const struct audit_walked *record, struct rg_arena *arena, struct audit_shown *out_shown)
{
    return audit_shown_open(record, NULL, arena, out_shown);
}

rg_status audit_shown_open(const struct audit_walked *record, struct audit_opener *opener, struct rg_arena *arena,
                           struct audit_shown *out_shown)
{
    RG_AUTO(json_done) json_t *json = json_loadb(record->line.data, record->line.size, JSON_FLAGS, NULL);
    RG_AUTO(parsing_done)
    struct parsing parsing = {
        .arena = arena, .ocsf = json, .is_whole = record->is_whole, .opener = opener, .is_open = true};
    struct audit_shown shown = {.seq = record->place.seq,
                                .line_count = record->line_count,
                                .hlc_us = record->head.hlc_us,
                                .leaf = audit_line_leaf(record->line)};
    parsing.rg = at_path(json, "unmapped.rg");
    if (!json_is_object(parsing.rg)) {
        return rg_fail(RG_STORAGE, "record %" PRIu64 " is not the JSON of a record", record->place.seq);
    }
    RG_TRY(keep(&parsing, at_path(json, "unmapped.rg.personal.key"), &shown.personal_key));
    RG_TRY(keep(&parsing, at_path(json, "unmapped.rg.personal.address"), &shown.personal_token));
    parsing.key = shown.personal_key;
    list_longs(&parsing);
    RG_TRY(take_parts(&parsing, record->parts));
    rg_status status = fill(&parsing, &shown);
    if (!rg_is_ok(status) && status.error->kind == RG_PROTOCOL) {
        return rg_fail(RG_STORAGE, "record %" PRIu64 " holds a text that is no base64", record->place.seq);
    }
    RG_TRY(status);
    *out_shown = shown;
    return RG_OK;
}
