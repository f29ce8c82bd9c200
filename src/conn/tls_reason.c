/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/tls_reason.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>

static const struct {
    int reason;
    const char *words;
} known[] = {
    { SSL_R_NO_SHARED_CIPHER, "no shared cipher" },
    { SSL_R_UNSUPPORTED_PROTOCOL, "unsupported protocol version (TLS 1.1 or older)" },
    { SSL_R_HTTP_REQUEST, "plain HTTP request on a TLS port" },
    { SSL_R_HTTPS_PROXY_REQUEST, "plain CONNECT request on a TLS port" },
    { SSL_R_WRONG_VERSION_NUMBER, "not TLS" },
    { SSL_R_BAD_RECORD_TYPE, "not TLS" },
    { SSL_R_UNEXPECTED_MESSAGE, "a TLS message out of turn" },
    { SSL_R_PACKET_LENGTH_TOO_LONG, "TLS record too long" },
    { SSL_R_ENCRYPTED_LENGTH_TOO_LONG, "TLS record too long" },
    { SSL_R_DATA_LENGTH_TOO_LONG, "TLS record too long" },
    { SSL_R_EXCESSIVE_MESSAGE_SIZE, "TLS message too long" },
    { SSL_R_NO_SUITABLE_KEY_SHARE, "no shared group" },
    { SSL_R_NO_SHARED_GROUPS, "no shared group" },
    { SSL_R_NO_SUITABLE_GROUPS, "no shared group" },
    { SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, "no shared signature algorithm" },
    { SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS, "no shared signature algorithm" },
    { SSL_R_NO_APPLICATION_PROTOCOL, "no shared application protocol (ALPN)" },
    { SSL_R_INAPPROPRIATE_FALLBACK, "version fallback refused (TLS_FALLBACK_SCSV)" },
    { SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC, "a TLS record that does not decrypt" },
    { SSL_R_NO_RENEGOTIATION, "renegotiation refused" },
    { SSL_R_TOO_MANY_WARN_ALERTS, "too many warning alerts" },
    { SSL_R_RECORD_TOO_SMALL, "too many empty records" },
    { SSL_R_TOO_MANY_KEY_UPDATES, "too many key updates" },
};

static const char *find_words(int reason)
{
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (known[i].reason == reason)
            return known[i].words;
    return NULL;
}

const char *tls_reason(unsigned long code, char out[static TLS_REASON_MAX])
{
    int reason = ERR_GET_REASON(code);
    const char *words = NULL;
    if (ERR_GET_LIB(code) == ERR_LIB_SSL)
        words = find_words(reason);
    if (words == NULL && ERR_GET_LIB(code) == ERR_LIB_SSL && reason > SSL_AD_REASON_OFFSET &&
        reason <= SSL_AD_REASON_OFFSET + 255) {
        snprintf(out, TLS_REASON_MAX, "client sent alert: %s",
                 SSL_alert_desc_string_long(reason - SSL_AD_REASON_OFFSET));
        return out;
    }
    if (words == NULL)
        words = ERR_reason_error_string(code);
    snprintf(out, TLS_REASON_MAX, "%s", words != NULL ? words : "TLS failed");
    return out;
}
