/* SPDX-License-Identifier: Apache-2.0 */
/* What a reload cannot bring into force, though it is no mistake for a start. */
#ifndef SERVER_RELOAD_CHECK_H
#define SERVER_RELOAD_CHECK_H

#include "conf/diag.h"
#include "server/holdings.h"

/* Says to `d`, at the directive's place, what of `now` (built from `s` and `path`) needs a restart,
 * and which of the logs that are new cannot be opened. */
void reload_check(const struct holdings *held, const struct config *now, struct sources *s,
                  const char *path, struct diags *d);

#endif
