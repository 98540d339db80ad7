/* SPDX-License-Identifier: Apache-2.0 */
/* Every command of the console: one row each, with its columns, who may, and what does it. docs/console.md has the same
 * rows, compared by a test. Columns are called as PgBouncer's where they mean the same. */
#include <stdio.h>

#include "proxy/console_private.h"

#define ADMIN CONFIG_CONSOLE_ADMIN
#define STATS (CONFIG_CONSOLE_ADMIN | CONFIG_CONSOLE_STATS)
#define ALL (CONFIG_CONSOLE_ADMIN | CONFIG_CONSOLE_STATS | CONFIG_CONSOLE_AUDITOR)

#define T(name)                                                                                                        \
    {                                                                                                                  \
        name, false                                                                                                    \
    }
#define N(name)                                                                                                        \
    {                                                                                                                  \
        name, true                                                                                                     \
    }

static const struct console_column help_columns[] = {T("command"), T("roles"), T("description")};
static const struct console_column version_columns[] = {T("version")};
static const struct console_column key_columns[] = {T("key"), T("value")};
static const struct console_column config_columns[] = {T("key"), T("value"), T("changeable")};
static const struct console_column database_columns[] = {T("name"),
                                                         T("kind"),
                                                         T("host"),
                                                         T("port"),
                                                         T("database"),
                                                         T("identity"),
                                                         N("pool_size"),
                                                         T("pool_mode"),
                                                         N("max_connections"),
                                                         N("current_connections")};
static const struct console_column pool_columns[] = {T("database"),   T("user"),       N("cl_active"),
                                                     N("cl_waiting"), N("sv_active"),  N("sv_idle"),
                                                     N("maxwait"),    N("maxwait_us"), T("pool_mode")};
static const struct console_column client_columns[] = {
    T("type"),         T("user"), T("database"), T("tenant"), T("state"), T("addr"), N("port"),
    T("connect_time"), N("wait"), N("wait_us"),  T("id"),     T("link"),  T("tls"),  T("application_name")};
static const struct console_column server_columns[] = {T("type"), T("database"), T("tenant"), T("state"), T("link")};
static const struct console_column user_columns[] = {T("name"), T("tenant"), N("sessions")};
static const struct console_column list_columns[] = {T("list"), N("items")};
static const struct console_column tenant_columns[] = {T("id"),     T("kind"),     T("upstream"),  T("limits"),
                                                       T("frozen"), N("sessions"), N("cl_active"), N("cl_waiting")};
static const struct console_column statement_columns[] = {T("tenant"), T("user"),  T("id"),       N("age_us"),
                                                          T("class"),  T("state"), T("query_uid")};
static const struct console_column session_columns[] = {T("id"),  T("plane"),  T("tenant"),  T("user"), T("subject"),
                                                        T("idp"), T("client"), T("created"), T("seen"), T("expires")};
static const struct console_column stats_columns[] = {T("database"),         N("total_query_count"),
                                                      N("total_query_time"), N("avg_query_count"),
                                                      N("avg_query_time"),   N("total_denied")};
static const struct console_column stats_total_columns[] = {T("database"), N("query_count"), N("query_time"),
                                                            N("denied")};
static const struct console_column stats_average_columns[] = {T("database"), N("query_count"), N("query_time")};
static const struct console_column total_columns[] = {T("name"), N("value")};
static const struct console_column memory_columns[] = {T("name"), N("used"), N("memtotal")};
static const struct console_column policy_columns[] = {T("name"),   T("on"),    T("for"),           T("to"),
                                                       T("except"), T("group"), T("has_predicate"), T("isolation")};
static const struct console_column mask_columns[] = {T("columns"), T("kind"), T("has_exception"), T("in_predicates")};
/* In the order of enum config_limit. */
static const struct console_column limit_columns[] = {T("name"),
                                                      N("rows"),
                                                      N("bytes"),
                                                      N("concurrency"),
                                                      N("queue"),
                                                      N("statement_timeout_us"),
                                                      N("idle_timeout_us"),
                                                      N("login_timeout_us"),
                                                      N("statements_per_minute"),
                                                      N("requests_per_minute")};
_Static_assert(sizeof limit_columns / sizeof limit_columns[0] == 1 + CONFIG_LIMIT_COUNT, "a column for each limit");
static const struct console_column idp_columns[] = {T("name"),   T("type"),  T("display_name"),
                                                    T("issuer"), T("login"), T("backchannel_logout")};
static const struct console_column denial_columns[] = {T("plane"), T("rule"), N("count")};

#define ROWS(columns) sizeof(columns) / sizeof(columns)[0], columns
#define NO_ROWS 0, NULL

