/* SPDX-License-Identifier: Apache-2.0 */
/* Policy rows to a policy set: copies, splits and checks them, has every predicate parsed once, and digests all
 * that decides. Each mistake becomes a finding with its place; no set comes out of a file with mistakes. */
#include "base/rg_buf.h"
#include "base/rg_memory.h"
#include "policy/set_private.h"

enum { SET_LIMIT_BYTES = 256 << 20 };

/* A predicate that was compiled; template NULL = free. */
struct compiled {
    struct rg_slice text;
    bool allow_subselect;
    const struct sql_template *template;
};

struct compiler {
    const struct policy_source *source;
    struct rg_diag *diag;
    struct policy_set *set;
    size_t compiled_size; /* a power of two */
    struct compiled *compiled;
};

/* ---- copies ---- */

static rg_status copy_slices(struct rg_arena *arena, const struct rg_slice *from, size_t count,
                             const struct rg_slice **out_copies)
{
    struct rg_slice *copies = NULL;
    RG_TRY(rg_arena_array(arena, count + 1, sizeof *copies, (void **)&copies));
    for (size_t i = 0; i < count; i++) {
        RG_TRY(rg_arena_copy(arena, from[i], &copies[i]));
    }
    *out_copies = copies;
    return RG_OK;
}

static rg_status copy_row(struct rg_arena *arena, const struct policy_row *from, const struct policy_row **out_row)
{
    struct policy_row *row = NULL;
    RG_TRY(rg_arena_new(arena, &row));
    *row = *from;
    RG_TRY(rg_arena_copy(arena, from->name, &row->name));
    RG_TRY(rg_arena_copy(arena, from->group, &row->group));
    RG_TRY(rg_arena_copy(arena, from->using_text, &row->using_text));
    RG_TRY(rg_arena_copy(arena, from->with_check_text, &row->with_check_text));
    RG_TRY(copy_slices(arena, from->on, from->on_count, &row->on));
    RG_TRY(copy_slices(arena, from->to, from->to_count, &row->to));
    RG_TRY(copy_slices(arena, from->except, from->except_count, &row->except));
    row->place.file = NULL; /* the loader's memory */
    row->using_place.file = NULL;
    row->with_check_place.file = NULL;
    *out_row = row;
    return RG_OK;
}

static rg_status copy_claims(struct compiler *compiler)
{
    struct policy_set *set = compiler->set;
    struct auth_claim_spec *claims = NULL;
    set->claim_count = compiler->source->claim_count;
    RG_TRY(rg_arena_array(&set->arena, set->claim_count + 1, sizeof *claims, (void **)&claims));
    for (size_t i = 0; i < set->claim_count; i++) {
        claims[i] = compiler->source->claims[i];
        RG_TRY(rg_arena_copy(&set->arena, claims[i].name, &claims[i].name));
        claims[i].oidc_path = (struct rg_slice){"", 0};
        claims[i].split = (struct rg_slice){"", 0};
    }
    set->claims = claims;
    return RG_OK;
}

/* ---- patterns ---- */

static bool is_reserved_schema(struct rg_slice schema)
{
    return rg_slice_has_prefix(schema, RG_SLICE("pg_")) || rg_slice_is_equal(schema, RG_SLICE("information_schema"));
}

static bool pattern_split(struct rg_slice on, struct policy_pattern *out_pattern)
{
    const char *dot = on.size == 0 ? NULL : memchr(on.data, '.', on.size);
    if (dot == NULL) {
        return false;
    }
    size_t at = (size_t)(dot - on.data);
    struct rg_slice name = rg_slice_cut(on, at + 1, on.size);
    bool is_star = rg_slice_is_equal(name, RG_SLICE("*"));
    if (at == 0 || name.size == 0 || at > 63 || name.size > 63 || memchr(name.data, '.', name.size) != NULL ||
        memchr(on.data, '*', is_star ? at : on.size) != NULL) {
        return false;
    }
    *out_pattern = (struct policy_pattern){rg_slice_cut(on, 0, at), is_star ? (struct rg_slice){"", 0} : name};
    return true;
}

