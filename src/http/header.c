/* SPDX-License-Identifier: Apache-2.0 */
#include "http/header.h"

/* Each field is compared with each of them: a head full of both would be costly. */
#define CONNECTION_OPTIONS_MAX 32

static const struct slice names[FIELD_COUNT] = {
#define X(id, name) [FIELD_##id] = { name, sizeof(name) - 1 },
    FIELDS(X)
#undef X
};

/* Candidates by the length of a name: at most three comparisons. The unit test looks every field
 * up, so one that is missing here is found. */
#define CANDIDATES 3
static const unsigned char by_length[][CANDIDATES] = {
    [2] = { FIELD_TE },
    [3] = { FIELD_VIA },
    [4] = { FIELD_HOST, FIELD_DATE },
    [5] = { FIELD_PROXY },
    [6] = { FIELD_ACCEPT, FIELD_COOKIE, FIELD_EXPECT },
    [7] = { FIELD_REFERER, FIELD_UPGRADE, FIELD_TRAILER },
    [8] = { FIELD_LOCATION },
    [9] = { FIELD_FORWARDED, FIELD_X_REAL_IP },
    [10] = { FIELD_CONNECTION, FIELD_USER_AGENT, FIELD_KEEP_ALIVE },
    [12] = { FIELD_CONTENT_TYPE, FIELD_X_REQUEST_ID, FIELD_PROXY_STATUS },
    [13] = { FIELD_AUTHORIZATION },
    [14] = { FIELD_CONTENT_LENGTH, FIELD_HTTP2_SETTINGS },
    [15] = { FIELD_X_FORWARDED_FOR },
    [16] = { FIELD_X_FORWARDED_HOST, FIELD_PROXY_CONNECTION },
    [17] = { FIELD_TRANSFER_ENCODING, FIELD_X_FORWARDED_PROTO },
    [18] = { FIELD_PROXY_AUTHENTICATE },
    [19] = { FIELD_PROXY_AUTHORIZATION },
};

enum field_id field_id(struct slice name)
{
    if (name.len >= sizeof(by_length) / sizeof(by_length[0]))
        return FIELD_OTHER;
    const unsigned char *candidates = by_length[name.len];
    for (size_t i = 0; i < CANDIDATES && candidates[i] != FIELD_OTHER; i++)
        if (slice_eq_nocase(name, names[candidates[i]]))
            return (enum field_id)candidates[i];
    return FIELD_OTHER;
}

struct slice field_name(enum field_id id)
{
    return names[id];
}

void fields_init(struct fields *f, struct arena *a)
{
    *f = (struct fields){ .arena = a };
}

static void append(struct fields *f, struct field field)
{
    f->list = arena_grow(f->arena, f->list, f->count, &f->cap, sizeof(*f->list));
    f->list[f->count++] = field;
}

void fields_add(struct fields *f, struct slice name, struct slice value)
{
    append(f, (struct field){ .name = name, .value = value, .id = field_id(name) });
}

void fields_add_known(struct fields *f, enum field_id id, struct slice value)
{
    append(f, (struct field){ .name = names[id], .value = value, .id = id });
}

const struct field *fields_find(const struct fields *f, enum field_id id)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->list[i].id == id)
            return &f->list[i];
    return NULL;
}

const struct field *fields_find_name(const struct fields *f, struct slice name)
{
    for (size_t i = 0; i < f->count; i++)
        if (slice_eq_nocase(f->list[i].name, name))
            return &f->list[i];
    return NULL;
}

unsigned fields_count(const struct fields *f, enum field_id id)
{
    unsigned n = 0;
    for (size_t i = 0; i < f->count; i++)
        n += f->list[i].id == id;
    return n;
}

void fields_remove(struct fields *f, enum field_id id)
{
    size_t kept = 0;
    for (size_t i = 0; i < f->count; i++)
        if (f->list[i].id != id)
            f->list[kept++] = f->list[i];
    f->count = kept;
}

void fields_remove_name(struct fields *f, struct slice name)
{
    size_t kept = 0;
    for (size_t i = 0; i < f->count; i++)
        if (!slice_eq_nocase(f->list[i].name, name))
            f->list[kept++] = f->list[i];
    f->count = kept;
}

/* Index of the comma that ends the first element, or the length. */
static size_t element_end(struct slice list)
{
    bool quoted = false;
    for (size_t i = 0; i < list.len; i++) {
        char c = list.ptr[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (c == ',' && !quoted)
            return i;
    }
    return list.len;
}

/* Empty elements are skipped, as a recipient must (RFC 9110 5.6.1.2). */
bool field_list_next(struct slice *rest, struct slice *ret_element)
{
    while (rest->len > 0) {
        size_t end = element_end(*rest);
        struct slice element = slice_trim(slice_first(*rest, end));
        *rest = slice_from(*rest, end + 1);
        if (element.len > 0) {
            *ret_element = element;
            return true;
        }
    }
    return false;
}

static bool list_has(struct slice list, struct slice token)
{
    struct slice element;
    while (field_list_next(&list, &element))
        if (slice_eq_nocase(element, token))
            return true;
    return false;
}

bool fields_list_has(const struct fields *f, enum field_id id, struct slice token)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->list[i].id == id && list_has(f->list[i].value, token))
            return true;
    return false;
}