/* One row, one line: */
/* clang-format off */
static const struct console_command commands[] = {
    {{"SHOW", "HELP"}, NULL, ALL, "these commands, and who may give them", ROWS(help_columns), console_show_help},
    {{"SHOW", "VERSION"}, NULL, ALL, "what runs", ROWS(version_columns), console_show_version},
    {{"SHOW", "STATE"}, NULL, ALL, "whether it serves, by which policy, and what the log is", ROWS(key_columns), console_show_state},
    {{"SHOW", "CONFIG"}, NULL, STATS, "settings, without secrets", ROWS(config_columns), console_show_config},
    {{"SHOW", "DATABASES"}, NULL, STATS, "upstreams", ROWS(database_columns), console_show_databases},
    {{"SHOW", "POOLS"}, NULL, STATS, "connections by upstream and tenant", ROWS(pool_columns), console_show_pools},
    {{"SHOW", "CLIENTS"}, NULL, STATS, "connections of the SQL plane", ROWS(client_columns), console_show_clients},
    {{"SHOW", "SERVERS"}, NULL, STATS, "connections to upstreams", ROWS(server_columns), console_show_servers},
    {{"SHOW", "USERS"}, NULL, STATS, "who is logged in to the SQL plane", ROWS(user_columns), console_show_users},
    {{"SHOW", "LISTS"}, NULL, STATS, "how many there are of what", ROWS(list_columns), console_show_lists},
    {{"SHOW", "STATS"}, NULL, STATS, "statements by tenant, since the start", ROWS(stats_columns), console_show_stats},
    {{"SHOW", "STATS_TOTALS"}, NULL, STATS, "the totals of SHOW STATS", ROWS(stats_total_columns), console_show_stats_totals},
    {{"SHOW", "STATS_AVERAGES"}, NULL, STATS, "the averages of SHOW STATS", ROWS(stats_average_columns), console_show_stats_averages},
    {{"SHOW", "TOTALS"}, NULL, STATS, "statements of all tenants", ROWS(total_columns), console_show_totals},
    {{"SHOW", "MEM"}, NULL, STATS, "memory", ROWS(memory_columns), console_show_mem},
    {{"SHOW", "STATEMENTS"}, NULL, STATS, "the ten statements in work that began first", ROWS(statement_columns), console_show_statements},
    {{"SHOW", "TENANTS"}, NULL, ALL, "tenants of the configuration", ROWS(tenant_columns), console_show_tenants},
    {{"SHOW", "SESSIONS"}, NULL, ALL, "live sessions of both planes", ROWS(session_columns), console_show_sessions},
    {{"SHOW", "POLICIES"}, NULL, ALL, "policies, without their predicates", ROWS(policy_columns), console_show_policies},
    {{"SHOW", "MASKS"}, NULL, ALL, "masks", ROWS(mask_columns), console_show_masks},
    {{"SHOW", "LIMITS"}, NULL, ALL, "limits", ROWS(limit_columns), console_show_limits},
    {{"SHOW", "IDPS"}, NULL, ALL, "identity providers", ROWS(idp_columns), console_show_idps},
    {{"SHOW", "AUDIT"}, NULL, ALL, "the audit log", ROWS(key_columns), console_show_audit},
    {{"SHOW", "DENIALS"}, NULL, ALL, "refusals by rule, since the start", ROWS(denial_columns), console_show_denials},
    {{"RELOAD"}, NULL, ADMIN, "as SIGHUP", NO_ROWS, console_reload},
    {{"REVOKE", "SESSION"}, "id", ADMIN, "ends a session and what it came in by", NO_ROWS, console_revoke_session},
    {{"KILL_CLIENT"}, "id", ADMIN, "ends a session of the SQL plane", NO_ROWS, console_kill_client},
    {{"KILL", "TENANT"}, "id", ADMIN, "ends the tenant's sessions of the SQL plane", NO_ROWS, console_kill_tenant},
    {{"CANCEL", "TENANT"}, "id", ADMIN, "cancels what the tenant's sessions run", NO_ROWS, console_cancel_tenant},
    {{"SHUTDOWN"}, NULL, ADMIN, "stops at once", NO_ROWS, console_shutdown},
    {{"SHUTDOWN", "WAIT_FOR_CLIENTS"}, NULL, ADMIN, "as SIGTERM", NO_ROWS, console_shutdown_wait},
    {{"SHUTDOWN", "WAIT_FOR_SERVERS"}, NULL, ADMIN, "as SIGINT", NO_ROWS, console_shutdown_wait},
};
/* clang-format on */

size_t console_command_count(void)
{
    return sizeof commands / sizeof commands[0];
}

const struct console_command *console_command_at(size_t at)
{
    return &commands[at];
}

void console_command_name(const struct console_command *command, char out_name[CONSOLE_NAME_SIZE])
{
    (void)snprintf(out_name, CONSOLE_NAME_SIZE, "%s%s%s", command->words[0], command->words[1] == NULL ? "" : " ",
                   command->words[1] == NULL ? "" : command->words[1]);
}

static bool is_called(const struct console_command *command, const struct console_words *words)
{
    size_t count = 0;
    while (command->words[count] != NULL) {
        if (count >= words->count || !console_word_is(&words->words[count], command->words[count])) {
            return false;
        }
        count++;
    }
    return words->count == count + (command->argument == NULL ? 0 : 1);
}

const struct console_command *console_command_find(const struct console_words *words, struct rg_slice *out_argument)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (is_called(&commands[i], words)) {
            const struct rg_slice none = {0};
            *out_argument = commands[i].argument == NULL ? none : words->words[words->count - 1].text;
            return &commands[i];
        }
    }
    return NULL;
}

bool console_may(const struct console_command *command, unsigned roles)
{
    return (command->roles & roles) != 0;
}
