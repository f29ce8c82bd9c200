/* SPDX-License-Identifier: Apache-2.0 */
#include "server/cli/args.h"

#include "conf/diag.h"
#include "server/cli.h"

#include <stdio.h>

#define OPTIONS_MAX 16 /* of one command */

struct cli_args cli_args(int argc, char **argv)
{
    return (struct cli_args){ .argc = argc, .argv = argv, .at = 1 };
}

static int bad_option(const struct cli_args *a, const struct cli_option *options, const char *word)
{
    const char *names[OPTIONS_MAX + 1] = { NULL };
    for (size_t i = 0; i < OPTIONS_MAX && options[i].name != NULL; i++)
        names[i] = options[i].name;
    while (*word == '-')
        word++;
    struct slice name = slice_first(slice_str(word), strcspn(word, "="));
    const char *near = diag_nearest(name, names);
    fprintf(stderr, "error: unknown option \"%s\"", a->argv[a->at - 1]);
    if (near != NULL)
        fprintf(stderr, "; did you mean \"--%s\"?", near);
    fprintf(stderr, "\nsee: signet %s --help\n", a->argv[0]);
    return CLI_BAD;
}

/* The value glued to its option, else the next word. */
static int take_value(struct cli_args *a, const char *glued, int index, const char **ret_value)
{
    const char *option = a->argv[a->at - 1];
    *ret_value = glued != NULL ? glued : a->at < a->argc ? a->argv[a->at++] : NULL;
    if (*ret_value != NULL)
        return index;
    fprintf(stderr, "error: \"%s\" needs a value\nsee: signet %s --help\n", option, a->argv[0]);
    return CLI_BAD;
}

static int refuse_value(const struct cli_args *a, const struct cli_option *option)
{
    fprintf(stderr, "error: \"--%s\" takes no value\nsee: signet %s --help\n", option->name,
            a->argv[0]);
    return CLI_BAD;
}

static int next_long(struct cli_args *a, const struct cli_option *options, const char *word,
                     const char **ret_value)
{
    size_t len = strcspn(word, "=");
    const char *glued = word[len] == '=' ? word + len + 1 : NULL;
    for (int i = 0; options[i].name != NULL; i++) {
        if (!slice_eq(slice_str(options[i].name), slice_of(word, len)))
            continue;
        if (options[i].takes_value)
            return take_value(a, glued, i, ret_value);
        return glued == NULL ? i : refuse_value(a, &options[i]);
    }
    return bad_option(a, options, word);
}

/* One letter a word: nothing here is short enough to be worth bundling. */
static int next_short(struct cli_args *a, const struct cli_option *options, const char *word,
                      const char **ret_value)
{
    for (int i = 0; options[i].name != NULL; i++) {
        if (options[i].letter == '\0' || options[i].letter != word[0])
            continue;
        if (options[i].takes_value)
            return take_value(a, word[1] != '\0' ? word + 1 : NULL, i, ret_value);
        if (word[1] == '\0')
            return i;
    }
    return bad_option(a, options, word);
}

int cli_next(struct cli_args *a, const struct cli_option *options, const char **ret_value)
{
    *ret_value = NULL;
    if (a->at >= a->argc)
        return CLI_END;
    const char *word = a->argv[a->at++];
    if (a->operands_only || word[0] != '-' || word[1] == '\0') {
        *ret_value = word;
        return CLI_OPERAND;
    }
    if (word[1] != '-')
        return next_short(a, options, word + 1, ret_value);
    if (word[2] != '\0')
        return next_long(a, options, word + 2, ret_value);
    a->operands_only = true;
    return cli_next(a, options, ret_value);
}

int cli_surplus(const struct cli_args *a, const char *word)
{
    fprintf(stderr, "error: unexpected word \"%s\"\nsee: signet %s --help\n", word, a->argv[0]);
    return EXIT_USAGE;
}
