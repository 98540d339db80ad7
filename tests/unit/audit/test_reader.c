/* SPDX-License-Identifier: Apache-2.0 */
/* Lines out of files of every odd shape. */
#include "audit/reader.h"

#include "audit/line.h"
#include "tests/support/audit_dir.h"

static int file_of(const struct audit_dir *dir, struct rg_slice bytes)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%.60s/file", dir->root);
    audit_file_write(path, bytes.data, bytes.size);
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    return fd;
}

static void names_what_ends_a_file(void **state)
{
    (void)state;
    static const struct {
        struct rg_slice bytes;
        size_t lines;
        enum audit_reading end;
    } rows[] = {{{"", 0}, 0, AUDIT_READING_END},           {{"a\nb\n", 4}, 2, AUDIT_READING_END},
                {{"\n\n", 2}, 2, AUDIT_READING_END},       {{"a\nb", 3}, 1, AUDIT_READING_TORN},
                {{"a\n\0\0", 4}, 1, AUDIT_READING_ZERO},   {{"\0", 1}, 0, AUDIT_READING_ZERO},
                {{"a\nb\0\0\0", 6}, 1, AUDIT_READING_TORN}};
    struct audit_dir dir;
    audit_dir_make(&dir);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int fd = file_of(&dir, rows[i].bytes);
        RG_AUTO(audit_reader_done) struct audit_reader reader;
        audit_reader_init(&reader, fd);
        enum audit_reading reading = AUDIT_READING_LINE;
        struct rg_slice line = {0};
        size_t lines = 0;
        for (; reading == AUDIT_READING_LINE; lines++) {
            assert_ok(audit_reader_next(&reader, &reading, &line));
        }
        assert_int_equal(lines - 1, rows[i].lines);
        assert_int_equal(reading, rows[i].end);
        assert_true(reader.line_number == lines);
        assert_ok(audit_reader_next(&reader, &reading, &line)); /* stays there */
        assert_int_equal(reading, rows[i].end);
        assert_true(reader.line_number == lines);
        (void)close(fd);
    }
    audit_dir_remove(&dir);
}

static void bounds_a_line(void **state)
{
    (void)state;
    static char bytes[AUDIT_LINE_MAX + 2];
    struct audit_dir dir;
    audit_dir_make(&dir);
    memset(bytes, 'a', sizeof bytes);
    for (size_t size = AUDIT_LINE_MAX; size <= AUDIT_LINE_MAX + 1; size++) {
        bytes[size] = '\n';
        int fd = file_of(&dir, rg_slice_make(bytes, size + 1));
        RG_AUTO(audit_reader_done) struct audit_reader reader;
        audit_reader_init(&reader, fd);
        enum audit_reading reading = AUDIT_READING_END;
        struct rg_slice line = {0};
        assert_ok(audit_reader_next(&reader, &reading, &line));
        assert_int_equal(reading, size == AUDIT_LINE_MAX ? AUDIT_READING_LINE : AUDIT_READING_LONG);
        (void)close(fd);
        bytes[size] = 'a';
    }
    audit_dir_remove(&dir);
}

/* Lines of 0 to 1,999 bytes, a few of the longest, over many reads of the file: the byte in front of a line is the
 * reader's to write, and nothing of the line or of the one behind it changes. */
