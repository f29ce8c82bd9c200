/* SPDX-License-Identifier: Apache-2.0 */
/* `set_header` and `unset_header`: edits of the request that is passed on. */
#include "http/header.h"
#include "server/config_draft.h"

#include <errno.h>

#define VALUE_MAX 8192 /* bytes of a value */

/* Fields that frame the message or that Signet makes itself: an edit would be undone or do harm. */
static bool is_reserved(enum field_id id)
{
    switch (id) {
    case FIELD_CONTENT_LENGTH:
    case FIELD_TRANSFER_ENCODING:
    case FIELD_HOST:
    case FIELD_EXPECT:
    case FIELD_VIA:
    case FIELD_FORWARDED:
    case FIELD_X_FORWARDED_FOR:
    case FIELD_X_FORWARDED_HOST:
    case FIELD_X_FORWARDED_PROTO:
    case FIELD_X_REQUEST_ID:
        return true;
    default:
        return field_is_hop_by_hop(id);
    }
}

static int check_name(struct dir_run *run, const struct conf_word *word)
{
    if (!text_is_token(word->text)) {
        diags_add(run->diags, DIAG_ERROR, "bad-header", &word->span,
                  "\"%.*s\" is no name of a header field", SLICE_ARG(slice_first(word->text, 128)));
        return -EINVAL;
    }
    if (!is_reserved(field_id(word->text)))
        return 0;
    diags_add(run->diags, DIAG_ERROR, "reserved-header", &word->span,
              "\"%.*s\" is Signet's own to set", SLICE_ARG(word->text));
    diags_hint(run->diags, NULL,
               "framing, hop-by-hop and forwarding fields are made anew for each request");
    return -EINVAL;
}

static int check_value(struct dir_run *run, const struct conf_word *word)
{
    if (word->text.len <= VALUE_MAX && text_is_visible(word->text))
        return 0;
    diags_add(run->diags, DIAG_ERROR, "bad-header", &word->span,
              "a field's value has no control characters and at most %d bytes", VALUE_MAX);
    return -EINVAL;
}

static void add(struct dir_run *run, struct header_edit edit, struct edit_draft ***end)
{
    struct edit_draft *e = arena_zalloc(run->arena, sizeof(*e));
    e->edit = edit;
    **end = e;
    *end = &e->next;
}

int edit_set(struct dir_run *run, const struct conf_node *node, struct edit_draft ***end)
{
    if (words_count(run, node, 2, 2, "set_header NAME VALUE") < 0 ||
        check_name(run, &node->words[0]) < 0 || check_value(run, &node->words[1]) < 0)
        return -EINVAL;
    add(run, (struct header_edit){ .name = node->words[0].text, .value = node->words[1].text },
        end);
    return 0;
}

int edit_unset(struct dir_run *run, const struct conf_node *node, struct edit_draft ***end)
{
    if (words_count(run, node, 1, 1, "unset_header NAME") < 0 ||
        check_name(run, &node->words[0]) < 0)
        return -EINVAL;
    add(run, (struct header_edit){ .name = node->words[0].text, .unset = true }, end);
    return 0;
}
