/* SPDX-License-Identifier: Apache-2.0 */
/* What sinks read and remember: no record is left out, whatever happened to the cursor or the log. */
#include "audit/export/records.h"

#include "tests/support/export_world.h"

/* ---- cursors ---- */

static void store(struct export_world *world, const char *text)
{
    assert_ok(export_cursor_store(&world->turn, rg_slice_of(text)));
}

static void assert_cursor(struct export_world *world, const char *wanted)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct rg_slice bytes = {0};
    rg_arena_init(&arena, 1 << 20);
    assert_ok(export_cursor_load(&world->turn, &arena, &bytes));
    assert_int_equal(bytes.size, strlen(wanted));
    assert_memory_equal(bytes.data == NULL ? "" : bytes.data, wanted, bytes.size);
}

static void a_cursor_is_what_was_stored_last(void **state)
{
    (void)state;
    struct export_world world;
    export_world_make(&world, 1);
    assert_cursor(&world, "");
    store(&world, "one\n");
    store(&world, "two\nlines\n");
    assert_cursor(&world, "two\nlines\n");
    export_world_open(&world, "sink");
    assert_cursor(&world, "two\nlines\n");
    export_world_open(&world, "another");
    assert_cursor(&world, "");
    export_world_done(&world);
}

static void every_spoilt_cursor_counts_as_none(void **state)
{
    (void)state;
    struct export_world world;
    struct audit_file file;
    export_world_make(&world, 1);
    store(&world, "position 12345\n");
    audit_file_load(&world.dir, "export/sink.cursor", &file);
    for (size_t i = 0; i < file.size; i++) {
        audit_file_poke(&file, i, (char)(file.bytes[i] ^ 1));
        assert_cursor(&world, "");
        audit_file_write(file.path, file.bytes, i); /* cut */
        assert_cursor(&world, "");
        audit_file_restore(&file);
    }
    assert_cursor(&world, "position 12345\n");
    free(file.bytes);
    export_world_done(&world);
}

static void names_with_slashes_and_long_ones_stay_in_their_directory(void **state)
{
    (void)state;
    struct export_world world;
    char first[EXPORT_NAME_MAX + 1];
    char second[EXPORT_NAME_MAX + 1];
    memset(first, '/', EXPORT_NAME_MAX);
    first[EXPORT_NAME_MAX] = '\0';
    memcpy(second, first, sizeof first);
    second[EXPORT_NAME_MAX - 1] = 'x'; /* the same up to the last byte */
    export_world_make(&world, 1);
    export_world_open(&world, first);
    store(&world, "first");
    export_world_open(&world, second);
    assert_cursor(&world, "");
    store(&world, "second");
    export_world_open(&world, "../seg/x");
    store(&world, "third");
    export_world_open(&world, first);
    assert_cursor(&world, "first");
    export_world_open(&world, "../seg/x");
    assert_cursor(&world, "third");
    assert_intact(&world.dir, 0);
    export_world_done(&world);
}

static void a_cursor_too_large_keeps_the_one_before(void **state)
{
    (void)state;
    struct export_world world;
    char *large = calloc(1, EXPORT_CURSOR_MAX + 1);
    assert_non_null(large);
    export_world_make(&world, 1);
    store(&world, "small");
    assert_fails(RG_LIMIT, export_cursor_store(&world.turn, rg_slice_make(large, EXPORT_CURSOR_MAX + 1)));
    assert_cursor(&world, "small");
    free(large);
    export_world_done(&world);
}

/* ---- records ---- */

/* Takes what is there; *out_first and the count tell which. */
static uint64_t take(struct export_records *records, struct export_world *world, uint64_t limit, uint64_t *out_first)
{
    uint64_t count = 0;
    uint64_t expected = 0;
    assert_ok(export_records_begin(records, &world->turn));
    while (count < limit) {
        struct audit_walked record;
        bool is_there = false;
        assert_ok(export_records_next(records, &is_there, &record));
        if (!is_there) {
            break;
        }
        *out_first = count == 0 ? record.place.seq : *out_first;
        assert_true(count == 0 || record.place.seq >= expected);
        expected = record.place.seq + record.line_count;
        count++;
    }
    return count;
}