static void hashes_each_line_where_it_stands(void **state)
{
    (void)state;
    enum { LINES = 2000, BYTES_MAX = LINES * 1000 + LINES + 4 * AUDIT_LINE_MAX };
    static char bytes[BYTES_MAX];
    size_t sizes[LINES];
    size_t used = 0;
    for (size_t i = 0; i < LINES; i++) {
        sizes[i] = i % 600 == 599 ? AUDIT_LINE_MAX : i * 7 % LINES;
        memset(bytes + used, 'a' + (int)(i % 26), sizes[i]);
        bytes[used + sizes[i]] = '\n';
        used += sizes[i] + 1;
    }
    struct audit_dir dir;
    audit_dir_make(&dir);
    int fd = file_of(&dir, rg_slice_make(bytes, used));
    RG_AUTO(audit_reader_done) struct audit_reader reader;
    audit_reader_init(&reader, fd);
    size_t at = 0;
    for (size_t i = 0; i < LINES; i++) {
        enum audit_reading reading = AUDIT_READING_END;
        struct rg_slice line = {0};
        for (int again = 0; again < 2; again++) {
            assert_ok(audit_reader_next(&reader, &reading, &line));
            assert_int_equal(reading, AUDIT_READING_LINE);
            struct rg_digest wanted = audit_line_leaf(rg_slice_make(bytes + at, sizes[i]));
            struct rg_digest leaf = audit_reader_leaf(&reader);
            assert_memory_equal(&leaf, &wanted, sizeof wanted);
            assert_true(rg_slice_is_equal(line, rg_slice_make(bytes + at, sizes[i])));
            if (again == 0) {
                audit_reader_unread(&reader);
            }
        }
        at += sizes[i] + 1;
    }
    (void)close(fd);
    audit_dir_remove(&dir);
}

static void finds_where_the_zeros_start(void **state)
{
    (void)state;
    static char bytes[600000];
    struct audit_dir dir;
    audit_dir_make(&dir);
    static const size_t ends[] = {0, 1, 511, 262143, 262144, 262145, 599999, 600000};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        uint64_t end = 77;
        if (ends[i] > 0) {
            bytes[ends[i] - 1] = 'x';
        }
        int fd = file_of(&dir, rg_slice_make(bytes, sizeof bytes));
        assert_ok(audit_reader_used_end(fd, 0, &end));
        assert_true(end == ends[i]);
        assert_ok(audit_reader_used_end(fd, 300000, &end));
        assert_true(end == (ends[i] > 300000 ? ends[i] : 300000));
        (void)close(fd);
    }
    audit_dir_remove(&dir);
}

static void fails_on_what_it_cannot_read(void **state)
{
    (void)state;
    struct audit_dir dir;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, 4096);
    audit_dir_make(&dir);
    struct audit_segments segments = {.count = 99};
    struct rg_slice origin = RG_SLICE("before");
    int fd = -1;
    assert_ok(audit_directory_open(rg_slice_of(dir.root), &arena, &fd));
    assert_fails(RG_STORAGE, audit_segments_load(fd, &arena, &segments));
    assert_fails(RG_STORAGE, audit_origin_load(fd, &arena, &origin));
    assert_int_equal(segments.count, 99);
    assert_slice(origin, "before");
    static const char *const origins[] = {"", "\n", "no line feed"};
    char path[128];
    (void)snprintf(path, sizeof path, "%.60s/origin", dir.root);
    for (size_t i = 0; i < sizeof origins / sizeof origins[0]; i++) {
        audit_file_write(path, origins[i], strlen(origins[i]));
        assert_fails(RG_STORAGE, audit_origin_load(fd, &arena, &origin));
    }
    int none = -1;
    assert_fails(RG_STORAGE, audit_segment_open_read(fd, 5, &none));
    assert_int_equal(none, -1);
    (void)close(fd);
    RG_AUTO(audit_reader_done) struct audit_reader reader;
    audit_reader_init(&reader, fd); /* closed */
    enum audit_reading reading = AUDIT_READING_LONG;
    struct rg_slice line = {0};
    uint64_t end = 5;
    assert_fails(RG_STORAGE, audit_reader_next(&reader, &reading, &line));
    assert_int_equal(reading, AUDIT_READING_LONG);
    assert_fails(RG_STORAGE, audit_reader_used_end(fd, 0, &end));
    assert_true(end == 5);
    audit_dir_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_what_ends_a_file),           cmocka_unit_test(bounds_a_line),
        cmocka_unit_test(hashes_each_line_where_it_stands), cmocka_unit_test(finds_where_the_zeros_start),
        cmocka_unit_test(fails_on_what_it_cannot_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
