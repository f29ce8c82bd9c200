/* SPDX-License-Identifier: Apache-2.0 */
#include "rows.h"

#include "../unit/http/wire.h"
#include "transcript.h"

#include <errno.h>
#include <stdio.h>

static const char configuration[] =
    "limit headers=20 header=4k uri=1k\n"
    "pool app { server 10.0.0.1:9000 id=a; keepalive 4 }\n"
    "listen 127.0.0.1:80 {\n"
    "    host shop.test { proxy app }\n"
    "    host other.test { proxy app }\n"
    "}\n"
    "listen 127.0.0.1:81 { trusted_proxies 192.0.2.0/24; host shop.test { proxy app } }\n"
    "listen 127.0.0.1:82 { header_underscore reject; host shop.test { proxy app } }\n"
    "listen 127.0.0.1:83 { header_underscore pass; host shop.test { proxy app } }\n"
    "listen 127.0.0.1:84 { limit body=64; host shop.test { proxy app } }\n";

int rows_set_up(void **state)
{
    *state = pipeline_new(configuration);
    return 0;
}

int rows_tear_down(void **state)
{
    pipeline_free(*state);
    return 0;
}

/* --- one run of a row */

struct run {
    struct pipeline *pipeline;
    const struct row *row;
    unsigned round;
    struct peer *client;
    uint64_t faults; /* counted before it */
    bool failed;
    char name[256]; /* for complaints */
};

/* The row goes on to its end, so that nothing is left behind; then no other round is tried. */
__attribute__((format(printf, 2, 3))) static void complain(struct run *r, const char *format, ...)
{
    char text[16384];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    print_error("%s: %s\n", r->name, text);
    r->failed = true;
}

static void say_part(void *user, struct slice part)
{
    peer_say(user, part);
}

static void say(struct run *r, struct peer *peer, struct slice bytes)
{
    wire_split(bytes, r->round, say_part, peer);
    pipeline_settle(r->pipeline);
}

static void leave(struct run *r, struct peer *peer, enum leaving how)
{
    if (how == STAYS)
        return;
    peer_end(peer, how == ENDS ? 0 : -ECONNRESET);
    pipeline_settle(r->pipeline);
}

static bool is_scripted(const struct row *row)
{
    return row->answer.len > 0 || row->silent || row->origin != STAYS;
}

/* Refused requests and distrusted answers, each under its reason. */
static uint64_t count_faults(const struct pipeline *p)
{
    uint64_t sum = 0;
    for (unsigned why = REFUSAL_NONE + 1; why < REFUSAL_COUNT; why++)
        sum += pipeline_count(p, counter_refused(why)) + pipeline_count(p, counter_distrusted(why));
    return sum;
}

/* Every other round of what an origin answers by itself finds a connection to be reused. */
static void prepare(struct run *r)
{
    bool scripted = is_scripted(r->row);
    pipeline_set_origins(r->pipeline, scripted, true);
    if (scripted || r->round % 2 == 0)
        pipeline_close_idle(r->pipeline);
    origins_forget(r->pipeline);
    pipeline_records(r->pipeline);
    r->faults = count_faults(r->pipeline);
}

static void act(struct run *r)
{
    const struct row *row = r->row;
    say(r, r->client, row->sent);
    struct peer *origin = origin_first(r->pipeline);
    if (is_scripted(row) && origin == NULL) {
        complain(r, "no connection was dialed");
        return;
    }
    if (row->answer.len > 0)
        say(r, origin, row->answer);
    if (row->origin != STAYS)
        leave(r, origin, row->origin);
    if (row->later.len > 0) {
        if (!row->silent)
            pipeline_set_origins(r->pipeline, false, true);
        say(r, r->client, row->later);
    }
    leave(r, r->client, row->client);
}

/* --- what came of it */

static void compare(struct run *r, const char *what, struct slice got, const char *want)
{
    if (!slice_eq(got, slice_str(want)))
        complain(r, "%s:\n%.*s\n--- instead of:\n%s\n---", what, SLICE_ARG(got), want);
}

