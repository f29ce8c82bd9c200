/* SPDX-License-Identifier: Apache-2.0 */
#include "script.h"

#include "bench.h"
#include "proxy/exchange.h"
#include "record.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* --- steps */

static struct fake_stream *up(void)
{
    assert_true(world.up_count > 0);
    return &world.up[world.up_count - 1];
}

static void begin(struct bench *b)
{
    exchange_begin(&b->proxy, &b->hold, &b->down.base);
}

static void request_head(struct bench *b, const char *method, const char *host, const char *path)
{
    struct message *m = &b->request;
    begin(b);
    message_init(m, &b->arena);
    m->method = slice_str(method);
    m->method_id = method_id(m->method);
    m->uri = (struct uri){ .path = slice_str(path), .host = slice_str(host) };
    m->target = m->uri.path;
    m->authority = m->uri.host;
    b->down.base.head_bytes_in = 50;
    fields_add_known(&m->fields, FIELD_USER_AGENT, SLICE("test"));
    fields_add_known(&m->fields, FIELD_ACCEPT, SLICE("*/*"));
}

static void ask(struct bench *b, const char *method, const char *path)
{
    request_head(b, method, "shop.test", path);
    b->down.base.events->on_head(&b->down.base, &b->request, HEAD_FINAL, true);
}

static void ask_with_body(struct bench *b, const char *method, const char *path, uint64_t length)
{
    request_head(b, method, "shop.test", path);
    b->request.body = length == LENGTH_UNKNOWN ? BODY_CHUNKED : BODY_LENGTH;
    b->request.length = length;
    b->down.base.events->on_head(&b->down.base, &b->request, HEAD_FINAL, false);
}

/* The connection is TLS, opened for that name. */
static void do_tls(struct bench *b, const char *sni)
{
    static struct tls_info tls;
    static char name[64];
    snprintf(name, sizeof name, "%s", sni);
    tls = (struct tls_info){ .version = "TLSv1.3", .sni = name };
    world.tls = &tls;
    b->listener->sni = (struct tls_sni *)&fake_shop_tls;
}

static void do_same_policy(struct bench *b, const char *arg)
{
    world.same_policy = true;
}

static void do_begin(struct bench *b, const char *arg)
{
    begin(b);
}

static void do_noise(struct bench *b, const char *arg)
{
    b->down.base.head_bytes_in = 3;
}

static void do_get(struct bench *b, const char *path)
{
    ask(b, "GET", path[0] != '\0' ? path : "/x");
}

static void do_head(struct bench *b, const char *path)
{
    ask(b, "HEAD", path);
}

static void do_bare_post(struct bench *b, const char *arg)
{
    ask(b, "POST", "/x");
}

static void do_trace(struct bench *b, const char *arg)
{
    ask(b, "TRACE", "/x");
}

static void do_host(struct bench *b, const char *host)
{
    request_head(b, "GET", host, "/nowhere");
    b->down.base.events->on_head(&b->down.base, &b->request, HEAD_FINAL, true);
}

/* As HTTP/1.0 may, where a host serves by default. */
static void do_hostless(struct bench *b, const char *path)
{
    request_head(b, "GET", "shop.test", path);
    b->request.authority = slice_of(NULL, 0);
    b->down.base.events->on_head(&b->down.base, &b->request, HEAD_FINAL, true);
}

static void do_te(struct bench *b, const char *arg)
{
    request_head(b, "GET", "shop.test", "/x");
    b->request.trailers_welcome = true;
    b->down.base.events->on_head(&b->down.base, &b->request, HEAD_FINAL, true);
}

static void do_old_get(struct bench *b, const char *arg)
{
    request_head(b, "GET", "shop.test", "/x");
    b->request.version = HTTP_1_0;
    b->down.base.events->on_head(&b->down.base, &b->request, HEAD_FINAL, true);
}

static void do_post(struct bench *b, const char *length)
{
    ask_with_body(b, "POST", "/up", (uint64_t)strtol(length, NULL, 10));
}

