/* SPDX-License-Identifier: Apache-2.0 */
#include "http/header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

/* "Name: value\n..." */
static struct fields fields_of(const char *text)
{
    struct fields f;
    struct slice rest = slice_str(text), line;
    fields_init(&f, &arena);
    while (slice_split(&rest, '\n', &line)) {
        size_t colon = slice_find(line, ':');
        if (colon < line.len)
            fields_add(&f, slice_first(line, colon), slice_trim(slice_from(line, colon + 1)));
    }
    return f;
}

/* The names, joined by spaces. */
static struct slice names_of(const struct fields *f)
{
    struct slice all = SLICE("");
    for (size_t i = 0; i < f->count; i++)
        all = arena_printf(&arena, "%.*s%s%.*s", SLICE_ARG(all), i > 0 ? " " : "",
                           SLICE_ARG(f->list[i].name));
    return all;
}

static void test_every_known_name_is_found(void **state)
{
    (void)state;
    for (int id = FIELD_OTHER + 1; id < FIELD_COUNT; id++) {
        struct slice name = field_name((enum field_id)id);
        char shout[32];
        assert_int_equal(field_id(name), id);
        for (size_t i = 0; i < name.len; i++)
            shout[i] =
                (char)(name.ptr[i] >= 'a' && name.ptr[i] <= 'z' ? name.ptr[i] - 32 : name.ptr[i]);
        assert_int_equal(field_id(slice_of(shout, name.len)), id);
        shout[0] = '#';
        assert_int_equal(field_id(slice_of(shout, name.len)), FIELD_OTHER);
    }
}

static void test_unknown_names(void **state)
{
    (void)state;
    assert_int_equal(field_id(SLICE("")), FIELD_OTHER);
    assert_int_equal(field_id(SLICE("X")), FIELD_OTHER);
    assert_int_equal(field_id(SLICE("Hos")), FIELD_OTHER);
    assert_int_equal(field_id(SLICE("Content_Length")), FIELD_OTHER);
    assert_int_equal(field_id(SLICE("A-Name-That-Is-Longer-Than-All-Others")), FIELD_OTHER);
}

static void test_list(void **state)
{
    (void)state;
    struct fields f = fields_of("A: 1\nhost: x\nB: 2\nHOST: y\na: 3");
    assert_int_equal(fields_count(&f, FIELD_HOST), 2);
    assert_true(slice_eq(fields_find(&f, FIELD_HOST)->value, SLICE("x")));
    assert_true(slice_eq(fields_find_name(&f, SLICE("b"))->value, SLICE("2")));
    assert_null(fields_find(&f, FIELD_VIA));
    assert_null(fields_find_name(&f, SLICE("c")));
    fields_remove(&f, FIELD_HOST);
    assert_true(slice_eq(names_of(&f), SLICE("A B a")));
    fields_remove_name(&f, SLICE("A"));
    assert_true(slice_eq(names_of(&f), SLICE("B")));
    fields_add_known(&f, FIELD_VIA, SLICE("1.1 s"));
    assert_true(slice_eq(names_of(&f), SLICE("B Via")));
}

static const struct {
    const char *why, *in, *want; /* elements joined by "|" */
} lists[] = {
    { "one", "a", "a" },
    { "white space goes", " a ,\tb", "a|b" },
    { "empty elements go", ",, a,,b,", "a|b" },
    { "a comma in quotes is no separator", "a=\"x,y\", b", "a=\"x,y\"|b" },
    { "nor behind an escaped quote", "\"x\\\",y\",b", "\"x\\\",y\"|b" },
    { "a quote that does not end takes the rest", "\"a,b", "\"a,b" },
    { "a backslash at the end", "\"a\\", "\"a\\" },
    { "nothing", "", "" },
    { "nothing but white space", " , ", "" },
};

static void test_lists(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        struct slice rest = slice_str(lists[i].in), element, all = SLICE("");
        while (field_list_next(&rest, &element))
            all = arena_printf(&arena, "%.*s%s%.*s", SLICE_ARG(all), all.len > 0 ? "|" : "",
                               SLICE_ARG(element));
        if (!slice_eq(all, slice_str(lists[i].want)))
            fail_msg("%s: %.*s", lists[i].why, SLICE_ARG(all));
    }
}

static void test_list_has(void **state)
{
    (void)state;
    struct fields f = fields_of("Connection: a, Close\nConnection: Upgrade\nB: keep-alive");
    assert_true(fields_list_has(&f, FIELD_CONNECTION, SLICE("close")));
    assert_true(fields_list_has(&f, FIELD_CONNECTION, SLICE("upgrade")));
    assert_false(fields_list_has(&f, FIELD_CONNECTION, SLICE("keep-alive")));
    assert_false(fields_list_has(&f, FIELD_CONNECTION, SLICE("clos")));
}