static void goes_on_behind_what_was_confirmed_and_not_behind_what_was_delivered(void **state)
{
    (void)state;
    struct export_world world;
    uint64_t first = 99;
    export_world_make(&world, 20);
    struct export_records *records = export_records_new(AUDIT_CLASS_ALL);
    assert_int_equal(take(records, &world, 5, &first), 5);
    assert_int_equal(first, 0);
    assert_int_equal(take(records, &world, 7, &first), 7); /* nothing was confirmed */
    assert_int_equal(first, 0);
    assert_ok(export_records_confirm(records));
    assert_int_equal(atomic_load(&world.turn.slot->confirmed), 7);
    assert_int_equal(take(records, &world, 3, &first), 3);
    assert_int_equal(first, 7);
    export_records_free(&records);
    export_world_open(&world, "sink");
    records = export_records_new(AUDIT_CLASS_ALL);
    assert_int_equal(take(records, &world, UINT64_MAX, &first), world.turn.size - 7);
    assert_int_equal(first, 7);
    assert_ok(export_records_confirm(records));
    assert_int_equal(take(records, &world, UINT64_MAX, &first), 0);
    export_records_free(&records);
    export_world_done(&world);
}

static void shows_nothing_that_is_not_signed(void **state)
{
    (void)state;
    struct export_world world;
    uint64_t first = 99;
    export_world_make(&world, 20);
    struct export_records *records = export_records_new(AUDIT_CLASS_ALL);
    world.turn.size = 0;
    assert_int_equal(take(records, &world, UINT64_MAX, &first), 0);
    world.turn.size = 4;
    assert_int_equal(take(records, &world, UINT64_MAX, &first), 4);
    assert_ok(export_records_confirm(records));
    world.turn.size = 6;
    assert_int_equal(take(records, &world, UINT64_MAX, &first), 2);
    assert_int_equal(first, 4);
    export_records_free(&records);
    export_world_done(&world);
}

static void classes_that_are_not_wanted_are_passed_over_and_confirmed(void **state)
{
    (void)state;
    struct export_world world;
    uint64_t first = 99;
    export_world_make(&world, 20);
    struct export_records *records = export_records_new(AUDIT_CLASS_STATEMENT);
    assert_int_equal(take(records, &world, UINT64_MAX, &first), 20);
    assert_int_equal(first, 1); /* behind log.started */
    assert_ok(export_records_confirm(records));
    assert_int_equal(atomic_load(&world.turn.slot->confirmed), world.turn.size);
    export_records_free(&records);
    export_world_open(&world, "nobody");
    records = export_records_new(AUDIT_CLASS_LOGIN);
    assert_int_equal(take(records, &world, UINT64_MAX, &first), 0);
    assert_ok(export_records_confirm(records));
    assert_int_equal(atomic_load(&world.turn.slot->confirmed), world.turn.size);
    export_records_free(&records);
    export_world_done(&world);
}

static void long_records_come_whole_or_not_yet(void **state)
{
    (void)state;
    struct export_world world = {0};
    uint64_t seq = 0;
    uint64_t first = 0;
    char *sql = malloc(200000);
    assert_non_null(sql);
    memset(sql, 'x', 200000);
    audit_dir_make_fast(&world.dir);
    struct auditor_options options = audit_dir_options(&world.dir);
    struct audit_log log = {0};
    assert_ok(audit_log_open(&options, &log));
    struct audit_event event = audit_sample(1, "acme");
    event.sql = rg_slice_make(sql, 200000);
    assert_ok(audit_dir_append(&log, &event, &seq));
    assert_ok(audit_log_stop(&log));
    audit_log_done(&log);
    assert_true(seq > 2); /* in parts */
    export_world_open(&world, "sink");
    struct export_records *records = export_records_new(AUDIT_CLASS_ALL);
    for (uint64_t size = 1; size <= seq; size++) { /* a checkpoint within the parts */
        world.turn.size = size;
        assert_int_equal(take(records, &world, UINT64_MAX, &first), 1);
    }
    world.turn.size = seq + 1;
    assert_int_equal(take(records, &world, UINT64_MAX, &first), 2);
    assert_ok(export_records_confirm(records));
    assert_int_equal(atomic_load(&world.turn.slot->confirmed), seq + 1);
    export_records_free(&records);
    free(sql);
    export_world_done(&world);
}

static void a_cursor_of_another_log_begins_at_the_beginning(void **state)
{
    (void)state;
    struct export_world world;
    struct export_world other;
    uint64_t first = 99;
    char command[256];
    export_world_make(&world, 10);
    export_world_make(&other, 30);
    struct export_records *records = export_records_new(AUDIT_CLASS_ALL);
    assert_int_equal(take(records, &world, 6, &first), 6);
    assert_ok(export_records_confirm(records));
    export_records_free(&records);
    (void)snprintf(command, sizeof command, "cp '%s'/export/sink.cursor '%s'/export/", world.dir.path, other.dir.path);
    assert_int_equal(system(command), 0);
    records = export_records_new(AUDIT_CLASS_ALL);
    assert_int_equal(take(records, &other, UINT64_MAX, &first), other.turn.size);
    assert_int_equal(first, 0);
    export_records_free(&records);
    export_world_done(&other);
    export_world_done(&world);
}

