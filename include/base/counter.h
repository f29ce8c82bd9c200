/* SPDX-License-Identifier: Apache-2.0 */
/* What a process counts. One row of counters belongs to one process incarnation and lies in shared
 * memory: its owner alone adds, anyone may read. Relaxed atomics: each number is exact, two of them
 * need not be of the same instant.
 *
 * Besides those that have a name of their own there are two for every refusal: one for what clients
 * sent, one for what servers answered. Their sums are COUNTER_REQUESTS_REFUSED and
 * COUNTER_ANSWERS_DISTRUSTED. */
#ifndef BASE_COUNTER_H
#define BASE_COUNTER_H

#include "base/refusal.h"

#include <stdatomic.h>
#include <stdint.h>

#define COUNTERS(X)                                                                                \
    X(CONNECTIONS_ACCEPTED, "connections_accepted")                                                \
    X(CONNECTIONS_CLOSED, "connections_closed")                                                    \
    X(CONNECTIONS_REFUSED, "connections_refused")                                                  \
    X(CONNECTIONS_REFUSED_PER_IP, "connections_refused_per_ip")                                    \
    X(HANDSHAKES, "tls_handshakes")                                                                \
    X(HANDSHAKES_RESUMED, "tls_handshakes_resumed")                                                \
    X(HANDSHAKES_FAILED, "tls_handshakes_failed")                                                  \
    X(REQUESTS, "requests")                                                                        \
    X(REQUESTS_FINISHED, "requests_finished")                                                      \
    X(REQUESTS_REFUSED, "requests_refused")                                                        \
    X(ANSWERS_DISTRUSTED, "answers_distrusted")                                                    \
    X(CLIENT_ABORTS, "client_aborts")                                                              \
    X(UPSTREAM_DIALS, "upstream_dials")                                                            \
    X(UPSTREAM_DIALS_FAILED, "upstream_dials_failed")                                              \
    X(UPSTREAM_REUSED, "upstream_reused")                                                          \
    X(UPSTREAM_RETRIES, "upstream_retries")                                                        \
    X(UPSTREAM_RETRIES_DENIED, "upstream_retries_denied")                                          \
    X(LOG_RECORDS, "log_records")                                                                  \
    X(LOG_RECORDS_DROPPED, "log_records_dropped")                                                  \
    X(LOG_LINES_DROPPED, "log_lines_dropped")                                                      \
    X(ACCEPT_FAILURES, "accept_failures")

enum counter {
#define X(name, text) COUNTER_##name,
    COUNTERS(X)
#undef X
        COUNTER_NAMED,
    COUNTER_REFUSED = COUNTER_NAMED,
    COUNTER_DISTRUSTED = COUNTER_REFUSED + REFUSAL_COUNT,
    COUNTER_COUNT = COUNTER_DISTRUSTED + REFUSAL_COUNT
};

struct counters {
    _Atomic uint64_t value[COUNTER_COUNT];
};

static inline void counter_add(struct counters *c, enum counter which, uint64_t n)
{
    atomic_fetch_add_explicit(&c->value[which], n, memory_order_relaxed);
}

static inline uint64_t counter_read(const struct counters *c, enum counter which)
{
    return atomic_load_explicit(&c->value[which], memory_order_relaxed);
}

static inline enum counter counter_refused(enum refusal why)
{
    return (enum counter)(COUNTER_REFUSED + (int)why);
}

static inline enum counter counter_distrusted(enum refusal why)
{
    return (enum counter)(COUNTER_DISTRUSTED + (int)why);
}

/* A request, an answer: in the sum and under its reason. */
void counter_add_refused(struct counters *c, enum refusal why);
void counter_add_distrusted(struct counters *c, enum refusal why);
/* As in metrics, without prefix and "_total"; for those below COUNTER_NAMED. */
const char *counter_name(enum counter which);

#endif
