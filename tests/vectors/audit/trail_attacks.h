/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_VECTORS_AUDIT_TRAIL_ATTACKS_H
#define RG_TESTS_VECTORS_AUDIT_TRAIL_ATTACKS_H

/* What a tenant may be handed instead of its trail, or a reader instead of a proof, and the one right answer to each:
 * docs/audit-trail.md. Whoever makes these has the log's directory, but no key. */
#include "tests/vectors/audit/trail_attack_records.h"

/* ---- heads ---- */

/* Puts the block that begins with `word` in the place of the same block. */
static inline void put_block(struct trail_attack *attack, const struct world_lines *from, const char *word)
{
    size_t at = world_find(&attack->lines, word, 0);
    size_t source = world_find(from, word, 0);
    size_t count = 3 + (size_t)world_number(&attack->lines, at, 0) + (size_t)world_number(&attack->lines, at, 1);
    size_t source_count = 3 + (size_t)world_number(from, source, 0) + (size_t)world_number(from, source, 1);
    world_delete(&attack->lines, at, count);
    for (size_t i = 0; i < source_count; i++) {
        world_insert(&attack->lines, at + i, from->items[source + i]);
    }
}

static inline void use_an_older_head(struct trail_attack *attack)
{
    put_block(attack, &attack->older, "end ");
}

/* Without the newest records, by an older head: what is left is true, and says up to when. */
static inline void use_an_older_trail(struct trail_attack *attack)
{
    world_lines_done(&attack->lines);
    attack->lines = attack->older;
    attack->older = (struct world_lines){0};
}

static inline void use_another_tenants_head(struct trail_attack *attack)
{
    put_block(attack, &attack->globex, "end ");
}

static inline void use_another_logs_head(struct trail_attack *attack)
{
    put_block(attack, &attack->foreign, "end ");
}

/* ---- salts ---- */

static inline void set_salt(struct trail_attack *attack, struct rg_slice line)
{
    attack->lines.items[world_find(&attack->lines, "salt ", 0)] = line;
}

static inline void change_the_salt(struct trail_attack *attack)
{
    char text[64];
    size_t at = world_find(&attack->lines, "salt ", 0);
    (void)snprintf(text, sizeof text, "%.*s", RG_SLICE_ARGS(attack->lines.items[at]));
    text[10] = text[10] == 'A' ? 'B' : 'A';
    world_set(&attack->lines, at, text);
}

static inline void use_another_tenants_salt(struct trail_attack *attack)
{
    set_salt(attack, attack->globex.items[world_find(&attack->globex, "salt ", 0)]);
}

static inline void use_another_logs_salt(struct trail_attack *attack)
{
    set_salt(attack, attack->foreign.items[world_find(&attack->foreign, "salt ", 0)]);
}

static inline void use_another_tenants_salt_and_head(struct trail_attack *attack)
{
    use_another_tenants_salt(attack);
    use_another_tenants_head(attack);
}

static inline void leave_out_the_salt(struct trail_attack *attack)
{
    world_delete(&attack->lines, world_find(&attack->lines, "salt ", 0), 1);
}

static inline void say_salt_twice(struct trail_attack *attack)
{
    size_t at = world_find(&attack->lines, "salt ", 0);
    world_insert(&attack->lines, at, attack->lines.items[at]);
}

static inline void lengthen_the_salt(struct trail_attack *attack)
{
    char text[64];
    size_t at = world_find(&attack->lines, "salt ", 0);
    (void)snprintf(text, sizeof text, "%.*s=", RG_SLICE_ARGS(attack->lines.items[at]));
    world_set(&attack->lines, at, text);
}

/* ---- counts, places ---- */

static inline void change_head(struct trail_attack *attack, int place, int count)
{
    char text[128];
    size_t at = world_find(&attack->lines, "head ", world_find(&attack->lines, "end ", 0));
    struct rg_slice line = attack->lines.items[at];
    const char *hash = (const char *)memrchr(line.data, ' ', line.size) + 1;
    (void)snprintf(text, sizeof text, "head %llu %llu %.44s",
                   (unsigned long long)world_number(&attack->lines, at, 0) + (unsigned)place,
                   (unsigned long long)world_number(&attack->lines, at, 1) - (unsigned)count, hash);
    world_set(&attack->lines, at, text);
}

