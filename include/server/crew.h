/* SPDX-License-Identifier: Apache-2.0 */
/* The worker numbers of a master and the processes that hold them. A seat is a number: its
 * listening sockets outlive the process that sits in it. Who falls is followed by another, after a
 * pause when it happens too often; beside one that is silent a stand-in starts, and whichever of
 * the two is heard first keeps the seat. */
#ifndef SERVER_CREW_H
#define SERVER_CREW_H

#include "server/process.h"

struct seat {
    struct crew *of;
    unsigned number;
    bool retired;             /* the number is no more; its sockets are lent for good */
    bool opening;             /* the program has just begun: nobody has sat here yet */
    struct process *present;  /* NULL: down */
    struct process *stand_in; /* starting beside a silent `present`; mostly NULL */
    struct process *lent_to;  /* who accepts for it; NULL: nobody */
    struct timer restart;
    unsigned falls_in_row;      /* each soon after its start */
    uint64_t falls;             /* of processes that sat here */
    char why[CHANNEL_TEXT_MAX]; /* of the last fall */
};
struct crew {
    struct process_means means;
    struct seat **seats; /* each stays where it is, retired ones too */
    unsigned seat_count;
    unsigned count;        /* so many, the first ones, are to be filled */
    struct link processes; /* all that run, leaving ones too */
    bool any_served;       /* ever */
    bool ending;           /* nobody is replaced any more */
    bool disorderly;       /* while ending, one did not end as it should */
    const char *hopeless;  /* every seat's first process has fallen, and why the last; NULL: no */
};

/* Nobody sits yet: see crew_fill(). */
void crew_init(struct crew *c, const struct process_means *means, unsigned count);
void crew_done(struct crew *c);                /* kills and reaps who still runs */
struct process *crew_process(struct link *at); /* of an element of `processes` */
struct seat *crew_seat_of(struct crew *c, const struct process *p);
/* Does somebody sit there who accepts? */
static inline bool seat_serves(const struct seat *s)
{
    return process_serves(s->present);
}

/* More seats, or fewer: who sits in the last ones is told to drain. */
void crew_resize(struct crew *c, unsigned count);
void crew_hasten(struct crew *c); /* ends every pause before a start; crew_fill() is to follow */
void crew_fill(struct crew *c);   /* starts somebody wherever nobody sits and nobody is to come */
/* Who sits there is told to drain, and another one starts. */
void crew_replace(struct seat *s);
/* Nobody accepts for it, and who sits there is silent: another one starts beside. */
void crew_stand_in(struct seat *s);
void crew_ready(struct crew *c, struct process *p); /* it keeps the seat, or takes it */
void crew_heard(struct crew *c, struct process *p); /* it was silent: it needs no stand-in */
void crew_dismiss_stand_in(struct seat *s);         /* if there is one */
/* All are told to, by DRAIN or STOP, and nobody is replaced from here on. */
void crew_end(struct crew *c, enum channel_kind how);
/* It has ended with this status of waitpid(2): frees it, and sees to its seat. */
void crew_ended(struct crew *c, struct process *p, int status);

#endif
