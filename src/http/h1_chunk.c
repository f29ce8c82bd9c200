/* SPDX-License-Identifier: Apache-2.0 */
#include "http/h1_chunk.h"

#include "http/octet.h"

#include <assert.h>

#define DIGITS_MAX 16
#define SIZE_LIMIT (UINT64_C(1) << 63) /* no size reaches it */

enum state {
    IN_SIZE,
    AT_SIZE_CR, /* behind an extension */
    AT_SIZE_LF,
    IN_DATA,
    AT_DATA_CR,
    AT_DATA_LF,
    AT_TRAILERS,
    REFUSED,
    /* extensions: ";" name [ "=" ( token | quoted-string ) ] */
    AT_EXT_NAME,
    IN_EXT_NAME,
    AT_EXT_VALUE,
    IN_EXT_VALUE,
    IN_EXT_QUOTED,
    AT_EXT_ESCAPED,
    AT_EXT_END, /* complete: another one or the line's end follows */
};

static void refuse(struct h1_chunk *c, enum refusal why)
{
    c->state = REFUSED;
    c->refusal = why;
}

static void add_digit(struct h1_chunk *c, char digit)
{
    c->digits++;
    c->left = c->left << 4 | octet_hex(digit);
    if (c->digits > DIGITS_MAX || c->left >= SIZE_LIMIT)
        refuse(c, REFUSAL_CHUNK_SIZE_TOO_LARGE);
}

static void in_size(struct h1_chunk *c, char octet)
{
    if (octet_is(octet, OCTET_HEX))
        add_digit(c, octet);
    else if (octet == '\n')
        refuse(c, REFUSAL_CHUNK_BARE_LF);
    else if (octet != '\r' && (octet != ';' || c->digits > 0))
        refuse(c, REFUSAL_CHUNK_SIZE_NOT_HEX);
    else if (c->digits == 0)
        refuse(c, REFUSAL_CHUNK_SIZE_EMPTY);
    else
        c->state = AT_SIZE_LF;
}

static void at_size_cr(struct h1_chunk *c, char octet)
{
    assert(octet == '\r'); /* take_extension() stopped there */
    c->state = AT_SIZE_LF;
}

static void at_size_lf(struct h1_chunk *c, char octet)
{
    if (octet != '\n')
        refuse(c, REFUSAL_CHUNK_BARE_CR);
    else
        c->state = c->left > 0 ? IN_DATA : AT_TRAILERS;
}

static void at_data_cr(struct h1_chunk *c, char octet)
{
    if (octet == '\r')
        c->state = AT_DATA_LF;
    else
        refuse(c, octet == '\n' ? REFUSAL_CHUNK_BARE_LF : REFUSAL_CHUNK_TOO_LONG);
}

static void at_data_lf(struct h1_chunk *c, char octet)
{
    if (octet != '\n') {
        refuse(c, REFUSAL_CHUNK_BARE_CR);
        return;
    }
    c->state = IN_SIZE;
    c->digits = 0;
    c->extension = 0;
}

static void refuse_extension(struct h1_chunk *c, char octet)
{
    if (octet == '\n')
        refuse(c, REFUSAL_EXTENSION_BARE_LF);
    else if (!octet_is(octet, OCTET_VALUE))
        refuse(c, REFUSAL_EXTENSION_CONTROL);
    else
        refuse(c, REFUSAL_EXTENSION_MALFORMED);
}

/* CR is not seen here: take_extension() stops before it. */
static void end_extension(struct h1_chunk *c, char octet)
{
    if (octet == ';')
        c->state = AT_EXT_NAME;
    else
        refuse_extension(c, octet);
}

static void in_name(struct h1_chunk *c, char octet)
{
    if (octet_is(octet, OCTET_TOKEN))
        c->state = IN_EXT_NAME;
    else if (c->state == AT_EXT_NAME)
        refuse_extension(c, octet);
    else if (octet == '=')
        c->state = AT_EXT_VALUE;
    else
        end_extension(c, octet);
}

static void in_value(struct h1_chunk *c, char octet)
{
    if (octet_is(octet, OCTET_TOKEN))
        c->state = IN_EXT_VALUE;
    else if (c->state == IN_EXT_VALUE)
        end_extension(c, octet);
    else if (octet == '"')
        c->state = IN_EXT_QUOTED;
    else
        refuse_extension(c, octet);
}

