/* SPDX-License-Identifier: Apache-2.0 */
/* The stop-watch of the record encoder: how long one record takes in this process, without a wire or a disk.
 *
 *   record_timing [COUNT]
 *
 * One line for each row below: microseconds of this thread's CPU for one record (best of five runs), made anew, from
 * kept pieces, and with personal values encrypted; the bytes of its frame, in clear and encrypted, and by how much
 * 5,000 more records from kept pieces made the heap grow. The rows are what pgbench and a dashboard write; "500
 * sessions" takes turns among them. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "audit/record.h"
#include "base/rg_literal.h"

enum { RUNS = 5, SESSIONS = 500, STATEMENTS = 40, BUFFER_BYTES = 1 << 20, BATCH = 64 };

static const struct rg_slice relations[] = {{"t_acme.pgbench_accounts", 23}};
static struct rg_digest digests[STATEMENTS];
static char texts[STATEMENTS][200];
static struct rg_buf literal; /* the one of the next record; empty = it has none */

static double cpu_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* The i-th record of a stream of these many sessions and statements. */
static struct audit_event event_at(size_t i, size_t sessions, size_t statements)
{
    size_t statement = i % statements;
    return (struct audit_event){
        .kind = AUDIT_STATEMENT,
        .wall_us = 1700000000123456 + (int64_t)i * 100,
        .session_id = 1 + i % sessions,
        .statement_id = i,
        .tenant = RG_SLICE("acme"),
        .user = RG_SLICE("alice@acme.example"),
        .subject = RG_SLICE("248289761001"),
        .idp = RG_SLICE("https://login.example/oauth2"),
        .client_address = RG_SLICE("10.20.30.40"),
        .client_port = (uint16_t)(40000 + i % sessions),
        .database = RG_SLICE("bi"),
        .listener = RG_SLICE("sql"),
        .application_name = RG_SLICE("pgbench"),
        .upstream = RG_SLICE("main"),
        .policy = RG_SLICE("0f343b0931126a20f133d67c2b018a3b0f343b0931126a20f133d67c2b018a3b"),
        .verdict = AUDIT_REWRITTEN,
        .rule = RG_SLICE("own schema"),
        .class_name = RG_SLICE("READ"),
        .sql = rg_slice_of(texts[statement]),
        .sql_sent = RG_SLICE("SELECT abalance FROM t_acme.pgbench_accounts WHERE tenant_id = 4 AND aid = $1"),
        .literals = rg_buf_slice(&literal),
        .sql_sha256 = &digests[statement],
        .relations = relations,
        .relation_count = 1,
        .rows = 1,
        .bytes = 84 + i % 10,
        .duration_us = 200 + i % 700,
    };
}

static rg_status put(struct audit_encoder *encoder, const struct audit_event *event, struct rg_buf *out)
{
    return encoder == NULL ? audit_record_encode(event, out) : audit_encoder_put(encoder, event, out);
}

static void must(rg_status status)
{
    if (!rg_is_ok(status)) {
        (void)fprintf(stderr, "%s\n", status.error->text);
        exit(1);
    }
}

/* As pgbench's simple protocol has it: another number in each statement. */
static void put_literal(size_t i)
{
    char digits[24];
    int size = snprintf(digits, sizeof digits, "%zu", 1000000 + i * 7919 % 8999993);
    const struct rg_literal one = {.at = 52, .size = 2, .text = rg_slice_make(digits, (size_t)size)};
    rg_buf_clear(&literal);
    must(rg_literal_put(&literal, &one));
}

static double time_one(struct audit_encoder *encoder, size_t sessions, size_t statements, size_t count,
                       struct rg_buf *out)
{
    double best = 1e9;
    for (int run = 0; run < RUNS; run++) {
        double start = cpu_us();
        for (size_t i = 0; i < count; i++) {
            if (rg_buf_size(&literal) > 0) {
                put_literal(i);
            }
            struct audit_event event = event_at(i, sessions, statements);
            if (i % BATCH == 0) {
                rg_buf_clear(out);
            }
            must(put(encoder, &event, out));
        }
        double each = (cpu_us() - start) / (double)count;
        best = each < best ? each : best;
    }
    return best;
}

/* Bytes of the heap in use, before and after. */
static size_t heap_growth(struct audit_encoder *encoder, size_t sessions, size_t statements, struct rg_buf *out)
{
    size_t before = mallinfo2().uordblks;
    (void)time_one(encoder, sessions, statements, 1000, out);
    return mallinfo2().uordblks - before;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        size_t sessions;
        size_t statements;
        bool has_literal;
    } rows[] = {{"one session, one statement", 1, 1, false},
                {"one session, 40 statements", 1, STATEMENTS, false},
                {"500 sessions, 40 statements", SESSIONS, STATEMENTS, false},
                {"500 sessions, a new literal", SESSIONS, STATEMENTS, true}};
    size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
    for (size_t i = 0; i < STATEMENTS; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "SELECT abalance FROM pgbench_accounts WHERE aid = $1 AND bid < $%zu",
                       i + 2);
        digests[i] = rg_sha256_one(rg_slice_of(texts[i]));
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rg_buf out;
        rg_buf_init(&out, BUFFER_BYTES);
        rg_buf_done(&literal);
        rg_buf_init(&literal, BUFFER_BYTES);
        if (rows[i].has_literal) {
            put_literal(0);
        }
        struct audit_encoder *encoder = audit_encoder_new();
        double anew = time_one(NULL, rows[i].sessions, rows[i].statements, count / 10 + 1, &out);
        struct audit_encoder *sealing = audit_encoder_new();
        must(audit_encoder_seal(sealing, RG_SLICE("rowgate/audit/bench/1")));
        double sealed = time_one(sealing, rows[i].sessions, rows[i].statements, count, &out);
        double kept = time_one(encoder, rows[i].sessions, rows[i].statements, count, &out);
        size_t grown = heap_growth(encoder, rows[i].sessions, rows[i].statements, &out);
        struct audit_event event = event_at(0, 1, 1);
        rg_buf_clear(&out);
        must(put(encoder, &event, &out));
        size_t clear_size = rg_buf_size(&out);
        rg_buf_clear(&out);
        must(put(sealing, &event, &out));
        (void)printf(
            "%-28s made anew %6.2f us, from kept pieces %5.2f us, encrypted %5.2f us, %zu and %zu bytes, heap grew "
            "by %zu\n",
            rows[i].name, anew, kept, sealed, clear_size, rg_buf_size(&out), grown);
        audit_encoder_free(&sealing);
        audit_encoder_free(&encoder);
        rg_buf_done(&out);
    }
    return 0;
}
