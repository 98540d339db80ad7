/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes: literals and text together are the bytes again, or something was redacted; what is left holds no literal;
 * and a message that quotes the whole text shows nothing of a secret's parts. */
#include <stdio.h>
#include <stdlib.h>

#include "policy/sql_literals.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition, const char *what, struct rg_slice text)
{
    if (!condition) {
        (void)fprintf(stderr, "%s: %.*s\n", what, (int)text.size, text.data);
        abort();
    }
}

static void check_joined(const struct sql_literals *literals, struct rg_slice text)
{
    struct rg_buf joined;
    rg_buf_init(&joined, SIZE_MAX / 2);
    require(rg_is_ok(rg_literals_join(literals->text, literals->literals, &joined)), "does not fit", text);
    bool is_same = rg_slice_is_equal(rg_buf_slice(&joined), text);
    require(is_same || literals->is_redacted, "not the text again", text);
    rg_buf_done(&joined);
}

static void check_message(const struct sql_literals *literals, struct rg_slice text, struct rg_arena *arena)
{
    struct rg_slice shown = {0};
    require(rg_is_ok(sql_secrets_hide(literals, text, arena, &shown)), "cannot hide", text);
    for (size_t i = 0; i < literals->secret_count && text.size > 0; i++) {
        struct rg_slice secret = literals->secrets[i];
        bool is_whole = secret.size > 3 && shown.size >= secret.size &&
                        memmem(shown.data, shown.size, secret.data, secret.size) != NULL &&
                        memmem(secret.data, secret.size, "***", 3) == NULL;
        require(!is_whole, "a secret is shown", text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rg_slice text = rg_slice_make(data, size);
    struct rg_arena scratch, arena;
    rg_arena_init(&scratch, 64 << 20);
    rg_arena_init(&arena, 64 << 20);
    struct sql_literals literals = {0};
    struct sql_literals again = {0};
    if (rg_is_ok(sql_literals_separate(text, &scratch, &arena, &literals))) {
        check_joined(&literals, text);
        check_message(&literals, text, &arena);
        rg_arena_reset(&scratch);
        require(rg_is_ok(sql_literals_separate(literals.text, &scratch, &arena, &again)), "not again", text);
        require(again.count == 0, "a literal is left", text);
    }
    rg_arena_done(&scratch);
    rg_arena_done(&arena);
    return 0;
}
