/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_TESTS_SUPPORT_RING_RIG_H
#define RG_TESTS_SUPPORT_RING_RIG_H

#include <dirent.h>

#include "audit/ring.h"
#include "tests/support/auditor_rig.h"

/* An auditor with durability "written", its rings as files, and clients that use them. */

static inline struct auditor_options ring_options(const struct audit_dir *dir)
{
    struct auditor_options options = audit_dir_options(dir);
    options.durability = AUDIT_WRITTEN;
    return options;
}

/* The one file in ring/ after the others were passed over; its path. False: there are not so many. */
static inline bool ring_find(const struct audit_dir *dir, size_t passed_over, char out_path[160])
{
    char path[96];
    bool is_found = false;
    (void)snprintf(path, sizeof path, "%.64s/ring", dir->path);
    DIR *directory = opendir(path);
    for (const struct dirent *entry; directory != NULL && !is_found && (entry = readdir(directory)) != NULL;) {
        if (entry->d_name[0] != '.' && passed_over-- == 0) {
            (void)snprintf(out_path, 160, "%.90s/%.40s", path, entry->d_name);
            is_found = true;
        }
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
    return is_found;
}

static inline size_t ring_count_files(const struct audit_dir *dir)
{
    char path[160];
    size_t count = 0;
    while (ring_find(dir, count, path)) {
        count++;
    }
    return count;
}

static inline size_t ring_count_statement(const struct audit_dir *dir, uint64_t number)
{
    char text[64];
    (void)snprintf(text, sizeof text, "\"statement\":\"%016llx\"", (unsigned long long)number);
    return audit_dir_count(dir, text);
}

/* Starts and stops an auditor: whatever the rings held is in the log then. */
static inline void ring_recover(const struct audit_dir *dir)
{
    struct auditor_rig rig;
    struct auditor_options options = audit_dir_options(dir); /* synced now: rings of before are taken all the same */
    assert_ok(rig_start(&rig, &options));
    assert_true(rig_stop(&rig));
    assert_int_equal(ring_count_files(dir), 0);
}

static inline struct audit_client *ring_client(const struct auditor_rig *rig)
{
    struct audit_client *client = NULL;
    assert_ok(audit_client_open(rig->door, 0, &client));
    rig_await_state(client, AUDIT_OPEN);
    return client;
}

static inline uint64_t ring_submit(struct audit_client *client, uint64_t number)
{
    struct audit_event event = audit_sample(number, "acme");
    uint64_t ticket = 0;
    assert_ok(audit_submit(client, &event, &ticket));
    return ticket;
}

/* True: the flush alone acknowledged it. */
static inline bool ring_put(struct audit_client *client, uint64_t number)
{
    uint64_t ticket = ring_submit(client, number);
    uint64_t got = 0;
    uint64_t seq = 0;
    audit_flush(client);
    if (!audit_has_taken(client)) {
        return false;
    }
    assert_true(audit_take(client, &got, &seq));
    assert_true(got == ticket && seq == AUDIT_SEQ_NONE && !audit_has_taken(client));
    return true;
}

#endif
