/* SPDX-License-Identifier: Apache-2.0 */
/* Looks up the host names of a connection string on the offload's threads. Each name becomes as many
 * list entries as it has addresses; a name without any is left out while another host remains. */
#include "proxy/net/lookup_private.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/rg_buf.h"
#include "base/rg_memory.h"
#include "proxy/net/conninfo_private.h"
#include "proxy/net/loop.h"
#include "proxy/net/offload.h"

enum { MAX_ENTRIES = 32, LISTS_BYTES = 64 * 1024, NAME_SIZE = 256 };

struct net_lookup {
    struct net_conninfo *conninfo;
    void (*on_done)(void *context, const struct net_hosts *hosts); /* NULL = abandoned */
    void *context;
    struct net_hosts hosts;
    struct rg_buf host_list;
    struct rg_buf hostaddr_list;
    struct rg_buf port_list;
};

/* Element index of a comma-separated list; empty past its end. */
static struct rg_slice element(const char *list, size_t index)
{
    for (size_t i = 0; list != NULL && i < index; i++) {
        const char *comma = strchr(list, ',');
        list = comma == NULL ? NULL : comma + 1;
    }
    return list == NULL ? (struct rg_slice){0} : rg_slice_make(list, strcspn(list, ","));
}

static size_t element_count(const char *list)
{
    size_t count = list == NULL ? 0 : 1;
    for (; list != NULL && *list != '\0'; list++) {
        count += *list == ',' ? 1 : 0;
    }
    return count;
}

static bool is_path(struct rg_slice host)
{
    return host.size == 0 || host.data[0] == '/' || host.data[0] == '@';
}

