/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_CLI_CLI_H
#define RG_CLI_CLI_H

/* One function per subcommand, in a file of its own. argv[0] is the subcommand's name. The result is the
 * exit status: 0 fine, 1 a finding, 2 trouble. */

enum { CLI_FINE = 0, CLI_FINDING = 1, CLI_TROUBLE = 2 };

int cli_audit(int argc, char **argv);
int cli_child(int argc, char **argv); /* internal: see cli_child.c */
int cli_check(int argc, char **argv);
int cli_check_superset(int argc, char **argv); /* check --superset ... */
int cli_db(int argc, char **argv);
int cli_diff(int argc, char **argv);
int cli_explain(int argc, char **argv);
int cli_policy(int argc, char **argv);
int cli_run(int argc, char **argv);
int cli_session(int argc, char **argv);
int cli_saml(int argc, char **argv);
int cli_test(int argc, char **argv);
int cli_version(int argc, char **argv);

#endif