static rg_status compile_patterns(struct compiler *compiler, const struct policy_row *row, struct rg_place place,
                                  struct policy_rule *rule)
{
    struct policy_pattern *patterns = NULL;
    RG_TRY(rg_arena_array(&compiler->set->arena, row->on_count + 1, sizeof *patterns, (void **)&patterns));
    for (size_t i = 0; i < row->on_count; i++) {
        struct rg_slice on = row->on[i];
        if (!pattern_split(on, &patterns[i])) {
            rg_diag_error(compiler->diag, place, "on = \"%.*s\" must be \"schema.table\" or \"schema.*\"",
                          rg_slice_shown(on), on.data);
        } else if (is_reserved_schema(patterns[i].schema)) {
            rg_diag_error(compiler->diag, place, "on = \"%.*s\": system schemas have rules of their own",
                          rg_slice_shown(on), on.data);
        }
    }
    if (row->on_count == 0) {
        rg_diag_error(compiler->diag, place, "a policy needs at least one relation in \"on\"");
    }
    rule->patterns = patterns;
    rule->pattern_count = row->on_count;
    return RG_OK;
}

/* ---- predicates ---- */

struct rg_place policy_place_inside(struct rg_place place, struct rg_slice text, size_t at_byte)
{
    size_t line_start = 0;
    for (size_t i = 0; i < at_byte && i < text.size; i++) {
        if (text.data[i] == '\n') {
            place.line++;
            line_start = i + 1;
        }
    }
    struct rg_slice line = rg_slice_cut(text, line_start, text.size);
    size_t column = policy_text_position(line, at_byte - line_start);
    place.column = line_start == 0 ? place.column + (unsigned)column - 1 : (unsigned)column;
    return place;
}

/* Where the template of that text is, or is to be kept: relations by the hundred have the same predicate, which is one
 * template, so that it is bound once for all of them. There is room for all. */
static struct compiled *find_compiled(const struct compiler *compiler, const struct policy_row *row)
{
    uint64_t hash = row->allow_subselect ? 1 : 0;
    for (size_t i = 0; i < row->using_text.size; i++) {
        hash = (hash ^ (unsigned char)row->using_text.data[i]) * 0x100000001b3U;
    }
    size_t at = (size_t)(hash ^ hash >> 32) & (compiler->compiled_size - 1);
    while (compiler->compiled[at].template != NULL &&
           (compiler->compiled[at].allow_subselect != row->allow_subselect ||
            !rg_slice_is_equal(compiler->compiled[at].text, row->using_text))) {
        at = (at + 1) & (compiler->compiled_size - 1);
    }
    return &compiler->compiled[at];
}

static rg_status open_compiled(struct compiler *compiler)
{
    compiler->compiled_size = 16;
    while (compiler->compiled_size < 4 * compiler->source->row_count) { /* using and with_check of each, half full */
        compiler->compiled_size *= 2;
    }
    return rg_arena_array(&compiler->set->arena, compiler->compiled_size, sizeof *compiler->compiled,
                          (void **)&compiler->compiled);
}

static rg_status compile_text(struct compiler *compiler, const struct policy_row *row, struct rg_place place,
                              const struct sql_template **out_template)
{
    struct sql_mistake mistake = {0};
    if (!policy_text_is_valid(row->using_text)) {
        rg_diag_error(compiler->diag, place, "the predicate is not valid UTF-8");
        return RG_OK;
    }
    struct compiled *compiled = find_compiled(compiler, row);
    if (compiled->template == NULL) {
        RG_TRY(sql_predicate_compile(compiler->set, row, &mistake, &compiled->template));
        compiled->text = row->using_text;
        compiled->allow_subselect = row->allow_subselect;
    }
    *out_template = compiled->template;
    if (*out_template == NULL) {
        rg_diag_error(compiler->diag, policy_place_inside(place, row->using_text, mistake.at_byte), "%.*s",
                      rg_slice_shown(mistake.text), mistake.text.data);
    }
    return RG_OK;
}