bool field_is_hop_by_hop(enum field_id id)
{
    switch (id) {
    case FIELD_CONNECTION:
    case FIELD_HTTP2_SETTINGS:
    case FIELD_KEEP_ALIVE:
    case FIELD_PROXY:
    case FIELD_PROXY_AUTHENTICATE:
    case FIELD_PROXY_AUTHORIZATION:
    case FIELD_PROXY_CONNECTION:
    case FIELD_TE:
    case FIELD_TRANSFER_ENCODING:
    case FIELD_UPGRADE:
        return true;
    default:
        return false;
    }
}

/* The commonest Connection value names no field at all. */
static bool names_fields(struct slice connection)
{
    return !slice_eq_nocase(connection, SLICE("keep-alive")) &&
           !slice_eq_nocase(connection, SLICE("close"));
}

/* Adds what it names. Its elements are taken apart once, not once a field: empty ones cost as much
 * as others, and are not bounded by number. */
static void add_options(struct fields *options, struct slice connection)
{
    struct slice name;
    while (field_list_next(&connection, &name))
        append(options, (struct field){ .name = name });
}

static bool ends_here(const struct field *field, const struct fields *options)
{
    return field_is_hop_by_hop(field->id) || fields_find_name(options, field->name) != NULL;
}

void fields_remove_hop_by_hop(struct fields *f)
{
    struct fields options;
    fields_init(&options, f->arena);
    for (size_t i = 0; i < f->count; i++)
        if (f->list[i].id == FIELD_CONNECTION && names_fields(f->list[i].value))
            add_options(&options, f->list[i].value);

    size_t kept = 0;
    for (size_t i = 0; i < f->count; i++)
        if (!ends_here(&f->list[i], &options))
            f->list[kept++] = f->list[i];
    f->count = kept;
}

static enum refusal check_nominated(struct slice token)
{
    switch (field_id(token)) {
    case FIELD_AUTHORIZATION:
        return REFUSAL_CONNECTION_NAMES_AUTHORIZATION;
    case FIELD_CONTENT_LENGTH:
        return REFUSAL_CONNECTION_NAMES_CONTENT_LENGTH;
    case FIELD_COOKIE:
        return REFUSAL_CONNECTION_NAMES_COOKIE;
    case FIELD_HOST:
        return REFUSAL_CONNECTION_NAMES_HOST;
    case FIELD_TRANSFER_ENCODING:
        return REFUSAL_CONNECTION_NAMES_TRANSFER_ENCODING;
    default:
        return REFUSAL_NONE;
    }
}

enum refusal fields_check_connection(const struct fields *f)
{
    unsigned named = 0;
    for (size_t i = 0; i < f->count; i++) {
        if (f->list[i].id != FIELD_CONNECTION || !names_fields(f->list[i].value))
            continue;
        struct slice rest = f->list[i].value, token;
        while (field_list_next(&rest, &token)) {
            enum refusal why = ++named > CONNECTION_OPTIONS_MAX ? REFUSAL_CONNECTION_TOO_MANY
                                                                : check_nominated(token);
            if (why != REFUSAL_NONE)
                return why;
        }
    }
    return REFUSAL_NONE;
}

void fields_split(struct fields *f, struct slice section)
{
    while (section.len > 2) {
        size_t colon = slice_find(section, ':'), end = slice_find(section, '\r');
        struct slice line = slice_first(section, end), value = slice_from(line, colon + 1);
        while (slice_starts(value, SLICE(" ")))
            value = slice_from(value, 1);
        fields_add(f, slice_first(line, colon), value);
        section = slice_from(section, end + 2);
    }
}

static bool may_trail(const struct field *field)
{
    static const char *const others[] = {
        "Age",           "Authentication-Info",
        "Cache-Control", "Content-Encoding",
        "Content-Range", "Expires",
        "If-Match",      "If-Modified-Since",
        "If-None-Match", "If-Range",
        "Max-Forwards",  "Range",
        "Set-Cookie",    "WWW-Authenticate",
    };
    switch (field->id) {
    case FIELD_OTHER:
        break;
    case FIELD_PROXY_STATUS:
        return true;
    default: /* the ones Signet knows are about framing, routing, identity or the request itself */
        return false;
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (slice_eq_nocase(field->name, slice_str(others[i])))
            return false;
    return true;
}

void fields_keep_trailers(struct fields *f)
{
    size_t kept = 0;
    for (size_t i = 0; i < f->count; i++)
        if (may_trail(&f->list[i]))
            f->list[kept++] = f->list[i];
    f->count = kept;
}
