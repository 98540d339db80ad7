/* SPDX-License-Identifier: Apache-2.0 */
/* Legal holds on stored objects, against a bucket in memory that fails, lies, and forgets what it was told. */
#include "audit/export/hold_objects.h"

#include "tests/support/audit_aged.h"
#include "tests/support/export_world.h"

enum { SEGMENTS = 4, OBJECTS_MAX = 32 };

struct object {
    char key[S3_KEY_MAX + 1];
    char version[32];
    bool is_marker;
    bool is_held;
    int64_t modified_us;
};

struct bucket {
    struct object objects[OBJECTS_MAX]; /* as a listing of versions has them */
    size_t count;
    size_t calls;
    size_t puts;
    size_t lists;
    size_t failing; /* this call, 1-based, and all behind it fail; 0 = none */
    enum rg_kind kind;
    bool is_deaf; /* takes legal holds and does not keep them */
};

static rg_status count_call(struct bucket *bucket)
{
    bucket->calls++;
    return bucket->failing != 0 && bucket->calls >= bucket->failing ? rg_fail(bucket->kind, "the bucket fails") : RG_OK;
}

static rg_status list_versions(void *context, const char *under, const char *after, const struct s3_taker *taker)
{
    struct bucket *bucket = context;
    bool should_end = false;
    bucket->lists++;
    RG_TRY(count_call(bucket));
    for (size_t i = 0; i < bucket->count && !should_end; i++) {
        const struct object *object = &bucket->objects[i];
        const struct s3_entry entry = {.key = rg_slice_of(object->key),
                                       .version = rg_slice_of(object->version),
                                       .is_marker = object->is_marker,
                                       .modified_us = object->modified_us};
        if (rg_slice_has_prefix(entry.key, rg_slice_of(under)) && (after == NULL || strcmp(object->key, after) > 0)) {
            RG_TRY(taker->take(taker->context, &entry, &should_end));
        }
    }
    return RG_OK;
}

static struct object *find(struct bucket *bucket, const char *key, const char *version)
{
    for (size_t i = 0; i < bucket->count; i++) {
        if (strcmp(bucket->objects[i].key, key) == 0 && strcmp(bucket->objects[i].version, version) == 0) {
            return &bucket->objects[i];
        }
    }
    return NULL;
}

static rg_status head(void *context, const char *key, const char *version, struct s3_object *out_object)
{
    struct bucket *bucket = context;
    RG_TRY(count_call(bucket));
    const struct object *object = find(bucket, key, version);
    *out_object = (struct s3_object){.is_there = object != NULL, .is_held = object != NULL && object->is_held};
    return RG_OK;
}

static rg_status put_legal_hold(void *context, const char *key, const char *version, bool is_held)
{
    struct bucket *bucket = context;
    RG_TRY(count_call(bucket));
    struct object *object = find(bucket, key, version);
    if (object == NULL || object->is_marker) {
        fail_msg("a legal hold on %s %s, which is no object", key, version);
        return RG_OK;
    }
    bucket->puts++;
    object->is_held = bucket->is_deaf ? object->is_held : is_held;
    return RG_OK;
}

/* ---- a log of four segments, of acme, globex, nobody and initech, a day each, and what is stored of it ---- */

struct held_world {
    struct export_world export;
    struct bucket bucket;
    struct hold_client client;
    struct export_task task;
    uint64_t firsts[SEGMENTS + 1];
};

static void put(struct bucket *bucket, const struct depot_segment *segment, const char *suffix, const char *version)
{
    struct object *object = &bucket->objects[bucket->count];
    char node[DEPOT_NODE_MAX];
    assert_true(bucket->count < OBJECTS_MAX);
    assert_ok(depot_node(RG_SLICE(TEST_ORIGIN), node));
    assert_ok(depot_segment_key(node, segment, suffix, object->key));
    (void)snprintf(object->version, sizeof object->version, "%s", version);
    object->modified_us = segment->hlc_us + AGED_DAY / 2;
    bucket->count++;
}

static void store(struct held_world *world, size_t number)
{
    const struct depot_segment segment = {.first_seq = world->firsts[number],
                                          .last_seq = world->firsts[number + 1] - 1,
                                          .hlc_us = AGED_START + (int64_t)number * AGED_DAY + 1000000};
    put(&world->bucket, &segment, ".jsonl.gz", "v1");
    put(&world->bucket, &segment, ".manifest", "v1");
}

