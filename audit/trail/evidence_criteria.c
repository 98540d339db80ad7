/* SPDX-License-Identifier: Apache-2.0 */
/* The criteria of SOC 2 as a table (reference audit.md 6.3): what is asked, which records answer it, what is counted
 * and drawn, and what this log cannot tell. A sentence that claims more than the records hold does not belong here. */
#include "audit/trail/evidence_private.h"

#define K(kind) EVIDENCE_KIND(AUDIT_##kind)
#define T(table) EVIDENCE_TABLE(EVIDENCE_##table)

const struct evidence_table_row evidence_tables[EVIDENCE_TABLE_COUNT] = {
    [EVIDENCE_KINDS] = {"Records of the period, by kind", "Kind", {"Records"}, "Records by kind", 1, false, false},
    [EVIDENCE_LOGIN_DAYS] =
        {"Log-ins, day by day (UTC)", "Day", {"Succeeded", "Failed", "Log-outs"}, "Log-ins a day", 2, true, false},
    [EVIDENCE_LOGIN_USERS] = {"Log-ins by user", "Tenant / user", {"Failed", "Succeeded"}, "", 0, false, false},
    [EVIDENCE_LOGIN_SOURCES] =
        {"Log-ins by source", "Source", {"Failed", "Succeeded"}, "Failed log-ins by source", 1, false, false},
    [EVIDENCE_LOGIN_METHODS] =
        {"Log-ins by method (identity provider, or scram)", "Method", {"Succeeded", "Failed"}, "", 0, false, false},
    [EVIDENCE_FAILURES] = {"Failed log-ins by reason", "Reason", {"Failed"}, "", 0, false, false},
    [EVIDENCE_STATEMENT_DAYS] = {"Statements, day by day (UTC)",
                                 "Day",
                                 {"Allowed", "Denied", "Of the allowed: rewritten"},
                                 "Statements a day",
                                 2,
                                 true,
                                 true},
    [EVIDENCE_CLASSES] =
        {"Statements by class", "Class", {"Statements", "Denied"}, "Statements by class", 1, false, true},
    [EVIDENCE_RULES] = {"Statements by the rule that decided",
                        "Rule",
                        {"Denied", "Statements"},
                        "Denied statements by rule",
                        1,
                        false,
                        true},
    [EVIDENCE_DENIED_SOURCES] =
        {"Denied statements by source", "Source", {"Denied"}, "Denied statements by source", 1, false, true},
    [EVIDENCE_USERS] =
        {"Statements by user", "Tenant / user", {"Statements", "Denied", "Rows returned"}, "", 0, false, true},
    [EVIDENCE_MOVED_DAYS] = {"Data that left through statements, day by day (UTC)",
                             "Day",
                             {"Bytes", "Rows"},
                             "Bytes of results a day",
                             1,
                             true,
                             true},
    [EVIDENCE_MOVED_USERS] = {"Data that left through statements, by user",
                              "Tenant / user",
                              {"Bytes", "Rows"},
                              "Bytes of results by user",
                              1,
                              false,
                              true},
    [EVIDENCE_POLICIES] = {"Statements by the policies that were in force",
                           "Digest of the policies",
                           {"Statements", "Denied"},
                           "",
                           0,
                           false,
                           true},
    [EVIDENCE_VERSIONS] = {"Starts by version of the program", "Version", {"Starts"}, "", 0, false, false},
    [EVIDENCE_REQUESTS] =
        {"Requests over HTTP by action", "Action", {"Answered", "Refused or failed"}, "", 0, false, true},
    [EVIDENCE_REQUEST_USERS] =
        {"Requests over HTTP by user", "Tenant / user", {"Reads", "Changes", "Refused or failed"}, "", 0, false, true},
    [EVIDENCE_OBJECTS] = {"Dashboards, charts and the like, by what was done to them over HTTP",
                          "Object",
                          {"Reads", "Changes", "Refused or failed"},
                          "",
                          0,
                          false,
                          true},
    [EVIDENCE_EXPORTS] =
        {"Exports and downloads over HTTP, by user", "Tenant / user", {"Exports", "Bytes"}, "", 0, false, true},
};

#define NO_REVIEW                                                                                                      \
    "Whether somebody reviewed these accesses, and what came of it: rowgate records no reviews. Ask for the review's " \
    "own minutes."
#define NO_APPROVER                                                                                                    \
    "Who wrote and who approved a change, its ticket and its tests: the log holds the digest and the moment a "        \
    "configuration took effect. Compare the digests with the version control system that the files come from."
