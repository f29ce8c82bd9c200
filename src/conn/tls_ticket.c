/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/tls_ticket.h"

#include "base/mem.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { NAME_BYTES = 16, AES_BYTES = 32, MAC_BYTES = 32, IV_BYTES = 16 };
_Static_assert(NAME_BYTES + AES_BYTES + MAC_BYTES == TLS_TICKET_SECRET_BYTES, "secret's layout");

struct tls_tickets {
    unsigned refs;
    unsigned char name[NAME_BYTES]; /* sent in clear: which key a ticket was made with */
    unsigned char aes[AES_BYTES];
    unsigned char mac[MAC_BYTES];
};

struct tls_tickets *tls_tickets_new(const unsigned char secret[static TLS_TICKET_SECRET_BYTES])
{
    struct tls_tickets *t = mem_alloc(sizeof(*t));
    t->refs = 1;
    memcpy(t->name, secret, NAME_BYTES);
    memcpy(t->aes, secret + NAME_BYTES, AES_BYTES);
    memcpy(t->mac, secret + NAME_BYTES + AES_BYTES, MAC_BYTES);
    return t;
}

struct tls_tickets *tls_tickets_ref(struct tls_tickets *t)
{
    t->refs++;
    return t;
}

void tls_tickets_unref(struct tls_tickets *t)
{
    if (t == NULL || --t->refs > 0)
        return;
    mem_wipe(t, sizeof(*t));
    mem_free(t);
}

struct slice tls_tickets_name(const struct tls_tickets *t)
{
    return slice_of((const char *)t->name, sizeof(t->name));
}

void tls_tickets_secret(const struct tls_tickets *t,
                        unsigned char ret_secret[static TLS_TICKET_SECRET_BYTES])
{
    memcpy(ret_secret, t->name, NAME_BYTES);
    memcpy(ret_secret + NAME_BYTES, t->aes, AES_BYTES);
    memcpy(ret_secret + NAME_BYTES + AES_BYTES, t->mac, MAC_BYTES);
}

int tls_tickets_make_secret(unsigned char ret_secret[static TLS_TICKET_SECRET_BYTES])
{
    return RAND_priv_bytes(ret_secret, TLS_TICKET_SECRET_BYTES) == 1 ? 0 : -EIO;
}

static bool set_mac_key(const struct tls_tickets *t, EVP_MAC_CTX *mac)
{
    unsigned char key[MAC_BYTES]; /* OSSL_PARAM wants it writable */
    char digest[] = "SHA256";
    memcpy(key, t->mac, sizeof(key));
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key, sizeof(key)),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    bool ok = EVP_MAC_CTX_set_params(mac, params) == 1;
    mem_wipe(key, sizeof(key));
    return ok;
}

static int seal(const struct tls_tickets *t, unsigned char *name, unsigned char *iv,
                EVP_CIPHER_CTX *cipher)
{
    memcpy(name, t->name, NAME_BYTES);
    if (RAND_bytes(iv, IV_BYTES) != 1)
        return -1;
    return EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, t->aes, iv) == 1 ? 1 : -1;
}

/* 0: not our key, so the handshake goes on in full; 1: ours. */
static int unseal(const struct tls_tickets *t, const unsigned char *name, const unsigned char *iv,
                  EVP_CIPHER_CTX *cipher)
{
    if (memcmp(name, t->name, NAME_BYTES) != 0)
        return 0;
    return EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, t->aes, iv) == 1 ? 1 : -1;
}

/* SSL_CTX_set_tlsext_ticket_key_evp_cb(3). OpenSSL asks through the context that the SSL began
 * with, but finds here the one it has now: they share the keys (tls_sni.h). */
static int on_ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                         EVP_MAC_CTX *mac, int sealing)
{
    const struct tls_tickets *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    if (t == NULL)
        return sealing ? -1 : 0;
    int r = sealing ? seal(t, name, iv, cipher) : unseal(t, name, iv, cipher);
    return r == 1 && !set_mac_key(t, mac) ? -1 : r;
}

void tls_tickets_install(const struct tls_tickets *t, struct ssl_ctx_st *into)
{
    SSL_CTX_set_app_data(into, (void *)(uintptr_t)t);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(into, on_ticket_key);
}
