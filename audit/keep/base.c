/* SPDX-License-Identifier: Apache-2.0 */
/* What a pruned log goes on from, as a text of one fixed form: reading is encoding again and comparing. */
#include "audit/keep/base.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "audit/reader.h"

#define FIRST_LINE "rowgate/audit/base/v1\n"
#define TEMPORARY "pruned/new"

enum { HEX = 2 * RG_SHA256_SIZE };

void audit_base_path(uint64_t size, char out_path[AUDIT_BASE_PATH_SIZE])
{
    RG_ASSERT(size < UINT64_C(10000000000000000));
    (void)snprintf(out_path, AUDIT_BASE_PATH_SIZE, "pruned/%016" PRIu64 ".base", size);
}

void audit_base_init(struct audit_base *base, struct rg_slice origin, const struct rg_digest *keys_root)
{
    memset(base, 0, sizeof *base);
    audit_chain_init(&base->chain, origin, keys_root);
}

void audit_base_done(struct audit_base *base)
{
    audit_chain_done(&base->chain);
}

/* ---- going on ---- */

static rg_status pass_tile(void *context, unsigned level, uint64_t index, const struct rg_digest *hashes,
                           unsigned width)
{
    (void)context;
    (void)level;
    (void)index;
    (void)hashes;
    (void)width;
    return RG_OK; /* the publisher writes them */
}

rg_status audit_base_take(struct audit_base *base, struct rg_slice line, struct audit_head *out_head)
{
    static const struct audit_tile_sink sink = {.put = pass_tile};
    enum audit_problem problem = AUDIT_PROBLEM_NONE;
    struct audit_head head = {0};
    RG_TRY(audit_chain_check(&base->chain, line, &head, &problem));
    RG_TRY(audit_tiles_append(&base->tiles, &base->chain.prev, &sink));
    audit_tree_append(&base->tree, &base->chain.prev);
    bool is_epoch = rg_slice_has_prefix(rg_slice_cut(line, head.size, SIZE_MAX), RG_SLICE("\"kind\":\"epoch.open\""));
    if (is_epoch || head.seq == 0) {
        base->epoch += is_epoch ? 1 : 0;
        base->epoch_size_before = base->epoch_size;
        base->epoch_size = is_epoch ? head.seq + 1 : 0;
        base->epoch_hlc_us = head.hlc_us;
    }
    *out_head = head;
    return RG_OK;
}

/* ---- writing ---- */

static rg_status put_digest(struct rg_buf *out, const struct rg_digest *digest, char end)
{
    char text[HEX + 1];
    rg_digest_hex(digest, text);
    RG_TRY(rg_buf_put(out, rg_slice_make(text, HEX)));
    return rg_buf_put_u8(out, (uint8_t)end);
}

/* Hashes of the open tile of a level. */
static size_t width_of(uint64_t size, unsigned level)
{
    return (size_t)(size >> 8 * level) % AUDIT_TILE_WIDTH;
}

static rg_status put_tiles(const struct audit_base *base, struct rg_buf *out)
{
    for (unsigned level = AUDIT_TILE_LEVELS; level-- > 0;) {
        size_t width = width_of(base->tiles.size, level);
        RG_TRY(rg_buf_printf(out, "tile %u %zu\n", level, width));
        for (size_t i = 0; i < width; i++) {
            RG_TRY(put_digest(out, &base->tiles.open[level][i], '\n'));
        }
    }
    return RG_OK;
}

static rg_status put_tenants(struct audit_heads *heads, struct rg_buf *out)
{
    struct rg_digest ignored = audit_heads_root(heads); /* orders them */
    (void)ignored;
    RG_TRY(rg_buf_printf(out, "tenants %zu\n", heads->live));
    for (size_t i = 0; i < heads->order_count; i++) {
        const struct audit_tenant_head *head = &heads->slots[heads->order[i]];
        if (head->next_tseq > 0) {
            RG_TRY(rg_buf_printf(out, "%016" PRIu64 " ", head->next_tseq));
            RG_TRY(put_digest(out, &head->salt, ' '));
            RG_TRY(put_digest(out, &head->leaf, ' '));
            RG_TRY(rg_buf_put(out, head->tenant));
            RG_TRY(rg_buf_put_u8(out, '\n'));
        }
    }
    return RG_OK;
}

