/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_CLI_WITNESSES_H
#define RG_CLI_WITNESSES_H

#include "audit/witness/quorum.h"

/* The options of verify that are about witnesses: --witness VKEY (several), --quorum N, --cosigned FILE (several). */

#define CLI_WITNESSES_USAGE                                                                                            \
    "--witness VKEY|FILE a witness's key: what it cosigned is counted; several. DIR only\n"                            \
    "--quorum N          so many of them must have cosigned lately (all)\n"                                            \
    "--cosigned FILE     a cosigned checkpoint that you kept, besides those in DIR/export/cosigned; several\n"

struct cli_witnesses {
    const char *keys[QUORUM_WITNESSES_MAX];
    const char *files[QUORUM_WITNESSES_MAX];
    size_t key_count;
    size_t file_count;
    const char *quorum;
    const char *spare; /* where a value goes that nobody asked for: too many */
    bool is_wrong;
};

/* Where the value of the option goes; NULL = it is none of these. */
const char **cli_witnesses_find(const char *argument, struct cli_witnesses *witnesses);
bool cli_witnesses_are_given(const struct cli_witnesses *witnesses);

/* Everything read: policy and notes, ready for verify. Lives in the arena. RG_CONFIG, RG_STORAGE, RG_PROTOCOL. */
struct cli_quorum {
    struct quorum_policy policy;
    struct audit_kept *kept;
    size_t kept_count;
};
rg_status cli_witnesses_take(const struct cli_witnesses *witnesses, const char *directory, struct rg_arena *arena,
                             struct cli_quorum *out_quorum) RG_MUST_CHECK;

#endif
