/* SPDX-License-Identifier: Apache-2.0 */
/* Fields that end here, that Signet replaces, or that ask for something. */
#include "rows.h"

#define GET                       "GET / HTTP/1.1\r\n"
#define BAD(why, fields, words)   REFUSES(why, GET HOST fields MARK "\r\n", 400, words)
#define GOOD(why, fields, wanted) PASSES(why, GET HOST fields "\r\n", GET HOST wanted OURS "\r\n")
#define GONE(why, fields)         GOOD(why, fields "A: b\r\n", "A: b\r\n")

static void test_h30_underscores(void **state)
{
    static const struct row rows[] = {
        GONE("dropped", "X_Y: 1\r\n"),
        GONE("in front and behind", "_X: 1\r\nY_: 2\r\n"),
        GONE("framing in disguise", "Content_Length: 5\r\nTransfer_Encoding: chunked\r\n"),
        GONE("a second Host in disguise", "Host_: other.test\r\n"),
        GONE("claims in disguise", "X_Forwarded_For: 1.2.3.4\r\nX-Real_IP: 1.2.3.4\r\n"),
        BAD("a bad value is bad all the same", "X_Y: \1\r\n", "control"),
        { "refused where that is configured", ENTER_REJECT_UNDERSCORE,
          .sent = BYTES(GET HOST "X_Y: 1\r\n" MARK "\r\n"), .status = 400,
          .refused = "underscore" },
        { "nothing to refuse", ENTER_REJECT_UNDERSCORE, .sent = BYTES(GET HOST "A: b\r\n\r\n"),
          .upstream = GET HOST "A: b\r\n" OURS "\r\n" },
        { "passed where that is configured", ENTER_PASS_UNDERSCORE,
          .sent = BYTES(GET HOST "X_Y: 1\r\n\r\n"), .upstream = GET HOST "X_Y: 1\r\n" OURS "\r\n" },
        { "claims never pass, in any spelling", ENTER_PASS_UNDERSCORE,
          .sent =
              BYTES(GET HOST
                    "X_Forwarded_For: 1.2.3.4\r\nX-Forwarded_Proto: https\r\nX_Real_IP: 1.2.3.4\r\n"
                    "X_Request_ID: 1\r\nX_Forwarded_Port: 1\r\nClient_Cert: "
                    "x\r\nSSL_CLIENT_VERIFY: SUCCESS\r\n\r\n"),
          .upstream = GET HOST OURS "\r\n" },
        { "nor do fields of this hop", ENTER_PASS_UNDERSCORE,
          .sent =
              BYTES(GET HOST
                    "Transfer_Encoding: chunked\r\nProxy_Connection: x\r\nKeep_Alive: 1\r\n\r\n"),
          .upstream = GET HOST OURS "\r\n" },
        { "nor does a length that is not the framing's", ENTER_PASS_UNDERSCORE,
          .sent = BYTES(GET HOST "Content_Length: 5\r\n\r\n"), .upstream = GET HOST OURS "\r\n" },
    };
    ROWS_RUN(state, rows);
}

