/* SPDX-License-Identifier: Apache-2.0 */
/* The exporter as a child: it runs while the configuration has something to export, ends by itself when that changed,
 * and is the last to end. No statement waits for it, so nothing here is ever waited for. */
#include <signal.h>

#include "proxy/exporter_child.h"
#include "proxy/gateway.h"
#include "proxy/supervisor_private.h"

enum { SEALS_APART_US = 1000000, RELOADS_APART_US = 1000000, FINISH_US = 3000000 };

static rg_status start(struct supervisor *supervisor)
{
    const struct child_start start = {.name = "exporter",
                                      .dies_with_parent = true,
                                      .argument_count = sizeof supervisor->exporter_arguments /
                                                        sizeof supervisor->exporter_arguments[0],
                                      .arguments = supervisor->exporter_arguments};
    return child_start(&supervisor->exporter, &start);
}

void supervisor_join_exporter(struct supervisor *supervisor)
{
    struct child *exporter = &supervisor->exporter;
    rg_status status = RG_OK;
    if (exporter->pid == 0 &&
        (!supervisor->wants_exporter || exporter->retry_us != 0 || supervisor->stop_signals > 0)) {
        return;
    }
    if (exporter->pid == 0) {
        status = start(supervisor);
    }
    if (rg_is_ok(status)) {
        status = supervisor_open_door(supervisor, exporter, AUDIT_CONTROL_EXPORTER);
    }
    if (!rg_is_ok(status) && exporter->pid == 0) {
        supervisor_fail_start(supervisor, exporter, status);
    } else if (!rg_is_ok(status)) { /* without a way to the auditor it would only half work */
        child_signal(exporter, SIGKILL);
    }
}

void supervisor_reload_exporter(struct supervisor *supervisor)
{
    bool is_exported = false;
    rg_status status = supervisor_look_exports(supervisor, &is_exported);
    if (!rg_is_ok(status)) {
        rg_log_event(supervisor->log, RG_LOG_ERROR, "audit.export.reload_failed", "s:s", "reason", status.error->text);
        return;
    }
    supervisor->wants_exporter = is_exported;
    supervisor->exporter.retry_us = 0; /* what made it fail may be mended */
    if (supervisor->exporter.pid != 0) {
        child_signal(&supervisor->exporter, gateway_signal(SIGHUP));
    } else if (supervisor->auditor.is_ready) {
        supervisor_join_exporter(supervisor);
    }
}

void supervisor_wish_reload(struct supervisor *supervisor)
{
    int64_t now_us = rg_clock_monotonic_us(supervisor->clock);
    int64_t next_us = supervisor->looked_us == 0 ? 0 : supervisor->looked_us + RELOADS_APART_US;
    supervisor->look_us = supervisor->look_us != 0 ? supervisor->look_us : next_us > now_us ? next_us : now_us;
}

void supervisor_grant_reload(struct supervisor *supervisor, int64_t now_us)
{
    if (supervisor->look_us != 0 && supervisor->look_us <= now_us) {
        supervisor->look_us = 0;
        supervisor->looked_us = now_us;
        supervisor_reload_exporter(supervisor);
    }
}

void supervisor_on_exporter_ended(struct supervisor *supervisor, int status)
{
    struct child *exporter = &supervisor->exporter;
    bool is_wanted_end = child_exit_code(status) == EXPORTER_AGAIN && exporter->is_ready;
    if (supervisor->exporter_kill_us != 0) {
        supervisor->is_over = true;
        return;
    }
    if (supervisor->stop_signals > 0) {
        return;
    }
    if (!is_wanted_end) {
        supervisor_schedule(supervisor, exporter, status);
        return;
    }
    exporter->is_ready = false;
    if (supervisor->auditor.is_ready) {
        supervisor_join_exporter(supervisor);
    }
}

void supervisor_pass_seal(struct supervisor *supervisor)
{
    const struct audit_control message = {.type = AUDIT_CONTROL_SEAL, .fd = -1};
    int64_t now_us = rg_clock_monotonic_us(supervisor->clock);
    if (!supervisor->auditor.is_ready ||
        (supervisor->sealed_us != 0 && now_us - supervisor->sealed_us < SEALS_APART_US)) {
        return; /* it will wish again */
    }
    supervisor->sealed_us = now_us;
    supervisor_tell(supervisor, &supervisor->auditor, &message);
}

void supervisor_finish(struct supervisor *supervisor)
{
    if (supervisor->exporter.pid == 0) {
        supervisor->is_over = true;
        return;
    }
    supervisor->exporter_kill_us = rg_clock_monotonic_us(supervisor->clock) + FINISH_US;
    child_signal(&supervisor->exporter, gateway_signal(SIGTERM));
}
