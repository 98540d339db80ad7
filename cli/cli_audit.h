/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_CLI_AUDIT_H
#define RG_CLI_AUDIT_H

/* rowgate audit ...: argv[0] is "audit". Prints results to stdout, words to stderr.
 * Returns the exit status: verify 0 to 5 by finding; 6 for usage and I/O. */
int cli_audit(int argc, char **argv);

/* rowgate audit keys ...: argv[0] is "keys". 0 done, 6 for usage and trouble. */
int cli_audit_keys(int argc, char **argv);

/* rowgate audit verify ...: argv[0] is "verify". 0 to 5 by finding (audit/verify.h), 6 for usage and I/O. */
int cli_audit_verify(int argc, char **argv);

/* rowgate audit search, show, tail: argv[0] is the command. 0 found, 1 nothing found (search, show), 6 usage and I/O.
 */
int cli_audit_search(int argc, char **argv);
int cli_audit_show(int argc, char **argv);
int cli_audit_tail(int argc, char **argv);

#endif
