/* SPDX-License-Identifier: Apache-2.0 */
/* JSON (RFC 8259), written straight into a buffer: compact, in the order of the calls. Commas come
 * by themselves; that what was opened is closed is the caller's part. Text becomes well-formed
 * whatever it holds. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/buf.h"

#include <stdint.h>

struct json { /* a value: embed or pass by address */
    struct buf *out;
    bool between; /* a comma stands before what comes next */
};

struct json json_to(struct buf *out); /* borrows it; appends */
/* In each of these `name` is the member's, a literal that needs no escaping; NULL in a list, and
 * for the outermost value. */
void json_object(struct json *j, const char *name);
void json_object_end(struct json *j);
void json_list(struct json *j, const char *name);
void json_list_end(struct json *j);
void json_text(struct json *j, const char *name, struct slice text); /* ptr NULL: null */
void json_word(struct json *j, const char *name, const char *text);  /* NULL: null */
void json_number(struct json *j, const char *name, uint64_t value);
void json_signed(struct json *j, const char *name, int64_t value);
void json_hash(struct json *j, const char *name, uint64_t value);   /* 16 digits in quotes */
void json_fraction(struct json *j, const char *name, double value); /* nine places; finite */
void json_bool(struct json *j, const char *name, bool value);
void json_null(struct json *j, const char *name);
/* A member whose name is not ours, "" among them; its value follows with name NULL. */
void json_key(struct json *j, struct slice name);
/* What is JSON already, one value. */
void json_raw(struct json *j, const char *name, struct slice value);

#endif
