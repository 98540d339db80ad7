/* SPDX-License-Identifier: Apache-2.0 */
/* Column masks as data: which column of which relation gets which form, under which key. Checked when the policies
 * load, given to the relations of one identity when they are bound. The SQL of it is sql_masks.c's. */
#include "base/rg_buf.h"
#include "base/rg_memory.h"
#include "policy/set_private.h"

enum { MASK_LIMIT_BYTES = 16 << 20, MASK_KEEP_MAX = 1000, MASK_COLUMNS_MAX = 10000, HMAC_BLOCK = 64 };

struct mask_compiler {
    const struct policy_source *source;
    struct rg_diag *diag;
    struct policy_set *set;
    struct policy_mask *masks;
};

/* ---- names ---- */

static bool take_part(struct rg_slice *rest, bool is_last, struct rg_slice *out_part)
{
    const char *dot = rest->size == 0 ? NULL : memchr(rest->data, '.', rest->size);
    if ((dot == NULL) != is_last) {
        return false;
    }
    size_t size = dot == NULL ? rest->size : (size_t)(dot - rest->data);
    *out_part = rg_slice_cut(*rest, 0, size);
    *rest = rg_slice_cut(*rest, size + 1, rest->size);
    return size > 0 && size <= 63 && memchr(out_part->data, '*', size) == NULL && policy_text_is_valid(*out_part);
}

static bool split_column(struct rg_slice text, struct policy_mask *mask)
{
    return take_part(&text, false, &mask->schema) && take_part(&text, false, &mask->relation) &&
           take_part(&text, true, &mask->column);
}

static bool is_system_schema(struct rg_slice schema)
{
    return rg_slice_has_prefix(schema, RG_SLICE("pg_")) || rg_slice_is_equal(schema, RG_SLICE("information_schema"));
}

static bool is_same_column(const struct policy_mask *a, const struct policy_mask *b)
{
    return rg_slice_is_equal(a->schema, b->schema) && rg_slice_is_equal(a->relation, b->relation) &&
           rg_slice_is_equal(a->column, b->column);
}

static void check_column(struct mask_compiler *compiler, struct rg_place place, const struct policy_mask *mask,
                         struct rg_slice shown)
{
    if (is_system_schema(mask->schema)) {
        rg_diag_error(compiler->diag, place, "\"%.*s\": system schemas have rules of their own", rg_slice_shown(shown),
                      shown.data);
    }
    for (size_t i = 0; i < compiler->set->mask_count; i++) {
        if (is_same_column(&compiler->masks[i], mask)) {
            rg_diag_error(compiler->diag, place, "\"%.*s\" has a mask already: masks[%zu]", rg_slice_shown(shown),
                          shown.data, compiler->masks[i].number);
            return;
        }
    }
}

/* ---- one row ---- */

static void check_kind(struct mask_compiler *compiler, const struct policy_mask_row *row)
{
    bool keeps = row->keep_first != 0 || row->keep_last != 0;
    bool is_in_range = row->keep_first >= 0 && row->keep_first <= MASK_KEEP_MAX && row->keep_last >= 0 &&
                       row->keep_last <= MASK_KEEP_MAX;
    if (row->kind == POLICY_MASK_PARTIAL && (!keeps || !is_in_range)) {
        rg_diag_error(compiler->diag, row->place, "partial keeps 1 to %d characters: keep_first, keep_last, or both",
                      (int)MASK_KEEP_MAX);
    }
    if (row->kind == POLICY_MASK_HASH && row->salt.size < POLICY_SALT_MIN_BYTES) {
        rg_diag_error(compiler->diag, row->place, "a hash needs \"salt\", a secret of at least %d bytes",
                      (int)POLICY_SALT_MIN_BYTES);
    }
    if (row->kind != POLICY_MASK_HASH && row->salt.size > 0) {
        rg_diag_error(compiler->diag, row->place, "\"salt\" is for with = \"hash\"");
    }
    if (row->kind == POLICY_MASK_DENY && row->unless_text.size > 0) {
        rg_diag_error(compiler->diag, row->unless_place,
                      "a denied column has no \"unless\": with = \"null\" can be lifted");
    }
    if (row->kind == POLICY_MASK_CONSTANT && !policy_text_is_valid(row->constant)) {
        rg_diag_error(compiler->diag, row->place, "the constant is not valid UTF-8");
    }
}