static bool is_cut(struct slice transcript)
{
    return slice_ends(transcript, SLICE("[cut]"));
}

/* A connection with half a message on it cannot be used again. */
static void check_kept(struct run *r, const struct peer *o, bool cut, bool first)
{
    bool goes = cut || ((r->row->discards || r->row->aborts) && first);
    if (peer_gone(o) != goes && r->row->origin == STAYS)
        complain(r, "an upstream connection is %s", goes ? "kept" : "closed");
    if (cut && peer_gone(o) && !peer_cut(o))
        complain(r, "an upstream connection ended in order inside a request");
}

/* A part of what is wanted, and then cut; or nothing, when the fault was seen before a connection
 * was there. */
static void check_part(struct run *r, struct slice got)
{
    struct slice part = is_cut(got) ? slice_first(got, got.len - 5) : got;
    if (!slice_starts(slice_str(r->row->upstream), part) || (got.len > 0 && !is_cut(got)))
        complain(r, "upstream:\n%.*s\n--- instead of a part of:\n%s\n---", SLICE_ARG(got),
                 r->row->upstream);
}

static void check_upstream(struct run *r)
{
    struct buf text;
    bool first = true;
    buf_init(&text);
    for (struct peer *o = origin_first(r->pipeline); o != NULL; o = origin_next(r->pipeline, o)) {
        if (peer_heard(o).len == 0)
            continue;
        size_t before = buf_len(&text);
        transcript_requests(peer_heard(o), &text);
        check_kept(r, o, is_cut(slice_from(buf_view(&text), before)), first);
        first = false;
    }
    if (r->row->aborts)
        check_part(r, buf_view(&text));
    else
        compare(r, "upstream", buf_view(&text), r->row->upstream != NULL ? r->row->upstream : "");
    buf_done(&text);
}

static void check_heard(struct run *r)
{
    struct buf text;
    if (r->row->heard == NULL)
        return;
    buf_init(&text);
    bool head = slice_starts(r->row->sent, SLICE("HEAD "));
    transcript_responses(peer_heard(r->client), head, !peer_cut(r->client), &text);
    struct slice got = buf_view(&text);
    if (r->row->heard_begins)
        got = slice_first(got, strlen(r->row->heard));
    compare(r, "heard", got, r->row->heard);
    buf_done(&text);
}

static const char *last_line(const char *records)
{
    const char *line = records;
    for (const char *at = records; (at = strchr(at, '\n')) != NULL && at[1] != '\0';)
        line = ++at;
    return line;
}

static unsigned count_lines(const char *records)
{
    unsigned n = 0;
    for (const char *at = records; (at = strchr(at, '\n')) != NULL; at++)
        n++;
    return n;
}

static bool is_listed(const char *words)
{
    for (unsigned why = REFUSAL_NONE + 1; why < REFUSAL_COUNT; why++)
        if (strcmp(words, refusal_text(why)) == 0 ||
            strcmp(words, refusal_text_of_answer(why)) == 0)
            return true;
    return false;
}

static void check_words(struct run *r, const char *record)
{
    static const char key[] = "\"refused\":";
    char words[256];
    const char *at = strstr(record, key);
    if (at == NULL)
        return; /* check_parts() complains */
    at += sizeof key - 1;
    bool any = *at == '"';
    size_t len = any ? strcspn(++at, "\"") : 0;
    snprintf(words, sizeof words, "%.*s", (int)len, at);
    uint64_t counted = count_faults(r->pipeline) - r->faults;
    if (counted != is_listed(words))
        complain(r, "%u counted under a reason, recorded \"%s\"", (unsigned)counted, words);
    /* The parser is the last wall, and versions of it differ. */
    if (strstr(words, "parser") != NULL)
        complain(r, "only the parser found the fault");
    if (any != (r->row->refused != NULL) || (any && strcasestr(words, r->row->refused) == NULL))
        complain(r, "refused is \"%s\"", words);
}

