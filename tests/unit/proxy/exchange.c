/* SPDX-License-Identifier: Apache-2.0 */
/* Every row of the table of ends in docs/how-it-works.md is a row here. Steps are those of
 * script.c: c... is what the client's stream reports, u... what the upstream's does. */
#include "script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void check_all(const struct scenario *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        scenario_check(&list[i]);
}
#define CHECK_ALL(list) check_all(list, sizeof(list) / sizeof(list)[0])

#define NO_ABORT "\"abort_phase\":null \"abort_by\":null \"abort_signal\":null \"abort_ms\":null "
#define ABORT(status, phase, by)                                                                   \
    "\"status\":" status " \"abort_phase\":\"" phase "\" \"abort_by\":\"" by "\" "

static void test_answers(void **state)
{
    static const struct scenario list[] = {
        { "a plain answer", "lend=new get u-head=200 u-end=ok u-done done", "head=200 body=ok.",
          "GET.",
          NO_ABORT "\"status\":200 \"bytes_out\":2 \"tries\":1 \"reused\":false \"pool\":\"app\" "
                   "\"server\":\"a\" \"route\":\"/\" \"refused\":null \"method\":\"GET\"" },
        { "an answer without a body", "lend=new get u-bare=304 u-done done", "head=304.", "GET.",
          NO_ABORT "\"status\":304" },
        { "a reused connection is told", "lend=reused get u-bare=204 u-done done", "head=204.",
          "GET.", "\"reused\":true" },
        { "a body goes up as it comes", "lend=new post=5 c=ab c-end=cde u-bare=200 u-done done",
          "head=200.", "POST body=ab body=cde.", NO_ABORT "\"bytes_in\":5" },
        { "a chunked body's trailers are not sent up",
          "lend=new chunked c=ab c-trailers u-bare=200 u-done done", "head=200.",
          "POST body=ab body=.", "\"status\":200" },
        { "trailers where they are welcome", "lend=new te u-head=200 u=x u-trailers u-done done",
          "head=200 body=x trailers=1.", "GET.", "\"status\":200" },
        { "trailers where they are not", "lend=new get u-head=200 u=x u-trailers u-done done",
          "head=200 body=x body=.", "GET.", "\"status\":200" },
        { "interim answers pass", "lend=new get u-interim=103 u-bare=200 u-done done",
          "interim=103 head=200.", "GET.", "\"status\":200" },
        { "but not to HTTP/1.0", "lend=new old-get u-interim=103 u-bare=200 u-done done",
          "head=200.", "GET.", "\"protocol\":\"HTTP/1.0\"" },
        { "100-continue end to end",
          "lend=new expect=2 u-interim=100 c-end=ab u-bare=200 u-done done",
          "interim=100 head=200.", "POST body=ab.", NO_ABORT "\"status\":200" },
    };
    (void)state;
    CHECK_ALL(list);
}

static void test_own_answers(void **state)
{
    static const struct scenario list[] = {
        { "respond", "get=/ping done", "head=200 body=pong\n.", "",
          NO_ABORT "\"status\":200 \"pool\":null \"server\":null \"tries\":0 \"bytes_out\":5" },
        { "HEAD of it", "head=/ping done", "head=200.", "", "\"status\":200 \"bytes_out\":0" },
        { "redirect", "get=/old/x done", "head=308 body=308 Permanent Redirect\n.", "",
          "\"status\":308 \"refused\":null" },
        { "a redirect that has no host to name",
          "hostless=/old/x counted=redirect_without_host done",
          "head=400 body=400 Bad Request: a redirect needs a Host\n.", "", "\"status\":400" },
        { "no such host", "host=other.test counted=unknown_host done",
          "head=421 body=421 Misdirected Request: no such host here\n.", "",
          "\"status\":421 \"host\":\"other.test\" \"route\":null" },
        { "no route covers it", "host=api.test counted=no_route done",
          "head=404 body=404 Not Found: no route covers this path\n.", "", "\"status\":404" },
        { "TRACE", "trace counted=method_trace done",
          "head=405 body=405 Method Not Allowed: the method TRACE is not served\n.", "",
          "\"status\":405 \"method\":\"TRACE\"" },
        { "a length over the limit, before any dial", "post=9 counted=body_too_large done",
          "head=413 body=413 Content Too Large: the body is larger than the limit\n.", "",
          NO_ABORT "\"status\":413 \"tries\":0" },
        { "a chunked body that grows over it: never ended cleanly",
          "lend=new chunked c=12345 c=6789 counted=body_too_large done",
          "head=413 body=413 Content Too Large: the body is larger than the limit\n.",
          "POST body=12345 reset", NO_ABORT "\"status\":413 \"tries\":1" },
        { "over it when the answer has begun: cut",
          "lend=new chunked c=1 u-head=200 c=23456789 counted=body_too_large", "head=200 reset",
          "POST body=1 reset",
          ABORT("200", "stream", "client") "\"refused\":\"the~body~is~larger~than~the~limit\"" },
        { "no readable request", "begin refused=bare_lf counted=bare_lf done",
          "head=400 body=400 Bad Request: a line ends in a bare LF\n.", "",
          NO_ABORT "\"status\":400 \"method\":null" },
        { "a head that took too long", "begin refused=head_timeout counted=head_timeout done",
          "head=408 body=408 Request Timeout: the head did not arrive in time\n.", "",
          NO_ABORT "\"status\":408" },
    };
    (void)state;
    CHECK_ALL(list);
}