static rg_status put_text(struct audit_base *base, struct rg_slice origin, struct rg_buf *out)
{
    RG_TRY(rg_buf_put(out, RG_SLICE(FIRST_LINE "origin ")));
    RG_TRY(rg_buf_put(out, origin));
    RG_TRY(rg_buf_printf(out, "\nsize %" PRIu64 "\nhlc %" PRId64 "\nepoch %" PRIu64 "\nopened %" PRIu64,
                         base->tree.size, base->chain.hlc_us, base->epoch, base->epoch_size));
    RG_TRY(rg_buf_printf(out, "\nbefore %" PRIu64 "\nsince %" PRId64 "\nprev ", base->epoch_size_before,
                         base->epoch_hlc_us));
    RG_TRY(put_digest(out, &base->chain.prev, '\n'));
    RG_TRY(put_tiles(base, out));
    return put_tenants(&base->chain.tenants, out);
}

rg_status audit_base_encode(struct audit_base *base, struct rg_slice origin, struct rg_buf *out)
{
    size_t before = rg_buf_size(out);
    rg_status status = put_text(base, origin, out);
    if (rg_is_ok(status)) {
        struct rg_digest check = rg_sha256_one(rg_slice_cut(rg_buf_slice(out), before, SIZE_MAX));
        status = rg_buf_put(out, RG_SLICE("check "));
        status = rg_is_ok(status) ? put_digest(out, &check, '\n') : status;
    }
    if (!rg_is_ok(status)) {
        rg_buf_truncate(out, before);
    }
    return status;
}

/* ---- reading ---- */

static bool get_line(struct rg_slice *cursor, struct rg_slice name, struct rg_slice *out_value)
{
    const char *end = cursor->size == 0 ? NULL : memchr(cursor->data, '\n', cursor->size);
    if (end == NULL || !rg_slice_has_prefix(*cursor, name)) {
        return false;
    }
    size_t size = (size_t)(end - cursor->data);
    if (size < name.size) {
        return false;
    }
    *out_value = rg_slice_cut(*cursor, name.size, size - name.size);
    *cursor = rg_slice_cut(*cursor, size + 1, SIZE_MAX);
    return true;
}

static bool parse_number(struct rg_slice text, uint64_t *out_value)
{
    enum { DIGITS_MAX = 18 };
    uint64_t value = 0;
    if (text.size == 0 || text.size > DIGITS_MAX) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        value = value * 10 + (uint64_t)(text.data[i] - '0');
    }
    *out_value = value;
    return true;
}

static bool get_number(struct rg_slice *cursor, struct rg_slice name, uint64_t *out_value)
{
    struct rg_slice text = {0};
    return get_line(cursor, name, &text) && parse_number(text, out_value);
}

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

