/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets in pages of their own. The content goes from the file straight into those pages, never through
 * the heap or stdio's buffers. */
#include "base/rg_secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/rg_crypto.h"

struct rg_secret {
    size_t mapped; /* bytes of the mapping, this header included */
    size_t size;
    char bytes[];
};

enum { PATH_BYTES = 2048 };

static rg_status secret_map(size_t capacity, struct rg_secret **out_secret)
{
    size_t mapped = sizeof(struct rg_secret) + capacity + 1;
    void *memory = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return rg_fail(RG_INTERNAL, "no memory for a secret");
    }
    (void)mlock(memory, mapped); /* best effort: RLIMIT_MEMLOCK may be small */
    (void)madvise(memory, mapped, MADV_DONTDUMP);
    struct rg_secret *secret = memory;
    secret->mapped = mapped;
    *out_secret = secret;
    return RG_OK;
}

void rg_secret_free(struct rg_secret **secret)
{
    if (*secret != NULL) {
        size_t mapped = (*secret)->mapped;
        rg_wipe(*secret, mapped);
        (void)munmap(*secret, mapped);
        *secret = NULL;
    }
}

struct rg_slice rg_secret_slice(const struct rg_secret *secret)
{
    return secret == NULL ? (struct rg_slice){NULL, 0} : rg_slice_make(secret->bytes, secret->size);
}

rg_status rg_secret_new(struct rg_slice bytes, struct rg_secret **out_secret)
{
    if (bytes.size > RG_SECRET_MAX_BYTES) {
        return rg_fail(RG_LIMIT, "larger than %d bytes", RG_SECRET_MAX_BYTES);
    }
    if (bytes.size == 0) {
        return rg_fail(RG_CONFIG, "empty");
    }
    struct rg_secret *secret = NULL;
    RG_TRY(secret_map(bytes.size, &secret));
    RG_ASSERT(secret != NULL);
    memcpy(secret->bytes, bytes.data, bytes.size);
    secret->size = bytes.size;
    *out_secret = secret;
    return RG_OK;
}

static void descriptor_close(const int *descriptor)
{
    if (*descriptor >= 0) {
        (void)close(*descriptor);
    }
}

static rg_status read_all(int descriptor, struct rg_secret *secret)
{
    while (secret->size <= RG_SECRET_MAX_BYTES) {
        ssize_t got = read(descriptor, secret->bytes + secret->size, RG_SECRET_MAX_BYTES + 1 - secret->size);
        if (got == 0) {
            return RG_OK;
        }
        if (got < 0 && errno != EINTR) {
            return rg_fail(RG_CONFIG, "cannot be read: %s", strerror(errno));
        }
        secret->size += got > 0 ? (size_t)got : 0;
    }
    return rg_fail(RG_LIMIT, "larger than %d bytes", RG_SECRET_MAX_BYTES);
}

static void drop_newline(struct rg_secret *secret)
{
    if (secret->size > 0 && secret->bytes[secret->size - 1] == '\n') {
        secret->size -= 1;
        if (secret->size > 0 && secret->bytes[secret->size - 1] == '\r') {
            secret->size -= 1;
        }
    }
    secret->bytes[secret->size] = '\0';
}

static rg_status check_content(const struct rg_secret *secret)
{
    if (secret->size == 0) {
        return rg_fail(RG_CONFIG, "is empty");
    }
    if (memchr(secret->bytes, '\0', secret->size) != NULL) {
        return rg_fail(RG_CONFIG, "holds a NUL byte");
    }
    return RG_OK;
}

static rg_status load_path(const char *path, struct rg_secret **out_secret)
{
    int descriptor RG_AUTO(descriptor_close) = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) {
        return rg_fail(RG_CONFIG, "cannot be opened: %s", strerror(errno));
    }
    struct rg_secret *secret RG_AUTO(rg_secret_free) = NULL;
    RG_TRY(secret_map(RG_SECRET_MAX_BYTES + 1, &secret));
    RG_TRY(read_all(descriptor, secret));
    drop_newline(secret);
    RG_TRY(check_content(secret));
    return rg_secret_new(rg_secret_slice(secret), out_secret); /* few pages: lockable memory is scarce */
}

