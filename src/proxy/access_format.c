/* SPDX-License-Identifier: Apache-2.0 */
/* Every request passes here, so fields are appended by memcpy and digits by hand: no printf. */
#include "proxy/access_format.h"

#include "base/log.h"

/* Escaped bytes one value may take. Together with names and numbers they stay below
 * ACCESS_LINE_MAX; what a peer sends fits uncut under the default limits. */
#define LONG_MAX_BYTES  (24 * 1024) /* target */
#define VALUE_MAX_BYTES (16 * 1024) /* referer, user agent */
#define NAME_MAX_BYTES  (2 * 1024)  /* everything else */

struct line {
    char *at;
    enum escape_style style;
};

static inline void put(struct line *l, struct slice s)
{
    if (s.len > 0)
        memcpy(l->at, s.ptr, s.len);
    l->at += s.len;
}

static inline void put_byte(struct line *l, char c)
{
    *l->at++ = c;
}

static void put_uint(struct line *l, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    put(l, slice_of(digits + at, sizeof digits - at));
}

static void put_escaped(struct line *l, struct slice s, size_t max)
{
    l->at += log_escape(l->at, max, s, l->style);
}

/* --- combined: %h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-agent}i" */

static void put_or_dash(struct line *l, struct slice s, size_t max)
{
    if (s.len == 0)
        put_byte(l, '-');
    else
        put_escaped(l, s, max);
}

static void put_quoted_or_dash(struct line *l, struct slice s, size_t max)
{
    put_byte(l, '"');
    put_or_dash(l, s, max);
    put_byte(l, '"');
}

static void put_request_line(struct line *l, const struct access_record *r)
{
    put_byte(l, '"');
    if (r->method.len == 0) {
        put_byte(l, '-'); /* nothing readable was asked */
    } else {
        put_escaped(l, r->method, NAME_MAX_BYTES);
        put_byte(l, ' ');
        put_escaped(l, r->target, LONG_MAX_BYTES);
        if (r->protocol.len > 0) {
            put_byte(l, ' ');
            put_escaped(l, r->protocol, NAME_MAX_BYTES);
        }
    }
    put_byte(l, '"');
}

static void put_combined(struct line *l, const struct access_record *r,
                         const struct access_time *time)
{
    put_or_dash(l, r->remote, NAME_MAX_BYTES);
    put(l, SLICE(" - - ["));
    put(l, slice_of(time->log, ACCESS_TIME_LOG_LEN));
    put(l, SLICE("] "));
    put_request_line(l, r);
    put_byte(l, ' ');
    put_uint(l, r->status);
    put_byte(l, ' ');
    if (r->bytes_out > 0)
        put_uint(l, r->bytes_out);
    else
        put_byte(l, '-');
    put_byte(l, ' ');
    put_quoted_or_dash(l, r->referer, VALUE_MAX_BYTES);
    put_byte(l, ' ');
    put_quoted_or_dash(l, r->user_agent, VALUE_MAX_BYTES);
}

/* --- json: every key in every record, null for what is not known. `key` is written as it stands:
 * comma, quotes and colon are part of the literal, and inline its length is a constant. */

static inline void put_text(struct line *l, struct slice key, struct slice value, size_t max)
{
    put(l, key);
    if (value.len == 0) {
        put(l, SLICE("null"));
        return;
    }
    put_byte(l, '"');
    put_escaped(l, value, max);
    put_byte(l, '"');
}

static inline void put_word(struct line *l, struct slice key, const char *value)
{
    put_text(l, key, slice_str(value), NAME_MAX_BYTES);
}

static inline void put_number(struct line *l, struct slice key, int64_t value)
{
    put(l, key);
    if (value < 0)
        put(l, SLICE("null"));
    else
        put_uint(l, (uint64_t)value);
}

static void put_bool(struct line *l, struct slice key, bool value)
{
    put(l, key);
    put(l, value ? SLICE("true") : SLICE("false"));
}

static void put_time(struct line *l, const struct access_record *r, const struct access_time *time)
{
    unsigned ms = (unsigned)(r->wall_ms - time->second * 1000);
    put(l, SLICE("{\"time\":\""));
    put(l, slice_of(time->rfc3339, ACCESS_TIME_RFC3339_LEN));
    put_byte(l, '.');
    put_byte(l, (char)('0' + ms / 100));
    put_byte(l, (char)('0' + ms / 10 % 10));
    put_byte(l, (char)('0' + ms % 10));
    put(l, SLICE("Z\""));
}

