/* SPDX-License-Identifier: Apache-2.0 */
/* `retry` of a pool: which failed tries are followed by another, and how many. */
#include "base/parse.h"
#include "server/config_draft.h"

#include <errno.h>

#define TRIES_MAX 10u
#define WORDS     "connect, refused, reset"

struct retry_draft { /* target of retry_keys: text whose parts are read here */
    struct slice on, budget;
    struct span on_at, budget_at;
};
const struct directive retry_keys[] = {
    { .name = "on",
      .type = DIR_TEXT,
      .offset = FIELD(retry_draft, on),
      .span_offset = FIELD(retry_draft, on_at),
      .fallback = "connect,refused,reset",
      .usage = "WORD[,WORD...]",
      .help =
          "after which failures: `refused`, nobody listens; `connect`, the dial found no way or "
          "took too long; `reset`, the connection broke behind the request, before a byte of "
          "the answer" },
    { .name = "budget",
      .type = DIR_TEXT,
      .offset = FIELD(retry_draft, budget),
      .span_offset = FIELD(retry_draft, budget_at),
      .fallback = "20%",
      .usage = "PERCENT%",
      .help = "of the last ten seconds' requests so many may be followed by `connect` and `reset` "
              "tries, per worker; three a second always may" },
    { NULL },
};

static int read_max(struct dir_run *run, const struct conf_word *word, uint64_t *ret_max)
{
    *ret_max = 0;
    if (slice_eq(word->text, SLICE("off")) || parse_uint(word->text, TRIES_MAX, ret_max) == 0)
        return 0;
    diags_add(run->diags, DIAG_ERROR, "bad-value", &word->span,
              "\"%.*s\" is neither off nor a number of further tries from 0 to %u",
              SLICE_ARG(slice_first(word->text, 64)), TRIES_MAX);
    diags_hint(run->diags, NULL, "write: %s", RETRY_USAGE);
    return -EINVAL;
}

static int bad_word(struct dir_run *run, const struct span *at, struct slice word)
{
    static const char *const names[] = { "connect", "refused", "reset", NULL };
    diags_add(run->diags, DIAG_ERROR, "bad-value", at, "\"%.*s\" is no failure to retry on",
              SLICE_ARG(slice_first(word, 64)));
    const char *near = diag_nearest(word, names);
    if (near != NULL)
        diags_remark(run->diags, "did you mean \"%s\"?", near);
    diags_hint(run->diags, NULL, "allowed, with commas between: " WORDS);
    return -EINVAL;
}

static unsigned word_bit(struct slice word)
{
    static const struct {
        const char *word;
        enum retry_on bit;
    } words[] = {
        { "connect", RETRY_CONNECT },
        { "refused", RETRY_REFUSED },
        { "reset", RETRY_RESET },
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (slice_eq(word, slice_str(words[i].word)))
            return words[i].bit;
    return 0;
}

static int read_on(struct dir_run *run, const struct span *at, struct slice text, unsigned *ret_on)
{
    struct slice rest = text, word;
    unsigned on = 0;
    while (slice_split(&rest, ',', &word)) {
        unsigned bit = word_bit(word);
        if (bit == 0)
            return bad_word(run, at, word);
        on |= bit;
    }
    *ret_on = on;
    return 0;
}

static int read_budget(struct dir_run *run, const struct span *at, struct slice text,
                       uint64_t *ret_percent)
{
    uint64_t percent;
    bool marked = slice_ends(text, SLICE("%"));
    struct slice digits = marked ? slice_first(text, text.len - 1) : text;
    bool number = parse_uint(digits, 100, &percent) == 0 && percent > 0;
    if (marked && number) {
        *ret_percent = percent;
        return 0;
    }
    diags_add(run->diags, DIAG_ERROR, "bad-value", at, "\"%.*s\" is no share from 1%% to 100%%",
              SLICE_ARG(slice_first(text, 64)));
    if (number)
        diags_remark(run->diags, "a share needs its sign: did you mean \"%.*s%%\"?",
                     SLICE_ARG(text));
    diags_hint(run->diags, NULL,
               "a share is whole percent: budget=20%%; for no further tries: "
               "retry off");
    return -EINVAL;
}

/* Keys that would be read and never obeyed. */
static int refuse_keys(struct dir_run *run, const struct conf_node *node)
{
    if (node->word_count < 2)
        return 0;
    diags_add(run->diags, DIAG_ERROR, "misplaced-key", &node->words[1].span,
              "\"retry %.*s\" makes no further tries, so it has no keys",
              SLICE_ARG(node->words[0].text));
    diags_hint(run->diags, NULL, "write: %s", RETRY_USAGE);
    return -EINVAL;
}

void retry_defaults(struct retry_conf *ret_retry)
{
    *ret_retry = (struct retry_conf){
        .max = 2,
        .on = RETRY_CONNECT | RETRY_REFUSED | RETRY_RESET,
        .budget_percent = 20,
    };
}

int retry_read(struct dir_run *run, const struct conf_node *node, void *target)
{
    struct pool_draft *pool = target;
    struct retry_conf *retry = &pool->conf.retry;
    struct retry_draft d = { 0 };
    if (words_count(run, node, 1, 3, RETRY_USAGE) < 0 ||
        read_max(run, &node->words[0], &retry->max) < 0)
        return -EINVAL;
    if (retry->max == 0)
        return refuse_keys(run, node);
    directive_defaults(retry_keys, &d);
    int keys = directive_apply_keys(run, retry_keys, node, 1, &d);
    int on = read_on(run, &d.on_at, d.on, &retry->on);
    int budget = read_budget(run, &d.budget_at, d.budget, &retry->budget_percent);
    return keys < 0 || on < 0 || budget < 0 ? -EINVAL : 0;
}