static void do_put(struct bench *b, const char *length)
{
    ask_with_body(b, "PUT", "/up", (uint64_t)strtol(length, NULL, 10));
}

static void do_chunked(struct bench *b, const char *arg)
{
    ask_with_body(b, "POST", "/up", LENGTH_UNKNOWN);
}

static void do_slow(struct bench *b, const char *arg)
{
    ask_with_body(b, "POST", "/slow/up", LENGTH_UNKNOWN);
}

static void do_rate(struct bench *b, const char *bytes)
{
    b->listener->min_rate = (uint64_t)strtol(bytes, NULL, 10);
}

static void do_window(struct bench *b, const char *bytes)
{
    b->listener->window = (size_t)strtol(bytes, NULL, 10);
}

static void do_expect(struct bench *b, const char *length)
{
    request_head(b, "POST", "shop.test", "/up");
    b->request.body = BODY_LENGTH;
    b->request.length = (uint64_t)strtol(length, NULL, 10);
    b->request.expect_continue = true;
    b->down.base.events->on_head(&b->down.base, &b->request, HEAD_FINAL, false);
}

/* Offers another protocol; with a body of that length if there is one. */
static void do_upgrade(struct bench *b, const char *length)
{
    bool has_body = length[0] != '\0';
    request_head(b, has_body ? "POST" : "GET", "shop.test", "/up");
    b->request.upgrade = SLICE("raw");
    b->request.body = has_body ? BODY_LENGTH : BODY_NONE;
    b->request.length = has_body ? (uint64_t)strtol(length, NULL, 10) : LENGTH_UNKNOWN;
    b->down.base.events->on_head(&b->down.base, &b->request, HEAD_FINAL, !has_body);
}

static enum refusal refusal(const char *label)
{
    for (int i = REFUSAL_NONE + 1; i < REFUSAL_COUNT; i++)
        if (strcmp(refusal_label((enum refusal)i), label) == 0)
            return (enum refusal)i;
    fail_msg("no such refusal: %s", label);
    return REFUSAL_NONE;
}

static void do_refused(struct bench *b, const char *label)
{
    message_init(&b->request, &b->arena);
    b->down.base.head_bytes_in = 9;
    b->down.base.events->on_refused(&b->down.base, &b->request, refusal(label));
}

/* Counted once under this reason, and under no other. */
static void do_counted(struct bench *b, const char *label)
{
    assert_int_equal(counter_read(b->proxy.counters, counter_refused(refusal(label))), 1);
    assert_int_equal(counter_read(b->proxy.counters, COUNTER_REQUESTS_REFUSED), 1);
}

static void do_distrusted(struct bench *b, const char *label)
{
    assert_int_equal(counter_read(b->proxy.counters, counter_distrusted(refusal(label))), 1);
    assert_int_equal(counter_read(b->proxy.counters, COUNTER_ANSWERS_DISTRUSTED), 1);
    assert_int_equal(counter_read(b->proxy.counters, COUNTER_REQUESTS_REFUSED), 0);
}

/* A stream may deliver no byte that was not granted: the fake keeps that promise for the codec. */
static void deliver(struct fake_stream *s, const char *text, bool end)
{
    struct slice bytes = slice_str(text);
    assert_true(s->base.bytes_in + bytes.len <= s->granted || s->over);
    s->base.bytes_in += bytes.len;
    s->base.events->on_body(&s->base, bytes, end);
}

static void do_client_body(struct bench *b, const char *text)
{
    deliver(&b->down, text, false);
}

static void do_client_end(struct bench *b, const char *text)
{
    deliver(&b->down, text, true);
}

static void do_client_trailers(struct bench *b, const char *text)
{
    struct fields f;
    fields_init(&f, &b->arena);
    fields_add(&f, SLICE("X-Sum"), SLICE("1"));
    b->down.base.events->on_trailers(&b->down.base, &f);
}

static void do_client_writable(struct bench *b, const char *arg)
{
    b->down.waiting = 0;
    b->down.base.events->on_writable(&b->down.base);
}