static bool has_nul(struct rg_slice text)
{
    return text.size > 0 && memchr(text.data, '\0', text.size) != NULL;
}

static rg_status join_path(struct rg_slice directory, struct rg_slice path, char out_path[PATH_BYTES])
{
    bool is_alone = directory.size == 0 || (path.size > 0 && path.data[0] == '/');
    if (path.size == 0 || has_nul(path) || has_nul(directory) || path.size + directory.size + 2 > PATH_BYTES) {
        return rg_fail(RG_CONFIG, "is no usable path");
    }
    if (is_alone) {
        (void)snprintf(out_path, PATH_BYTES, "%.*s", (int)path.size, path.data);
    } else {
        (void)snprintf(out_path, PATH_BYTES, "%.*s/%.*s", (int)directory.size, directory.data, (int)path.size,
                       path.data);
    }
    return RG_OK;
}

rg_status rg_secret_load_file(struct rg_slice path, struct rg_slice directory, struct rg_secret **out_secret)
{
    char joined[PATH_BYTES];
    RG_TRY(join_path(directory, path, joined));
    return load_path(joined, out_secret);
}

static rg_status load_env(struct rg_slice name, struct rg_slice directory, struct rg_secret **out_secret)
{
    (void)directory;
    char text[256];
    if (name.size == 0 || name.size >= sizeof text || has_nul(name)) {
        return rg_fail(RG_CONFIG, "is no usable name");
    }
    (void)snprintf(text, sizeof text, "%.*s", (int)name.size, name.data);
    const char *value = getenv(text);
    if (value == NULL) {
        return rg_fail(RG_CONFIG, "is not set");
    }
    if (value[0] == '\0') {
        return rg_fail(RG_CONFIG, "is empty");
    }
    return rg_secret_new(rg_slice_of(value), out_secret);
}

static rg_status load_credential(struct rg_slice name, struct rg_slice directory, struct rg_secret **out_secret)
{
    (void)directory;
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");
    if (credentials == NULL || credentials[0] == '\0') {
        return rg_fail(RG_CONFIG, "is not there: CREDENTIALS_DIRECTORY is not set");
    }
    if (name.size == 0 || name.data[0] == '.' || memchr(name.data, '/', name.size) != NULL) {
        return rg_fail(RG_CONFIG, "is no name of a credential");
    }
    return rg_secret_load_file(name, rg_slice_of(credentials), out_secret);
}

struct scheme {
    const char *prefix;
    rg_status (*load)(struct rg_slice rest, struct rg_slice directory, struct rg_secret **out_secret);
};

static const struct scheme schemes[] = {
    {"file:", rg_secret_load_file},
    {"env:", load_env},
    {"cred:", load_credential},
};

static const struct scheme *scheme_find(struct rg_slice text)
{
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (rg_slice_has_prefix(text, rg_slice_of(schemes[i].prefix))) {
            return &schemes[i];
        }
    }
    return NULL;
}

bool rg_secret_is_reference(struct rg_slice text)
{
    return scheme_find(text) != NULL;
}

rg_status rg_secret_load(struct rg_slice reference, struct rg_slice directory, struct rg_secret **out_secret)
{
    const struct scheme *scheme = scheme_find(reference);
    if (scheme == NULL) {
        return rg_fail(RG_CONFIG, "is no reference: file:PATH, env:NAME or cred:NAME");
    }
    struct rg_slice rest = rg_slice_cut(reference, strlen(scheme->prefix), reference.size);
    rg_status status = scheme->load(rest, directory, out_secret);
    if (!rg_is_ok(status)) {
        char text[sizeof status.error->text];
        (void)snprintf(text, sizeof text, "%s", status.error->text); /* rg_fail writes over it */
        return rg_fail(status.error->kind, "%.*s %s", rg_slice_shown(reference), reference.data, text);
    }
    return RG_OK;
}