#define ELSEWHERE                                                                                  \
    "head=421 body=421 Misdirected Request: this connection was opened for another host\n."
#define NO_ROUTE "head=404 body=404 Not Found: no route covers this path\n."

/* SNI a, Host b. */
static void test_policy(void **state)
{
    static const struct scenario list[] = {
        { "the host it was opened for", "tls=api.test host=api.test done", NO_ROUTE, "",
          "\"status\":404 \"sni\":\"api.test\"" },
        { "another policy", "tls=shop.test host=api.test counted=other_host done", ELSEWHERE, "",
          "\"status\":421" },
        { "the same policy", "same-policy tls=shop.test host=api.test done", NO_ROUTE, "",
          "\"status\":404" },
        { "no SNI: the first context", "tls= host=api.test done", ELSEWHERE, "",
          "\"status\":421 \"sni\":null" },
        { "no SNI, the first host", "tls= get=/ping done", "head=200 body=pong\n.", "",
          "\"status\":200" },
    };
    (void)state;
    CHECK_ALL(list);
}

static void test_client_leaves(void **state)
{
    static const struct scenario list[] = {
        { "before the first byte", "begin c-gone=fin", "", "", NULL },
        { "in the head", "begin noise c-gone=fin", "", "",
          ABORT("400", "head", "client") "\"method\":null \"abort_signal\":\"fin\"" },
        { "while dialing", "lend=later get tick c-gone=rst cancelled", "", "",
          ABORT("499", "connect", "client") "\"abort_signal\":\"reset\"" },
        { "in the body", "lend=new post=5 c=ab tick c-gone=fin", "", "POST body=ab reset",
          ABORT("499", "body", "client") "\"bytes_in\":2" },
        { "in a body not begun", "lend=new post=5 c-gone=truncated", "", "POST reset",
          ABORT("499", "body", "client") },
        { "waiting", "lend=new get tick c-gone=notify", "", "GET. reset",
          ABORT("499", "wait", "client") "\"abort_signal\":\"close_notify\"" },
        { "waiting after a body", "lend=new post=2 c-end=ab c-gone=fin", "", "POST body=ab. reset",
          ABORT("499", "wait", "client") },
        { "after an interim answer still waiting", "lend=new get u-interim=103 c-gone=fin",
          "interim=103", "GET. reset", ABORT("499", "wait", "client") },
        { "in the answer", "lend=new get u-head=206 u=ab c-gone=rst", "head=206 body=ab",
          "GET. reset", ABORT("206", "stream", "client") "\"bytes_out\":2" },
        { "before it took the whole answer", "lend=new get u-head=200 u-end=ab u-done c-gone=rst",
          "head=200 body=ab.", "GET.", ABORT("200", "stream", "client") },
        { "before it took our own", "get=/ping c-gone=rst", "head=200 body=pong\n.", "",
          ABORT("200", "stream", "client") },
        { "it does not read: ours, never 499", "lend=new get u-head=200 u=ab c-gone=stuck",
          "head=200 body=ab", "GET. reset",
          ABORT("200", "send", "timeout") "\"abort_signal\":\"send_timeout\"" },
        { "a broken chunk", "lend=new chunked c=ab c-gone=garbled counted=chunk_size_not_hex", "",
          "POST body=ab reset", NO_ABORT "\"status\":400" },
        { "its TLS breaks: the connection knows how",
          "lend=new chunked c=ab c-breaks-tls counted=tls_broken", "", "POST body=ab reset",
          NO_ABORT "\"status\":400 \"refused\":\"bad_record_mac\"" },
        { "a broken chunk, answered by the codec's user",
          "lend=new chunked c=ab refused=chunk_too_long counted=chunk_too_long done",
          "head=400 body=400 Bad Request: a chunk is longer than its size\n.", "POST body=ab reset",
          NO_ABORT "\"status\":400" },
    };
    (void)state;
    CHECK_ALL(list);
}

