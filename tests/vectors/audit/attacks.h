/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_VECTORS_AUDIT_ATTACKS_H
#define RG_TESTS_VECTORS_AUDIT_ATTACKS_H

/* The attacks of docs/verify.md as code: each is made on a fresh log, and each has one right answer. Numbers are those
 * of the list; a letter tells variants apart; CVE and issue numbers are faults of other logs' verifiers. */
#include "tests/support/audit_spoil.h"

enum { ATTACK_STATEMENTS = 2400, ATTACK_RECORD = 700 };

#define ATTACK_ANY UINT64_MAX

struct attack {
    struct history *history; /* what verify is given */
    uint64_t seq;            /* the record it must name; ATTACK_ANY = not checked */
    uint64_t not_after;      /* the record it must not go beyond, when the place cannot be known; 0 = not checked */
    char since[4096];        /* the checkpoint that the auditor kept */
    size_t since_size;
    struct audit_vkey root_key; /* the key that he was given */
    bool has_root;
    bool is_strict;
};

/* ---- building blocks ---- */

static void attack_keep_checkpoint(struct attack *attack, const struct history *from, const char *name)
{
    struct spoil_file note = spoil_load(from, name);
    assert_true(note.size < sizeof attack->since);
    memcpy(attack->since, note.bytes, note.size);
    attack->since_size = note.size;
    spoil_free(&note);
}

/* The whole history once more, forged as the fields say; its files take the place of the honest ones. */
static void attack_forge(struct attack *attack, struct history *forged, bool with_checkpoints)
{
    history_write_all(forged, ATTACK_STATEMENTS);
    history_end(forged);
    spoil_remove(attack->history, "seg");
    spoil_remove(attack->history, "tile");
    spoil_copy(forged, attack->history, "seg");
    spoil_copy(forged, attack->history, "tile");
    if (with_checkpoints) {
        spoil_remove(attack->history, "ckpt");
        spoil_copy(forged, attack->history, "ckpt");
        spoil_copy(forged, attack->history, "head.note");
    }
    history_remove(forged);
}

static uint64_t attack_size_of(const char *bytes, size_t size)
{
    struct audit_note note = {0};
    struct audit_checkpoint checkpoint = {0};
    assert_ok(audit_note_parse(rg_slice_make(bytes, size), &note));
    assert_ok(audit_checkpoint_parse(note.text, &checkpoint));
    return checkpoint.size;
}

static uint64_t attack_head_size(const struct attack *attack)
{
    struct spoil_file head = spoil_load(attack->history, "head.note");
    uint64_t size = attack_size_of(head.bytes, head.size);
    spoil_free(&head);
    return size;
}

static void attack_edit(struct attack *attack, uint64_t seq)
{
    struct spoil_record record = spoil_record(attack->history, seq);
    char *digit = record.file.bytes + record.end - 60; /* in the OCSF part: the time */
    while (*digit < '0' || *digit > '9') {
        digit--;
    }
    *digit = *digit == '7' ? '8' : '7';
    spoil_save(&record.file, record.file.bytes, record.file.size);
    spoil_free(&record.file);
    attack->seq = seq;
}

static void attack_insert(struct attack *attack, uint64_t seq, const char *line)
{
    struct spoil_record record = spoil_record(attack->history, seq);
    struct rg_buf made;
    rg_buf_init(&made, 1 << 20);
    assert_ok(rg_buf_put(&made, rg_slice_of(line)));
    assert_ok(rg_buf_put(&made, rg_slice_make(record.file.bytes + record.start, record.end - record.start)));
    spoil_replace(&record, rg_buf_slice(&made).data, rg_buf_size(&made));
    rg_buf_done(&made);
    spoil_free(&record.file);
    attack->seq = seq;
}

