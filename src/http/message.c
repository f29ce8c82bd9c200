/* SPDX-License-Identifier: Apache-2.0 */
#include "http/message.h"

void message_init(struct message *m, struct arena *a)
{
    *m = (struct message){ .arena = a, .version = HTTP_1_1, .length = LENGTH_UNKNOWN };
    fields_init(&m->fields, a);
}

enum method method_id(struct slice method)
{
    static const struct {
        const char name[8];
        enum method id;
    } known[] = {
        { "GET", METHOD_GET },     { "POST", METHOD_POST },       { "HEAD", METHOD_HEAD },
        { "PUT", METHOD_PUT },     { "DELETE", METHOD_DELETE },   { "OPTIONS", METHOD_OPTIONS },
        { "PATCH", METHOD_PATCH }, { "CONNECT", METHOD_CONNECT }, { "TRACE", METHOD_TRACE },
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (slice_eq(method, slice_str(known[i].name)))
            return known[i].id;
    return METHOD_OTHER;
}

bool method_is_idempotent(enum method m)
{
    switch (m) {
    case METHOD_GET:
    case METHOD_HEAD:
    case METHOD_PUT:
    case METHOD_DELETE:
    case METHOD_OPTIONS:
    case METHOD_TRACE:
        return true;
    default:
        return false;
    }
}

bool method_expects_content(enum method m)
{
    return m == METHOD_POST || m == METHOD_PUT || m == METHOD_PATCH;
}

bool message_may_have_body(enum method request, unsigned status)
{
    return request != METHOD_HEAD && status >= 200 && status != 204 && status != 304;
}