static void do_client_slow(struct bench *b, const char *arg)
{
    b->down.waiting = 1;
}

static void do_client_unwritable(struct bench *b, const char *arg)
{
    b->down.head_result = -EINVAL;
}

static void do_no_trailers(struct bench *b, const char *arg)
{
    b->down.trailers_result = -EINVAL;
}

static void do_done(struct bench *b, const char *arg)
{
    b->down.over = true;
    b->down.base.events->on_done(&b->down.base);
}

static enum reset_reason reason(const char *word)
{
    static const struct {
        const char *word;
        enum reset_reason reason;
    } reasons[] = {
        { "fin", RESET_FIN },
        { "notify", RESET_CLOSE_NOTIFY },
        { "rst", RESET_RST },
        { "truncated", RESET_TRUNCATED },
        { "code", RESET_CODE },
        { "garbled", RESET_PROTOCOL },
        { "stuck", RESET_SEND_TIMEOUT },
    };
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (strcmp(reasons[i].word, word) == 0)
            return reasons[i].reason;
    fail_msg("no such reason: %s", word);
    return RESET_FIN;
}

static void end_badly(struct fake_stream *s, enum reset_reason why)
{
    s->over = true;
    s->base.events->on_reset(&s->base, why, 0);
}

static void do_client_gone(struct bench *b, const char *how)
{
    end_badly(&b->down, reason(how));
}

static void do_client_breaks_tls(struct bench *b, const char *arg)
{
    b->down.odd = REFUSAL_TLS_BROKEN;
    end_badly(&b->down, RESET_PROTOCOL);
}

static void do_shutdown(struct bench *b, const char *arg)
{
    exchange_end_all(&b->proxy);
}

static void do_lend(struct bench *b, const char *how)
{
    static const char *const names[] = { "new", "reused", "refused", "timeout", "no-fd", "later" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(how, names[i]) == 0)
            world.lends[world.lend_count++] = (enum fake_lend)i;
}

static void do_now(struct bench *b, const char *how)
{
    assert_non_null(world.waiting);
    struct lend *l = world.waiting;
    world.waiting = NULL;
    fake_lend_now(l, strcmp(how, "new") == 0 ? FAKE_NEW : FAKE_REFUSED);
}

static void do_no_servers(struct bench *b, const char *arg)
{
    world.skip[0] = world.skip[1] = "unresolved: no such name";
}

static void do_servers(struct bench *b, const char *count)
{
    world.servers = (size_t)strtol(count, NULL, 10);
}

static void do_retry(struct bench *b, const char *max)
{
    world.retry.max = (uint64_t)strtol(max, NULL, 10);
}

/* Further tries after this failure alone. */
static void do_retry_on(struct bench *b, const char *failure)
{
    static const char *const names[] = { "refused", "connect", "reset" };
    world.retry.on = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(failure, names[i]) == 0)
            world.retry.on = 1u << i;
    assert_int_not_equal(world.retry.on, 0);
}

static void do_no_budget(struct bench *b, const char *arg)
{
    while (retry_budget_take(&world.budget, 1, loop_now_ms(b->loop)))
        ;
}

static void do_retries(struct bench *b, const char *count)
{
    assert_int_equal(counter_read(&b->counters, COUNTER_UPSTREAM_RETRIES), strtol(count, NULL, 10));
}

static void do_denied(struct bench *b, const char *count)
{
    assert_int_equal(counter_read(&b->counters, COUNTER_UPSTREAM_RETRIES_DENIED),
                     strtol(count, NULL, 10));
}

static void do_tried(struct bench *b, const char *servers)
{
    assert_string_equal(world.tried, servers);
}

static struct message *new_answer(struct bench *b, unsigned status)
{
    struct message *m = arena_alloc(&b->arena, sizeof *m);
    message_init(m, &b->arena);
    m->status = status;
    return m;
}

