/* SPDX-License-Identifier: Apache-2.0 */
#include "server/identity.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void finds_ids(void **state)
{
    struct identity id;
    struct err e = { 0 };
    assert_int_equal(identity_find(SLICE(""), SLICE(""), &id, &e), 0);
    assert_false(id.change);
    if (geteuid() != 0) { /* nobody else can be changed into */
        assert_int_equal(identity_find(SLICE("no such user"), SLICE(""), &id, &e), 0);
        assert_false(id.change);
        return;
    }
    assert_int_equal(identity_find(SLICE("nobody"), SLICE(""), &id, &e), 0);
    assert_true(id.change);
    assert_int_not_equal(id.uid, 0);
    assert_int_equal(identity_find(SLICE("nobody"), SLICE("root"), &id, &e), 0);
    assert_int_equal(id.gid, 0);
    assert_int_equal(identity_find(SLICE("no such user"), SLICE(""), &id, &e), -ENOENT);
    assert_string_equal(e.text, "there is no user \"no such user\" on this system");
    assert_int_equal(identity_find(SLICE("nobody"), SLICE("no such group"), &id, &e), -ENOENT);
}

/* In a process of its own: there is no way back. The exit code says what was wrong. */
static int become(const struct identity *id)
{
    if (identity_become(id, NULL) < 0)
        return 1;
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
        return 2;
    if (!id->change)
        return 0;
    uid_t real, effective, saved;
    getresuid(&real, &effective, &saved);
    if (real != id->uid || effective != id->uid || saved != id->uid || getgid() != id->gid)
        return 3;
    if (getgroups(0, NULL) != 0)
        return 4;
    return setuid(0) == 0 ? 5 : 0;
}

static int become_elsewhere(const struct identity *id)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(become(id));
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void becomes_it_for_good(void **state)
{
    assert_int_equal(become_elsewhere(&(struct identity){ 0 }), 0);
    if (geteuid() == 0)
        assert_int_equal(become_elsewhere(&(struct identity){ true, 65534, 65534 }), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_ids),
        cmocka_unit_test(becomes_it_for_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
