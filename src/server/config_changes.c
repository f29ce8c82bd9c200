/* SPDX-License-Identifier: Apache-2.0 */
#include "server/config_changes.h"

#include "base/log.h"
#include "conn/tls_cert.h"
#include "server/config_draft.h"
#include "server/config_entries.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#define SHOWN_MAX 128 /* bytes of a value; what is longer is cut */

struct changes { /* one config_changes() */
    const struct config_version *old, *now;
    struct arena arena;
    struct buf *out;
};
struct place {                 /* where something has changed: "pool app, server b" */
    const struct place *outer; /* NULL: the top */
    struct slice title;
};

/* --- words */

static void put_place(const struct place *at, struct buf *out)
{
    if (at == NULL)
        return;
    put_place(at->outer, out);
    buf_add(out, at->outer != NULL ? ", " : "");
    buf_append(out, at->title);
}

static void say(struct changes *c, const struct place *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void say(struct changes *c, const struct place *at, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    struct buf line;
    buf_init(&line);
    put_place(at, &line);
    buf_add(&line, at != NULL ? ": " : "");
    buf_add(&line, text);
    size_t room = buf_len(&line) * 6;
    buf_commit(c->out, log_escape(buf_reserve(c->out, room), room, buf_view(&line), ESCAPE_LINE));
    buf_add(c->out, "\n");
    buf_done(&line);
}

static struct slice title_of(struct changes *c, const struct entry *e)
{
    struct buf text;
    buf_init(&text);
    entry_title(e, &text);
    struct slice copy = arena_copy(&c->arena, buf_view(&text));
    buf_done(&text);
    return copy;
}

/* A value as it is shown: cut where it is long, and visible where it is empty. */
static const char *shown(struct changes *c, struct slice value)
{
    if (value.len == 0)
        return "\"\"";
    return arena_printf(&c->arena, "%.*s%s", SLICE_ARG(slice_first(value, SHOWN_MAX)),
                        value.len > SHOWN_MAX ? "..." : "")
        .ptr;
}

/* --- files */

/* The last day of what is a certificate; what is none has none. */
static const char *validity(struct changes *c, const char *path)
{
    struct slice contents;
    int64_t seconds;
    char day[16];
    struct err e;
    if (sources_file(c->now->sources, path, &contents, &e) < 0 ||
        tls_cert_expiry(contents, &seconds) < 0)
        return "";
    struct tm tm;
    time_t t = (time_t)seconds;
    if (gmtime_r(&t, &tm) == NULL || strftime(day, sizeof(day), "%Y-%m-%d", &tm) == 0)
        return "";
    return arena_printf(&c->arena, " (valid until %s)", day).ptr;
}

/* The word names the same file as before, or there would be another thing to say. */
static void compare_file(struct changes *c, const struct place *at, const char *lead,
                         const struct conf_word *old, const struct conf_word *now,
                         struct slice name)
{
    uint64_t before, after;
    const char *path = path_beside(&c->arena, &now->span, name);
    const char *old_path = path_beside(&c->arena, &old->span, name);
    if (!sources_digest(c->now->sources, path, &after) ||
        !sources_digest(c->old->sources, old_path, &before) || before == after)
        return;
    say(c, at, "%s%s has changed%s", lead, shown(c, name), validity(c, path));
}

/* --- the words of an entry */

struct plain { /* words of an entry that are no settings and do not name it */
    struct slice *words;
    size_t count;
};

static struct plain plain_of(struct changes *c, const struct entry *e)
{
    struct plain p;
    p.count = entry_plain_words(e, &c->arena, &p.words);
    return p;
}

/* What `a` has and `b` lacks. */
static struct plain minus(struct changes *c, struct plain a, struct plain b)
{
    struct plain left = { arena_alloc(&c->arena, (a.count + 1) * sizeof(*left.words)), 0 };
    struct map there;
    map_init(&there, 0);
    for (size_t i = 0; i < b.count; i++)
        map_add(&there, b.words[i], &b.words[i]);
    for (size_t i = 0; i < a.count; i++)
        if (map_get(&there, a.words[i]) == NULL)
            left.words[left.count++] = a.words[i];
    map_done(&there);
    return left;
}

static void compare_sets(struct changes *c, const struct place *at, const char *lead,
                         struct plain old, struct plain now)
{
    struct plain gone = minus(c, old, now), come = minus(c, now, old);
    if (gone.count == 1 && come.count == 1) {
        say(c, at, "%s%s -> %s", lead, shown(c, gone.words[0]), shown(c, come.words[0]));
        return;
    }
    for (size_t i = 0; i < gone.count; i++)
        say(c, at, "%s%s removed", lead, shown(c, gone.words[i]));
    for (size_t i = 0; i < come.count; i++)
        say(c, at, "%s%s added", lead, shown(c, come.words[i]));
}

static const char *joined(struct changes *c, struct plain p)
{
    struct buf all;
    buf_init(&all);
    for (size_t i = 0; i < p.count; i++)
        buf_printf(&all, "%s%s", i > 0 ? " " : "", shown(c, p.words[i]));
    const char *copy = arena_copy(&c->arena, buf_view(&all)).ptr;
    buf_done(&all);
    return copy;
}

static bool same_words(struct plain a, struct plain b)
{
    for (size_t i = 0; i < a.count && i < b.count; i++)
        if (!slice_eq(a.words[i], b.words[i]))
            return false;
    return a.count == b.count;
}

static void compare_words(struct changes *c, const struct place *at, const char *lead,
                          const struct entry *e)
{
    struct plain old = plain_of(c, e->former), now = plain_of(c, e);
    if (same_words(old, now))
        return;
    if (e->shape->hidden)
        say(c, at, "%shas changed", lead);
    else if (e->shape->set || old.count == 0 || now.count == 0)
        compare_sets(c, at, lead, old, now);
    else
        say(c, at, "%s%s -> %s", lead, joined(c, old), joined(c, now));
}

/* --- KEY=VALUE */

static const struct conf_word *find_setting(const struct entry *e, struct slice key)
{
    for (size_t i = 0; i < e->word_count; i++)
        if (entry_is_setting(e, &e->words[i]) && slice_eq(e->words[i].key, key))
            return &e->words[i];
    return NULL;
}

static void compare_setting(struct changes *c, const struct place *at, const char *lead,
                            const struct conf_word *old, const struct conf_word *now)
{
    int key_len = (int)now->key.len;
    const char *key = now->key.ptr;
    if (old == NULL)
        say(c, at, "%s%.*s=%s added", lead, key_len, key, shown(c, now->value));
    else if (!slice_eq(old->value, now->value))
        say(c, at, "%s%.*s %s -> %s", lead, key_len, key, shown(c, old->value),
            shown(c, now->value));
    else
        compare_file(c, at, arena_printf(&c->arena, "%s%.*s ", lead, key_len, key).ptr, old, now,
                     now->value);
}

static void compare_settings(struct changes *c, const struct place *at, const char *lead,
                             const struct entry *e)
{
    const struct entry *old = e->former;
    for (size_t i = 0; i < old->word_count; i++) {
        const struct conf_word *word = &old->words[i];
        if (entry_is_setting(old, word) && find_setting(e, word->key) == NULL)
            say(c, at, "%s%.*s=%s removed", lead, SLICE_ARG(word->key), shown(c, word->value));
    }
    for (size_t i = 0; i < e->word_count; i++)
        if (entry_is_setting(e, &e->words[i]))
            compare_setting(c, at, lead, find_setting(old, e->words[i].key), &e->words[i]);
}

/* --- what only the system knows */

/* The answer about the host of a server's address, which may have a port behind it. */
static bool find_name(const struct sources *s, struct arena *a, struct slice address,
                      struct slice *ret_fact)
{
    struct slice host = slice_first(address, slice_find_last(address, ':'));
    return sources_get(s, "name", arena_copy(a, address).ptr, ret_fact) ||
           sources_get(s, "name", arena_copy(a, host).ptr, ret_fact);
}

static struct plain addresses(struct changes *c, struct slice fact)
{
    struct plain p = { arena_alloc(&c->arena, (fact.len + 1) * sizeof(*p.words)), 0 };
    struct slice line;
    while (slice_split(&fact, '\n', &line))
        if (line.len > 0 && !slice_starts(line, SLICE("!")))
            p.words[p.count++] = line;
    return p;
}

static void compare_addresses(struct changes *c, const struct place *at, const struct entry *e)
{
    struct slice before, after;
    if (e->word_count == 0 ||
        !find_name(c->old->sources, &c->arena, e->former->words[0].text, &before) ||
        !find_name(c->now->sources, &c->arena, e->words[0].text, &after))
        return;
    compare_sets(c, at, "address ", addresses(c, before), addresses(c, after));
    if (slice_starts(after, SLICE("!")) && !slice_starts(before, SLICE("!")))
        say(c, at, "has no address: %s", shown(c, slice_from(after, 1)));
}

static bool is_workers_number(const struct entry *e)
{
    return slice_eq(e->name, SLICE("workers")) && e->word_count > 0 &&
           !slice_eq(e->words[0].text, SLICE("auto"));
}

/* Without a number in the configuration there is a worker for each processor. */
static void compare_processors(struct changes *c, const struct entries *now)
{
    struct slice before, after;
    if (!sources_get(c->old->sources, "system", "processors", &before) ||
        !sources_get(c->now->sources, "system", "processors", &after) || slice_eq(before, after))
        return;
    for (size_t i = 0; i < now->count; i++)
        if (is_workers_number(now->all[i]))
            return;
    say(c, NULL, "processors %s -> %s", shown(c, before), shown(c, after));
}

/* --- blocks */

static void compare_blocks(struct changes *c, const struct place *at, const struct conf_node *old,
                           const struct conf_node *now);

static void compare_entry(struct changes *c, const struct place *outer, const struct entry *e)
{
    const struct place here = { outer, title_of(c, e) };
    bool in_line =
        e->shape->identity == BY_NAME || e->shape->hidden; /* it is no place of its own */
    const struct place *at = in_line ? outer : &here;
    const char *lead = in_line ? arena_printf(&c->arena, "%.*s ", SLICE_ARG(here.title)).ptr : "";
    if (e->shape->identity == BY_FIRST_WORD && e->word_count > 0)
        compare_file(c, outer, arena_printf(&c->arena, "%.*s ", SLICE_ARG(e->name)).ptr,
                     &e->former->words[0], &e->words[0], e->words[0].text);
    if (e->shape->identity == BY_ID)
        compare_addresses(c, at, e);
    compare_words(c, at, lead, e);
    compare_settings(c, at, lead, e);
    compare_blocks(c, &here, e->former->children, e->children);
}

/* Of routes to one path the first may take what the second would, and an edit of a field undoes the
 * one before it. */
static struct slice order_group(const struct entry *e)
{
    if (!e->shape->ordered || e->former == NULL || e->word_count == 0)
        return slice_of(NULL, 0);
    bool exact = slice_eq(e->words[0].text, SLICE("=")) && e->word_count > 1;
    return e->words[exact ? 1 : 0].text;
}

static void compare_order(struct changes *c, const struct place *at, const struct entries *now)
{
    struct map groups; /* to a pointer to the entry that stood last in the former order */
    map_init(&groups, 0);
    for (size_t i = 0; i < now->count; i++) {
        struct entry *e = now->all[i], **last;
        struct slice group = order_group(e);
        if (group.len == 0)
            continue;
        last = map_get(&groups, group);
        if (last == NULL) {
            last = arena_alloc(&c->arena, sizeof(struct entry *));
            map_add(&groups, group, last);
        } else if ((*last)->former->place > e->former->place) {
            say(c, at, "%s stands behind %s now", title_of(c, e).ptr, title_of(c, *last).ptr);
            continue;
        }
        *last = e;
    }
    map_done(&groups);
}

static void compare_blocks(struct changes *c, const struct place *at, const struct conf_node *old,
                           const struct conf_node *now)
{
    struct entries before, after;
    entries_init(&before, old, &c->arena);
    entries_init(&after, now, &c->arena);
    entries_match(&after, &before, &c->arena);
    for (size_t i = 0; i < before.count; i++)
        if (!before.all[i]->lives_on)
            say(c, at, "%s removed", title_of(c, before.all[i]).ptr);
    for (size_t i = 0; i < after.count; i++) {
        if (after.all[i]->former != NULL)
            compare_entry(c, at, after.all[i]);
        else
            say(c, at, "%s added", title_of(c, after.all[i]).ptr);
    }
    compare_order(c, at, &after);
    if (at == NULL)
        compare_processors(c, &after);
    entries_done(&before);
    entries_done(&after);
}

void config_changes(const struct config_version *old, const struct config_version *now,
                    struct buf *out)
{
    struct changes c = { .old = old, .now = now, .out = out };
    arena_init(&c.arena, NULL);
    struct diags *unread = diags_new(); /* whoever built them has said it */
    const struct conf_node *before = conf_parse(old->sources, old->path, &c.arena, unread);
    const struct conf_node *after = conf_parse(now->sources, now->path, &c.arena, unread);
    compare_blocks(&c, NULL, before, after);
    diags_free(unread);
    arena_done(&c.arena);
}
