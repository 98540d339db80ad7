/* SPDX-License-Identifier: Apache-2.0 */
/* Statements and portals of the extended protocol: a few, small, until they are closed; portals until Sync, because no
 * transaction is ever open. */
#include "base/rg_memory.h"
#include "proxy/console_private.h"

enum { PREPARED_MAX = 64, PORTALS_MAX = 4, FORMATS_MAX = 64 };

static char *copy_text(struct rg_slice text)
{
    char *copy = rg_memory_alloc(text.size + 1);
    if (text.size > 0) {
        memcpy(copy, text.data, text.size);
    }
    return copy;
}

/* ---- statements ---- */

const struct console_prepared *console_prepared_find(const struct console_session *session, struct rg_slice name)
{
    const struct console_prepared *found = session->prepared;
    while (found != NULL && !rg_slice_is_equal(rg_slice_of(found->name), name)) {
        found = found->next;
    }
    return found;
}

static void free_first_prepared(struct console_prepared **link)
{
    struct console_prepared *old = *link;
    *link = old->next;
    rg_memory_free(old->name);
    rg_memory_free(old->text);
    rg_memory_free(old);
}

void console_prepared_drop(struct console_session *session, struct rg_slice name)
{
    struct console_prepared **link = &session->prepared;
    while (*link != NULL && !rg_slice_is_equal(rg_slice_of((*link)->name), name)) {
        link = &(*link)->next;
    }
    if (*link != NULL) {
        free_first_prepared(link);
    }
}

rg_status console_prepare(struct console_session *session, const struct pgwire_prepare *prepare)
{
    size_t count = 0;
    console_prepared_drop(session, prepare->statement);
    for (const struct console_prepared *at = session->prepared; at != NULL; at = at->next) {
        count++;
    }
    if (count >= PREPARED_MAX) {
        return rg_fail(RG_LIMIT, "more than %d prepared statements", (int)PREPARED_MAX);
    }
    struct console_prepared *made = rg_memory_alloc(sizeof *made);
    made->name = copy_text(prepare->statement);
    made->text = copy_text(prepare->text);
    made->next = session->prepared;
    session->prepared = made;
    return RG_OK;
}

/* ---- portals ---- */

struct console_portal *console_portal_find(const struct console_session *session, struct rg_slice name)
{
    struct console_portal *found = session->portals;
    while (found != NULL && !rg_slice_is_equal(rg_slice_of(found->name), name)) {
        found = found->next;
    }
    return found;
}

static void free_first_portal(struct console_portal **link)
{
    struct console_portal *old = *link;
    *link = old->next;
    console_rows_done(&old->rows);
    rg_memory_free(old->name);
    rg_memory_free(old->text);
    rg_memory_free(old->format_list);
    rg_memory_free(old);
}

void console_portal_drop(struct console_session *session, struct rg_slice name)
{
    struct console_portal **link = &session->portals;
    while (*link != NULL && !rg_slice_is_equal(rg_slice_of((*link)->name), name)) {
        link = &(*link)->next;
    }
    if (*link != NULL) {
        free_first_portal(link);
    }
}

void console_portals_drop(struct console_session *session)
{
    while (session->portals != NULL) {
        free_first_portal(&session->portals);
    }
}

void console_prepared_done(struct console_session *session)
{
    console_portals_drop(session);
    while (session->prepared != NULL) {
        free_first_prepared(&session->prepared);
    }
}

/* What a Bind ends with: how many result formats, and each. It was checked when the Bind was parsed. */
static rg_status take_formats(const struct pgwire_bind *bind, struct console_portal *portal)
{
    size_t count = bind->result_format_count;
    if (count > FORMATS_MAX || bind->tail.size < 2 * count) {
        return rg_fail(RG_LIMIT, "more than %d result formats", (int)FORMATS_MAX);
    }
    const char *list = bind->tail.data + bind->tail.size - 2 * count;
    portal->format_list = rg_memory_array(count + 1, sizeof *portal->format_list);
    for (size_t i = 0; i < count; i++) {
        portal->format_list[i] = pgwire_u16_at(list + 2 * i);
    }
    portal->formats = (struct console_formats){count, portal->format_list};
    return RG_OK;
}

rg_status console_bind(struct console_session *session, const struct pgwire_bind *bind)
{
    size_t count = 0;
    const struct console_prepared *prepared = console_prepared_find(session, bind->statement);
    RG_ASSERT(prepared != NULL);
    console_portal_drop(session, bind->portal);
    for (const struct console_portal *at = session->portals; at != NULL; at = at->next) {
        count++;
    }
    if (count >= PORTALS_MAX) {
        return rg_fail(RG_LIMIT, "more than %d portals", (int)PORTALS_MAX);
    }
    struct console_portal *made = rg_memory_alloc(sizeof *made);
    made->next = session->portals;
    session->portals = made;
    made->name = copy_text(bind->portal);
    made->text = copy_text(rg_slice_of(prepared->text));
    rg_status status = take_formats(bind, made);
    if (!rg_is_ok(status)) {
        free_first_portal(&session->portals);
    }
    return status;
}
