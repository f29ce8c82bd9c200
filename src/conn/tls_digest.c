/* SPDX-License-Identifier: Apache-2.0 */
/* One number for everything that decides what a context is: whoever has a context with the same
 * digest need not build another. */
#include "conn/tls_ctx.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

const char *tls_conf_groups(const struct tls_conf *conf)
{
    return conf->groups != NULL ? conf->groups : "X25519:P-256";
}

/* With its length in front, so that no two lists of texts look the same. */
static bool add(EVP_MD_CTX *md, struct slice text)
{
    uint64_t len = text.len;
    return EVP_DigestUpdate(md, &len, sizeof(len)) == 1 &&
           (len == 0 || EVP_DigestUpdate(md, text.ptr, text.len) == 1);
}

static bool add_number(EVP_MD_CTX *md, uint64_t n)
{
    return add(md, slice_of((const char *)&n, sizeof(n)));
}

static bool add_alpn(EVP_MD_CTX *md, const char *const *names)
{
    uint64_t count = 0;
    bool ok = true;
    for (; names != NULL && names[count] != NULL; count++)
        ok = ok && add(md, slice_str(names[count]));
    return ok && add_number(md, count);
}

static bool add_certs(EVP_MD_CTX *md, const struct tls_conf *conf)
{
    bool ok = add_number(md, conf->cert_count);
    for (size_t i = 0; i < conf->cert_count; i++)
        ok = ok && add(md, conf->certs[i].chain_pem) && add(md, conf->certs[i].key_pem);
    return ok;
}

int tls_conf_digest(const struct tls_conf *conf, unsigned char ret_digest[static TLS_DIGEST_BYTES])
{
    struct slice keys = conf->tickets != NULL ? tls_tickets_name(conf->tickets) : SLICE("");
    EVP_MD_CTX *md = EVP_MD_CTX_new(); /* wipes what it holds when it is freed */
    bool ok = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 &&
              add_number(md, conf->min) && add(md, slice_str(tls_conf_groups(conf))) &&
              add_alpn(md, conf->alpn) && add(md, keys) && add_certs(md, conf) &&
              EVP_DigestFinal_ex(md, ret_digest, NULL) == 1;
    EVP_MD_CTX_free(md);
    return ok ? 0 : -EIO;
}
