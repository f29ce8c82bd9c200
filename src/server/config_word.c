/* SPDX-License-Identifier: Apache-2.0 */
/* What the words of a directive may be. */
#include "server/config_draft.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#define NAME_MAX_BYTES 255

int words_count(struct dir_run *run, const struct conf_node *node, size_t least, size_t most,
                const char *usage)
{
    if (node->word_count < least)
        diags_add(run->diags, DIAG_ERROR, "missing-word", &node->name.span,
                  "\"%.*s\" needs more words", SLICE_ARG(node->name.text));
    else if (node->word_count > most)
        diags_add(run->diags, DIAG_ERROR, "surplus-word", &node->words[most].span,
                  "\"%.*s\" is one word too many for \"%.*s\"", SLICE_ARG(node->words[most].text),
                  SLICE_ARG(node->name.text));
    else
        return 0;
    diags_hint(run->diags, NULL, "write: %s", usage);
    return -EINVAL;
}

int words_unsupported(struct dir_run *run, const struct span *at, const char *format, ...)
{
    char what[256];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    diags_add(run->diags, DIAG_ERROR, "unsupported", at, "%s is not supported by this version",
              what);
    return -EINVAL;
}

const struct directive *row_find(const struct directive *table, struct slice name)
{
    for (const struct directive *row = table; row->name != NULL; row++)
        if (slice_eq(slice_str(row->name), name))
            return row;
    return NULL;
}

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Every byte a letter, a digit or one of `others`. */
static bool consists_of(struct slice s, const char *others)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] == '\0' || (!is_alnum(s.ptr[i]) && strchr(others, s.ptr[i]) == NULL))
            return false;
    return s.len > 0;
}

bool text_is_token(struct slice s)
{
    return consists_of(s, "!#$%&'*+-.^_`|~");
}

bool text_is_visible(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f)
            return false;
    return true;
}

int word_name(struct dir_run *run, const struct conf_word *word, const char *what)
{
    if (word->text.len <= NAME_MAX_BYTES && consists_of(word->text, "-_.:/[]"))
        return 0;
    diags_add(run->diags, DIAG_ERROR, "bad-name", &word->span, "\"%.*s\" cannot be %s",
              SLICE_ARG(slice_first(word->text, 64)), what);
    diags_hint(run->diags, NULL, "it may have letters, digits and - _ . : / [ ], up to %d bytes",
               NAME_MAX_BYTES);
    return -EINVAL;
}

/* --- host names */

static struct slice lower_copy(struct arena *a, struct slice s)
{
    char *copy = arena_alloc(a, s.len + 1);
    for (size_t i = 0; i < s.len; i++)
        copy[i] = s.ptr[i] >= 'A' && s.ptr[i] <= 'Z' ? (char)(s.ptr[i] + ('a' - 'A')) : s.ptr[i];
    copy[s.len] = '\0';
    return slice_of(copy, s.len);
}

/* Why `name` (without "*." in front) can be no host, or NULL. RFC 1035 2.3.4 for the lengths. */
static const char *host_fault(struct slice name)
{
    if (name.len == 0 || name.len > 253)
        return "a name has 1 to 253 bytes";
    if (slice_find(name, '*') < name.len)
        return "\"*\" may only stand for whole labels at the front: *.example.com";
    if (slice_find(name, ':') < name.len)
        return "names stand without a port; the port is in `listen`";
    if (slice_find(name, '/') < name.len)
        return "names stand without a scheme and a path; paths are for `route`";
    if (!consists_of(name, "-_."))
        return "it may have letters, digits, - and _; write other alphabets as xn--...";
    struct slice rest = name, label;
    while (slice_split(&rest, '.', &label))
        if (label.len == 0 || label.len > 63)
            return "each label between dots has 1 to 63 bytes";
    return NULL;
}

/* "[::1]": the brackets go, as they do from a request's Host. */
static bool host_is_ipv6(struct slice text, struct slice *ret_name)
{
    struct addr ignored;
    if (text.len < 4 || text.ptr[0] != '[' || text.ptr[text.len - 1] != ']' ||
        addr_parse_ip(text, &ignored) < 0)
        return false;
    *ret_name = slice_of(text.ptr + 1, text.len - 2);
    return true;
}

int word_host(struct dir_run *run, const struct conf_word *word, struct slice *ret_name)
{
    struct slice name = word->text;
    if (host_is_ipv6(name, &name)) {
        *ret_name = lower_copy(run->arena, name);
        return 0;
    }
    if (name.len > 1 && name.ptr[name.len - 1] == '.')
        name.len--;
    bool wildcard = slice_starts(name, SLICE("*."));
    const char *fault = slice_eq(name, SLICE("*"))
                            ? "for all other names write: unknown_host default=NAME"
                            : host_fault(slice_from(name, wildcard ? 2 : 0));
    if (fault == NULL) {
        *ret_name = lower_copy(run->arena, name);
        return 0;
    }
    diags_add(run->diags, DIAG_ERROR, "bad-host", &word->span, "\"%.*s\" cannot be a host's name",
              SLICE_ARG(slice_first(word->text, 64)));
    diags_hint(run->diags, NULL, "%s", fault);
    return -EINVAL;
}

/* --- files */

const char *path_beside(struct arena *a, const struct span *beside, struct slice path)
{
    struct slice file = slice_str(beside->file);
    size_t slash = slice_find_last(file, '/');
    if (slice_starts(path, SLICE("/")) || slash == file.len)
        return arena_copy(a, path).ptr;
    return arena_printf(a, "%.*s/%.*s", (int)slash, file.ptr, SLICE_ARG(path)).ptr;
}
