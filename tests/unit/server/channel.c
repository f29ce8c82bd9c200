/* SPDX-License-Identifier: Apache-2.0 */
#include "server/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct raw { /* the layout on the wire, spelled out once more */
    uint16_t version, kind;
    uint32_t worker, row, sockets, generation;
    char text[600];
};
#define RAW_HEAD offsetof(struct raw, text)

static const struct {
    const char *why;
    struct raw raw;
    size_t len, fd_count;
    enum channel_side sender;
    bool good;
} cases[] = {
    { "start with all logs", { 1, CHANNEL_START, 0, 1, 2 }, RAW_HEAD, 4, CHANNEL_MASTER, true },
    { "start without access log", { 1, CHANNEL_START }, RAW_HEAD, 3, CHANNEL_MASTER, true },
    { "start lacks the shared memory", { 1, CHANNEL_START }, RAW_HEAD, 2, CHANNEL_MASTER, false },
    { "start with a fifth", { 1, CHANNEL_START }, RAW_HEAD, 5, CHANNEL_MASTER, false },
    { "one socket lent", { 1, CHANNEL_LEND, 3 }, RAW_HEAD, 1, CHANNEL_MASTER, true },
    { "a full message of sockets", { 1, CHANNEL_LEND }, RAW_HEAD, 253, CHANNEL_MASTER, true },
    { "lending nothing", { 1, CHANNEL_LEND }, RAW_HEAD, 0, CHANNEL_MASTER, false },
    { "drain", { 1, CHANNEL_DRAIN }, RAW_HEAD, 0, CHANNEL_MASTER, true },
    { "a stray descriptor", { 1, CHANNEL_DRAIN }, RAW_HEAD, 1, CHANNEL_MASTER, false },
    { "a worker cannot drain its master",
      { 1, CHANNEL_DRAIN },
      RAW_HEAD,
      0,
      CHANNEL_WORKER,
      false },
    { "prepare carries the bundle",
      { 1, CHANNEL_PREPARE, 0, 0, 0, 7 },
      RAW_HEAD,
      1,
      CHANNEL_MASTER,
      true },
    { "nothing to prepare", { 1, CHANNEL_PREPARE }, RAW_HEAD, 0, CHANNEL_MASTER, false },
    { "commit", { 1, CHANNEL_COMMIT, 0, 0, 0, 7 }, RAW_HEAD, 0, CHANNEL_MASTER, true },
    { "a worker commits nothing", { 1, CHANNEL_COMMIT }, RAW_HEAD, 0, CHANNEL_WORKER, false },
    { "cannot, and why", { 1, CHANNEL_CANNOT, 0, 0, 0, 7 }, RAW_HEAD + 5, 0, CHANNEL_WORKER, true },
    { "prepared", { 1, CHANNEL_PREPARED, 0, 0, 0, 7 }, RAW_HEAD, 0, CHANNEL_WORKER, true },
    { "a master is not ready", { 1, CHANNEL_READY }, RAW_HEAD, 0, CHANNEL_MASTER, false },
    { "ready", { 1, CHANNEL_READY }, RAW_HEAD, 0, CHANNEL_WORKER, true },
    { "failed without words", { 1, CHANNEL_FAILED }, RAW_HEAD, 0, CHANNEL_WORKER, true },
    { "the longest text", { 1, CHANNEL_FAILED }, RAW_HEAD + 511, 0, CHANNEL_WORKER, true },
    { "no room for the NUL", { 1, CHANNEL_FAILED }, RAW_HEAD + 512, 0, CHANNEL_WORKER, false },
    { "text where none belongs", { 1, CHANNEL_READY }, RAW_HEAD + 1, 0, CHANNEL_WORKER, false },
    { "cut", { 1, CHANNEL_READY }, RAW_HEAD - 1, 0, CHANNEL_WORKER, false },
    { "empty", { 0 }, 0, 0, CHANNEL_WORKER, false },
    { "another version", { 2, CHANNEL_READY }, RAW_HEAD, 0, CHANNEL_WORKER, false },
    { "kind 0 is none", { 1, 0 }, RAW_HEAD, 0, CHANNEL_WORKER, false },
    { "a kind of the future", { 1, 60000 }, RAW_HEAD, 0, CHANNEL_WORKER, false },
};

static void parses_what_fits_its_kind(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct channel_message m;
        struct err e = { 0 };
        struct slice bytes = slice_of((const char *)&cases[i].raw, cases[i].len);
        int r = channel_parse(bytes, cases[i].fd_count, cases[i].sender, &m, &e);
        if ((r == 0) != cases[i].good)
            fail_msg("%s: %d %s", cases[i].why, r, e.text);
        assert_int_equal(e.text[0] != '\0', r != 0);
        if (r == 0) {
            assert_int_equal(m.kind, cases[i].raw.kind);
            assert_int_equal(m.worker, cases[i].raw.worker);
            assert_int_equal(m.row, cases[i].raw.row);
            assert_int_equal(m.sockets, cases[i].raw.sockets);
            assert_int_equal(m.generation, cases[i].raw.generation);
        }
    }
}

