/* SPDX-License-Identifier: Apache-2.0 */
/* A disk as slow as a test wants it: LD_PRELOAD this into rowgate, and each fdatasync first does what the file named by
 * ROWGATE_SLOW_SYNC says. "hold" waits until it says something else; a number waits so many milliseconds; anything
 * else, or no file, waits for nothing. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { WORD_MAX = 31, TURN_MS = 2, PATIENCE_MS = 60000 };

int fdatasync(int fd);

static void rest(long milliseconds)
{
    struct timespec time = {milliseconds / 1000, (milliseconds % 1000) * 1000000};
    (void)nanosleep(&time, NULL);
}

static void read_word(const char *path, char word[WORD_MAX + 1])
{
    word[0] = '\0';
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    ssize_t size = read(fd, word, WORD_MAX);
    (void)close(fd);
    word[size > 0 ? size : 0] = '\0';
}

int fdatasync(int fd)
{
    const char *path = getenv("ROWGATE_SLOW_SYNC");
    char word[WORD_MAX + 1] = "";
    for (long waited_ms = 0; path != NULL && waited_ms < PATIENCE_MS; waited_ms += TURN_MS) {
        read_word(path, word);
        if (strncmp(word, "hold", 4) != 0) {
            break;
        }
        rest(TURN_MS);
    }
    long milliseconds = strtol(word, NULL, 10);
    if (milliseconds > 0) {
        rest(milliseconds);
    }
    return (int)syscall(SYS_fdatasync, fd);
}
