/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_VECTORS_AUDIT_ATTACK_EVIDENCE_H
#define RG_TESTS_VECTORS_AUDIT_ATTACK_EVIDENCE_H

/* Attacks 10 to 24: checkpoints, keys, tiles, clocks, epochs, tenants. The table is in attacks.h. */
#include "tests/vectors/audit/attack_records.h"

/* ---- 10 to 14: checkpoints ---- */

static void replay_an_old_head(struct attack *attack)
{
    char note[64];
    attack->seq = spoil_segments(attack->history).first_seqs[1];
    (void)snprintf(note, sizeof note, "ckpt/%016" PRIu64 ".note", attack->seq);
    struct spoil_file kept = spoil_load(attack->history, note);
    spoil_path(attack->history, "head.note", kept.path);
    spoil_save(&kept, kept.bytes, kept.size);
    spoil_free(&kept);
}

static void put_an_old_checkpoint_under_a_newer_name(struct attack *attack)
{
    struct spoil_segments segments = spoil_segments(attack->history);
    char old[64];
    char new[64];
    (void)snprintf(old, sizeof old, "ckpt/%016" PRIu64 ".note", segments.first_seqs[1]);
    (void)snprintf(new, sizeof new, "ckpt/%016" PRIu64 ".note", segments.first_seqs[2]);
    struct spoil_file kept = spoil_load(attack->history, old);
    spoil_path(attack->history, new, kept.path);
    spoil_save(&kept, kept.bytes, kept.size);
    spoil_free(&kept);
    attack->seq = segments.first_seqs[2] - 1;
}

/* The thief has the key of the newest epoch only: what older keys signed he must sign with that one. */
static void forge_an_old_epoch_with_the_current_key(struct attack *attack)
{
    struct history forged = history_blank();
    forged.changed_seq = 100;
    forged.sign_from = 0;
    forged.signer = HISTORY_LAST_KEY;
    attack_forge(attack, &forged, true);
}

/* Within his epoch he can do everything; the auditor's copy tells. */
static void fork_the_current_epoch(struct attack *attack)
{
    struct history forged = history_blank();
    attack_keep_checkpoint(attack, attack->history, "head.note");
    forged.changed_seq = attack_head_size(attack) - 20;
    attack_forge(attack, &forged, true);
}

static void fork_the_current_epoch_unseen(struct attack *attack)
{
    fork_the_current_epoch(attack);
    attack->since_size = 0;
}

static void leave_one_checkpoint_of_the_other_fork(struct attack *attack)
{
    struct history forged = history_blank();
    struct spoil_segments segments = spoil_segments(attack->history);
    char note[64];
    (void)snprintf(note, sizeof note, "ckpt/%016" PRIu64 ".note", segments.first_seqs[segments.count - 1]);
    struct spoil_file kept = spoil_load(attack->history, note);
    forged.changed_seq = segments.first_seqs[segments.count - 1] - 2;
    attack_forge(attack, &forged, true);
    spoil_save(&kept, kept.bytes, kept.size);
    spoil_free(&kept);
}

static void show_another_log_to_another_auditor(struct attack *attack)
{
    struct history other = history_blank();
    other.changed_seq = 50;
    history_write_all(&other, ATTACK_STATEMENTS);
    history_end(&other);
    attack_keep_checkpoint(attack, &other, "head.note");
    history_remove(&other);
}

static void bring_a_checkpoint_that_nobody_signed(struct attack *attack)
{
    attack_keep_checkpoint(attack, attack->history, "head.note");
    char *last = attack->since + attack->since_size - 12;
    *last = *last == 'A' ? 'B' : 'A';
}

/* ---- 15 ---- */

static void cut_inside_the_last_record(struct attack *attack)
{
    struct spoil_record record = spoil_record(attack->history, attack->history->chain.next_seq - 1);
    spoil_save(&record.file, record.file.bytes, record.end - 20);
    spoil_free(&record.file);
    attack->seq = attack->history->chain.next_seq - 1;
}

static void cut_inside_a_sealed_record(struct attack *attack)
{
    uint64_t seq = spoil_segments(attack->history).first_seqs[1] - 1;
    struct spoil_record record = spoil_record(attack->history, seq);
    spoil_save(&record.file, record.file.bytes, record.end - 20);
    spoil_free(&record.file);
    attack->seq = seq;
}