/* Two segments, the first one exported and then removed by retention. */
static void goes_on_behind_a_segment_that_was_removed(void **state)
{
    (void)state;
    struct export_world world = {0};
    uint64_t first = 99;
    char path[128];
    audit_dir_make_fast(&world.dir);
    audit_dir_fill(&world.dir, 10);
    export_world_open(&world, "sink");
    uint64_t cut = world.turn.size;
    struct export_records *records = export_records_new(AUDIT_CLASS_ALL);
    assert_int_equal(take(records, &world, UINT64_MAX, &first), cut);
    assert_ok(export_records_confirm(records));
    export_records_free(&records);

    struct auditor_options options = audit_dir_options(&world.dir);
    struct audit_log log = {0};
    uint64_t seq = 0;
    assert_ok(audit_log_open(&options, &log));
    assert_ok(audit_log_seal(&log));
    uint64_t second = log.durable_seq;
    struct audit_event event = audit_sample(1, "acme");
    assert_ok(audit_dir_append(&log, &event, &seq));
    assert_ok(audit_log_stop(&log));
    audit_log_done(&log);

    (void)snprintf(path, sizeof path, "%s/seg/%016llu.jsonl", world.dir.path, 0ULL);
    assert_int_equal(unlink(path), 0);
    export_world_open(&world, "sink");
    assert_true(world.turn.size > second);
    records = export_records_new(AUDIT_CLASS_ALL);
    assert_int_equal(take(records, &world, UINT64_MAX, &first), world.turn.size - second);
    assert_int_equal(first, second);
    export_records_free(&records);
    export_world_done(&world);
}

static void a_log_that_cannot_be_read_fails_and_confirms_nothing(void **state)
{
    (void)state;
    struct export_world world;
    struct audit_file file;
    uint64_t first = 99;
    export_world_make(&world, 10);
    audit_file_load(&world.dir, "seg/0000000000000000.jsonl", &file);
    audit_file_poke(&file, file.size / 2, '\n');
    struct export_records *records = export_records_new(AUDIT_CLASS_ALL);
    assert_ok(export_records_begin(records, &world.turn));
    rg_status status = RG_OK;
    bool is_there = true;
    while (rg_is_ok(status) && is_there) {
        struct audit_walked record;
        status = export_records_next(records, &is_there, &record);
    }
    assert_fails(RG_STORAGE, status);
    audit_file_restore(&file);
    assert_int_equal(take(records, &world, UINT64_MAX, &first), world.turn.size);
    assert_int_equal(first, 0);
    export_records_free(&records);
    free(file.bytes);
    export_world_done(&world);
}

static void every_kind_of_record_is_in_one_class(void **state)
{
    (void)state;
    unsigned all = 0;
    for (int kind = AUDIT_NONE + 1; kind < AUDIT_KIND_COUNT; kind++) {
        unsigned class = audit_class_of((enum audit_kind)kind);
        all |= class;
        if (class == 0 || (class & (class - 1)) != 0) {
            fail_msg("%s is in %u", audit_kind_name((enum audit_kind)kind), class);
        }
    }
    assert_int_equal(all, AUDIT_CLASS_ALL);
    assert_int_equal(audit_class_of(AUDIT_NONE), 0);
    assert_int_equal(audit_class_of(AUDIT_KIND_COUNT), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cursor_is_what_was_stored_last),
        cmocka_unit_test(every_spoilt_cursor_counts_as_none),
        cmocka_unit_test(names_with_slashes_and_long_ones_stay_in_their_directory),
        cmocka_unit_test(a_cursor_too_large_keeps_the_one_before),
        cmocka_unit_test(goes_on_behind_what_was_confirmed_and_not_behind_what_was_delivered),
        cmocka_unit_test(shows_nothing_that_is_not_signed),
        cmocka_unit_test(classes_that_are_not_wanted_are_passed_over_and_confirmed),
        cmocka_unit_test(long_records_come_whole_or_not_yet),
        cmocka_unit_test(a_cursor_of_another_log_begins_at_the_beginning),
        cmocka_unit_test(goes_on_behind_a_segment_that_was_removed),
        cmocka_unit_test(a_log_that_cannot_be_read_fails_and_confirms_nothing),
        cmocka_unit_test(every_kind_of_record_is_in_one_class),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
