/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control_server.h"

#include "base/log.h"
#include "base/mem.h"
#include "conn/plain.h"
#include "event/sock.h"
#include "http/date.h"
#include "http/h1.h"
#include "server/complaint.h"

#include <errno.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CALLERS_MAX     16 /* at a time */
#define DESCRIPTORS_MAX 64 /* of callers, and of those who have their answer and do not close */
/* So many are accepted in a window of this length, and so much of it may go into answers; what goes
 * beyond is taken off the windows behind it. So a flood costs the master a tenth of its time at
 * most, and who calls in the midst of it waits his turn in the kernel's queue. */
#define ACCEPTS_MAX 8
#define WINDOW_MS   50
#define ANSWERS_US  5000
#define STEP_MS     3000 /* until the head begins, and until it is whole */
#define SEND_MS     5000 /* for which a caller may take nothing of his answer */
#define HEAD_MAX    8192
#define FIELDS_MAX  64
#define BODY_MAX    65536 /* bytes of a body that is thrown away rather than cut */

struct control_server {
    struct loop *loop;
    void (*on_call)(void *user, struct control_call *c);
    void *user;
    struct control_socket socket;
    struct watch watch;
    struct timer window;  /* runs from the first accept of one to its end */
    unsigned accepted;    /* in this window */
    uint64_t answers_us;  /* spent on answers, and not made up for yet */
    unsigned descriptors; /* of callers that are not closed yet */
    struct link callers;  /* oldest first */
    unsigned caller_count;
    struct complaint complaint;
    struct scratch scratch;
    struct arena_recycler arenas;
    struct date_cache date;
};

enum caller_state { CALLER_READING, CALLER_ASKED, CALLER_ANSWERED };
struct caller { /* one connection */
    struct link link;
    struct control_server *server;
    struct codec *codec; /* NULL: it is over */
    struct ucred who;
    enum caller_state state;
    struct control_call *call; /* NULL before the first byte of a request */
    struct deferred reap;
};

static const struct h1_conf h1_conf = {
    .head_max = HEAD_MAX,
    .fields_max = FIELDS_MAX,
    .target_max = HEAD_MAX,
    .header_ms = STEP_MS,
    .idle_ms = STEP_MS,
    .requests_max = 1,
    .discard_max = BODY_MAX,
};

/* --- callers come and go */

static void on_reap(struct deferred *d)
{
    mem_free(CONTAINER_OF(d, struct caller, reap));
}

static void caller_over(struct caller *c)
{
    c->codec = NULL;
    list_remove(&c->link);
    c->server->caller_count--;
    loop_defer(c->server->loop, &c->reap);
}

/* At once. Who still waits for the answer hears that there will be none. */
static void caller_cut(struct caller *c)
{
    struct control_call *call = c->state == CALLER_ASKED ? c->call : NULL;
    if (call != NULL && call->on_gone != NULL)
        call->on_gone(call);
    c->codec->ops->close(c->codec);
    caller_over(c);
}

static void complain(struct caller *c, const char *what)
{
    complaint_log(&c->server->complaint, loop_now_ms(c->server->loop),
                  "control socket: pid %d, uid %u: %s", (int)c->who.pid, (unsigned)c->who.uid,
                  what);
}

/* --- a request and its answer */

static const struct control_answer body_refused = {
    .status = 400,
    .type = "application/json",
    .body = SLICE_INIT("{\"error\":\"no request here has a body: write a query, ?now=1 say\"}\n"),
};
static const struct control_answer body_too_long = {
    .status = 413,
    .type = "application/json",
    .body = SLICE_INIT("{\"error\":\"the body is too long, and no request here has one\"}\n"),
};

static void answer_refused(struct control_call *c, enum refusal why)
{
    struct slice body = arena_printf(c->arena, "{\"error\":\"%s\"}\n", refusal_text(why));
    control_call_answer(c, &(struct control_answer){ .status = refusal_status(why),
                                                     .type = "application/json",
                                                     .body = body });
}

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void pass_on(struct control_server *s, struct control_call *call)
{
    uint64_t begin_us = now_us();
    s->on_call(s->user, call);
    s->answers_us += now_us() - begin_us;
}

static void on_head(struct stream *s, struct message *m, enum head_kind kind, bool end)
{
    struct caller *c = s->user;
    c->state = CALLER_ASKED;
    c->call->request = m;
    if (m->body == BODY_LENGTH && m->length > BODY_MAX)
        control_call_answer(c->call, &body_too_long);
    else if (!end)
        control_call_answer(c->call, &body_refused);
    else
        pass_on(c->server, c->call);
}

