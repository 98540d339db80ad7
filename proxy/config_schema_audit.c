/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of [audit.s3], [[audit.sinks]], [[audit.witnesses]], [audit.cluster], [audit.retention] and
 * [audit.personal]: rows as in config_schema.c, which names these tables in [audit]. */
#include "proxy/config_private.h"

/* One row, one line: */
/* clang-format off */
#define MEMBER CONFIG_MEMBER
#define SCHEMA CONFIG_SCHEMA

#define SECOND INT64_C(1000000)
#define DAY (INT64_C(86400) * SECOND)
#define YEARS_MAX (100 * 366 * DAY)
#define KIB INT64_C(1024)

static const char *const addressings[] = {"virtual", "path", NULL};
static const char *const locks[] = {"compliance", "governance", "off", NULL};
static const char *const sink_types[] = {"file", "syslog", "webhook", "splunk_hec", NULL};
static const char *const modes[] = {"clear", "encrypted", NULL};
static const char *const classes[] = {"login", "statement", "policy", "log", "web", NULL}; /* audit_class_names */

/* name, type, required, offset, minimum, maximum, words, table, default, its note in the manual */
static const struct rg_schema_key s3_keys[] = {
    {"url", RG_SCHEMA_STRING, true, MEMBER(s3, url), 0, 0, NULL, NULL, NULL, NULL},
    {"endpoint", RG_SCHEMA_STRING, false, MEMBER(s3, endpoint), 0, 0, NULL, NULL, NULL, "https://s3.REGION.amazonaws.com"},
    {"region", RG_SCHEMA_STRING, false, MEMBER(s3, region), 0, 0, NULL, NULL, "\"us-east-1\"", NULL},
    {"addressing", RG_SCHEMA_WORD, false, MEMBER(s3, addressing), 0, 0, addressings, NULL, "\"virtual\"", NULL},
    {"credentials", RG_SCHEMA_STRING, false, MEMBER(s3, credentials), 0, 0, NULL, NULL, "\"env\"", NULL},
    {"ca_file", RG_SCHEMA_PATH, false, MEMBER(s3, ca_file), 0, 0, NULL, NULL, NULL, "the system's authorities"},
    {"proxy", RG_SCHEMA_STRING, false, MEMBER(s3, proxy), 0, 0, NULL, NULL, NULL, "none"},
    {"object_lock", RG_SCHEMA_WORD, false, MEMBER(s3, object_lock), 0, 0, locks, NULL, "\"compliance\"", NULL},
    {"retain", RG_SCHEMA_DURATION, false, MEMBER(s3, retain), 60 * SECOND, YEARS_MAX, NULL, NULL, "\"400d\"", NULL},
    {"content_md5", RG_SCHEMA_BOOL, false, MEMBER(s3, content_md5), 0, 0, NULL, NULL, "false", NULL},
    {"anchor_every", RG_SCHEMA_DURATION, false, MEMBER(s3, anchor_every), SECOND, DAY, NULL, NULL, "\"5s\"", NULL},
    {"seal_every", RG_SCHEMA_DURATION, false, MEMBER(s3, seal_every), SECOND, DAY, NULL, NULL, "\"15m\"", NULL},
};
const struct rg_schema config_schema_s3 = SCHEMA("[audit.s3]", s3, s3_keys);

static const struct rg_schema_key sink_keys[] = {
    {"name", RG_SCHEMA_STRING, true, MEMBER(sink, name), 0, 0, NULL, NULL, NULL, NULL},
    {"type", RG_SCHEMA_WORD, true, MEMBER(sink, type), 0, 0, sink_types, NULL, NULL, NULL},
    {"path", RG_SCHEMA_PATH, false, MEMBER(sink, path), 0, 0, NULL, NULL, NULL, "required with file"},
    {"url", RG_SCHEMA_STRING, false, MEMBER(sink, url), 0, 0, NULL, NULL, NULL, "required with the others"},
    {"secret", RG_SCHEMA_SECRET, false, MEMBER(sink, secret), 0, 0, NULL, NULL, NULL, "required with webhook, splunk_hec"},
    {"ca_file", RG_SCHEMA_PATH, false, MEMBER(sink, ca_file), 0, 0, NULL, NULL, NULL, "the system's authorities"},
    {"certificate", RG_SCHEMA_PEM, false, MEMBER(sink, certificate), 0, 0, NULL, NULL, NULL, "none"},
    {"private_key", RG_SCHEMA_PEM, false, MEMBER(sink, private_key), 0, 0, NULL, NULL, NULL, "required with certificate"},
    {"batch_bytes", RG_SCHEMA_SIZE, false, MEMBER(sink, batch_bytes), KIB, 16 * KIB * KIB, NULL, NULL, "\"1MiB\"", NULL},
    {"timeout", RG_SCHEMA_DURATION, false, MEMBER(sink, timeout), SECOND, 600 * SECOND, NULL, NULL, "\"30s\"", NULL},
    {"classes", RG_SCHEMA_WORDS, false, MEMBER(sink, classes), 0, 0, classes, NULL, NULL, "all"},
    {"index", RG_SCHEMA_STRING, false, MEMBER(sink, index), 0, 0, NULL, NULL, NULL, "the token's own"},
};
const struct rg_schema config_schema_sink = SCHEMA("[[audit.sinks]]", sink, sink_keys);

