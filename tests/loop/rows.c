/* SPDX-License-Identifier: Apache-2.0 */
#include "rows.h"

#include "../unit/http/wire.h"
#include "../unit/proxy/record.h"
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
    char name[256]; /* for complaints */
};

static void say_part(void *user, struct slice part)
{
    peer_say(user, part);
}

static void say(const struct run *r, struct peer *peer, struct slice bytes)
{
    wire_split(bytes, r->round, say_part, peer);
    pipeline_settle(r->pipeline);
}

static void leave(const struct run *r, struct peer *peer, enum leaving how)
{
    if (how == STAYS)
        return;
    peer_end(peer, how == ENDS ? 0 : -ECONNRESET);
    pipeline_settle(r->pipeline);
}

/* The connection that the request went over. */
static struct peer *origin_of(const struct run *r)
{
    struct peer *o = origin_first(r->pipeline);
    if (o == NULL)
        fail_msg("%s: no connection was dialed", r->name);
    return o;
}

static bool is_scripted(const struct row *row)
{
    return row->answer.len > 0 || row->silent || row->origin != STAYS;
}

/* Every other round of what an origin answers by itself finds a connection to be reused. */
static void prepare(const struct run *r)
{
    bool scripted = is_scripted(r->row);
    pipeline_set_origins(r->pipeline, scripted, true);
    if (scripted || r->round % 2 == 0)
        pipeline_close_idle(r->pipeline);
    origins_forget(r->pipeline);
    pipeline_records(r->pipeline);
}

static void act(const struct run *r)
{
    const struct row *row = r->row;
    say(r, r->client, row->sent);
    if (row->answer.len > 0)
        say(r, origin_of(r), row->answer);
    if (row->origin != STAYS)
        leave(r, origin_of(r), row->origin);
    if (row->later.len > 0)
        say(r, r->client, row->later);
    leave(r, r->client, row->client);
}

/* --- what came of it */

static void compare(const struct run *r, const char *what, const struct buf *got, const char *want)
{
    if (strcmp(buf_view(got).ptr, want) != 0)
        fail_msg("%s: %s:\n%s\n--- instead of:\n%s\n---", r->name, what, buf_view(got).ptr, want);
}

static void check_upstream(const struct run *r)
{
    struct buf all, text;
    bool kept = false, cut = false;
    buf_init(&all);
    buf_init(&text);
    for (struct peer *o = origin_first(r->pipeline); o != NULL; o = origin_next(r->pipeline, o)) {
        buf_append(&all, peer_heard(o));
        kept |= peer_heard(o).len > 0 && !peer_gone(o);
        cut |= peer_heard(o).len > 0 && peer_cut(o);
    }
    transcript_requests(buf_view(&all), &text);
    compare(r, "upstream", &text, r->row->upstream != NULL ? r->row->upstream : "");
    buf_done(&text);
    buf_done(&all);
    if (kept && r->row->discards)
        fail_msg("%s: the upstream connection is kept", r->name);
    if (cut != r->row->aborts)
        fail_msg("%s: an upstream connection %s", r->name, cut ? "was cut" : "was not cut");
}

static void check_heard(const struct run *r)
{
    struct buf text;
    if (r->row->heard == NULL)
        return;
    buf_init(&text);
    bool head = slice_starts(r->row->sent, SLICE("HEAD "));
    transcript_responses(peer_heard(r->client), head, !peer_cut(r->client), &text);
    compare(r, "heard", &text, r->row->heard);
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

static void check_words(const struct run *r, const char *record)
{
    static const char key[] = "\"refused\":";
    const char *words = strstr(record, key);
    assert_non_null(words);
    words += sizeof key - 1;
    bool good = r->row->refused == NULL ? strncmp(words, "null", 4) == 0
                                        : *words == '"' && strstr(words, r->row->refused) != NULL;
    if (!good)
        fail_msg("%s: refused is %.80s", r->name, words);
}

static void check_records(const struct run *r)
{
    const struct row *row = r->row;
    const char *records = pipeline_records(r->pipeline);
    unsigned count = count_lines(records), want = row->records > 0 ? row->records : 1;
    if (count != want)
        fail_msg("%s: %u records instead of %u: %s", r->name, count, want, records);
    char status[32];
    snprintf(status, sizeof status, "\"status\":%u", row->status > 0 ? row->status : 200);
    record_check(r->name, last_line(records), status);
    if (row->record != NULL)
        record_check(r->name, last_line(records), row->record);
    check_words(r, last_line(records));
}

static bool has(struct slice text, const char *part)
{
    return text.ptr != NULL && memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

/* A refusal closes the connection, says so, and repeats nothing of what was sent. */
static void check_refusal(const struct run *r)
{
    struct slice heard = peer_heard(r->client);
    char line[32];
    if (r->row->refused == NULL)
        return;
    snprintf(line, sizeof line, "HTTP/1.1 %u ", r->row->status);
    if (!has(r->row->sent, CANARY) && !has(r->row->later, CANARY))
        fail_msg("%s: the row has no canary", r->name);
    if (has(heard, CANARY))
        fail_msg("%s: the answer repeats the request: %.*s", r->name, SLICE_ARG(heard));
    if (r->row->heard == NULL && (!has(heard, line) || !has(heard, "\r\nConnection: close\r\n")))
        fail_msg("%s: no %s with Connection: close in: %.*s", r->name, line, SLICE_ARG(heard));
}

static void check(const struct run *r)
{
    bool closed = peer_gone(r->client), closes = r->row->closes || r->row->refused != NULL;
    check_records(r);
    check_upstream(r);
    check_heard(r);
    check_refusal(r);
    if (closed != closes && r->row->client == STAYS)
        fail_msg("%s: the client's connection is %s", r->name, closed ? "closed" : "open");
}

/* --- the others */

static void ask_as_neighbour(const struct run *r)
{
    struct buf text;
    pipeline_set_origins(r->pipeline, false, true);
    struct peer *other = client_open(r->pipeline, ENTER_USUAL);
    peer_say(other, SLICE("GET /neighbour HTTP/1.1\r\n" HOST "\r\n"));
    pipeline_settle(r->pipeline);
    buf_init(&text);
    transcript_responses(peer_heard(other), false, true, &text);
    compare(r, "another client heard", &text,
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
        fail_msg("%s: something is left alive", r->name);
    ask_as_neighbour(r);
}

void rows_run(struct pipeline *p, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (unsigned round = 0; round < WIRE_ROUNDS; round++)
            run_once(&(struct run){ .pipeline = p, .row = &rows[i], .round = round });
}