static void test_servers_fail(void **state)
{
    static const struct scenario list[] = {
        { "nobody is eligible", "no-servers get done",
          "head=503 body=503 Service Unavailable: no server can be used\n.", "",
          NO_ABORT "\"status\":503 \"server\":null \"tries\":0" },
        { "the next one is asked", "lend=refused lend=new get u-bare=200 u-done done", "head=200.",
          "GET.", "\"status\":200 \"server\":\"b\" \"tries\":2" },
        { "whatever the method: nothing was sent",
          "lend=timeout lend=new post=2 c-end=ab u-bare=200 u-done done", "head=200.",
          "POST body=ab.", "\"status\":200 \"server\":\"b\"" },
        { "all refuse", "lend=refused lend=refused get done",
          "head=503 body=503 Service Unavailable: every server that was tried refused the "
          "connection\n.",
          "", NO_ABORT "\"status\":503 \"tries\":2" },
        { "one of them took too long", "lend=refused lend=timeout get done",
          "head=504 body=504 Gateway Timeout: no server could be connected to in time\n.", "",
          NO_ABORT "\"status\":504" },
        { "whichever it was", "lend=timeout lend=refused get done",
          "head=504 body=504 Gateway Timeout: no server could be connected to in time\n.", "",
          "\"status\":504" },
        { "out of descriptors: another server would not help", "lend=no-fd get done",
          "head=503 body=503 Service Unavailable: out of file descriptors\n.", "",
          "\"status\":503 \"tries\":1" },
        { "broke after the request was sent", "lend=new bare-post u-gone=rst done",
          "head=502 body=502 Bad Gateway: the server closed the connection without an answer\n.",
          "POST.", NO_ABORT "\"status\":502" },
        { "an answer that is no HTTP",
          "lend=new get u-gone=garbled distrusted=chunk_size_not_hex done",
          "head=502 body=502 Bad Gateway: the server's answer: a chunk size is not hexadecimal "
          "digits alone\n.",
          "GET.", NO_ABORT "\"status\":502" },
        { "a switch that the client's codec does not take",
          "lend=new get u-tunnel distrusted=unwritable done",
          "head=502 body=502 Bad Gateway: the server's answer: what was read cannot be written\n.",
          "GET. reset", NO_ABORT "\"status\":502" },
        { "an answer that cannot be written, nor can ours: cut",
          "lend=new get c-unwritable u-head=200 distrusted=unwritable", "reset", "GET. reset",
          NO_ABORT "\"status\":502" },
        { "it takes nothing of the request", "lend=new post=5 c=ab u-gone=stuck done",
          "head=504 body=504 Gateway Timeout: the server did not take the request in time\n.",
          "POST body=ab", "\"status\":504" },
        { "broke inside the answer: visibly cut", "lend=new get u-head=200 u=ab u-gone=rst",
          "head=200 body=ab reset", "GET.",
          ABORT("200", "stream", "upstream") "\"abort_signal\":\"reset\"" },
        { "trailers that cannot be written: the end is not seen",
          "lend=new te c-no-trailers u-head=200 u=ab u-trailers distrusted=unwritable",
          "head=200 body=ab reset", "GET. reset",
          ABORT("200", "stream", "upstream") "\"abort_signal\":\"protocol\"" },
        { "garbage inside the answer",
          "lend=new get u-head=200 u=ab u-gone=garbled distrusted=chunk_size_not_hex",
          "head=200 body=ab reset", "GET.",
          ABORT("200", "stream", "upstream") "\"refused\":\"the~server's~answer:~a~chunk~size~is~"
                                             "not~hexadecimal~digits~alone\"" },
    };
    (void)state;
    CHECK_ALL(list);
}