static const struct {
    const char *why, *in, *want;
} hops[] = {
    { "what is hop-by-hop by itself",
      "A: 1\nConnection: keep-alive\nKeep-Alive: 5\nTE: gzip\nTransfer-Encoding: x\nUpgrade: h2c\n"
      "HTTP2-Settings: x\nProxy: x\nProxy-Connection: x\nProxy-Authorization: x\n"
      "Proxy-Authenticate: x\nB: 2",
      "A B" },
    { "what Connection names", "A: 1\nConnection: close, b\nB: 2\nC: 3", "A C" },
    { "what any Connection names", "A: 1\nConnection: a\nConnection: ,\tc\nB: 2\nC: 3", "B" },
    { "close and keep-alive are no names", "Connection: close\nClose: 1", "Close" },
    { "the message's own stay", "Trailer: x\nProxy-Status: y\nVia: z", "Trailer Proxy-Status Via" },
};

static void test_hop_by_hop(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(hops) / sizeof(hops[0]); i++) {
        struct fields f = fields_of(hops[i].in);
        fields_remove_hop_by_hop(&f);
        if (!slice_eq(names_of(&f), slice_str(hops[i].want)))
            fail_msg("%s: %.*s", hops[i].why, SLICE_ARG(names_of(&f)));
    }
}

/* CPU time of a few heads with `others` fields beside a Connection that is long and names nothing.
 */
static clock_t time_hop_by_hop(size_t others)
{
    static char commas[30000];
    memset(commas, ',', sizeof(commas));
    clock_t before = clock();
    for (int i = 0; i < 20; i++) {
        struct fields f;
        fields_init(&f, &arena);
        fields_add_known(&f, FIELD_CONNECTION, slice_of(commas, sizeof(commas)));
        while (f.count <= others)
            fields_add(&f, SLICE("A"), SLICE("b"));
        fields_remove_hop_by_hop(&f);
        assert_int_equal(f.count, others);
    }
    return clock() - before;
}

static void test_hop_by_hop_is_cheap(void **state)
{
    (void)state;
    clock_t few = time_hop_by_hop(1), many = time_hop_by_hop(100);
    if (many > 20 * (few + CLOCKS_PER_SEC / 1000))
        fail_msg("%ld and %ld", (long)few, (long)many);
}

static const struct {
    const char *in;
    enum refusal refusal;
} nominations[] = {
    { "Connection: close", REFUSAL_NONE },
    { "Connection: X-Forwarded-For, x", REFUSAL_NONE },
    { "Connection: host", REFUSAL_CONNECTION_NAMES_HOST },
    { "Connection: close, Content-Length", REFUSAL_CONNECTION_NAMES_CONTENT_LENGTH },
    { "Connection: x\nConnection: TRANSFER-ENCODING", REFUSAL_CONNECTION_NAMES_TRANSFER_ENCODING },
    { "Connection: authorization", REFUSAL_CONNECTION_NAMES_AUTHORIZATION },
    { "Connection: ,cookie,", REFUSAL_CONNECTION_NAMES_COOKIE },
    { "X: host", REFUSAL_NONE },
    { "Connection: a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a\nConnection: a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a",
      REFUSAL_NONE },
    { "Connection: a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a\nConnection: a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a",
      REFUSAL_CONNECTION_TOO_MANY },
};

static void test_connection_may_not_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(nominations) / sizeof(nominations[0]); i++) {
        struct fields f = fields_of(nominations[i].in);
        enum refusal why = fields_check_connection(&f);
        if (why != nominations[i].refusal)
            fail_msg("%s: %s", nominations[i].in, refusal_text(why));
    }
}

static void test_trailers(void **state)
{
    (void)state;
    struct fields f = fields_of("X-Sum: 1\nContent-Length: 5\nTransfer-Encoding: chunked\nHost: e\n"
                                "Authorization: a\nSet-Cookie: b\ncontent-encoding: c\n"
                                "X-Forwarded-For: d\nProxy-Status: p\nETag: e\nConnection: x");
    fields_keep_trailers(&f);
    assert_true(slice_eq(names_of(&f), SLICE("X-Sum Proxy-Status ETag")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_known_name_is_found),
        cmocka_unit_test(test_unknown_names),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_list_has),
        cmocka_unit_test(test_hop_by_hop),
        cmocka_unit_test(test_hop_by_hop_is_cheap),
        cmocka_unit_test(test_connection_may_not_name),
        cmocka_unit_test(test_trailers),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
