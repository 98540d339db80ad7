/* SPDX-License-Identifier: Apache-2.0 */
/* verify_log DIR RECORDS BYTES: writes an honest audit log of so many records of about so many bytes each to an empty
 * directory, keys, tiles, checkpoints and manifests with it, for bench/verify.py. Fast: it makes and signs, and syncs
 * nothing. */
#include "tests/support/audit_history.h"

int main(int argc, char **argv)
{
    enum { HEAD_BYTES = 480, SEGMENT_BYTES = 64 << 20, CHECKPOINT_EVERY = 4096 };
    if (argc != 4) {
        (void)fputs("usage: verify_log DIR RECORDS BYTES\n", stderr);
        return 2;
    }
    uint64_t records = strtoull(argv[2], NULL, 10);
    uint64_t bytes = strtoull(argv[3], NULL, 10);
    struct history history = history_blank();
    history.padding = bytes > HEAD_BYTES ? (size_t)(bytes - HEAD_BYTES) : 0;
    history_begin_at(&history, argv[1]);
    history_start(&history);
    while (history.chain.next_seq < records) {
        history_statements(&history, CHECKPOINT_EVERY - 1);
        history_checkpoint(&history);
        if ((history.chain.next_seq - history.segment_seq) * bytes > SEGMENT_BYTES) {
            history_next_segment(&history);
        }
    }
    history_stop(&history);
    history_end(&history);
    return 0;
}