static inline void move_the_heads_place(struct trail_attack *attack)
{
    change_head(attack, 1, 0);
}

static inline void lower_the_heads_count(struct trail_attack *attack)
{
    change_head(attack, 0, 1);
    drop_the_last_record(attack);
}

/* The head of the record before, as if the last had not been. */
static inline void pull_back_the_head(struct trail_attack *attack)
{
    char text[128];
    size_t at = world_find(&attack->lines, "head ", world_find(&attack->lines, "end ", 0));
    size_t last = world_record(&attack->lines, record_count(attack) - 2);
    struct rg_digest leaf = audit_line_leaf(attack->lines.items[last]);
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct rg_slice hash = {0};
    rg_arena_init(&arena, 4096);
    assert_ok(rg_base64_encode(rg_slice_make(leaf.bytes, sizeof leaf.bytes), &arena, &hash));
    (void)snprintf(text, sizeof text, "head %llu %llu %.*s", (unsigned long long)world_number(&attack->lines, at, 0),
                   (unsigned long long)world_number(&attack->lines, at, 1) - 1, RG_SLICE_ARGS(hash));
    world_set(&attack->lines, at, text);
    drop_the_last_record(attack);
}

static inline void declare_a_cut(struct trail_attack *attack)
{
    drop_the_first_record(attack);
    world_insert(&attack->lines, world_find(&attack->lines, "end ", 0), world_text(&attack->lines, "cut 1", 5));
}

static inline void declare_a_cut_of_nothing(struct trail_attack *attack)
{
    world_insert(&attack->lines, world_find(&attack->lines, "end ", 0), world_text(&attack->lines, "cut 0", 5));
}

static inline void put_an_older_record_on_top(struct trail_attack *attack)
{
    size_t top = world_find(&attack->lines, "top ", 0);
    size_t end = world_find(&attack->older, "end ", 0);
    size_t hashes = (size_t)world_number(&attack->older, end, 0);
    char text[64];
    world_delete(&attack->lines, top, 2 + (size_t)world_number(&attack->lines, top, 0));
    (void)snprintf(text, sizeof text, "top %zu", hashes);
    world_insert(&attack->lines, top, world_text(&attack->lines, text, strlen(text)));
    for (size_t i = 1; i <= hashes + 1; i++) {
        world_insert(&attack->lines, top + i, attack->older.items[end + i]);
    }
}

/* ---- checkpoints and keys ---- */

static inline void put_note(struct trail_attack *attack, const char *word, struct rg_slice note)
{
    char text[64];
    size_t at = world_find(&attack->lines, word, 0);
    struct rg_slice kept = world_text(&attack->lines, note.data, note.size);
    struct world_lines lines = world_split(kept);
    world_delete(&attack->lines, at, 1 + (size_t)world_number(&attack->lines, at, 0));
    (void)snprintf(text, sizeof text, "%s%zu", word, lines.count);
    world_insert(&attack->lines, at, world_text(&attack->lines, text, strlen(text)));
    for (size_t i = 0; i < lines.count; i++) {
        world_insert(&attack->lines, at + 1 + i, lines.items[i]);
    }
    free(lines.items);
}

/* The checkpoint's own text, signed with another key. */
static inline void sign_again(struct trail_attack *attack, unsigned key_set, uint64_t key)
{
    RG_AUTO(rg_buf_done) struct rg_buf text;
    RG_AUTO(rg_buf_done) struct rg_buf note;
    size_t at = world_find(&attack->lines, "checkpoint ", 0);
    rg_buf_init(&text, 4096);
    rg_buf_init(&note, 8192);
    for (size_t i = 1; i <= 3; i++) {
        assert_ok(rg_buf_put(&text, attack->lines.items[at + i]));
        assert_ok(rg_buf_put_u8(&text, '\n'));
    }
    history_sign(attack->history->origin, key_set, key, rg_buf_slice(&text), &note);
    put_note(attack, "checkpoint ", rg_buf_slice(&note));
}

static inline void sign_with_a_strangers_key(struct trail_attack *attack)
{
    sign_again(attack, attack->history->key_set + 77, attack->history->epoch);
}

static inline void sign_with_the_key_of_an_old_epoch(struct trail_attack *attack)
{
    sign_again(attack, attack->history->key_set, 0);
}

