/* SPDX-License-Identifier: Apache-2.0 */
/* What a finished configuration owns besides its clusters, tables and TLS contexts. */
#ifndef SERVER_CONFIG_OWN_H
#define SERVER_CONFIG_OWN_H

#include "base/arena.h"

struct config_private {
    struct arena arena; /* every array and text of the configuration */
};

#endif
