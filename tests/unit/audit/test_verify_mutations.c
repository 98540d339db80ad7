/* SPDX-License-Identifier: Apache-2.0 */
/* Random damage to a closed log: bytes changed, cut, inserted, swapped, repeated, files renamed, swapped, copied over
 * each other, removed. Verify may say intact only where the log that is left says the same as the one before: that is
 * worked out here without verify's help. An ordinary run makes some hundred mutations, scripts/proof audit 10,000. */
#include "tests/support/audit_proof.h"

struct mutation {
    struct history *history;
    struct proof_files *files;
    struct chance *chance;
    char text[256];   /* what was done, for a report */
    bool is_harmless; /* the log that is left says the same: see each mutation */
};

static const char *pick_file(const struct mutation *mutation)
{
    return mutation->files->names[chance_below(mutation->chance, mutation->files->count)];
}

static void find_newest(const struct mutation *mutation, const char *part, char out_name[80])
{
    out_name[0] = '\0';
    for (size_t i = 0; i < mutation->files->count; i++) {
        if (strstr(mutation->files->names[i], part) != NULL) {
            (void)snprintf(out_name, 80, "%s", mutation->files->names[i]);
        }
    }
}

/* Removing it takes no evidence away: a partial tile is told by the records, a sealing checkpoint is covered by later
 * ones, the newest manifest comes later than its segment. Those that close an epoch, head.note, whole tiles, keys and
 * segments are needed. */
static bool is_spare(const struct mutation *mutation, const char *name)
{
    char newest[80];
    find_newest(mutation, ".manifest", newest);
    return strstr(name, ".p/") != NULL || strcmp(name, newest) == 0 ||
           (strncmp(name, "ckpt/", 5) == 0 && !history_closes_epoch(mutation->history, name));
}

static void say(struct mutation *mutation, const char *what, const char *name, size_t at, size_t size)
{
    (void)snprintf(mutation->text, sizeof mutation->text, "%.40s %.120s at %zu, %zu bytes", what, name, at, size);
}

/* [at, at + size) of a file, somewhere; false when the file is empty. */
static bool pick_range(const struct mutation *mutation, const struct spoil_file *file, size_t *out_at, size_t *out_size)
{
    if (file->size == 0) {
        return false;
    }
    size_t longest = chance_below(mutation->chance, 4) == 0 ? file->size : 40;
    *out_at = chance_below(mutation->chance, file->size);
    *out_size = 1 + chance_below(mutation->chance, longest);
    *out_size = *out_size > file->size - *out_at ? file->size - *out_at : *out_size;
    return true;
}

static void replace_range(const struct spoil_file *file, size_t at, size_t size, const char *bytes, size_t bytes_size)
{
    char *made = malloc(file->size + bytes_size);
    memcpy(made, file->bytes, at);
    memcpy(made + at, bytes, bytes_size);
    memcpy(made + at + bytes_size, file->bytes + at + size, file->size - at - size);
    spoil_save(file, made, file->size - size + bytes_size);
    free(made);
}

/* ---- bytes ---- */

static void change_bytes(struct mutation *mutation)
{
    const char *name = pick_file(mutation);
    struct spoil_file file = spoil_load(mutation->history, name);
    size_t at = 0;
    size_t size = 0;
    if (pick_range(mutation, &file, &at, &size)) {
        for (size_t i = at; i < at + size; i++) {
            file.bytes[i] = (char)(file.bytes[i] ^ (char)(1 + chance_below(mutation->chance, 255)));
        }
        spoil_save(&file, file.bytes, file.size);
        say(mutation, "change", name, at, size);
    }
    spoil_free(&file);
}

static void cut_bytes(struct mutation *mutation)
{
    const char *name = pick_file(mutation);
    struct spoil_file file = spoil_load(mutation->history, name);
    size_t at = 0;
    size_t size = 0;
    if (pick_range(mutation, &file, &at, &size)) {
        replace_range(&file, at, size, "", 0);
        say(mutation, "cut out of", name, at, size);
    }
    spoil_free(&file);
}

static void cut_end(struct mutation *mutation)
{
    const char *name = pick_file(mutation);
    struct spoil_file file = spoil_load(mutation->history, name);
    size_t at = file.size == 0 ? 0 : chance_below(mutation->chance, file.size);
    spoil_save(&file, file.bytes, at);
    say(mutation, "truncate", name, at, file.size - at);
    spoil_free(&file);
}

static void insert_bytes(struct mutation *mutation)
{
    char bytes[64];
    const char *name = pick_file(mutation);
    struct spoil_file file = spoil_load(mutation->history, name);
    size_t at = chance_below(mutation->chance, file.size + 1);
    size_t size = 1 + chance_below(mutation->chance, sizeof bytes);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (char)chance_below(mutation->chance, 256);
    }
    replace_range(&file, at, 0, bytes, size);
    say(mutation, "insert into", name, at, size);
    spoil_free(&file);
}