static void put_request(struct line *l, const struct access_record *r)
{
    put_text(l, SLICE(",\"remote\":"), r->remote, NAME_MAX_BYTES);
    put_number(l, SLICE(",\"remote_port\":"), r->remote_port > 0 ? (int64_t)r->remote_port : -1);
    put_text(l, SLICE(",\"peer\":"), r->peer, NAME_MAX_BYTES);
    put_text(l, SLICE(",\"host\":"), r->host, NAME_MAX_BYTES);
    put_text(l, SLICE(",\"method\":"), r->method, NAME_MAX_BYTES);
    put_text(l, SLICE(",\"target\":"), r->target, LONG_MAX_BYTES);
    put_text(l, SLICE(",\"protocol\":"), r->protocol, NAME_MAX_BYTES);
    put_number(l, SLICE(",\"status\":"), r->status);
    put_number(l, SLICE(",\"bytes_in\":"), (int64_t)r->bytes_in);
    put_number(l, SLICE(",\"bytes_out\":"), (int64_t)r->bytes_out);
    put_text(l, SLICE(",\"referer\":"), r->referer, VALUE_MAX_BYTES);
    put_text(l, SLICE(",\"user_agent\":"), r->user_agent, VALUE_MAX_BYTES);
    put_text(l, SLICE(",\"request_id\":"), r->request_id, NAME_MAX_BYTES);
}

static void put_tls(struct line *l, const struct tls_info *tls)
{
    if (tls == NULL) {
        put(l, SLICE(",\"tls_version\":null,\"cipher\":null,\"group\":null,\"sni\":null"
                     ",\"resumed\":null,\"alpn\":null"));
        return;
    }
    put_word(l, SLICE(",\"tls_version\":"), tls->version);
    put_word(l, SLICE(",\"cipher\":"), tls->cipher);
    put_word(l, SLICE(",\"group\":"), tls->group);
    put_word(l, SLICE(",\"sni\":"), tls->sni);
    put_bool(l, SLICE(",\"resumed\":"), tls->resumed);
    put_word(l, SLICE(",\"alpn\":"), tls->alpn);
}

static void put_way(struct line *l, const struct access_record *r)
{
    put_text(l, SLICE(",\"route\":"), r->route, NAME_MAX_BYTES);
    put_text(l, SLICE(",\"pool\":"), r->pool, NAME_MAX_BYTES);
    put_text(l, SLICE(",\"server\":"), r->server, NAME_MAX_BYTES);
    put_number(l, SLICE(",\"tries\":"), r->tries);
    put_bool(l, SLICE(",\"reused\":"), r->reused);
    put_bool(l, SLICE(",\"key_fallback\":"), r->key_fallback);
}

static void put_end(struct line *l, const struct access_record *r)
{
    put_number(l, SLICE(",\"queue_ms\":"), r->queue_ms);
    put_number(l, SLICE(",\"connect_ms\":"), r->connect_ms);
    put_number(l, SLICE(",\"wait_ms\":"), r->wait_ms);
    put_number(l, SLICE(",\"stream_ms\":"), r->stream_ms);
    put_number(l, SLICE(",\"total_ms\":"), r->total_ms);
    put_word(l, SLICE(",\"abort_phase\":"), r->abort_phase);
    put_word(l, SLICE(",\"abort_by\":"), r->abort_by);
    put_word(l, SLICE(",\"abort_signal\":"), r->abort_signal);
    put_number(l, SLICE(",\"abort_ms\":"), r->abort_phase != NULL ? r->abort_ms : -1);
    put_word(l, SLICE(",\"refused\":"), r->refused);
}

static void put_json(struct line *l, const struct access_record *r, const struct access_time *time)
{
    put_time(l, r, time);
    put_request(l, r);
    put_tls(l, r->tls);
    put_way(l, r);
    put_end(l, r);
    put_byte(l, '}');
}

size_t access_format_record(enum access_format format, const struct access_record *r,
                            struct access_time *time, char *out)
{
    struct line l = { out, format == ACCESS_JSON ? ESCAPE_JSON : ESCAPE_COMBINED };
    access_time_update(time, r->wall_ms);
    if (format == ACCESS_JSON)
        put_json(&l, r, time);
    else
        put_combined(&l, r, time);
    put_byte(&l, '\n');
    return (size_t)(l.at - out);
}

size_t access_format_line(enum access_format format, const struct access_record *r, char *out,
                          size_t room)
{
    struct access_time time = { 0 };
    return room < ACCESS_LINE_MAX ? 0 : access_format_record(format, r, &time, out);
}
