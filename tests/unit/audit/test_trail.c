/* SPDX-License-Identifier: Apache-2.0 */
/* Trails and proofs of honest logs: what they hold, what they prove, what they do not tell, and when none is made. */
#include "tests/support/audit_history_prune.h"
#include "tests/support/audit_spoil.h"
#include "tests/support/audit_trail_world.h"

struct world {
    struct history history;
    struct rg_buf file;
    struct rg_arena arena;
    struct audit_trail_report report;
};

static void begin(struct world *world, uint64_t statements)
{
    *world = (struct world){.history = history_blank()};
    rg_buf_init(&world->file, WORLD_FILE_MAX);
    rg_arena_init(&world->arena, WORLD_ARENA);
    history_write_all(&world->history, statements);
}

static void end(struct world *world)
{
    history_end(&world->history);
    history_remove(&world->history);
    rg_buf_done(&world->file);
    rg_arena_done(&world->arena);
}

static void expect(struct world *world, enum audit_result result)
{
    assert_ok(world_try_check(&world->history, rg_buf_slice(&world->file), (struct rg_slice){0}, &world->arena,
                              &world->report));
    if (world->report.result != result) {
        fail_msg("line %llu: %.*s", (unsigned long long)world->report.line, (int)world->report.reason.size,
                 world->report.reason.data);
    }
}

/* ---- trails ---- */

/* Lines of the segments below `size` that name the tenant, one after the other. */
static void gather(const struct history *history, const char *tenant, uint64_t size, struct rg_buf *out)
{
    char key[64];
    uint64_t seq = 0;
    struct spoil_segments segments = spoil_segments(history);
    int key_size = snprintf(key, sizeof key, "\"tenant\":\"%s\"", tenant);
    for (size_t i = 0; i < segments.count; i++) {
        char name[40];
        spoil_segment_name(segments.first_seqs[i], name);
        struct spoil_file file = spoil_load(history, name);
        for (size_t at = 0; at < file.size && file.bytes[at] != '\0'; seq++) {
            const char *lf = memchr(file.bytes + at, '\n', file.size - at);
            size_t line = (size_t)(lf - file.bytes) + 1 - at;
            if (seq < size && memmem(file.bytes + at, line, key, (size_t)key_size) != NULL) {
                assert_ok(rg_buf_put(out, rg_slice_make(file.bytes + at, line)));
            }
            at += line;
        }
        spoil_free(&file);
    }
}

static void holds_exactly_the_tenants_lines_that_are_signed(void **state)
{
    static const char *const tenants[] = {"acme", "globex", "initech"};
    struct world world;
    (void)state;
    begin(&world, 400);
    for (size_t i = 0; i < sizeof tenants / sizeof tenants[0]; i++) {
        RG_AUTO(rg_buf_done) struct rg_buf lines;
        rg_buf_init(&lines, WORLD_FILE_MAX);
        rg_buf_clear(&world.file);
        world_export(&world.history, tenants[i], &world.file);
        expect(&world, AUDIT_INTACT);
        gather(&world.history, tenants[i], world.report.end_seq, &lines);
        struct rg_slice file = rg_buf_slice(&world.file);
        struct rg_slice wanted = rg_buf_slice(&lines);
        assert_non_null(memmem(file.data, file.size, wanted.data, wanted.size));
        assert_true(world.report.record_count > 50);
        assert_int_equal(world.report.first_tseq, 0);
        assert_false(world.report.has_begin);
        assert_true(rg_slice_is_equal(world.report.tenant, rg_slice_of(tenants[i])));
        assert_true(rg_slice_is_equal(world.report.origin, RG_SLICE(HISTORY_ORIGIN)));
        assert_int_equal(world.report.checkpoint_size, world.history.checkpoint_size);
    }
    end(&world);
}