static const struct rg_schema_key witness_keys[] = {
    {"name", RG_SCHEMA_STRING, true, MEMBER(witness, name), 0, 0, NULL, NULL, NULL, NULL},
    {"url", RG_SCHEMA_STRING, true, MEMBER(witness, url), 0, 0, NULL, NULL, NULL, NULL},
    {"key", RG_SCHEMA_STRING, true, MEMBER(witness, key), 0, 0, NULL, NULL, NULL, NULL},
    {"ca_file", RG_SCHEMA_PATH, false, MEMBER(witness, ca_file), 0, 0, NULL, NULL, NULL, "the system's authorities"},
    {"timeout", RG_SCHEMA_DURATION, false, MEMBER(witness, timeout), SECOND, 600 * SECOND, NULL, NULL, "\"10s\"", NULL},
};
const struct rg_schema config_schema_witness = SCHEMA("[[audit.witnesses]]", witness, witness_keys);

static const struct rg_schema_key peer_keys[] = {
    {"origin", RG_SCHEMA_STRING, true, MEMBER(peer, origin), 0, 0, NULL, NULL, NULL, NULL},
    {"url", RG_SCHEMA_STRING, true, MEMBER(peer, url), 0, 0, NULL, NULL, NULL, NULL},
    {"root", RG_SCHEMA_STRING, true, MEMBER(peer, root), 0, 0, NULL, NULL, NULL, NULL},
    {"ca_file", RG_SCHEMA_PATH, false, MEMBER(peer, ca_file), 0, 0, NULL, NULL, NULL, "the system's authorities"},
    {"timeout", RG_SCHEMA_DURATION, false, MEMBER(peer, timeout), SECOND, 600 * SECOND, NULL, NULL, "\"10s\"", NULL},
};
const struct rg_schema config_schema_peer = SCHEMA("[[audit.cluster.peers]]", peer, peer_keys);

static const struct rg_schema_key cluster_keys[] = {
    {"members", RG_SCHEMA_STRINGS, true, MEMBER(cluster, members), 0, 0, NULL, NULL, NULL, NULL},
    {"listen", RG_SCHEMA_STRING, false, MEMBER(cluster, listen), 0, 0, NULL, NULL, NULL, "peers are not answered"},
    {"tls", RG_SCHEMA_STRING, false, MEMBER(cluster, tls), 0, 0, NULL, NULL, NULL, "required unless listen is a loopback address"},
    {"every", RG_SCHEMA_DURATION, false, MEMBER(cluster, every), SECOND, 3600 * SECOND, NULL, NULL, "\"60s\"", NULL},
    {"peers", RG_SCHEMA_TABLES, false, MEMBER(cluster, peers), 0, 0, NULL, &config_schema_peer, NULL, "none"},
};
const struct rg_schema config_schema_cluster = SCHEMA("[audit.cluster]", cluster, cluster_keys);

static const struct rg_schema_key keep_keys[] = {
    {"classes", RG_SCHEMA_WORDS, false, MEMBER(keep, classes), 0, 0, classes, NULL, NULL, "all"},
    {"tenants", RG_SCHEMA_STRINGS, false, MEMBER(keep, tenants), 0, 0, NULL, NULL, NULL, "all, and records of none"},
    {"keep", RG_SCHEMA_DURATION, true, MEMBER(keep, keep), 60 * SECOND, YEARS_MAX, NULL, NULL, NULL, NULL},
};
const struct rg_schema config_schema_keep = SCHEMA("[[audit.retention.rules]]", keep, keep_keys);

static const struct rg_schema_key retention_keys[] = {
    {"keep", RG_SCHEMA_DURATION, false, MEMBER(retention, keep), 60 * SECOND, YEARS_MAX, NULL, NULL, "\"400d\"", NULL},
    {"local", RG_SCHEMA_DURATION, false, MEMBER(retention, local), 60 * SECOND, YEARS_MAX, NULL, NULL, NULL, "as long as at all"},
    {"rules", RG_SCHEMA_TABLES, false, MEMBER(retention, rules), 0, 0, NULL, &config_schema_keep, NULL, "none"},
};
const struct rg_schema config_schema_retention = SCHEMA("[audit.retention]", retention, retention_keys);

static const struct rg_schema_key personal_keys[] = {
    {"mode", RG_SCHEMA_WORD, false, MEMBER(personal, mode), 0, 0, modes, NULL, "\"clear\"", NULL},
    {"keys", RG_SCHEMA_PATH, false, MEMBER(personal, keys), 0, 0, NULL, NULL, NULL, "DIRECTORY-subjects"},
    {"backups", RG_SCHEMA_DURATION, false, MEMBER(personal, backups), 60 * SECOND, 30 * DAY, NULL, NULL, "\"7d\"", NULL},
    {"unverified", RG_SCHEMA_DURATION, false, MEMBER(personal, unverified), 60 * SECOND, YEARS_MAX, NULL, NULL, "\"30d\"", NULL},
};
const struct rg_schema config_schema_personal = SCHEMA("[audit.personal]", personal, personal_keys);
/* clang-format on */
