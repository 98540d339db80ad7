/* SPDX-License-Identifier: Apache-2.0 */
/* --witness, --quorum, --cosigned of `rowgate audit verify`: texts and files into a policy. */
#include "cli/cli_witnesses.h"

#include <stdio.h>

#include "cli/cli_audit.h"

const char **cli_witnesses_find(const char *argument, struct cli_witnesses *witnesses)
{
    if (strcmp(argument, "--quorum") == 0) {
        return &witnesses->quorum;
    }
    bool is_key = strcmp(argument, "--witness") == 0;
    if (!is_key && strcmp(argument, "--cosigned") != 0) {
        return NULL;
    }
    size_t *count = is_key ? &witnesses->key_count : &witnesses->file_count;
    if (*count == QUORUM_WITNESSES_MAX) {
        witnesses->is_wrong = true;
        return &witnesses->spare;
    }
    (*count)++;
    return is_key ? &witnesses->keys[*count - 1] : &witnesses->files[*count - 1];
}

bool cli_witnesses_are_given(const struct cli_witnesses *witnesses)
{
    return witnesses->key_count > 0 || witnesses->file_count > 0 || witnesses->quorum != NULL;
}

/* The key itself, or a file with it on one line. */
static rg_status load_key(const char *text, struct rg_arena *arena, struct audit_cosigner *out_cosigner)
{
    struct rg_slice bytes = rg_slice_of(text);
    if (rg_is_ok(audit_cosigner_parse(bytes, out_cosigner))) {
        return RG_OK;
    }
    if (!rg_is_ok(cli_audit_load_note(text, arena, &bytes))) {
        return rg_fail(RG_CONFIG, "%s is neither a witness's key (type 4) nor a file with one", text);
    }
    while (bytes.size > 0 && (bytes.data[bytes.size - 1] == '\n' || bytes.data[bytes.size - 1] == '\r')) {
        bytes.size--;
    }
    return audit_cosigner_parse(bytes, out_cosigner);
}

/* The same key twice would be counted twice. */
static rg_status load_keys(const struct cli_witnesses *witnesses, struct rg_arena *arena,
                           struct audit_cosigner *cosigners)
{
    for (size_t i = 0; i < witnesses->key_count; i++) {
        RG_TRY(load_key(witnesses->keys[i], arena, &cosigners[i]));
        for (size_t k = 0; k < i; k++) {
            if (memcmp(cosigners[k].key.public_key, cosigners[i].key.public_key, AUDIT_PUBLIC_SIZE) == 0) {
                return rg_fail(RG_CONFIG, "--witness: %s is given twice", witnesses->keys[i]);
            }
        }
    }
    return RG_OK;
}

static rg_status parse_quorum(const struct cli_witnesses *witnesses, size_t *out_quorum)
{
    unsigned quorum = (unsigned)witnesses->key_count;
    char rest = '\0';
    bool is_number = witnesses->quorum == NULL || sscanf(witnesses->quorum, "%4u%c", &quorum, &rest) == 1;
    if (!is_number || quorum == 0 || quorum > witnesses->key_count || witnesses->is_wrong) {
        return rg_fail(RG_CONFIG, "--quorum: 1 to the number of witnesses is expected; %d witnesses at most",
                       QUORUM_WITNESSES_MAX);
    }
    *out_quorum = quorum;
    return RG_OK;
}

rg_status cli_witnesses_take(const struct cli_witnesses *witnesses, const char *directory, struct rg_arena *arena,
                             struct cli_quorum *out_quorum)
{
    struct cli_quorum quorum = {0};
    struct audit_cosigner *cosigners = NULL;
    RG_TRY(parse_quorum(witnesses, &quorum.policy.quorum));
    RG_TRY(rg_arena_array(arena, witnesses->key_count, sizeof *cosigners, (void **)&cosigners));
    RG_TRY(load_keys(witnesses, arena, cosigners));
    quorum.policy.witnesses = cosigners;
    quorum.policy.witness_count = witnesses->key_count;
    RG_TRY(rg_arena_array(arena, QUORUM_NOTES_MAX, sizeof *quorum.kept, (void **)&quorum.kept));
    RG_TRY(quorum_load(directory, &quorum.policy, arena, quorum.kept, &quorum.kept_count));
    for (size_t i = 0; i < witnesses->file_count; i++) {
        struct rg_slice note = {0};
        RG_TRY(cli_audit_load_note(witnesses->files[i], arena, &note));
        RG_TRY(quorum_add(&quorum.policy, rg_slice_of(witnesses->files[i]), note, quorum.kept, &quorum.kept_count));
    }
    *out_quorum = quorum;
    return RG_OK;
}
