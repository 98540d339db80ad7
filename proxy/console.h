/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_CONSOLE_H
#define RG_PROXY_CONSOLE_H

#include "proxy/gateway.h"

/* The admin console: SHOW and a few orders over the PostgreSQL protocol, on a UNIX socket. Its threads speak with its
 * clients and with the auditor, each command is on record before it is obeyed; what a command does, it does on the
 * gateway's main thread, which may block. docs/console.md. */

struct console;

/* fd: the UNIX socket that the supervisor bound; the console's from now on, whatever comes of it. Listens, and starts
 * its thread. RG_CONFIG, RG_INTERNAL. */
rg_status console_open(struct gateway *gateway, int fd, struct console **out_console) RG_MUST_CHECK;
/* Lets answers that are under way leave, ends its sessions, joins. Nulls, accepts NULL. On the main thread. */
void console_close(struct console **console);

/* The main thread. Nothing for NULL. */
void console_set_door(struct console *console, int door_fd); /* to the auditor that is there now; borrowed */
void console_set_snapshot(struct console *console, const struct snapshot *snapshot); /* who may what, from now on */
int console_job_fd(const struct console *console); /* readable while a command waits; -1 for NULL */
void console_take_jobs(struct console *console);   /* runs the commands that wait */

#endif
