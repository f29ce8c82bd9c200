/* SPDX-License-Identifier: Apache-2.0 */
/* What Signet makes of a client's bytes, for programs that compare it with what others make of
 * them.
 *
 * stdin: cases, each a u32 and so many bytes, which one client sends before it ends. stdout: per
 * case a u32, the number of final answers, and the status of each as u32; then a u32, the number of
 * upstream connections, and for each a u32 and so many bytes that went over it. All numbers are
 * big-endian. The origin answers every request that is complete with 200 and an empty body. */
#include "base/mem.h"
#include "pipeline.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#define CASE_MAX (16u << 20) /* bytes */

static const char configuration[] =
    "pool app { server 10.0.0.1:9000 }\n"
    "listen 127.0.0.1:80 { unknown_host default=shop.test; host shop.test { proxy app } }\n";

/* False at the end of the input. */
static bool read_case(struct buf *to)
{
    uint32_t len;
    buf_clear(to);
    if (fread(&len, sizeof len, 1, stdin) != 1)
        return false;
    len = ntohl(len);
    if (len > CASE_MAX || fread(buf_reserve(to, len + 1), 1, len, stdin) != len) {
        fputs("forwarder: a case is cut or too long\n", stderr);
        exit(EXIT_FAILURE);
    }
    buf_commit(to, len);
    return true;
}

static void put_u32(struct buf *out, size_t n)
{
    uint32_t wire = htonl((uint32_t)n);
    buf_append(out, slice_of((const char *)&wire, sizeof wire));
}

/* Status lines are found by their looks: neither the origin's bodies nor ours can hold one. */
static void put_answers(struct buf *out, struct slice heard)
{
    static const char mark[] = "HTTP/1.1 ";
    struct buf list;
    size_t count = 0;
    buf_init(&list);
    for (const char *at; heard.len > 0 && (at = memmem(heard.ptr, heard.len, mark, 9)) != NULL;) {
        heard = slice_from(heard, (size_t)(at - heard.ptr) + 9);
        unsigned status = (unsigned)strtoul(at + 9, NULL, 10);
        if (status < 200)
            continue;
        put_u32(&list, status);
        count++;
    }
    put_u32(out, count);
    buf_append(out, buf_view(&list));
    buf_done(&list);
}

static void put_upstream(struct buf *out, struct pipeline *p)
{
    struct buf list;
    size_t count = 0;
    buf_init(&list);
    for (struct peer *o = origin_first(p); o != NULL; o = origin_next(p, o), count++) {
        put_u32(&list, peer_heard(o).len);
        buf_append(&list, peer_heard(o));
    }
    put_u32(out, count);
    buf_append(out, buf_view(&list));
    buf_done(&list);
}

/* It ends when it has its answers: a client that ends before is one that has left. */
static void run_case(struct pipeline *p, struct slice bytes, struct buf *out)
{
    struct peer *client = client_open(p, 0);
    if (bytes.len > 0)
        peer_say(client, bytes);
    pipeline_settle(p);
    put_answers(out, peer_heard(client));
    client_close(client);
    put_upstream(out, p);
    pipeline_close_idle(p);
    origins_forget(p);
    pipeline_records(p);
}

int main(void)
{
    struct buf bytes, out;
    struct pipeline *p = pipeline_new(configuration);
    pipeline_set_origins(p, false, false);
    buf_init(&bytes);
    buf_init(&out);
    while (read_case(&bytes)) {
        run_case(p, buf_view(&bytes), &out);
        fwrite(buf_view(&out).ptr, 1, buf_len(&out), stdout);
        fflush(stdout);
        buf_clear(&out);
    }
    buf_done(&bytes);
    buf_done(&out);
    pipeline_free(p);
    return EXIT_SUCCESS;
}