static void on_refused(struct stream *s, struct message *m, enum refusal why)
{
    struct caller *c = s->user;
    c->state = CALLER_ASKED;
    c->call->request = m;
    complain(c, refusal_text(why));
    answer_refused(c->call, why);
}

static void on_body(struct stream *s, struct slice bytes, bool end)
{
    /* none was granted */
}

static void on_trailers(struct stream *s, struct fields *f)
{
}

static void on_writable(struct stream *s)
{
    /* the whole answer waits in the connection */
}

static void on_done(struct stream *s)
{
    struct caller *c = s->user;
    c->call = NULL;
}

static void on_reset(struct stream *s, enum reset_reason why, uint32_t wire_code)
{
    struct caller *c = s->user;
    struct control_call *call = c->call;
    c->call = NULL;
    if (c->state == CALLER_READING)
        complain(c, "left in the middle of a request");
    else if (why == RESET_SEND_TIMEOUT)
        complain(c, "does not read its answer");
    if (c->state == CALLER_ASKED && call->on_gone != NULL)
        call->on_gone(call);
}

static const struct stream_events stream_events = {
    .on_head = on_head,
    .on_body = on_body,
    .on_trailers = on_trailers,
    .on_writable = on_writable,
    .on_refused = on_refused,
    .on_done = on_done,
    .on_reset = on_reset,
};

static void make_head(const struct control_call *c, const struct control_answer *a,
                      struct message *m)
{
    struct control_server *s = c->server;
    message_init(m, c->arena);
    m->status = a->status;
    m->close = true;
    m->body = BODY_LENGTH;
    m->length = a->body.len;
    fields_add_known(&m->fields, FIELD_DATE, date_text(&s->date, loop_wall_ms(s->loop) / 1000));
    fields_add_known(&m->fields, FIELD_CONTENT_TYPE, slice_str(a->type));
    fields_add(&m->fields, SLICE("Cache-Control"), SLICE("no-store"));
    if (a->allow != NULL)
        fields_add(&m->fields, SLICE("Allow"), slice_str(a->allow));
}

void control_call_answer(struct control_call *c, const struct control_answer *a)
{
    const struct stream_ops *ops = c->stream->ops;
    struct caller *caller = c->stream->user;
    struct message m;
    caller->state = CALLER_ANSWERED;
    make_head(c, a, &m);
    bool end = a->body.len == 0 || !message_may_have_body(c->request->method_id, a->status);
    if (end) /* HEAD is told the length that GET would get */
        m.body = BODY_NONE;
    if (ops->send_head(c->stream, &m, HEAD_FINAL, end) < 0)
        ops->reset(c->stream, RESET_INTERNAL, 0);
    else if (!end)
        ops->send_body(c->stream, a->body, true);
}

/* --- the codec's events */

static void on_stream(struct codec *codec, struct stream *s)
{
    struct caller *c = codec->user;
    struct arena *a = h1_stream_arena(s);
    c->call = arena_zalloc(a, sizeof(*c->call));
    *c->call = (struct control_call){
        .server = c->server, .stream = s, .arena = a, .pid = c->who.pid, .uid = c->who.uid
    };
    s->events = &stream_events;
    s->user = c;
}

static void on_codec_gone(struct codec *codec)
{
    caller_over(codec->user);
}

static void on_open(struct conn *conn)
{
    static const struct codec_events events = { .on_stream = on_stream, .on_gone = on_codec_gone };
    struct caller *c = conn_user(conn);
    c->codec = h1_server_new(conn, &h1_conf, &c->server->arenas, &events, c);
}

/* --- accepting */

static void on_descriptor_closed(void *user)
{
    struct control_server *s = user;
    s->descriptors--;
}

static void caller_new(struct control_server *s, int fd, const struct addr *peer)
{
    static const struct conn_events events = { .on_open = on_open }; /* the codec has the others */
    static const struct conn_conf conf = { .send_ms = SEND_MS, .keep_max = HEAD_MAX + BODY_MAX };
    struct caller *c = mem_zalloc(sizeof(*c));
    socklen_t len = sizeof(c->who);
    c->server = s;
    c->who.uid = (uid_t)-1;
    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c->who, &len);
    deferred_init(&c->reap, on_reap);
    list_append(&s->callers, &c->link);
    s->caller_count++;
    s->descriptors++;
    struct transport *t = plain_new(fd, &s->scratch);
    t->on_closed = on_descriptor_closed;
    t->closed_user = s;
    struct conn *conn = conn_new_accepted(s->loop, &s->scratch, t, peer, &conf);
    conn_set_events(conn, &events, c);
    conn_start(conn);
}