static void insert_zeros(struct mutation *mutation)
{
    static const char zeros[4096];
    const char *name = pick_file(mutation);
    struct spoil_file file = spoil_load(mutation->history, name);
    size_t at = chance_below(mutation->chance, 2) == 0 ? file.size : chance_below(mutation->chance, file.size + 1);
    size_t size = 1 + chance_below(mutation->chance, sizeof zeros);
    replace_range(&file, at, 0, zeros, size);
    say(mutation, "zeros into", name, at, size);
    /* behind the newest segment's last record they are space written ahead */
    char newest[40];
    spoil_segment_name(mutation->history->segment_seq, newest);
    mutation->is_harmless = at == file.size && strcmp(name, newest) == 0;
    spoil_free(&file);
}

static void repeat_bytes(struct mutation *mutation)
{
    const char *name = pick_file(mutation);
    struct spoil_file file = spoil_load(mutation->history, name);
    size_t at = 0;
    size_t size = 0;
    if (pick_range(mutation, &file, &at, &size)) {
        char *bytes = malloc(size);
        memcpy(bytes, file.bytes + at, size);
        replace_range(&file, at, 0, bytes, size);
        free(bytes);
        say(mutation, "repeat in", name, at, size);
    }
    spoil_free(&file);
}

static void swap_bytes(struct mutation *mutation)
{
    const char *name = pick_file(mutation);
    struct spoil_file file = spoil_load(mutation->history, name);
    if (file.size > 1) {
        size_t a = chance_below(mutation->chance, file.size);
        size_t b = chance_below(mutation->chance, file.size);
        char byte = file.bytes[a];
        file.bytes[a] = file.bytes[b];
        file.bytes[b] = byte;
        mutation->is_harmless = file.bytes[a] == file.bytes[b];
        spoil_save(&file, file.bytes, file.size);
        say(mutation, "swap in", name, a, b);
    }
    spoil_free(&file);
}

static void zero_a_block(struct mutation *mutation)
{
    const char *name = pick_file(mutation);
    struct spoil_file file = spoil_load(mutation->history, name);
    size_t at = file.size == 0 ? 0 : chance_below(mutation->chance, file.size) / 512 * 512;
    size_t size = file.size - at < 512 ? file.size - at : 512;
    memset(file.bytes + at, 0, size);
    spoil_save(&file, file.bytes, file.size);
    say(mutation, "zeros over", name, at, size);
    spoil_free(&file);
}

/* ---- records ---- */

static struct spoil_record pick_record(const struct mutation *mutation)
{
    return spoil_record(mutation->history, chance_below(mutation->chance, mutation->history->chain.next_seq));
}

static void remove_a_record(struct mutation *mutation)
{
    struct spoil_record record = pick_record(mutation);
    spoil_replace(&record, "", 0);
    say(mutation, "remove a record of", record.file.path, record.start, record.end - record.start);
    spoil_free(&record.file);
}

static void put_another_record_in_its_place(struct mutation *mutation)
{
    struct spoil_record record = pick_record(mutation);
    struct spoil_record other = pick_record(mutation);
    mutation->is_harmless = record.start == other.start && strcmp(record.file.path, other.file.path) == 0;
    spoil_replace(&record, other.file.bytes + other.start, other.end - other.start);
    say(mutation, "another record into", record.file.path, record.start, record.end - record.start);
    spoil_free(&record.file);
    spoil_free(&other.file);
}

/* ---- files ---- */

static void remove_a_file(struct mutation *mutation)
{
    const char *name = pick_file(mutation);
    spoil_remove(mutation->history, name);
    mutation->is_harmless = is_spare(mutation, name);
    say(mutation, "remove", name, 0, 0);
}

static void rename_a_file(struct mutation *mutation)
{
    const char *name = pick_file(mutation);
    char to[96];
    (void)snprintf(to, sizeof to, "%s", name);
    for (size_t i = 0; i < 3; i++) {
        size_t at = chance_below(mutation->chance, strlen(to));
        to[at] = to[at] >= '0' && to[at] <= '9' ? (char)('0' + chance_below(mutation->chance, 10)) : to[at];
    }
    mutation->is_harmless = strcmp(to, name) == 0;
    char from_path[224];
    char to_path[224];
    spoil_path(mutation->history, name, from_path);
    spoil_path(mutation->history, to, to_path);
    bool is_done = rename(from_path, to_path) == 0;
    mutation->is_harmless = mutation->is_harmless || !is_done;
    say(mutation, "rename", name, 0, 0);
}

