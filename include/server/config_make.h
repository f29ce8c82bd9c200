/* SPDX-License-Identifier: Apache-2.0 */
/* From a draft without errors to what serving uses. */
#ifndef SERVER_CONFIG_MAKE_H
#define SERVER_CONFIG_MAKE_H

#include "server/config_draft.h"

/* Takes the draft's TLS contexts. Never NULL. */
struct config *config_make(struct draft *draft, struct servers *registry);

#endif
