/* SPDX-License-Identifier: Apache-2.0 */
#include "test_certs.h"

#include "base/mem.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

static EVP_PKEY *make_key(enum test_key kind)
{
    switch (kind) {
    case TEST_RSA:
        return EVP_RSA_gen(2048);
    case TEST_RSA_SHORT:
        return EVP_RSA_gen(1024);
    case TEST_P384:
        return EVP_EC_gen("P-384");
    case TEST_SECP256K1:
        return EVP_EC_gen("secp256k1");
    case TEST_ED25519:
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    default:
        return EVP_EC_gen("P-256");
    }
}

static void add_names(X509 *x, const char *names)
{
    if (names == NULL)
        return;
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
    assert(e != NULL);
    X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
}

static X509 *make_leaf(EVP_PKEY *key, enum test_key kind, const char *cn)
{
    X509 *x = X509_new();
    X509_NAME *subject = X509_get_subject_name(x);
    uint32_t serial;
    RAND_bytes((unsigned char *)&serial, sizeof(serial));
    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0);
    X509_set_issuer_name(x, subject);
    X509_set_pubkey(x, key);
    return x;
}

static char *take_pem(BIO *from)
{
    char *bytes;
    long len = BIO_get_mem_data(from, &bytes);
    char *text = mem_text(slice_of(bytes, (size_t)len));
    BIO_free(from);
    return text;
}

void test_cert_make_dated(struct test_cert *c, enum test_key kind, const char *cn,
                          const char *names, long from, long to)
{
    EVP_PKEY *key = make_key(kind);
    X509 *x = make_leaf(key, kind, cn);
    X509_gmtime_adj(X509_getm_notBefore(x), from);
    X509_gmtime_adj(X509_getm_notAfter(x), to);
    add_names(x, names);
    int signature = X509_sign(x, key, kind == TEST_ED25519 ? NULL : EVP_sha256());
    assert(signature > 0);

    BIO *chain = BIO_new(BIO_s_mem()), *pem = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(chain, x);
    PEM_write_bio_PrivateKey(pem, key, NULL, NULL, 0, NULL, NULL);
    c->chain = take_pem(chain);
    c->key = take_pem(pem);
    X509_free(x);
    EVP_PKEY_free(key);
}

void test_cert_make(struct test_cert *c, enum test_key kind, const char *cn, const char *names)
{
    test_cert_make_dated(c, kind, cn, names, -3600, 86400);
}

void test_cert_done(struct test_cert *c)
{
    mem_free(c->chain);
    mem_free(c->key);
}

struct tls_cert_conf test_cert_conf(const struct test_cert *c)
{
    return (struct tls_cert_conf){ slice_str(c->chain), slice_str(c->key) };
}