static rg_status compile_unless(struct mask_compiler *compiler, const struct policy_mask_row *row,
                                const struct sql_template **out_unless)
{
    struct sql_mistake mistake = {0};
    if (row->unless_text.size == 0) {
        return RG_OK;
    }
    if (!policy_text_is_valid(row->unless_text)) {
        rg_diag_error(compiler->diag, row->unless_place, "the expression is not valid UTF-8");
        return RG_OK;
    }
    RG_TRY(sql_mask_compile(compiler->set, row, &mistake, out_unless));
    if (*out_unless == NULL) {
        rg_diag_error(compiler->diag, policy_place_inside(row->unless_place, row->unless_text, mistake.at_byte), "%.*s",
                      rg_slice_shown(mistake.text), mistake.text.data);
    }
    return RG_OK;
}

static rg_status copy_row(struct policy_set *set, const struct policy_mask_row *from,
                          const struct policy_mask_row **out_row)
{
    struct policy_mask_row *row = NULL;
    RG_TRY(rg_arena_new(&set->arena, &row));
    *row = *from;
    RG_TRY(rg_arena_copy(&set->arena, from->constant, &row->constant));
    RG_TRY(rg_arena_copy(&set->arena, from->unless_text, &row->unless_text));
    row->columns = NULL;
    row->column_count = 0;
    row->salt = (struct rg_slice){"", 0};
    row->place.file = NULL; /* the loader's memory */
    row->unless_place.file = NULL;
    *out_row = row;
    return RG_OK;
}

static rg_status compile_row(struct mask_compiler *compiler, const struct policy_mask_row *source, size_t number)
{
    struct policy_set *set = compiler->set;
    struct policy_mask mask = {.number = number};
    if (source->column_count == 0) {
        rg_diag_error(compiler->diag, source->place, "a mask needs at least one column in \"columns\"");
    }
    check_kind(compiler, source);
    RG_TRY(copy_row(set, source, &mask.row));
    RG_TRY(compile_unless(compiler, source, &mask.unless));
    if (source->salt.size > 0) {
        RG_TRY(rg_secret_new(source->salt, &set->salts[set->salt_count]));
        mask.salt = set->salts[set->salt_count++];
    }
    for (size_t i = 0; i < source->column_count; i++) {
        struct rg_slice text = {0};
        RG_TRY(rg_arena_copy(&set->arena, source->columns[i], &text));
        if (!split_column(text, &mask)) {
            rg_diag_error(compiler->diag, source->place, "columns = \"%.*s\" must be \"schema.table.column\"",
                          rg_slice_shown(text), text.data);
            continue;
        }
        check_column(compiler, source->place, &mask, text);
        compiler->masks[set->mask_count++] = mask;
    }
    return RG_OK;
}

rg_status policy_masks_compile(const struct policy_source *source, struct rg_diag *diag, struct policy_set *set)
{
    struct mask_compiler compiler = {source, diag, set, NULL};
    size_t column_count = 0;
    for (size_t i = 0; i < source->mask_count; i++) {
        column_count += source->masks[i].column_count;
    }
    if (source->mask_count == 0) {
        return RG_OK;
    }
    if (column_count > MASK_COLUMNS_MAX) {
        return rg_fail(RG_LIMIT, "%zu masked columns, limit %d", column_count, (int)MASK_COLUMNS_MAX);
    }
    RG_TRY(sql_masks_prepare(set));
    RG_TRY(rg_arena_array(&set->arena, column_count + 1, sizeof *compiler.masks, (void **)&compiler.masks));
    RG_TRY(rg_arena_array(&set->arena, source->mask_count, sizeof *set->salts, (void **)&set->salts));
    set->masks = compiler.masks;
    for (size_t i = 0; i < source->mask_count; i++) {
        RG_TRY(compile_row(&compiler, &source->masks[i], i + 1));
    }
    return RG_OK;
}

void policy_masks_done(struct policy_set *set)
{
    for (size_t i = 0; i < set->salt_count; i++) {
        rg_secret_free(&set->salts[i]);
    }
    set->salt_count = 0;
}

/* ---- digest ---- */

static rg_status put_slice(struct rg_buf *buf, struct rg_slice slice)
{
    RG_TRY(rg_buf_put_u32(buf, (uint32_t)slice.size));
    return rg_buf_put(buf, slice);
}

