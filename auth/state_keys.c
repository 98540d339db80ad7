/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of a state, all derived from one secret: the configuration's, or a file of random bytes beside a SQLite
 * database, which is made when neither it nor a database is there. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/state_private.h"

enum { KEY_FILE_BYTES = 32, PATH_SIZE = 1024 + 8 };

static rg_status derive(struct rg_slice secret, struct auth_state_keys *out_keys)
{
    struct rg_digest seal;
    struct rg_slice salt = RG_SLICE("rowgate state 1");
    struct auth_state_keys keys = {0};
    if (secret.size < AUTH_STATE_KEY_MIN) {
        return rg_fail(RG_CONFIG, "the key of the state has %zu bytes, must have %d at least", secret.size,
                       AUTH_STATE_KEY_MIN);
    }
    RG_TRY(rg_hkdf_sha256(secret, salt, RG_SLICE("index"), &keys.index));
    RG_TRY(rg_hkdf_sha256(secret, salt, RG_SLICE("csrf"), &keys.csrf));
    RG_TRY(rg_hkdf_sha256(secret, salt, RG_SLICE("capsule"), &keys.capsule));
    RG_TRY(rg_hkdf_sha256(secret, salt, RG_SLICE("view"), &keys.view));
    RG_TRY(rg_hkdf_sha256(secret, salt, RG_SLICE("seal"), &seal));
    keys.seal = rg_aead_new(seal.bytes);
    rg_wipe(&seal, sizeof seal);
    *out_keys = keys;
    return RG_OK;
}

static bool write_whole(int fd, const uint8_t *bytes, size_t size)
{
    return write(fd, bytes, size) == (ssize_t)size && fsync(fd) == 0;
}

/* Exclusively, so that two that start at once cannot make two keys. */
static rg_status make_key(const char *path)
{
    uint8_t bytes[KEY_FILE_BYTES];
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return rg_fail(RG_STORAGE, "cannot make the state's key \"%.200s\": %s", path, strerror(errno));
    }
    rg_random(bytes, sizeof bytes);
    bool is_written = write_whole(fd, bytes, sizeof bytes);
    int error = errno;
    rg_wipe(bytes, sizeof bytes);
    (void)close(fd);
    if (!is_written) {
        (void)unlink(path);
        return rg_fail(RG_STORAGE, "cannot write the state's key \"%.200s\": %s", path, strerror(error));
    }
    return RG_OK;
}

static rg_status read_key(int fd, const char *path, struct auth_state_keys *out_keys)
{
    struct stat about = {0};
    uint8_t bytes[KEY_FILE_BYTES + 1];
    if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode) || (about.st_mode & 077) != 0) {
        return rg_fail(RG_STORAGE, "the state's key \"%.200s\" must be a file that only its owner can read: chmod 600",
                       path);
    }
    ssize_t size = read(fd, bytes, sizeof bytes);
    rg_status status = size == KEY_FILE_BYTES ? derive(rg_slice_make(bytes, KEY_FILE_BYTES), out_keys)
                                              : rg_fail(RG_STORAGE, "the state's key \"%.200s\" does not have %d bytes",
                                                        path, KEY_FILE_BYTES);
    rg_wipe(bytes, sizeof bytes);
    return status;
}

/* A database whose key is lost must not get a new one in silence. */
static rg_status load_file(struct rg_slice database, struct auth_state_keys *out_keys)
{
    char path[PATH_SIZE];
    char database_path[PATH_SIZE];
    struct stat about = {0};
    (void)snprintf(database_path, sizeof database_path, "%.*s", RG_SLICE_ARGS(database));
    (void)snprintf(path, sizeof path, "%.*s.key", RG_SLICE_ARGS(database));
    bool is_new = stat(database_path, &about) != 0 || about.st_size == 0;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT && is_new) {
        RG_TRY(make_key(path));
        fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    }
    if (fd < 0) {
        return rg_fail(RG_STORAGE, "cannot read the state's key \"%.200s\": %s", path, strerror(errno));
    }
    rg_status status = read_key(fd, path, out_keys);
    (void)close(fd);
    return status;
}

rg_status auth_state_keys_load(const struct auth_state_options *options, struct auth_state_keys *out_keys)
{
    struct rg_slice path = auth_state_url_path(options->url);
    if (options->key.size > 0) {
        return derive(options->key, out_keys);
    }
    if (path.size == 0) {
        return rg_fail(RG_CONFIG, "a state that several nodes share needs a key");
    }
    return path.size >= 1024 ? rg_fail(RG_CONFIG, "the path of the state is too long") : load_file(path, out_keys);
}

void auth_state_keys_done(struct auth_state_keys *keys)
{
    rg_aead_free(&keys->seal);
    rg_wipe(keys, sizeof *keys);
}

struct rg_digest auth_state_index(const struct auth_state_keys *keys, const char *what, const struct rg_slice *parts,
                                  size_t part_count)
{
    struct rg_sha256_stream *stream = rg_sha256_new();
    rg_sha256_put(stream, rg_slice_make(what, strlen(what) + 1));
    for (size_t i = 0; i < part_count; i++) {
        uint64_t size = parts[i].size;
        rg_sha256_put(stream, rg_slice_make(&size, sizeof size));
        rg_sha256_put(stream, parts[i]);
    }
    struct rg_digest digest = rg_sha256_end(stream);
    rg_sha256_free(&stream);
    return rg_hmac_sha256(rg_slice_make(keys->index.bytes, sizeof keys->index.bytes),
                          rg_slice_make(digest.bytes, sizeof digest.bytes));
}