static inline void sign_with_the_key_of_a_later_epoch(struct trail_attack *attack)
{
    sign_again(attack, attack->history->key_set, attack->history->epoch + 1);
}

static inline void sign_with_the_right_key_again(struct trail_attack *attack)
{
    sign_again(attack, attack->history->key_set, attack->history->epoch);
}

static inline void put_block_of_lines(struct trail_attack *attack, const struct world_lines *from, const char *word)
{
    size_t at = world_find(&attack->lines, word, 0);
    size_t source = world_find(from, word, 0);
    size_t count = 1 + (size_t)world_number(from, source, 0);
    world_delete(&attack->lines, at, 1 + (size_t)world_number(&attack->lines, at, 0));
    for (size_t i = 0; i < count; i++) {
        world_insert(&attack->lines, at + i, from->items[source + i]);
    }
}

static inline void use_another_logs_checkpoint(struct trail_attack *attack)
{
    put_block_of_lines(attack, &attack->foreign, "checkpoint ");
}

static inline void use_another_logs_keys(struct trail_attack *attack)
{
    put_block_of_lines(attack, &attack->foreign, "list ");
}

static inline void use_all_of_another_log(struct trail_attack *attack)
{
    world_lines_done(&attack->lines);
    attack->lines = attack->foreign;
    attack->foreign = (struct world_lines){0};
}

static inline void leave_out_the_keys(struct trail_attack *attack)
{
    size_t at = world_find(&attack->lines, "list ", 0);
    world_delete(&attack->lines, at, 1 + (size_t)world_number(&attack->lines, at, 0));
}

static inline void bring_the_keys_twice(struct trail_attack *attack)
{
    size_t at = world_find(&attack->lines, "list ", 0);
    size_t count = 1 + (size_t)world_number(&attack->lines, at, 0);
    for (size_t i = 0; i < count; i++) {
        world_insert(&attack->lines, at + count + i, attack->lines.items[at + i]);
    }
}

/* ---- proofs, numbers, bytes ---- */

static inline void shorten_a_proof(struct trail_attack *attack)
{
    char text[64];
    size_t at = world_find(&attack->lines, "last ", 0);
    uint64_t hashes = world_number(&attack->lines, at, 0);
    (void)snprintf(text, sizeof text, "last %llu", (unsigned long long)hashes - 1);
    world_set(&attack->lines, at, text);
    world_delete(&attack->lines, at + (size_t)hashes, 1);
}

static inline void lengthen_a_proof(struct trail_attack *attack)
{
    char text[64];
    size_t at = world_find(&attack->lines, "last ", 0);
    (void)snprintf(text, sizeof text, "last %llu", (unsigned long long)world_number(&attack->lines, at, 0) + 1);
    world_set(&attack->lines, at, text);
    world_insert(&attack->lines, attack->lines.count, attack->lines.items[at + 1]);
}

static inline void leave_out_the_last_proof(struct trail_attack *attack)
{
    attack->lines.count = world_find(&attack->lines, "last ", 0);
}

static inline void set_records(struct trail_attack *attack, const char *line)
{
    world_set(&attack->lines, world_find(&attack->lines, "records ", 0), line);
}

static inline void announce_2_to_63_records(struct trail_attack *attack)
{
    set_records(attack, "records 9223372036854775808");
}

static inline void announce_the_most_records(struct trail_attack *attack)
{
    set_records(attack, "records 9999999999999999");
}

static inline void write_a_leading_zero(struct trail_attack *attack)
{
    char text[64];
    (void)snprintf(text, sizeof text, "records 0%zu", record_count(attack));
    set_records(attack, text);
}

static inline void announce_too_many_hashes(struct trail_attack *attack)
{
    world_set(&attack->lines, world_find(&attack->lines, "top ", 0), "top 65");
}

static inline void add_a_line(struct trail_attack *attack)
{
    world_insert(&attack->lines, attack->lines.count, RG_SLICE("and more"));
}

static inline void add_an_empty_line(struct trail_attack *attack)
{
    world_insert(&attack->lines, attack->lines.count, RG_SLICE(""));
}

static inline void put_an_empty_line_among_the_records(struct trail_attack *attack)
{
    world_insert(&attack->lines, world_record(&attack->lines, 2), RG_SLICE(""));
    world_count(&attack->lines, 1);
}