/* Everything from this record on is gone, and the files that would tell with it when asked. */
static void attack_cut_from(struct attack *attack, uint64_t seq)
{
    struct spoil_segments segments = spoil_segments(attack->history);
    struct spoil_record record = spoil_record(attack->history, seq);
    spoil_save(&record.file, record.file.bytes, record.start);
    for (size_t i = 0; i < segments.count; i++) {
        char name[40];
        spoil_segment_name(segments.first_seqs[i], name);
        if (segments.first_seqs[i] > seq) {
            spoil_remove(attack->history, name);
        }
    }
    spoil_free(&record.file);
    attack->seq = seq;
}

/* ---- 1 to 8: records ---- */

static void edit_a_record(struct attack *attack)
{
    attack_edit(attack, ATTACK_RECORD);
}

static void edit_the_first_record(struct attack *attack)
{
    attack_edit(attack, 0);
}

static void edit_the_last_record_of_a_segment(struct attack *attack)
{
    attack_edit(attack, spoil_segments(attack->history).first_seqs[2] - 1);
}

static void edit_the_first_record_of_a_segment(struct attack *attack)
{
    attack_edit(attack, spoil_segments(attack->history).first_seqs[2]);
}

static void edit_the_last_signed_record(struct attack *attack)
{
    attack_edit(attack, attack_head_size(attack) - 1);
}

static void edit_a_record_that_is_only_chained(struct attack *attack)
{
    attack_edit(attack, attack_head_size(attack) + 1);
}

static void rechain_without_a_key(struct attack *attack)
{
    struct history forged = history_blank();
    forged.changed_seq = ATTACK_RECORD;
    attack_forge(attack, &forged, false);
    attack->not_after = ATTACK_RECORD;
}

static void rechain_and_sign_with_a_strangers_key(struct attack *attack)
{
    struct history forged = history_blank();
    forged.changed_seq = ATTACK_RECORD;
    forged.sign_from = 0;
    forged.signer = HISTORY_STRANGER;
    attack_forge(attack, &forged, true);
}

/* A whole new log with its own root: nothing in it is wrong but whose it is. */
static void replace_log_and_root(struct attack *attack)
{
    struct history forged = history_blank();
    history_root_key(attack->history, &attack->root_key);
    attack->has_root = true;
    forged.key_set = 5;
    forged.changed_seq = ATTACK_RECORD;
    attack_forge(attack, &forged, true);
    struct history other = history_blank();
    other.key_set = 5;
    history_begin(&other);
    history_end(&other);
    spoil_copy(&other, attack->history, "keys");
    history_remove(&other);
}

static void replace_log_and_root_unpinned(struct attack *attack)
{
    replace_log_and_root(attack);
    attack->has_root = false; /* the report warns, and cannot do more */
}

static void replace_the_key_list_alone(struct attack *attack)
{
    struct history other = history_blank();
    other.key_set = 5;
    history_begin(&other);
    history_end(&other);
    spoil_copy(&other, attack->history, "keys");
    history_remove(&other);
    attack->seq = 0;
}

static void delete_in_the_middle(struct attack *attack)
{
    struct spoil_record record = spoil_record(attack->history, ATTACK_RECORD);
    spoil_replace(&record, "", 0);
    spoil_free(&record.file);
    attack->seq = ATTACK_RECORD;
}

static void delete_the_signed_tail(struct attack *attack)
{
    attack_cut_from(attack, attack_head_size(attack) - 5);
}

static void delete_the_newest_segment(struct attack *attack)
{
    struct spoil_segments segments = spoil_segments(attack->history);
    char name[40];
    attack->seq = segments.first_seqs[segments.count - 1];
    spoil_segment_name(attack->seq, name);
    spoil_remove(attack->history, name);
}

/* Records, tiles and checkpoints, all as they were some time ago: a snapshot put back. */
static void roll_back(struct attack *attack)
{
    struct history before = history_blank();
    before.is_short = true;
    attack_forge(attack, &before, true);
}