#define GONE "head=502 body=502 Bad Gateway: the server closed the connection without an answer\n."
#define ALONE                                                                                      \
    "head=503 body=503 Service Unavailable: every server that was tried refused the connection\n."

/* The connection breaks behind the request. */
static void test_repeat(void **state)
{
    static const struct scenario list[] = {
        { "a reused connection dies: once more, on a new one to the same server",
          "lend=reused lend=new get u-gone=fin fresh=y u-bare=200 u-done done tried=a,a retries=1",
          "head=200.", "GET. | GET.",
          "\"status\":200 \"tries\":2 \"server\":\"a\" \"reused\":false" },
        { "but once only", "lend=reused lend=new get u-gone=fin u-gone=rst done", GONE,
          "GET. | GET.", "\"status\":502 \"tries\":2" },
        { "then the next server, should the first refuse",
          "lend=reused lend=refused lend=new get u-gone=rst fresh=y u-bare=200 u-done done "
          "tried=a,a,b retries=2",
          "head=200.", "GET. | GET.", "\"status\":200 \"server\":\"b\" \"tries\":3" },
        { "nobody else is there: what broke is told",
          "servers=1 lend=reused lend=refused get u-gone=rst done", GONE, "GET.",
          "\"status\":502 \"tries\":2" },
        { "nobody else in time: the same", "servers=1 lend=reused lend=timeout get u-gone=rst done",
          GONE, "GET.", "\"status\":502 \"tries\":2" },
        { "a new connection dies: once more, on the next server",
          "lend=new lend=new get u-gone=rst fresh=y u-bare=200 u-done done tried=a,b", "head=200.",
          "GET. | GET.", "\"status\":200 \"tries\":2 \"server\":\"b\"" },
        { "on the same when there is no other",
          "servers=1 lend=new lend=new get u-gone=fin fresh=y u-bare=200 u-done done tried=a,a",
          "head=200.", "GET. | GET.", "\"status\":200 \"tries\":2 \"server\":\"a\"" },
        { "never a third time", "lend=new lend=new get u-gone=rst u-gone=rst done tried=a,b", GONE,
          "GET. | GET.", "\"status\":502 \"tries\":2 \"server\":\"b\"" },
        { "behind a refused dial it counts the same",
          "servers=3 lend=refused lend=new lend=new get u-gone=notify u-bare=200 u-done done "
          "tried=a,b,c",
          "head=200.", "GET. | GET.", "\"status\":200 \"tries\":3" },
        { "POST: never, but looked at before", "lend=reused bare-post peeked=y u-gone=rst done",
          GONE, "POST.", "\"status\":502 \"tries\":1" },
        { "POST on a new connection: never", "lend=new bare-post u-gone=rst done retries=0", GONE,
          "POST.", "\"status\":502 \"tries\":1" },
        { "GET needs no look", "lend=reused get peeked=n u-bare=200 u-done done", "head=200.",
          "GET.", "\"status\":200" },
        { "PUT whose body has begun to go up: not again",
          "lend=reused put=5 peeked=y c=ab u-gone=fin done", GONE, "PUT body=ab",
          "\"status\":502" },
        { "PUT of which nothing came yet: again, and what comes meanwhile is held",
          "lend=reused lend=later put=5 u-gone=fin c=ab c-end=cde now=new u-bare=200 u-done done",
          "head=200.", "PUT | PUT body=abcde.", "\"status\":200 \"bytes_in\":5 \"tries\":2" },
        { "what is held survives a further refusal",
          "lend=reused lend=later lend=new put=5 u-gone=fin c-end=abcde now=refused u-bare=200 "
          "u-done done tried=a,a,b",
          "head=200.", "PUT | PUT body=abcde.", "\"status\":200 \"bytes_in\":5 \"tries\":3" },
        { "the client leaves while the second is dialed",
          "lend=reused lend=later get u-gone=fin c-gone=fin cancelled", "", "GET.",
          ABORT("499", "connect", "client") },
        { "an interim answer came: something was done",
          "lend=reused get u-interim=103 u-gone=fin done", "interim=103 " GONE, "GET.",
          "\"status\":502" },
        { "an answer that is no HTTP is an answer", "lend=new get u-gone=garbled done retries=0",
          "head=502 body=502 Bad Gateway: the server's answer: a chunk size is not hexadecimal "
          "digits alone\n.",
          "GET.", "\"status\":502 \"tries\":1" },
        { "silence is none of this", "lend=new get wait done retries=0",
          "head=504 body=504 Gateway Timeout: the server did not answer in time\n.", "GET. reset",
          "\"status\":504 \"tries\":1" },
    };
    (void)state;
    CHECK_ALL(list);
}