static void restart(struct held_world *world)
{
    if (world->task.free != NULL) {
        world->task.free(world->task.context);
    }
    hold_task_new_with(&world->client, &world->task);
    export_world_open(&world->export, "holds");
}

static void make(struct held_world *world, size_t stored)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct audit_segments segments = {0};
    *world = (struct held_world){0};
    audit_dir_make_fast(&world->export.dir);
    aged_fill(&world->export.dir, SEGMENTS, 20, true);
    world->client = (struct hold_client){list_versions, head, put_legal_hold, &world->bucket};
    restart(world);
    rg_arena_init(&arena, 1 << 20);
    assert_ok(audit_segments_load(world->export.turn.directory_fd, &arena, &segments));
    assert_int_equal(segments.count, SEGMENTS + 1);
    memcpy(world->firsts, segments.first_seqs, sizeof world->firsts);
    for (size_t i = 0; i < stored; i++) {
        store(world, i);
    }
}

static void done(struct held_world *world)
{
    world->task.free(world->task.context);
    export_world_done(&world->export);
}

static rg_status turn(struct held_world *world)
{
    export_world_open(&world->export, "holds"); /* the log may have grown */
    return world->task.turn(world->task.context, &world->export.turn);
}

static void place(struct held_world *world, const char *tenant, int64_t from_us, int64_t until_us, char id[64])
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct audit_order_reply reply = {0};
    bool is_person = tenant[0] == '\0' && from_us == 0 && until_us == 0; /* which keeps everything */
    const struct audit_order order = {.kind = AUDIT_ORDER_HOLD_PLACE,
                                      .tenant = rg_slice_of(tenant),
                                      .subject = is_person ? RG_SLICE("bob") : RG_SLICE(""),
                                      .reason = RG_SLICE("case 7"),
                                      .from_us = from_us,
                                      .until_us = until_us};
    rg_arena_init(&arena, 1 << 20);
    assert_ok(audit_order(rg_slice_of(world->export.dir.path), &order, &arena, &reply));
    (void)snprintf(id, 64, "%.*s", RG_SLICE_ARGS(reply.id));
}

static void release(struct held_world *world, const char *id)
{
    struct audit_order_reply reply = {0};
    const struct audit_order order = {
        .kind = AUDIT_ORDER_HOLD_RELEASE, .object = rg_slice_of(id), .reason = RG_SLICE("settled")};
    assert_ok(aged_order(&world->export.dir, &order, &reply));
}

/* held: one letter an object, "x" = legal hold ON. */
static void expect_held(const struct held_world *world, const char *held)
{
    char found[OBJECTS_MAX + 1] = "";
    for (size_t i = 0; i < world->bucket.count; i++) {
        found[i] = world->bucket.objects[i].is_held ? 'x' : '.';
    }
    assert_string_equal(found, held);
}

/* ---- what is held ---- */

static void a_log_without_holds_asks_the_bucket_nothing(void **state)
{
    struct held_world world;
    (void)state;
    make(&world, SEGMENTS);
    assert_ok(turn(&world));
    restart(&world);
    assert_ok(turn(&world));
    assert_int_equal(world.bucket.calls, 0);
    done(&world);
}

