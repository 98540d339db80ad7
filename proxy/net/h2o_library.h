/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RG_PROXY_NET_H2O_LIBRARY_H
#define RG_PROXY_NET_H2O_LIBRARY_H

/* What libh2o 2.2.5 needs once in a process, before its first context: no buffer of its goes to a file below /tmp,
 * which the fence forbids and which would hold what clients sent. Any thread. */
void net_h2o_prepare(void);

#endif
