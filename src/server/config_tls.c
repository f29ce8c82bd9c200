/* SPDX-License-Identifier: Apache-2.0 */
/* `tls` and `certificate`: a listener's protocol policy, and each host's context. */
#include "server/config_draft.h"

#include <errno.h>
#include <inttypes.h>
#include <time.h>

#define TLS_USAGE "tls [min=1.2|1.3] [alpn=http/1.1] [groups=X25519:P-256]"

static const char *const protocols_built[] = { "http/1.1", NULL };
/* What is agreed on, in our order of preference. Whoever speaks 1.1 speaks 1.0 (RFC 9112 2.3), and
 * a client that speaks nothing else says so (curl --http1.0). */
static const char *const protocols_offered[] = { "http/1.1", "http/1.0", NULL };

/* --- tls */

static const char *const version_words[] = { "1.2", "1.3", NULL }; /* as enum tls_version */

const struct directive tls_keys[] = {
    { .name = "min",
      .type = DIR_ENUM,
      .offset = FIELD(listen_draft, tls_min),
      .span_offset = FIELD(listen_draft, tls_min_at),
      .words = version_words,
      .fallback = "1.2",
      .help = "the oldest version that is spoken" },
    { .name = "alpn",
      .type = DIR_TEXT,
      .offset = FIELD(listen_draft, tls_alpn),
      .span_offset = FIELD(listen_draft, tls_alpn_at),
      .fallback = "http/1.1",
      .usage = "LIST",
      .help = "protocols offered, with commas between; all that are built when absent" },
    { .name = "groups",
      .type = DIR_TEXT,
      .offset = FIELD(listen_draft, tls_groups),
      .span_offset = FIELD(listen_draft, tls_groups_at),
      .fallback = "X25519:P-256",
      .usage = "LIST",
      .help = "groups of the key exchange, with colons between, the best first" },
    { NULL },
};

static bool is_built(struct slice protocol)
{
    for (size_t i = 0; protocols_built[i] != NULL; i++)
        if (slice_eq(protocol, slice_str(protocols_built[i])))
            return true;
    return false;
}

static int check_alpn(struct dir_run *run, const struct listen_draft *listen)
{
    struct slice rest = listen->tls_alpn, protocol;
    int result = 0;
    while (slice_split(&rest, ',', &protocol)) {
        if (is_built(protocol))
            continue;
        if (slice_eq(protocol, SLICE("h2")) || slice_eq(protocol, SLICE("h3")))
            words_unsupported(run, &listen->tls_alpn_at, "the protocol \"%.*s\"",
                              SLICE_ARG(protocol));
        else
            diags_add(run->diags, DIAG_ERROR, "unknown-protocol", &listen->tls_alpn_at,
                      "unknown protocol \"%.*s\"", SLICE_ARG(slice_first(protocol, 64)));
        diags_hint(run->diags, NULL, "built are: %s", protocols_built[0]);
        result = -EINVAL;
    }
    return result;
}

int tls_read(struct dir_run *run, const struct conf_node *node, void *target)
{
    struct listen_draft *listen = target;
    listen->tls_at = node->span; /* also when a key is wrong: the listener is meant to be TLS */
    if (words_count(run, node, 0, 3, TLS_USAGE) < 0 ||
        directive_apply_keys(run, tls_keys, node, 0, listen) < 0)
        return -EINVAL;
    return check_alpn(run, listen);
}

/* --- certificate */

const struct directive certificate_keys[] = {
    { .name = "key",
      .type = DIR_TEXT,
      .offset = FIELD(cert_draft, key_path),
      .span_offset = FIELD(cert_draft, key_at),
      .usage = "FILE",
      .help = "the private key; in the certificate's own file when absent" },
    { NULL },
};

static int read_pem(struct dir_run *run, const struct span *at, struct slice path,
                    struct slice *ret_pem)
{
    struct err e;
    if (sources_secret(run->sources, path_beside(run->arena, at, path), ret_pem, &e) == 0)
        return 0;
    diags_add(run->diags, DIAG_ERROR, "unreadable-file", at, "%s", e.text);
    diags_hint(run->diags, NULL, "relative paths begin at the folder of this configuration file");
    return -EINVAL;
}

