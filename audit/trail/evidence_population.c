/* SPDX-License-Identifier: Apache-2.0 */
/* The records' own lines, as hashed, in the order of their numbers. A small population stays readable; a large one is
 * gzip in several members (RFC 1952 2.2), one for each stretch of a segment, made in parallel. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "audit/trail/evidence_private.h"

enum { PACKED_MAX = 64 << 20, PIECE = 1 << 18 };

void evidence_population_init(struct evidence_population *population, bool is_part)
{
    *population = (struct evidence_population){.fd = -1, .is_part = is_part};
    rg_buf_init(&population->held, EVIDENCE_HELD_MAX + AUDIT_LINE_MAX + 1);
    rg_buf_init(&population->packed, PACKED_MAX);
}

void evidence_population_done(struct evidence_population *population)
{
    rg_buf_done(&population->held);
    rg_buf_done(&population->packed);
    gzip_packer_free(&population->packer);
    rg_sha256_free(&population->sha256);
    audit_fd_done(&population->fd);
    population->fd = -1;
}

static rg_status put_packed(struct evidence_population *population, struct rg_slice bytes)
{
    rg_sha256_put(population->sha256, bytes);
    population->packed_bytes += bytes.size;
    return evidence_write(population->fd, bytes);
}

static rg_status open_file(struct evidence_population *population, const struct evidence_folder *folder,
                           const char *path)
{
    if (population->fd >= 0) {
        return RG_OK;
    }
    RG_TRY(population->is_part ? evidence_folder_scratch(folder, &population->fd)
                               : evidence_folder_create(folder, path, &population->fd));
    population->sha256 = rg_sha256_new();
    return RG_OK;
}

/* Packs what is held; at the end the member too. */
static rg_status pack(struct evidence_population *population, const struct evidence_folder *folder, const char *path,
                      bool is_end)
{
    if (population->packer == NULL && rg_buf_size(&population->held) == 0) {
        return RG_OK;
    }
    RG_TRY(open_file(population, folder, path));
    if (population->packer == NULL) {
        population->packer = gzip_packer_new_fast();
    }
    RG_TRY(gzip_pack(population->packer, rg_buf_slice(&population->held), is_end, &population->packed));
    rg_buf_clear(&population->held);
    RG_TRY(put_packed(population, rg_buf_slice(&population->packed)));
    rg_buf_clear(&population->packed);
    if (is_end) {
        gzip_packer_free(&population->packer);
    }
    return RG_OK;
}

rg_status evidence_population_put(struct evidence_population *population, const struct evidence_folder *folder,
                                  const char *path, struct rg_slice line, bool is_continued)
{
    RG_TRY(rg_buf_put(&population->held, line));
    RG_TRY(rg_buf_put_u8(&population->held, '\n'));
    population->lines++;
    population->records += is_continued ? 0 : 1;
    population->bytes += line.size + 1;
    return rg_buf_size(&population->held) > EVIDENCE_HELD_MAX ? pack(population, folder, path, false) : RG_OK;
}

static rg_status copy_file(struct evidence_population *population, int fd)
{
    RG_AUTO(rg_buf_done) struct rg_buf memory;
    char *piece = NULL;
    rg_buf_init(&memory, PIECE);
    RG_TRY(rg_buf_reserve(&memory, PIECE, &piece));
    for (uint64_t at = 0;;) {
        ssize_t got = pread(fd, piece, PIECE, (off_t)at);
        if (got < 0 && errno != EINTR) {
            return rg_fail(RG_STORAGE, "cannot read the evidence back: %s", strerror(errno));
        }
        if (got == 0) {
            return RG_OK;
        }
        if (got > 0) {
            RG_TRY(put_packed(population, rg_slice_make(piece, (size_t)got)));
            at += (uint64_t)got;
        }
    }
}

rg_status evidence_population_append(struct evidence_population *population, const struct evidence_folder *folder,
                                     const char *path, struct evidence_population *part)
{
    population->records += part->records;
    population->lines += part->lines;
    population->bytes += part->bytes;
    if (part->fd >= 0) {
        RG_TRY(pack(population, folder, path, true));
        RG_TRY(open_file(population, folder, path));
        RG_TRY(pack(part, folder, NULL, true));
        return copy_file(population, part->fd);
    }
    if (rg_buf_size(&population->held) + rg_buf_size(&part->held) > EVIDENCE_HELD_MAX) {
        RG_TRY(pack(population, folder, path, false));
    }
    if (rg_buf_size(&part->held) > EVIDENCE_HELD_MAX) { /* a last long line */
        RG_TRY(pack(part, folder, NULL, true));
        RG_TRY(pack(population, folder, path, true));
        RG_TRY(open_file(population, folder, path));
        return copy_file(population, part->fd);
    }
    return rg_buf_put(&population->held, rg_buf_slice(&part->held));
}

rg_status evidence_population_finish(struct evidence_population *population, struct evidence_folder *folder,
                                     const char *directory, char out_path[64])
{
    bool is_packed = population->fd >= 0;
    (void)snprintf(out_path, 64, "%spopulation.jsonl%s", directory, is_packed ? ".gz" : "");
    if (!is_packed) {
        return evidence_folder_put(folder, out_path, rg_buf_slice(&population->held));
    }
    RG_TRY(pack(population, folder, out_path, true));
    struct rg_digest sha256 = rg_sha256_end(population->sha256);
    return evidence_folder_add(folder, out_path, population->fd, population->packed_bytes, &sha256);
}
