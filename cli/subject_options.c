/* SPDX-License-Identifier: Apache-2.0 */
/* A made-up subject from the command line. */
#include "cli/subject_options.h"

bool subject_options_take_as(struct subject_options *options, const char *text)
{
    const char *at = strrchr(text, '@');
    if (at == NULL || at == text || at[1] == '\0') {
        return false;
    }
    options->request.user = rg_slice_make(text, (size_t)(at - text));
    options->request.tenant = rg_slice_of(at + 1);
    return true;
}

static size_t find_claim(const struct subject_options *options, struct rg_slice name)
{
    size_t index = 0;
    while (index < options->request.claim_count && !rg_slice_is_equal(options->claims[index].name, name)) {
        index++;
    }
    return index;
}

bool subject_options_take_claim(struct subject_options *options, struct rg_arena *arena, const char *text)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals == text) {
        return false;
    }
    struct rg_slice name = {text, (size_t)(equals - text)};
    size_t index = find_claim(options, name);
    struct rg_slice *texts = NULL;
    if (index == SUBJECT_CLAIMS_MAX) {
        return false;
    }
    struct auth_claim_constant *claim = &options->claims[index];
    if (!rg_is_ok(rg_arena_array(arena, claim->text_count + 1, sizeof *texts, (void **)&texts))) {
        return false;
    }
    for (size_t i = 0; i < claim->text_count; i++) {
        texts[i] = claim->texts[i];
    }
    texts[claim->text_count] = rg_slice_of(equals + 1);
    *claim = (struct auth_claim_constant){name, texts, claim->text_count + 1};
    options->request.claim_count += index == options->request.claim_count ? 1 : 0;
    options->request.claims = options->claims;
    return true;
}
