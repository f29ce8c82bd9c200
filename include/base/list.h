/* SPDX-License-Identifier: Apache-2.0 */
/* Intrusive doubly linked list. The head is a link of its own; a link sits in at most one list.
 * Owner of the elements: whoever embeds the link. Nothing here allocates. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct link {
    struct link *prev, *next; /* both point at itself when in no list */
};

#define CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
/* Walks the list; the current element may be removed inside the body. */
#define LIST_EACH(head, at)                                                                        \
    for (struct link *at = (head)->next, *at##_next = at->next; at != (head);                      \
         at = at##_next, at##_next = at->next)

static inline void list_init(struct link *l)
{
    l->prev = l->next = l;
}

static inline bool list_empty(const struct link *head) /* or: this link is in no list */
{
    return head->next == head;
}

static inline void list_insert_before(struct link *at, struct link *l)
{
    l->prev = at->prev;
    l->next = at;
    at->prev->next = l;
    at->prev = l;
}

static inline void list_append(struct link *head, struct link *l)
{
    list_insert_before(head, l);
}

static inline void list_prepend(struct link *head, struct link *l)
{
    list_insert_before(head->next, l);
}

static inline void list_remove(struct link *l) /* harmless when it is in no list */
{
    l->prev->next = l->next;
    l->next->prev = l->prev;
    list_init(l);
}

/* Moves all elements of `from` to the end of `to`; `from` is empty afterwards. */
static inline void list_splice(struct link *to, struct link *from)
{
    if (list_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

#endif
