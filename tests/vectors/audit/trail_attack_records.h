/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_VECTORS_AUDIT_TRAIL_ATTACK_RECORDS_H
#define RG_TESTS_VECTORS_AUDIT_TRAIL_ATTACK_RECORDS_H

/* Attacks on a trail's records and names. The table is in trail_attacks.h. */
#include "tests/support/audit_trail_world.h"

struct trail_attack {
    struct history *history;    /* the log */
    struct history *other;      /* another one: other keys, the same origin */
    struct world_lines lines;   /* the file */
    struct world_lines older;   /* a trail of the same tenant up to an earlier time */
    struct world_lines foreign; /* the same of the other log */
    struct world_lines globex;  /* the trail of another tenant */
    struct rg_buf raw;          /* when not empty: the file, instead of the lines */
    struct rg_buf since;        /* the checkpoint that the reader kept */
};

/* ---- records ---- */

static inline void drop(struct trail_attack *attack, size_t record)
{
    world_delete(&attack->lines, world_record(&attack->lines, record), 1);
    world_count(&attack->lines, -1);
}

static inline size_t record_count(const struct trail_attack *attack)
{
    return (size_t)world_number(&attack->lines, world_find(&attack->lines, "records ", 0), 0);
}

static inline void change_nothing(struct trail_attack *attack)
{
    (void)attack;
}

static inline void drop_the_first_record(struct trail_attack *attack)
{
    drop(attack, 0);
}

static inline void drop_a_middle_record(struct trail_attack *attack)
{
    drop(attack, record_count(attack) / 2);
}

static inline void drop_the_last_record(struct trail_attack *attack)
{
    drop(attack, record_count(attack) - 1);
}

static inline void drop_all_records(struct trail_attack *attack)
{
    size_t count = record_count(attack);
    world_delete(&attack->lines, world_record(&attack->lines, 0), count);
    world_count(&attack->lines, -(int64_t)count);
}

static inline void drop_a_record_and_say_nothing(struct trail_attack *attack)
{
    world_delete(&attack->lines, world_record(&attack->lines, 3), 1);
}

static inline void repeat_a_record(struct trail_attack *attack)
{
    size_t at = world_record(&attack->lines, 4);
    world_insert(&attack->lines, at, attack->lines.items[at]);
    world_count(&attack->lines, 1);
}

static inline void swap_two_records(struct trail_attack *attack)
{
    size_t at = world_record(&attack->lines, 4);
    struct rg_slice line = attack->lines.items[at];
    attack->lines.items[at] = attack->lines.items[at + 1];
    attack->lines.items[at + 1] = line;
}

static inline void edit_at(struct trail_attack *attack, size_t record)
{
    size_t at = world_record(&attack->lines, record);
    struct rg_slice line = attack->lines.items[at];
    struct rg_slice copy = world_text(&attack->lines, line.data, line.size);
    char *found = memmem(attack->lines.made[attack->lines.made_count - 1], copy.size, "SELECT a", 8);
    assert_non_null(found);
    found[7] = 'z';
    attack->lines.items[at] = copy;
}

static inline void edit_the_first(struct trail_attack *attack)
{
    edit_at(attack, 0);
}

static inline void edit_one(struct trail_attack *attack)
{
    edit_at(attack, record_count(attack) / 2);
}

static inline void edit_the_last(struct trail_attack *attack)
{
    edit_at(attack, record_count(attack) - 1);
}

static inline void put_in_another_tenants_record(struct trail_attack *attack)
{
    world_insert(&attack->lines, world_record(&attack->lines, 2),
                 attack->globex.items[world_record(&attack->globex, 2)]);
    world_count(&attack->lines, 1);
}

static inline void replace_all_records_by_another_tenants(struct trail_attack *attack)
{
    size_t from = world_find(&attack->globex, "records ", 0);
    drop_all_records(attack);
    attack->lines.count = world_find(&attack->lines, "records ", 0);
    for (size_t i = from; i < attack->globex.count; i++) {
        world_insert(&attack->lines, attack->lines.count, attack->globex.items[i]);
    }
}

static inline void splice_in_another_logs_records(struct trail_attack *attack)
{
    size_t at = world_record(&attack->lines, 5);
    for (size_t i = 0; i < 3; i++) {
        attack->lines.items[at + i] = attack->foreign.items[world_record(&attack->foreign, 5 + i)];
    }
}

/* ---- names ---- */

static inline void name(struct trail_attack *attack, const char *line)
{
    world_set(&attack->lines, world_find(&attack->lines, "tenant ", 0), line);
}

static inline void claim_it_is_another_tenants(struct trail_attack *attack)
{
    name(attack, "tenant globex");
}

static inline void spell_the_tenant_with_an_escape(struct trail_attack *attack)
{
    name(attack, "tenant acm\\u0065");
}

static inline void spell_the_tenant_with_an_invisible_letter(struct trail_attack *attack)
{
    name(attack, "tenant acme\xe2\x80\x8b");
}

static inline void spell_the_tenant_with_a_letter_that_looks_alike(struct trail_attack *attack)
{
    name(attack, "tenant \xd0\xb0"
                 "cme");
}

static inline void spell_the_tenant_with_a_space(struct trail_attack *attack)
{
    name(attack, "tenant acme ");
}

static inline void leave_out_the_tenant(struct trail_attack *attack)
{
    name(attack, "tenant ");
}

static inline void claim_another_origin(struct trail_attack *attack)
{
    world_set(&attack->lines, world_find(&attack->lines, "origin ", 0), "origin test/audit/node-2/1");
}

#endif