static void in_quoted(struct h1_chunk *c, char octet)
{
    if (!octet_is(octet, OCTET_VALUE))
        refuse_extension(c, octet);
    else if (c->state == AT_EXT_ESCAPED)
        c->state = IN_EXT_QUOTED;
    else if (octet == '\\')
        c->state = AT_EXT_ESCAPED;
    else if (octet == '"')
        c->state = AT_EXT_END;
}

/* One byte that is not data. */
static void step(struct h1_chunk *c, char octet)
{
    static void (*const steps[])(struct h1_chunk *, char) = {
        [IN_SIZE] = in_size,         [AT_SIZE_CR] = at_size_cr,    [AT_SIZE_LF] = at_size_lf,
        [AT_DATA_CR] = at_data_cr,   [AT_DATA_LF] = at_data_lf,    [AT_EXT_NAME] = in_name,
        [IN_EXT_NAME] = in_name,     [AT_EXT_VALUE] = in_value,    [IN_EXT_VALUE] = in_value,
        [IN_EXT_QUOTED] = in_quoted, [AT_EXT_ESCAPED] = in_quoted, [AT_EXT_END] = end_extension,
    };
    steps[c->state](c, octet);
}

static bool in_extension(const struct h1_chunk *c)
{
    return c->state >= AT_EXT_NAME;
}

static bool at_extension(const struct h1_chunk *c, char octet)
{
    return c->state == IN_SIZE && octet == ';' && c->digits > 0;
}

static bool is_framing(const struct h1_chunk *c)
{
    return c->state < AT_TRAILERS && c->state != IN_DATA;
}

static enum chunk_part take_data(struct h1_chunk *c, struct slice view, size_t room,
                                 struct slice *ret_run)
{
    struct slice run = slice_first(view, room);
    if (run.len > c->left)
        run.len = (size_t)c->left;
    c->left -= run.len;
    c->data += run.len;
    if (c->left == 0)
        c->state = AT_DATA_CR;
    *ret_run = run;
    return CHUNK_DATA;
}

static void end_extensions(struct h1_chunk *c)
{
    if (c->state == IN_EXT_NAME || c->state == IN_EXT_VALUE || c->state == AT_EXT_END)
        c->state = AT_SIZE_CR;
    else
        refuse(c, REFUSAL_EXTENSION_MALFORMED);
}

static void step_extension(struct h1_chunk *c, char octet)
{
    if (++c->extension > CHUNK_EXTENSION_MAX)
        refuse(c, REFUSAL_EXTENSION_TOO_LONG);
    else
        step(c, octet);
}

/* All extensions of the line, up to and without its CR. */
static enum chunk_part take_extension(struct h1_chunk *c, struct slice view, struct slice *ret_run)
{
    size_t i = 0;
    while (i < view.len && in_extension(c)) {
        if (view.ptr[i] == '\r')
            end_extensions(c);
        else
            step_extension(c, view.ptr[i++]);
    }
    *ret_run = slice_first(view, i);
    return c->state == REFUSED ? CHUNK_REFUSED : CHUNK_EXTENSION;
}

static enum chunk_part take_framing(struct h1_chunk *c, struct slice view, struct slice *ret_run)
{
    size_t i = 0;
    while (i < view.len && is_framing(c) && !at_extension(c, view.ptr[i]))
        step(c, view.ptr[i++]);
    *ret_run = slice_first(view, i);
    return c->state == REFUSED ? CHUNK_REFUSED : CHUNK_FRAMING;
}

void h1_chunk_init(struct h1_chunk *c)
{
    *c = (struct h1_chunk){ .state = IN_SIZE };
}

enum chunk_part h1_chunk_next(struct h1_chunk *c, struct slice view, size_t room,
                              struct slice *ret_run)
{
    if (c->state == IN_DATA)
        return take_data(c, view, room, ret_run);
    if (at_extension(c, view.ptr[0]))
        c->state = AT_EXT_END;
    if (in_extension(c)) {
        enum chunk_part part = take_extension(c, view, ret_run);
        if (part == CHUNK_REFUSED || ret_run->len > 0)
            return part;
    }
    return take_framing(c, view, ret_run);
}

bool h1_chunk_at_trailers(const struct h1_chunk *c)
{
    return c->state == AT_TRAILERS;
}
