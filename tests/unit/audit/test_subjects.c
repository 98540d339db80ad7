/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of subjects in the life of a log: what time destroys, and what a hold keeps from it. */
#include "audit/keep/subjects.h"

#include <stdio.h>

#include "audit/keep/keep.h"
#include "tests/support/audit_aged.h"

#define DAY_SUBJECT RG_SLICE("unverified 2023-11-14")

struct world {
    struct audit_dir dir;
    char keys[128];
    struct aged_clock time;
    struct rg_clock clock;
    struct audit_log log;
    struct audit_subjects *subjects;
    struct audit_keep keep;
};

static void open_world(struct world *world)
{
    *world = (struct world){.time = {.wall_us = AGED_START, .mono_us = 5000000}};
    audit_dir_make_fast(&world->dir);
    (void)snprintf(world->keys, sizeof world->keys, "%s/keys", world->dir.root);
    world->clock = (struct rg_clock){.wall_us = aged_wall, .monotonic_us = aged_mono, .context = &world->time};
    struct auditor_options options = audit_dir_options(&world->dir);
    options.clock = &world->clock;
    options.subjects = rg_slice_of(world->keys);
    options.seals_personal = true;
    options.unverified_s = 30 * 86400;
    assert_ok(audit_log_open(&options, &world->log));
    assert_ok(audit_subjects_open(&options, &world->log, &world->subjects));
    assert_ok(audit_keep_open(&world->keep, &world->log, (struct rg_slice){0}));
    world->keep.subjects = audit_subjects_hooks(world->subjects);
}

static void close_world(struct world *world)
{
    assert_ok(audit_log_stop(&world->log));
    audit_keep_done(&world->keep);
    audit_subjects_close(&world->subjects);
    audit_log_done(&world->log);
    assert_intact(&world->dir, 0);
    audit_dir_remove(&world->dir);
}

static void put_key(struct world *world, struct rg_slice tenant)
{
    struct audit_key_frame frame = {.tenant = tenant, .subject = DAY_SUBJECT};
    rg_random(&frame.key, sizeof frame.key);
    assert_ok(audit_subjects_take(world->subjects, &frame));
    assert_ok(audit_subjects_commit(world->subjects));
}

static uint64_t count_keys(struct world *world, struct rg_slice tenant)
{
    struct rg_slice object = {0};
    uint64_t count = 0;
    return rg_is_ok(world->keep.subjects.find(world->keep.subjects.context, tenant, DAY_SUBJECT, &object, &count))
               ? count
               : 0;
}

static rg_status obey(struct world *world, const struct audit_order *order, char out_id[32])
{
    struct audit_order_reply reply = {0};
    bool is_pending = false;
    RG_TRY(audit_keep_obey(&world->keep, order, RG_SLICE("test"), &reply, &is_pending));
    (void)snprintf(out_id, 32, "%.*s", RG_SLICE_ARGS(reply.id));
    return RG_OK;
}

static void pass_forty_days(struct world *world)
{
    const char *trouble = "";
    aged_pass(&world->time, 40 * AGED_DAY);
    assert_ok(audit_log_watch(&world->log));
    assert_ok(audit_subjects_tend(world->subjects, &trouble));
    assert_string_equal(trouble, "");
}

static void forgets_failed_logins_in_time(void **state)
{
    (void)state;
    static struct world world;
    open_world(&world);
    put_key(&world, RG_SLICE(""));
    put_key(&world, RG_SLICE("acme"));
    pass_forty_days(&world);
    assert_int_equal(count_keys(&world, RG_SLICE("")), 0);
    assert_int_equal(count_keys(&world, RG_SLICE("acme")), 0);
    close_world(&world);
}

/* The hold names its subject by a pseudonym. */
static void a_hold_on_failed_logins_outlives_their_time(void **state)
{
    (void)state;
    static struct world world;
    char id[32];
    open_world(&world);
    put_key(&world, RG_SLICE("acme"));
    put_key(&world, RG_SLICE("globex"));
    const struct audit_order hold = {.kind = AUDIT_ORDER_HOLD_PLACE,
                                     .tenant = RG_SLICE("acme"),
                                     .subject = DAY_SUBJECT,
                                     .reason = RG_SLICE("an attack")};
    assert_ok(obey(&world, &hold, id));
    pass_forty_days(&world);
    assert_int_equal(count_keys(&world, RG_SLICE("acme")), 1);
    assert_int_equal(count_keys(&world, RG_SLICE("globex")), 0);
    char ignored[32];
    const struct audit_order release = {
        .kind = AUDIT_ORDER_HOLD_RELEASE, .object = rg_slice_of(id), .reason = RG_SLICE("settled")};
    assert_ok(obey(&world, &release, ignored));
    pass_forty_days(&world);
    assert_int_equal(count_keys(&world, RG_SLICE("acme")), 0);
    close_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forgets_failed_logins_in_time),
        cmocka_unit_test(a_hold_on_failed_logins_outlives_their_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
