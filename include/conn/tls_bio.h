/* SPDX-License-Identifier: Apache-2.0 */
/* The socket under a TLS transport, as OpenSSL sees it. Reading asks the kernel at most once per
 * readiness; writing never fails for want of room: records are gathered in the worker's scratch,
 * leave in one sendmsg(), and what the kernel refuses waits here.
 *
 * Owner: the transport that embeds it, which also closes the descriptor. */
#ifndef CONN_TLS_BIO_H
#define CONN_TLS_BIO_H

#include "base/buf.h"
#include "conn/scratch.h"

#include <stdbool.h>

struct bio_st; /* OpenSSL's BIO */
struct tls_bio {
    int fd;
    struct scratch *scratch; /* borrowed */
    struct buf in;           /* ciphertext that came along and OpenSSL has not asked for */
    struct buf out;          /* what the kernel refused */
    struct {                 /* the same as `in`, but for one call, in memory of somebody else */
        char *base;
        size_t at, len, room; /* base[at..len) waits; room 0: closed, read into OpenSSL */
    } window;
    int end;        /* 0, -ENODATA: the peer sent FIN, else the -errno that recv() met */
    int send_error; /* 0 or the -errno that ended sending */
    bool may_recv;  /* the descriptor was found readable, and not asked since */
    bool fin_due;   /* SHUT_WR follows the last byte */
    bool spoke;     /* OpenSSL wrote since the owner last cleared this */
    bool refuse;    /* reading fails from now on: the peer broke a rule of ours */
};

/* Makes the BIO that goes into SSL_set_bio(), which then owns it. NULL: OpenSSL has no memory. */
struct bio_st *tls_bio_open(struct tls_bio *b, int fd, struct scratch *s);
void tls_bio_done(struct tls_bio *b);
/* A window for one call into OpenSSL lets one recv() take more than it asks for: its own read-ahead
 * stops at 16 kB, and from 3.2 on covers only what comes after the handshake. For a read it lies in
 * the reader's room, behind the plaintext that will be put there; for a handshake in the scratch.
 * Closing it moves what OpenSSL left into `in`. */
void tls_bio_window_read(struct tls_bio *b, char *to, size_t room);
void tls_bio_window_handshake(struct tls_bio *b);
void tls_bio_window_close(struct tls_bio *b);
bool tls_bio_unread(const struct tls_bio *b); /* ciphertext waits, without asking the kernel */
/* One sendmsg() of what waits and what was gathered; the rest is kept. 0 or -errno. */
int tls_bio_flush(struct tls_bio *b);
size_t tls_bio_backlog(const struct tls_bio *b);

#endif
