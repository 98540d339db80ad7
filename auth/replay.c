/* SPDX-License-Identifier: Apache-2.0 */
/* What may be used once. The store alone knows it: whoever asks may wait, and only it is there after a restart. */
#include "auth/replay.h"

#include "auth/state_private.h"

enum { IDP_BYTES = 8 }; /* of a key; those behind tell the id */

#define LONGEST_US (INT64_C(24) * 3600 * 1000 * 1000)

static rg_status check(struct rg_slice idp, struct rg_slice id, int64_t until_us, int64_t now_us)
{
    if (idp.size == 0 || id.size == 0 || until_us <= now_us) {
        return rg_fail(RG_DENIED, "what may be used once has no id, or is over");
    }
    if (idp.size > AUTH_REPLAY_ID_MAX || id.size > AUTH_REPLAY_ID_MAX || until_us - now_us > LONGEST_US) {
        return rg_fail(RG_LIMIT, "an id of more than %d bytes, or good for more than a day", AUTH_REPLAY_ID_MAX);
    }
    return RG_OK;
}

/* Begins with the provider's own bytes, so that one provider's are a range and can be counted. */
static struct rg_digest key_of(const struct auth_state *state, struct rg_slice idp, struct rg_slice id)
{
    const struct rg_slice parts[] = {idp, id};
    struct rg_digest key = auth_state_index(&state->keys, "replay", parts, 2);
    struct rg_digest provider = auth_state_index(&state->keys, "replay.idp", parts, 1);
    memcpy(key.bytes, provider.bytes, IDP_BYTES);
    return key;
}

static rg_status check_share(struct auth_state *state, const struct rg_digest *key)
{
    struct rg_digest low = *key;
    struct rg_digest high = *key;
    int64_t count = 0;
    memset(low.bytes + IDP_BYTES, 0, sizeof low.bytes - IDP_BYTES);
    memset(high.bytes + IDP_BYTES, 0xff, sizeof high.bytes - IDP_BYTES);
    const struct auth_db_value values[] = {auth_db_digest(&low), auth_db_digest(&high)};
    RG_TRY(auth_state_count(state, AUTH_SQL_REPLAY_COUNT_IDP, values, 2, &count));
    return count <= AUTH_REPLAY_MAX_PER_IDP
               ? RG_OK
               : rg_fail(RG_LIMIT, "%d ids of this provider are remembered already", AUTH_REPLAY_MAX_PER_IDP);
}

static rg_status add(struct auth_state *state, const struct rg_digest *id, int64_t until_us)
{
    const struct auth_db_value values[] = {auth_db_digest(id), auth_db_number(until_us)};
    int64_t count = 0;
    size_t changes = 0;
    RG_TRY(auth_state_run(state, AUTH_SQL_REPLAY_ADD, values, 2, &changes));
    if (changes != 1) {
        return rg_fail(RG_DENIED, "was used before");
    }
    RG_TRY(check_share(state, id));
    RG_TRY(auth_state_count(state, AUTH_SQL_REPLAY_COUNT, NULL, 0, &count));
    return count <= AUTH_REPLAY_MAX ? RG_OK : rg_fail(RG_LIMIT, "%d ids are remembered already", AUTH_REPLAY_MAX);
}

rg_status auth_replay_add(struct auth_state *state, struct rg_slice idp, struct rg_slice id, int64_t until_us,
                          int64_t now_us)
{
    RG_TRY(check(idp, id, until_us, now_us));
    struct rg_digest key = key_of(state, idp, id);
    RG_TRY(auth_state_begin(state, true));
    return auth_state_end(state, add(state, &key, until_us));
}