static inline void write_crlf(struct trail_attack *attack)
{
    for (size_t i = 0; i < attack->lines.count; i++) {
        assert_ok(rg_buf_put(&attack->raw, attack->lines.items[i]));
        assert_ok(rg_buf_put(&attack->raw, RG_SLICE("\r\n")));
    }
}

static inline void write_crlf_behind_the_first_line(struct trail_attack *attack)
{
    for (size_t i = 0; i < attack->lines.count; i++) {
        assert_ok(rg_buf_put(&attack->raw, attack->lines.items[i]));
        assert_ok(rg_buf_put(&attack->raw, i == 0 ? RG_SLICE("\n") : RG_SLICE("\r\n")));
    }
}

static inline void put_nul(struct trail_attack *attack, const char *word, size_t at)
{
    world_join(&attack->lines, &attack->raw);
    struct rg_slice file = rg_buf_slice(&attack->raw);
    char *found = memmem(attack->raw.bytes + attack->raw.start, file.size, word, strlen(word));
    found[at] = '\0';
}

static inline void put_a_nul_into_a_record(struct trail_attack *attack)
{
    put_nul(attack, "SELECT a", 3);
}

static inline void begin_a_line_with_nul(struct trail_attack *attack)
{
    put_nul(attack, "records ", 0);
}

static inline void cut_inside_a_line(struct trail_attack *attack)
{
    world_join(&attack->lines, &attack->raw);
    rg_buf_truncate(&attack->raw, rg_buf_size(&attack->raw) - 1);
}

static inline void cut_in_the_middle(struct trail_attack *attack)
{
    attack->lines.count /= 2;
}

static inline void leave_the_first_line_only(struct trail_attack *attack)
{
    attack->lines.count = 1;
}

static inline void name_a_later_version(struct trail_attack *attack)
{
    world_set(&attack->lines, 0, "rowgate/audit/trail/v12");
}

static inline void say_tenant_twice(struct trail_attack *attack)
{
    world_insert(&attack->lines, 3, attack->lines.items[2]);
}

/* ---- what the reader kept ---- */

