/* SPDX-License-Identifier: Apache-2.0 */
/* What the reader of one tenant's trail can find out of another one. The reader here has more than a reader ever has:
 * the other's true name, how many records it has, and the hash of the newest, which does stand in the file. Its leaf in
 * the tree of heads stands there as well; it must not be possible to compute it. */
#include "tests/support/audit_trail_world.h"

enum { HASHES_MAX = 1024 };

struct reader {
    struct rg_buf file;
    struct rg_digest hashes[HASHES_MAX]; /* all that stand in the file, and what is known anyhow */
    size_t count;
    struct rg_digest genesis;
    struct rg_slice name; /* of the other tenant */
    uint64_t records;
    struct rg_digest newest;
};

static bool is_same(const struct rg_digest *a, const struct rg_digest *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static bool holds(const struct reader *reader, const struct rg_digest *hash)
{
    for (size_t i = 0; i < reader->count; i++) {
        if (is_same(&reader->hashes[i], hash)) {
            return true;
        }
    }
    return false;
}

static void know(struct reader *reader, const struct rg_digest *hash)
{
    if (!holds(reader, hash)) {
        assert_true(reader->count < HASHES_MAX);
        reader->hashes[reader->count++] = *hash;
    }
}

/* Base64 with padding, base64url without, hexadecimal: as whole words between quotes, spaces and line ends. */
static bool decode(struct rg_slice word, struct rg_digest *out_hash)
{
    char text[48];
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct rg_slice bytes = {0};
    rg_arena_init(&arena, 1024);
    if (word.size == 2 * (size_t)RG_SHA256_SIZE) {
        for (size_t i = 0; i < RG_SHA256_SIZE; i++) {
            unsigned byte = 0;
            if (sscanf(word.data + 2 * i, "%2x", &byte) != 1) {
                return false;
            }
            out_hash->bytes[i] = (uint8_t)byte;
        }
        return true;
    }
    if (word.size != 43 && word.size != 44) {
        return false;
    }
    (void)snprintf(text, sizeof text, "%.*s=", 43, word.data);
    for (char *c = text; *c != '\0'; c++) {
        *c = (char)(*c == '-' ? '+' : *c == '_' ? '/' : *c);
    }
    if (!rg_is_ok(rg_base64_decode(rg_slice_make(text, 44), &arena, &bytes)) || bytes.size != RG_SHA256_SIZE) {
        return false;
    }
    memcpy(out_hash->bytes, bytes.data, RG_SHA256_SIZE);
    return true;
}

static void gather(struct reader *reader)
{
    struct rg_slice file = rg_buf_slice(&reader->file);
    for (size_t at = 0, start = 0; at < file.size; at++) {
        struct rg_digest hash;
        if (strchr("\" \n", file.data[at]) == NULL) {
            continue;
        }
        if (decode(rg_slice_cut(file, start, at - start), &hash)) {
            know(reader, &hash);
        }
        start = at + 1;
    }
}

static struct rg_digest leaf_of(const struct reader *reader, const struct rg_digest *id)
{
    char digits[24];
    (void)snprintf(digits, sizeof digits, "%016llu", (unsigned long long)reader->records);
    const struct rg_slice parts[] = {RG_SLICE("\0"), rg_slice_make(id->bytes, 32), rg_slice_of(digits),
                                     rg_slice_make(reader->newest.bytes, 32)};
    return rg_sha256(parts, 4);
}

static struct rg_digest salted_leaf_of(const struct reader *reader, const struct rg_digest *salt)
{
    const struct rg_slice parts[] = {rg_slice_make(reader->genesis.bytes, 32), rg_slice_make(salt->bytes, 32),
                                     reader->name};
    const struct rg_digest id = rg_sha256(parts, 3);
    return leaf_of(reader, &id);
}

/* Without a salt, as it was once; the same with the salt in another place, empty, or any hash that is known. */
static bool can_guess_the_leaf(const struct reader *reader)
{
    const struct rg_slice unsalted[] = {rg_slice_make(reader->genesis.bytes, 32), reader->name};
    const struct rg_digest id = rg_sha256(unsalted, 2);
    struct rg_digest leaf = leaf_of(reader, &id);
    bool is_found = holds(reader, &leaf);
    for (size_t i = 0; i < reader->count && !is_found; i++) {
        const struct rg_slice behind_two[] = {RG_SLICE("\2"), rg_slice_make(reader->hashes[i].bytes, 32)};
        const struct rg_digest hashed = rg_sha256(behind_two, 2);
        leaf = salted_leaf_of(reader, &reader->hashes[i]);
        is_found = holds(reader, &leaf);
        leaf = salted_leaf_of(reader, &hashed);
        is_found = is_found || holds(reader, &leaf);
        leaf = leaf_of(reader, &reader->hashes[i]);
        is_found = is_found || holds(reader, &leaf);
    }
    return is_found;
}

static void write_log(struct history *log)
{
    history_begin(log);
    history_start(log);
    for (uint64_t i = 0; i < 12; i++) {
        history_statement(log, i % 2 == 0 ? "globex" : "acme", i + 1,
                          "combined"); /* an acme's `prev` tells a globex's hash */
    }
    history_checkpoint(log);
}

static void read_trail(const struct history *log, const char *of, const char *other, struct reader *reader)
{
    const struct rg_digest none = {{0}};
    const struct audit_tenant_head *head = audit_heads_find(&log->chain.tenants, rg_slice_of(other));
    *reader = (struct reader){
        .genesis = log->chain.genesis, .name = rg_slice_of(other), .records = head->next_tseq, .newest = head->leaf};
    rg_buf_init(&reader->file, WORLD_FILE_MAX);
    world_export(log, of, &reader->file);
    gather(reader);
    know(reader, &none);
    know(reader, &reader->genesis);
    know(reader, &reader->newest);
}

static void does_not_let_another_tenants_leaf_be_computed(void **state)
{
    static const char *const pairs[][2] = {{"acme", "globex"}, {"globex", "acme"}};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct history log = history_blank();
        struct reader *reader = rg_memory_alloc(sizeof *reader);
        write_log(&log);
        read_trail(&log, pairs[i][0], pairs[i][1], reader);
        const struct rg_digest salt = audit_heads_find(&log.chain.tenants, reader->name)->salt;
        const struct rg_digest leaf = salted_leaf_of(reader, &salt);
        assert_true(reader->count > 25);
        assert_true(holds(reader, &leaf)); /* it is there: with two tenants it is the whole path */
        assert_false(holds(reader, &salt));
        assert_false(can_guess_the_leaf(reader));
        know(reader, &salt);
        assert_true(can_guess_the_leaf(reader)); /* this reader does find it with the one thing that it lacks */
        rg_buf_done(&reader->file);
        rg_memory_free(reader);
        history_end(&log);
        history_remove(&log);
    }
}