/* The oldest of those who have not asked anything yet; false when all have. */
static bool make_room(struct control_server *s)
{
    LIST_EACH (&s->callers, at) {
        struct caller *c = CONTAINER_OF(at, struct caller, link);
        if (c->state != CALLER_READING)
            continue;
        complain(c, "says nothing while others wait");
        caller_cut(c);
        return true;
    }
    return false;
}

static void turn_away(int fd)
{
    static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n"
                               "Content-Type: application/json\r\nContent-Length: 29\r\n\r\n"
                               "{\"error\":\"too many callers\"}\n";
    if (send(fd, busy, sizeof(busy) - 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        log_debug("control socket: a caller too many is gone already");
    close(fd);
}

static void take(struct control_server *s, int fd, const struct addr *peer)
{
    if (s->caller_count < CALLERS_MAX || make_room(s))
        caller_new(s, fd, peer);
    else
        turn_away(fd);
}

static bool may_accept(const struct control_server *s)
{
    return s->accepted < ACCEPTS_MAX && s->descriptors < DESCRIPTORS_MAX &&
           s->answers_us < ANSWERS_US;
}

static void pause_accepting(struct control_server *s)
{
    watch_set(&s->watch, 0);
    if (!timer_running(&s->window))
        timer_start(&s->window, s->loop, WINDOW_MS);
}

static void on_window(struct timer *t)
{
    struct control_server *s = CONTAINER_OF(t, struct control_server, window);
    s->accepted = 0;
    s->answers_us -= s->answers_us < ANSWERS_US ? s->answers_us : ANSWERS_US;
    if (!may_accept(s))
        timer_start(t, s->loop, WINDOW_MS);
    else if (s->socket.fd >= 0)
        watch_set(&s->watch, WATCH_READ);
}

static void on_knock(struct watch *w, unsigned events)
{
    struct control_server *s = CONTAINER_OF(w, struct control_server, watch);
    struct addr peer;
    int fd, r = 0;
    while (r == 0 && may_accept(s)) {
        r = sock_accept(s->socket.fd, &fd, &peer);
        if (r == -EAGAIN)
            return;
        if (s->accepted++ == 0)
            timer_start(&s->window, s->loop, WINDOW_MS);
        if (r == 0)
            take(s, fd, &peer);
        else
            complaint_log(&s->complaint, loop_now_ms(s->loop), "control socket: cannot accept: %s",
                          strerror(-r));
    }
    pause_accepting(s);
}

/* --- life */

struct control_server *control_server_new(struct loop *l,
                                          void (*on_call)(void *user, struct control_call *c),
                                          void *user)
{
    struct control_server *s = mem_zalloc(sizeof(*s));
    s->loop = l;
    s->on_call = on_call;
    s->user = user;
    s->socket.fd = -1;
    list_init(&s->callers);
    timer_init(&s->window, on_window);
    scratch_init(&s->scratch);
    arena_recycler_init(&s->arenas, CALLERS_MAX);
    return s;
}

static void listen_no_more(struct control_server *s)
{
    if (s->socket.fd < 0)
        return;
    watch_done(&s->watch);
    control_socket_close(&s->socket);
}

int control_server_listen(struct control_server *s, const struct control_conf *conf, struct err *e)
{
    struct control_socket next = { .fd = -1 };
    if (control_socket_keep(&s->socket, conf))
        return 0;
    int r = conf->path.len > 0 ? control_socket_open(conf, &next, e) : 0;
    if (r < 0)
        return r;
    listen_no_more(s);
    s->socket = next;
    if (next.fd < 0)
        return 0;
    watch_init(&s->watch, s->loop, next.fd, on_knock);
    watch_set(&s->watch, WATCH_READ);
    return 0;
}

void control_server_free(struct control_server *s)
{
    if (s == NULL)
        return;
    listen_no_more(s);
    timer_stop(&s->window);
    LIST_EACH (&s->callers, at)
        caller_cut(CONTAINER_OF(at, struct caller, link));
    loop_run_deferred(s->loop); /* callers, codecs and connections go */
    scratch_done(&s->scratch);
    arena_recycler_done(&s->arenas);
    mem_free(s);
}