/* A hash or a name of the others that could be looked up: none may be there. */
static void tells_nothing_of_other_tenants(void **state)
{
    static const char *const others[] = {"globex", "initech", "\"tenant\":\"g", "\"tenant\":\"i"};
    struct world world;
    (void)state;
    begin(&world, 400);
    world_export(&world.history, "acme", &world.file);
    struct rg_slice file = rg_buf_slice(&world.file);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_null(memmem(file.data, file.size, others[i], strlen(others[i])));
    }
    for (size_t i = 0; i < world.history.chain.tenants.slot_count; i++) {
        const struct audit_tenant_head *head = &world.history.chain.tenants.slots[i];
        if (head->tenant.size == 0 || rg_slice_is_equal(head->tenant, RG_SLICE("acme"))) {
            continue;
        }
        RG_AUTO(rg_arena_done) struct rg_arena arena;
        const struct rg_slice parts[] = {rg_slice_make(world.history.chain.genesis.bytes, 32), head->tenant};
        const struct rg_digest id = rg_sha256(parts, 2);
        struct rg_slice text = {0};
        char hex[2 * RG_SHA256_SIZE + 1];
        rg_arena_init(&arena, 4096);
        assert_ok(rg_base64_encode(rg_slice_make(id.bytes, 32), &arena, &text));
        rg_digest_hex(&id, hex);
        assert_null(memmem(file.data, file.size, text.data, text.size));
        assert_null(memmem(file.data, file.size, hex, strlen(hex)));
    }
    end(&world);
}

static void widens_a_time_to_the_checkpoints_around_it(void **state)
{
    struct world world;
    struct audit_trail_made made = {0};
    (void)state;
    begin(&world, 800);
    world_export(&world.history, "acme", &world.file);
    expect(&world, AUDIT_INTACT);
    const struct audit_trail_report whole = world.report;
    int64_t since_us = whole.first_us + (whole.last_us - whole.first_us) / 3;
    int64_t until_us = whole.first_us + (whole.last_us - whole.first_us) / 3 * 2;
    rg_buf_clear(&world.file);
    assert_ok(world_try_export(&world.history, "acme", since_us, until_us, &world.file, &made));
    expect(&world, AUDIT_INTACT);
    assert_true(world.report.has_begin);
    assert_true(world.report.begin_us <= since_us && world.report.end_us >= until_us);
    assert_true(world.report.first_tseq > 0 && world.report.record_count > 0);
    assert_true(world.report.record_count < whole.record_count);
    assert_int_equal(made.record_count, world.report.record_count);
    assert_int_equal(made.first_seq, world.report.first_seq);
    assert_int_equal(made.last_seq, world.report.last_seq);
    end(&world);
}

/* Each pair of times, a step apart over the whole log: whatever comes out is proven, covers the time, and has as many
 * records as the log has between the two checkpoints. */
static void proves_every_window_of_a_log(void **state)
{
    enum { STEPS = 12 };
    struct world world;
    (void)state;
    begin(&world, 240);
    world_export(&world.history, "globex", &world.file);
    expect(&world, AUDIT_INTACT);
    const struct audit_trail_report whole = world.report;
    int64_t step = (whole.end_us - whole.first_us) / STEPS;
    for (int from = 0; from < STEPS; from++) {
        for (int to = from + 1; to <= STEPS; to++) {
            struct audit_trail_made made = {0};
            rg_buf_clear(&world.file);
            assert_ok(world_try_export(&world.history, "globex", whole.first_us + from * step,
                                       whole.first_us + to * step, &world.file, &made));
            expect(&world, AUDIT_INTACT);
            assert_true(world.report.end_us >= whole.first_us + to * step);
            assert_true(!world.report.has_begin || world.report.begin_us <= whole.first_us + from * step);
        }
    }
    end(&world);
}

