/* SPDX-License-Identifier: Apache-2.0 */
/* Rules on one stored segment as a prune does (audit/keep/prune.c): a hold may concern it when it holds records of its
 * tenant and its time. The subject narrows nothing: subjects' names may be encrypted. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "audit/export/hold_private.h"
#include "audit/heads.h"
#include "audit/reader.h"

struct contents {
    bool has_tenants; /* else any tenant may be there */
    struct audit_heads tenants;
    int64_t first_us;
    int64_t last_us;
};

static rg_status take_line(struct contents *contents, struct rg_slice line, bool is_first)
{
    struct audit_head head = {0};
    struct audit_tenant_head *tenant = NULL;
    RG_TRY(audit_line_parse(line, &head));
    contents->first_us = is_first ? head.hlc_us : contents->first_us;
    contents->last_us = head.hlc_us;
    return head.tenant.size == 0 ? RG_OK : audit_heads_get(&contents->tenants, head.tenant, &head.tprev, &tenant);
}

static rg_status read_lines(const struct export_turn *turn, const struct hold_item *item, struct audit_reader *reader,
                            struct contents *contents)
{
    for (uint64_t seq = item->first_seq; seq <= item->last_seq; seq++) {
        enum audit_reading reading = AUDIT_READING_END;
        struct rg_slice line = {0};
        RG_TRY(audit_reader_next(reader, &reading, &line));
        if (reading != AUDIT_READING_LINE) {
            return rg_fail(RG_STORAGE, "segment %016" PRIu64 " ends before record %" PRIu64 ", which is stored as its",
                           item->first_seq, item->last_seq);
        }
        if (export_should_stop(turn)) {
            return rg_fail(RG_CLOSED, "stopped");
        }
        rg_status status = take_line(contents, line, seq == item->first_seq);
        if (!rg_is_ok(status)) {
            return rg_fail(RG_STORAGE, "segment %016" PRIu64 ": %.200s", item->first_seq, status.error->text);
        }
    }
    return RG_OK;
}

/* Not here any more: from the hour in its name to the moment when the server got it. */
static void guess(const struct hold_item *item, struct contents *contents)
{
    const int64_t slack_us = INT64_C(3600) * 1000000; /* of clocks, and of when the segment was sealed */
    contents->first_us = item->hour_us;
    contents->last_us = (item->modified_us > item->hour_us ? item->modified_us : item->hour_us) + slack_us;
}

static rg_status read_contents(const struct export_turn *turn, const struct hold_item *item, struct contents *contents)
{
    char name[AUDIT_SEGMENT_NAME_SIZE];
    char path[AUDIT_SEGMENT_NAME_SIZE + sizeof "seg/"] = "seg/";
    RG_AUTO(audit_fd_done) int fd = -1;
    struct audit_reader reader;
    audit_segment_name(item->first_seq, name);
    memcpy(path + sizeof "seg/" - 1, name, sizeof name);
    if (faccessat(turn->directory_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT) {
        guess(item, contents);
        return RG_OK;
    }
    RG_TRY(audit_segment_open_read(turn->directory_fd, item->first_seq, &fd));
    audit_reader_init(&reader, fd);
    rg_status status = read_lines(turn, item, &reader, contents);
    audit_reader_done(&reader);
    contents->has_tenants = true;
    return status;
}

static bool is_touched(const struct audit_holds *holds, const struct contents *contents)
{
    for (size_t i = 0; i < holds->count; i++) {
        const struct audit_hold *hold = &holds->items[i];
        bool is_of_tenant = !contents->has_tenants || hold->tenant.size == 0 ||
                            audit_heads_find(&contents->tenants, hold->escaped_tenant) != NULL;
        if (is_of_tenant && audit_hold_is_at(hold, contents->first_us, contents->last_us)) {
            return true;
        }
    }
    return false;
}

rg_status hold_touch_find(const struct export_turn *turn, const struct hold_item *item, const struct audit_holds *now,
                          const struct audit_holds *ever, struct hold_touch *io_touch)
{
    struct contents contents = {0};
    if (io_touch->is_known && io_touch->first_seq == item->first_seq) {
        return RG_OK; /* the manifest, right behind its segment */
    }
    rg_status status = read_contents(turn, item, &contents);
    if (rg_is_ok(status)) {
        *io_touch = (struct hold_touch){.is_known = true,
                                        .first_seq = item->first_seq,
                                        .is_now = is_touched(now, &contents),
                                        .is_ever = is_touched(ever, &contents)};
    }
    audit_heads_done(&contents.tenants);
    return status;
}