static rg_status put_mask(struct rg_buf *buf, const struct policy_mask *mask)
{
    const struct policy_mask_row *row = mask->row;
    RG_TRY(put_slice(buf, mask->schema));
    RG_TRY(put_slice(buf, mask->relation));
    RG_TRY(put_slice(buf, mask->column));
    RG_TRY(rg_buf_put_u32(buf, (uint32_t)row->kind * 2 + (row->allow_in_predicates ? 1U : 0U)));
    RG_TRY(rg_buf_put_u32(buf, (uint32_t)row->keep_first));
    RG_TRY(rg_buf_put_u32(buf, (uint32_t)row->keep_last));
    RG_TRY(put_slice(buf, row->constant));
    RG_TRY(put_slice(buf, row->unless_text));
    if (mask->salt == NULL) {
        return put_slice(buf, (struct rg_slice){"", 0});
    }
    /* Tells one salt from another and nothing else of it. */
    struct rg_digest salt = {0};
    RG_TRY(rg_hkdf_sha256(rg_secret_slice(mask->salt), RG_SLICE("rowgate mask 1"), RG_SLICE("digest"), &salt));
    return put_slice(buf, rg_slice_make(salt.bytes, sizeof salt.bytes));
}

rg_status policy_masks_digest(const struct policy_set *set, struct rg_digest *out_digest)
{
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, MASK_LIMIT_BYTES);
    for (size_t i = 0; i < set->mask_count; i++) {
        RG_TRY(put_mask(&buf, &set->masks[i]));
    }
    *out_digest = rg_sha256_one(rg_buf_slice(&buf));
    return RG_OK;
}

/* ---- keys ---- */

static rg_status pad_hex(struct rg_arena *arena, const struct rg_digest *key, uint8_t pad, struct rg_slice *out_hex)
{
    static const char digits[] = "0123456789abcdef";
    char *hex = NULL;
    RG_TRY(rg_arena_alloc(arena, 2 * HMAC_BLOCK + 1, (void **)&hex));
    for (size_t i = 0; i < HMAC_BLOCK; i++) {
        uint8_t byte = i < sizeof key->bytes ? (uint8_t)(key->bytes[i] ^ pad) : pad;
        hex[2 * i] = digits[byte >> 4];
        hex[2 * i + 1] = digits[byte & 15];
    }
    hex[2 * HMAC_BLOCK] = '\0';
    *out_hex = rg_slice_make(hex, 2 * HMAC_BLOCK);
    return RG_OK;
}

/* One key for each salt and tenant: equal values of one tenant have equal hashes, those of two have not. */
static rg_status derive_keys(struct policy_binding *binding, const struct policy_mask *mask, struct rg_slice tenant,
                             struct policy_mask_keys *out_keys)
{
    struct rg_digest id = rg_sha256_one(tenant);
    struct rg_digest key = {0};
    struct rg_slice info = rg_slice_make(id.bytes, sizeof id.bytes);
    RG_TRY(rg_hkdf_sha256(rg_secret_slice(mask->salt), RG_SLICE("rowgate mask 1"), info, &key));
    rg_status status = pad_hex(&binding->arena, &key, 0x36, &out_keys->inner);
    if (rg_is_ok(status)) {
        status = pad_hex(&binding->arena, &key, 0x5c, &out_keys->outer);
    }
    rg_wipe(&key, sizeof key);
    return status;
}

/* ---- binding ---- */

struct mask_binder {
    struct policy_binding *binding;
    const struct policy_subject *subject;
    const struct policy_mask_keys *keys; /* for each mask of the set */
    size_t secret_count;
    struct rg_slice *secrets;
};

static rg_status bind_keys(struct mask_binder *binder)
{
    const struct policy_set *set = binder->binding->set;
    struct policy_mask_keys *keys = NULL;
    struct rg_arena *arena = &binder->binding->arena;
    RG_TRY(rg_arena_array(arena, set->mask_count, sizeof *keys, (void **)&keys));
    RG_TRY(rg_arena_array(arena, 2 * set->salt_count + 1, sizeof *binder->secrets, (void **)&binder->secrets));
    for (size_t i = 0; i < set->mask_count; i++) {
        bool is_known = i > 0 && set->masks[i].salt == set->masks[i - 1].salt; /* of one row */
        if (set->masks[i].salt == NULL) {
            continue;
        }
        if (is_known) {
            keys[i] = keys[i - 1];
            continue;
        }
        RG_TRY(derive_keys(binder->binding, &set->masks[i], binder->subject->tenant->id, &keys[i]));
        binder->secrets[binder->secret_count++] = keys[i].inner;
        binder->secrets[binder->secret_count++] = keys[i].outer;
    }
    binder->keys = keys;
    binder->binding->secrets = binder->secrets;
    binder->binding->secret_count = binder->secret_count;
    return RG_OK;
}

