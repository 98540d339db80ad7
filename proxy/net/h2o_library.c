/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of libh2o that belong to the process, and what it leaves behind. */
#include "proxy/net/h2o_library.h"

#define H2O_USE_LIBUV 0
#include <h2o.h>
#include <pthread.h>

/* libh2o never gives back the free blocks that it keeps for each thread (at most 32, when the thread ends), nor a
 * context's queue (88 bytes). Asked for by LeakSanitizer, where it is built in; in the fence it can read no file. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:h2o_mem_alloc_recycle\nleak:libh2o-evloop.so\n";
}

static void prepare(void)
{
    h2o_socket_buffer_mmap_settings.threshold = SIZE_MAX;
}

void net_h2o_prepare(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, prepare);
}
