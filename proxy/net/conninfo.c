/* SPDX-License-Identifier: Apache-2.0 */
/* A libpq connection string, parsed and resolved (service file, environment, defaults) once when the
 * configuration loads; opening a session only reads it. Called by the configuration loader. */
#include "proxy/net/conninfo_private.h"

#include <libpq-fe.h>
#include <stdatomic.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/rg_crypto.h"
#include "base/rg_memory.h"

struct pair {
    char *keyword;
    char *value;
};

/* A file that is read whenever a session is opened, as it was when the configuration loaded. Whoever writes, replaces
 * or touches it changes this. */
struct file {
    bool is_there;
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec written, changed;
};

static const char *const file_keywords[] = {"passfile", "sslrootcert", "sslcert", "sslkey", "sslcrl", "sslcrldir"};
enum { FILE_COUNT = sizeof file_keywords / sizeof file_keywords[0] };

struct net_conninfo {
    atomic_size_t references;
    struct file files[FILE_COUNT];
    size_t count;
    struct pair pairs[NET_CONNINFO_MAX];
};

/* A gssencmode that libpq refuses and names in its refusal: see resolve. */
static const char probe[] = "rowgate:probe";
/* Stands before what is given, so that a dsn may turn it on again: compiling the catalogue views' plans took a
 * second where running them takes 20 ms. */
static const char default_options[] = "-c jit=off";
static const char pinned_options[] = "-c search_path=pg_catalog -c standard_conforming_strings=on";
/* A schema that is not there: no name without a schema finds a table, whatever Hyper makes of a WITH. */
static const char hyper_options[] = "-c search_path=rowgate_no_schema";

static char *copy_text(struct rg_slice text)
{
    char *copy = rg_memory_alloc(text.size + 1);
    if (text.size > 0) {
        memcpy(copy, text.data, text.size);
    }
    return copy;
}

static void free_text(char *text)
{
    if (text != NULL) {
        rg_wipe(text, strlen(text));
        rg_memory_free(text);
    }
}

static struct pair *find_pair(struct net_conninfo *conninfo, const char *keyword)
{
    for (size_t i = 0; i < conninfo->count; i++) {
        if (strcmp(conninfo->pairs[i].keyword, keyword) == 0) {
            return &conninfo->pairs[i];
        }
    }
    return NULL;
}

static rg_status set_value(struct net_conninfo *conninfo, const char *keyword, struct rg_slice value)
{
    struct pair *pair = find_pair(conninfo, keyword);
    if (pair == NULL && conninfo->count == NET_CONNINFO_MAX) {
        return rg_fail(RG_CONFIG, "too many connection settings");
    }
    if (pair == NULL) {
        pair = &conninfo->pairs[conninfo->count];
        pair->keyword = copy_text(rg_slice_of(keyword));
        conninfo->count++;
    }
    free_text(pair->value);
    pair->value = copy_text(value);
    return RG_OK;
}

static void free_options(PQconninfoOption **options)
{
    for (PQconninfoOption *option = *options; option != NULL && option->keyword != NULL; option++) {
        if (option->val != NULL) {
            rg_wipe(option->val, strlen(option->val));
        }
    }
    PQconninfoFree(*options);
}

void net_conninfo_one_line(const char *text, char *out_text, size_t size)
{
    size_t used = 0;
    for (; *text != '\0' && used + 3 < size; text++) {
        if (*text == '\n') {
            if (text[1] != '\0') {
                out_text[used++] = ';';
                out_text[used++] = ' ';
            }
        } else {
            out_text[used++] = (unsigned char)*text < ' ' ? ' ' : *text;
        }
    }
    out_text[used] = '\0';
}

/* libpq quotes what it could not parse, which may be a password that lacks its quotes: only the
 * messages that name a keyword are passed on whole. */
static rg_status fail_parse(const char *message)
{
    static const char *const harmless[] = {"invalid connection option \"", "invalid URI query parameter: \""};
    char line[256];
    net_conninfo_one_line(message == NULL ? "out of memory" : message, line, sizeof line);
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++) {
        if (strncmp(line, harmless[i], strlen(harmless[i])) == 0) {
            return rg_fail(RG_CONFIG, "%s", line);
        }
    }
    static const char *const quotes[] = {" after \"", ": \"", " \""};
    for (size_t i = 0; i < sizeof quotes / sizeof *quotes; i++) {
        char *quote = strstr(line, quotes[i]);
        if (quote != NULL) {
            *quote = '\0';
            break;
        }
    }
    return rg_fail(RG_CONFIG, "not a libpq connection string: %s", line);
}