/* The precondition of all this is no invention: the newest record's hash stands in the file. */
static void shows_hashes_of_other_tenants_records(void **state)
{
    struct history log = history_blank();
    struct reader *reader = rg_memory_alloc(sizeof *reader);
    (void)state;
    write_log(&log);
    read_trail(&log, "acme", "globex", reader);
    reader->count = 0;
    gather(reader);
    assert_true(holds(reader, &reader->newest));
    rg_buf_done(&reader->file);
    rg_memory_free(reader);
    history_end(&log);
    history_remove(&log);
}

/* Names that sort one way by themselves sort the other way in other logs: the place follows the first records. */
static void places_tenants_by_what_only_they_know(void **state)
{
    static const struct rg_slice names[] = {{"acme", 4}, {"globex", 6}};
    struct rg_digest genesis = rg_sha256_one(RG_SLICE("genesis"));
    size_t first = 0;
    (void)state;
    for (unsigned i = 0; i < 64; i++) {
        RG_AUTO(audit_heads_done) struct audit_heads heads = {0};
        RG_AUTO(rg_arena_done) struct rg_arena arena;
        struct rg_digest *leaves = NULL;
        size_t count = 0;
        size_t place = 9;
        rg_arena_init(&arena, 4096);
        for (size_t j = 0; j < 2; j++) {
            struct audit_tenant_head *head = NULL;
            char line[32];
            (void)snprintf(line, sizeof line, "line %u of %zu", i, j);
            const struct rg_digest salt = audit_heads_salt(rg_slice_of(line));
            assert_ok(audit_heads_get(&heads, names[j], &genesis, &head));
            audit_heads_begin(&heads, head, &genesis, &salt);
            head->next_tseq = 1;
        }
        assert_ok(audit_heads_leaves(&heads, names[0], &arena, &leaves, &count, &place));
        assert_int_equal(count, 2);
        first += place == 0 ? 1 : 0;
    }
    assert_true(first > 12 && first < 52); /* by the names alone it would be none or all */
}

/* ---- a salt is that of the first record ---- */

static void write_log_of_one(struct history *log, bool is_lying)
{
    *log = history_blank();
    history_begin(log);
    history_start(log);
    for (uint64_t i = 1; i <= 3; i++) {
        history_statement(log, "acme", i, "combined");
    }
    if (is_lying) {
        struct audit_tenant_head *head = audit_heads_find(&log->chain.tenants, RG_SLICE("acme"));
        const struct rg_digest salt = rg_sha256_one(RG_SLICE("another salt"));
        audit_heads_begin(&log->chain.tenants, head, &log->chain.genesis, &salt);
    }
    history_checkpoint(log);
}

