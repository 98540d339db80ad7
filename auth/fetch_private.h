/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_AUTH_FETCH_PRIVATE_H
#define RG_AUTH_FETCH_PRIVATE_H

#include <curl/curl.h>

#include "auth/fetch.h"

/* What every transfer from an identity provider obeys. false = libcurl refuses. */
bool auth_fetch_set_limits(CURL *easy);
/* ca_file: NUL-terminated behind the slice, empty = the system's. It must live as long as the transfer. */
bool auth_fetch_set_trust(CURL *easy, struct rg_slice ca_file);

#endif
