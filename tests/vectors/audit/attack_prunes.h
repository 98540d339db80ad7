/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_VECTORS_AUDIT_ATTACK_PRUNES_H
#define RG_TESTS_VECTORS_AUDIT_ATTACK_PRUNES_H

/* Prunes and holds, honest and not. The table is in attacks.h. */
#include "tests/support/audit_history_prune.h"
#include "tests/vectors/audit/attack_records.h"

static void prune_two_segments(struct attack *attack)
{
    assert_true(history_prune(attack->history, HISTORY_UNLINKED));
    history_statements(attack->history, 20);
    assert_true(history_prune(attack->history, HISTORY_UNLINKED));
    history_statements(attack->history, 20);
}

static void prune_all_but_the_live_segment(struct attack *attack)
{
    while (history_prune(attack->history, HISTORY_UNLINKED)) {
    }
    history_recover(attack->history);
    history_next_segment(attack->history);
    history_statements(attack->history, 20);
}

static void be_killed_before_the_unlink(struct attack *attack)
{
    assert_true(history_prune(attack->history, HISTORY_SIGNED));
    history_recover(attack->history);
    history_statements(attack->history, 20);
}

static void be_killed_before_the_record(struct attack *attack)
{
    assert_true(history_prune(attack->history, HISTORY_UNLINKED));
    assert_true(history_prune(attack->history, HISTORY_BASE));
    history_recover(attack->history);
}

static void drop_a_segment_behind_the_pruned_ones(struct attack *attack)
{
    struct history_prune prune;
    assert_true(history_prune(attack->history, HISTORY_UNLINKED));
    assert_true(history_prune_begin(attack->history, &prune)); /* the forger can compute a base */
    history_prune_unlink(attack->history, &prune);
}

static void declare_in_the_unsigned_tail(struct attack *attack)
{
    struct history_prune prune;
    assert_true(history_prune_begin(attack->history, &prune));
    history_prune_declare(attack->history, &prune);
    history_prune_unlink(attack->history, &prune);
    attack->seq = 0;
}

/* What a start does that finds prunes behind the signed part, and then signs all. */
static void start_over_unsigned_prunes(struct attack *attack, uint64_t from_seq)
{
    char rg[160];
    history_wait(attack->history, 250000);
    history_new_boot(attack->history);
    (void)snprintf(rg, sizeof rg, "{\"kind\":\"log.recovered\",\"recovered_bytes\":0,\"recovered_from\":%" PRIu64 "}",
                   from_seq);
    history_put(attack->history, "", 1008, rg);
    history_control(attack->history, "log.started");
    history_checkpoint(attack->history);
}

static void declare_in_the_unsigned_tail_before_a_start(struct attack *attack)
{
    struct history_prune prune;
    assert_true(history_prune_begin(attack->history, &prune));
    uint64_t seq = attack->history->chain.next_seq;
    history_prune_declare(attack->history, &prune);
    start_over_unsigned_prunes(attack, seq);
    history_prune_unlink(attack->history, &prune);
    attack->seq = 0;
}

static void declare_behind_a_prune_before_a_start(struct attack *attack)
{
    prune_two_segments(attack);
    declare_in_the_unsigned_tail_before_a_start(attack);
}

static void be_killed_before_the_signature(struct attack *attack)
{
    assert_true(history_prune(attack->history, HISTORY_UNLINKED));
    for (int i = 0; i < 2; i++) {
        uint64_t seq = attack->history->chain.next_seq;
        assert_true(history_prune(attack->history, HISTORY_DECLARED));
        start_over_unsigned_prunes(attack, seq);
    }
    history_statements(attack->history, 20);
    assert_true(history_prune(attack->history, HISTORY_UNLINKED));
}

/* As somebody could who controlled what the auditor records, not what it signs. */
static void declare_forged(struct attack *attack, void (*forge)(struct history_prune *prune))
{
    struct history_prune prune;
    assert_true(history_prune_begin(attack->history, &prune));
    struct history_prune forged = prune;
    forge(&forged);
    history_prune_declare(attack->history, &forged);
    history_checkpoint(attack->history);
    history_prune_unlink(attack->history, &prune);
}

static void forge_root(struct history_prune *prune)
{
    prune->root.bytes[5] ^= 1;
}

static void forge_heads(struct history_prune *prune)
{
    prune->heads_root.bytes[5] ^= 1;
}

static void forge_epoch(struct history_prune *prune)
{
    prune->epoch++;
}

static void forge_more(struct history_prune *prune)
{
    prune->last_seq += 5;
}

static void forge_less(struct history_prune *prune)
{
    prune->last_seq -= 5;
}

static void forge_future(struct history_prune *prune)
{
    prune->last_seq = 99999999;
}

static void forge_later_start(struct history_prune *prune)
{
    prune->first_seq += 7;
}

static void declare_another_root(struct attack *attack)
{
    declare_forged(attack, forge_root);
}

static void declare_other_tenants(struct attack *attack)
{
    declare_forged(attack, forge_heads);
}