/* `retry N on=... budget=...` */
static void test_retry_bounds(void **state)
{
    static const struct scenario list[] = {
        { "two further tries", "servers=3 lend=refused lend=refused lend=refused get done", ALONE,
          "", "\"status\":503 \"tries\":3 \"server\":\"c\"" },
        { "one", "servers=3 retry=1 lend=refused lend=refused get done", ALONE, "",
          "\"status\":503 \"tries\":2 \"server\":\"b\"" },
        { "none", "retry=0 lend=refused get done retries=0", ALONE, "",
          "\"status\":503 \"tries\":1" },
        { "none, so a reused connection is looked at before",
          "retry=0 lend=reused get peeked=y u-gone=fin done", GONE, "GET.",
          "\"status\":502 \"tries\":1" },
        { "more than there are servers", "retry=10 lend=refused lend=refused get done", ALONE, "",
          "\"status\":503 \"tries\":2" },
        { "refused alone: a refusal",
          "retry-on=refused lend=refused lend=new get u-bare=200 "
          "u-done done",
          "head=200.", "GET.", "\"status\":200 \"tries\":2" },
        { "refused alone: a timeout", "retry-on=refused lend=timeout get done",
          "head=504 body=504 Gateway Timeout: no server could be connected to in time\n.", "",
          "\"status\":504 \"tries\":1" },
        { "refused alone: a reset", "retry-on=refused lend=reused get peeked=y u-gone=rst done",
          GONE, "GET.", "\"status\":502 \"tries\":1" },
        { "connect alone: a timeout",
          "retry-on=connect lend=timeout lend=new get u-bare=200 u-done done", "head=200.", "GET.",
          "\"status\":200 \"tries\":2" },
        { "connect alone: a refusal", "retry-on=connect lend=refused get done", ALONE, "",
          "\"status\":503 \"tries\":1" },
        { "reset alone: a reset",
          "retry-on=reset lend=new lend=new get u-gone=rst u-bare=200 "
          "u-done done",
          "head=200.", "GET. | GET.", "\"status\":200 \"tries\":2" },
        { "reset alone: then refused", "retry-on=reset lend=new lend=refused get u-gone=rst done",
          GONE, "GET.", "\"status\":502 \"tries\":2" },
        { "no budget: a reset stays one", "no-budget lend=new get u-gone=rst done denied=1", GONE,
          "GET.", "\"status\":502 \"tries\":1 \"server\":\"a\"" },
        { "no budget: a timeout too", "no-budget lend=timeout get done denied=1",
          "head=504 body=504 Gateway Timeout: no server could be connected to in time\n.", "",
          "\"status\":504 \"tries\":1 \"server\":\"a\"" },
        { "a refusal needs none",
          "no-budget lend=refused lend=new get u-bare=200 u-done done denied=0 retries=1",
          "head=200.", "GET.", "\"status\":200 \"tries\":2" },
        { "what is not to be repeated asks for none",
          "no-budget lend=new bare-post u-gone=rst done denied=0", GONE, "POST.",
          "\"status\":502" },
        { "nor does the last server's timeout",
          "servers=1 no-budget lend=timeout get done denied=0",
          "head=504 body=504 Gateway Timeout: no server could be connected to in time\n.", "",
          "\"status\":504" },
    };
    (void)state;
    CHECK_ALL(list);
}