#define NO_BYPASS                                                                                                      \
    "Connections that go past rowgate to the database. That none is possible must be shown by network rules and by "   \
    "the database's own list of accounts."
const struct evidence_criterion evidence_criteria[] = {
    {"CC6.1",
     "Logical access security",
     "How users are authenticated, which log-ins failed, which rules were in force.",
     "every log-in, failed log-in, log-out, revoked session, and every change of the policies",
     K(LOGIN) | K(LOGIN_FAILED) | K(LOGOUT) | K(SESSION_REVOKE) | K(POLICY_LOADED) | K(POLICY_REFUSED),
     false,
     false,
     false,
     T(LOGIN_DAYS) | T(LOGIN_METHODS) | T(FAILURES) | T(LOGIN_USERS) | T(LOGIN_SOURCES),
     T(LOGIN_DAYS) | T(LOGIN_SOURCES),
     K(POLICY_REFUSED),
     {"Whether a second factor was used: rowgate records which identity provider vouched for the user, not the claims "
      "in its answer. Ask for the provider's settings and its sign-in log.",
      NO_REVIEW, NO_BYPASS}},
    {"CC6.2",
     "Registration and removal of users",
     "Who could get in, since when, and that nobody could after removal.",
     "every log-in, failed log-in, log-out and revoked session, every change of the policies, every erasure of a "
     "person's data",
     K(LOGIN) | K(LOGIN_FAILED) | K(LOGOUT) | K(SESSION_REVOKE) | K(POLICY_LOADED) | K(POLICY_REFUSED) | K(PII_ERASE),
     false,
     false,
     false,
     T(LOGIN_USERS) | T(LOGIN_DAYS) | T(FAILURES),
     T(LOGIN_DAYS),
     K(POLICY_REFUSED) | K(PII_ERASE),
     {"Registrations and removals themselves: accounts live with the identity provider (or in the configuration, whose "
      "changes are enclosed). To test a removal, take its time from there and look for later records of that user "
      "here.",
      NO_REVIEW, NO_APPROVER}},
    {"CC6.3",
     "Roles and least privilege",
     "Which rights were used, by whom, and how the rules changed.",
     "every change of the policies, every denied statement and request; all statements and requests are counted",
     K(POLICY_LOADED) | K(POLICY_REFUSED),
     true,
     false,
     false,
     T(RULES) | T(USERS) | T(CLASSES) | T(POLICIES) | T(REQUESTS) | T(REQUEST_USERS) | T(OBJECTS),
     T(RULES) | T(CLASSES),
     K(POLICY_REFUSED),
     {"Rights that were granted and never used: the log holds what was used. Take the rules from the policy files with "
      "the digests below; a rule that is not in the table was not used.",
      NO_REVIEW, NO_APPROVER,
      "Single statements that were allowed are counted here, not enclosed: the segments with the SHA-256 in the "
      "manifest hold each of them."}},
    {"CC6.6",
     "Threats from outside the boundary",
     "What was attempted and blocked, and from where.",
     "every failed log-in, every denied statement and request, and everything that a process of rowgate did against "
     "its rules",
     K(LOGIN_FAILED) | K(PROCESS_MISBEHAVED),
     true,
     false,
     false,
     T(STATEMENT_DAYS) | T(RULES) | T(DENIED_SOURCES) | T(LOGIN_SOURCES) | T(FAILURES) | T(REQUESTS),
     T(STATEMENT_DAYS) | T(RULES) | T(DENIED_SOURCES) | T(LOGIN_SOURCES),
     K(PROCESS_MISBEHAVED),
     {"The version of TLS of each session: it is not recorded. The configuration with the digest in force says what "
      "was required.",
      "Connections that ended before a user was named: they are no log-in.", NO_BYPASS}},
    {"CC6.7",
     "Movement of data",
     "Which data left, to whom, how much, and under which restriction.",
     "every export of the log (by an operator, to a store, and whether destinations work) and every change of the "
     "policies; results of all statements are counted in rows and bytes, downloads over HTTP in bytes",
     K(LOG_EXPORTED) | K(EXPORT_SEGMENT) | K(EXPORT_STATE) | K(POLICY_LOADED) | K(POLICY_REFUSED),
     false,
     false,
     false,
     T(MOVED_DAYS) | T(MOVED_USERS) | T(STATEMENT_DAYS) | T(CLASSES) | T(EXPORTS) | T(REQUESTS),
     T(MOVED_DAYS) | T(MOVED_USERS),
     K(EXPORT_STATE),
     {"Which columns were masked in which result: the policies with the digest in force say that; a rewritten "
      "statement is recorded with the text that was sent.",
      "What a client did with the data behind its connection.",
      "The version of TLS of each session: it is not recorded.", NO_BYPASS}},
    {"CC7.1",
     "Changes of configuration",
     "That changes are detected, and which program and configuration ran when.",
     "every change of the policies, every start and stop, every death or misbehaviour of a process, every rotation of "
     "the signing keys and change of the cluster's members",
     K(POLICY_LOADED) | K(POLICY_REFUSED) | K(LOG_STARTED) | K(LOG_STOPPED) | K(PROCESS_DIED) | K(PROCESS_MISBEHAVED) |
         K(KEY_ROTATE) | K(CLUSTER_MEMBERS),
     false,
     false,
     true,
     T(KINDS) | T(VERSIONS),
     T(KINDS),
     K(POLICY_REFUSED) | K(PROCESS_DIED) | K(PROCESS_MISBEHAVED),
     {"Vulnerability scans, and changes of the machine below rowgate.", NO_APPROVER}},
    {"CC7.2",
     "Monitoring for anomalies",
     "That recording ran all the time, without gaps, and what it noticed.",
     "every start, stop, failure and recovery of the recording, its processes, its disk, its clock and its "
     "destinations, every failed log-in, every denied statement and request",
     K(LOGIN_FAILED) | K(LOG_STARTED) | K(LOG_STOPPED) | K(LOG_RECOVERED) | K(LOG_FAULT) | K(CLOCK_STEP) |
         K(DISK_STATE) | K(PROCESS_DIED) | K(PROCESS_MISBEHAVED) | K(EXPORT_STATE),
     true,
     false,
     true,
     T(KINDS) | T(LOGIN_DAYS) | T(STATEMENT_DAYS),
     T(LOGIN_DAYS) | T(STATEMENT_DAYS),
     K(LOG_RECOVERED) | K(LOG_FAULT) | K(CLOCK_STEP) | K(DISK_STATE) | K(PROCESS_DIED) | K(PROCESS_MISBEHAVED) |
         K(EXPORT_STATE),
     {"That somebody looked at an alert: rowgate records no acknowledgement. Ask for the records of the system that "
      "received them (SIEM, pager)."}},
    {"CC7.3",
     "Evaluation of events",
     "Which events there were to evaluate.",
     "every denied statement, denied request and failed log-in, every death or misbehaviour of a process, every fault, "
     "recovery and "
     "step of the clock, every legal hold and its release",
     K(LOGIN_FAILED) | K(PROCESS_MISBEHAVED) | K(PROCESS_DIED) | K(LOG_FAULT) | K(LOG_RECOVERED) | K(CLOCK_STEP) |
         K(HOLD_PLACE) | K(HOLD_RELEASE),
     true,
     false,
     false,
     T(KINDS) | T(DENIED_SOURCES) | T(FAILURES),
     T(DENIED_SOURCES),
     K(PROCESS_MISBEHAVED) | K(PROCESS_DIED) | K(LOG_FAULT) | K(LOG_RECOVERED) | K(CLOCK_STEP) | K(HOLD_PLACE),
     {"Which of these became an incident, and who decided so: that is in the ticket system. A ticket should name "
      "records by their number (seq); this pack shows whether they exist."}},
    {"CC7.4",
     "Response to incidents",
     "The order of events of an incident, and what was done to contain it.",
     "every change of the policies, rotation of keys, hold, erasure, export, fault, start and stop, every denied "
     "statement and request; with --tenant, every record of that tenant",
     K(POLICY_LOADED) | K(POLICY_REFUSED) | K(HOLD_PLACE) | K(HOLD_RELEASE) | K(PII_ERASE) | K(LOG_EXPORTED) |
         K(PROCESS_DIED) | K(PROCESS_MISBEHAVED) | K(LOG_FAULT) | K(LOG_RECOVERED) | K(LOG_STARTED) | K(LOG_STOPPED) |
         K(KEY_ROTATE),
     true,
     true,
     true,
     T(KINDS) | T(STATEMENT_DAYS),
     T(STATEMENT_DAYS),
     K(POLICY_REFUSED) | K(HOLD_PLACE) | K(HOLD_RELEASE) | K(PII_ERASE) | K(PROCESS_DIED) | K(PROCESS_MISBEHAVED) |
         K(LOG_FAULT),
     {"Decisions and communication during an incident.",
      "A tenant's records in a form that the tenant can check alone: `rowgate audit export --tenant` makes that."}},
    {"CC8.1",
     "Change management",
     "The full population of changes of the policies.",
     "every change of the policies that took effect or was refused, every rotation of the signing keys, every start",
     K(POLICY_LOADED) | K(POLICY_REFUSED) | K(KEY_ROTATE) | K(LOG_STARTED),
     false,
     false,
     false,
     T(VERSIONS) | T(POLICIES),
     T(VERSIONS),
     K(POLICY_REFUSED),
     {NO_APPROVER, "Changes of rowgate's host and of the databases behind it."}},
    {"A1.1",
     "Availability: capacity",
     "Whether room and destinations for the records were watched and sufficient.",
     "every change of the disk's state, every failure and recovery of a destination, every fault in writing",
     K(DISK_STATE) | K(EXPORT_STATE) | K(LOG_FAULT),
     false,
     false,
     true,
     T(KINDS) | T(STATEMENT_DAYS),
     T(STATEMENT_DAYS),
     K(DISK_STATE) | K(EXPORT_STATE) | K(LOG_FAULT),
     {"Processor, memory and network of the machines, and the capacity of the databases."}},
    {"A1.2",
     "Availability: backup",
     "Whether the records are stored a second time, and when that did not work.",
     "every segment that a store outside confirmed, every failure and recovery of a destination, other nodes' "
     "checkpoints",
     K(EXPORT_SEGMENT) | K(EXPORT_STATE) | K(PEER_CKPT) | K(CLUSTER_MEMBERS),
     false,
     false,
     true,
     T(KINDS),
     T(KINDS),
     K(EXPORT_STATE),
     {"Backups of the databases behind rowgate.",
      "That the copies can be read: `rowgate audit verify s3://...` on an empty machine shows it; keep its output."}},
    {"A1.3",
     "Availability: recovery",
     "Whether recovery works: what happened after each crash.",
     "every start, stop, recovery, fault and death of a process",
     K(LOG_STARTED) | K(LOG_STOPPED) | K(LOG_RECOVERED) | K(LOG_FAULT) | K(PROCESS_DIED),
     false,
     false,
     true,
     T(KINDS) | T(VERSIONS),
     T(KINDS),
     K(LOG_RECOVERED) | K(LOG_FAULT) | K(PROCESS_DIED),
     {"Planned tests of recovery, and restores of the databases: rowgate cannot tell a drill from an accident. Ask for "
      "the plan and its minutes, and compare the times."}},
    {"C1.1",
     "Confidentiality: retention",
     "How long confidential information is kept, and what keeps it longer.",
     "every removal of old records, every legal hold and its release, every segment that a store outside confirmed",
     K(RETENTION_PRUNE) | K(HOLD_PLACE) | K(HOLD_RELEASE) | K(EXPORT_SEGMENT),
     false,
     false,
     false,
     T(KINDS),
     T(KINDS),
     K(RETENTION_PRUNE) | K(HOLD_PLACE) | K(HOLD_RELEASE),
     {"Retention of the data in the databases: this is about the audit log alone.",
      "Copies that were made outside of rowgate."}},
    {"C1.2",
     "Confidentiality: disposal",
     "Whether confidential information was disposed of when it should be.",
     "every erasure of a person's data, every removal of old records, every hold, which forbids both",
     K(PII_ERASE) | K(RETENTION_PRUNE) | K(HOLD_PLACE) | K(HOLD_RELEASE),
     false,
     false,
     false,
     T(KINDS),
     T(KINDS),
     K(PII_ERASE) | K(RETENTION_PRUNE) | K(HOLD_PLACE) | K(HOLD_RELEASE),
     {"Disposal of the data in the databases: this is about the audit log alone.",
      "That a request to erase was answered in time: the request's own date is not in the log."}},
};
const size_t evidence_criterion_count = sizeof evidence_criteria / sizeof evidence_criteria[0];
_Static_assert(sizeof evidence_criteria / sizeof evidence_criteria[0] <= EVIDENCE_CRITERIA_MAX, "room in a mask");

unsigned evidence_criteria_find(struct rg_slice text)
{
    if (rg_slice_is_equal(text, RG_SLICE("all"))) {
        return (1U << evidence_criterion_count) - 1;
    }
    for (size_t i = 0; i < evidence_criterion_count; i++) {
        if (rg_slice_is_equal(text, rg_slice_of(evidence_criteria[i].id))) {
            return 1U << i;
        }
    }
    return 0;
}

const char *audit_evidence_criterion_name(size_t number)
{
    return number < evidence_criterion_count ? evidence_criteria[number].id : NULL;
}

const char *audit_evidence_criterion_title(size_t number)
{
    return number < evidence_criterion_count ? evidence_criteria[number].title : NULL;
}
