/* SPDX-License-Identifier: Apache-2.0 */
/* What only the system can tell: addresses of server names, ids of the user, the number of
 * processors, the working directory. config_resolve() asks, in the master or for a command; the
 * answers are facts in the sources; config_build() reads nothing else, wherever it runs. */
#include "base/map.h"
#include "base/mem.h"
#include "base/parse.h"
#include "event/resolver.h"
#include "server/config_build.h"
#include "server/config_draft.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define RESOLVE_MS   2000
#define DEFAULT_PORT 80 /* of a server written without one */

/* --- taking a server's address apart */

enum address_kind { ADDRESS_NUMERIC, ADDRESS_NAME, ADDRESS_BAD };

/* Numeric: *ret_addr. A name: *ret_host and *ret_port. */
static enum address_kind read_address(struct slice text, struct addr *ret_addr,
                                      struct slice *ret_host, uint16_t *ret_port)
{
    if (addr_parse(text, ret_addr) == 0)
        return ADDRESS_NUMERIC;
    if (addr_parse_ip(text, ret_addr) == 0) {
        addr_set_port(ret_addr, DEFAULT_PORT);
        return ADDRESS_NUMERIC;
    }
    *ret_host = text;
    *ret_port = DEFAULT_PORT;
    if (slice_find(text, ':') < text.len && addr_split(text, ret_host, ret_port) < 0)
        return ADDRESS_BAD;
    if (*ret_port == 0 || ret_host->len == 0 || ret_host->len > 253)
        return ADDRESS_BAD;
    bool letter = false;
    for (size_t i = 0; i < ret_host->len; i++) {
        char c = ret_host->ptr[i];
        letter = letter || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!text_is_token(slice_of(&c, 1)) || c == '*')
            return ADDRESS_BAD;
    }
    return letter ? ADDRESS_NAME : ADDRESS_BAD; /* "10.0.0.300" is a slip, not a name */
}

/* --- finding out */

/* A look-up's answer as a fact: one address a line, or "!" and why there is none. */
static void put_name(struct sources *s, const struct resolver_name *name)
{
    struct buf text;
    buf_init(&text);
    char ip[ADDR_TEXT_MAX];
    for (unsigned i = 0; i < name->count; i++)
        buf_printf(&text, "%s\n", addr_ip_text(&name->addrs[i], ip));
    if (name->count == 0)
        buf_printf(&text, "!%s", name->why != NULL ? name->why : "no such name");
    sources_put(s, "name", name->host, buf_view(&text));
    buf_done(&text);
}

/* The names of all servers of `pool`, each once, added to `names`. */
static void collect_names(const struct conf_node *pool, struct arena *a, struct map *names)
{
    for (const struct conf_node *n = pool->children; n != NULL; n = n->next) {
        struct addr addr;
        struct slice host;
        uint16_t port;
        if (slice_eq(n->name.text, SLICE("server")) && n->word_count > 0 &&
            read_address(n->words[0].text, &addr, &host, &port) == ADDRESS_NAME) {
            host = arena_copy(a, host);
            map_add(names, host, (void *)host.ptr);
        }
    }
}

static void resolve_names(struct sources *s, const struct map *names)
{
    if (names->count == 0)
        return;
    struct resolver_name *asked = mem_array(names->count, sizeof(*asked));
    for (size_t i = 0; i < names->count; i++)
        asked[i].host = names->entries[i].value;
    int r = resolver_run(asked, names->count, RESOLVE_MS);
    for (size_t i = 0; i < names->count; i++) {
        if (r < 0)
            asked[i].why = "the look-up could not be started";
        put_name(s, &asked[i]);
    }
    mem_free(asked);
}

static void put_number(struct sources *s, const char *kind, const char *name, unsigned long value)
{
    char text[24];
    int len = snprintf(text, sizeof(text), "%lu", value);
    sources_put(s, kind, name, slice_of(text, (size_t)len));
}

/* An empty fact says that the system has none of that name. */
static void look_up_user(struct sources *s, const char *user)
{
    sources_put(s, "user", user, getpwnam(user) != NULL ? SLICE("exists") : SLICE(""));
}

static void look_up_group(struct sources *s, const char *group)
{
    sources_put(s, "group", group, getgrnam(group) != NULL ? SLICE("exists") : SLICE(""));
}

/* Where commands look for the control socket when the configuration does not say it. */
static void resolve_control(struct sources *s)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    char path[PATH_MAX];
    if (geteuid() == 0) {
        sources_put(s, "system", "control", SLICE("/run/signet/control.sock"));
    } else if (runtime != NULL && runtime[0] == '/') {
        int len = snprintf(path, sizeof(path), "%s/signet/control.sock", runtime);
        if (len < (int)sizeof(((struct sockaddr_un *)NULL)->sun_path))
            sources_put(s, "system", "control", slice_of(path, (size_t)len));
    }
}

void config_resolve_system(struct sources *s)
{
    cpu_set_t mine;
    int processors = sched_getaffinity(0, sizeof(mine), &mine) == 0 ? CPU_COUNT(&mine) : 1;
    put_number(s, "system", "processors", (unsigned long)processors);
    if (geteuid() == 0) {
        sources_put(s, "system", "root", SLICE("yes"));
        look_up_user(s, "nobody");
    }
    char *cwd = getcwd(NULL, 0);
    if (cwd != NULL)
        sources_put(s, "system", "directory", slice_str(cwd));
    mem_free(cwd); /* getcwd()'s */
    resolve_control(s);
}

