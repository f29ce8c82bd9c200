/* SPDX-License-Identifier: Apache-2.0 */
/* Reason phrases of status codes (RFC 9110 15, IANA registry). */
#ifndef HTTP_STATUS_H
#define HTTP_STATUS_H

#include "base/slice.h"

struct slice status_reason(unsigned status); /* empty when the code is not registered */

#endif
