/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_HTTP_LOGIN_H
#define RG_PROXY_HTTP_LOGIN_H

#include "auth/login_state.h"
#include "auth/session.h"
#include "proxy/config_idp.h"
#include "proxy/http/request.h"
#include "proxy/snapshot.h"

/* What a login has in common whatever the protocol: where it may lead, the state of one that is under way, and its end:
 * tenant, session, cookies, record. oidc_endpoints.c and saml_endpoints.c are between begin and end. A job runs on an
 * offload thread and touches nothing of its request; what it needs is copied or borrowed from the request's snapshot,
 * which lives as long. */

enum { HTTP_LOGIN_TEXT = 512, HTTP_LOGIN_ARENA = 1 << 20 };

/* Why a login failed. The zero value is no failure. */
struct http_login_failure {
    int status; /* of the answer; 0 = it did not fail */
    const char *rule;
    const char *advice;           /* for the person: one sentence */
    char reason[HTTP_LOGIN_TEXT]; /* for the record: no secret, no value of a token */
};

/* One login, logout or logout message in the making. Made by http_login_job_new on the loop, freed by
 * http_login_job_free wherever it ends. */
struct http_login_job {
    struct rg_arena arena;
    struct http_request *origin; /* alive until done returns, also when its client has gone; not for run */
    struct auth_state *state;
    const struct config *config;
    const struct config_http_listener *listener;
    const struct config_idp *idp;
    struct auth_oidc_provider *provider; /* OIDC */
    const struct rg_clock *clock;
    struct rg_slice listener_name;
    struct rg_slice address; /* the client's */
    struct rg_slice browser; /* its login cookie; empty = none */
    struct rg_slice query, body;

    struct http_login_failure failure;
    struct rg_slice location;                  /* where the browser goes next */
    char login_cookie[AUTH_COOKIE_VALUE_SIZE]; /* to be set, unless empty */
    char cookie[AUTH_COOKIE_VALUE_SIZE];       /* of the new session; empty = none was made */
    struct auth_session *session;              /* a reference; NULL = none */
    struct tenant tenant;                      /* of the session, in arena */
    size_t ended_count;                        /* sessions that a provider's logout ended */
    bool is_answer;                            /* SAML: the message answers a logout of ours */
    struct rg_slice subject;                   /* known although it failed, for the record; empty = not */
};

/* Copies what run needs of the request.
 * Returns: ok; RG_LIMIT; RG_CONFIG without [state]. Output untouched then. Owns: *out_job, by the caller. */
rg_status http_login_job_new(struct http_request *request, const struct config_idp *idp,
                             struct http_login_job **out_job) RG_MUST_CHECK;
void http_login_job_free(struct http_login_job **job); /* nulls, accepts NULL */

/* Whether people may come to this listener by that [idp.NAME]. Pure. */
bool http_login_is_offered(const struct config_http_listener *listener, struct rg_slice name);

/* The provider of the request's listener that captures[0] names. NULL = none, and it was answered with 404. */
const struct config_idp *http_login_idp(struct http_request *request);

/* What records call a provider before it has proved its issuer. Pure. */
struct rg_slice http_login_issuer(const struct config_idp *idp);

/* The path in "return_to" of a query, rebuilt: one of our own, "/" for everything else. RG_LIMIT. Pure. */
rg_status http_login_return_to(struct rg_slice query, struct rg_arena *arena, struct rg_slice *out_path) RG_MUST_CHECK;

/* text when it is such a path, "/" otherwise: for a SAML RelayState of a login that began at the provider. */
rg_status http_login_own_path(struct rg_slice text, struct rg_arena *arena, struct rg_slice *out_path) RG_MUST_CHECK;

/* The URL of our own path at the listener: public_url and path. RG_LIMIT. */
rg_status http_login_own_url(const struct config_http_listener *listener, struct rg_arena *arena,
                             struct rg_slice *out_url, const char *format, ...)
    __attribute__((format(printf, 4, 5))) RG_MUST_CHECK;

/* Marks the job as failed; status is copied. */
void http_login_fail(struct http_login_job *job, rg_status why, int http_status, const char *rule, const char *advice);

/* In run, after the protocol has verified the caller: finds the tenant, and makes the session and its cookie.
 * identity: typed by the configuration's claims. Failures are in the job. */
void http_login_admit(struct http_login_job *job, const struct auth_identity *identity,
                      const struct auth_session_new *login, struct rg_slice return_to);

/* In done: records a login that failed or succeeded and answers: to job->location with the cookies, or the refusal. */
void http_login_answer(struct http_request *request, struct http_login_job *job);
/* In done of the beginning: sends the browser to job->location with the login cookie, or refuses. Nothing is recorded
 * unless it failed. */
void http_login_answer_begin(struct http_request *request, struct http_login_job *job);

/* In done of a logout: it is recorded (record_it) whether or not the client is still there, and answered where that or
 * the logout itself failed (advice: of a record that could not be made). True = it went well and somebody waits for the
 * answer, which the caller gives; else job is freed. */
bool http_login_settle(struct http_request *request, struct http_login_job *job,
                       rg_status (*record_it)(struct http_request *request, const struct http_login_job *job),
                       const char *advice);

/* In done when the client has gone: what happened is recorded all the same, and a session that nobody has the cookie of
 * ends. Frees job. */
void http_login_abandon(struct http_login_job *job);
/* The request in whose name a job without a client is recorded. NULL = there is nothing to record, or no more records
 * are taken: the job has not run, or the worker ends. */
struct http_request *http_login_origin(const struct http_login_job *job);

/* The header that takes the session's cookie back. RG_LIMIT. */
rg_status http_login_end_cookie(struct http_request *request, struct http_header *out_header) RG_MUST_CHECK;

/* GET /.rowgate/login/IDP: hands over to the protocol of the provider. */
void http_login_begin(struct http_request *request);
/* GET /.rowgate/oidc/IDP/callback, POST /.rowgate/oidc/IDP/backchannel-logout. */
void http_oidc_begin(struct http_request *request, const struct config_idp *idp);
void http_oidc_callback(struct http_request *request);
void http_oidc_backchannel_logout(struct http_request *request);
/* POST /.rowgate/saml/IDP/acs, GET and POST /.rowgate/saml/IDP/slo, GET /.rowgate/saml/IDP/metadata. */
void http_saml_begin(struct http_request *request, const struct config_idp *idp);
void http_saml_acs(struct http_request *request);
void http_saml_slo(struct http_request *request);
void http_saml_metadata(struct http_request *request);
/* In run: where a session that began at a SAML provider goes on to end there; untouched when it cannot. */
void http_saml_leave(struct http_login_job *job);
/* GET /.rowgate/session, behind a session: who is logged in, as JSON. */
void http_session_show(struct http_request *request);
/* POST /.rowgate/logout, behind session and CSRF token: ends the session here, then at the provider. */
void http_logout(struct http_request *request);

#endif
