/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/client.h"

bool client_trusted(const struct listener_conf *l, const struct addr *a)
{
    for (size_t i = 0; i < l->trusted_count; i++)
        if (addr_block_has(&l->trusted[i], a))
            return true;
    return false;
}

void client_init(struct client *c, const struct listener_conf *l, const struct addr *peer,
                 const struct tls_info *tls)
{
    c->peer = slice_str(addr_ip_text(peer, c->peer_text));
    c->remote = c->peer;
    c->remote_port = addr_port(peer);
    c->trusted = client_trusted(l, peer);
    c->tls = tls;
}

/* An entry as proxies write it: "192.0.2.1", "2001:db8::1", either with a port. */
static int parse_entry(struct slice entry, struct addr *ret_addr)
{
    if (addr_parse_ip(entry, ret_addr) == 0)
        return 0;
    return addr_parse(entry, ret_addr);
}

/* Walks from the nearest proxy outwards: true when the walk is over. An entry that is no address
 * ends it too, for what stands before it was vouched for by nobody known. */
static bool believe_entry(struct client *c, const struct listener_conf *l, struct slice entry,
                          struct arena *a)
{
    struct addr addr;
    char text[ADDR_TEXT_MAX];
    if (parse_entry(entry, &addr) < 0 || addr.sa.sa_family == AF_UNIX)
        return true;
    c->remote = arena_copy(a, slice_str(addr_ip_text(&addr, text)));
    c->remote_port = 0;
    return !client_trusted(l, &addr);
}

/* Takes the last element off a list value; false when it is exhausted. */
static bool take_last(struct slice *rest, struct slice *ret_element)
{
    if (rest->len == 0)
        return false;
    size_t comma = slice_find_last(*rest, ',');
    bool found = comma < rest->len;
    *ret_element = slice_trim(slice_from(*rest, found ? comma + 1 : 0));
    *rest = slice_first(*rest, found ? comma : 0);
    return true;
}

static struct slice unquoted(struct slice s)
{
    if (s.len < 2 || s.ptr[0] != '"' || s.ptr[s.len - 1] != '"')
        return s;
    return slice_of(s.ptr + 1, s.len - 2);
}

/* The address of a Forwarded element's for= (RFC 7239 4, 6), empty when it has none. Backslashes
 * have no place in an address: such an element is no address, and ends the walk. */
static struct slice forwarded_for(struct slice element)
{
    struct slice pair;
    while (slice_split(&element, ';', &pair)) {
        pair = slice_trim(pair);
        if (!slice_eq_nocase(slice_first(pair, 4), SLICE("for=")))
            continue;
        return unquoted(slice_from(pair, 4));
    }
    return slice_of(NULL, 0);
}

static void believe_list(struct client *c, const struct listener_conf *l, const struct fields *f,
                         enum field_id id, struct arena *a)
{
    for (size_t i = f->count; i-- > 0;) {
        if (f->list[i].id != id)
            continue;
        struct slice rest = f->list[i].value, entry;
        while (take_last(&rest, &entry)) {
            if (id == FIELD_FORWARDED)
                entry = forwarded_for(entry);
            if (believe_entry(c, l, entry, a))
                return;
        }
    }
}

void client_believe(struct client *c, const struct listener_conf *l, const struct fields *received,
                    struct arena *a)
{
    if (!c->trusted)
        return;
    bool listed = fields_find(received, FIELD_X_FORWARDED_FOR) != NULL;
    believe_list(c, l, received, listed ? FIELD_X_FORWARDED_FOR : FIELD_FORWARDED, a);
}