static void copy_a_file_over_another(struct mutation *mutation)
{
    const char *from = pick_file(mutation);
    const char *to = pick_file(mutation);
    struct spoil_file a = spoil_load(mutation->history, from);
    struct spoil_file b = spoil_load(mutation->history, to);
    spoil_save(&b, a.bytes, a.size);
    /* the newest one of ckpt/ as head.note: what a kill before the rename leaves */
    char newest[80];
    find_newest(mutation, "ckpt/", newest);
    mutation->is_harmless = (a.size == b.size && memcmp(a.bytes, b.bytes, a.size) == 0) ||
                            (strcmp(from, newest) == 0 && strcmp(to, "head.note") == 0);
    (void)snprintf(mutation->text, sizeof mutation->text, "copy %s over %s", from, to);
    spoil_free(&a);
    spoil_free(&b);
}

static void swap_files(struct mutation *mutation)
{
    const char *from = pick_file(mutation);
    const char *to = pick_file(mutation);
    struct spoil_file a = spoil_load(mutation->history, from);
    struct spoil_file b = spoil_load(mutation->history, to);
    spoil_save(&b, a.bytes, a.size);
    spoil_save(&a, b.bytes, b.size);
    mutation->is_harmless = a.size == b.size && memcmp(a.bytes, b.bytes, a.size) == 0;
    (void)snprintf(mutation->text, sizeof mutation->text, "swap %s and %s", from, to);
    spoil_free(&a);
    spoil_free(&b);
}

static void add_a_file(struct mutation *mutation)
{
    static const char *const names[] = {"seg/0000000000009999.jsonl",
                                        "seg/copy",
                                        "ckpt/0000000000099999.note",
                                        "ckpt/copy",
                                        "tile/0/999",
                                        "tile/0/copy",
                                        "keys/list-00000099.note"};
    size_t which = chance_below(mutation->chance, sizeof names / sizeof names[0]);
    struct spoil_file file = spoil_load(mutation->history, pick_file(mutation));
    history_write(mutation->history, names[which], file.bytes, file.size);
    /* an empty newest segment is one that was just begun */
    mutation->is_harmless = file.size == 0;
    say(mutation, "add", names[which], 0, file.size);
    spoil_free(&file);
}

static void (*const mutations[])(struct mutation *mutation) = {change_bytes,
                                                               change_bytes,
                                                               cut_bytes,
                                                               cut_end,
                                                               insert_bytes,
                                                               insert_zeros,
                                                               repeat_bytes,
                                                               swap_bytes,
                                                               zero_a_block,
                                                               remove_a_record,
                                                               put_another_record_in_its_place,
                                                               remove_a_file,
                                                               rename_a_file,
                                                               copy_a_file_over_another,
                                                               swap_files,
                                                               add_a_file};

/* ---- the run ---- */

static void restore(const struct history *kept, const struct history *history)
{
    char command[300];
    (void)snprintf(command, sizeof command, "rm -r '%s' && cp -r '%s' '%s'", history->path, kept->path, history->path);
    assert_int_equal(system(command), 0);
}

static void misses_no_random_mutation(void **state)
{
    (void)state;
    static struct proof_files files;
    struct history history = history_blank();
    struct chance chance = chance_of(proof_seed());
    uint64_t count = proof_is_whole() ? 10000 : 300;
    uint64_t results[AUDIT_RESULT_COUNT] = {0};
    uint64_t harmless = 0;
    uint64_t missed = 0;
    history.segment_statements = 120;
    history_write_all(&history, 900);
    history_stop(&history);
    history_assert_intact(&history);
    struct history kept = history;
    (void)snprintf(kept.path, sizeof kept.path, "%.50s/kept", history.root);
    char command[300];
    (void)snprintf(command, sizeof command, "cp -r '%s' '%s'", history.path, kept.path);
    assert_int_equal(system(command), 0);
    proof_list(&history, &files);
    for (uint64_t i = 0; i < count; i++) {
        struct mutation mutation = {.history = &history, .files = &files, .chance = &chance};
        mutations[chance_below(&chance, sizeof mutations / sizeof mutations[0])](&mutation);
        enum audit_result result = proof_verify(&history);
        results[result]++;
        harmless += result == AUDIT_INTACT && mutation.is_harmless ? 1 : 0;
        if (result == AUDIT_INTACT && !mutation.is_harmless) {
            print_error("missed, number %llu: %s\n", (unsigned long long)i, mutation.text);
            missed++;
        }
        restore(&kept, &history);
    }
    print_message(
        "%llu mutations: altered %llu, truncated %llu, forked %llu, incomplete %llu, stale %llu, unreadable %llu, "
        "without effect %llu, missed %llu\n",
        (unsigned long long)count, (unsigned long long)results[AUDIT_ALTERED],
        (unsigned long long)results[AUDIT_TRUNCATED], (unsigned long long)results[AUDIT_FORKED],
        (unsigned long long)results[AUDIT_INCOMPLETE], (unsigned long long)results[AUDIT_STALE],
        (unsigned long long)results[AUDIT_UNVERIFIED], (unsigned long long)harmless, (unsigned long long)missed);
    assert_int_equal(missed, 0);
    history_end(&history);
    history_remove(&history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(misses_no_random_mutation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