/* A date's text in other styles, a time's in other zones: together they tell the whole value. */
static bool is_made_of_text(enum policy_mask_kind kind)
{
    return kind == POLICY_MASK_PARTIAL || kind == POLICY_MASK_HASH;
}

static rg_status bind_one(struct mask_binder *binder, struct policy_bound *bound)
{
    const struct policy_set *set = binder->binding->set;
    struct policy_bound_mask *masks = NULL;
    RG_TRY(rg_arena_array(&binder->binding->arena, set->mask_count, sizeof *masks, (void **)&masks));
    for (size_t i = 0; i < set->mask_count; i++) {
        const struct policy_mask *mask = &set->masks[i];
        const struct policy_masked *masked = &binder->binding->masked[i];
        /* by what the database calls it: two logical schemas may be one */
        if (rg_slice_is_equal(masked->schema, bound->physical) && rg_slice_is_equal(masked->relation, bound->name)) {
            binder->binding->fixes_formats |= is_made_of_text(mask->row->kind);
            masks[bound->mask_count] = (struct policy_bound_mask){.column = mask->column,
                                                                  .text = {"", 0},
                                                                  .allow_in_predicates = mask->row->allow_in_predicates,
                                                                  .number = mask->number};
            RG_TRY(sql_mask_bind(binder->binding, binder->subject->identity, mask, &binder->keys[i],
                                 &masks[bound->mask_count]));
            bound->mask_count++;
        }
    }
    bound->masks = masks;
    return RG_OK;
}

/* The names that the database knows: schemas that the route does not map are their own. */
static rg_status list_masked(struct policy_binding *binding)
{
    const struct policy_set *set = binding->set;
    struct policy_masked *masked = NULL;
    RG_TRY(rg_arena_array(&binding->arena, set->mask_count, sizeof *masked, (void **)&masked));
    for (size_t i = 0; i < set->mask_count; i++) {
        const struct policy_mask *mask = &set->masks[i];
        masked[i] = (struct policy_masked){mask->schema, mask->relation, mask->column, mask->number};
        for (size_t j = 0; j < binding->schema_count; j++) {
            if (rg_slice_is_equal(binding->schemas[j].logical, mask->schema)) {
                masked[i].schema = binding->schemas[j].physical;
            }
        }
    }
    binding->masked = masked;
    binding->masked_count = set->mask_count;
    return RG_OK;
}

rg_status policy_masks_bind(struct policy_binding *binding, const struct policy_subject *subject,
                            struct policy_bound *bounds)
{
    struct mask_binder binder = {.binding = binding, .subject = subject};
    if (binding->set->mask_count == 0) {
        return RG_OK;
    }
    RG_TRY(bind_keys(&binder));
    RG_TRY(list_masked(binding));
    for (size_t i = 0; i < binding->bound_count; i++) {
        if (bounds[i].name.size > 0) {
            RG_TRY(bind_one(&binder, &bounds[i]));
        }
    }
    return RG_OK;
}

/* ---- what may be seen ---- */

rg_status policy_secrets_hide(const struct policy_binding *binding, struct rg_slice text, struct rg_arena *arena,
                              struct rg_slice *out_text)
{
    RG_AUTO(rg_buf_done) struct rg_buf buf = {0};
    for (size_t i = 0; i < binding->secret_count; i++) {
        struct rg_slice secret = binding->secrets[i];
        const char *found = text.size == 0 ? NULL : memmem(text.data, text.size, secret.data, secret.size);
        if (found == NULL) {
            continue;
        }
        rg_buf_done(&buf);
        rg_buf_init(&buf, text.size);
        for (struct rg_slice rest = text; rest.size > 0;) {
            found = memmem(rest.data, rest.size, secret.data, secret.size);
            size_t size = found == NULL ? rest.size : (size_t)(found - rest.data);
            RG_TRY(rg_buf_put(&buf, rg_slice_cut(rest, 0, size)));
            RG_TRY(found == NULL ? RG_OK : rg_buf_put(&buf, RG_SLICE("<key>")));
            rest = rg_slice_cut(rest, size + (found == NULL ? 0 : secret.size), rest.size);
        }
        RG_TRY(rg_arena_copy(arena, rg_buf_slice(&buf), &text));
    }
    *out_text = text;
    return RG_OK;
}
