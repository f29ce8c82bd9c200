/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream/retry_budget.h"

#include "base/mem.h"

/* --- life */

static struct retry_budget *find(struct link *list, struct slice pool_name)
{
    LIST_EACH (list, at) {
        struct retry_budget *b = CONTAINER_OF(at, struct retry_budget, in_list);
        if (slice_eq(b->pool_name, pool_name))
            return b;
    }
    return NULL;
}

static struct retry_budget *budget_new(struct link *list, struct slice pool_name)
{
    struct retry_budget *b = mem_zalloc(sizeof(*b));
    b->pool_name = slice_of(mem_text(pool_name), pool_name.len);
    list_append(list, &b->in_list);
    return b;
}

struct retry_budget *retry_budget_get(struct link *list, struct slice pool_name)
{
    struct retry_budget *b = find(list, pool_name);
    if (b == NULL)
        b = budget_new(list, pool_name);
    b->refs++;
    return b;
}

void retry_budget_unref(struct retry_budget *b)
{
    if (b == NULL || --b->refs > 0)
        return;
    list_remove(&b->in_list);
    mem_free((char *)b->pool_name.ptr);
    mem_free(b);
}

/* --- the last seconds, in a circle: each takes the place of the one that is too old to count */

static struct retry_second *second_now(struct retry_budget *b, uint64_t now_ms)
{
    uint64_t now = now_ms / 1000;
    struct retry_second *s = &b->seconds[now % RETRY_BUDGET_SECONDS];
    if (s->second != now)
        *s = (struct retry_second){ .second = now };
    return s;
}

void retry_budget_count_request(struct retry_budget *b, uint64_t now_ms)
{
    second_now(b, now_ms)->requests++;
}

static bool has_share(const struct retry_budget *b, uint64_t percent, uint64_t now)
{
    uint64_t requests = 0, repeats = 0;
    for (size_t i = 0; i < RETRY_BUDGET_SECONDS; i++) {
        const struct retry_second *s = &b->seconds[i];
        if (s->second + RETRY_BUDGET_SECONDS <= now)
            continue;
        requests += s->requests;
        repeats += s->repeats;
    }
    return repeats * 100 < requests * percent;
}

bool retry_budget_take(struct retry_budget *b, uint64_t percent, uint64_t now_ms)
{
    struct retry_second *s = second_now(b, now_ms);
    if (s->repeats >= RETRY_BUDGET_RESERVED && !has_share(b, percent, s->second))
        return false;
    s->repeats++;
    return true;
}