/* A tenant that was busy once and not since: nothing, and the proof that it was nothing. */
static void proves_that_there_was_nothing(void **state)
{
    struct world world = {.history = history_blank()};
    struct audit_trail_made made = {.record_count = 9};
    (void)state;
    rg_buf_init(&world.file, WORLD_FILE_MAX);
    rg_arena_init(&world.arena, WORLD_ARENA);
    history_begin(&world.history);
    history_start(&world.history);
    history_statement(&world.history, "idle", 1, "combined");
    history_statements(&world.history, 20);
    history_checkpoint(&world.history);
    int64_t since_us = world.history.chain.hlc_us;
    history_statements(&world.history, 20);
    history_checkpoint(&world.history);
    assert_ok(world_try_export(&world.history, "idle", since_us, INT64_MAX, &world.file, &made));
    expect(&world, AUDIT_INTACT);
    assert_int_equal(world.report.record_count, 0);
    assert_int_equal(made.record_count, 0);
    assert_int_equal(world.report.first_tseq, 1);
    assert_true(world.report.has_begin && world.report.begin_us == since_us);
    end(&world);
}

static void makes_none_of_a_tenant_without_records(void **state)
{
    struct world world;
    struct audit_trail_made made = {.record_count = 7};
    (void)state;
    begin(&world, 80);
    assert_fails(RG_CONFIG, world_try_export(&world.history, "nobody", INT64_MIN, INT64_MAX, &world.file, &made));
    assert_fails(RG_CONFIG, world_try_export(&world.history, "", INT64_MIN, INT64_MAX, &world.file, &made));
    assert_fails(RG_CONFIG, world_try_export(&world.history, "acme", 5, 5, &world.file, &made));
    assert_fails(RG_CONFIG, world_try_export(&world.history, "acme", INT64_MAX - 1, INT64_MAX, &world.file, &made));
    assert_int_equal(made.record_count, 7);
    assert_int_equal(rg_buf_size(&world.file), 0);
    end(&world);
}

/* As after a prune: what is left is proven, and where it begins is said. */
static void declares_a_beginning_that_is_not_there_any_more(void **state)
{
    struct world world;
    struct audit_trail_made made = {0};
    (void)state;
    begin(&world, 400);
    world_export(&world.history, "acme", &world.file);
    expect(&world, AUDIT_INTACT);
    uint64_t count = world.report.record_count;
    assert_true(history_prune(&world.history, HISTORY_BASE));
    spoil_remove(&world.history, "seg/0000000000000000.jsonl");
    rg_buf_clear(&world.file);
    world_export(&world.history, "acme", &world.file);
    expect(&world, AUDIT_INTACT);
    assert_false(world.report.has_begin);
    assert_true(world.report.first_tseq > 0);
    assert_int_equal(world.report.first_tseq + world.report.record_count, count);
    spoil_remove(&world.history, "pruned"); /* and with it the tenants' salts */
    assert_fails(RG_STORAGE, world_try_export(&world.history, "acme", INT64_MIN, INT64_MAX, &world.file, &made));
    end(&world);
}

/* What is damaged is not handed out as if it were good. */
static void makes_none_of_a_damaged_log(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct world world;
        struct audit_trail_made made = {.record_count = 7};
        char name[40] = "tile/0";
        begin(&world, 80);
        if (i == 1) {
            (void)snprintf(name, sizeof name, "keys");
        } else if (i == 2) {
            spoil_segment_name(spoil_segments(&world.history).first_seqs[1], name);
        }
        spoil_remove(&world.history, name);
        assert_fails(RG_STORAGE, world_try_export(&world.history, "acme", INT64_MIN, INT64_MAX, &world.file, &made));
        assert_int_equal(made.record_count, 7);
        end(&world);
    }
    struct world world;
    struct audit_trail_made made = {0};
    begin(&world, 80);
    struct spoil_record record = spoil_record(&world.history, 5);
    record.file.bytes[record.end - 10] ^= 1;
    spoil_save(&record.file, record.file.bytes, record.file.size);
    spoil_free(&record.file);
    assert_fails(RG_STORAGE, world_try_export(&world.history, "acme", INT64_MIN, INT64_MAX, &world.file, &made));
    end(&world);
}