static void roll_back_with_an_auditor_who_kept_a_checkpoint(struct attack *attack)
{
    attack_keep_checkpoint(attack, attack->history, "head.note");
    roll_back(attack);
    attack->seq = spoil_segments(attack->history).first_seqs[1] + 2;
}

static void delete_the_tail_behind_the_last_checkpoint(struct attack *attack)
{
    attack_cut_from(attack, attack_head_size(attack));
}

static void reorder(struct attack *attack)
{
    struct spoil_record first = spoil_record(attack->history, ATTACK_RECORD);
    struct spoil_record second = spoil_record(attack->history, ATTACK_RECORD + 1);
    char *made = malloc(second.file.size);
    size_t a = first.end - first.start;
    size_t b = second.end - second.start;
    memcpy(made, second.file.bytes, second.file.size);
    memcpy(made + first.start, second.file.bytes + second.start, b);
    memcpy(made + first.start + b, second.file.bytes + first.start, a);
    spoil_save(&second.file, made, second.file.size);
    free(made);
    spoil_free(&first.file);
    spoil_free(&second.file);
    attack->seq = ATTACK_RECORD;
}

static void insert_a_line_without_head(struct attack *attack)
{
    attack_insert(attack, ATTACK_RECORD, "{\"note\":\"nothing happened\"}\n");
}

static void insert_an_empty_line(struct attack *attack)
{
    attack_insert(attack, ATTACK_RECORD, "\n");
}

static void replay_a_record(struct attack *attack)
{
    struct spoil_record record = spoil_record(attack->history, ATTACK_RECORD - 1);
    record.file.bytes[record.end] = '\0';
    char *line = malloc(record.end - record.start + 1);
    memcpy(line, record.file.bytes + record.start, record.end - record.start + 1);
    attack_insert(attack, ATTACK_RECORD, line);
    free(line);
    spoil_free(&record.file);
}

/* ---- 9: segments ---- */

static void drop_a_segment(struct attack *attack)
{
    char name[40];
    attack->seq = spoil_segments(attack->history).first_seqs[1];
    spoil_segment_name(attack->seq, name);
    spoil_remove(attack->history, name);
}

static void drop_the_first_segment(struct attack *attack)
{
    spoil_remove(attack->history, "seg/0000000000000000.jsonl");
    attack->seq = 0;
}

static void rename_a_segment(struct attack *attack)
{
    char from[40];
    char to[40];
    attack->seq = spoil_segments(attack->history).first_seqs[1] + 1;
    spoil_segment_name(attack->seq - 1, from);
    spoil_segment_name(attack->seq, to);
    spoil_rename(attack->history, from, to);
}

static void swap_segments(struct attack *attack)
{
    struct spoil_segments segments = spoil_segments(attack->history);
    char a[40];
    char b[40];
    spoil_segment_name(segments.first_seqs[1], a);
    spoil_segment_name(segments.first_seqs[2], b);
    spoil_rename(attack->history, a, "spare");
    spoil_rename(attack->history, b, a);
    spoil_rename(attack->history, "spare", b);
    attack->seq = segments.first_seqs[1];
}

static void move_the_live_segment_away(struct attack *attack)
{
    struct spoil_segments segments = spoil_segments(attack->history);
    char name[40];
    spoil_segment_name(segments.first_seqs[segments.count - 1], name);
    spoil_rename(attack->history, name, "seg/old.jsonl.1");
}

static void empty_the_live_segment(struct attack *attack)
{
    struct spoil_segments segments = spoil_segments(attack->history);
    char name[40];
    attack->seq = segments.first_seqs[segments.count - 1];
    spoil_segment_name(attack->seq, name);
    struct spoil_file file = spoil_load(attack->history, name);
    spoil_save(&file, "", 0);
    spoil_free(&file);
}

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

/* ---- the table ---- */

/* ---- what nobody signed: one needs no key to write it ---- */

