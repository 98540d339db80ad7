/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUDIT_SEARCH_TERMS_H
#define RG_AUDIT_SEARCH_TERMS_H

#include "audit/index.h"
#include "audit/search.h"

/* What of a record goes into the index, and what of the criteria is asked of it. */

/* Terms and text of a record; the arena owns them. */
rg_status audit_terms_of(const struct audit_shown *shown, struct rg_arena *arena,
                         struct audit_index_row *out_row) RG_MUST_CHECK;
/* The criteria as terms and, when it is long enough, text. opener, for what is sealed, may be NULL. RG_CONFIG for a
 * text that is not UTF-8. */
rg_status audit_terms_query(const struct audit_criteria *criteria, struct audit_opener *opener, struct rg_arena *arena,
                            struct audit_index_query *out_query) RG_MUST_CHECK;
/* Is the record, opened, of the subject and the address that are looked for? */
bool audit_terms_are_of(const struct audit_shown *shown, const struct audit_criteria *criteria);

/* Does the record, as read from the log, hold what the terms of the query say? Its row, from audit_terms_of. */
bool audit_terms_hold(const struct audit_index_row *row, const struct audit_index_query *query);
/* The same of criteria->text. */
bool audit_terms_has_text(const struct audit_shown *shown, struct rg_slice text);

#endif