static void makes_none_without_a_checkpoint_that_holds(void **state)
{
    struct world world;
    struct audit_trail_made made = {0};
    (void)state;
    begin(&world, 80);
    history_write(&world.history, "head.note", "no note\n", 8);
    assert_ok(world_try_export(&world.history, "acme", INT64_MIN, INT64_MAX, &world.file, &made)); /* ckpt/ has older */
    expect(&world, AUDIT_INTACT);
    spoil_remove(&world.history, "ckpt");
    assert_fails(RG_STORAGE, world_try_export(&world.history, "acme", INT64_MIN, INT64_MAX, &world.file, &made));
    end(&world);
}

/* ---- proofs ---- */

static void proves_each_record_that_a_checkpoint_covers(void **state)
{
    struct world world;
    struct audit_trail_made made = {0};
    (void)state;
    begin(&world, 300);
    for (uint64_t seq = 0; seq < world.history.checkpoint_size; seq++) {
        rg_buf_clear(&world.file);
        assert_ok(world_try_prove(&world.history, seq, true, &world.file, &made));
        expect(&world, AUDIT_INTACT);
        assert_true(world.report.is_proof);
        assert_int_equal(world.report.first_seq, seq);
        assert_int_equal(world.report.record_count, 1);
        rg_arena_reset(&world.arena);
    }
    assert_fails(RG_CONFIG, world_try_prove(&world.history, world.history.checkpoint_size, true, &world.file, &made));
    assert_fails(RG_CONFIG, world_try_prove(&world.history, UINT64_MAX, true, &world.file, &made));
    end(&world);
}

static void proves_a_record_with_its_continuation_records(void **state)
{
    struct world world = {.history = history_blank()};
    struct audit_trail_made made = {0};
    (void)state;
    rg_buf_init(&world.file, WORLD_FILE_MAX);
    rg_arena_init(&world.arena, WORLD_ARENA);
    history_begin(&world.history);
    history_start(&world.history);
    history_statements(&world.history, 10);
    uint64_t first = world.history.chain.next_seq;
    history_put(&world.history, "acme", 6005, "{\"kind\":\"statement\",\"part\":\"1/3\"}");
    history_put(&world.history, "acme", 6005, "{\"kind\":\"part\",\"part\":\"2/3\"}");
    history_put(&world.history, "acme", 6005, "{\"kind\":\"part\",\"part\":\"3/3\"}");
    history_statements(&world.history, 10);
    history_checkpoint(&world.history);
    for (uint64_t seq = first; seq < first + 3; seq++) { /* each of them stands for the whole */
        rg_buf_clear(&world.file);
        assert_ok(world_try_prove(&world.history, seq, true, &world.file, &made));
        expect(&world, AUDIT_INTACT);
        assert_int_equal(world.report.first_seq, first);
        assert_int_equal(world.report.last_seq, first + 2);
        assert_int_equal(made.record_count, 3);
        assert_true(rg_slice_is_equal(world.report.tenant, RG_SLICE("acme")));
    }
    end(&world);
}

static void needs_the_lists_from_somewhere(void **state)
{
    struct world world;
    struct audit_trail_made made = {0};
    struct audit_keys keys = {0};
    struct audit_vkey root;
    (void)state;
    begin(&world, 80);
    assert_ok(world_try_prove(&world.history, 7, false, &world.file, &made));
    expect(&world, AUDIT_INCOMPLETE);
    RG_AUTO(audit_fd_done) int fd = open(world.history.path, O_RDONLY | O_DIRECTORY);
    history_root_key(&world.history, &root);
    assert_ok(audit_keys_load(fd, &root, &world.arena, &keys));
    struct rg_slice rest = rg_buf_slice(&world.file);
    const struct audit_trail_source source = {.next = audit_trail_read_bytes, .context = &rest};
    const struct audit_trail_check check = {.source = &source, .root = &root, .keys = &keys};
    assert_ok(audit_trail_verify(&check, &world.arena, &world.report));
    assert_int_equal(world.report.result, AUDIT_INTACT);
    assert_true(world.report.are_keys_own);
    end(&world);
}

