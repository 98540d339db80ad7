/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_KEYS_H
#define RG_AUDIT_KEYS_H

#include "audit/note.h"
#include "audit/store.h"

/* Forward-secure signing keys (reference audit.md 3.5; docs/audit-keys.md).
 *
 * seed_0 is random; seed_(e+1) = HKDF-SHA-256(seed_e, info "rowgate/audit/seed"), and key_e's Ed25519 seed is
 * HKDF-SHA-256(seed_e, info "rowgate/audit/key"). A host holds seed_e of the current epoch only: who steals it can sign
 * from e on, not before. All public keys of a chain are listed beforehand:
 *
 * keys/list-<first epoch, 8 digits>.note: a signed note of the root key whose text is
 *     rowgate/audit/keys/v1 LF  origin LF  <first epoch> <count> <seconds of an epoch> LF  and count lines of base64
 *     public keys. Key ids under the name `origin` differ between all epochs.
 * keys/root.vkey: the root's public key, one line (a copy: an outsider pins the one he was given).
 * keys/seed: 0600 and the auditor's own, two slots of 512 bytes {8 bytes "rgseed1\n", u64 epoch big endian, 32 bytes
 * seed, 32 bytes SHA-256 of what stands before, zeros}; a step writes the free slot, syncs, wipes the old one, syncs.
 * (Not 0400: the owner must write it in place, and 0400 stops no owner.) keys/seed.next: the same with one slot, from
 * `keys rotate`, until the auditor takes it; it counts only when list-<its epoch>.note is there. Who steps or rotates
 * holds the lock (flock) of keys/seed.
 *
 * The epoch of a checkpoint of size N is the number of epoch.open records among records 0 to N-2: the record that opens
 * epoch e+1 is itself still covered by key_e, in a checkpoint of exactly that size. */

enum {
    AUDIT_EPOCHS_MAX = 16384,    /* of one list: stays below AUDIT_NOTE_MAX */
    AUDIT_EPOCHS_DEFAULT = 8784, /* a leap year of hours */
    AUDIT_EPOCH_SECONDS_DEFAULT = 3600,
    AUDIT_EPOCH_SECONDS_MAX = 31 * 86400,
    AUDIT_LISTS_MAX = 64
};

/* ---- public half: verifiers and the auditor ---- */

struct audit_keys {
    struct rg_slice origin;
    uint64_t epoch_count;   /* over all lists: epochs 0 to epoch_count - 1 */
    unsigned epoch_seconds; /* of the newest list */
    uint8_t (*public_keys)[AUDIT_PUBLIC_SIZE];
    struct audit_list_info {
        uint64_t first_epoch;
        uint64_t count;
        unsigned epoch_seconds;
        struct rg_digest root; /* RFC 6962 root over the list's public keys, 32 bytes a leaf */
    } lists[AUDIT_LISTS_MAX];
    size_t list_count;
    struct audit_vkey root; /* whose signature every list carries */
    bool is_root_pinned;    /* false: root.vkey of the directory was believed */
};

/* Reads directory_fd/keys. pinned_root: the outsider's own copy, or NULL. A list may begin at or before the end of the
 * one before it (rotation): the later list then owns its epochs from its first one on.
 * Returns: RG_STORAGE when absent or unreadable; RG_PROTOCOL when a list, its signature or its range is wrong (the text
 * says which). The texts and keys live in the arena. */
rg_status audit_keys_load(int directory_fd, const struct audit_vkey *pinned_root, struct rg_arena *arena,
                          struct audit_keys *out_keys) RG_MUST_CHECK;
/* The same from lists that somebody handed over, count of them, ascending by first epoch, as bytes. RG_PROTOCOL;
 * RG_LIMIT when the arena is full. */
rg_status audit_keys_parse(const struct rg_slice *notes, size_t count, const struct audit_vkey *pinned_root,
                           struct rg_arena *arena, struct audit_keys *out_keys) RG_MUST_CHECK;
/* The verifying key of an epoch under the name `origin`. RG_LIMIT past the lists. */
rg_status audit_keys_vkey(const struct audit_keys *keys, uint64_t epoch, struct audit_vkey *out_key) RG_MUST_CHECK;
/* R of the genesis value (audit/line.h): the root of the first list. */
struct rg_digest audit_keys_genesis_root(const struct audit_keys *keys);
/* The epoch whose seed the host holds, for people to look at. Needs the right to read keys/seed. RG_STORAGE. */
rg_status audit_keys_current_epoch(int directory_fd, uint64_t *out_epoch) RG_MUST_CHECK;

/* ---- private half: the auditor's process only ---- */

struct audit_signer; /* the current seed, in locked memory, wiped when freed */

/* Reads keys/seed, finishes an interrupted step. keys is not needed afterwards: the signer reads the lists itself, and
 * again when a rotation comes, all under keys->root. RG_STORAGE when absent (the text names `rowgate audit keys init`),
 * of wrong mode or form, or when its key is not the listed one of its epoch. */
rg_status audit_signer_open(int directory_fd, const struct audit_store *store, const struct audit_keys *keys,
                            struct audit_signer **out_signer) RG_MUST_CHECK;
void audit_signer_free(struct audit_signer **signer); /* wipes; nulls */
uint64_t audit_signer_epoch(const struct audit_signer *signer);
/* Appends the signed note of the checkpoint, by the current epoch's key. */
rg_status audit_signer_sign(const struct audit_signer *signer, const struct audit_checkpoint *checkpoint,
                            struct rg_buf *out) RG_MUST_CHECK;
/* To epoch + 1: the new seed is on disk before the old one is wiped there. At the end of the lists: RG_LIMIT, the
 * signer stays in the last epoch. After RG_STORAGE the signer stays as it was and may be asked again. */
rg_status audit_signer_step(struct audit_signer *signer) RG_MUST_CHECK;
/* True when keys/seed.next is there and its list begins at epoch + 1: the next step goes to it. Reads the directory. */
bool audit_signer_has_next(struct audit_signer *signer);

/* ---- making them: `rowgate audit keys`, offline ---- */

struct audit_keys_options {
    struct rg_slice directory; /* of the log; created 0700 when absent */
    struct rg_slice origin;    /* RG_CONFIG when it holds spaces or '+' */
    struct rg_slice root_file; /* the root's private key, PEM (PKCS #8), 0400: created by init, read by rotate */
    uint64_t epoch_count;      /* 0 = default */
    unsigned epoch_seconds;    /* 0 = default */
};
/* RG_STORAGE when keys/, a first segment or the root file is there already, or on I/O: nothing half-made stays.
 * RG_CONFIG or RG_LIMIT for bad options. Run by root, the files go to the owner of the directory, not the root file. */
rg_status audit_keys_init(const struct audit_keys_options *options) RG_MUST_CHECK;
/* A new chain from fresh randomness, from current epoch + 1 on; the auditor takes it at its next step, running or not.
 * origin and epoch_seconds may be left empty. RG_CONFIG when root_file is not this log's root; RG_STORAGE when a
 * rotation waits already, or on I/O: nothing half-made stays; RG_LIMIT when there are too many lists. */
rg_status audit_keys_rotate(const struct audit_keys_options *options) RG_MUST_CHECK;

#endif
