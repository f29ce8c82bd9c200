/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/source.h"

#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIPE_WAIT_MS 2000 /* for a file that is a pipe, `signet check -c <(make-it)`, to go on */
#define ERRNO_MAX    4095 /* as the kernel defines it */

/* What the system said once. Holds its own copies of both texts. */
struct answer {
    struct slice key; /* kind, NUL, name */
    struct slice value;
    int result;           /* 0 or -errno; -ENOKEY: a secret that was forgotten */
    bool secret;          /* may hold keys */
    uint64_t digest;      /* of what was forgotten */
    struct answer *older; /* what it replaced: handed out before, so it lives on */
};

struct sources {
    bool asks_system;
    bool is_view;       /* the answers' texts are borrowed */
    struct map answers; /* key to struct answer, in the order they were learned */
};

static struct sources *sources_new(bool asks_system)
{
    struct sources *s = mem_zalloc(sizeof(*s));

    s->asks_system = asks_system;
    map_init(&s->answers, 0);
    return s;
}

struct sources *sources_new_system(void)
{
    return sources_new(true);
}

struct sources *sources_new_memory(void)
{
    return sources_new(false);
}

/* Takes both texts, but for a view. */
static struct answer *answer_of(struct slice key, int result, struct slice value)
{
    struct answer *a = mem_zalloc(sizeof(*a));

    *a = (struct answer){ .key = key, .value = value, .result = result };
    return a;
}

static struct answer *answer_new(struct slice key, int result, struct slice value)
{
    return answer_of(slice_of(mem_text(key), key.len), result,
                     slice_of(mem_text(value), value.len));
}

static void wipe_text(struct slice s)
{
    mem_wipe((char *)s.ptr, s.len);
    mem_free((char *)s.ptr);
}

static void answer_free(struct answer *a, bool of_view)
{
    while (a != NULL) {
        struct answer *older = a->older;
        if (!of_view) {
            wipe_text(a->key);
            wipe_text(a->value);
        }
        mem_free(a);
        a = older;
    }
}

void sources_free(struct sources *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->answers.count; i++)
        answer_free(s->answers.entries[i].value, s->is_view);
    map_done(&s->answers);
    mem_free(s);
}

static void put_key(struct buf *b, const char *kind, const char *name)
{
    buf_append(b, slice_of(kind, strlen(kind) + 1));
    buf_add(b, name);
}

static struct answer *find(const struct sources *s, const char *kind, const char *name)
{
    struct buf key;

    buf_init(&key);
    put_key(&key, kind, name);
    struct answer *a = map_get(&s->answers, buf_view(&key));
    buf_done(&key);
    return a;
}

/* Puts the new answer before an older one of the same key; both stay readable. */
static void replace(struct answer *at, struct answer *by)
{
    struct answer old = *at;

    at->value = by->value;
    at->result = by->result;
    at->older = by;
    by->value = old.value;
    by->result = old.result;
    by->older = old.older;
}

static struct answer *learn(struct sources *s, const char *kind, const char *name, int result,
                            struct slice value)
{
    struct buf key;

    assert(!s->is_view);
    buf_init(&key);
    put_key(&key, kind, name);
    struct answer *known = map_get(&s->answers, buf_view(&key));
    struct answer *a = answer_new(buf_view(&key), result, value);
    buf_done(&key);
    if (known == NULL) {
        map_add(&s->answers, a->key, a);
        return a;
    }
    replace(known, a);
    return known;
}

/* Appends up to the end of file. */
static int read_all(int fd, struct buf *out)
{
    for (;;) {
        ssize_t n = read(fd, buf_reserve(out, 4096), 4096);
        if (n == 0)
            return 0;
        if (n > 0)
            buf_commit(out, (size_t)n);
        if (buf_len(out) > SOURCE_FILE_MAX)
            return -EFBIG;
        if (n > 0 || errno == EINTR)
            continue;
        if (errno != EAGAIN)
            return -errno;
        struct pollfd p = { .fd = fd, .events = POLLIN };
        if (poll(&p, 1, PIPE_WAIT_MS) == 0)
            return -ETIMEDOUT;
    }
}

/* Room for the whole file at once: no copy of a key is left behind by a buffer that grew. */
static void reserve_file(struct buf *out, off_t size)
{
    if (size > 0 && size <= SOURCE_FILE_MAX)
        buf_reserve(out, (size_t)size + 4096);
}