static void leave_no_checkpoint(struct attack *attack)
{
    spoil_remove(attack->history, "ckpt");
    spoil_remove(attack->history, "head.note");
    spoil_remove(attack->history, "seg");
    spoil_remove(attack->history, "tile");
    struct history fresh = history_blank();
    fresh.signer = HISTORY_NOBODY;
    fresh.sign_from = 0;
    history_begin(&fresh);
    history_start(&fresh);
    history_statements(&fresh, 50);
    history_end(&fresh);
    spoil_copy(&fresh, attack->history, "seg");
    history_remove(&fresh);
}

static void write_an_hour_without_a_checkpoint(struct attack *attack)
{
    history_statements(attack->history, 20);
    history_wait(attack->history, INT64_C(3600) * 1000000);
    history_statements(attack->history, 20);
}

static void write_two_runs_without_a_checkpoint(struct attack *attack)
{
    history_new_boot(attack->history);
    history_control(attack->history, "log.started");
    history_statements(attack->history, 20);
}

static void open_two_epochs_without_a_checkpoint(struct attack *attack)
{
    history_put_epoch_record(attack->history);
    history_statements(attack->history, 20);
    history_put_epoch_record(attack->history);
}

static void change_the_boot_without_a_start(struct attack *attack)
{
    history_new_boot(attack->history);
    history_statements(attack->history, 1);
}

