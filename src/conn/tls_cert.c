/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/tls_cert.h"

#include "base/mem.h"
#include "conn/tls_memory.h"
#include "conn/tls_reason.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { RSA_BITS_MIN = 2048 };

/* What was read, before an SSL_CTX holds it. */
struct material {
    X509 *leaf;
    STACK_OF(X509) * chain; /* without the leaf */
    EVP_PKEY *key;
};

static void material_done(struct material *m)
{
    X509_free(m->leaf);
    sk_X509_pop_free(m->chain, X509_free);
    EVP_PKEY_free(m->key);
}

static int fail_openssl(struct err *e, const char *what)
{
    char reason[TLS_REASON_MAX];
    return err_set(e, -EINVAL, "%s: %s", what, tls_reason(ERR_peek_error(), reason));
}

/* --- PEM */
static BIO *open_pem(struct slice pem)
{
    ERR_clear_error();
    return BIO_new_mem_buf(pem.len > 0 ? pem.ptr : "", pem.len < INT_MAX ? (int)pem.len : INT_MAX);
}

/* Was the last failure just the end of the text? */
static bool no_more_pem(void)
{
    unsigned long code = ERR_peek_last_error();
    return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

static int read_chain(struct slice pem, struct material *m, struct err *e)
{
    BIO *in = open_pem(pem);
    X509 *x;
    m->chain = sk_X509_new_null();
    while (in != NULL && m->chain != NULL && (x = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL)
        if (m->leaf == NULL)
            m->leaf = x;
        else if (sk_X509_push(m->chain, x) == 0)
            X509_free(x);
    bool whole = no_more_pem();
    BIO_free(in);
    if (!whole)
        return err_set(e, -EINVAL, "certificate %d in PEM is malformed",
                       sk_X509_num(m->chain) + 1 + (m->leaf != NULL));
    return m->leaf != NULL ? 0 : err_set(e, -EINVAL, "no certificate found in PEM");
}

static int on_password(char *to, int room, int writing, void *ret_asked)
{
    *(bool *)ret_asked = true;
    return -1;
}

static int read_key(struct slice pem, struct material *m, struct err *e)
{
    bool encrypted = false;
    tls_memory_wipe_begin();
    BIO *in = open_pem(pem);
    m->key = in != NULL ? PEM_read_bio_PrivateKey(in, NULL, on_password, &encrypted) : NULL;
    BIO_free(in);
    tls_memory_wipe_end();
    if (m->key != NULL)
        return 0;
    if (encrypted)
        return err_set(e, -EINVAL,
                       "encrypted private key: not supported, store it without "
                       "passphrase");
    bool found = memmem(pem.ptr, pem.len, "PRIVATE KEY-----", 16) != NULL;
    return err_set(e, -EINVAL,
                   found ? "the private key in PEM is malformed" : "no private key found in PEM");
}

/* --- checks */
static const struct {
    const char *openssl, *name;
} curves[] = {
    { "prime256v1", "P-256" },
    { "secp384r1", "P-384" },
    { "secp521r1", "P-521" },
};

static const char *curve_name(const EVP_PKEY *key)
{
    char group[64] = "";
    EVP_PKEY_get_group_name(key, group, sizeof(group), NULL);
    for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
        if (strcmp(group, curves[i].openssl) == 0)
            return curves[i].name;
    return NULL;
}

/* Names the kind of key, "RSA 2048", and refuses what clients would not take. */
static int key_type(const EVP_PKEY *key, char *ret_type, size_t room, struct err *e)
{
    int bits = EVP_PKEY_get_bits(key);
    const char *curve = curve_name(key);
    if (EVP_PKEY_is_a(key, "ED25519")) {
        snprintf(ret_type, room, "Ed25519");
    } else if (EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS")) {
        if (bits < RSA_BITS_MIN)
            return err_set(e, -EINVAL, "RSA key of %d bits is too short, %d is the least", bits,
                           RSA_BITS_MIN);
        snprintf(ret_type, room, "%s %d", EVP_PKEY_get0_type_name(key), bits);
    } else if (EVP_PKEY_is_a(key, "EC") && curve != NULL) {
        snprintf(ret_type, room, "ECDSA %s", curve);
    } else {
        return err_set(e, -EINVAL,
                       "%s key of this kind is not supported: use RSA, ECDSA on P-256, "
                       "P-384 or P-521, or Ed25519",
                       EVP_PKEY_get0_type_name(key));
    }
    return 0;
}

static int check_match(const struct material *m, struct err *e)
{
    if (X509_check_private_key(m->leaf, m->key) == 1)
        return 0;
    for (int i = 0; i < sk_X509_num(m->chain); i++)
        if (X509_check_private_key(sk_X509_value(m->chain, i), m->key) == 1)
            return err_set(e, -EINVAL,
                           "the private key belongs to certificate %d in PEM: the leaf must stand "
                           "first",
                           i + 2);
    return err_set(e, -EINVAL, "the private key does not match the certificate");
}

/* --- facts */
static char *take_text(BIO *from)
{
    char *bytes;
    long len = BIO_get_mem_data(from, &bytes);
    char *text = mem_text(slice_of(bytes, len > 0 ? (size_t)len : 0));
    BIO_free(from);
    return text;
}

static char *subject_text(const X509 *x)
{
    BIO *out = BIO_new(BIO_s_mem());
    X509_NAME_print_ex(out, X509_get_subject_name(x), 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
    return take_text(out);
}

static void print_name(BIO *out, const GENERAL_NAME *name, const char *before)
{
    int type;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
    const unsigned char *bytes =
        type == GEN_DNS || type == GEN_IPADD ? ASN1_STRING_get0_data(value) : NULL;
    int len = bytes != NULL ? ASN1_STRING_length(value) : 0;
    char ip[INET6_ADDRSTRLEN];
    if (type == GEN_DNS)
        BIO_printf(out, "%s%.*s", before, len, (const char *)bytes);
    else if (type == GEN_IPADD && (len == 4 || len == 16) &&
             inet_ntop(len == 4 ? AF_INET : AF_INET6, bytes, ip, sizeof(ip)) != NULL)
        BIO_printf(out, "%s%s", before, ip);
}

static char *names_text(const X509 *x)
{
    BIO *out = BIO_new(BIO_s_mem());
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
        print_name(out, sk_GENERAL_NAME_value(names, i), BIO_pending(out) > 0 ? ", " : "");
    GENERAL_NAMES_free(names);
    return take_text(out);
}

static bool read_time(const ASN1_TIME *at, int64_t *ret_seconds)
{
    struct tm tm;
    if (ASN1_TIME_to_tm(at, &tm) != 1)
        return false;
    *ret_seconds = timegm(&tm);
    return true;
}

static int read_facts(const X509 *leaf, const char *type, struct tls_cert *c, struct err *e)
{
    if (!read_time(X509_get0_notBefore(leaf), &c->info.not_before) ||
        !read_time(X509_get0_notAfter(leaf), &c->info.not_after))
        return err_set(e, -EINVAL, "the certificate's dates cannot be read");
    c->info.subject = c->texts[0] = subject_text(leaf);
    c->info.names = c->texts[1] = names_text(leaf);
    c->info.key_type = c->texts[2] = mem_text(slice_str(type));
    return 0;
}

static int install(const struct material *m, const char *type, SSL_CTX *into, struct err *e)
{
    ERR_clear_error();
    if (SSL_CTX_use_cert_and_key(into, m->leaf, m->key, m->chain, 0) == 1)
        return 0;
    if (ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_NOT_REPLACING_CERTIFICATE)
        return err_set(e, -EINVAL, "a second certificate of the same kind (%s)", type);
    return fail_openssl(e, "OpenSSL refuses the certificate");
}

static int check_and_install(const struct material *m, SSL_CTX *into, struct tls_cert *c,
                             struct err *e)
{
    char type[64];
    const EVP_PKEY *key = X509_get0_pubkey(m->leaf);
    if (key == NULL)
        return fail_openssl(e, "the certificate's public key cannot be read");
    int r = key_type(key, type, sizeof(type), e);
    if (r == 0)
        r = check_match(m, e);
    if (r == 0)
        r = install(m, type, into, e);
    if (r == 0)
        r = read_facts(m->leaf, type, c, e);
    return r;
}

int tls_cert_load(const struct tls_cert_conf *conf, struct ssl_ctx_st *into,
                  struct tls_cert *ret_cert, struct err *e)
{
    struct material m = { 0 };
    struct tls_cert c = { 0 };
    int r = read_chain(conf->chain_pem, &m, e);
    if (r == 0)
        r = read_key(conf->key_pem, &m, e);
    if (r == 0)
        r = check_and_install(&m, into, &c, e);
    if (r == 0) {
        X509_up_ref(m.leaf);
        c.leaf = m.leaf;
        *ret_cert = c;
    }
    material_done(&m);
    ERR_clear_error();
    return r;
}

int tls_cert_expiry(struct slice chain_pem, int64_t *ret_not_after)
{
    struct material m = { 0 };
    struct err e;
    int r = read_chain(chain_pem, &m, &e);
    if (r == 0 && !read_time(X509_get0_notAfter(m.leaf), ret_not_after))
        r = -EINVAL;
    material_done(&m);
    ERR_clear_error();
    return r;
}

void tls_cert_done(struct tls_cert *c)
{
    X509_free(c->leaf);
    for (size_t i = 0; i < sizeof(c->texts) / sizeof(c->texts[0]); i++)
        mem_free(c->texts[i]);
    *c = (struct tls_cert){ 0 };
}

bool tls_cert_covers(const struct tls_cert *c, const char *name)
{
    const unsigned flags =
        X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;
    return X509_check_host(c->leaf, name, 0, flags, NULL) == 1;
}
