/* SPDX-License-Identifier: Apache-2.0 */
/* What the words of nginx, HAProxy and Caddy are called here. */
#ifndef CONF_FOREIGN_WORDS_H
#define CONF_FOREIGN_WORDS_H

#include "base/slice.h"

/* "here: proxy POOL" for "proxy_pass"; NULL for a word that is in no table. */
const char *foreign_word(struct slice word);

#endif