static rg_status read_dsn(struct net_conninfo *conninfo, struct rg_slice dsn)
{
    if (memchr(dsn.data == NULL ? "" : dsn.data, '\0', dsn.size) != NULL) {
        return rg_fail(RG_CONFIG, "not a libpq connection string: it holds a zero byte");
    }
    if (memmem(dsn.data == NULL ? "" : dsn.data, dsn.size, probe, sizeof probe - 1) != NULL) {
        return rg_fail(RG_CONFIG, "%s is no value of a connection setting", probe);
    }
    char *text = copy_text(dsn);
    char *message = NULL;
    RG_AUTO(free_options) PQconninfoOption *options = PQconninfoParse(text, &message);
    free_text(text);
    if (options == NULL) {
        rg_status status = fail_parse(message);
        PQfreemem(message);
        return status;
    }
    for (const PQconninfoOption *option = options; option->keyword != NULL; option++) {
        if (option->val != NULL && option->val[0] != '\0') {
            RG_TRY(set_value(conninfo, option->keyword, rg_slice_of(option->val)));
        }
    }
    return RG_OK;
}

static bool is_utf8(const char *name)
{
    return strcasecmp(name, "UTF8") == 0 || strcasecmp(name, "UTF-8") == 0;
}

/* libpq looks at ports only when it connects. */
static rg_status check_ports(const struct net_conninfo *conninfo)
{
    const char *at = net_conninfo_value(conninfo, "port");
    for (unsigned long number = 0; at != NULL && *at != '\0'; at++) {
        if (*at == ',') {
            number = 0;
            continue;
        }
        number = number * 10 + (unsigned long)(*at - '0');
        if (*at < '0' || *at > '9' || number < 1 || number > UINT16_MAX) {
            return rg_fail(RG_CONFIG, "port must be a number from 1 to 65535");
        }
    }
    return RG_OK;
}

static rg_status check_given(struct net_conninfo *conninfo)
{
    const char *encoding = net_conninfo_value(conninfo, "client_encoding");
    if (encoding != NULL && !is_utf8(encoding)) {
        return rg_fail(RG_CONFIG, "client_encoding must be UTF8");
    }
    const char *gss = net_conninfo_value(conninfo, "gssencmode");
    if (gss != NULL && strcmp(gss, "disable") != 0) {
        return rg_fail(RG_CONFIG, "gssencmode must be disable");
    }
    if (net_conninfo_value(conninfo, "replication") != NULL) {
        return rg_fail(RG_CONFIG, "replication is not supported");
    }
    return RG_OK;
}

static rg_status pin_settings(struct net_conninfo *conninfo, enum net_conninfo_pins pins)
{
    if (pins == NET_CONNINFO_PINS_NONE) {
        return RG_OK;
    }
    if (pins == NET_CONNINFO_PINS_HYPER) {
        return net_conninfo_value(conninfo, "options") != NULL
                   ? rg_fail(RG_CONFIG, "options are not supported with Hyper")
                   : set_value(conninfo, "options", rg_slice_of(hyper_options));
    }
    const char *given = net_conninfo_value(conninfo, "options");
    char merged[2048];
    int size = snprintf(merged, sizeof merged, "%s %s %s", default_options, given == NULL ? "" : given, pinned_options);
    if (size < 0 || (size_t)size >= sizeof merged) {
        return rg_fail(RG_CONFIG, "options is too long");
    }
    return set_value(conninfo, "options", rg_slice_make(merged, (size_t)size));
}

static rg_status add_ours(struct net_conninfo *conninfo, struct rg_slice password)
{
    RG_TRY(set_value(conninfo, "client_encoding", RG_SLICE("UTF8")));
    RG_TRY(set_value(conninfo, "gssencmode", RG_SLICE("disable")));
    if (net_conninfo_value(conninfo, "fallback_application_name") == NULL) {
        RG_TRY(set_value(conninfo, "fallback_application_name", RG_SLICE("rowgate")));
    }
    if (memchr(password.data == NULL ? "" : password.data, '\0', password.size) != NULL) {
        return rg_fail(RG_CONFIG, "the password holds a zero byte");
    }
    return password.size == 0 ? RG_OK : set_value(conninfo, "password", password);
}

static void finish_connection(PGconn **connection)
{
    PQfinish(*connection);
}

static rg_status take_resolved(struct net_conninfo *conninfo, PGconn *connection)
{
    RG_AUTO(free_options) PQconninfoOption *options = PQconninfo(connection);
    for (const PQconninfoOption *option = options; option != NULL && option->keyword != NULL; option++) {
        bool is_probe = strcmp(option->keyword, "gssencmode") == 0;
        if (!is_probe && option->val != NULL && option->val[0] != '\0') {
            RG_TRY(set_value(conninfo, option->keyword, rg_slice_of(option->val)));
        }
    }
    return RG_OK;
}

/* Lets libpq resolve the service file, the environment and its defaults and check all values, without
 * connecting: a gssencmode that it refuses ends PQconnectStartParams before the first socket. */