static void test_h31_what_connection_names(void **state)
{
    static const struct row rows[] = {
        BAD("Host", "Connection: Host\r\n", "Host"),
        BAD("Host in a list", "Connection: close, host\r\n", "Host"),
        BAD("Host on a second line", "Connection: close\r\nConnection: hOST\r\n", "Host"),
        BAD("Host behind empty elements", "Connection: ,, ,\tHost ,\r\n", "Host"),
        BAD("Content-Length", "Connection: Content-Length\r\n", "Content-Length"),
        BAD("Transfer-Encoding", "Connection: transfer-encoding\r\n", "Transfer-Encoding"),
        BAD("Authorization", "Connection: keep-alive, Authorization\r\n", "Authorization"),
        BAD("Cookie", "Connection: cookie\r\n", "Cookie"),
        REFUSES("Transfer-Encoding, and there is one",
                "POST / HTTP/1.1\r\n" HOST MARK
                "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                400, "Transfer-Encoding"),
        REFUSES("Content-Length, and there is one",
                "POST / HTTP/1.1\r\n" HOST MARK
                "Connection: close, Content-Length\r\nContent-Length: 3\r\n\r\nabc",
                400, "Content-Length"),
        BAD("more than anybody needs",
            "Connection: "
            "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u,v,w,x,y,z,aa,bb,cc,dd,ee,ff,gg\r\n",
            "Connection"),
        GONE("another field", "Connection: X-Y\r\nX-Y: 1\r\n"),
        GONE("another field, in another case",
             "x-y: 1\r\nConnection: keep-alive, X-Y\r\nX-Y: 2\r\n"),
        GONE("a field that is not there", "Connection: X-Y\r\n"),
        GOOD("what Signet sets is set after",
             "Connection: X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host, Forwarded, Via, "
             "X-Request-ID\r\n",
             ""),
        GONE("itself", "Connection: Connection\r\n"),
        { "close", .sent = BYTES(GET HOST "Connection: close\r\n\r\n"), .closes = true,
          .upstream = GET HOST OURS "\r\n",
          .heard = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n/" },
        { "close, in a list", .sent = BYTES(GET HOST "Connection: x, CLOSE\r\n\r\n"),
          .closes = true, .upstream = GET HOST OURS "\r\n" },
        { "close, and a request behind it",
          .sent = BYTES(GET HOST "Connection: close\r\n\r\nGET /2 HTTP/1.1\r\n" HOST "\r\n"),
          .closes = true, .upstream = GET HOST OURS "\r\n" },
    };
    ROWS_RUN(state, rows);
}

static void test_h32_fields_of_this_hop(void **state)
{
    static const struct row rows[] = {
        GONE("Connection", "Connection: keep-alive\r\n"),
        GONE("Keep-Alive", "Keep-Alive: timeout=5\r\n"),
        GONE("Proxy", "Proxy: http://evil.test/\r\n"),
        GONE("Proxy-Connection", "Proxy-Connection: keep-alive\r\n"),
        GONE("Proxy-Authenticate", "Proxy-Authenticate: Basic\r\n"),
        GONE("Proxy-Authorization", "Proxy-Authorization: Basic eDp5\r\n"),
        GONE("TE", "TE: gzip\r\n"),
        GONE("TE named by Connection", "TE: gzip\r\nConnection: TE\r\n"),
        GONE("Trailer", "Trailer: X\r\n"),
        GONE("another case", "pROXY: x\r\nKEEP-alive: y\r\n"),
        PASSES("TE: trailers is asked of the next hop",
               GET HOST "TE: trailers\r\nConnection: TE\r\n\r\n",
               GET HOST OURS "TE: trailers\r\nConnection: TE\r\n\r\n"),
        PASSES("trailers among others", GET HOST "TE: gzip;q=1, trailers\r\nConnection: TE\r\n\r\n",
               GET HOST OURS "TE: trailers\r\nConnection: TE\r\n\r\n"),
    };
    ROWS_RUN(state, rows);
}

#define CLAIMS                                                                                     \
    "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.test\r\n"      \
    "Forwarded: for=1.2.3.4\r\nVia: 1.1 evil\r\nX-Request-ID: evil\r\n"

static void test_h33_claims(void **state)
{
    static const struct row rows[] = {
        GOOD("each replaced", CLAIMS, ""),
        GOOD("twice", CLAIMS CLAIMS, ""),
        GOOD("another case", "x-forwarded-FOR: 1.2.3.4\r\nVIA: 1.0 x\r\n", ""),
        GOOD("empty ones", "X-Forwarded-For:\r\nForwarded:\r\n", ""),
        GONE("relatives",
             "X-Forwarded-Port: 1\r\nX-Forwarded-Server: x\r\nX-Forwarded-Prefix: /x\r\n"),
        GONE("what a client certificate would say",
             "Client-Cert: :x:\r\nClient-Cert-Chain: :x:\r\nX-SSL-Client-Verify: "
             "SUCCESS\r\nX-Client-Cert: x\r\n"
             "SSL-Client-S-DN: x\r\nX-Client-DN: x\r\nX-Forwarded-Client-Cert: "
             "x\r\nX-Forwarded-TLS-Client-Cert: x\r\n"),
        PASSES("X-Real-IP, which Signet sends only to whom it was sent",
               GET HOST "X-Real-IP: 1.2.3.4\r\n\r\n", GET HOST OURS "X-Real-IP: 192.0.2.7\r\n\r\n"),
        { "a trusted proxy is believed", ENTER_TRUSTED, .sent = BYTES(GET HOST CLAIMS "\r\n"),
          .upstream = GET HOST "X-Forwarded-For: 1.2.3.4, 192.0.2.7\r\nX-Forwarded-Proto: https\r\n"
                               "X-Forwarded-Host: evil.test\r\n"
                               "Forwarded: for=1.2.3.4, for=192.0.2.7;host=shop.test;proto=http\r\n"
                               "Via: 1.1 evil, 1.1 signet\r\nX-Request-ID: evil\r\n\r\n",
          .record = "\"remote\":\"1.2.3.4\" \"peer\":\"192.0.2.7\"" },
        { "a trusted proxy that says nothing", ENTER_TRUSTED, .sent = BYTES(GET HOST "\r\n"),
          .upstream = GET HOST OURS "\r\n", .record = "\"remote\":\"192.0.2.7\"" },
        { "a trusted proxy vouches for no certificate", ENTER_TRUSTED,
          .sent = BYTES(GET HOST "X-SSL-Client-Verify: SUCCESS\r\n\r\n"),
          .upstream = GET HOST OURS "\r\n" },
    };
    ROWS_RUN(state, rows);
}

#define POST(fields)    "POST / HTTP/1.1\r\n" HOST fields
#define EXPECTS(fields) POST(fields MARK "Content-Length: 3\r\n\r\nabc")

static void test_h35_expectations(void **state)
{
    static const struct row rows[] = {
        REFUSES("another", EXPECTS("Expect: 200-ok\r\n"), 417, "Expect"),
        REFUSES("another, without a body", GET HOST "Expect: " CANARY "\r\n\r\n", 417, "Expect"),
        REFUSES("twice", EXPECTS("Expect: 100-continue\r\nExpect: 100-continue\r\n"), 400,
                "Expect"),
        REFUSES("twice in a list", EXPECTS("Expect: 100-continue, 100-continue\r\n"), 400,
                "Expect"),
        REFUSES("a parameter", EXPECTS("Expect: 100-continue;x\r\n"), 400, "Expect"),
        REFUSES("a letter more", EXPECTS("Expect: 100-continues\r\n"), 400, "Expect"),
        REFUSES("empty", EXPECTS("Expect:\r\n"), 400, "Expect"),
        REFUSES("quoted", EXPECTS("Expect: \"100-continue\"\r\n"), 417, "Expect"),
        PASSES("in another case", POST("Expect: 100-Continue\r\nContent-Length: 3\r\n\r\nabc"),
               POST(OURS "Content-Length: 3\r\nExpect: 100-continue\r\n\r\nabc")),
        PASSES("without a body there is nothing to wait for",
               GET HOST "Expect: 100-continue\r\n\r\n", GET HOST OURS "\r\n"),
        PASSES("an empty body is none", POST("Expect: 100-continue\r\nContent-Length: 0\r\n\r\n"),
               POST(OURS "Content-Length: 0\r\n\r\n")),
    };
    ROWS_RUN(state, rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_h30_underscores),
        cmocka_unit_test(test_h31_what_connection_names),
        cmocka_unit_test(test_h32_fields_of_this_hop),
        cmocka_unit_test(test_h33_claims),
        cmocka_unit_test(test_h35_expectations),
    };
    return cmocka_run_group_tests(tests, rows_set_up, rows_tear_down);
}
