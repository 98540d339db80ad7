/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_KEYS_MAKE_PRIVATE_H
#define RG_AUDIT_KEYS_MAKE_PRIVATE_H

#include "audit/keys_private.h"

/* What `keys init` and `keys rotate` share: files that are whole or not there. Owner rights are set before a byte is
 * written; each failure is RG_STORAGE unless said otherwise. */

enum { AUDIT_MAKE_PATH_BYTES = 1024, AUDIT_MAKE_SEED_MODE = 0600, AUDIT_MAKE_PUBLIC_MODE = 0644 };

struct audit_make_owner {
    bool is_given; /* root makes files for somebody else */
    uid_t uid;
    gid_t gid;
};
/* Whom the file behind fd belongs to, when root asks. */
struct audit_make_owner audit_make_owner_of(int fd);

/* The machine's files and randomness. */
struct audit_keys_maker audit_make_maker(void);
/* RG_LIMIT: too many epochs, or too long ones. */
rg_status audit_make_check(const struct audit_keys_options *options) RG_MUST_CHECK;
/* RG_CONFIG: empty, too long, or with a NUL in it. */
rg_status audit_make_path(struct rg_slice path, const char *what, char out_path[AUDIT_MAKE_PATH_BYTES]) RG_MUST_CHECK;
/* A new file, synced; removed again when that fails. */
rg_status audit_make_file(const struct audit_store *store, int directory_fd, const char *name, mode_t mode,
                          const struct audit_make_owner *owner, struct rg_slice bytes) RG_MUST_CHECK;
rg_status audit_make_slot_file(const struct audit_store *store, int keys_fd, const char *name, unsigned slots,
                               const struct audit_make_owner *owner, const struct audit_slot *slot) RG_MUST_CHECK;
rg_status audit_make_list_file(const struct audit_store *store, int keys_fd, const char *name,
                               const struct audit_make_owner *owner, const struct audit_list *list,
                               const struct audit_vkey *root, const uint8_t root_seed[AUDIT_SEED_SIZE]) RG_MUST_CHECK;
rg_status audit_make_sync(const struct audit_store *store, int directory_fd) RG_MUST_CHECK;
void audit_make_fd_close(const int *fd); /* for RG_AUTO */

#endif