static const struct attack_row {
    const char *number;
    const char *name;
    void (*apply)(struct attack *attack);
    int exit_code; /* 0: what no log can tell by itself, or no attack at all */
} attacks[] = {
    {"1", "edit a record", edit_a_record, 1},
    {"1", "edit the first record", edit_the_first_record, 1},
    {"1", "edit the last record of a segment", edit_the_last_record_of_a_segment, 1},
    {"1", "edit the first record of a segment", edit_the_first_record_of_a_segment, 1},
    {"1", "edit the last signed record", edit_the_last_signed_record, 1},
    {"1", "edit a record that is only chained", edit_a_record_that_is_only_chained, 1},
    {"2, CVE-2022-36111", "edit and compute chain and tiles anew", rechain_without_a_key, 1},
    {"2", "the same, signed by a stranger", rechain_and_sign_with_a_strangers_key, 1},
    {"2", "replace the log and its root, root pinned", replace_log_and_root, 1},
    {"21", "leave records and no checkpoint at all", leave_no_checkpoint, 4},
    {"19", "write an hour behind the newest checkpoint", write_an_hour_without_a_checkpoint, 5},
    {"19", "write two runs behind the newest checkpoint", write_two_runs_without_a_checkpoint, 5},
    {"18, 19", "open two epochs behind the newest checkpoint", open_two_epochs_without_a_checkpoint, 4},
    {"17", "change the boot without a start", change_the_boot_without_a_start, 1},
    {"2, residual", "the same, root not pinned: the report warns", replace_log_and_root_unpinned, 0},
    {"2", "replace the key list alone", replace_the_key_list_alone, 1},
    {"3", "delete a record in the middle", delete_in_the_middle, 1},
    {"4", "delete the signed tail", delete_the_signed_tail, 2},
    {"4, Acra (a)", "delete the newest segment", delete_the_newest_segment, 2},
    {"5, residual", "delete the tail behind the last checkpoint", delete_the_tail_behind_the_last_checkpoint, 0},
    {"6", "reorder two records", reorder, 1},
    {"7, Acra (b)", "insert a line without a head", insert_a_line_without_head, 1},
    {"7", "insert an empty line", insert_an_empty_line, 1},
    {"8", "replay a record", replay_a_record, 1},
    {"9, Acra (c)", "drop a segment", drop_a_segment, 4},
    {"9", "drop the first segment", drop_the_first_segment, 4},
    {"9", "rename a segment", rename_a_segment, 1},
    {"9, Acra (c)", "swap two segments", swap_segments, 1},
    {"10", "replay an old checkpoint as head", replay_an_old_head, 2},
    {"10", "an old checkpoint under a newer name", put_an_old_checkpoint_under_a_newer_name, 1},
    {"11, residual", "roll back everything to an older checkpoint", roll_back, 0},
    {"4, 11", "the same, the auditor kept a newer checkpoint", roll_back_with_an_auditor_who_kept_a_checkpoint, 2},
    {"12", "forge a closed epoch with the current key", forge_an_old_epoch_with_the_current_key, 1},
    {"13, residual", "fork the current epoch with its key", fork_the_current_epoch_unseen, 0},
    {"13", "the same, the auditor kept a checkpoint", fork_the_current_epoch, 3},
    {"13", "the same, one checkpoint of the other fork is left", leave_one_checkpoint_of_the_other_fork, 3},
    {"14", "show another log to another auditor", show_another_log_to_another_auditor, 3},
    {"14", "bring a checkpoint that nobody signed", bring_a_checkpoint_that_nobody_signed, 1},
    {"15", "cut inside the last record", cut_inside_the_last_record, 2},
    {"15", "cut inside a sealed record", cut_inside_a_sealed_record, 1},
    {"15", "cut a sealed segment at a record's end", cut_a_sealed_segment_at_a_records_end, 1},
    {"16", "flip a byte of a tile", flip_a_tile, 1},
    {"16", "remove a tile", remove_a_tile, 4},
    {"16", "change a manifest", change_a_manifest, 1},
    {"16", "remove a manifest", remove_a_manifest, 4},
    {"16, 19, CVE-2023-31438", "remove a closed epoch's last checkpoint", remove_the_checkpoint_of_a_closed_epoch, 4},
    {"17", "jump the clock ahead, undeclared", jump_the_clock_undeclared, 1},
    {"17", "set the clock back, undeclared", set_the_clock_back_undeclared, 1},
    {"17, honest", "set the clock back and ahead, declared", set_the_clock_back_declared, 0},
    {"17", "turn the monotonic clock back", turn_the_monotonic_clock_back, 1},
    {"18, CVE-2023-31439", "seal again with a newer key", seal_again_with_a_newer_key, 1},
    {"18", "sign with the key of a closed epoch", sign_with_the_key_of_a_closed_epoch, 1},
    {"19, CVE-2023-31438", "skip an epoch", skip_an_epoch, 1},
    {"10, 19", "remove the newest checkpoints, the log went on", remove_newest_checkpoints_and_write_on, 5},
    {"20, CVE-2023-31437", "spoil the search index: nothing reads it", spoil_the_index, 0},
    {"21, systemd 15425", "remove all signatures", remove_all_signatures, 4},
    {"21, systemd 15425", "remove the keys", remove_the_keys, 4},
    {"21, systemd 11524", "verify with a wrong key", verify_with_a_wrong_key, 1},
    {"21, honest", "verify with the right key", verify_with_the_right_key, 0},
    {"21, CVE-2022-39199", "claim another origin", claim_another_origin, 1},
    {"21", "bring a checkpoint of another origin", bring_a_checkpoint_of_another_origin, 1},
    {"22", "break a line in two", break_a_line_in_two, 1},
    {"22", "put a NUL into a line", put_a_nul_into_a_line, 1},
    {"22", "write a key twice", write_a_key_twice, 1},
    {"22, honest", "a record's head inside a text", write_a_record_head_inside_sql, 0},
    {"22", "write an unknown kind", write_an_unknown_kind, 1},
    {"22", "hide the kind behind another key", hide_the_kind, 1},
    {"23", "move the live segment away", move_the_live_segment_away, 1},
    {"23", "empty the live segment", empty_the_live_segment, 2},
    {"24", "lie about the tenants' heads", lie_about_the_tenants, 1},
    {"24", "forget a tenant's record", forget_a_tenants_record, 1},
};

#endif
