/* SPDX-License-Identifier: Apache-2.0 */
/* The directive `control`: where the socket is that commands use. */
#include "server/config_build.h"
#include "server/config_draft.h"

#include <errno.h>

#define CONTROL_USAGE  "control unix:PATH [mode=MODE] | control off"
#define MODE_DEFAULT   0600
#define PATH_BYTES_MAX (sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1)

struct control_draft { /* target of the keys */
    struct slice mode;
    struct span mode_at;
};
const struct directive control_keys[] = {
    { .name = "mode",
      .type = DIR_TEXT,
      .offset = FIELD(control_draft, mode),
      .span_offset = FIELD(control_draft, mode_at),
      .fallback = "0600",
      .usage = "MODE",
      .help =
          "the socket's permissions, in octal; callers are root or Signet's own user in any case" },
    { NULL },
};

static int read_mode(struct dir_run *run, const struct control_draft *keys, uint32_t *ret_mode)
{
    uint32_t mode = 0;
    bool octal = keys->mode.len >= 3 && keys->mode.len <= 4;
    for (size_t i = 0; octal && i < keys->mode.len; i++) {
        octal = keys->mode.ptr[i] >= '0' && keys->mode.ptr[i] <= '7';
        mode = mode * 8 + (uint32_t)(keys->mode.ptr[i] - '0');
    }
    if (octal && mode <= 0777) {
        *ret_mode = mode;
        return 0;
    }
    diags_add(run->diags, DIAG_ERROR, "bad-value", &keys->mode_at, "\"%.*s\" is no mode of a file",
              SLICE_ARG(slice_first(keys->mode, 32)));
    diags_hint(run->diags, NULL, "permissions in octal, 0600 say");
    return -EINVAL;
}

static int read_path(struct dir_run *run, const struct conf_word *word, struct slice *ret_path)
{
    struct slice path = slice_from(word->text, SLICE("unix:").len);
    if (!slice_starts(word->text, SLICE("unix:")) || path.len == 0 || !text_is_visible(path)) {
        diags_add(run->diags, DIAG_ERROR, "bad-address", &word->span,
                  "\"%.*s\" is no address of a control socket",
                  SLICE_ARG(slice_first(word->text, 128)));
        diags_hint(run->diags, NULL, "it is a unix socket: control unix:/run/signet/control.sock");
        return -EINVAL;
    }
    const char *beside = path_beside(run->arena, &word->span, path);
    *ret_path = slice_str(fact_absolute(run->sources, run->arena, beside));
    if (ret_path->len <= PATH_BYTES_MAX)
        return 0;
    diags_add(run->diags, DIAG_ERROR, "bad-path", &word->span,
              "the path of a unix socket has at most %zu bytes, this one %zu", PATH_BYTES_MAX,
              ret_path->len);
    return -EINVAL;
}

static int read_socket(struct dir_run *run, const struct conf_node *node,
                       struct control_conf *ret_control)
{
    struct control_draft keys = { 0 };
    struct control_conf read = { 0 };
    directive_defaults(control_keys, &keys);
    if (directive_apply_keys(run, control_keys, node, 1, &keys) < 0 ||
        read_mode(run, &keys, &read.mode) < 0 || read_path(run, &node->words[0], &read.path) < 0)
        return -EINVAL;
    *ret_control = read;
    return 0;
}

int control_read(struct dir_run *run, const struct conf_node *node, void *target)
{
    struct control_conf *control = &((struct draft *)target)->control;
    if (words_count(run, node, 1, 2, CONTROL_USAGE) < 0)
        return -EINVAL;
    if (node->words[0].quoted || !slice_eq(node->words[0].text, SLICE("off")))
        return read_socket(run, node, control);
    *control = (struct control_conf){ 0 };
    return words_count(run, node, 1, 1, CONTROL_USAGE);
}

void control_default(struct sources *s, struct draft *draft)
{
    struct slice path;
    if (!sources_get(s, "system", "control", &path))
        return;
    draft->control = (struct control_conf){ path, MODE_DEFAULT, true, { 0 } };
}

/* --- for the commands */

void config_find_control(struct sources *s, const char *path, struct arena *a,
                         struct control_conf *ret_control)
{
    struct draft draft = { 0 };
    struct diags *unsaid = diags_new(); /* `check` is there to say it */
    struct dir_run run = { .arena = a, .diags = unsaid, .sources = s, .user = &draft };
    config_resolve_system(s);
    control_default(s, &draft);
    for (struct conf_node *n = conf_parse(s, path, a, unsaid); n != NULL; n = n->next)
        if (slice_eq(n->name.text, SLICE("control")))
            control_read(&run, n, &draft);
    diags_free(unsaid);
    *ret_control = draft.control;
}

/* --- what may not be */

static bool is_control(const struct draft *draft, const struct server_conf *server)
{
    return server->addr_count == 1 && server->addrs[0].sa.sa_family == AF_UNIX &&
           slice_eq(slice_str(server->addrs[0].un.sun_path), draft->control.path);
}

void control_check(struct dir_run *run, const struct draft *draft)
{
    for (const struct pool_draft *p = draft->pools; p != NULL; p = p->next)
        for (const struct server_draft *s = p->servers; s != NULL; s = s->next) {
            if (draft->control.path.len == 0 || !is_control(draft, &s->conf))
                continue;
            diags_add(run->diags, DIAG_ERROR, "control-as-server", &s->span,
                      "this server is Signet's own control socket");
            diags_hint(run->diags, NULL, "clients may not reach it");
        }
}
