/* SPDX-License-Identifier: Apache-2.0 */
/* What a node tells its peers: its newest signed checkpoint and its public keys, from files that are public anyway. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "audit/export/depot_private.h"
#include "audit/export/peer.h"
#include "audit/keys_list.h"
#include "audit/note_text.h"
#include "audit/publisher.h"
#include "audit/reader.h"

enum { TRIES = 5, NOTE_BYTES = 32 * 1024, EPOCH_DIGITS = 8 };

static DIR *open_listing(int directory_fd, const char *name)
{
    int fd = openat(directory_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *listing = fd < 0 ? NULL : fdopendir(fd);
    if (listing == NULL) {
        audit_fd_done(&fd);
    }
    return listing;
}

static uint64_t newest_size(int directory_fd)
{
    uint64_t newest = 0;
    DIR *listing = open_listing(directory_fd, "ckpt");
    for (const struct dirent *entry; listing != NULL && (entry = readdir(listing)) != NULL;) {
        uint64_t size = 0;
        if (depot_anchor_name_parse(rg_slice_of(entry->d_name), &size) && size > newest) {
            newest = size;
        }
    }
    if (listing != NULL) {
        (void)closedir(listing);
    }
    return newest;
}

static int put_file(int directory_fd, const char *path, size_t limit_bytes, struct rg_buf *body)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct rg_slice bytes = {0};
    rg_arena_init(&arena, 2 * limit_bytes + 1024);
    bool is_read = rg_is_ok(depot_read_file(directory_fd, path, limit_bytes, &arena, &bytes)) && bytes.size > 0;
    return is_read && rg_is_ok(rg_buf_put(body, bytes)) ? 200 : 404;
}

/* The newest may be replaced by a newer one between looking and reading. */
static int put_checkpoint(int directory_fd, struct rg_buf *body)
{
    char path[AUDIT_NOTE_PATH_SIZE];
    int status = 404;
    for (unsigned i = 0; i < TRIES && status != 200; i++) {
        audit_note_path(newest_size(directory_fd), path);
        status = put_file(directory_fd, path, NOTE_BYTES, body);
    }
    return status;
}

static void sort(uint64_t *numbers, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        uint64_t number = numbers[i];
        size_t at = i;
        for (; at > 0 && numbers[at - 1] > number; at--) {
            numbers[at] = numbers[at - 1];
        }
        numbers[at] = number;
    }
}

static int put_epochs(int directory_fd, struct rg_buf *body)
{
    uint64_t epochs[AUDIT_LISTS_MAX];
    size_t count = 0;
    DIR *listing = open_listing(directory_fd, "keys");
    for (const struct dirent *entry; listing != NULL && (entry = readdir(listing)) != NULL;) {
        if (count < AUDIT_LISTS_MAX && audit_list_name_parse(rg_slice_of(entry->d_name), &epochs[count])) {
            count++;
        }
    }
    if (listing != NULL) {
        (void)closedir(listing);
    }
    sort(epochs, count);
    for (size_t i = 0; i < count; i++) {
        if (!rg_is_ok(rg_buf_printf(body, "%08" PRIu64 "\n", epochs[i]))) {
            return 500;
        }
    }
    return count > 0 ? 200 : 404;
}

static bool parse_epoch(struct rg_slice text, uint64_t *out_epoch)
{
    uint64_t epoch = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        epoch = epoch * 10 + (uint64_t)(text.data[i] - '0');
    }
    *out_epoch = epoch;
    return text.size == EPOCH_DIGITS;
}

static int put_list(int directory_fd, struct rg_slice digits, struct rg_buf *body)
{
    char path[AUDIT_LIST_NAME_SIZE + sizeof "keys/"] = "keys/";
    uint64_t epoch = 0;
    if (!parse_epoch(digits, &epoch)) {
        return 404;
    }
    audit_list_name(epoch, path + sizeof "keys/" - 1);
    return put_file(directory_fd, path, AUDIT_NOTE_MAX, body);
}

int peer_answer(int directory_fd, struct rg_slice method, struct rg_slice path, struct rg_buf *body)
{
    struct rg_slice keys = RG_SLICE("/keys/");
    if (!rg_slice_is_equal(method, RG_SLICE("GET"))) {
        return 405;
    }
    if (rg_slice_is_equal(path, RG_SLICE("/checkpoint"))) {
        return put_checkpoint(directory_fd, body);
    }
    if (rg_slice_is_equal(path, RG_SLICE("/keys"))) {
        return put_epochs(directory_fd, body);
    }
    return rg_slice_has_prefix(path, keys) ? put_list(directory_fd, rg_slice_cut(path, keys.size, SIZE_MAX), body)
                                           : 404;
}

rg_status peer_epochs_parse(struct rg_slice bytes, uint64_t *out_epochs, size_t max, size_t *out_count)
{
    struct rg_slice rest = bytes;
    struct rg_slice line;
    size_t count = 0;
    while (audit_get_line(&rest, &line)) {
        uint64_t epoch = 0;
        if (count == max || !parse_epoch(line, &epoch) || (count > 0 && epoch <= out_epochs[count - 1])) {
            return rg_fail(RG_PROTOCOL, "no list of epochs: at most %zu lines of 8 digits, ascending", max);
        }
        out_epochs[count++] = epoch;
    }
    if (rest.size != 0 || count == 0) {
        return rg_fail(RG_PROTOCOL, "no list of epochs");
    }
    *out_count = count;
    return RG_OK;
}
