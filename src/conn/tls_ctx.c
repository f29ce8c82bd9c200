/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/tls_ctx.h"

#include "base/mem.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/opensslv.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <string.h>

/* One order for both versions: AES-128 first, as it is fast and enough; a client without AES
 * hardware puts ChaCha20 first and gets it (SSL_OP_PRIORITIZE_CHACHA). */
static const char suites_1_3[] = "TLS_AES_128_GCM_SHA256:"
                                 "TLS_AES_256_GCM_SHA384:"
                                 "TLS_CHACHA20_POLY1305_SHA256";
static const char suites_1_2[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                                 "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                                 "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

enum { SECURITY_LEVEL = 2, TICKET_SECONDS = 7200 };

struct tls_ctx {
    unsigned refs;
    SSL_CTX *ssl;
    enum tls_version min;
    char *groups;
    char **alpn; /* alpn_count texts */
    size_t alpn_count;
    struct tls_cert *certs;
    size_t cert_count;
    struct tls_tickets *tickets; /* referenced; NULL: none are given */
    unsigned char digest[TLS_DIGEST_BYTES];
};

/* --- ALPN */
static struct slice next_protocol(struct slice *offered)
{
    size_t len = (unsigned char)offered->ptr[0];
    struct slice protocol = slice_first(slice_from(*offered, 1), len);
    *offered = slice_from(*offered, 1 + len);
    return protocol;
}

static bool offers(struct slice offered, struct slice protocol)
{
    while (offered.len > 0)
        if (slice_eq(next_protocol(&offered), protocol))
            return true;
    return false;
}

/* SSL_CTX_set_alpn_select_cb(3): ours that comes first among theirs (RFC 7301 3.2). */
static int on_alpn(SSL *ssl, const unsigned char **ret_protocol, unsigned char *ret_len,
                   const unsigned char *offered, unsigned int len, void *arg)
{
    const struct tls_ctx *ctx = arg;
    for (size_t i = 0; i < ctx->alpn_count; i++) {
        struct slice ours = slice_str(ctx->alpn[i]);
        if (!offers(slice_of((const char *)offered, len), ours))
            continue;
        *ret_protocol = (const unsigned char *)ours.ptr;
        *ret_len = (unsigned char)ours.len;
        return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

const char *tls_ctx_alpn(const struct tls_ctx *ctx, const struct ssl_st *ssl)
{
    const unsigned char *chosen;
    unsigned len;
    SSL_get0_alpn_selected(ssl, &chosen, &len);
    for (size_t i = 0; i < ctx->alpn_count; i++)
        if (slice_eq(slice_str(ctx->alpn[i]), slice_of((const char *)chosen, len)))
            return ctx->alpn[i];
    return "";
}

/* --- building */
static int min_proto(enum tls_version v)
{
    return v == TLS_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
}

static void set_options(struct tls_ctx *ctx)
{
    SSL_CTX_set_options(ctx->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                      SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                      (ctx->tickets != NULL ? 0 : SSL_OP_NO_TICKET));
    /* a cut must be told from an end, whatever openssl.cnf says */
    SSL_CTX_clear_options(ctx->ssl, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(ctx->ssl, SSL_MODE_AUTO_RETRY);
    SSL_CTX_clear_mode(ctx->ssl, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_security_level(ctx->ssl, SECURITY_LEVEL);
    SSL_CTX_set_read_ahead(ctx->ssl, 1);
    SSL_CTX_set_session_cache_mode(ctx->ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(ctx->ssl, 0); /* tls.c asks for one with the first response */
    SSL_CTX_set_timeout(ctx->ssl, TICKET_SECONDS);
}

static int set_protocols(struct tls_ctx *ctx, struct err *e)
{
    if (SSL_CTX_set_min_proto_version(ctx->ssl, min_proto(ctx->min)) != 1 ||
        SSL_CTX_set_max_proto_version(ctx->ssl, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_ciphersuites(ctx->ssl, suites_1_3) != 1 ||
        SSL_CTX_set_cipher_list(ctx->ssl, suites_1_2) != 1)
        return err_set(e, -EINVAL, "this OpenSSL lacks TLS 1.2 or 1.3 or one of their suites");
    if (SSL_CTX_set1_groups_list(ctx->ssl, ctx->groups) != 1)
        return err_set(e, -EINVAL, "OpenSSL does not know every group of \"%s\"", ctx->groups);
    return 0;
}

static int set_alpn(struct tls_ctx *ctx, const char *const *names, struct err *e)
{
    size_t count = 0;
    while (names != NULL && names[count] != NULL)
        count++;
    ctx->alpn = mem_array(count > 0 ? count : 1, sizeof(*ctx->alpn));
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(names[i]);
        if (len == 0 || len > 255)
            return err_set(e, -EINVAL, "a protocol name of ALPN has 1 to 255 bytes");
        ctx->alpn[ctx->alpn_count++] = mem_text(slice_str(names[i]));
    }
    if (count > 0)
        SSL_CTX_set_alpn_select_cb(ctx->ssl, on_alpn, ctx);
    return 0;
}

static int load_certs(struct tls_ctx *ctx, const struct tls_conf *conf, struct err *e)
{
    ctx->certs = mem_array(conf->cert_count > 0 ? conf->cert_count : 1, sizeof(*ctx->certs));
    for (; ctx->cert_count < conf->cert_count; ctx->cert_count++) {
        int r =
            tls_cert_load(&conf->certs[ctx->cert_count], ctx->ssl, &ctx->certs[ctx->cert_count], e);
        if (r != 0)
            return r;
    }
    return ctx->cert_count > 0 ? 0 : err_set(e, -EINVAL, "no certificate");
}

static bool digest_certs(const struct tls_ctx *ctx, EVP_MD_CTX *md)
{
    for (size_t i = 0; i < ctx->cert_count; i++) {
        unsigned char print[EVP_MAX_MD_SIZE];
        unsigned len;
        if (X509_digest(ctx->certs[i].leaf, EVP_sha256(), print, &len) != 1 ||
            EVP_DigestUpdate(md, print, len) != 1)
            return false;
    }
    return true;
}

/* A ticket opens only where policy and certificates are those it was made under. */
static int set_session_scope(struct tls_ctx *ctx, struct err *e)
{
    unsigned char scope[EVP_MAX_MD_SIZE];
    unsigned char min = (unsigned char)ctx->min;
    unsigned len = 0;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool ok = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 &&
              EVP_DigestUpdate(md, &min, 1) == 1 &&
              EVP_DigestUpdate(md, ctx->groups, strlen(ctx->groups) + 1) == 1 &&
              digest_certs(ctx, md) && EVP_DigestFinal_ex(md, scope, &len) == 1 &&
              SSL_CTX_set_session_id_context(ctx->ssl, scope, len) == 1;
    EVP_MD_CTX_free(md);
    return ok ? 0 : err_set(e, -EINVAL, "OpenSSL cannot digest the certificates");
}

static int build(struct tls_ctx *ctx, const struct tls_conf *conf, struct err *e, size_t *ret_bad)
{
    *ret_bad = conf->cert_count;
    set_options(ctx);
    int r = set_protocols(ctx, e);
    if (r == 0)
        r = set_alpn(ctx, conf->alpn, e);
    if (r != 0)
        return r;
    r = load_certs(ctx, conf, e);
    if (r != 0) {
        *ret_bad = ctx->cert_count; /* the one after those that loaded */
        return r;
    }
    tls_tickets_install(ctx->tickets, ctx->ssl);
    if (tls_conf_digest(conf, ctx->digest) < 0)
        return err_set(e, -EINVAL, "OpenSSL cannot digest the certificates");
    return set_session_scope(ctx, e);
}

int tls_ctx_new(const struct tls_conf *conf, struct tls_ctx **ret_ctx, struct err *e,
                size_t *ret_bad)
{
    SSL_CTX *ssl = SSL_CTX_new(TLS_server_method());
    *ret_bad = conf->cert_count;
    if (ssl == NULL)
        return err_set(e, -EINVAL, "OpenSSL cannot make a context");
    struct tls_ctx *ctx = mem_zalloc(sizeof(*ctx));
    ctx->refs = 1;
    ctx->ssl = ssl;
    ctx->min = conf->min;
    ctx->tickets = conf->tickets != NULL ? tls_tickets_ref(conf->tickets) : NULL;
    ctx->groups = mem_text(slice_str(tls_conf_groups(conf)));
    int r = build(ctx, conf, e, ret_bad);
    ERR_clear_error();
    if (r != 0)
        tls_ctx_unref(ctx);
    else
        *ret_ctx = ctx;
    return r;
}

struct tls_ctx *tls_ctx_ref(struct tls_ctx *ctx)
{
    ctx->refs++;
    return ctx;
}

void tls_ctx_unref(struct tls_ctx *ctx)
{
    if (ctx == NULL || --ctx->refs > 0)
        return;
    for (size_t i = 0; i < ctx->cert_count; i++)
        tls_cert_done(&ctx->certs[i]);
    for (size_t i = 0; i < ctx->alpn_count; i++)
        mem_free(ctx->alpn[i]);
    mem_free(ctx->certs);
    mem_free(ctx->alpn);
    mem_free(ctx->groups);
    SSL_CTX_free(ctx->ssl);
    tls_tickets_unref(ctx->tickets);
    mem_free(ctx);
}

/* --- asking */
struct slice tls_ctx_digest(const struct tls_ctx *ctx)
{
    return slice_of((const char *)ctx->digest, sizeof(ctx->digest));
}

size_t tls_ctx_cert_count(const struct tls_ctx *ctx)
{
    return ctx->cert_count;
}

const struct tls_cert_info *tls_ctx_cert(const struct tls_ctx *ctx, size_t index)
{
    return &ctx->certs[index].info;
}

bool tls_ctx_covers(const struct tls_ctx *ctx, const char *name)
{
    for (size_t i = 0; i < ctx->cert_count; i++)
        if (tls_cert_covers(&ctx->certs[i], name))
            return true;
    return false;
}

bool tls_ctx_same_policy(const struct tls_ctx *a, const struct tls_ctx *b)
{
    return a->min == b->min && strcmp(a->groups, b->groups) == 0;
}

bool tls_ctx_gives_tickets(const struct tls_ctx *ctx)
{
    return ctx->tickets != NULL;
}

struct ssl_ctx_st *tls_ctx_ssl(const struct tls_ctx *ctx)
{
    return ctx->ssl;
}

bool tls_ctx_apply(const struct tls_ctx *ctx, struct ssl_st *ssl)
{
    if (SSL_get_SSL_CTX(ssl) == ctx->ssl)
        return true; /* the SSL was made from it: nothing differs */
    if (SSL_set_SSL_CTX(ssl, ctx->ssl) == NULL)
        return false;
    SSL_clear_options(ssl, SSL_get_options(ssl));
    SSL_set_options(ssl, SSL_CTX_get_options(ctx->ssl));
    SSL_set_verify(ssl, SSL_CTX_get_verify_mode(ctx->ssl), NULL);
    return SSL_set_min_proto_version(ssl, min_proto(ctx->min)) == 1 &&
           SSL_set1_groups_list(ssl, ctx->groups) == 1;
}

const char *tls_library_running(void)
{
    return OpenSSL_version(OPENSSL_VERSION);
}

const char *tls_library_built(void)
{
    return OPENSSL_VERSION_TEXT;
}

bool tls_library_load(void)
{
    unsigned char byte;
    if (OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG | OPENSSL_INIT_LOAD_SSL_STRINGS |
                             OPENSSL_INIT_LOAD_CRYPTO_STRINGS,
                         NULL) != 1 ||
        RAND_bytes(&byte, 1) != 1 || RAND_priv_bytes(&byte, 1) != 1)
        return false;
    SSL_CTX *first = SSL_CTX_new(TLS_method()); /* fetches every algorithm that TLS uses */
    SSL_CTX_free(first);
    return first != NULL;
}
