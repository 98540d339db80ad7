/* SPDX-License-Identifier: Apache-2.0 */
/* Verifies the logs of a cluster against each other. What a node recorded of another is a signed checkpoint that the
 * other can no longer take back: verify takes it like an anchor. */
#include "audit/witness/nodes.h"

#include <inttypes.h>

#include <jansson.h>

#include "audit/walk.h"
#include "base/rg_memory.h"

enum { NAMES_MAX = 1000, LINE_SPARE = 64 * 1024 };

struct node {
    int fd;
    struct rg_slice directory;
    struct rg_slice origin;
    struct audit_kept *kept; /* checkpoints of it that others recorded; owned */
    size_t kept_count;
    size_t kept_capacity;
    struct rg_slice *members; /* the newest list in it; in the arena */
    size_t member_count;
    struct rg_slice strangers[NODES_MAX]; /* origins that it recorded and nobody brought along */
    size_t stranger_count;
};

struct nodes {
    const struct nodes_options *options;
    struct rg_arena *arena;
    struct node *items;
};

static struct node *find_node(const struct nodes *nodes, struct rg_slice origin)
{
    for (size_t i = 0; i < nodes->options->count; i++) {
        if (rg_slice_is_equal(nodes->items[i].origin, origin)) {
            return &nodes->items[i];
        }
    }
    return NULL;
}

/* ---- collecting ---- */

static rg_status keep(const struct nodes *nodes, struct node *about, const struct node *by, uint64_t seq,
                      struct rg_slice note)
{
    if (about->kept_count == NODES_KEPT_MAX) {
        return rg_fail(RG_LIMIT, "more than %d recorded checkpoints of one log", NODES_KEPT_MAX);
    }
    if (about->kept_count == about->kept_capacity) {
        about->kept_capacity = about->kept_capacity == 0 ? 64 : 2 * about->kept_capacity;
        about->kept = rg_memory_resize(about->kept, about->kept_capacity * sizeof *about->kept);
    }
    struct audit_kept *kept = &about->kept[about->kept_count];
    *kept = (struct audit_kept){0};
    RG_TRY(rg_arena_printf(nodes->arena, &kept->name, "record %" PRIu64 " of %.*s", seq, (int)by->origin.size,
                           by->origin.data));
    RG_TRY(rg_arena_copy(nodes->arena, note, &kept->note));
    about->kept_count++;
    return RG_OK;
}

static rg_status note_stranger(const struct nodes *nodes, struct node *by, struct rg_slice origin)
{
    for (size_t i = 0; i < by->stranger_count; i++) {
        if (rg_slice_is_equal(by->strangers[i], origin)) {
            return RG_OK;
        }
    }
    if (by->stranger_count == NODES_MAX) {
        return RG_OK; /* enough is missing */
    }
    RG_TRY(rg_arena_copy(nodes->arena, origin, &by->strangers[by->stranger_count]));
    by->stranger_count++;
    return RG_OK;
}

static rg_status take_members(const struct nodes *nodes, struct node *by, struct rg_slice text)
{
    struct rg_slice rest = {0};
    RG_TRY(rg_arena_copy(nodes->arena, text, &rest));
    RG_TRY(rg_arena_array(nodes->arena, NAMES_MAX, sizeof *by->members, (void **)&by->members));
    by->member_count = 0;
    while (rest.size > 0 && by->member_count < NAMES_MAX) {
        const char *end = memchr(rest.data, '\n', rest.size);
        size_t size = end == NULL ? rest.size : (size_t)(end - rest.data);
        if (size > 0) {
            by->members[by->member_count++] = rg_slice_cut(rest, 0, size);
        }
        rest = rg_slice_cut(rest, size + 1, SIZE_MAX);
    }
    return RG_OK;
}

static struct rg_slice text_of(json_t *object, const char *name)
{
    json_t *value = json_object_get(object, name);
    return rg_slice_make(json_string_value(value), json_string_length(value));
}

/* A checkpoint names its log in its first line; the record's own words do not count. */
static struct rg_slice origin_of(struct rg_slice note)
{
    const char *end = note.size == 0 ? NULL : memchr(note.data, '\n', note.size);
    return end == NULL ? (struct rg_slice){0} : rg_slice_cut(note, 0, (size_t)(end - note.data));
}

static rg_status take_record(const struct nodes *nodes, struct node *by, uint64_t seq, json_t *record)
{
    struct rg_slice kind = text_of(json_object_get(json_object_get(record, "unmapped"), "rg"), "kind");
    struct rg_slice message = text_of(record, "message");
    if (rg_slice_is_equal(kind, RG_SLICE("cluster.members"))) {
        return take_members(nodes, by, message);
    }
    struct rg_slice origin = origin_of(message);
    if (!rg_slice_is_equal(kind, RG_SLICE("peer.ckpt")) || origin.size == 0) {
        return RG_OK;
    }
    struct node *about = find_node(nodes, origin);
    return about == NULL ? note_stranger(nodes, by, origin) : keep(nodes, about, by, seq, message);
}

static rg_status take_line(const struct nodes *nodes, struct node *by, const struct audit_walked *walked)
{
    static const char *const kinds[] = {"\"kind\":\"peer.ckpt\"", "\"kind\":\"cluster.members\""};
    bool is_wanted = false;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        is_wanted |= memmem(walked->line.data, walked->line.size, kinds[i], strlen(kinds[i])) != NULL;
    }
    if (!is_wanted) {
        return RG_OK;
    }
    json_t *record = json_loadb(walked->line.data, walked->line.size, JSON_REJECT_DUPLICATES, NULL);
    rg_status status = record == NULL ? RG_OK : take_record(nodes, by, walked->head.seq, record);
    json_decref(record);
    return status;
}