static inline void keep(struct trail_attack *attack, const struct history *history, const char *name)
{
    char path[192];
    char bytes[4096];
    (void)snprintf(path, sizeof path, "%s/%.120s", history->path, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    (void)fclose(file);
    assert_ok(rg_buf_put(&attack->since, rg_slice_make(bytes, size)));
}

static inline void keep_the_same_checkpoint(struct trail_attack *attack)
{
    keep(attack, attack->history, "head.note");
}

static inline void keep_a_newer_checkpoint(struct trail_attack *attack)
{
    history_statements(attack->history, 5);
    history_checkpoint(attack->history);
    keep(attack, attack->history, "head.note");
}

static inline void keep_a_checkpoint_of_another_log(struct trail_attack *attack)
{
    keep(attack, attack->other, "head.note");
}

/* Both signed by the right key: the log was forked. */
static inline void keep_another_root_of_the_same_size(struct trail_attack *attack)
{
    RG_AUTO(rg_buf_done) struct rg_buf text;
    size_t at = world_find(&attack->lines, "checkpoint ", 0);
    rg_buf_init(&text, 4096);
    assert_ok(rg_buf_printf(&text, "%s\n%llu\n%s\n", attack->history->origin,
                            (unsigned long long)strtoull(attack->lines.items[at + 2].data, NULL, 10),
                            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="));
    history_sign(attack->history->origin, attack->history->key_set, attack->history->epoch, rg_buf_slice(&text),
                 &attack->since);
}

/* ---- the table ---- */

struct trail_attack_row {
    const char *name;
    void (*apply)(struct trail_attack *attack);
    int exit_code; /* 0: honest, or what no file can tell by itself */
};

static const struct trail_attack_row trail_attacks[] = {
    {"honest", change_nothing, 0},
    {"drop the first record", drop_the_first_record, 4},
    {"drop a middle record", drop_a_middle_record, 4},
    {"drop the last record", drop_the_last_record, 2},
    {"drop all records", drop_all_records, 2},
    {"drop a record and leave the number", drop_a_record_and_say_nothing, 4},
    {"repeat a record", repeat_a_record, 1},
    {"swap two records", swap_two_records, 4},
    {"edit the first record", edit_the_first, 1},
    {"edit a record", edit_one, 1},
    {"edit the last record", edit_the_last, 1},
    {"put in another tenant's record", put_in_another_tenants_record, 1},
    {"replace all records by another tenant's", replace_all_records_by_another_tenants, 1},
    {"splice in another log's records", splice_in_another_logs_records, 1},
    {"claim it is another tenant's", claim_it_is_another_tenants, 1},
    {"spell the tenant with an escape", spell_the_tenant_with_an_escape, 1},
    {"spell the tenant with an invisible letter", spell_the_tenant_with_an_invisible_letter, 1},
    {"spell the tenant with a letter that looks alike", spell_the_tenant_with_a_letter_that_looks_alike, 1},
    {"spell the tenant with a space", spell_the_tenant_with_a_space, 1},
    {"leave out the tenant", leave_out_the_tenant, 1},
    {"name the tenant twice", say_tenant_twice, 1},
    {"change the salt", change_the_salt, 1},
    {"use another tenant's salt", use_another_tenants_salt, 1},
    {"use another log's salt", use_another_logs_salt, 1},
    {"another tenant's salt and head, under the own name", use_another_tenants_salt_and_head, 1},
    {"leave out the salt", leave_out_the_salt, 1},
    {"name the salt twice", say_salt_twice, 4},
    {"a salt with a letter too many", lengthen_the_salt, 1},
    {"claim another origin", claim_another_origin, 1},
    {"use an older head with the newer records", use_an_older_head, 1},
    {"residual: an older trail, which says how old it is", use_an_older_trail, 0},
    {"use another tenant's head", use_another_tenants_head, 1},
    {"use another log's head", use_another_logs_head, 1},
    {"move the head's place by one", move_the_heads_place, 1},
    {"lower the head's count by one", lower_the_heads_count, 1},
    {"pull the head back by a record", pull_back_the_head, 1},
    {"declare a cut, without the tiles", declare_a_cut, 1},
    {"declare a cut of nothing", declare_a_cut_of_nothing, 1},
    {"put an older log.checkpoint on top", put_an_older_record_on_top, 1},
    {"sign with a stranger's key", sign_with_a_strangers_key, 1},
    {"sign with the key of an old epoch", sign_with_the_key_of_an_old_epoch, 1},
    {"sign with the key of a later epoch", sign_with_the_key_of_a_later_epoch, 1},
    {"honest: sign again with the right key", sign_with_the_right_key_again, 0},
    {"use another log's checkpoint", use_another_logs_checkpoint, 1},
    {"use another log's keys", use_another_logs_keys, 1},
    {"use all of another log of the same name", use_all_of_another_log, 1},
    {"leave out the keys", leave_out_the_keys, 4},
    {"bring the keys twice", bring_the_keys_twice, 1},
    {"a proof without its last hash", shorten_a_proof, 1},
    {"a proof with a hash too many", lengthen_a_proof, 1},
    {"leave out the last proof", leave_out_the_last_proof, 2},
    {"announce 2^63 records", announce_2_to_63_records, 1},
    {"announce 10^16 - 1 records", announce_the_most_records, 1},
    {"a number with a leading zero", write_a_leading_zero, 1},
    {"announce 65 hashes", announce_too_many_hashes, 1},
    {"a surplus line", add_a_line, 1},
    {"a surplus empty line", add_an_empty_line, 1},
    {"an empty line among the records", put_an_empty_line_among_the_records, 1},
    {"CRLF", write_crlf, 1},
    {"CRLF behind the first line", write_crlf_behind_the_first_line, 1},
    {"NUL in a record", put_a_nul_into_a_record, 1},
    {"NUL at a line's start", begin_a_line_with_nul, 1},
    {"cut inside the last line", cut_inside_a_line, 2},
    {"cut in the middle", cut_in_the_middle, 2},
    {"the first line alone", leave_the_first_line_only, 2},
    {"a later version", name_a_later_version, 1},
    {"honest: the reader kept this checkpoint", keep_the_same_checkpoint, 0},
    {"the reader kept a newer checkpoint", keep_a_newer_checkpoint, 5},
    {"the reader kept a checkpoint of another log", keep_a_checkpoint_of_another_log, 1},
    {"the reader kept another root of the same size", keep_another_root_of_the_same_size, 3},
};

#endif