static void resolve_user(struct sources *s, const struct conf_node *node, struct arena *a)
{
    if (node->word_count > 0)
        look_up_user(s, arena_copy(a, node->words[0].text).ptr);
    if (node->word_count > 1)
        look_up_group(s, arena_copy(a, node->words[1].text).ptr);
}

void config_resolve(struct sources *s, const char *path)
{
    struct arena a;
    arena_init(&a, NULL);
    struct diags *unread = diags_new(); /* config_build() finds the same mistakes and says them */
    struct map names;
    map_init(&names, 0);
    config_resolve_system(s);
    for (struct conf_node *n = conf_parse(s, path, &a, unread); n != NULL; n = n->next) {
        if (slice_eq(n->name.text, SLICE("pool")))
            collect_names(n, &a, &names);
        else if (slice_eq(n->name.text, SLICE("user")))
            resolve_user(s, n, &a);
    }
    resolve_names(s, &names);
    map_done(&names);
    diags_free(unread);
    arena_done(&a);
}

/* --- reading the facts */

static int bad_address(struct dir_run *run, const struct span *at, struct slice text)
{
    diags_add(run->diags, DIAG_ERROR, "bad-address", at, "\"%.*s\" is no server address",
              SLICE_ARG(slice_first(text, 128)));
    if (slice_find(text, '/') < text.len && !slice_starts(text, SLICE("unix:")))
        diags_hint(run->diags, NULL,
                   "addresses stand without scheme and path; `tls` in the pool will mean HTTPS");
    else
        diags_hint(run->diags, NULL,
                   "write 10.0.0.11:9000, [::1]:9000, app.internal:9000 or "
                   "unix:/run/app.sock (at most 107 bytes of path)");
    return -EINVAL;
}

static struct addr *addrs_from_lines(struct arena *a, struct slice lines, uint16_t port,
                                     size_t *ret_count)
{
    struct addr *addrs = NULL;
    size_t count = 0, cap = 0;
    struct slice line;
    while (slice_split(&lines, '\n', &line)) {
        struct addr addr;
        if (addr_parse_ip(line, &addr) < 0)
            continue;
        addr_set_port(&addr, port);
        addrs = arena_grow(a, addrs, count, &cap, sizeof(*addrs));
        addrs[count++] = addr;
    }
    *ret_count = count;
    return addrs;
}

static void use_name(struct dir_run *run, const struct span *at, struct server_conf *server,
                     struct slice host, uint16_t port)
{
    struct slice fact;
    const char *name = arena_copy(run->arena, host).ptr;
    if (!sources_get(run->sources, "name", name, &fact))
        fact = SLICE("!not looked up");
    if (!slice_starts(fact, SLICE("!"))) {
        server->addrs = addrs_from_lines(run->arena, fact, port, &server->addr_count);
        return;
    }
    server->why_unresolved = arena_copy(run->arena, slice_from(fact, 1)).ptr;
    diags_add(run->diags, DIAG_WARNING, "unresolved", at, "server \"%.*s\" has no address: %s",
              SLICE_ARG(server->address), server->why_unresolved);
    diags_hint(run->diags, NULL,
               "names are looked up at start alone: it is passed over until the next");
}

int fact_addrs(struct dir_run *run, const struct span *at, struct server_conf *server)
{
    struct addr numeric;
    struct slice host;
    uint16_t port;
    switch (read_address(server->address, &numeric, &host, &port)) {
    case ADDRESS_NUMERIC: {
        struct addr *only = arena_alloc(run->arena, sizeof(*only));
        *only = numeric;
        server->addrs = only;
        server->addr_count = 1;
        return 0;
    }
    case ADDRESS_NAME:
        use_name(run, at, server, host, port);
        return 0;
    case ADDRESS_BAD:
        break;
    }
    return bad_address(run, at, server->address);
}

static int check_exists(struct dir_run *run, const struct conf_word *word, const char *kind)
{
    struct slice fact;
    const char *name = arena_copy(run->arena, word->text).ptr;
    if (!sources_get(run->sources, kind, name, &fact) || fact.len > 0)
        return 0;
    diags_add(run->diags, DIAG_ERROR, "unknown-user", &word->span, "this system has no %s \"%s\"",
              kind, name);
    diags_hint(run->diags, NULL, "workers become this %s once everything is open", kind);
    return -EINVAL;
}

int fact_user(struct dir_run *run, const struct conf_node *node, struct draft *draft)
{
    draft->user = node->words[0].text;
    int r = check_exists(run, &node->words[0], "user");
    if (node->word_count == 1) {
        draft->group = slice_of(NULL, 0);
        return r;
    }
    draft->group = node->words[1].text;
    return check_exists(run, &node->words[1], "group") < 0 ? -EINVAL : r;
}

/* Without `user`, a process started as root becomes nobody. */
static void default_user(struct sources *s, struct draft *draft)
{
    struct slice fact;
    if (sources_get(s, "system", "root", &fact) && sources_get(s, "user", "nobody", &fact) &&
        fact.len > 0)
        draft->user = SLICE("nobody");
}

void fact_defaults(struct sources *s, struct draft *draft)
{
    struct slice text;
    draft->workers = 1;
    if (sources_get(s, "system", "processors", &text))
        parse_uint(text, UINT32_MAX, &draft->workers);
    default_user(s, draft);
}

const char *fact_absolute(struct sources *s, struct arena *a, const char *path)
{
    struct slice directory;
    if (path[0] == '/' || !sources_get(s, "system", "directory", &directory))
        return path;
    return arena_printf(a, "%.*s/%s", SLICE_ARG(directory), path).ptr;
}