static int read_file(const char *path, struct buf *out)
{
    /* O_NONBLOCK: opening a FIFO must not wait for its writer. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return -errno;

    struct stat st;
    int r = 0;
    if (fstat(fd, &st) < 0)
        r = -errno;
    else if (S_ISDIR(st.st_mode))
        r = -EISDIR;
    if (r == 0) {
        reserve_file(out, st.st_size);
        r = read_all(fd, out);
    }
    close(fd);
    return r;
}

static struct answer *ask_file(struct sources *s, const char *path)
{
    struct buf contents;

    buf_init(&contents);
    int r = read_file(path, &contents);
    struct answer *a = learn(s, "file", path, r, r == 0 ? buf_view(&contents) : slice_of(NULL, 0));
    mem_wipe(contents.base, contents.cap);
    buf_done(&contents);
    return a;
}

int sources_file(struct sources *s, const char *path, struct slice *ret_contents, struct err *e)
{
    struct answer *a = find(s, "file", path);

    if (a == NULL && s->asks_system)
        a = ask_file(s, path);
    if (a == NULL)
        return err_set(e, -ENOENT, "cannot read %s: it is not part of the bundle", path);
    if (a->result == -EFBIG)
        return err_set(e, -EFBIG, "cannot read %s: it is larger than %u MB", path,
                       SOURCE_FILE_MAX >> 20);
    if (a->result < 0)
        return err_set(e, a->result, "cannot read %s: %s", path, strerror(-a->result));
    *ret_contents = a->value;
    return 0;
}

int sources_secret(struct sources *s, const char *path, struct slice *ret_contents, struct err *e)
{
    int r = sources_file(s, path, ret_contents, e);

    if (r == 0)
        find(s, "file", path)->secret = true;
    return r;
}

static void forget(struct answer *a)
{
    for (struct answer *older = a->older; older != NULL; older = older->older)
        mem_wipe((char *)older->value.ptr, older->value.len);
    a->digest = hash_xxh3(a->value, 0);
    wipe_text(a->value);
    a->value = slice_of(NULL, 0);
    a->result = -ENOKEY;
}

void sources_forget_secrets(struct sources *s)
{
    for (size_t i = 0; i < s->answers.count; i++) {
        struct answer *a = s->answers.entries[i].value;
        if (a->secret && a->result == 0)
            forget(a);
    }
}

bool sources_digest(const struct sources *s, const char *path, uint64_t *ret_digest)
{
    const struct answer *a = find(s, "file", path);

    if (a == NULL || (a->result < 0 && a->result != -ENOKEY))
        return false;
    *ret_digest = a->result < 0 ? a->digest : hash_xxh3(a->value, 0);
    return true;
}

void sources_each_file(const struct sources *s,
                       void (*see)(void *user, const char *path, struct slice contents), void *user)
{
    static const char kind[] = "file"; /* its NUL parts it from the name */

    for (size_t i = 0; i < s->answers.count; i++) {
        const struct answer *a = s->answers.entries[i].value;
        if (slice_starts(a->key, slice_of(kind, sizeof(kind))) && a->result == 0 && !a->secret)
            see(user, a->key.ptr + sizeof(kind), a->value);
    }
}

/* A folder that is not there holds nothing; one that may not be read is an error. */
static int on_glob_error(const char *path, int code)
{
    return code != ENOENT && code != ENOTDIR;
}

static int list_glob(const char *pattern, struct buf *out)
{
    glob_t found;
    int r = glob(pattern, 0, on_glob_error, &found);

    if (r == GLOB_NOMATCH)
        r = 0;
    else if (r != 0)
        r = r == GLOB_ABORTED ? -EACCES : -ENOMEM;
    else
        for (size_t i = 0; i < found.gl_pathc && r == 0; i++) {
            r = strchr(found.gl_pathv[i], '\n') == NULL ? 0 : -EINVAL;
            buf_printf(out, "%s\n", found.gl_pathv[i]);
        }
    globfree(&found);
    return r;
}

static struct answer *ask_glob(struct sources *s, const char *pattern)
{
    struct buf lines;

