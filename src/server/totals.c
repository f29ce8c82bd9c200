/* SPDX-License-Identifier: Apache-2.0 */
#include "server/totals.h"

#include "base/buf.h"
#include "base/log.h"

#define LINE_BYTES 2048 /* well below what a line of the log may have */

struct line {
    struct buf text;
    const char *head; /* what it begins with */
};

static void end(struct line *l)
{
    if (buf_len(&l->text) > 0)
        log_info("%s:%.*s", l->head, SLICE_ARG(buf_view(&l->text)));
    buf_done(&l->text);
    buf_init(&l->text);
}

static void add(struct line *l, const char *name, uint64_t count)
{
    if (count == 0)
        return;
    buf_printf(&l->text, " %s=%llu", name, (unsigned long long)count);
    if (buf_len(&l->text) > LINE_BYTES)
        end(l);
}

static void log_named(struct shm *s)
{
    struct line l = { .head = "totals" };
    for (int i = 0; i < COUNTER_NAMED; i++)
        add(&l, counter_name((enum counter)i), shm_total(s, (enum counter)i));
    end(&l);
}

static void log_reasons(struct shm *s, const char *head, enum counter (*counter_of)(enum refusal))
{
    struct line l = { .head = head };
    for (int i = REFUSAL_NONE + 1; i < REFUSAL_COUNT; i++)
        add(&l, refusal_label((enum refusal)i), shm_total(s, counter_of((enum refusal)i)));
    end(&l);
}

void totals_log(struct shm *s)
{
    log_named(s);
    log_reasons(s, "refused", counter_refused);
    log_reasons(s, "distrusted", counter_distrusted);
}
