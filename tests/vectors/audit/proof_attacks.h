/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_VECTORS_AUDIT_PROOF_ATTACKS_H
#define RG_TESTS_VECTORS_AUDIT_PROOF_ATTACKS_H

/* What a reader may be handed instead of the proof of a record. */
#include "tests/vectors/audit/trail_attacks.h"

/* ---- proofs of one record: of three lines, with the keys ---- */

static inline void count_up_the_index(struct trail_attack *attack)
{
    char text[64];
    size_t at = world_find(&attack->lines, "index ", 0);
    (void)snprintf(text, sizeof text, "index %llu", (unsigned long long)world_number(&attack->lines, at, 0) + 1);
    world_set(&attack->lines, at, text);
}

static inline void count_down_the_index(struct trail_attack *attack)
{
    char text[64];
    size_t at = world_find(&attack->lines, "index ", 0);
    (void)snprintf(text, sizeof text, "index %llu", (unsigned long long)world_number(&attack->lines, at, 0) - 1);
    world_set(&attack->lines, at, text);
}

static inline void name_an_index_of_2_to_63(struct trail_attack *attack)
{
    world_set(&attack->lines, world_find(&attack->lines, "index ", 0), "index 9223372036854775808");
}

static inline void name_the_largest_index(struct trail_attack *attack)
{
    world_set(&attack->lines, world_find(&attack->lines, "index ", 0), "index 9999999999999999");
}

static inline void write_minus(struct trail_attack *attack)
{
    world_set(&attack->lines, world_find(&attack->lines, "index ", 0), "index -1");
}

static inline void lose_the_last_part(struct trail_attack *attack)
{
    drop(attack, 2);
}

static inline void lose_the_first_part(struct trail_attack *attack)
{
    drop(attack, 0);
}

static inline void lose_the_middle_part(struct trail_attack *attack)
{
    drop(attack, 1);
}

static inline void show_the_last_part_only(struct trail_attack *attack)
{
    drop(attack, 0);
    drop(attack, 0);
}

static inline void put_another_record_before(struct trail_attack *attack)
{
    world_insert(&attack->lines, world_record(&attack->lines, 0),
                 attack->globex.items[world_record(&attack->globex, 0)]);
    world_count(&attack->lines, 1);
}

static inline void edit_the_first_part(struct trail_attack *attack)
{
    size_t at = world_record(&attack->lines, 0);
    struct rg_slice line = attack->lines.items[at];
    struct rg_slice copy = world_text(&attack->lines, line.data, line.size);
    attack->lines.made[attack->lines.made_count - 1][line.size - 30] ^= 1;
    attack->lines.items[at] = copy;
}

static inline void announce_no_record(struct trail_attack *attack)
{
    for (int i = 0; i < 3; i++) {
        drop(attack, 0);
    }
}

static inline size_t first_hash(const struct trail_attack *attack)
{
    return world_find(&attack->lines, "index ", 0) + 1;
}

static inline void lose_a_hash(struct trail_attack *attack)
{
    world_delete(&attack->lines, first_hash(attack), 1);
}

static inline void repeat_a_hash(struct trail_attack *attack)
{
    world_insert(&attack->lines, first_hash(attack), attack->lines.items[first_hash(attack)]);
}

static inline void lose_all_hashes(struct trail_attack *attack)
{
    size_t at = first_hash(attack);
    while (attack->lines.items[at].size > 0) {
        world_delete(&attack->lines, at, 1);
    }
}

static inline void write_too_many_hashes(struct trail_attack *attack)
{
    for (int i = 0; i < 65; i++) {
        repeat_a_hash(attack);
    }
}

static inline void lose_the_checkpoint(struct trail_attack *attack)
{
    size_t at = first_hash(attack);
    while (attack->lines.items[at].size > 0) {
        at++;
    }
    attack->lines.count = at + 1;
}

static inline void put_another_logs_checkpoint_below(struct trail_attack *attack)
{
    size_t from = world_find(&attack->foreign, "checkpoint ", 0);
    size_t count = (size_t)world_number(&attack->foreign, from, 0);
    lose_the_checkpoint(attack);
    for (size_t i = 1; i <= count; i++) {
        world_insert(&attack->lines, attack->lines.count, attack->foreign.items[from + i]);
    }
}

static inline void put_the_trails_checkpoint_below(struct trail_attack *attack)
{
    size_t from = world_find(&attack->older, "checkpoint ", 0);
    size_t count = (size_t)world_number(&attack->older, from, 0);
    lose_the_checkpoint(attack);
    for (size_t i = 1; i <= count; i++) {
        world_insert(&attack->lines, attack->lines.count, attack->older.items[from + i]);
    }
}

static inline void add_an_extra_line(struct trail_attack *attack)
{
    world_insert(&attack->lines, world_find(&attack->lines, "index ", 0), RG_SLICE("extra AAAA"));
}

static const struct trail_attack_row proof_attacks[] = {
    {"honest", change_nothing, 0},
    {"honest: the same checkpoint from elsewhere", put_the_trails_checkpoint_below, 0},
    {"index one too high", count_up_the_index, 1},
    {"index one too low", count_down_the_index, 1},
    {"index 2^63", name_an_index_of_2_to_63, 1},
    {"index 10^16 - 1", name_the_largest_index, 1},
    {"index -1", write_minus, 1},
    {"lose the last continuation record", lose_the_last_part, 4},
    {"lose the record itself", lose_the_first_part, 4},
    {"lose a continuation record between", lose_the_middle_part, 4},
    {"show the last continuation record alone", show_the_last_part_only, 4},
    {"put another record before it", put_another_record_before, 1},
    {"edit the record before its continuation records", edit_the_first_part, 1},
    {"announce no record", announce_no_record, 1},
    {"lose a hash of the proof", lose_a_hash, 1},
    {"repeat a hash of the proof", repeat_a_hash, 1},
    {"lose all hashes of the proof", lose_all_hashes, 1},
    {"write 65 more hashes", write_too_many_hashes, 1},
    {"lose the checkpoint", lose_the_checkpoint, 1},
    {"another log's checkpoint", put_another_logs_checkpoint_below, 1},
    {"add an extra line, which nobody signs", add_an_extra_line, 1},
    {"another log's keys", use_another_logs_keys, 1},
    {"leave out the keys", leave_out_the_keys, 4},
    {"a surplus line", add_a_line, 1},
    {"CRLF", write_crlf, 1},
    {"cut in the middle", cut_in_the_middle, 2},
    {"cut inside the last line", cut_inside_a_line, 2},
    {"the first line alone", leave_the_first_line_only, 2},
    {"the reader kept a newer checkpoint", keep_a_newer_checkpoint, 5},
    {"the reader kept a checkpoint of another log", keep_a_checkpoint_of_another_log, 1},
};

#endif