    buf_init(&lines);
    int r = list_glob(pattern, &lines);
    struct answer *a = learn(s, "glob", pattern, r, buf_view(&lines));
    buf_done(&lines);
    return a;
}

int sources_glob(struct sources *s, const char *pattern, struct slice *ret_lines)
{
    struct answer *a = find(s, "glob", pattern);

    if (a == NULL && s->asks_system)
        a = ask_glob(s, pattern);
    if (a == NULL)
        return -ENOENT;
    if (a->result < 0)
        return a->result;
    *ret_lines = a->value;
    return 0;
}

static struct answer *ask_env(struct sources *s, const char *name)
{
    const char *value = getenv(name);

    return learn(s, "env", name, value != NULL ? 0 : -ENOENT, slice_str(value));
}

bool sources_env(struct sources *s, const char *name, struct slice *ret_value)
{
    struct answer *a = find(s, "env", name);

    if (a == NULL && s->asks_system)
        a = ask_env(s, name);
    if (a == NULL || a->result < 0)
        return false;
    *ret_value = a->value;
    return true;
}

void sources_put(struct sources *s, const char *kind, const char *name, struct slice value)
{
    learn(s, kind, name, 0, value);
}

bool sources_get(const struct sources *s, const char *kind, const char *name,
                 struct slice *ret_value)
{
    const struct answer *a = find(s, kind, name);

    if (a == NULL || a->result < 0)
        return false;
    *ret_value = a->value;
    return true;
}

/* The saved form: the magic, then each answer as this head, its key and its value. Numbers are in
 * the machine's own order: it never leaves the machine. */
static const char magic[] = "signet sources 1\n";

struct saved_head {
    uint64_t key_len, value_len;
    int64_t result;
};

static size_t saved_size(const struct sources *s)
{
    size_t bytes = sizeof(magic) - 1;

    for (size_t i = 0; i < s->answers.count; i++) {
        const struct answer *a = s->answers.entries[i].value;
        bytes += sizeof(struct saved_head) + a->key.len + a->value.len;
    }
    return bytes;
}

void sources_save(const struct sources *s, struct buf *out)
{
    buf_reserve(out, saved_size(s)); /* once, for the reason of reserve_file() */
    buf_append(out, slice_of(magic, sizeof(magic) - 1));
    for (size_t i = 0; i < s->answers.count; i++) {
        const struct answer *a = s->answers.entries[i].value;
        struct saved_head head = { a->key.len, a->value.len, a->result };
        buf_append(out, slice_of((const char *)&head, sizeof(head)));
        buf_append(out, a->key);
        buf_append(out, a->value);
    }
}

/* Takes n bytes off the front; false when there are fewer. */
static bool take(struct slice *rest, uint64_t n, struct slice *ret_bytes)
{
    if (n > rest->len)
        return false;
    *ret_bytes = slice_first(*rest, (size_t)n);
    *rest = slice_from(*rest, (size_t)n);
    return true;
}

static int load_answer(struct sources *s, struct slice *rest)
{
    struct saved_head head;
    struct slice bytes, key, value;

    if (!take(rest, sizeof(head), &bytes))
        return -EINVAL;
    memcpy(&head, bytes.ptr, sizeof(head));
    if (head.result > 0 || head.result < -ERRNO_MAX || !take(rest, head.key_len, &key) ||
        !take(rest, head.value_len, &value))
        return -EINVAL;
    struct answer *a = s->is_view ? answer_of(key, (int)head.result, value)
                                  : answer_new(key, (int)head.result, value);
    if (map_add(&s->answers, a->key, a))
        return 0;
    answer_free(a, s->is_view);
    return -EINVAL;
}

static int load(struct slice saved, bool is_view, struct sources **ret_sources)
{
    struct slice start;

    if (!take(&saved, sizeof(magic) - 1, &start) || !slice_eq(start, slice_str(magic)))
        return -EINVAL;
    struct sources *s = sources_new_memory();
    s->is_view = is_view;
    while (saved.len > 0) {
        int r = load_answer(s, &saved);
        if (r < 0) {
            sources_free(s);
            return r;
        }
    }
    *ret_sources = s;
    return 0;
}

int sources_load(struct slice saved, struct sources **ret_sources)
{
    return load(saved, false, ret_sources);
}

int sources_view(struct slice saved, struct sources **ret_sources)
{
    return load(saved, true, ret_sources);
}
