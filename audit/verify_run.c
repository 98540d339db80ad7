/* SPDX-License-Identifier: Apache-2.0 */
/* Threads for the verifier's two parallel halves: numbered jobs, each thread takes the next one. */
#include <pthread.h>
#include <time.h>

#include "audit/verify_private.h"

enum { THREADS_MAX = 256 };

struct crew {
    void (*job)(void *context, size_t number);
    void *context;
    size_t count;
    atomic_size_t next;
    atomic_size_t running;
};

static void work(struct crew *crew)
{
    for (size_t number = atomic_fetch_add(&crew->next, 1); number < crew->count;
         number = atomic_fetch_add(&crew->next, 1)) {
        crew->job(crew->context, number);
    }
}

static void *thread_main(void *context)
{
    struct crew *crew = context;
    work(crew);
    atomic_fetch_sub(&crew->running, 1);
    return NULL;
}

static void wait_for(struct crew *crew, void (*on_wait)(void *context))
{
    const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    while (atomic_load(&crew->running) > 0) {
        (void)nanosleep(&pause, NULL);
        on_wait(crew->context);
    }
}

void verify_run(unsigned threads, size_t count, void (*job)(void *context, size_t number),
                void (*on_wait)(void *context), void *context)
{
    struct crew crew = {.job = job, .context = context, .count = count};
    pthread_t ids[THREADS_MAX];
    unsigned wanted = threads > THREADS_MAX ? THREADS_MAX : threads;
    unsigned started = 0;
    wanted = count < wanted ? (unsigned)count : wanted;
    while (started < wanted && (wanted > 1 || on_wait != NULL)) {
        atomic_fetch_add(&crew.running, 1);
        if (pthread_create(&ids[started], NULL, thread_main, &crew) != 0) {
            atomic_fetch_sub(&crew.running, 1);
            break;
        }
        started++;
    }
    if (started == 0) {
        work(&crew);
    }
    if (on_wait != NULL) {
        wait_for(&crew, on_wait);
    }
    for (unsigned i = 0; i < started; i++) {
        (void)pthread_join(ids[i], NULL);
    }
}