static void carries_text_and_numbers(void **state)
{
    int ends[2];
    assert_int_equal(channel_pair(ends), 0);
    struct channel_message out = { .kind = CHANNEL_FAILED, .text = "no such file" }, in;
    assert_int_equal(channel_send(ends[0], &out), 0);
    assert_int_equal(channel_recv(ends[1], CHANNEL_WORKER, &in, NULL), 1);
    assert_int_equal(in.kind, CHANNEL_FAILED);
    assert_string_equal(in.text, "no such file");

    out = (struct channel_message){ .kind = CHANNEL_TAKE_BACK, .worker = 7 };
    assert_int_equal(channel_send(ends[0], &out), 0);
    assert_int_equal(channel_recv(ends[1], CHANNEL_MASTER, &in, NULL), 1);
    assert_int_equal(in.worker, 7);
    assert_string_equal(in.text, "");

    assert_int_equal(channel_recv(ends[1], CHANNEL_MASTER, &in, NULL), -EAGAIN);
    close(ends[0]);
    assert_int_equal(channel_recv(ends[1], CHANNEL_MASTER, &in, NULL), 0);
    close(ends[1]);
}

static int descriptors_open(void)
{
    int count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void closes_descriptors_nobody_took(void **state)
{
    int ends[2];
    assert_int_equal(channel_pair(ends), 0);
    int before = descriptors_open();
    struct channel_message m = { .kind = CHANNEL_LEND, .fds = { 0, 1, 2 }, .fd_count = 3 }, in;
    assert_int_equal(channel_send(ends[0], &m), 0);
    assert_int_equal(channel_recv(ends[1], CHANNEL_MASTER, &in, NULL), 1);
    assert_int_equal(in.fd_count, 3);
    assert_int_equal(descriptors_open(), before + 3);
    close(in.fds[1]);
    in.fds[1] = -1; /* taken */
    channel_close_fds(&in);
    assert_int_equal(descriptors_open(), before);

    struct err e = { 0 };
    assert_int_equal(channel_send(ends[0], &m), 0);
    assert_int_equal(channel_recv(ends[1], CHANNEL_WORKER, &in, &e), -EPROTO);
    assert_int_equal(descriptors_open(), before);
    close(ends[0]);
    close(ends[1]);
}

/* What it was about is still known: whoever it was for can say so. */
static void lost_descriptors_leave_the_message(void **state)
{
    int ends[2];
    struct rlimit before;
    assert_int_equal(channel_pair(ends), 0);
    struct channel_message m = { .kind = CHANNEL_PREPARE, .generation = 7, .fd_count = 1 }, in;
    assert_int_equal(channel_send(ends[0], &m), 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit none = { .rlim_cur = 3, .rlim_max = before.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    int r = channel_recv(ends[1], CHANNEL_MASTER, &in, NULL);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(r, -EMFILE);
    assert_int_equal(in.kind, CHANNEL_PREPARE);
    assert_int_equal(in.generation, 7);
    assert_int_equal(in.fd_count, 0);
    close(ends[0]);
    close(ends[1]);
}

static void refuses_what_is_too_long(void **state)
{
    int ends[2];
    assert_int_equal(channel_pair(ends), 0);
    char bytes[CHANNEL_BYTES_MAX + 1] = { 1 };
    assert_int_equal(send(ends[0], bytes, sizeof(bytes), 0), sizeof(bytes));
    struct channel_message in;
    struct err e = { 0 };
    assert_int_equal(channel_recv(ends[1], CHANNEL_WORKER, &in, &e), -EPROTO);
    assert_string_not_equal(e.text, "");
    close(ends[0]);
    close(ends[1]);
}

static void never_waits_for_a_reader(void **state)
{
    int ends[2], r = 0;
    assert_int_equal(channel_pair(ends), 0);
    const struct channel_message m = { .kind = CHANNEL_DRAIN };
    for (int i = 0; i < 100000 && r == 0; i++)
        r = channel_send(ends[0], &m);
    assert_int_equal(r, -EAGAIN);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_what_fits_its_kind),
        cmocka_unit_test(carries_text_and_numbers),
        cmocka_unit_test(closes_descriptors_nobody_took),
        cmocka_unit_test(lost_descriptors_leave_the_message),
        cmocka_unit_test(refuses_what_is_too_long),
        cmocka_unit_test(never_waits_for_a_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