static void answer(struct bench *b, unsigned status, enum head_kind kind, bool end)
{
    struct message *m = new_answer(b, status);
    m->body = end ? BODY_NONE : BODY_TO_END;
    fields_add_known(&m->fields, FIELD_CONNECTION, SLICE("X-Hop, close"));
    fields_add(&m->fields, SLICE("X-Hop"), SLICE("1"));
    fields_add(&m->fields, SLICE("X-Kept"), SLICE("1"));
    up()->base.head_bytes_in += 20;
    up()->base.events->on_head(&up()->base, m, kind, end);
}

static void do_up_head(struct bench *b, const char *status)
{
    answer(b, (unsigned)strtol(status, NULL, 10), HEAD_FINAL, false);
}

static void do_up_bare(struct bench *b, const char *status)
{
    answer(b, (unsigned)strtol(status, NULL, 10), HEAD_FINAL, true);
}

static void do_up_interim(struct bench *b, const char *status)
{
    answer(b, (unsigned)strtol(status, NULL, 10), HEAD_INTERIM, false);
}

static void do_up_tunnel(struct bench *b, const char *protocol)
{
    struct message *m = new_answer(b, 101);
    m->upgrade = slice_str(protocol);
    up()->base.events->on_head(&up()->base, m, HEAD_TUNNEL, false);
}

static void do_up_body(struct bench *b, const char *text)
{
    deliver(up(), text, false);
}

static void do_up_end(struct bench *b, const char *text)
{
    deliver(up(), text, true);
}

static void do_up_trailers(struct bench *b, const char *text)
{
    struct fields f;
    fields_init(&f, &b->arena);
    fields_add(&f, SLICE("X-Sum"), SLICE("1"));
    up()->base.events->on_trailers(&up()->base, &f);
}

static void do_up_done(struct bench *b, const char *arg)
{
    up()->over = true;
    up()->base.events->on_done(&up()->base);
}

static void do_up_gone(struct bench *b, const char *how)
{
    end_badly(up(), reason(how));
}

static void do_up_slow(struct bench *b, const char *arg)
{
    up()->waiting = 1;
}

static void do_up_writable(struct bench *b, const char *arg)
{
    up()->waiting = 0;
    up()->base.events->on_writable(&up()->base);
}

static void turn_for(struct bench *b, uint64_t ms)
{
    uint64_t from = loop_now_ms(b->loop);
    while (loop_now_ms(b->loop) < from + ms) {
        usleep(2000);
        loop_turn(b->loop, false);
    }
}

/* Turns until well past a deadline. */
static void do_wait(struct bench *b, const char *arg)
{
    turn_for(b, 2 * SHORT_MS);
}

/* Until well past a tunnel's, or the slow route's. */
static void do_wait_long(struct bench *b, const char *arg)
{
    turn_for(b, LONG_MS + LONG_MS / 2);
}

/* Some time, below every deadline. */
static void do_tick(struct bench *b, const char *arg)
{
    usleep(5000);
    loop_turn(b->loop, false);
}

static void do_granted(struct bench *b, const char *bytes)
{
    assert_int_equal(b->down.granted, strtol(bytes, NULL, 10));
}

static void do_up_granted(struct bench *b, const char *bytes)
{
    assert_int_equal(up()->granted, strtol(bytes, NULL, 10));
}

static void do_peeked(struct bench *b, const char *yes)
{
    assert_int_equal(world.asked_peek, yes[0] == 'y');
}

static void do_fresh(struct bench *b, const char *yes)
{
    assert_int_equal(world.asked_fresh, yes[0] == 'y');
}

static void do_up_cut(struct bench *b, const char *arg)
{
    assert_true(up()->over);
}

static void do_cancelled(struct bench *b, const char *arg)
{
    assert_true(world.cancelled);
}