static bool is_numeric(struct rg_slice host)
{
    char text[NAME_SIZE];
    struct in6_addr address;
    (void)snprintf(text, sizeof text, "%.*s", RG_SLICE_ARGS(rg_slice_cut(host, 0, NAME_SIZE)));
    return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

static bool put_element(struct rg_buf *list, bool is_first, struct rg_slice text)
{
    return (is_first || rg_is_ok(rg_buf_put(list, RG_SLICE(",")))) && rg_is_ok(rg_buf_put(list, text));
}

static void add_entry(struct net_lookup *lookup, struct rg_slice host, struct rg_slice hostaddr, struct rg_slice port)
{
    bool is_first = lookup->hosts.count == 0;
    if (lookup->hosts.count < MAX_ENTRIES && put_element(&lookup->host_list, is_first, host) &&
        put_element(&lookup->hostaddr_list, is_first, hostaddr) && put_element(&lookup->port_list, is_first, port)) {
        lookup->hosts.count++;
    }
}

/* Blocks. */
static void look_up(struct net_lookup *lookup, struct rg_slice host, struct rg_slice port)
{
    char name[NAME_SIZE];
    (void)snprintf(name, sizeof name, "%.*s", RG_SLICE_ARGS(rg_slice_cut(host, 0, NAME_SIZE)));
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int failure = getaddrinfo(name, NULL, &hints, &found);
    if (failure != 0) {
        (void)snprintf(lookup->hosts.error, sizeof lookup->hosts.error,
                       "could not translate host name \"%.128s\" to address: %s", name, gai_strerror(failure));
        return;
    }
    for (const struct addrinfo *address = found; address != NULL; address = address->ai_next) {
        char text[NI_MAXHOST];
        if (getnameinfo(address->ai_addr, address->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST) == 0) {
            add_entry(lookup, host, rg_slice_of(text), port);
        }
    }
    freeaddrinfo(found);
}

static struct rg_slice port_of(const char *ports, size_t index)
{
    return element_count(ports) == 1 ? element(ports, 0) : element(ports, index);
}

static void add_host(struct net_lookup *lookup, size_t index)
{
    struct rg_slice host = element(net_conninfo_value(lookup->conninfo, "host"), index);
    struct rg_slice hostaddr = element(net_conninfo_value(lookup->conninfo, "hostaddr"), index);
    struct rg_slice port = port_of(net_conninfo_value(lookup->conninfo, "port"), index);
    if (hostaddr.size > 0 || is_path(host)) {
        add_entry(lookup, host, hostaddr, port);
    } else if (is_numeric(host)) {
        add_entry(lookup, host, host, port);
    } else {
        look_up(lookup, host, port);
    }
}

static size_t host_count(const struct net_conninfo *conninfo)
{
    size_t hosts = element_count(net_conninfo_value(conninfo, "host"));
    size_t addresses = element_count(net_conninfo_value(conninfo, "hostaddr"));
    size_t most = hosts > addresses ? hosts : addresses;
    return most == 0 ? 1 : most;
}

static bool needs_thread(const struct net_conninfo *conninfo)
{
    for (size_t i = 0; i < host_count(conninfo); i++) {
        struct rg_slice host = element(net_conninfo_value(conninfo, "host"), i);
        if (element(net_conninfo_value(conninfo, "hostaddr"), i).size == 0 && !is_path(host) && !is_numeric(host)) {
            return true;
        }
    }
    return false;
}

/* The list as a C string; NULL when it says nothing. */
static char *text_of(struct rg_buf *list)
{
    return rg_buf_size(list) > 0 && rg_is_ok(rg_buf_put_u8(list, 0)) ? list->bytes + list->start : NULL;
}

static void run_lookup(void *arg)
{
    struct net_lookup *lookup = arg;
    for (size_t i = 0; i < host_count(lookup->conninfo); i++) {
        add_host(lookup, i);
    }
    if (lookup->hosts.count > 0) {
        lookup->hosts.error[0] = '\0';
        lookup->hosts.host = text_of(&lookup->host_list);
        lookup->hosts.hostaddr = text_of(&lookup->hostaddr_list);
        lookup->hosts.port = text_of(&lookup->port_list);
    }
}

static void end_lookup(void *arg)
{
    struct net_lookup *lookup = arg;
    if (lookup->hosts.count == 0 && lookup->hosts.error[0] == '\0') {
        (void)snprintf(lookup->hosts.error, sizeof lookup->hosts.error, "the name lookup was dropped");
    }
    if (lookup->on_done != NULL) {
        lookup->on_done(lookup->context, &lookup->hosts);
    }
    net_conninfo_release(&lookup->conninfo);
    rg_buf_done(&lookup->host_list);
    rg_buf_done(&lookup->hostaddr_list);
    rg_buf_done(&lookup->port_list);
    rg_memory_free(lookup);
}

rg_status net_lookup_start(struct net_loop *loop, struct net_conninfo *conninfo,
                           void (*on_done)(void *context, const struct net_hosts *hosts), void *context,
                           struct net_lookup **out_lookup)
{
    bool is_blocking = needs_thread(conninfo);
    struct net_offload *offload = net_loop_offload(loop);
    if (is_blocking && offload == NULL) {
        return rg_fail(RG_INTERNAL, "this loop has no threads for name lookups");
    }
    struct net_lookup *lookup = rg_memory_alloc(sizeof *lookup);
    lookup->on_done = on_done;
    lookup->context = context;
    lookup->conninfo = net_conninfo_ref(conninfo);
    rg_buf_init(&lookup->host_list, LISTS_BYTES);
    rg_buf_init(&lookup->hostaddr_list, LISTS_BYTES);
    rg_buf_init(&lookup->port_list, LISTS_BYTES);
    rg_status status = RG_OK;
    if (is_blocking) {
        status = net_offload_submit(offload, NET_OFFLOAD_LOOKUP, loop, run_lookup, end_lookup, lookup);
    } else {
        run_lookup(lookup);
        net_loop_post(loop, end_lookup, lookup);
    }
    if (!rg_is_ok(status)) {
        lookup->on_done = NULL;
        end_lookup(lookup);
        return status;
    }
    *out_lookup = lookup;
    return RG_OK;
}

void net_lookup_abandon(struct net_lookup **lookup)
{
    if (*lookup != NULL) {
        (*lookup)->on_done = NULL; /* only the loop's thread reads it */
        *lookup = NULL;
    }
}
