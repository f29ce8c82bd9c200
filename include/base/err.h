/* SPDX-License-Identifier: Apache-2.0 */
/* Why something failed, in words for the person who reads them, and where in a file when it has a
 * place. Functions return 0 or -errno; one that has more to say takes a `struct err *`, which may
 * be NULL. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

struct err {
    char file[256];        /* empty: no place */
    unsigned line, column; /* from 1; 0: unknown */
    char text[512];        /* one line, no full stop; cut when longer */
};

/* Sets the text and returns `code`, so that a failure is one statement: return err_set(e, -EINVAL,
 * "..."). */
int err_set(struct err *e, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Names the place of what e already says. */
void err_at(struct err *e, const char *file, unsigned line, unsigned column);

#endif