static void test_deadlines(void **state)
{
    static const struct scenario list[] = {
        { "the client owes its body", "lend=new post=5 c=ab wait counted=body_timeout done",
          "head=408 body=408 Request Timeout: the body did not arrive in time\n.",
          "POST body=ab reset", NO_ABORT "\"status\":408" },
        { "progress restarts the time",
          "lend=new post=5 c=a tick c=b tick c=c tick c=d tick c-end=e u-bare=200 u-done done",
          "head=200.", "POST body=a body=b body=c body=d body=e.", "\"status\":200" },
        { "the body stops when the answer has begun", "lend=new post=5 c=ab u-head=200 wait",
          "head=200 reset", "POST body=ab reset", ABORT("200", "body", "timeout") },
        { "no answer", "lend=new get wait done",
          "head=504 body=504 Gateway Timeout: the server did not answer in time\n.", "GET. reset",
          NO_ABORT "\"status\":504" },
        { "no answer after a body", "lend=new post=2 c-end=ab wait done",
          "head=504 body=504 Gateway Timeout: the server did not answer in time\n.",
          "POST body=ab. reset", "\"status\":504" },
        { "what is still on its way up is not waited for yet",
          "lend=new post=2 u-slow c-end=ab wait u-writable u-bare=200 u-done done", "head=200.",
          "POST body=ab.", "\"status\":200" },
        { "but from then on", "lend=new post=2 u-slow c-end=ab wait u-writable wait done",
          "head=504 body=504 Gateway Timeout: the server did not answer in time\n.",
          "POST body=ab. reset", "\"status\":504" },
        { "no 100: the client does not owe, the upstream does", "lend=new expect=2 wait done",
          "head=504 body=504 Gateway Timeout: the server did not answer in time\n.", "POST reset",
          NO_ABORT "\"status\":504" },
        { "after the 100 it is the client's turn", "lend=new expect=2 u-interim=100 wait done",
          "interim=100 head=408 body=408 Request Timeout: the body did not arrive in time\n.",
          "POST reset", "\"status\":408" },
        { "silence inside the answer", "lend=new get u-head=200 u=ab wait",
          "head=200 body=ab reset", "GET. reset", ABORT("200", "stream", "timeout") },
        { "and inside one that came instead of 100: nobody else owes anything",
          "lend=new expect=2 u-head=200 u=ab wait", "head=200 body=ab reset", "POST reset",
          ABORT("200", "stream", "timeout") },
        { "an answered client owes nothing: what it sends is discarded", "post=9 wait done",
          "head=413 body=413 Content Too Large: the body is larger than the limit\n.", "",
          NO_ABORT "\"status\":413" },
        { "the worker ends", "lend=new get u-head=200 shutdown", "head=200 reset", "GET. reset",
          ABORT("200", "stream", "shutdown") },
        { "the worker ends before an answer", "lend=later get shutdown cancelled", "reset", "",
          ABORT("503", "connect", "shutdown") },
    };
    (void)state;
    CHECK_ALL(list);
}

#define TOO_SLOW "head=408 body=408 Request Timeout: the body came too slowly\n."

/* Who is waited for, and that one who owes is timed whatever the others do. */
static void test_whose_turn(void **state)
{
    static const struct scenario list[] = {
        { "a trickle without silence",
          "rate=100 lend=new slow c=a wait c=b wait c=c wait-long counted=body_too_slow done",
          TOO_SLOW, "POST body=a body=b body=c reset", NO_ABORT "\"status\":408" },
        { "the same without a rate to keep is silence at last",
          "lend=new slow c=a wait c=b wait c=c wait-long done",
          "head=408 body=408 Request Timeout: the body did not arrive in time\n.",
          "POST body=a body=b body=c reset", "\"status\":408" },
        { "a trickle inside an answer",
          "rate=100 window=2 lend=new slow u-head=200 c-slow u=ab c=a wait c=b wait c=c wait-long",
          "head=200 body=ab reset", "POST body=a body=b body=c reset",
          ABORT("200", "body", "timeout") },
        { "fast enough",
          "rate=5 lend=new slow c=a wait c=b wait c=c wait c-end=d u-bare=200 u-done done",
          "head=200.", "POST body=a body=b body=c body=d.", "\"status\":200" },
        { "a client that is held back owes nothing",
          "rate=100000 window=4 lend=new post=8 u-slow c=abcd wait u-writable c-end=efgh "
          "u-bare=200 "
          "u-done done",
          "head=200.", "POST body=abcd body=efgh.", "\"status\":200" },
        { "before it answers, the upstream may wait for the whole body",
          "lend=new slow c=a wait c-end=b u-bare=200 u-done done", "head=200.",
          "POST body=a body=b.", "\"status\":200" },
        { "an answer that has begun goes on, even while the upload does",
          "lend=new slow c=a u-head=200 u=x wait", "head=200 body=x reset", "POST body=a reset",
          ABORT("200", "stream", "timeout") },
        { "the client's bytes do not excuse it", "lend=new slow u-head=200 u=x c=a c=b wait",
          "head=200 body=x reset", "POST body=a body=b reset", ABORT("200", "stream", "timeout") },
        { "while the client takes nothing, the upstream owes nothing: that time is the "
          "connection's",
          "window=2 lend=new get u-head=200 c-slow u=ab wait c-writable u-end=c u-done done",
          "head=200 body=ab body=c.", "GET.", "\"status\":200" },
    };
    (void)state;
    CHECK_ALL(list);
}

