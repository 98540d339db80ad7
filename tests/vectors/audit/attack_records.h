/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_VECTORS_AUDIT_ATTACK_RECORDS_H
#define RG_TESTS_VECTORS_AUDIT_ATTACK_RECORDS_H

/* Attacks 1 to 9, on records and segments, and what all attacks are made of. The table is in attacks.h. */
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

#endif