static void cut_a_sealed_segment_at_a_records_end(struct attack *attack)
{
    uint64_t seq = spoil_segments(attack->history).first_seqs[1] - 1;
    struct spoil_record record = spoil_record(attack->history, seq);
    spoil_save(&record.file, record.file.bytes, record.start);
    spoil_free(&record.file);
    attack->seq = seq;
}

/* ---- 16: files that are no records (each single byte: test_verify_flips.c) ---- */

static void flip_a_tile(struct attack *attack)
{
    struct spoil_file tile = spoil_load(attack->history, "tile/0/001");
    tile.bytes[32 * 44 + 7] = (char)(tile.bytes[32 * 44 + 7] ^ 4);
    spoil_save(&tile, tile.bytes, tile.size);
    spoil_free(&tile);
    attack->seq = 256 + 44;
}

static void remove_a_tile(struct attack *attack)
{
    spoil_remove(attack->history, "tile/0/002");
    attack->seq = 512;
}

static void change_a_manifest(struct attack *attack)
{
    struct spoil_file manifest = spoil_load(attack->history, "seg/0000000000000000.manifest");
    char *hash = strstr(manifest.bytes, "sha256 ") + 20;
    *hash = *hash == 'a' ? 'b' : 'a';
    spoil_save(&manifest, manifest.bytes, manifest.size);
    spoil_free(&manifest);
}

static void remove_a_manifest(struct attack *attack)
{
    spoil_remove(attack->history, "seg/0000000000000000.manifest");
    attack->seq = 0;
}

static void remove_the_checkpoint_of_a_closed_epoch(struct attack *attack)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, 1 << 20);
    char command[300];
    (void)snprintf(command, sizeof command, "cd '%s/ckpt' && rm \"$(ls | head -n 1)\"", attack->history->path);
    assert_int_equal(system(command), 0);
}

/* ---- 17 to 19: clocks and epochs; the attacker is whoever sets the machine's clock ---- */

static void jump_the_clock_undeclared(struct attack *attack)
{
    struct history *history = attack->history;
    history->wall_us += 7200000000;
    history_statements(history, 2);
    history_checkpoint(history);
    attack->seq = history->chain.next_seq - 3;
}

static void set_the_clock_back_undeclared(struct attack *attack)
{
    struct history *history = attack->history;
    history_statements(history, 2);
    history->wall_us -= 3600000000;
    history->hlc_offset_us -= 3600000000;
    history_wait(history, 5000000);
    history_statements(history, 1);
    history_checkpoint(history);
    attack->seq = history->chain.next_seq - 2;
}

static void set_the_clock_back_declared(struct attack *attack)
{
    struct history *history = attack->history;
    history_clock_step(history, -3600000000);
    history_wait(history, 5000000);
    history_statements(history, 20);
    history_wait(history, 3605000000);
    history_statements(history, 20);
    history_clock_step(history, 7200000000);
    history_statements(history, 5);
    history_checkpoint(history);
}

static void turn_the_monotonic_clock_back(struct attack *attack)
{
    struct history *history = attack->history;
    history->mono_us -= 3000;
    history_statements(history, 2);
    history_checkpoint(history);
    attack->seq = history->chain.next_seq - 3;
}

static void seal_again_with_a_newer_key(struct attack *attack)
{
    struct history forged = history_blank();
    forged.sign_from = ATTACK_RECORD;
    forged.signer = HISTORY_NEXT_KEY;
    attack_forge(attack, &forged, true);
}

static void sign_with_the_key_of_a_closed_epoch(struct attack *attack)
{
    struct history forged = history_blank();
    forged.sign_from = ATTACK_STATEMENTS - 200;
    forged.signer = HISTORY_FIRST_KEY;
    attack_forge(attack, &forged, true);
}

static void skip_an_epoch(struct attack *attack)
{
    struct history *history = attack->history;
    history->epoch++;
    history_next_epoch(history);
    history_statements(history, 3);
    history_checkpoint(history);
    attack->seq = history->chain.next_seq - 6;
}

static void remove_newest_checkpoints_and_write_on(struct attack *attack)
{
    struct history *history = attack->history;
    for (int i = 0; i < 3; i++) {
        history_wait(history, 40000000);
        history_put_checkpoint_record(history);
        history_statements(history, 3);
    }
}

/* ---- 20 to 24 ---- */

static void spoil_the_index(struct attack *attack)
{
    history_directory(attack->history, "idx");
    history_write(attack->history, "idx/search.sqlite", "not an index", 12);
}

