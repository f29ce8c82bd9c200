/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include "base/log.h"

#include <inttypes.h>

#define ESCAPED_MAX 6 /* bytes that one becomes at most: \u0000 */

struct json json_to(struct buf *out)
{
    return (struct json){ .out = out };
}

static void put_string(struct json *j, struct slice text)
{
    size_t room = text.len * ESCAPED_MAX;
    buf_add(j->out, "\"");
    if (room > 0)
        buf_commit(j->out, log_escape(buf_reserve(j->out, room), room, text, ESCAPE_JSON));
    buf_add(j->out, "\"");
}

/* What stands before a value; after it a comma is due. */
static void begin(struct json *j, const char *name)
{
    if (j->between)
        buf_add(j->out, ",");
    if (name != NULL)
        buf_printf(j->out, "\"%s\":", name);
    j->between = true;
}

static void open_with(struct json *j, const char *name, const char *bracket)
{
    begin(j, name);
    buf_add(j->out, bracket);
    j->between = false;
}

static void close_with(struct json *j, const char *bracket)
{
    buf_add(j->out, bracket);
    j->between = true;
}

void json_object(struct json *j, const char *name)
{
    open_with(j, name, "{");
}

void json_object_end(struct json *j)
{
    close_with(j, "}");
}

void json_list(struct json *j, const char *name)
{
    open_with(j, name, "[");
}

void json_list_end(struct json *j)
{
    close_with(j, "]");
}

void json_key(struct json *j, struct slice name)
{
    begin(j, NULL);
    put_string(j, name);
    buf_add(j->out, ":");
    j->between = false;
}

void json_text(struct json *j, const char *name, struct slice text)
{
    begin(j, name);
    if (text.ptr != NULL)
        put_string(j, text);
    else
        buf_add(j->out, "null");
}

void json_word(struct json *j, const char *name, const char *text)
{
    json_text(j, name, slice_str(text));
}

void json_number(struct json *j, const char *name, uint64_t value)
{
    begin(j, name);
    buf_printf(j->out, "%" PRIu64, value);
}

void json_signed(struct json *j, const char *name, int64_t value)
{
    begin(j, name);
    buf_printf(j->out, "%" PRId64, value);
}

void json_hash(struct json *j, const char *name, uint64_t value)
{
    begin(j, name);
    buf_printf(j->out, "\"%016" PRIx64 "\"", value);
}

void json_fraction(struct json *j, const char *name, double value)
{
    begin(j, name);
    buf_printf(j->out, "%.9f", value);
}

void json_bool(struct json *j, const char *name, bool value)
{
    begin(j, name);
    buf_add(j->out, value ? "true" : "false");
}

void json_null(struct json *j, const char *name)
{
    begin(j, name);
    buf_add(j->out, "null");
}

void json_raw(struct json *j, const char *name, struct slice value)
{
    begin(j, name);
    buf_append(j->out, value);
}
