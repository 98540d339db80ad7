/* SPDX-License-Identifier: Apache-2.0 */
/* A statement as the lines of a log, for a reader that shares no code with us (tests/e2e/test_ocsf.py):
 *
 *   record_lines < TEXT > LINES
 *
 * The text, any bytes, is recorded as what the client sent and as what went upstream; the lines have the heads that the
 * auditor would give them, but for hashes and clocks. */
#include <stdio.h>
#include <stdlib.h>

#include "audit/line.h"

enum { READ_BYTES = 1 << 16, TEXT_MAX = 64 << 20 };

static void must(rg_status status)
{
    if (!rg_is_ok(status)) {
        (void)fprintf(stderr, "record_lines: %s\n", status.error->text);
        exit(1);
    }
}

static void read_all(struct rg_buf *out)
{
    for (;;) {
        char *memory = NULL;
        must(rg_buf_reserve(out, READ_BYTES, &memory));
        size_t size = fread(memory, 1, READ_BYTES, stdin);
        if (size == 0) {
            return;
        }
        rg_buf_commit(out, size);
    }
}

static void write_lines(struct rg_slice frames)
{
    RG_AUTO(rg_buf_done) struct rg_buf line;
    rg_buf_init(&line, (size_t)2 * AUDIT_LINE_MAX);
    for (uint64_t seq = 0; frames.size > 0; seq++) {
        struct audit_message message = {0};
        must(audit_message_get(&frames, &message));
        struct audit_head head = {.seq = seq,
                                  .tenant = message.tenant,
                                  .tseq = seq,
                                  .hlc_us = (int64_t)seq,
                                  .boot = RG_SLICE("00000000000000000000000000000000")};
        rg_buf_clear(&line);
        must(audit_line_encode(&head, &message, &line));
        (void)fwrite(line.bytes, 1, rg_buf_size(&line), stdout);
    }
}

int main(void)
{
    RG_AUTO(rg_buf_done) struct rg_buf text;
    RG_AUTO(rg_buf_done) struct rg_buf frames;
    rg_buf_init(&text, TEXT_MAX);
    rg_buf_init(&frames, SIZE_MAX / 2);
    read_all(&text);
    struct audit_event event = {.kind = AUDIT_STATEMENT,
                                .verdict = AUDIT_REWRITTEN,
                                .tenant = RG_SLICE("acme"),
                                .session_id = 1,
                                .sql = rg_buf_slice(&text),
                                .sql_sent = rg_buf_slice(&text)};
    must(audit_record_encode(&event, &frames));
    (void)fprintf(stderr, "%zu\n", rg_buf_size(&frames));
    write_lines(rg_buf_slice(&frames));
    return fflush(stdout) == 0 ? 0 : 1;
}
