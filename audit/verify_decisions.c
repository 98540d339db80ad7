/* SPDX-License-Identifier: Apache-2.0 */
/* Decisions that wait for their outcome: a small hash set, linear probing, deletion by moving back. What it holds was
 * chosen by whoever wrote the log: the hash has a key of its own, and the same decision again takes no room. */
#include "audit/verify_private.h"
#include "base/rg_memory.h"

enum { FIRST_SLOTS = 256 };

static bool is_free(const struct verify_decision *slot)
{
    return slot->seq == UINT64_MAX;
}

static bool is_of(const struct verify_decision *slot, uint64_t session, uint64_t statement)
{
    return slot->session == session && slot->statement == statement;
}

static size_t home_of(const struct verify_decisions *decisions, uint64_t session, uint64_t statement)
{
    uint64_t value = session * decisions->keys[0] + statement * decisions->keys[1];
    value = (value ^ value >> 32) * decisions->keys[2];
    return (size_t)(value >> 20) & (decisions->slot_count - 1);
}

static void set_keys(struct verify_decisions *decisions)
{
    rg_random(decisions->keys, sizeof decisions->keys);
    for (size_t i = 0; i < sizeof decisions->keys / sizeof decisions->keys[0]; i++) {
        decisions->keys[i] |= 1; /* odd: no bit is lost by multiplying */
    }
}

static void grow(struct verify_decisions *decisions)
{
    struct verify_decisions bigger = {.slot_count =
                                          decisions->slot_count == 0 ? FIRST_SLOTS : decisions->slot_count * 2};
    set_keys(&bigger);
    bigger.slots = rg_memory_array(bigger.slot_count, sizeof *bigger.slots);
    for (size_t i = 0; i < bigger.slot_count; i++) {
        bigger.slots[i].seq = UINT64_MAX;
    }
    for (size_t i = 0; i < decisions->slot_count; i++) {
        if (!is_free(&decisions->slots[i])) {
            verify_decisions_add(&bigger, &decisions->slots[i]);
        }
    }
    rg_memory_free(decisions->slots);
    *decisions = bigger;
}

void verify_decisions_add(struct verify_decisions *decisions, const struct verify_decision *decision)
{
    if (decisions->used * 2 >= decisions->slot_count) {
        grow(decisions);
    }
    size_t at = home_of(decisions, decision->session, decision->statement);
    while (!is_free(&decisions->slots[at])) {
        if (is_of(&decisions->slots[at], decision->session, decision->statement)) {
            return; /* no writer of ours decides twice; the older one counts */
        }
        at = (at + 1) & (decisions->slot_count - 1);
    }
    decisions->slots[at] = *decision;
    decisions->used++;
}

static void remove_at(struct verify_decisions *decisions, size_t hole)
{
    size_t mask = decisions->slot_count - 1;
    for (size_t at = (hole + 1) & mask; !is_free(&decisions->slots[at]); at = (at + 1) & mask) {
        size_t home = home_of(decisions, decisions->slots[at].session, decisions->slots[at].statement);
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            decisions->slots[hole] = decisions->slots[at];
            hole = at;
        }
    }
    decisions->slots[hole].seq = UINT64_MAX;
    decisions->used--;
}

bool verify_decisions_take(struct verify_decisions *decisions, uint64_t session, uint64_t statement)
{
    if (decisions->used == 0) {
        return false;
    }
    size_t at = home_of(decisions, session, statement);
    while (!is_free(&decisions->slots[at])) {
        if (is_of(&decisions->slots[at], session, statement)) {
            remove_at(decisions, at);
            return true;
        }
        at = (at + 1) & (decisions->slot_count - 1);
    }
    return false;
}

void verify_decisions_done(struct verify_decisions *decisions)
{
    rg_memory_free(decisions->slots);
    *decisions = (struct verify_decisions){0};
}