static rg_status compile_check(struct compiler *compiler, const struct policy_row *source, struct policy_rule *rule)
{
    struct policy_row row = *rule->row;
    if (row.with_check_text.size == 0) {
        return RG_OK;
    }
    if (!row.for_insert && !row.for_update) {
        rg_diag_error(compiler->diag, source->with_check_place,
                      "\"with_check\" judges rows that are written: \"for\" names neither insert nor update");
    }
    row.using_text = row.with_check_text;
    return compile_text(compiler, &row, source->with_check_place, &rule->check);
}

static rg_status compile_predicate(struct compiler *compiler, const struct policy_row *source, struct policy_rule *rule)
{
    if (rule->row->using_text.size > 0) {
        return compile_text(compiler, rule->row, source->using_place, &rule->predicate);
    }
    if (rule->row->group.size > 0) {
        rg_diag_error(compiler->diag, source->place,
                      "a member of a group needs \"using\": without one the group is always true");
    }
    return RG_OK;
}

static rg_status compile_rules(struct compiler *compiler)
{
    struct policy_set *set = compiler->set;
    struct policy_rule *rules = NULL;
    size_t count = compiler->source->row_count;
    RG_TRY(open_compiled(compiler));
    RG_TRY(rg_arena_array(&set->arena, count + 1, sizeof *rules, (void **)&rules));
    for (size_t i = 0; i < count; i++) {
        const struct policy_row *source = &compiler->source->rows[i];
        RG_TRY(copy_row(&set->arena, source, &rules[i].row));
        RG_TRY(compile_patterns(compiler, rules[i].row, source->place, &rules[i]));
        RG_TRY(compile_predicate(compiler, source, &rules[i]));
        RG_TRY(compile_check(compiler, source, &rules[i]));
    }
    set->rules = rules;
    set->rule_count = count;
    return RG_OK;
}

/* ---- digest ---- */

static rg_status put_slice(struct rg_buf *buf, struct rg_slice slice)
{
    RG_TRY(rg_buf_put_u32(buf, (uint32_t)slice.size));
    return rg_buf_put(buf, slice);
}

static rg_status put_slices(struct rg_buf *buf, const struct rg_slice *slices, size_t count)
{
    RG_TRY(rg_buf_put_u32(buf, (uint32_t)count));
    for (size_t i = 0; i < count; i++) {
        RG_TRY(put_slice(buf, slices[i]));
    }
    return RG_OK;
}

static rg_status put_row(struct rg_buf *buf, const struct policy_row *row)
{
    unsigned flags = (row->for_select ? 1U : 0U) | (row->for_insert ? 2U : 0U) | (row->for_update ? 4U : 0U) |
                     (row->for_delete ? 8U : 0U) | (row->is_schema_isolated ? 16U : 0U) |
                     (row->allow_subselect ? 32U : 0U);
    RG_TRY(put_slice(buf, row->name));
    RG_TRY(rg_buf_put_u32(buf, flags));
    RG_TRY(put_slices(buf, row->on, row->on_count));
    RG_TRY(put_slices(buf, row->to, row->to_count));
    RG_TRY(put_slices(buf, row->except, row->except_count));
    RG_TRY(put_slice(buf, row->group));
    RG_TRY(put_slice(buf, row->using_text));
    return put_slice(buf, row->with_check_text);
}

