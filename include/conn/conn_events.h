/* SPDX-License-Identifier: Apache-2.0 */
/* What a connection tells its owner, and the bounds its owner gives it. */
#ifndef CONN_CONN_EVENTS_H
#define CONN_CONN_EVENTS_H

#include "base/slice.h"

#include <stdint.h>

/* How the other side ended, or why we think it did. */
enum conn_end {
    CONN_END_FIN,          /* orderly end of TCP; on TLS: of a client that is paused, not read */
    CONN_END_CLOSE_NOTIFY, /* orderly end of TLS */
    CONN_END_RESET,        /* RST, or a write found nobody */
    CONN_END_TRUNCATED,    /* TLS: FIN without close_notify */
    CONN_END_PROTOCOL,     /* TLS violated, handshake failed: conn_why() */
    CONN_END_REFUSED,      /* dial: refused, unreachable: conn_errno() */
    CONN_END_CONNECT_TIMEOUT,
    CONN_END_HANDSHAKE_TIMEOUT,
    CONN_END_SEND_TIMEOUT, /* for send_ms the peer took nothing, or less than min_rate */
};

struct conn;
struct conn_events {
    /* Bytes may be written from now on: after the connect of a dial and the handshake of TLS; on an
     * accepted plain connection inside conn_start(). May be NULL, like on_flushed. */
    void (*on_open)(struct conn *c);
    /* Bytes arrived: those kept from before and the new ones, as one view, borrowed for the call.
     * Returns how many were used; the rest is kept and offered again with the next arrival or after
     * conn_resume(). */
    size_t (*on_data)(struct conn *c, struct slice bytes);
    /* Everything written so far has been given to the kernel, or dropped where nothing can be
     * written any more. Once after each flush of what was written, never inside conn_write(), and
     * no more after on_end (but see conn_allow_half_close). */
    void (*on_flushed)(struct conn *c);
    /* The last event, unless the two directions may end apart (conn_allow_half_close). After FIN
     * and CLOSE_NOTIFY the connection can still be written and must be closed by its owner with
     * conn_close(); after the others it is already dead, and conn_close() or conn_abort() only
     * gives it back. Bytes that were kept are not offered again. Comes before on_open when
     * connecting or shaking hands failed. */
    void (*on_end)(struct conn *c, enum conn_end how);
};

struct conn_conf { /* milliseconds; 0 = no limit */
    unsigned connect_ms, handshake_ms, send_ms;
    uint64_t min_rate; /* bytes a second the peer takes while bytes wait, over send_ms; 0: one is
                          enough */
    size_t keep_max;   /* bytes kept unused before reading pauses by itself */
};

#endif
