/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_VECTORS_AUDIT_ATTACKS_H
#define RG_TESTS_VECTORS_AUDIT_ATTACKS_H

/* The attacks of docs/verify.md as code: each is made on a fresh log, and each has one right answer. Numbers are those
 * of the list; a letter tells variants apart; CVE and issue numbers are faults of other logs' verifiers. */
#include "tests/vectors/audit/attack_evidence.h"
#include "tests/vectors/audit/attack_prunes.h"

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
    {"24", "lie about a tenant's salt", lie_about_a_salt, 1},
    {"9, honest", "prune two segments", prune_two_segments, 0},
    {"9, honest", "prune all but the live segment", prune_all_but_the_live_segment, 0},
    {"9, honest", "be killed between a prune's record and its unlink", be_killed_before_the_unlink, 0},
    {"9, honest", "be killed before a prune's record", be_killed_before_the_record, 0},
    {"9, honest", "prune beside holds that do not stand against it", prune_beside_holds, 0},
    {"9", "drop the segment behind the pruned ones", drop_a_segment_behind_the_pruned_ones, 4},
    {"9", "declare a prune in the unsigned tail", declare_in_the_unsigned_tail, 4},
    {"9", "the same, and let a start sign it", declare_in_the_unsigned_tail_before_a_start, 4},
    {"9", "the same, behind prunes that are signed", declare_behind_a_prune_before_a_start, 4},
    {"9, honest", "be killed between a prune's record and its signature", be_killed_before_the_signature, 0},
    {"9", "declare a prune with another root", declare_another_root, 1},
    {"9", "declare a prune with other tenants", declare_other_tenants, 1},
    {"9", "declare a prune of another epoch", declare_another_epoch, 1},
    {"9", "declare more than is missing", declare_more_than_is_missing, 1},
    {"9", "declare less than is missing", declare_less_than_is_missing, 1},
    {"9", "declare records to come", declare_records_to_come, 1},
    {"9, residual", "declare another beginning of what is gone", declare_another_beginning, 0},
    {"9", "declare a wrong root and remove nothing", declare_a_wrong_root_and_remove_nothing, 1},
    {"26", "prune under a hold", prune_under_a_hold, 1},
    {"26", "prune under a tenant's hold", prune_under_a_tenants_hold, 1},
    {"26", "release what is not held", release_what_is_not_held, 1},
    {"26", "release a hold without an operator", release_without_an_operator, 1},
    {"16", "remove the base of a pruned log", remove_the_base, 4},
    {"16", "change the base of a pruned log", change_the_base, 1},
    {"16", "change a tenant's salt in the base of a pruned log", change_a_salt_in_the_base, 1},
    {"16", "flip a byte of a tile of pruned records", flip_a_tile_of_pruned_records, 1},
    {"16", "remove a tile of pruned records", remove_a_tile_of_pruned_records, 4},
    {"16", "change a manifest of pruned records", change_a_manifest_of_pruned_records, 1},
    {"16", "change a checkpoint of pruned records", change_a_checkpoint_of_pruned_records, 1},
};

#endif
