/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_FENCE_EXPORTER_H
#define RG_PROXY_FENCE_EXPORTER_H

#include <stddef.h>

#include "proxy/fence.h"

/* What the exporter's process gives up before its first connection: it reads answers of other people's servers, runs as
 * the auditor's user, and must neither read the keys that sign the log nor change the log. */

enum { FENCE_PLACES_MAX = 4096 };

struct fence_exporter {
    const char *audit_directory; /* it exists; seg/, ckpt/ and tile/, too, and export/, which may be written */
    const char *log_file;        /* NULL or "" = stderr */
    size_t read_count;
    const char *const *reads; /* files, whose directories become readable: they may be replaced by others */
    size_t write_count;
    const char *const *writes; /* files, whose directories become writable */
    bool may_listen;           /* on TCP */
};

/* As fence_enter. has_files here: nothing is written but export/, the directories of writes and the log file's; and
 * nothing is read but the system's own files, the log without its seeds, and the directories of reads and writes. */
void fence_exporter_enter(const struct fence_exporter *fence, struct fence_report *out_report);

/* What the fence was made of and can change: public keys that are new, directories of writes that were missing. The
 * same number = the fence is as good as a new one. */
unsigned fence_exporter_stamp(const struct fence_exporter *fence);

#endif