/* The log's own verification judges what cannot be read. */
static rg_status collect(const struct nodes *nodes, struct node *by)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    RG_AUTO(audit_walk_done) struct audit_walk walk = {.fd = -1};
    struct audit_segments segments = {0};
    struct audit_walked walked;
    bool is_there = false;
    rg_arena_init(&arena, (size_t)64 * 1024 * 1024);
    RG_TRY(audit_segments_load(by->fd, &arena, &segments));
    if (segments.count == 0) {
        return RG_OK;
    }
    const struct audit_place from = {.segment_seq = segments.first_seqs[0], .seq = segments.first_seqs[0]};
    audit_walk_init(&walk, by->fd, &from);
    while (rg_is_ok(audit_walk_next(&walk, false, &is_there, &walked)) && is_there) {
        RG_TRY(take_line(nodes, by, &walked));
    }
    return RG_OK;
}

/* ---- judging ---- */

static rg_status find_missing(const struct nodes *nodes, const char *why, struct rg_slice origin,
                              struct audit_report *report)
{
    struct audit_finding finding = {.result = AUDIT_INCOMPLETE};
    RG_TRY(rg_arena_printf(nodes->arena, &finding.reason, "the log of %.*s is not among those given: %s",
                           rg_slice_shown(origin), origin.data, why));
    return audit_report_add(report, &finding, 1, nodes->arena);
}

static rg_status judge_members(const struct nodes *nodes, const struct node *node, struct audit_report *report)
{
    for (size_t i = 0; i < node->stranger_count; i++) {
        RG_TRY(find_missing(nodes, "this one holds its checkpoints", node->strangers[i], report));
    }
    for (size_t i = 0; i < node->member_count; i++) {
        bool is_said = false;
        for (size_t k = 0; k < node->stranger_count; k++) {
            is_said |= rg_slice_is_equal(node->strangers[k], node->members[i]);
        }
        if (!is_said && find_node(nodes, node->members[i]) == NULL) {
            RG_TRY(find_missing(nodes, "this one names it as a member of the cluster", node->members[i], report));
        }
    }
    return RG_OK;
}

static const struct audit_vkey *root_of(const struct nodes *nodes, const struct node *node)
{
    for (size_t i = 0; i < nodes->options->root_count; i++) {
        const struct audit_vkey *root = &nodes->options->roots[i];
        if (rg_slice_has_prefix(root->name, node->origin) &&
            rg_slice_is_equal(rg_slice_cut(root->name, node->origin.size, SIZE_MAX), RG_SLICE("/root"))) {
            return root;
        }
    }
    return NULL;
}

static rg_status say(const struct nodes *nodes, const struct node *node, struct audit_report *report)
{
    return rg_arena_printf(nodes->arena, &report->elsewhere, "%zu checkpoints that other nodes recorded",
                           node->kept_count);
}

static rg_status judge(const struct nodes *nodes, struct node *node, struct audit_report *report)
{
    const struct audit_verify_options options = {.directory = node->directory,
                                                 .root = root_of(nodes, node),
                                                 .kept = node->kept,
                                                 .kept_count = node->kept_count,
                                                 .threads = nodes->options->threads,
                                                 .is_strict = nodes->options->is_strict};
    RG_TRY(audit_verify_with(&options, nodes->arena, report));
    RG_TRY(say(nodes, node, report));
    return judge_members(nodes, node, report);
}

/* ---- all ---- */

static rg_status open_nodes(struct nodes *nodes)
{
    for (size_t i = 0; i < nodes->options->count; i++) {
        struct node *node = &nodes->items[i];
        struct rg_slice origin = {0};
        node->directory = nodes->options->directories[i];
        RG_TRY(audit_directory_open(node->directory, nodes->arena, &node->fd));
        RG_TRY(audit_origin_load(node->fd, nodes->arena, &origin));
        if (find_node(nodes, origin) != NULL) {
            return rg_fail(RG_CONFIG, "two directories are of one log, %.*s", rg_slice_shown(origin), origin.data);
        }
        node->origin = origin;
    }
    return RG_OK;
}

static rg_status run(struct nodes *nodes, struct audit_report *reports)
{
    RG_TRY(open_nodes(nodes));
    for (size_t i = 0; i < nodes->options->count; i++) {
        RG_TRY(collect(nodes, &nodes->items[i]));
    }
    for (size_t i = 0; i < nodes->options->count; i++) {
        RG_TRY(judge(nodes, &nodes->items[i], &reports[i]));
    }
    return RG_OK;
}

rg_status nodes_verify(const struct nodes_options *options, struct rg_arena *arena, struct audit_report **out_reports)
{
    struct nodes nodes = {.options = options, .arena = arena};
    struct audit_report *reports = NULL;
    if (options->count == 0 || options->count > NODES_MAX) {
        return rg_fail(RG_CONFIG, "1 to %d directories are expected", NODES_MAX);
    }
    RG_TRY(rg_arena_array(arena, options->count, sizeof *reports, (void **)&reports));
    nodes.items = rg_memory_array(options->count, sizeof *nodes.items);
    for (size_t i = 0; i < options->count; i++) {
        nodes.items[i].fd = -1;
    }
    rg_status status = run(&nodes, reports);
    for (size_t i = 0; i < options->count; i++) {
        audit_fd_done(&nodes.items[i].fd);
        rg_memory_free(nodes.items[i].kept);
    }
    rg_memory_free(nodes.items);
    RG_TRY(status);
    *out_reports = reports;
    return RG_OK;
}