/* ---- a sink that fails, a source that fails ---- */

static rg_status fail_to_put(void *context, struct rg_slice bytes)
{
    (void)context;
    (void)bytes;
    return rg_fail(RG_STORAGE, "no space");
}

static rg_status fail_to_read(void *context, enum audit_trail_reading *out_reading, struct rg_slice *out_line)
{
    (void)context;
    (void)out_reading;
    (void)out_line;
    return rg_fail(RG_STORAGE, "cannot read");
}

static void passes_on_what_the_file_system_says(void **state)
{
    struct world world;
    struct audit_trail_made made = {.bytes = 3};
    struct audit_vkey root;
    (void)state;
    begin(&world, 80);
    const struct audit_trail_sink sink = {.put = fail_to_put};
    const struct audit_trail_options options = {.directory = rg_slice_of(world.history.path),
                                                .tenant = RG_SLICE("acme"),
                                                .since_us = INT64_MIN,
                                                .until_us = INT64_MAX};
    const struct audit_proof_options proof = {.directory = rg_slice_of(world.history.path), .seq = 3};
    assert_fails(RG_STORAGE, audit_trail_export(&options, &sink, &world.arena, &made));
    assert_fails(RG_STORAGE, audit_proof_export(&proof, &sink, &world.arena, &made));
    assert_int_equal(made.bytes, 3);
    const struct audit_trail_source source = {.next = fail_to_read};
    history_root_key(&world.history, &root);
    const struct audit_trail_check check = {.source = &source, .root = &root};
    world.report.record_count = 5;
    assert_fails(RG_STORAGE, audit_trail_verify(&check, &world.arena, &world.report));
    assert_int_equal(world.report.record_count, 5);
    end(&world);
}

static void says_in_words_and_as_json_what_is_proven(void **state)
{
    struct world world;
    RG_AUTO(rg_buf_done) struct rg_buf out;
    (void)state;
    rg_buf_init(&out, 1 << 20);
    begin(&world, 80);
    world_export(&world.history, "acme", &world.file);
    expect(&world, AUDIT_INTACT);
    assert_ok(audit_trail_report_print(&world.report, false, &out));
    assert_ok(rg_buf_put_u8(&out, '\0'));
    assert_non_null(strstr(rg_buf_slice(&out).data, "are all records of tenant \"acme\" from its very first one to "));
    assert_non_null(strstr(rg_buf_slice(&out).data, "Not proven: "));
    rg_buf_clear(&out);
    assert_ok(audit_trail_report_print(&world.report, true, &out));
    assert_ok(rg_buf_put_u8(&out, '\0'));
    assert_non_null(strstr(rg_buf_slice(&out).data, "\"result\":\"intact\",\"exit_code\":0,\"what\":\"trail\""));
    RG_AUTO(rg_buf_done) struct rg_buf small;
    rg_buf_init(&small, 16);
    assert_fails(RG_LIMIT, audit_trail_report_print(&world.report, true, &small));
    end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_exactly_the_tenants_lines_that_are_signed),
        cmocka_unit_test(tells_nothing_of_other_tenants),
        cmocka_unit_test(widens_a_time_to_the_checkpoints_around_it),
        cmocka_unit_test(proves_every_window_of_a_log),
        cmocka_unit_test(proves_that_there_was_nothing),
        cmocka_unit_test(makes_none_of_a_tenant_without_records),
        cmocka_unit_test(declares_a_beginning_that_is_not_there_any_more),
        cmocka_unit_test(makes_none_of_a_damaged_log),
        cmocka_unit_test(makes_none_without_a_checkpoint_that_holds),
        cmocka_unit_test(proves_each_record_that_a_checkpoint_covers),
        cmocka_unit_test(proves_a_record_with_its_continuation_records),
        cmocka_unit_test(needs_the_lists_from_somewhere),
        cmocka_unit_test(passes_on_what_the_file_system_says),
        cmocka_unit_test(says_in_words_and_as_json_what_is_proven),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
