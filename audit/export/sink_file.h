/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_EXPORT_SINK_FILE_H
#define RG_AUDIT_EXPORT_SINK_FILE_H

#include "audit/export/task.h"

/* A sink that appends the log's lines to a file of the operator's, for a log shipper to read. Each batch is synced
 * before it is confirmed. A file that was moved away, removed or replaced is opened again by its path, so logrotate
 * needs no signal. A FIFO works too, as long as somebody reads it. Nothing but appending is ever done to it. */

struct export_file_options {
    const char *name;
    const char *path;
    size_t batch_bytes;
    int64_t timeout_us; /* for a reader of a FIFO to take something */
    unsigned classes;   /* AUDIT_CLASS_* */
};

/* Copies the options. The file is opened by the first turn. */
void export_file_new(const struct export_file_options *options, struct export_task *out_task);

#endif