static void a_hold_is_on_what_it_concerns_and_on_nothing_else(void **state)
{
    static const struct {
        const char *tenant;
        int64_t from_us;
        int64_t until_us;
        const char *held;
    } rows[] = {
        {"acme", 0, 0, "xx......"},
        {"globex", 0, 0, "..xx...."},
        {"acm", 0, 0, "........"},
        {"", 0, 0, "xxxxxxxx"},
        {"", AGED_START + 3 * AGED_DAY, 0, "......xx"},
        {"", 0, AGED_START + AGED_DAY / 2, "xx......"},
        {"", AGED_START + AGED_DAY, AGED_START + 2 * AGED_DAY - AGED_DAY / 2, "..xx...."},
        {"globex", 0, AGED_START + AGED_DAY / 2, "........"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct held_world world;
        char id[64];
        make(&world, SEGMENTS);
        place(&world, rows[i].tenant, rows[i].from_us, rows[i].until_us, id);
        assert_ok(turn(&world));
        expect_held(&world, rows[i].held);
        release(&world, id);
        assert_ok(turn(&world));
        expect_held(&world, "........");
        done(&world);
    }
}

static void a_release_leaves_what_another_hold_concerns(void **state)
{
    struct held_world world;
    char first[64];
    char second[64];
    (void)state;
    make(&world, SEGMENTS);
    place(&world, "acme", 0, 0, first);
    place(&world, "", 0, AGED_START + AGED_DAY + AGED_DAY / 2, second);
    assert_ok(turn(&world));
    expect_held(&world, "xxxx....");
    release(&world, second);
    assert_ok(turn(&world));
    expect_held(&world, "xx......");
    release(&world, first);
    assert_ok(turn(&world));
    expect_held(&world, "........");
    done(&world);
}

static void a_legal_hold_of_somebody_else_stays(void **state)
{
    struct held_world world;
    char id[64];
    (void)state;
    make(&world, SEGMENTS);
    world.bucket.objects[6].is_held = true; /* initech's */
    place(&world, "acme", 0, 0, id);
    assert_ok(turn(&world));
    release(&world, id);
    assert_ok(turn(&world));
    expect_held(&world, "......x.");
    done(&world);
}

static void what_is_stored_later_is_held_too(void **state)
{
    struct held_world world;
    struct audit_log log = {0};
    char id[64];
    (void)state;
    make(&world, 1);
    place(&world, "", 0, 0, id);
    assert_ok(turn(&world));
    expect_held(&world, "xx");
    store(&world, 1);
    size_t lists = world.bucket.lists;
    assert_ok(turn(&world));
    assert_int_equal(world.bucket.lists, lists); /* the log does not say so yet */
    audit_dir_open(&world.export.dir, &log);
    const struct audit_event event = {.kind = AUDIT_EXPORT_SEGMENT, .object = RG_SLICE("x"), .last_seq = 1};
    uint64_t seq = 0;
    assert_ok(audit_dir_append(&log, &event, &seq));
    assert_ok(audit_log_stop(&log));
    audit_log_done(&log);
    assert_ok(turn(&world));
    expect_held(&world, "xxxx");
    done(&world);
}

static void only_the_version_that_was_put_first_is_held(void **state)
{
    struct held_world world;
    char id[64];
    (void)state;
    make(&world, 0);
    const struct depot_segment segment = {
        .first_seq = 0, .last_seq = world.firsts[1] - 1, .hlc_us = AGED_START + 1000000};
    put(&world.bucket, &segment, ".jsonl.gz", "marker");
    world.bucket.objects[0].is_marker = true;
    put(&world.bucket, &segment, ".jsonl.gz", "v2");
    put(&world.bucket, &segment, ".jsonl.gz", "v1");
    put(&world.bucket, &segment, ".jsonl.gz.copy", "v1");
    put(&world.bucket, &segment, ".manifest", "marker");
    world.bucket.objects[4].is_marker = true;
    place(&world, "", 0, 0, id);
    assert_ok(turn(&world));
    expect_held(&world, "..x..");
    done(&world);
}

static void of_a_segment_that_is_gone_the_time_decides(void **state)
{
    struct held_world world;
    char acme[64];
    char id[64];
    (void)state;
    make(&world, SEGMENTS);
    assert_int_equal(aged_prune(&world.export.dir, AGED_KEEP), SEGMENTS);
    place(&world, "initech", 0, AGED_START + AGED_DAY + AGED_DAY / 4, id);
    assert_ok(turn(&world));
    expect_held(&world, "xxxx....");
    place(&world, "acme", AGED_START + 3 * AGED_DAY, 0, acme);
    assert_ok(turn(&world));
    expect_held(&world, "xxxx..xx");
    release(&world, id);
    restart(&world);
    assert_ok(turn(&world));
    expect_held(&world, "......xx");
    done(&world);
}

/* ---- what goes wrong ---- */

/* Wherever it fails, nothing counts as done; killed there and started again, it comes to the same end. */
static void any_call_may_fail_and_be_the_last(void **state)
{
    (void)state;
    for (size_t failing = 1;; failing++) {
        struct held_world world;
        char id[64];
        make(&world, SEGMENTS);
        place(&world, "", 0, AGED_START + AGED_DAY + AGED_DAY / 2, id);
        world.bucket.failing = failing;
        world.bucket.kind = failing % 2 == 0 ? RG_UPSTREAM : RG_DENIED;
        rg_status status = turn(&world);
        bool is_over = rg_is_ok(status);
        if (!is_over) {
            assert_fails(world.bucket.kind, status);
        }
        world.bucket.failing = 0;
        if (failing % 3 != 0) {
            restart(&world);
        }
        if (failing % 5 == 0) { /* released meanwhile: what was set goes, though it never counted */
            release(&world, id);
            assert_ok(turn(&world));
            expect_held(&world, "........");
        } else {
            assert_ok(turn(&world));
            expect_held(&world, "xxxx....");
        }
        done(&world);
        if (is_over) {
            assert_true(failing > 10);
            break;
        }
    }
}

static void a_server_that_forgets_is_not_believed(void **state)
{
    struct held_world world;
    char id[64];
    (void)state;
    make(&world, SEGMENTS);
    world.bucket.is_deaf = true;
    place(&world, "acme", 0, 0, id);
    assert_fails(RG_PROTOCOL, turn(&world));
    assert_fails(RG_PROTOCOL, turn(&world));
    expect_held(&world, "........");
    world.bucket.is_deaf = false;
    assert_ok(turn(&world));
    expect_held(&world, "xx......");
    world.bucket.is_deaf = true;
    release(&world, id);
    assert_fails(RG_PROTOCOL, turn(&world));
    restart(&world);
    assert_fails(RG_PROTOCOL, turn(&world));
    expect_held(&world, "xx......");
    done(&world);
}

static void what_is_done_is_not_done_again_after_a_restart(void **state)
{
    struct held_world world;
    char id[64];
    (void)state;
    make(&world, SEGMENTS);
    place(&world, "acme", 0, 0, id);
    assert_ok(turn(&world));
    size_t calls = world.bucket.calls;
    restart(&world);
    assert_ok(turn(&world));
    assert_int_equal(world.bucket.calls, calls);
    assert_int_equal(world.bucket.puts, 2);
    release(&world, id);
    assert_ok(turn(&world));
    expect_held(&world, "........");
    assert_int_equal(world.bucket.puts, 4);
    done(&world);
}

static void a_lost_cursor_means_that_all_is_looked_at(void **state)
{
    struct held_world world;
    char id[64];
    char other[64];
    (void)state;
    make(&world, SEGMENTS);
    place(&world, "acme", 0, 0, id);
    assert_ok(turn(&world));
    place(&world, "globex", 0, 0, other);
    release(&world, id);
    char command[160];
    (void)snprintf(command, sizeof command, "rm '%s'/export/holds.cursor", world.export.dir.path);
    assert_int_equal(system(command), 0);
    restart(&world);
    assert_ok(turn(&world));
    expect_held(&world, "..xx....");
    done(&world);
}

static void a_segment_that_cannot_be_read_is_told(void **state)
{
    struct held_world world;
    char id[64];
    char command[160];
    (void)state;
    make(&world, SEGMENTS);
    assert_ok(turn(&world));
    place(&world, "acme", 0, 0, id);
    (void)snprintf(command, sizeof command, "truncate -s 900 '%s'/seg/0000000000000000.jsonl", world.export.dir.path);
    assert_int_equal(system(command), 0);
    assert_fails(RG_STORAGE, turn(&world));
    expect_held(&world, "........");
    done(&world);
}

static void is_refused_without_object_lock(void **state)
{
    struct export_task task = {.name = "untouched"};
    const struct depot_options options = {.lock = S3_LOCK_OFF};
    (void)state;
    assert_fails(RG_CONFIG, hold_task_new(&options, &task));
    assert_string_equal(task.name, "untouched");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_without_holds_asks_the_bucket_nothing),
        cmocka_unit_test(a_hold_is_on_what_it_concerns_and_on_nothing_else),
        cmocka_unit_test(a_release_leaves_what_another_hold_concerns),
        cmocka_unit_test(a_legal_hold_of_somebody_else_stays),
        cmocka_unit_test(what_is_stored_later_is_held_too),
        cmocka_unit_test(only_the_version_that_was_put_first_is_held),
        cmocka_unit_test(of_a_segment_that_is_gone_the_time_decides),
        cmocka_unit_test(any_call_may_fail_and_be_the_last),
        cmocka_unit_test(a_server_that_forgets_is_not_believed),
        cmocka_unit_test(what_is_done_is_not_done_again_after_a_restart),
        cmocka_unit_test(a_lost_cursor_means_that_all_is_looked_at),
        cmocka_unit_test(a_segment_that_cannot_be_read_is_told),
        cmocka_unit_test(is_refused_without_object_lock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