static bool parse_digest(struct rg_slice text, struct rg_digest *out_digest)
{
    if (text.size != HEX) {
        return false;
    }
    for (size_t i = 0; i < RG_SHA256_SIZE; i++) {
        int high = hex_value(text.data[2 * i]);
        int low = hex_value(text.data[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        out_digest->bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool get_tile(struct rg_slice *cursor, struct audit_base *base, unsigned level)
{
    struct rg_slice line = {0};
    if (!get_line(cursor, RG_SLICE("tile "), &line)) {
        return false;
    }
    for (size_t i = 0; i < width_of(base->tiles.size, level); i++) {
        struct rg_digest *hash = &base->tiles.open[level][i];
        if (!get_line(cursor, RG_SLICE(""), &line) || !parse_digest(line, hash)) {
            return false;
        }
        audit_tree_append_node(&base->tree, 8 * level, hash);
    }
    return true;
}

static bool get_tenant(struct rg_slice *cursor, struct audit_heads *heads, const struct rg_digest *genesis)
{
    struct rg_slice line = {0};
    uint64_t count = 0;
    struct rg_digest salt;
    struct rg_digest leaf;
    struct audit_tenant_head *head = NULL;
    enum { LEAF_AT = AUDIT_DIGITS + 1 + HEX + 1, TENANT_AT = LEAF_AT + HEX + 1 };
    if (!get_line(cursor, RG_SLICE(""), &line) ||
        !audit_line_digits_parse(rg_slice_cut(line, 0, AUDIT_DIGITS), &count) ||
        !parse_digest(rg_slice_cut(line, AUDIT_DIGITS + 1, HEX), &salt) ||
        !parse_digest(rg_slice_cut(line, LEAF_AT, HEX), &leaf)) {
        return false;
    }
    struct rg_slice tenant = rg_slice_cut(line, TENANT_AT, SIZE_MAX);
    if (tenant.size == 0 || count == 0 || audit_heads_find(heads, tenant) != NULL ||
        !rg_is_ok(audit_heads_get(heads, tenant, genesis, &head))) {
        return false;
    }
    audit_heads_begin(heads, head, genesis, &salt);
    head->next_tseq = count;
    head->leaf = leaf;
    heads->live++;
    return true;
}

static bool parse_text(struct rg_slice bytes, struct audit_base *base)
{
    uint64_t numbers[6] = {0};
    uint64_t tenants = 0;
    struct rg_slice cursor = bytes, text = {0};
    if (!get_line(&cursor, RG_SLICE("rowgate/audit/base/v1"), &text) ||
        !get_line(&cursor, RG_SLICE("origin "), &text) || !get_number(&cursor, RG_SLICE("size "), &numbers[0]) ||
        !get_number(&cursor, RG_SLICE("hlc "), &numbers[1]) || !get_number(&cursor, RG_SLICE("epoch "), &numbers[2]) ||
        !get_number(&cursor, RG_SLICE("opened "), &numbers[3]) ||
        !get_number(&cursor, RG_SLICE("before "), &numbers[4]) ||
        !get_number(&cursor, RG_SLICE("since "), &numbers[5]) || !get_line(&cursor, RG_SLICE("prev "), &text) ||
        !parse_digest(text, &base->chain.prev) || numbers[0] >= UINT64_C(10000000000000000)) {
        return false;
    }
    base->chain.next_seq = numbers[0];
    base->tiles.size = numbers[0];
    base->chain.hlc_us = (int64_t)numbers[1];
    base->epoch = numbers[2];
    base->epoch_size = numbers[3];
    base->epoch_size_before = numbers[4];
    base->epoch_hlc_us = (int64_t)numbers[5];
    for (unsigned level = AUDIT_TILE_LEVELS; level-- > 0;) {
        if (!get_tile(&cursor, base, level)) {
            return false;
        }
    }
    bool is_sound = get_number(&cursor, RG_SLICE("tenants "), &tenants);
    for (uint64_t i = 0; i < tenants && is_sound; i++) {
        is_sound = get_tenant(&cursor, &base->chain.tenants, &base->chain.genesis);
    }
    return is_sound;
}

rg_status audit_base_parse(struct rg_slice bytes, struct rg_slice origin, struct audit_base *base)
{
    RG_AUTO(rg_buf_done) struct rg_buf again;
    rg_buf_init(&again, AUDIT_BASE_MAX);
    if (bytes.size > AUDIT_BASE_MAX || !parse_text(bytes, base) || !rg_is_ok(audit_base_encode(base, origin, &again)) ||
        !rg_slice_is_equal(bytes, rg_buf_slice(&again))) {
        return rg_fail(RG_PROTOCOL, "it is no base of this log");
    }
    return RG_OK;
}

/* ---- files ---- */

static rg_status read_all(int fd, struct rg_buf *out)
{
    enum { PIECE = 256 * 1024 };
    for (;;) {
        char *piece = NULL;
        RG_TRY(rg_buf_reserve(out, PIECE, &piece));
        ssize_t got = pread(fd, piece, PIECE, (off_t)rg_buf_size(out));
        if (got < 0 && errno != EINTR) {
            return rg_fail(RG_STORAGE, "%s", strerror(errno));
        }
        if (got == 0) {
            return RG_OK;
        }
        rg_buf_commit(out, got > 0 ? (size_t)got : 0);
    }
}

rg_status audit_base_load(int directory_fd, uint64_t size, struct rg_slice origin, struct audit_base *base)
{
    char path[AUDIT_BASE_PATH_SIZE];
    RG_AUTO(rg_buf_done) struct rg_buf bytes;
    rg_buf_init(&bytes, AUDIT_BASE_MAX);
    audit_base_path(size, path);
    RG_AUTO(audit_fd_done) int fd = openat(directory_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    rg_status status = fd < 0 ? rg_fail(RG_STORAGE, "%s", strerror(errno)) : read_all(fd, &bytes);
    if (rg_is_ok(status)) {
        status = audit_base_parse(rg_buf_slice(&bytes), origin, base);
    }
    if (rg_is_ok(status) && base->tree.size != size) {
        status = rg_fail(RG_PROTOCOL, "it is the base of another size");
    }
    return rg_is_ok(status) ? RG_OK : rg_fail(RG_STORAGE, "%s: %s", path, status.error->text);
}

rg_status audit_base_put(const struct audit_store *store, int directory_fd, struct rg_slice origin,
                         struct audit_base *base)
{
    char path[AUDIT_BASE_PATH_SIZE];
    RG_AUTO(rg_buf_done) struct rg_buf bytes;
    rg_buf_init(&bytes, AUDIT_BASE_MAX);
    audit_base_path(base->tree.size, path);
    RG_TRY(audit_base_encode(base, origin, &bytes));
    int result = store->make_directory(store->context, directory_fd, "pruned");
    if (result < 0) {
        return audit_store_fail("create", "pruned/", result);
    }
    RG_TRY(audit_store_put(store, directory_fd, path, TEMPORARY, rg_buf_slice(&bytes), true));
    return audit_store_sync_parent(store, directory_fd, "pruned"); /* the directory itself may be new */
}
