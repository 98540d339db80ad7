/* SPDX-License-Identifier: Apache-2.0 */
/* GET /.rowgate/session: what a page of ours, or one that embeds us, may know of who is logged in. */
#include <jansson.h>
#include <stdlib.h>

#include "auth/session.h"
#include "base/rg_clock.h"
#include "proxy/http/login.h"
#include "proxy/http/reply.h"

void http_session_show(struct http_request *request)
{
    static const struct http_header no_store = {{"cache-control", 13}, {"no-store", 8}};
    const struct auth_session *session = request->session;
    const struct auth_session_new *login = &session->login;
    char expires[RG_TIME_TEXT_SIZE];
    rg_clock_format(session->expires_us, expires);
    json_t *object = json_pack("{s:s, s:s%, s:s%, s:s%, s:s, s:s}", "session", session->public_id, "user",
                               login->user.data == NULL ? "" : login->user.data, login->user.size, "tenant",
                               request->tenant.id.data == NULL ? "" : request->tenant.id.data, request->tenant.id.size,
                               "idp", login->idp.data, login->idp.size, "expires", expires, "csrf", session->csrf);
    char *text = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
    json_decref(object);
    if (text == NULL) {
        http_reply_problem(request, 500, "http.request.limit", "The session cannot be shown.");
        return;
    }
    http_reply(request, &(struct http_reply){.status = 200,
                                             .content_type = RG_SLICE("application/json"),
                                             .header_count = 1,
                                             .headers = &no_store,
                                             .body = rg_slice_of(text)});
    free(text); /* jansson's own; the answer is a copy */
}
