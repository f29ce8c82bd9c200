/* SPDX-License-Identifier: Apache-2.0 */
/* Reload in place, in two phases: everything is read, checked and built beside what serves, by a
 * reader process of its own, by the master and by every worker; only when all have it does it come
 * into force. Else nothing has changed, and whoever asked is told why.
 *
 * Asking while one runs asks for another behind it, which answers all that asked meanwhile. */
#ifndef SERVER_RELOAD_H
#define SERVER_RELOAD_H

#include "server/children.h"
#include "server/holdings.h"

struct reload_outcome { /* borrowed for the call */
    bool committed;
    uint32_t generation;            /* that is in force now */
    uint64_t took_ms;               /* from asking to the commit or the refusal */
    struct slice changes;           /* what changed, a line each; empty: nothing */
    struct slice diags, diags_json; /* errors and warnings, as `check` prints them; may be empty */
    struct slice diags_lines;       /* the same for a log, each in one line */
    struct slice why; /* not committed: in one line. "the configuration has errors", ... */
};
struct reload_setup { /* all borrowed; outlives the reload */
    struct loop *loop;
    const char *config_path;
    struct holdings *held; /* replaced as a whole by a commit */
    struct children *children;
    /* May be NULL. The last step that can fail, right before the commit of `next`: what is wrong
     * goes to `d`, and -EINVAL refuses it. */
    int (*before_commit)(void *user, const struct config *next, struct diags *d);
    void (*on_outcome)(void *user, const struct reload_outcome *o); /* each one, first: the log */
    void *user;
};
struct reload;
struct reload *reload_new(const struct reload_setup *setup);
void reload_free(struct reload *r); /* abandons what runs; NULL is fine */
/* on_done follows once, never inside the call; NULL: only setup's on_outcome is told. */
struct reload_wish {
    struct link link;
    void (*on_done)(struct reload_wish *w, const struct reload_outcome *o);
};
/* w lives until on_done or cancel; NULL: nobody waits for it. */
void reload_ask(struct reload *r, struct reload_wish *w);
void reload_cancel(struct reload *r, struct reload_wish *w); /* who asked has left; it runs on */
/* The master is ending: what runs is abandoned, wishes are answered with `why`, later ones too. */
void reload_end(struct reload *r, const char *why);
bool reload_running(const struct reload *r);

#endif