static rg_status put_signatures(struct rg_buf *buf, const struct policy_set *set)
{
    RG_TRY(rg_buf_put_u32(buf, (uint32_t)set->signature_count));
    for (size_t i = 0; i < set->signature_count; i++) {
        const struct policy_signature *signature = &set->signatures[i];
        RG_TRY(put_slice(buf, signature->schema));
        RG_TRY(put_slice(buf, signature->name));
        RG_TRY(rg_buf_put_u32(buf, (uint32_t)signature->count));
        for (size_t j = 0; j < signature->count; j++) {
            RG_TRY(put_slice(buf, signature->arguments[j].type));
            RG_TRY(rg_buf_put_u8(buf, signature->arguments[j].is_array ? 1 : 0));
        }
    }
    return RG_OK;
}

static rg_status digest_set(struct policy_set *set)
{
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, SET_LIMIT_BYTES);
    RG_TRY(put_slice(&buf, RG_SLICE("rowgate policy set 2 " ROWGATE_VERSION)));
    RG_TRY(rg_buf_put_u32(&buf, (uint32_t)set->claim_count));
    for (size_t i = 0; i < set->claim_count; i++) {
        const struct auth_claim_spec *claim = &set->claims[i];
        RG_TRY(put_slice(&buf, claim->name));
        RG_TRY(rg_buf_put_u32(&buf, (uint32_t)claim->type.scalar * 4 + (claim->type.is_array ? 2U : 0U) +
                                        (claim->required ? 1U : 0U)));
    }
    RG_TRY(rg_buf_put_u32(&buf, (uint32_t)set->rule_count));
    for (size_t i = 0; i < set->rule_count; i++) {
        RG_TRY(put_row(&buf, set->rules[i].row));
    }
    RG_TRY(put_slices(&buf, set->function_allow, set->function_allow_count));
    RG_TRY(put_slices(&buf, set->function_deny, set->function_deny_count));
    RG_TRY(put_signatures(&buf, set));
    if (set->mask_count > 0) {
        struct rg_digest masks = {0};
        RG_TRY(policy_masks_digest(set, &masks));
        RG_TRY(put_slice(&buf, rg_slice_make(masks.bytes, sizeof masks.bytes)));
    }
    set->digest = rg_sha256_one(rg_buf_slice(&buf));
    return RG_OK;
}

/* ---- the whole ---- */

static rg_status compile_all(struct compiler *compiler)
{
    RG_TRY(copy_claims(compiler));
    RG_TRY(policy_functions_compile(compiler->source, compiler->diag, compiler->set));
    RG_TRY(policy_hyper_compile(compiler->set));
    RG_TRY(sql_builtin_compile(compiler->set));
    RG_TRY(compile_rules(compiler));
    RG_TRY(policy_masks_compile(compiler->source, compiler->diag, compiler->set));
    return digest_set(compiler->set);
}

rg_status policy_compile(const struct policy_source *source, struct rg_diag *diag, struct policy_set **out_set)
{
    struct policy_set *set = rg_memory_alloc(sizeof *set);
    size_t errors_before = diag->error_count;
    atomic_init(&set->references, 1);
    rg_arena_init(&set->arena, SET_LIMIT_BYTES);
    set->context = sql_context_new();
    struct compiler compiler = {.source = source, .diag = diag, .set = set};
    rg_status status = compile_all(&compiler);
    if (rg_is_ok(status) && diag->error_count > errors_before) {
        status = rg_fail(RG_CONFIG, "%zu mistakes in the policies", diag->error_count - errors_before);
    }
    if (!rg_is_ok(status)) {
        policy_set_free(&set);
        return status;
    }
    *out_set = set;
    return RG_OK;
}

struct policy_set *policy_set_ref(struct policy_set *set)
{
    atomic_fetch_add(&set->references, 1);
    return set;
}

void policy_set_free(struct policy_set **set)
{
    struct policy_set *old = *set;
    *set = NULL;
    if (old != NULL && atomic_fetch_sub(&old->references, 1) == 1) {
        sql_context_free(&old->context);
        policy_masks_done(old);
        rg_arena_done(&old->arena);
        rg_memory_free(old);
    }
}

const struct rg_digest *policy_set_digest(const struct policy_set *set)
{
    return &set->digest;
}
