/* SPDX-License-Identifier: Apache-2.0 */
#include "server/cli/control_client.h"

#include "conn/plain.h"
#include "event/loop.h"
#include "http/h1.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/pidfd.h>
#include <unistd.h>

#define CONNECT_S 5 /* while so many call that the kernel's queue is full */
#define HEAD_MAX  16384
#define BODY_MAX  (64u << 20) /* bytes */
#define WINDOW    65536       /* bytes granted at a time */

struct asking { /* one request */
    const struct control_question *question;
    struct control_reply *reply;
    struct err *error;
    struct loop *loop;
    struct codec *codec; /* NULL before it is open, and when it is gone */
    struct timer deadline;
    int result;
    bool over;
};

static void end_with(struct asking *q, int result)
{
    if (!q->over)
        q->result = result;
    q->over = true;
    loop_stop(q->loop);
}

static void fail(struct asking *q, int code, const char *why)
{
    if (!q->over)
        err_set(q->error, code, "%s", why);
    end_with(q, code);
}

static void on_deadline(struct timer *t)
{
    fail(CONTAINER_OF(t, struct asking, deadline), -ETIMEDOUT, "it does not answer in time");
}

/* --- the answer */

static void on_head(struct stream *s, struct message *m, enum head_kind kind, bool end)
{
    struct asking *q = s->user;
    if (kind != HEAD_FINAL)
        return;
    q->reply->status = m->status;
    s->ops->grant(s, WINDOW);
}

static void on_body(struct stream *s, struct slice bytes, bool end)
{
    struct asking *q = s->user;
    if (buf_len(&q->reply->body) + bytes.len > BODY_MAX) {
        fail(q, -EMSGSIZE, "its answer is too long");
        return;
    }
    buf_append(&q->reply->body, bytes);
    s->ops->grant(s, bytes.len);
}

static void on_trailers(struct stream *s, struct fields *f)
{
    /* they say nothing here; on_done follows */
}

static void on_writable(struct stream *s)
{
    /* the request is one head */
}

static void on_done(struct stream *s)
{
    end_with(s->user, 0);
}

static void on_reset(struct stream *s, enum reset_reason why, uint32_t wire_code)
{
    if (why == RESET_PROTOCOL)
        fail(s->user, -EPROTO, "what answers there is no signet");
    else
        fail(s->user, -ECONNRESET, "it ended the connection before it had answered");
}

/* --- the request */

static void send_request(struct asking *q, struct stream *s)
{
    struct message m;
    struct arena a;
    arena_init(&a, NULL);
    message_init(&m, &a);
    m.method = slice_str(q->question->method);
    m.method_id = method_id(m.method);
    m.authority = SLICE("signet");
    size_t mark = slice_find(q->question->target, '?');
    m.uri.path = slice_first(q->question->target, mark);
    m.uri.has_query = mark < q->question->target.len;
    m.uri.query = slice_from(q->question->target, mark + 1);
    fields_add_known(&m.fields, FIELD_ACCEPT,
                     q->question->json ? SLICE("application/json") : SLICE("text/plain"));
    if (s->ops->send_head(s, &m, HEAD_FINAL, true) < 0)
        fail(q, -EINVAL, "this cannot be asked");
    arena_done(&a);
}

static void on_codec_gone(struct codec *c)
{
    struct asking *q = c->user;
    q->codec = NULL;
    fail(q, -ECONNRESET, "it ended the connection");
}

static void on_codec_idle(struct codec *c)
{
    /* one question is all */
}

static void on_open(struct conn *conn)
{
    static const struct h1_conf h1 = { .head_max = HEAD_MAX, .fields_max = 64 };
    static const struct codec_events events = { .on_idle = on_codec_idle,
                                                .on_gone = on_codec_gone };
    static const struct stream_events answer = { .on_head = on_head,
                                                 .on_body = on_body,
                                                 .on_trailers = on_trailers,
                                                 .on_writable = on_writable,
                                                 .on_done = on_done,
                                                 .on_reset = on_reset };
    struct asking *q = conn_user(conn);
    q->codec = h1_client_new(conn, &h1, NULL, &events, q);
    struct stream *s = q->codec->ops->open(q->codec);
    s->events = &answer;
    s->user = q;
    send_request(q, s);
}

static void on_conn_end(struct conn *conn, enum conn_end how)
{
    conn_abort(conn);
    fail(conn_user(conn), -ECONNRESET, "it ended the connection");
}

/* --- both together */

/* Blocking until it stands: so the kernel keeps a place for whoever waits, which it does for nobody
 * who only tries again. SO_SNDTIMEO bounds connect(2) too. */
static int connect_in_turn(int fd, const struct addr *at)
{
    const struct timeval most = { .tv_sec = CONNECT_S };
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof(most)) < 0 ||
        connect(fd, &at->sa, at->len) < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
        return -errno;
    return 0;
}

static int connect_to(struct slice path, int *ret_fd, struct err *e)
{
    struct addr at = { .un = { .sun_family = AF_UNIX }, .len = sizeof(at.un) };
    if (path.len >= sizeof(at.un.sun_path))
        return err_set(e, -ENAMETOOLONG, "the path of a unix socket has at most %zu bytes",
                       sizeof(at.un.sun_path) - 1);
    memcpy(at.un.sun_path, path.ptr, path.len);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int r = fd >= 0 ? connect_in_turn(fd, &at) : -errno;
    if (r == 0) {
        *ret_fd = fd;
        return 0;
    }
    if (fd >= 0)
        close(fd);
    return err_set(e, r, "%s", r == -EAGAIN ? "too many others call" : strerror(-r));
}

/* Before anything is asked, so that the id is still its own. */
static void find_process(int fd, struct control_reply *reply)
{
    struct ucred who;
    socklen_t len = sizeof(who);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0 || who.pid <= 0)
        return;
    reply->pid = who.pid;
    reply->process = pidfd_open(who.pid, 0);
}

static void exchange(struct asking *q, int fd)
{
    static const struct conn_events events = { .on_open = on_open, .on_end = on_conn_end };
    static const struct conn_conf conf = { .keep_max = HEAD_MAX };
    struct scratch scratch;
    struct addr peer = { .len = 0 };
    scratch_init(&scratch);
    timer_start(&q->deadline, q->loop, q->question->wait_ms);
    struct transport *t = plain_new(fd, &scratch);
    struct conn *conn = conn_new_connected(q->loop, &scratch, t, &peer, &conf);
    conn_set_events(conn, &events, q);
    conn_start(conn);
    loop_run(q->loop);
    timer_stop(&q->deadline);
    if (q->codec != NULL)
        q->codec->ops->close(q->codec);
    loop_run_deferred(q->loop); /* codec and connection go */
    scratch_done(&scratch);
}

int control_ask(const struct control_question *q, struct control_reply *ret_reply, struct err *e)
{
    struct control_reply reply = { .process = -1 };
    struct asking asking = { .question = q, .reply = &reply, .error = e };
    int fd = -1;
    int r = connect_to(q->socket, &fd, e);
    if (r < 0)
        return r;
    find_process(fd, &reply);
    asking.loop = loop_new();
    timer_init(&asking.deadline, on_deadline);
    exchange(&asking, fd);
    loop_free(asking.loop);
    if (asking.result < 0)
        control_reply_done(&reply);
    else
        *ret_reply = reply;
    return asking.result;
}

void control_reply_done(struct control_reply *r)
{
    buf_done(&r->body);
    if (r->process >= 0)
        close(r->process);
    *r = (struct control_reply){ .process = -1 };
}
