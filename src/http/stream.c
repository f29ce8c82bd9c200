/* SPDX-License-Identifier: Apache-2.0 */
#include "http/stream.h"

const char *reset_text(enum reset_reason why)
{
    switch (why) {
    case RESET_FIN:
    case RESET_TRUNCATED: /* what came was a FIN, though TLS wants close_notify before it */
        return "fin";
    case RESET_CLOSE_NOTIFY:
        return "close_notify";
    case RESET_RST:
        return "reset";
    case RESET_CODE:
        return "code";
    case RESET_PROTOCOL:
        return "protocol";
    case RESET_SEND_TIMEOUT:
        return "send_timeout";
    case RESET_CANCEL:
        return "cancel";
    case RESET_INTERNAL:
        return "internal";
    case RESET_SHUTDOWN:
        return "shutdown";
    }
    return "unknown";
}
