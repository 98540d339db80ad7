/* SPDX-License-Identifier: Apache-2.0 */
/* The ring between a gateway's loop and the auditor. Called by client.c on one side, by auditor_rings.c on the other.
 *
 * Two orders carry it. The client writes an entry, then how far it put, then reads the state; the auditor writes the
 * state, then reads how far was put: with the fences between, one of them sees the other, so that no entry is believed
 * that nobody takes, and nobody sleeps over one. And what the auditor reads after that position has all bytes of the
 * entries before it. */
#include "audit/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

static const char magic[16] = "rowgate/ring/1\n";

enum {
    TOLD_AT = 512, /* of struct told, in the head */
    PUT_AT = 1024, /* of the client's position; a cache line of its own */
    ENTRY_HEAD = 16,
};

/* Written once. */
struct head {
    char magic[sizeof magic];
    uint64_t key;
    struct audit_ring_owner owner;
    uint64_t is_mappable;
};

/* Written by the auditor again and again, and read meanwhile: a number that is read in two halves is told from others
 * by its complement. */
struct told {
    uint64_t state;
    uint64_t drained;
    uint64_t not_drained;
    uint64_t sleeps;
    uint64_t turn_seq;
};

static size_t round_up(size_t size, size_t unit)
{
    return (size + unit - 1) / unit * unit;
}

static size_t entry_size(size_t content_size)
{
    return round_up(ENTRY_HEAD + round_up(content_size, sizeof(uint64_t)) + sizeof(uint64_t), ENTRY_HEAD);
}

/* ---- bytes of the file ---- */

static bool read_at(int fd, void *memory, size_t size, uint64_t offset)
{
    char *at = memory;
    while (size > 0) {
        ssize_t got = pread(fd, at, size, (off_t)offset);
        if (got == 0 || (got < 0 && errno != EINTR)) {
            return false;
        }
        size_t step = got > 0 ? (size_t)got : 0;
        at += step;
        size -= step;
        offset += step;
    }
    return true;
}

static bool write_at(int fd, const void *memory, size_t size, uint64_t offset)
{
    const char *at = memory;
    while (size > 0) {
        ssize_t put = pwrite(fd, at, size, (off_t)offset);
        if (put == 0 || (put < 0 && errno != EINTR)) {
            return false;
        }
        size_t step = put > 0 ? (size_t)put : 0;
        at += step;
        size -= step;
        offset += step;
    }
    return true;
}

/* What stands from `position` on: to the end of the file, then from its start. */
static size_t before_end(uint64_t position, size_t size)
{
    size_t left = AUDIT_RING_BYTES - (size_t)(position % AUDIT_RING_BYTES);
    return size < left ? size : left;
}

static bool read_entries(const struct audit_ring *ring, uint64_t position, char *memory, size_t size)
{
    size_t first = before_end(position, size);
    return read_at(ring->fd, memory, first, AUDIT_RING_HEAD + position % AUDIT_RING_BYTES) &&
           read_at(ring->fd, memory + first, size - first, AUDIT_RING_HEAD);
}

static bool write_entry(const struct audit_ring *ring, struct rg_slice bytes)
{
    size_t first = before_end(ring->at, bytes.size);
    return write_at(ring->fd, bytes.data, first, AUDIT_RING_HEAD + ring->at % AUDIT_RING_BYTES) &&
           write_at(ring->fd, bytes.data + first, bytes.size - first, AUDIT_RING_HEAD);
}

/* ---- both ---- */

bool audit_ring_boot(char out_boot[64])
{
    char boot[64] = {0};
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, boot, sizeof boot - 1);
    if (fd >= 0) {
        (void)close(fd);
    }
    memcpy(out_boot, boot, sizeof boot);
    return got > 0;
}

static void init(int fd, uint64_t key, struct audit_ring *out_ring)
{
    *out_ring = (struct audit_ring){.fd = fd, .key = key, .state = AUDIT_RING_AWAKE};
    rg_buf_init(&out_ring->memory, AUDIT_RING_BYTES);
}

static _Atomic uint64_t *word_at(const struct audit_ring *ring, size_t offset)
{
    return (_Atomic uint64_t *)ring->map + offset / sizeof(uint64_t);
}

