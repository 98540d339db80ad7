/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_CLI_AUDIT_H
#define RG_CLI_AUDIT_H

#include "audit/note.h"

/* rowgate audit ...: argv[0] is "audit". Prints results to stdout, words to stderr.
 * Returns the exit status: verify 0 to 5 by finding; 6 for usage and I/O. */
int cli_audit(int argc, char **argv);

/* rowgate audit keys ...: argv[0] is "keys". 0 done, 6 for usage and trouble. */
int cli_audit_keys(int argc, char **argv);

/* rowgate audit status ...: argv[0] is "status". 0 all destinations work, 1 one fails or the exporter does not run, 6
 * for usage and I/O. */
int cli_audit_status(int argc, char **argv);

/* rowgate audit witness ...: argv[0] is "witness". 0 made, or ended by a signal; 6 for usage and trouble. */
int cli_audit_witness(int argc, char **argv);

/* rowgate audit verify ...: argv[0] is "verify". 0 to 5 by finding (audit/verify.h), 6 for usage and I/O. */
int cli_audit_verify(int argc, char **argv);

/* rowgate audit search, show, tail: argv[0] is the command. 0 found, 1 nothing found (search, show), 6 usage and I/O.
 */
int cli_audit_search(int argc, char **argv);
int cli_audit_show(int argc, char **argv);
int cli_audit_tail(int argc, char **argv);
int cli_audit_erase(int argc, char **argv);

/* rowgate audit export, prove: argv[0] is the command. 0 made, 6 for usage and trouble. */
int cli_audit_export(int argc, char **argv);
int cli_audit_prove(int argc, char **argv);

/* rowgate audit evidence: argv[0] is "evidence". 0 made, 1 refused: the log does not verify, 6 usage and trouble. */
int cli_audit_evidence(int argc, char **argv);

/* `rowgate audit verify` of a file that export or prove made. */
struct cli_verify_file {
    const char *path;
    const char *root;  /* as in the arguments; NULL = not given */
    const char *keys;  /* same */
    const char *since; /* same */
    bool is_json;
};
bool cli_audit_is_file(const char *path); /* a regular file */
int cli_audit_verify_file(const struct cli_verify_file *request);

/* `rowgate audit verify` of several directories, the logs of a cluster's nodes. */
enum { CLI_NODES_MAX = 32 };
struct cli_verify_nodes {
    const char *const *directories; /* 2 to CLI_NODES_MAX */
    size_t count;
    const char *const *roots; /* as in the arguments */
    size_t root_count;        /* at most CLI_NODES_MAX */
    unsigned threads;
    bool is_json;
    bool is_strict;
};
int cli_audit_verify_nodes(const struct cli_verify_nodes *request);

/* The root key itself, or a file with it on one line. The name borrows from text or lives in the arena. */
rg_status cli_audit_load_root(const char *text, struct rg_arena *arena, struct audit_vkey *out_key) RG_MUST_CHECK;
/* A signed checkpoint, at most 64 KiB. */
rg_status cli_audit_load_note(const char *path, struct rg_arena *arena, struct rg_slice *out_bytes) RG_MUST_CHECK;

/* rowgate audit hold, prune: argv[0] is the command. 0 done, 1 refused, 6 usage and trouble. */
int cli_audit_hold(int argc, char **argv);
int cli_audit_prune(int argc, char **argv);

#endif