int certificate_read(struct dir_run *run, const struct conf_node *node, struct host_draft *host)
{
    host->certs_named++; /* a faulty one too: the host is not without certificates */
    if (words_count(run, node, 1, 2, "certificate FILE [key=FILE]") < 0)
        return -EINVAL;
    struct cert_draft *cert = arena_zalloc(run->arena, sizeof(*cert));
    cert->file_at = node->words[0].span;
    cert->path = slice_str(path_beside(run->arena, &cert->file_at, node->words[0].text));
    if (directive_apply_keys(run, certificate_keys, node, 1, cert) < 0 ||
        read_pem(run, &cert->file_at, node->words[0].text, &cert->conf.chain_pem) < 0)
        return -EINVAL;
    if (!span_set(&cert->key_at))
        cert->conf.key_pem = cert->conf.chain_pem;
    else if (read_pem(run, &cert->key_at, cert->key_path, &cert->conf.key_pem) < 0)
        return -EINVAL;
    *host->certs_end = cert;
    host->certs_end = &cert->next;
    host->cert_count++;
    return 0;
}

/* --- the context */

static const struct cert_draft *nth_cert(const struct host_draft *host, size_t index)
{
    const struct cert_draft *cert = host->certs;
    while (index-- > 0)
        cert = cert->next;
    return cert;
}

/* The place of what tls_ctx_new() could not use. */
static const struct span *fault_place(const struct listen_draft *listen,
                                      const struct host_draft *host, size_t bad)
{
    if (bad < host->cert_count)
        return &nth_cert(host, bad)->file_at;
    return span_set(&listen->tls_groups_at) ? &listen->tls_groups_at : &listen->node->name.span;
}

static void build(struct dir_run *run, const struct listen_draft *listen, struct host_draft *host)
{
    struct tls_cert_conf *certs = arena_alloc(run->arena, host->cert_count * sizeof(*certs));
    size_t n = 0;
    for (const struct cert_draft *c = host->certs; c != NULL; c = c->next)
        certs[n++] = c->conf;
    struct tls_conf conf = {
        .min = (enum tls_version)listen->tls_min,
        .groups = arena_copy(run->arena, listen->tls_groups).ptr,
        .alpn = protocols_offered,
        .certs = certs,
        .cert_count = n,
        .tickets = draft_of(run)->tickets,
    };
    struct err e;
    size_t bad;
    if (config_share_context(draft_of(run)->share, &conf, &host->tls, &e, &bad) < 0)
        diags_add(run->diags, DIAG_ERROR, "bad-certificate", fault_place(listen, host, bad), "%s",
                  e.text);
}

static void warn_uncovered(struct dir_run *run, const struct host_draft *host)
{
    for (size_t i = 0; i < host->name_count; i++) {
        const char *name = arena_copy(run->arena, host->names[i]).ptr;
        if (tls_ctx_covers(host->tls, name))
            continue;
        diags_add(run->diags, DIAG_WARNING, "name-not-covered", &host->name_spans[i],
                  "no certificate of this host covers \"%s\"", name);
        diags_hint(run->diags, &host->certs->file_at, "it is for: %s",
                   tls_ctx_cert(host->tls, 0)->names);
    }
}

static const char *day_text(int64_t when, char out[static 16])
{
    struct tm tm;
    time_t t = (time_t)when;
    if (gmtime_r(&t, &tm) == NULL || strftime(out, 16, "%Y-%m-%d", &tm) == 0)
        return "an unknown day";
    return out;
}

static void warn_dates(struct dir_run *run, const struct host_draft *host)
{
    int64_t now = time(NULL);
    char day[16];
    for (size_t i = 0; i < tls_ctx_cert_count(host->tls); i++) {
        const struct tls_cert_info *info = tls_ctx_cert(host->tls, i);
        const struct span *at = &nth_cert(host, i)->file_at;
        if (info->not_after < now)
            diags_add(run->diags, DIAG_WARNING, "expired-certificate", at,
                      "this certificate expired on %s", day_text(info->not_after, day));
        else if (info->not_before > now)
            diags_add(run->diags, DIAG_WARNING, "early-certificate", at,
                      "this certificate is not valid before %s", day_text(info->not_before, day));
    }
}

void host_build_tls(struct dir_run *run, const struct listen_draft *listen, struct host_draft *host)
{
    if (host->certs_named == 0) {
        diags_add(run->diags, DIAG_ERROR, "no-certificate", &host->node->name.span,
                  "this host needs a certificate: its listener speaks TLS");
        diags_hint(run->diags, NULL, "write in it: certificate FILE key=FILE");
    }
    if (host->cert_count == 0 || host->cert_count < host->certs_named)
        return;
    build(run, listen, host);
    if (host->tls == NULL)
        return;
    warn_uncovered(run, host);
    warn_dates(run, host);
}
