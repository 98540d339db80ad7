/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUTH_SCRAM_H
#define RG_AUTH_SCRAM_H

#include "base/rg_arena.h"
#include "base/rg_crypto.h"

/* The credential kind SCRAM-SHA-256 (RFC 5802, RFC 7677), server side, as PostgreSQL speaks it: the name in
 * the client's first message is ignored (the startup message's counts), no channel binding. Messages are
 * those of the SASL exchange, without the wire's framing. */

enum {
    AUTH_SCRAM_MIN_ITERATIONS = 4096, /* RFC 7677 4 */
    AUTH_SCRAM_MAX_ITERATIONS = 1000000,
    AUTH_SCRAM_DEFAULT_ITERATIONS = 4096,
    AUTH_SCRAM_MAX_SALT = 64,
    AUTH_SCRAM_NONCE_SIZE = 24, /* characters of the server's part of the nonce */
    AUTH_SCRAM_MAX_SERVER_NONCE = 32,
    AUTH_SCRAM_MAX_NONCE = 256, /* of the client's part */
    AUTH_SCRAM_MAX_MESSAGE = 1024,
    AUTH_SCRAM_MAX_SERVER_FIRST = 512,
};

/* What is stored of a password: enough to verify, not to log in with. */
struct auth_scram_verifier {
    unsigned iterations;
    size_t salt_size;
    char salt[AUTH_SCRAM_MAX_SALT];
    struct rg_digest stored_key;
    struct rg_digest server_key;
};

/* "SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>", the form of pg_authid.rolpassword.
 * RG_CONFIG when malformed, without showing it; *out_verifier untouched then. Any thread. */
rg_status auth_scram_verifier_parse(struct rg_slice text, struct rg_arena *arena,
                                    struct auth_scram_verifier *out_verifier) RG_MUST_CHECK;
/* Makes that text. The password must be 1 to 1024 printable ASCII characters, for which SASLprep is the
 * identity; salt 8 to 64 bytes. RG_CONFIG otherwise. */
rg_status auth_scram_verifier_make(struct rg_slice password, struct rg_slice salt, unsigned iterations,
                                   struct rg_arena *arena, struct rg_slice *out_text) RG_MUST_CHECK;
/* Wipes it. */
void auth_scram_verifier_done(struct auth_scram_verifier *verifier);

/* What unknown names are answered with: per process and secret, so that a name's salt is stable and says
 * nothing. iterations should be what the real accounts use. */
struct auth_scram_mock {
    unsigned iterations;
    struct rg_digest secret;
};
void auth_scram_mock_init(struct auth_scram_mock *mock, unsigned iterations); /* draws the secret */

enum auth_scram_state {
    AUTH_SCRAM_DEAD = 0, /* zeroed, failed or finished: every message is refused */
    AUTH_SCRAM_WANTS_FIRST,
    AUTH_SCRAM_WANTS_FINAL,
    AUTH_SCRAM_VERIFIED, /* the password was right */
};

/* One exchange, in the caller's memory; it points to nothing. One thread at a time. */
struct auth_scram_exchange {
    enum auth_scram_state state;
    bool is_doomed; /* there is no such account: the proof will be found wrong */
    char gs2_flag;  /* 'n' or 'y' */
    size_t nonce_size;
    size_t bare_size;
    size_t server_first_size;
    char nonce[AUTH_SCRAM_MAX_NONCE + AUTH_SCRAM_MAX_SERVER_NONCE]; /* the client's part, then ours */
    char server_nonce[AUTH_SCRAM_MAX_SERVER_NONCE];                 /* drawn by _start; tests may put their own */
    size_t server_nonce_size;
    char client_first_bare[AUTH_SCRAM_MAX_MESSAGE];
    char server_first[AUTH_SCRAM_MAX_SERVER_FIRST];
    struct auth_scram_verifier verifier;
};

/* Begins. verifier NULL = no such account: the exchange runs on with a mock salt for user_name and fails at
 * its end like a wrong password. The verifier is copied. */
void auth_scram_start(struct auth_scram_exchange *exchange, const struct auth_scram_verifier *verifier,
                      const struct auth_scram_mock *mock, struct rg_slice user_name);
/* Wipes the exchange; it becomes the zero value. */
void auth_scram_done(struct auth_scram_exchange *exchange);

/* Takes the client's first message, gives the server's. RG_PROTOCOL for a malformed message or one out of
 * turn, RG_DENIED for channel binding and for an authorization name. The exchange is dead after a failure. */
rg_status auth_scram_first(struct auth_scram_exchange *exchange, struct rg_slice client_first, struct rg_arena *arena,
                           struct rg_slice *out_server_first) RG_MUST_CHECK;
/* Takes the client's proof, gives the server's. RG_DENIED when the password is wrong or the account unknown
 * (one text for both); RG_PROTOCOL for a malformed message. Only ok means authenticated. */
rg_status auth_scram_final(struct auth_scram_exchange *exchange, struct rg_slice client_final, struct rg_arena *arena,
                           struct rg_slice *out_server_final) RG_MUST_CHECK;

#endif
