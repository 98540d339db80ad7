/* SPDX-License-Identifier: Apache-2.0 */
/* [log]: where the operational log goes, and a configuration's findings on their way into it. */
#include "proxy/config.h"

rg_status config_log_apply(const struct config_log *row, struct rg_log *log)
{
    static const enum rg_log_level levels[] = {[CONFIG_LOG_DEBUG] = RG_LOG_DEBUG,
                                               [CONFIG_LOG_INFO] = RG_LOG_INFO,
                                               [CONFIG_LOG_WARNING] = RG_LOG_WARNING,
                                               [CONFIG_LOG_ERROR] = RG_LOG_ERROR};
    if (row->file.size == 0) {
        rg_log_set_level(log, levels[row->level]);
        return RG_OK;
    }
    /* The log of the start is on stderr; from here on it is the file. The struct stays, others point to it. */
    return rg_log_redirect(log, row->file.data, levels[row->level]);
}

void config_log_findings(struct rg_log *log, const char *path, const struct rg_diag *diag)
{
    for (const struct rg_finding *finding = diag->first; finding != NULL; finding = finding->next) {
        bool is_error = finding->severity == RG_SEVERITY_ERROR;
        rg_log_event(log, is_error ? RG_LOG_ERROR : RG_LOG_WARNING, "config.finding", "s:s, s:i, s:i, s:s%", "file",
                     finding->place.file == NULL ? path : finding->place.file, "line", (int)finding->place.line,
                     "column", (int)finding->place.column, "text", finding->text.data, finding->text.size);
    }
}