static const struct {
    const char *name;
    void (*run)(struct bench *b, const char *arg);
} steps[] = {
    { "tls", do_tls },
    { "same-policy", do_same_policy },
    { "begin", do_begin },
    { "noise", do_noise },
    { "get", do_get },
    { "head", do_head },
    { "bare-post", do_bare_post },
    { "trace", do_trace },
    { "host", do_host },
    { "hostless", do_hostless },
    { "te", do_te },
    { "old-get", do_old_get },
    { "post", do_post },
    { "put", do_put },
    { "chunked", do_chunked },
    { "slow", do_slow },
    { "rate", do_rate },
    { "window", do_window },
    { "expect", do_expect },
    { "upgrade", do_upgrade },
    { "refused", do_refused },
    { "counted", do_counted },
    { "distrusted", do_distrusted },
    { "c", do_client_body },
    { "c-end", do_client_end },
    { "c-trailers", do_client_trailers },
    { "c-writable", do_client_writable },
    { "c-slow", do_client_slow },
    { "c-unwritable", do_client_unwritable },
    { "c-gone", do_client_gone },
    { "c-breaks-tls", do_client_breaks_tls },
    { "c-no-trailers", do_no_trailers },
    { "done", do_done },
    { "shutdown", do_shutdown },
    { "lend", do_lend },
    { "now", do_now },
    { "no-servers", do_no_servers },
    { "servers", do_servers },
    { "retry", do_retry },
    { "retry-on", do_retry_on },
    { "no-budget", do_no_budget },
    { "retries", do_retries },
    { "denied", do_denied },
    { "tried", do_tried },
    { "u-head", do_up_head },
    { "u-bare", do_up_bare },
    { "u-interim", do_up_interim },
    { "u-tunnel", do_up_tunnel },
    { "u", do_up_body },
    { "u-end", do_up_end },
    { "u-trailers", do_up_trailers },
    { "u-done", do_up_done },
    { "u-gone", do_up_gone },
    { "u-slow", do_up_slow },
    { "u-writable", do_up_writable },
    { "wait", do_wait },
    { "wait-long", do_wait_long },
    { "tick", do_tick },
    { "granted", do_granted },
    { "u-granted", do_up_granted },
    { "peeked", do_peeked },
    { "fresh", do_fresh },
    { "u-cut", do_up_cut },
    { "cancelled", do_cancelled },
};

static void run_step(struct bench *b, char *word)
{
    char *arg = strchr(word, '=');
    if (arg != NULL)
        *arg++ = '\0';
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (strcmp(steps[i].name, word) == 0) {
            steps[i].run(b, arg != NULL ? arg : "");
            return;
        }
    }
    fail_msg("no such step: %s", word);
}

static void run_steps(struct bench *b, const char *script)
{
    char copy[512], *save, *word;
    snprintf(copy, sizeof copy, "%s", script);
    for (word = strtok_r(copy, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save))
        run_step(b, word);
}

/* --- what came of it */

static size_t read_log(struct bench *b, char *out, size_t room)
{
    access_log_flush(b->proxy.access_log);
    ssize_t n = pread(b->log_fd, out, room - 1, 0);
    assert_true(n >= 0);
    out[n] = '\0';
    return (size_t)n;
}

void scenario_check(const struct scenario *s)
{
    struct bench b;
    char record[4096], ups[1024] = "";
    bench_open(&b);
    run_steps(&b, s->steps);
    size_t len = read_log(&b, record, sizeof record);
    for (size_t i = 0; i < world.up_count; i++) {
        size_t at = strlen(ups);
        snprintf(ups + at, sizeof ups - at, "%s%s", i > 0 ? " | " : "", world.up[i].did);
    }
    if (strcmp(b.down.did, s->down) != 0)
        fail_msg("%s: client saw \"%s\", not \"%s\"", s->why, b.down.did, s->down);
    if (strcmp(ups, s->ups) != 0)
        fail_msg("%s: upstream saw \"%s\", not \"%s\"", s->why, ups, s->ups);
    if ((s->record == NULL) != (len == 0))
        fail_msg("%s: record: \"%s\"", s->why, record);
    if (s->record != NULL) {
        record_check(s->why, record, s->record);
        record_check_sum(s->why, record);
        assert_ptr_equal(strchr(record, '\n'), record + len - 1); /* one record */
    }
    bench_close(&b);
}