/* The lines of the proof of a record. The bytes are kept in *file. */
static struct world_lines proof_of(const struct history *log, uint64_t seq, struct rg_buf *file)
{
    struct audit_trail_made made = {0};
    rg_buf_init(file, WORLD_FILE_MAX);
    assert_ok(world_try_prove(log, seq, true, file, &made));
    return world_split(rg_buf_slice(file));
}

/* The hashes behind the line that begins with `word`: those of the proof. */
static void put_proof(struct world_lines *lines, const char *word, const struct history *log, uint64_t seq)
{
    struct rg_buf file;
    struct world_lines proof = proof_of(log, seq, &file);
    const size_t at = world_find(lines, word, 0);
    const size_t from = world_find(&proof, "index ", 0);
    for (size_t i = 1; i <= world_number(lines, at, 0); i++) {
        lines->items[at + i] = world_text(lines, proof.items[from + i].data, proof.items[from + i].size);
    }
    world_lines_done(&proof);
    rg_buf_done(&file);
}

/* The honest log's trail with all of the lying one's evidence in it: signed, and every path holds. */
static void put_evidence(struct world_lines *lines, const struct history *lying)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct rg_buf file;
    struct rg_slice salt = {0};
    char text[64];
    struct world_lines proof = proof_of(lying, lying->checkpoint_size - 1, &file);
    const struct rg_slice record = proof.items[world_find(&proof, "records ", 0) + 1];
    const size_t note = world_find(lines, "checkpoint ", 0);
    const size_t note_lines = (size_t)world_number(lines, note, 0);
    for (size_t i = 0; i < note_lines; i++) {
        const struct rg_slice line = proof.items[proof.count - note_lines + i];
        lines->items[note + 1 + i] = world_text(lines, line.data, line.size);
    }
    lines->items[world_find(lines, "top ", 0) + 1] = world_text(lines, record.data, record.size);
    lines->items[world_find(lines, "end ", 0) + 1] = world_text(lines, record.data, record.size);
    world_lines_done(&proof);
    rg_buf_done(&file);
    put_proof(lines, "first ", lying, 1);
    put_proof(lines, "last ", lying, 3);
    rg_arena_init(&arena, 4096);
    const struct rg_digest *lie = &audit_heads_find(&lying->chain.tenants, RG_SLICE("acme"))->salt;
    assert_ok(rg_base64_encode(rg_slice_make(lie->bytes, sizeof lie->bytes), &arena, &salt));
    (void)snprintf(text, sizeof text, "salt %.*s", RG_SLICE_ARGS(salt));
    world_set(lines, world_find(lines, "salt ", 0), text);
}

static void refuses_a_signed_salt_that_is_not_of_the_first_record(void **state)
{
    struct history honest;
    struct history lying;
    struct audit_trail_made made = {0};
    struct audit_trail_report report = {0};
    RG_AUTO(rg_buf_done) struct rg_buf file;
    RG_AUTO(rg_buf_done) struct rg_buf changed;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    (void)state;
    rg_buf_init(&file, WORLD_FILE_MAX);
    rg_buf_init(&changed, WORLD_FILE_MAX);
    rg_arena_init(&arena, WORLD_ARENA);
    write_log_of_one(&honest, false);
    write_log_of_one(&lying, true);
    assert_fails(RG_STORAGE, world_try_export(&lying, "acme", INT64_MIN, INT64_MAX, &changed, &made));
    world_export(&honest, "acme", &file);
    struct world_lines lines = world_split(rg_buf_slice(&file));
    put_evidence(&lines, &lying);
    world_join(&lines, &changed);
    assert_ok(world_try_check(&lying, rg_buf_slice(&changed), (struct rg_slice){0}, &arena, &report));
    assert_int_equal(report.result, AUDIT_ALTERED);
    assert_true(rg_slice_is_equal(report.reason, RG_SLICE("the salt is not that of the tenant's first record")));
    const char *vectors = getenv("RG_TRAIL_VECTORS");
    if (vectors != NULL) { /* for the other verifiers */
        char path[512];
        (void)snprintf(path, sizeof path, "%s/300.exit1.trail", vectors);
        FILE *out = fopen(path, "w");
        assert_non_null(out);
        assert_int_equal(fwrite(rg_buf_slice(&changed).data, 1, rg_buf_size(&changed), out), rg_buf_size(&changed));
        (void)fclose(out);
    }
    world_lines_done(&lines);
    history_end(&honest);
    history_remove(&honest);
    history_end(&lying);
    history_remove(&lying);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(does_not_let_another_tenants_leaf_be_computed),
        cmocka_unit_test(shows_hashes_of_other_tenants_records),
        cmocka_unit_test(places_tenants_by_what_only_they_know),
        cmocka_unit_test(refuses_a_signed_salt_that_is_not_of_the_first_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
