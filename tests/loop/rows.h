/* SPDX-License-Identifier: Apache-2.0 */
/* What one client sends and what must come of it, as rows. Each row runs whole, byte by byte and in
 * twenty seeded random splits, and must end the same way each time. After each of them another
 * client's request must get its own answer, and nothing may be left alive. */
#ifndef TESTS_LOOP_ROWS_H
#define TESTS_LOOP_ROWS_H

#include "pipeline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The listeners of the configuration that rows run under, in rows.c. */
enum entrance {
    ENTER_USUAL,
    ENTER_TRUSTED, /* the client stands in trusted_proxies */
    ENTER_REJECT_UNDERSCORE,
    ENTER_PASS_UNDERSCORE,
    ENTER_SMALL, /* limit body=64 */
};
enum leaving { STAYS, ENDS, RESETS };

#define BYTES(literal)                                                                             \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    }
/* A word that no answer may repeat. It stands in every request that is refused. */
#define CANARY "c4n4ry"
#define HOST   "Host: shop.test\r\n"
#define MARK   "X-Canary: " CANARY "\r\n"
/* The fields that Signet adds (transcript.h). */
#define OURS "[ours]\r\n"

struct row {
    const char *why;
    enum entrance entrance;
    struct slice sent;   /* by the client */
    struct slice answer; /* then by the origin; empty: it answers each request by itself */
    bool silent;         /* the origin says nothing at all */
    enum leaving origin; /* then */
    struct slice later;  /* then by the client */
    enum leaving client; /* then */

    /* What must come of it. */
    const char *upstream; /* transcript of what reached origins; NULL: nothing did */
    const char *heard;    /* transcript of what the client got; NULL: not looked at */
    bool heard_begins;    /* `heard` is only how it begins */
    unsigned status;      /* the last record's; 0: 200 */
    const char *refused;  /* part of its words, any case; NULL: nothing was refused */
    const char *record;   /* more of it, "key":value, spaces between */
    unsigned records;     /* how many; 0: one */
    bool closes;          /* the client's connection is closed after it; so it is by refusals */
    bool discards;        /* the upstream connection is not kept */
    bool aborts;          /* nor is it, and the request was cut somewhere within `upstream` */
};

/* The two kinds of row that are most of them. */
#define REFUSES(why_, bytes, status_, words)                                                       \
    {                                                                                              \
        .why = why_, .sent = BYTES(bytes), .status = status_, .refused = words                     \
    }
#define PASSES(why_, bytes, upstream_)                                                             \
    {                                                                                              \
        .why = why_, .sent = BYTES(bytes), .upstream = upstream_                                   \
    }

/* For cmocka_run_group_tests(): *state is the pipeline. */
int rows_set_up(void **state);
int rows_tear_down(void **state);
void rows_run(struct pipeline *p, const struct row *rows, size_t count);
#define ROWS_RUN(state, rows) rows_run(*(state), rows, sizeof(rows) / sizeof((rows)[0]))

#endif