static void declare_another_epoch(struct attack *attack)
{
    declare_forged(attack, forge_epoch);
}

static void declare_more_than_is_missing(struct attack *attack)
{
    declare_forged(attack, forge_more);
}

static void declare_less_than_is_missing(struct attack *attack)
{
    declare_forged(attack, forge_less);
}

static void declare_records_to_come(struct attack *attack)
{
    declare_forged(attack, forge_future);
}

static void declare_another_beginning(struct attack *attack)
{
    declare_forged(attack, forge_later_start);
}

static void declare_a_wrong_root_and_remove_nothing(struct attack *attack)
{
    struct history_prune prune;
    assert_true(history_prune_begin(attack->history, &prune));
    forge_root(&prune);
    history_prune_declare(attack->history, &prune);
    history_checkpoint(attack->history);
}

static void prune_under_a_hold(struct attack *attack)
{
    history_hold(attack->history, 1, "", 0, 0);
    assert_true(history_prune(attack->history, HISTORY_UNLINKED));
}

static void prune_under_a_tenants_hold(struct attack *attack)
{
    history_hold(attack->history, 1, "globex", 0, 0);
    assert_true(history_prune(attack->history, HISTORY_UNLINKED));
}

static void prune_beside_holds(struct attack *attack)
{
    history_hold(attack->history, 1, "", 0, 1000);
    history_hold(attack->history, 2, "umbrella", 0, 0);
    history_hold(attack->history, 3, "", 0, 0);
    history_release(attack->history, 3);
    assert_true(history_prune(attack->history, HISTORY_UNLINKED));
    history_hold(attack->history, 4, "", 0, 0);
}

static void release_what_is_not_held(struct attack *attack)
{
    history_hold(attack->history, 1, "acme", 0, 0);
    history_release(attack->history, 2);
}

static void release_without_an_operator(struct attack *attack)
{
    history_hold(attack->history, 1, "acme", 0, 0);
    history_put(attack->history, "", 1008, "{\"kind\":\"hold.release\",\"object\":\"hold-1\"}");
}

static void spoil_byte(struct attack *attack, const char *name, size_t at)
{
    struct spoil_file file = spoil_load(attack->history, name);
    file.bytes[at] = (char)(file.bytes[at] == '3' ? '4' : '3');
    spoil_save(&file, file.bytes, file.size);
    spoil_free(&file);
}

static void remove_the_base(struct attack *attack)
{
    prune_two_segments(attack);
    spoil_remove(attack->history, "pruned");
}

static void change_the_base(struct attack *attack)
{
    char path[AUDIT_BASE_PATH_SIZE];
    prune_two_segments(attack);
    audit_base_path(spoil_segments(attack->history).first_seqs[0], path);
    spoil_byte(attack, path, 300);
}

/* Well formed, and every count and hash as it was. */
static void change_a_salt_in_the_base(struct attack *attack)
{
    char path[AUDIT_BASE_PATH_SIZE];
    const struct rg_digest none = {{0}};
    const struct rg_slice origin = rg_slice_of(attack->history->origin);
    RG_AUTO(rg_buf_done) struct rg_buf text;
    prune_two_segments(attack);
    const uint64_t size = spoil_segments(attack->history).first_seqs[0];
    RG_AUTO(audit_fd_done) int fd = open(attack->history->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct audit_base *base = rg_memory_alloc(sizeof *base);
    audit_base_init(base, origin, &none);
    base->chain.genesis = attack->history->chain.genesis;
    assert_ok(audit_base_load(fd, size, origin, base));
    struct audit_tenant_head *head = audit_heads_find(&base->chain.tenants, RG_SLICE("acme"));
    struct rg_digest salt = head->salt;
    salt.bytes[5] ^= 1;
    audit_heads_begin(&base->chain.tenants, head, &base->chain.genesis, &salt);
    rg_buf_init(&text, AUDIT_BASE_MAX);
    assert_ok(audit_base_encode(base, origin, &text));
    audit_base_path(size, path);
    history_write(attack->history, path, rg_buf_slice(&text).data, rg_buf_size(&text));
    audit_base_done(base);
    rg_memory_free(base);
}

static void flip_a_tile_of_pruned_records(struct attack *attack)
{
    prune_two_segments(attack);
    spoil_byte(attack, "tile/0/000", 100);
}

static void remove_a_tile_of_pruned_records(struct attack *attack)
{
    prune_two_segments(attack);
    spoil_remove(attack->history, "tile/0/001");
}

static void change_a_manifest_of_pruned_records(struct attack *attack)
{
    prune_two_segments(attack);
    spoil_byte(attack, "seg/0000000000000000.manifest", 200);
}

/* Of the first segment's end: the tiles tell its root. */
static void change_a_checkpoint_of_pruned_records(struct attack *attack)
{
    char path[64];
    uint64_t size = spoil_segments(attack->history).first_seqs[1];
    prune_two_segments(attack);
    (void)snprintf(path, sizeof path, "ckpt/%016" PRIu64 ".note", size);
    spoil_byte(attack, path, 40);
}

#endif