void audit_ring_close(struct audit_ring *ring)
{
    if (ring->map != NULL) {
        (void)munmap(ring->map, AUDIT_RING_FILE);
    }
    if (ring->memory.limit_bytes > 0 && ring->fd >= 0) {
        (void)close(ring->fd);
    }
    rg_buf_done(&ring->memory);
    *ring = (struct audit_ring){.fd = -1};
}

static bool read_told(const struct audit_ring *ring, struct told *out_told)
{
    uint64_t words[sizeof *out_told / sizeof(uint64_t)];
    if (ring->map == NULL) {
        return read_at(ring->fd, out_told, sizeof *out_told, TOLD_AT);
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        words[i] = atomic_load_explicit(word_at(ring, TOLD_AT) + i, memory_order_acquire);
    }
    memcpy(out_told, words, sizeof *out_told);
    return true;
}

bool audit_ring_hear(struct audit_ring *ring)
{
    struct told told = {0};
    if (!read_told(ring, &told)) {
        return false;
    }
    ring->state = told.state > AUDIT_RING_ASLEEP ? AUDIT_RING_CLOSED : (enum audit_ring_state)told.state;
    ring->sleeps = told.sleeps;
    if (told.drained == ~told.not_drained && told.drained >= ring->drained && told.drained <= ring->at) {
        ring->drained = told.drained;
        ring->turn_seq = told.turn_seq;
    }
    return true;
}

bool audit_ring_entry(struct rg_slice bytes, uint64_t position, uint64_t key, struct rg_slice *out_content,
                      size_t *out_size)
{
    uint64_t mark = 0;
    uint64_t end_mark = 0;
    uint32_t size = 0;
    if (bytes.size < ENTRY_HEAD) {
        return false;
    }
    memcpy(&mark, bytes.data, sizeof mark);
    memcpy(&size, bytes.data + sizeof mark, sizeof size);
    if (mark != (position ^ key) || size == 0 || size > AUDIT_RING_ENTRY_MAX || entry_size(size) > bytes.size) {
        return false;
    }
    memcpy(&end_mark, bytes.data + ENTRY_HEAD + round_up(size, sizeof end_mark), sizeof end_mark);
    if (end_mark != ~(position ^ key)) {
        return false;
    }
    *out_content = rg_slice_cut(bytes, ENTRY_HEAD, size);
    *out_size = entry_size(size);
    return true;
}

/* ---- the client's side ---- */

static bool read_head(int fd, struct head *head)
{
    return read_at(fd, head, sizeof *head, 0) && memcmp(head->magic, magic, sizeof magic) == 0;
}

/* In memory for good where the limit allows: then no store ever waits for the disk, or finds that it fails. */
static void *map_file(int fd)
{
    void *map = mmap(NULL, AUDIT_RING_FILE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) {
        return NULL; /* the calls serve */
    }
    (void)mlock(map, AUDIT_RING_FILE);
    return map;
}

rg_status audit_ring_attach(int fd, struct audit_ring *out_ring)
{
    struct head head = {0};
    struct stat info = {0};
    if (fstat(fd, &info) != 0 || info.st_size != AUDIT_RING_FILE || !read_head(fd, &head)) {
        (void)close(fd);
        return rg_fail(RG_STORAGE, "the auditor handed over something that is no ring");
    }
    init(fd, head.key, out_ring);
    out_ring->map = head.is_mappable == 1 ? map_file(fd) : NULL;
    return RG_OK;
}

static rg_status compose(struct audit_ring *ring, struct rg_slice content)
{
    const uint64_t mark = ring->at ^ ring->key;
    const uint64_t end_mark = ~mark;
    const uint32_t size[2] = {(uint32_t)content.size, 0};
    const char zeros[ENTRY_HEAD] = {0};
    size_t padded = round_up(content.size, sizeof end_mark);
    size_t rest = entry_size(content.size) - ENTRY_HEAD - padded - sizeof end_mark;
    rg_buf_clear(&ring->memory);
    RG_TRY(rg_buf_put(&ring->memory, rg_slice_make(&mark, sizeof mark)));
    RG_TRY(rg_buf_put(&ring->memory, rg_slice_make(size, sizeof size)));
    RG_TRY(rg_buf_put(&ring->memory, content));
    RG_TRY(rg_buf_put(&ring->memory, rg_slice_make(zeros, padded - content.size)));
    RG_TRY(rg_buf_put(&ring->memory, rg_slice_make(&end_mark, sizeof end_mark)));
    return rg_buf_put(&ring->memory, rg_slice_make(zeros, rest));
}