static rg_status resolve(struct net_conninfo *conninfo)
{
    struct net_conninfo_pairs pairs;
    net_conninfo_list(conninfo, &pairs);
    for (size_t i = 0; i < pairs.count; i++) {
        if (strcmp(pairs.keywords[i], "gssencmode") == 0) {
            pairs.values[i] = probe;
        }
    }
    RG_AUTO(finish_connection) PGconn *connection = PQconnectStartParams(pairs.keywords, pairs.values, 0);
    if (connection == NULL || PQstatus(connection) != CONNECTION_BAD) {
        return rg_fail(RG_INTERNAL, "libpq cannot resolve the connection settings");
    }
    const char *message = PQerrorMessage(connection);
    if (strstr(message, probe) == NULL) {
        char line[256];
        net_conninfo_one_line(message, line, sizeof line);
        return rg_fail(RG_CONFIG, "%s", line);
    }
    return take_resolved(conninfo, connection);
}

static void look_at_files(struct net_conninfo *conninfo)
{
    for (size_t i = 0; i < FILE_COUNT; i++) {
        const char *path = net_conninfo_value(conninfo, file_keywords[i]);
        struct stat found = {0};
        if (path != NULL && stat(path, &found) == 0) {
            conninfo->files[i] =
                (struct file){true, found.st_dev, found.st_ino, found.st_size, found.st_mtim, found.st_ctim};
        }
    }
}

rg_status net_conninfo_parse(struct rg_slice dsn, struct rg_slice password, enum net_conninfo_pins pins,
                             struct net_conninfo **out_conninfo)
{
    RG_AUTO(net_conninfo_release) struct net_conninfo *conninfo = rg_memory_alloc(sizeof *conninfo);
    atomic_init(&conninfo->references, 1);
    RG_TRY(read_dsn(conninfo, dsn));
    RG_TRY(check_given(conninfo));
    RG_TRY(add_ours(conninfo, password));
    RG_TRY(resolve(conninfo));
    RG_TRY(check_given(conninfo));
    RG_TRY(check_ports(conninfo));
    RG_TRY(pin_settings(conninfo, pins));
    look_at_files(conninfo);
    *out_conninfo = net_conninfo_ref(conninfo);
    return RG_OK;
}

struct net_conninfo *net_conninfo_ref(struct net_conninfo *conninfo)
{
    atomic_fetch_add(&conninfo->references, 1);
    return conninfo;
}

void net_conninfo_release(struct net_conninfo **conninfo)
{
    struct net_conninfo *old = *conninfo;
    *conninfo = NULL;
    if (old == NULL || atomic_fetch_sub(&old->references, 1) != 1) {
        return;
    }
    for (size_t i = 0; i < old->count; i++) {
        rg_memory_free(old->pairs[i].keyword);
        free_text(old->pairs[i].value);
    }
    rg_memory_free(old);
}

void net_conninfo_list(const struct net_conninfo *conninfo, struct net_conninfo_pairs *out_pairs)
{
    *out_pairs = (struct net_conninfo_pairs){.count = conninfo->count};
    for (size_t i = 0; i < conninfo->count; i++) {
        out_pairs->keywords[i] = conninfo->pairs[i].keyword;
        out_pairs->values[i] = conninfo->pairs[i].value;
    }
}

const char *net_conninfo_value(const struct net_conninfo *conninfo, const char *keyword)
{
    for (size_t i = 0; i < conninfo->count; i++) {
        if (strcmp(conninfo->pairs[i].keyword, keyword) == 0) {
            return conninfo->pairs[i].value;
        }
    }
    return NULL;
}

static bool is_same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool is_same_file(const struct file *a, const struct file *b)
{
    return a->is_there == b->is_there && a->device == b->device && a->inode == b->inode && a->size == b->size &&
           is_same_time(a->written, b->written) && is_same_time(a->changed, b->changed);
}

bool net_conninfo_is_equal(const struct net_conninfo *a, const struct net_conninfo *b)
{
    bool is_equal = a->count == b->count;
    for (size_t i = 0; is_equal && i < a->count; i++) {
        const char *other = net_conninfo_value(b, a->pairs[i].keyword);
        is_equal = other != NULL && strcmp(a->pairs[i].value, other) == 0;
    }
    for (size_t i = 0; is_equal && i < FILE_COUNT; i++) {
        is_equal = is_same_file(&a->files[i], &b->files[i]);
    }
    return is_equal;
}

const char *net_conninfo_dbname(const struct net_conninfo *conninfo)
{
    return net_conninfo_value(conninfo, "dbname");
}

const char *net_conninfo_user(const struct net_conninfo *conninfo)
{
    return net_conninfo_value(conninfo, "user");
}

const char *net_conninfo_host(const struct net_conninfo *conninfo)
{
    return net_conninfo_value(conninfo, "host");
}

const char *net_conninfo_port(const struct net_conninfo *conninfo)
{
    return net_conninfo_value(conninfo, "port");
}