static void remove_all_signatures(struct attack *attack)
{
    spoil_remove(attack->history, "ckpt");
    spoil_remove(attack->history, "head.note");
}

static void remove_the_keys(struct attack *attack)
{
    spoil_remove(attack->history, "keys");
}

static void verify_with_a_wrong_key(struct attack *attack)
{
    history_vkey(HISTORY_ORIGIN, 3, HISTORY_ROOT, &attack->root_key);
    attack->has_root = true;
}

static void verify_with_the_right_key(struct attack *attack)
{
    history_root_key(attack->history, &attack->root_key);
    attack->has_root = true;
}

static void claim_another_origin(struct attack *attack)
{
    history_write(attack->history, "origin", "test/audit/node-2/1\n", 20);
}

static void bring_a_checkpoint_of_another_origin(struct attack *attack)
{
    struct history other = history_blank();
    other.origin = "test/audit/node-2/1";
    history_write_all(&other, 100);
    history_end(&other);
    attack_keep_checkpoint(attack, &other, "head.note");
    history_remove(&other);
}

static void break_a_line_in_two(struct attack *attack)
{
    struct spoil_record record = spoil_record(attack->history, ATTACK_RECORD);
    record.file.bytes[record.end - 40] = '\n';
    spoil_save(&record.file, record.file.bytes, record.file.size);
    spoil_free(&record.file);
    attack->seq = ATTACK_RECORD;
}

static void put_a_nul_into_a_line(struct attack *attack)
{
    struct spoil_record record = spoil_record(attack->history, ATTACK_RECORD);
    record.file.bytes[record.end - 40] = '\0';
    spoil_save(&record.file, record.file.bytes, record.file.size);
    spoil_free(&record.file);
    attack->seq = ATTACK_RECORD;
}

/* A writer that lets a key stand twice: only the slow look finds it. */
static void write_a_key_twice(struct attack *attack)
{
    attack->seq = attack->history->chain.next_seq;
    history_put(attack->history, "acme", 6005, "{\"kind\":\"login\",\"user\":\"a\",\"user\":\"b\"}");
    history_checkpoint(attack->history);
    attack->is_strict = true;
}

static void write_a_record_head_inside_sql(struct attack *attack)
{
    history_put(
        attack->history, "acme", 6005,
        "{\"kind\":\"login\",\"user\":\"{\\\"unmapped\\\":{\\\"rg\\\":{\\\"seq\\\":\\\"0000000000000001\\\"\"}");
    history_checkpoint(attack->history);
}

static void write_an_unknown_kind(struct attack *attack)
{
    attack->seq = attack->history->chain.next_seq;
    history_put(attack->history, "acme", 6005, "{\"kind\":\"nothing\"}");
    history_checkpoint(attack->history);
}

static void hide_the_kind(struct attack *attack)
{
    attack->seq = attack->history->chain.next_seq;
    history_put(attack->history, "acme", 6005, "{\"user\":\"a\",\"kind\":\"login\"}");
    history_checkpoint(attack->history);
}

static void lie_about_the_tenants(struct attack *attack)
{
    attack->seq = attack->history->chain.next_seq;
    char rg[300];
    (void)snprintf(rg, sizeof rg, "{\"kind\":\"log.checkpoint\",\"epoch\":2,\"heads_root\":\"%064d\"}", 1);
    history_put(attack->history, "", 1008, rg);
    history_publish(attack->history, attack->history->epoch, false);
}

static void forget_a_tenants_record(struct attack *attack)
{
    struct audit_tenant_head *head = audit_heads_find(&attack->history->chain.tenants, RG_SLICE("acme"));
    head->next_tseq--;
    attack->seq = attack->history->chain.next_seq;
    history_statement(attack->history, "acme", 99, "combined");
    history_checkpoint(attack->history);
}

/* A leaf for each tenant, but one under a salt that is not of its first record. */
static void lie_about_a_salt(struct attack *attack)
{
    struct audit_chain *chain = &attack->history->chain;
    struct audit_tenant_head *head = audit_heads_find(&chain->tenants, RG_SLICE("acme"));
    const struct rg_digest salt = rg_sha256_one(RG_SLICE("another salt"));
    audit_heads_begin(&chain->tenants, head, &chain->genesis, &salt);
    attack->seq = chain->next_seq;
    history_checkpoint(attack->history);
}

#endif
