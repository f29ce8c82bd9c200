/* SPDX-License-Identifier: Apache-2.0 */
#include "server/child.h"

#include "server/channel.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void backs_off(void **state)
{
    static const struct {
        const char *why;
        unsigned falls;
        uint64_t want_ms;
    } cases[] = {
        { "the first start waits for nothing", 0, 0 },
        { "one fall is replaced at once", 1, 0 },
        { "the second waits", 2, 100 },
        { "and doubles", 3, 200 },
        { "below the most", 7, 3200 },
        { "the most", 8, 5000 },
        { "no overflow", 4000000000u, 5000 },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (child_backoff_ms(cases[i].falls) != cases[i].want_ms)
            fail_msg("%s", cases[i].why);
}

static void says_how_it_ended(void **state)
{
    char text[CHILD_STATUS_MAX];
    assert_string_equal(child_status_text(W_EXITCODE(3, 0), text), "ended with exit code 3");
    assert_string_equal(child_status_text(W_EXITCODE(0, SIGKILL), text),
                        "was killed by signal 9 (Killed)");
    assert_string_equal(child_status_text(W_EXITCODE(0, SIGSYS), text),
                        "was killed by signal 31 (Bad system call): the sandbox does not know what "
                        "it asked for; \"sandbox log\" has the kernel log it");
    assert_non_null(strstr(child_status_text(SIGABRT | WCOREFLAG, text), ", core dumped"));
}

/* A stand-in for the program: /bin/sh runs as the worker, argv[1] ("worker") is the script it looks
 * for in the current folder. */
static void run_script(const char *script, char *out, size_t room, int *ret_status)
{
    FILE *f = fopen("worker", "w");
    assert_non_null(f);
    fputs(script, f);
    fclose(f);
    int shell = open("/bin/sh", O_RDONLY | O_CLOEXEC);
    int program = fcntl(shell, F_DUPFD_CLOEXEC, CHANNEL_FD + 1);
    close(shell);
    int leak = open("/dev/null", O_RDONLY | O_CLOEXEC);
    pid_t pid;
    int channel;
    assert_int_equal(child_spawn(program, 12, &pid, &channel), 0);
    close(leak);
    close(program);
    assert_int_equal(waitpid(pid, ret_status, 0), pid);
    ssize_t n = read(channel, out, room - 1);
    out[n > 0 ? n : 0] = '\0';
    close(channel);
}

static void starts_with_its_channel_alone(void **state)
{
    char folder[] = "/tmp/signet-child-XXXXXX", said[256];
    int status;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);

    run_script("echo $0 $1 >&3", said, sizeof(said), &status);
    assert_string_equal(said, "worker 12\n");
    assert_int_equal(status, 0);

    /* the shell itself may open more than ten, for the script */
    run_script("for n in 0 1 2 3 4 5 6 7 8 9; do [ -e /proc/$$/fd/$n ] && x=$x$n; done; "
               "echo $x >&3",
               said, sizeof(said), &status);
    assert_string_equal(said, "0123\n");

    run_script("kill -TERM $$; kill -INT $$; kill -HUP $$; kill -USR1 $$; kill -USR2 $$; exit 5",
               said, sizeof(said), &status);
    assert_int_equal(status, W_EXITCODE(5, 0)); /* signals are the master's */

    assert_int_equal(unlink("worker"), 0);
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void opens_itself_above_the_channel(void **state)
{
    int fd;
    assert_int_equal(child_open_program(&fd), 0);
    assert_true(fd > CHANNEL_FD);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(backs_off),
        cmocka_unit_test(says_how_it_ended),
        cmocka_unit_test(starts_with_its_channel_alone),
        cmocka_unit_test(opens_itself_above_the_channel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
