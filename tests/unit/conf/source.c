/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/source.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/unit-conf-source-XXXXXX";

static const char *path_of(const char *name)
{
    static char path[256];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static int make_folder(void **state)
{
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
    static const char *const names[] = { "a.conf", "b.conf", "c.txt", "pipe", "sub", "huge" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        remove(path_of(names[i]));
    return rmdir(folder);
}

static void answers_are_remembered(void **state)
{
    struct sources *s = sources_new_system();
    struct slice first, again;

    write_file("a.conf", "one");
    assert_int_equal(sources_file(s, path_of("a.conf"), &first, NULL), 0);
    assert_true(slice_eq(first, SLICE("one")));
    write_file("a.conf", "two");
    assert_int_equal(sources_file(s, path_of("a.conf"), &again, NULL), 0);
    assert_ptr_equal(again.ptr, first.ptr);
    sources_free(s);
}

static void says_why_it_cannot_read(void **state)
{
    struct sources *s = sources_new_system();
    struct slice text;
    struct err e;

    mkdir(path_of("sub"), 0700);
    assert_int_equal(sources_file(s, path_of("none"), &text, &e), -ENOENT);
    assert_non_null(strstr(e.text, "/none: No such file or directory"));
    assert_int_equal(sources_file(s, path_of("sub"), &text, &e), -EISDIR);
    assert_int_equal(truncate(path_of("a.conf"), SOURCE_FILE_MAX + 1), 0);
    assert_int_equal(sources_file(s, path_of("a.conf"), &text, &e), -EFBIG);
    assert_non_null(strstr(e.text, "larger than 16 MB"));
    sources_free(s);
}

/* Opening a FIFO that nobody writes must not hang the master. */
static void a_silent_pipe_ends(void **state)
{
    struct sources *s = sources_new_system();
    struct slice text;

    assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);
    assert_int_equal(sources_file(s, path_of("pipe"), &text, NULL), 0);
    assert_int_equal(text.len, 0);
    sources_free(s);
}

static void globs_are_sorted(void **state)
{
    struct sources *s = sources_new_system();
    struct slice lines, path;
    char want[600];

    write_file("b.conf", "");
    write_file("a.conf", "");
    write_file("c.txt", "");
    snprintf(want, sizeof(want), "%s/a.conf\n%s/b.conf\n", folder, folder);
    assert_int_equal(sources_glob(s, path_of("*.conf"), &lines), 0);
    assert_true(slice_eq(lines, slice_str(want)));
    assert_int_equal(sources_glob(s, path_of("*.none"), &lines), 0);
    assert_int_equal(lines.len, 0);
    assert_int_equal(sources_glob(s, path_of("no-folder/*"), &lines), 0);
    assert_int_equal(lines.len, 0);
    path = slice_of(NULL, 0);
    assert_false(slice_split(&path, '\n', &path));
    sources_free(s);
}

static void check_copy(struct slice saved,
                       int (*load)(struct slice saved, struct sources **ret_sources))
{
    struct sources *copy;
    struct slice text, lines;
    struct buf again;
    struct err e;

    assert_int_equal(load(saved, &copy), 0);
    assert_int_equal(sources_file(copy, path_of("a.conf"), &text, NULL), 0);
    assert_true(slice_eq(text, SLICE("contents")));
    assert_int_equal(sources_file(copy, path_of("none"), &text, &e), -ENOENT);
    assert_non_null(strstr(e.text, "No such file"));
    assert_int_equal(sources_file(copy, "/etc/passwd", &text, &e), -ENOENT);
    assert_non_null(strstr(e.text, "not part of the bundle"));
    assert_int_equal(sources_glob(copy, path_of("*.conf"), &lines), 0);
    assert_true(slice_ends(lines, SLICE("a.conf\n")) || slice_ends(lines, SLICE("b.conf\n")));
    assert_int_equal(sources_glob(copy, "/*", &lines), -ENOENT);
    assert_true(sources_env(copy, "SIGNET_UNIT_TEST", &text));
    assert_true(slice_eq(text, SLICE("value")));
    assert_false(sources_env(copy, "SIGNET_UNIT_NONE", &text));
    assert_false(sources_env(copy, "PATH", &text));
    assert_true(sources_get(copy, "name", "app.internal", &text));
    assert_true(slice_eq(text, SLICE("10.0.0.1")));
    assert_false(sources_get(copy, "name", "other", &text));

    buf_init(&again);
    sources_save(copy, &again);
    assert_true(slice_eq(buf_view(&again), saved));
    buf_done(&again);
    sources_free(copy);
}

/* What a worker does: it gets the same answers from the saved bytes, and asks nobody. */
static void a_copy_answers_alike(void **state)
{
    struct sources *s = sources_new_system();
    struct slice text, lines;
    struct buf saved;

    write_file("a.conf", "contents");
    setenv("SIGNET_UNIT_TEST", "value", 1);
    unsetenv("SIGNET_UNIT_NONE");
    sources_file(s, path_of("a.conf"), &text, NULL);
    sources_file(s, path_of("none"), &text, NULL);
    sources_glob(s, path_of("*.conf"), &lines);
    sources_env(s, "SIGNET_UNIT_TEST", &text);
    sources_env(s, "SIGNET_UNIT_NONE", &text);
    sources_put(s, "name", "app.internal", SLICE("10.0.0.1"));
    buf_init(&saved);
    sources_save(s, &saved);
    sources_free(s);
    remove(path_of("a.conf"));
    unsetenv("SIGNET_UNIT_TEST");

    check_copy(buf_view(&saved), sources_load);
    check_copy(buf_view(&saved), sources_view);
    buf_done(&saved);
}

static void a_later_fact_replaces(void **state)
{
    struct sources *s = sources_new_memory();
    struct slice old, now;

    sources_put(s, "name", "a", SLICE("1"));
    assert_true(sources_get(s, "name", "a", &old));
    sources_put(s, "name", "a", SLICE("2"));
    sources_put(s, "name", "a", SLICE("3"));
    assert_true(sources_get(s, "name", "a", &now));
    assert_true(slice_eq(now, SLICE("3")));
    assert_true(slice_eq(old, SLICE("1"))); /* handed out before: still there */
    sources_free(s);
}

/* After the keys are in OpenSSL's hands only the digests remain; text that is no secret stays. */
static void secrets_are_forgotten(void **state)
{
    struct sources *s = sources_new_memory();
    struct slice text;
    struct err e;
    uint64_t before, after, other;

    sources_put(s, "file", "key", SLICE("secret"));
    sources_put(s, "file", "conf", SLICE("drain 1s"));
    assert_int_equal(sources_secret(s, "key", &text, &e), 0);
    assert_int_equal(sources_file(s, "conf", &text, &e), 0);
    assert_true(sources_digest(s, "key", &before));
    assert_true(sources_digest(s, "conf", &other));
    assert_int_not_equal(before, other);
    sources_forget_secrets(s);
    sources_forget_secrets(s); /* harmless twice */
    assert_true(sources_digest(s, "key", &after));
    assert_int_equal(before, after);
    assert_int_equal(sources_file(s, "key", &text, &e), -ENOKEY);
    assert_int_equal(sources_file(s, "conf", &text, &e), 0);
    assert_true(slice_eq(text, SLICE("drain 1s")));
    assert_false(sources_digest(s, "nothing", &after));
    sources_free(s);
}

/* Every prefix of good bytes, and each single byte changed, is either refused or good. */
static void broken_bytes_are_refused(void **state)
{
    struct sources *s = sources_new_memory(), *copy;
    struct buf saved;

    sources_put(s, "file", "a", SLICE("text"));
    sources_put(s, "env", "B", SLICE(""));
    buf_init(&saved);
    sources_save(s, &saved);
    sources_free(s);
    struct slice all = buf_view(&saved);
    size_t whole = 0;
    for (size_t n = 0; n <= all.len; n++)
        if (sources_load(slice_first(all, n), &copy) == 0) {
            sources_free(copy);
            whole++;
        }
    assert_int_equal(whole, 3); /* after none, one and both answers */
    for (size_t i = 0; i < all.len; i++) {
        char *bytes = mem_text(all);
        bytes[i] ^= (char)0x80;
        if (sources_load(slice_of(bytes, all.len), &copy) == 0)
            sources_free(copy);
        if (sources_view(slice_of(bytes, all.len), &copy) == 0)
            sources_free(copy);
        mem_free(bytes);
    }
    buf_done(&saved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_remembered),   cmocka_unit_test(says_why_it_cannot_read),
        cmocka_unit_test(a_silent_pipe_ends),       cmocka_unit_test(globs_are_sorted),
        cmocka_unit_test(a_copy_answers_alike),     cmocka_unit_test(a_later_fact_replaces),
        cmocka_unit_test(broken_bytes_are_refused), cmocka_unit_test(secrets_are_forgotten),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
