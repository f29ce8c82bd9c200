/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/access_format.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct tls_info tls = { "TLSv1.3",  "TLS_AES_128_GCM_SHA256",
                                     "X25519",   "shop.test",
                                     "http/1.1", true };

static struct access_record full(void)
{
    return (struct access_record){
        .wall_ms = 971211336042,
        .remote = SLICE("127.0.0.1"),
        .peer = SLICE("10.0.0.1"),
        .remote_port = 4711,
        .host = SLICE("shop.test"),
        .method = SLICE("GET"),
        .target = SLICE("/apache_pb.gif"),
        .protocol = SLICE("HTTP/1.0"),
        .status = 200,
        .bytes_in = 3,
        .bytes_out = 2326,
        .referer = SLICE("http://www.example.com/start.html"),
        .user_agent = SLICE("Mozilla/4.08 [en] (Win98; I ;Nav)"),
        .request_id = SLICE("0123"),
        .tls = &tls,
        .route = SLICE("/"),
        .pool = SLICE("app"),
        .server = SLICE("a"),
        .tries = 2,
        .reused = true,
        .queue_ms = 1,
        .connect_ms = 2,
        .wait_ms = 3,
        .stream_ms = 4,
        .total_ms = 10,
        .abort_phase = "stream",
        .abort_by = "client",
        .abort_signal = "fin",
        .abort_ms = 4,
    };
}

static struct access_record bare(void)
{
    return (struct access_record){ .status = 400, .refused = "a bare LF" };
}

static struct access_record hostile(void)
{
    struct access_record r = full();
    r.target = SLICE("/a\"b\\c\r\nd\x1b\xc3\xa9");
    r.user_agent = SLICE("\x7f\xff");
    r.referer = slice_of(NULL, 0);
    r.bytes_out = 0;
    r.tls = NULL;
    return r;
}

static void check(enum access_format format, struct access_record r, const char *want)
{
    char *out = mem_alloc(ACCESS_LINE_MAX);
    size_t len = access_format_line(format, &r, out, ACCESS_LINE_MAX);
    struct slice got = slice_of(out, len);
    if (!slice_eq(got, slice_str(want)))
        fail_msg("%.*s", SLICE_ARG(got));
    mem_free(out);
}

static void test_combined(void **state)
{
    /* the example of Apache's documentation, its user aside */
    check(ACCESS_COMBINED, full(),
          "127.0.0.1 - - [10/Oct/2000:20:55:36 +0000] \"GET /apache_pb.gif HTTP/1.0\" 200 2326 "
          "\"http://www.example.com/start.html\" \"Mozilla/4.08 [en] (Win98; I ;Nav)\"\n");
    check(ACCESS_COMBINED, bare(), "- - - [01/Jan/1970:00:00:00 +0000] \"-\" 400 - \"-\" \"-\"\n");
    check(ACCESS_COMBINED, hostile(),
          "127.0.0.1 - - [10/Oct/2000:20:55:36 +0000] "
          "\"GET /a\\\"b\\\\c\\r\\nd\\x1b\\xc3\\xa9 HTTP/1.0\" 200 - \"-\" \"\\x7f\\xff\"\n");
}

static void test_json(void **state)
{
    check(ACCESS_JSON, full(),
          "{\"time\":\"2000-10-10T20:55:36.042Z\",\"remote\":\"127.0.0.1\",\"remote_port\":4711,"
          "\"peer\":\"10.0.0.1\",\"host\":\"shop.test\",\"method\":\"GET\","
          "\"target\":\"/apache_pb.gif\",\"protocol\":\"HTTP/1.0\",\"status\":200,\"bytes_in\":3,"
          "\"bytes_out\":2326,\"referer\":\"http://www.example.com/start.html\","
          "\"user_agent\":\"Mozilla/4.08 [en] (Win98; I ;Nav)\",\"request_id\":\"0123\","
          "\"tls_version\":\"TLSv1.3\",\"cipher\":\"TLS_AES_128_GCM_SHA256\",\"group\":\"X25519\","
          "\"sni\":\"shop.test\",\"resumed\":true,\"alpn\":\"http/1.1\",\"route\":\"/\","
          "\"pool\":\"app\",\"server\":\"a\",\"tries\":2,\"reused\":true,\"key_fallback\":false,"
          "\"queue_ms\":1,\"connect_ms\":2,\"wait_ms\":3,\"stream_ms\":4,\"total_ms\":10,"
          "\"abort_phase\":\"stream\",\"abort_by\":\"client\",\"abort_signal\":\"fin\","
          "\"abort_ms\":4,\"refused\":null}\n");
    check(ACCESS_JSON, bare(),
          "{\"time\":\"1970-01-01T00:00:00.000Z\",\"remote\":null,\"remote_port\":null,"
          "\"peer\":null,\"host\":null,\"method\":null,\"target\":null,\"protocol\":null,"
          "\"status\":400,\"bytes_in\":0,\"bytes_out\":0,\"referer\":null,\"user_agent\":null,"
          "\"request_id\":null,\"tls_version\":null,\"cipher\":null,\"group\":null,\"sni\":null,"
          "\"resumed\":null,\"alpn\":null,\"route\":null,\"pool\":null,\"server\":null,\"tries\":0,"
          "\"reused\":false,\"key_fallback\":false,\"queue_ms\":0,\"connect_ms\":0,\"wait_ms\":0,"
          "\"stream_ms\":0,\"total_ms\":0,\"abort_phase\":null,\"abort_by\":null,"
          "\"abort_signal\":null,\"abort_ms\":null,\"refused\":\"a bare LF\"}\n");
}

/* However long and strange the values: it fits, and it is one line. */
static void test_bounded(void **state)
{
    static char noise[64 * 1024];
    char *out = mem_alloc(ACCESS_LINE_MAX);
    memset(noise, '\n', sizeof noise);
    struct slice s = slice_of(noise, sizeof noise);
    struct access_record r = full();
    r.host = r.method = r.target = r.protocol = r.referer = r.user_agent = r.request_id = s;
    r.route = r.pool = r.server = r.remote = r.peer = s;
    for (int format = ACCESS_COMBINED; format <= ACCESS_JSON; format++) {
        size_t len = access_format_line((enum access_format)format, &r, out, ACCESS_LINE_MAX);
        assert_in_range(len, 50000, ACCESS_LINE_MAX);
        assert_ptr_equal(memchr(out, '\n', len), out + len - 1);
    }
    assert_int_equal(access_format_line(ACCESS_JSON, &r, out, ACCESS_LINE_MAX - 1), 0);
    mem_free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_combined),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