/* As write_entry, into the mapping. */
static void store(const struct audit_ring *ring, uint64_t position, const void *data, size_t size)
{
    char *entries = (char *)ring->map + AUDIT_RING_HEAD;
    size_t first = before_end(position, size);
    memcpy(entries + position % AUDIT_RING_BYTES, data, first);
    if (first < size) {
        memcpy(entries, (const char *)data + first, size - first);
    }
}

static void store_entry(const struct audit_ring *ring, struct rg_slice content)
{
    const uint64_t mark = ring->at ^ ring->key;
    const uint64_t ends[2] = {~mark, 0};
    const struct {
        uint64_t mark;
        uint32_t size;
        uint32_t zero;
    } start = {mark, (uint32_t)content.size, 0};
    const char zeros[sizeof mark] = {0};
    size_t padded = round_up(content.size, sizeof mark);
    store(ring, ring->at, &start, sizeof start);
    store(ring, ring->at + sizeof start, content.data, content.size);
    store(ring, ring->at + sizeof start + content.size, zeros, padded - content.size);
    store(ring, ring->at + sizeof start + padded, ends, entry_size(content.size) - sizeof start - padded);
}

/* From here on the auditor takes it. */
static bool announce(struct audit_ring *ring, uint64_t put)
{
    if (ring->map == NULL) {
        return write_at(ring->fd, &put, sizeof put, PUT_AT);
    }
    atomic_store_explicit(word_at(ring, PUT_AT), put, memory_order_release);
    return true;
}

static bool put_entry(struct audit_ring *ring, struct rg_slice content)
{
    if (ring->map != NULL) {
        store_entry(ring, content);
        return true;
    }
    return rg_is_ok(compose(ring, content)) && write_entry(ring, rg_buf_slice(&ring->memory));
}

/* One entry's room is never used: what the next one would overwrite stays as it is until it is drained. */
static bool has_room(const struct audit_ring *ring, size_t size)
{
    return ring->at - ring->drained + size < AUDIT_RING_BYTES;
}

enum audit_ring_put audit_ring_put(struct audit_ring *ring, struct rg_slice content)
{
    if (content.size == 0 || content.size > AUDIT_RING_ENTRY_MAX) {
        return AUDIT_RING_FULL;
    }
    size_t size = entry_size(content.size);
    if (!has_room(ring, size) && (!audit_ring_hear(ring) || !has_room(ring, size))) {
        return AUDIT_RING_FULL;
    }
    if (!put_entry(ring, content) || !announce(ring, ring->at + size)) {
        return AUDIT_RING_FAILED;
    }
    ring->at += size;
    atomic_thread_fence(memory_order_seq_cst);
    if (!audit_ring_hear(ring)) {
        ring->state = AUDIT_RING_CLOSED;
    }
    return AUDIT_RING_PUT;
}

/* ---- the auditor's side ---- */

/* Those that give a page that was written once no new place on the disk, so that no store needs room. */
static bool is_in_place(int fd)
{
    static const unsigned long types[] = {0xef53 /* ext4 */, 0x58465342 /* XFS */, 0x01021994 /* tmpfs */};
    struct statfs info = {0};
    bool is_known = fstatfs(fd, &info) == 0;
    for (size_t i = 0; is_known && i < sizeof types / sizeof types[0]; i++) {
        if ((unsigned long)info.f_type == types[i]) {
            return true;
        }
    }
    return false;
}

static rg_status fill(const struct audit_store *store, int fd, const char *name, const struct head *head)
{
    static const char zeros[64 * 1024];
    for (uint64_t offset = 0; offset < AUDIT_RING_FILE; offset += sizeof zeros) {
        size_t left = (size_t)(AUDIT_RING_FILE - offset);
        size_t size = left < sizeof zeros ? left : sizeof zeros;
        RG_TRY(audit_store_write(store, fd, rg_slice_make(zeros, size), offset, name));
    }
    return audit_store_write(store, fd, rg_slice_make(head, sizeof *head), 0, name);
}