static void test_flow(void **state)
{
    static const struct scenario list[] = {
        { "nothing is granted before there is an upstream",
          "lend=later post=5 granted=0 now=new granted=100 c-end=abcde u-bare=200 u-done done",
          "head=200.", "POST body=abcde.", "\"status\":200" },
        { "what was taken is granted anew",
          "lend=new post=5 c=ab granted=102 c-end=cde u-bare=200 u-done done", "head=200.",
          "POST body=ab body=cde.", "\"status\":200" },
        { "a slow upstream withholds grants",
          "lend=new post=5 u-slow c=ab granted=100 u-writable granted=102 c-end=cde u-bare=200 "
          "u-done done",
          "head=200.", "POST body=ab body=cde.", "\"status\":200" },
        { "a slow client likewise",
          "lend=new get u-head=200 c-slow u=ab u-granted=100 u=c u-granted=100 c-writable "
          "u-granted=103 u-end=d u-done done",
          "head=200 body=ab body=c body=d.", "GET.", "\"status\":200" },
        { "an early answer ends: the upstream, still waiting, is closed",
          "lend=new post=5 c=ab u-head=403 u-end=no u-cut c=c done", "head=403 body=no.",
          "POST body=ab reset", NO_ABORT "\"status\":403" },
        { "both bodies flow at once",
          "lend=new post=4 c=ab u-head=200 u=ab c-end=cd u-end=cd u-done done",
          "head=200 body=ab body=cd.", "POST body=ab body=cd.", "\"status\":200" },
        { "final at once instead of 100: not reused", "lend=new expect=2 u-bare=417 u-cut done",
          "head=417.", "POST reset", "\"status\":417" },
        { "an answered upstream that is not flushed is let go",
          "lend=new post=2 u-slow c-end=ab u-bare=200 done u-done", "head=200.", "POST body=ab.",
          "\"status\":200" },
    };
    (void)state;
    CHECK_ALL(list);
}

#define OPEN "lend=new upgrade u-tunnel=raw "