/* Each of `parts`, spaces between, stands in the record with a comma or a brace behind it. */
static void check_parts(struct run *r, const char *record, const char *parts)
{
    while (*parts != '\0') {
        size_t len = strcspn(parts, " ");
        const char *at = memmem(record, strlen(record), parts, len);
        if (at == NULL || (at[len] != ',' && at[len] != '}'))
            complain(r, "no %.*s in %s", (int)len, parts, record);
        parts += len + strspn(parts + len, " ");
    }
}

static void check_records(struct run *r)
{
    const struct row *row = r->row;
    const char *records = pipeline_records(r->pipeline);
    unsigned count = count_lines(records), want = row->records > 0 ? row->records : 1;
    if (count != want)
        complain(r, "%u records instead of %u: %s", count, want, records);
    char status[32];
    snprintf(status, sizeof status, "\"status\":%u", row->status > 0 ? row->status : 200);
    check_parts(r, last_line(records), status);
    check_parts(r, last_line(records), row->record != NULL ? row->record : "");
    check_words(r, last_line(records));
}

static bool has(struct slice text, const char *part)
{
    return text.ptr != NULL && memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

/* The client's fault, told before anything else was. */
static bool is_refusal(const struct row *row)
{
    return row->refused != NULL && row->status >= 400 && (row->status < 502 || row->status > 504);
}

/* A refusal closes the connection, says so, and repeats nothing of what was sent. */
static void check_refusal(struct run *r)
{
    struct slice heard = peer_heard(r->client);
    char line[32];
    if (!is_refusal(r->row))
        return;
    snprintf(line, sizeof line, "HTTP/1.1 %u ", r->row->status);
    if (!has(r->row->sent, CANARY) && !has(r->row->later, CANARY))
        complain(r, "the row has no canary");
    if (has(heard, CANARY))
        complain(r, "the answer repeats the request: %.*s", SLICE_ARG(heard));
    if (!has(heard, line) || !has(heard, "\r\nConnection: close\r\n"))
        complain(r, "no %s with Connection: close in: %.*s", line, SLICE_ARG(heard));
}

static void check(struct run *r)
{
    bool closed = peer_gone(r->client), closes = r->row->closes || is_refusal(r->row);
    check_records(r);
    check_upstream(r);
    check_heard(r);
    check_refusal(r);
    if (closed != closes && r->row->client == STAYS)
        complain(r, "the client's connection is %s", closed ? "closed" : "open");
}

/* --- the others */

static void ask_as_neighbour(struct run *r)
{
    struct buf text;
    pipeline_set_origins(r->pipeline, false, true);
    struct peer *other = client_open(r->pipeline, ENTER_USUAL);
    peer_say(other, SLICE("GET /neighbour HTTP/1.1\r\n" HOST "\r\n"));
    pipeline_settle(r->pipeline);
    buf_init(&text);
    transcript_responses(peer_heard(other), false, true, &text);
    compare(r, "another client heard", buf_view(&text),
            "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n/neighbour");
    buf_done(&text);
    client_close(other);
}

static void run_once(struct run *r)
{
    snprintf(r->name, sizeof r->name, "%s (split %u)", r->row->why, r->round);
    prepare(r);
    r->client = client_open(r->pipeline, r->row->entrance);
    act(r);
    check(r);
    client_close(r->client);
    if (pipeline_alive(r->pipeline) != 0)
        complain(r, "something is left alive");
    ask_as_neighbour(r);
}

/* False: the row failed, in a way that was told. */
static bool run_row(struct pipeline *p, const struct row *row)
{
    bool failed = false;
    for (unsigned round = 0; round < WIRE_ROUNDS && !failed; round++) {
        struct run r = { .pipeline = p, .row = row, .round = round };
        run_once(&r);
        failed = r.failed;
    }
    return !failed;
}

void rows_run(struct pipeline *p, const struct row *rows, size_t count)
{
    size_t failed = 0;
    for (size_t i = 0; i < count; i++)
        failed += !run_row(p, &rows[i]);
    if (failed > 0)
        fail_msg("%zu of %zu rows", failed, count);
}