rg_status audit_ring_create(const struct audit_store *store, int directory_fd, const char *name,
                            const struct audit_ring_owner *owner, struct audit_ring *out_ring)
{
    struct head head = {.owner = *owner};
    memcpy(head.magic, magic, sizeof magic);
    rg_random(&head.key, sizeof head.key);
    int fd = store->open(store->context, directory_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return audit_store_fail("cannot create", name, fd);
    }
    head.is_mappable = is_in_place(fd) ? 1 : 0;
    rg_status status = fill(store, fd, name, &head);
    if (!rg_is_ok(status)) {
        (void)store->remove(store->context, directory_fd, name, false);
        store->close(store->context, fd);
        return status;
    }
    init(fd, head.key, out_ring);
    audit_ring_tell(out_ring);
    return RG_OK;
}

rg_status audit_ring_open(int fd, const struct audit_ring_owner *owner, bool *out_is_ours, struct audit_ring *out_ring)
{
    struct head head = {0};
    struct stat info = {0};
    struct told told = {0};
    bool is_file = fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size == AUDIT_RING_FILE;
    if (!is_file || !read_head(fd, &head) || !read_at(fd, &told, sizeof told, TOLD_AT)) {
        (void)close(fd);
        return rg_fail(RG_PROTOCOL, "not a ring of this version, or not all of one");
    }
    init(fd, head.key, out_ring);
    out_ring->at = told.drained;
    out_ring->drained = told.drained;
    out_ring->turn_seq = told.turn_seq;
    *out_is_ours = memcmp(&head.owner, owner, sizeof *owner) == 0 && told.drained == ~told.not_drained;
    return RG_OK;
}

void audit_ring_tell(struct audit_ring *ring)
{
    const struct told told = {.state = (uint64_t)ring->state,
                              .drained = ring->drained,
                              .not_drained = ~ring->drained,
                              .sleeps = ring->sleeps,
                              .turn_seq = ring->turn_seq};
    (void)write_at(ring->fd, &told, sizeof told, TOLD_AT);
    atomic_thread_fence(memory_order_seq_cst);
}

/* The client may write while it is read: what is the same twice was there as a whole. False: it changes and changes, or
 * cannot be read; a client that wants so is not waited for. */
static bool read_put(const struct audit_ring *ring, uint64_t *out_put)
{
    enum { TRIES = 8 };
    uint64_t last = 0;
    for (size_t i = 0; i < TRIES; i++) {
        uint64_t put = 0;
        if (!read_at(ring->fd, &put, sizeof put, PUT_AT)) {
            return false;
        }
        if (i > 0 && put == last) {
            *out_put = put;
            return true;
        }
        last = put;
    }
    return false;
}

bool audit_ring_has_more(const struct audit_ring *ring)
{
    uint64_t put = 0;
    return !read_put(ring, &put) || put != ring->at;
}

static bool look(struct audit_ring *ring, size_t size, struct rg_slice *out_bytes)
{
    char *memory = NULL;
    rg_buf_clear(&ring->memory);
    if (!rg_is_ok(rg_buf_reserve(&ring->memory, size, &memory)) || !read_entries(ring, ring->at, memory, size)) {
        return false;
    }
    rg_buf_commit(&ring->memory, size);
    *out_bytes = rg_buf_slice(&ring->memory);
    return true;
}

/* As far as entries are whole: those of an honest client are. */
static size_t copy_contents(const struct audit_ring *ring, struct rg_slice bytes, struct rg_buf *out)
{
    size_t taken = 0;
    size_t size = 0;
    struct rg_slice content = {0};
    while (audit_ring_entry(rg_slice_cut(bytes, taken, SIZE_MAX), ring->at + taken, ring->key, &content, &size) &&
           rg_is_ok(rg_buf_put(out, content))) {
        taken += size;
    }
    return taken;
}

bool audit_ring_take(struct audit_ring *ring, struct rg_buf *out)
{
    uint64_t put = 0;
    struct rg_slice bytes = {0};
    if (!read_put(ring, &put) || put == ring->at) {
        return false;
    }
    uint64_t size = put - ring->at; /* the client's word for it, which may be nonsense */
    atomic_thread_fence(memory_order_seq_cst);
    if (!look(ring, size < AUDIT_RING_BYTES ? (size_t)size : AUDIT_RING_BYTES, &bytes)) {
        return false;
    }
    size_t taken = copy_contents(ring, bytes, out);
    ring->at += taken;
    return taken > 0;
}