static void test_tunnels(void **state)
{
    static const struct scenario list[] = {
        { "bytes both ways, each way to its end", OPEN "c=ab u=cd c-end= u-end=x u-done done",
          "tunnel=101 body=cd body=x.", "GET. body=ab body=.",
          NO_ABORT "\"status\":101 \"bytes_in\":2 \"bytes_out\":3 \"tries\":1 \"pool\":\"app\" "
                   "\"server\":\"a\" \"method\":\"GET\"" },
        { "the server's end first", OPEN "u-end=x c=ab c=cd c-end=e u-done done",
          "tunnel=101 body=x.", "GET. body=ab body=cd body=e.",
          NO_ABORT "\"status\":101 \"bytes_in\":5" },
        { "the client has all, the server not yet", OPEN "u-end=x u-slow c-end=ab done u-done",
          "tunnel=101 body=x.", "GET. body=ab.", NO_ABORT "\"status\":101" },
        { "behind a body",
          "lend=new upgrade=2 c-end=ab u-tunnel=raw c=cd u-end= c-end= u-done done",
          "tunnel=101 body=.", "POST body=ab. body=cd body=.", NO_ABORT "\"bytes_in\":4" },
        { "behind an interim answer",
          "lend=new upgrade u-interim=103 u-tunnel=raw u-end= c-end= "
          "u-done done",
          "interim=103 tunnel=101 body=.", "GET. body=.", "\"status\":101" },
        { "a final answer instead", "lend=new upgrade u-head=200 u-end=ok u-done done",
          "head=200 body=ok.", "GET.", NO_ABORT "\"status\":200" },
        { "nothing is granted before the 101",
          "lend=new upgrade granted=0 u-tunnel=raw granted=100 u-granted=100 c-gone=rst",
          "tunnel=101", "GET. reset", "\"status\":101" },
        { "what a body left of its window counts",
          "lend=new upgrade=2 granted=100 c-end=ab u-tunnel=raw granted=102 c-gone=rst",
          "tunnel=101", "POST body=ab. reset", "\"status\":101" },
        { "what waits of it as well",
          "lend=new upgrade=4 u-slow c=ab c-end=cd u-tunnel=raw granted=100 u-writable granted=104 "
          "c-gone=rst",
          "tunnel=101", "POST body=ab body=cd. reset", "\"status\":101" },
        { "a slow server withholds grants",
          OPEN "u-slow c=ab granted=100 c=cd granted=100 u-writable granted=104 c-gone=rst",
          "tunnel=101", "GET. body=ab body=cd reset", "\"status\":101" },
        { "a slow client, too",
          OPEN "c-slow u=ab u-granted=100 c-writable u-granted=102 u=c u-granted=103 c-gone=rst",
          "tunnel=101 body=ab body=c", "GET. reset", "\"status\":101" },
        { "the limit of bodies is none of it", OPEN "c=123456789 c-end= u-end= u-done done",
          "tunnel=101 body=.", "GET. body=123456789 body=.", "\"bytes_in\":9" },
        { "nor are their deadlines", OPEN "wait c=a wait u=b wait c-end= wait u-end= u-done done",
          "tunnel=101 body=b body=.", "GET. body=a body=.", NO_ABORT "\"status\":101" },
        { "silence", OPEN "c=a u=b wait-long", "tunnel=101 body=b reset", "GET. body=a reset",
          ABORT("101", "stream", "timeout") "\"abort_signal\":null" },
        { "silence behind one end", OPEN "c-end=a wait-long", "tunnel=101 reset",
          "GET. body=a. reset", ABORT("101", "stream", "timeout") },
        { "the client resets", OPEN "c-gone=rst", "tunnel=101", "GET. reset",
          ABORT("101", "stream", "client") "\"abort_signal\":\"reset\"" },
        { "TLS cut", OPEN "c-gone=truncated", "tunnel=101", "GET. reset",
          ABORT("101", "stream", "client") "\"abort_signal\":\"fin\"" },
        { "TLS cut behind the server's end: it had all there was", OPEN "u-end=x c-gone=truncated",
          "tunnel=101 body=x.", "GET. reset", NO_ABORT "\"status\":101" },
        { "but not when it had not", OPEN "c-slow u=x u-end= c-gone=truncated",
          "tunnel=101 body=x body=.", "GET. reset", ABORT("101", "stream", "client") },
        { "it does not read", OPEN "u=x c-gone=stuck", "tunnel=101 body=x", "GET. reset",
          ABORT("101", "send", "timeout") },
        { "the server resets", OPEN "c=a u=b u-gone=rst", "tunnel=101 body=b reset", "GET. body=a",
          ABORT("101", "stream", "upstream") "\"abort_signal\":\"reset\"" },
        { "behind its own end: what it said before reaches the client first",
          OPEN "c-slow u=ab u-end= u-gone=rst c=lost c-writable", "tunnel=101 body=ab body=. reset",
          "GET.", ABORT("101", "stream", "upstream") "\"bytes_out\":2" },
        { "which has it already", OPEN "u-end=ab u-gone=rst", "tunnel=101 body=ab. reset", "GET.",
          ABORT("101", "stream", "upstream") },
        { "behind the client's end", OPEN "c-end=a u-gone=rst", "tunnel=101 reset", "GET. body=a.",
          ABORT("101", "stream", "upstream") },
        { "the server does not read", OPEN "c=a u-gone=stuck", "tunnel=101 reset", "GET. body=a",
          ABORT("101", "stream", "timeout") "\"abort_signal\":\"send_timeout\"" },
        { "the worker ends", OPEN "c=a shutdown", "tunnel=101 reset", "GET. body=a reset",
          ABORT("101", "stream", "shutdown") },
    };
    (void)state;
    CHECK_ALL(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),       cmocka_unit_test(test_own_answers),
        cmocka_unit_test(test_client_leaves), cmocka_unit_test(test_servers_fail),
        cmocka_unit_test(test_repeat),        cmocka_unit_test(test_retry_bounds),
        cmocka_unit_test(test_deadlines),     cmocka_unit_test(test_flow),
        cmocka_unit_test(test_policy),        cmocka_unit_test(test_tunnels),
        cmocka_unit_test(test_whose_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
