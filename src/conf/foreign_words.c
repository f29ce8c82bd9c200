/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/foreign_words.h"

struct row {
    const char *word, *advice;
};

#define HOST      "here: host NAME { ... } inside listen"
#define ROUTE     "here: route /path { ... } inside a host"
#define POOL      "here: pool NAME { server ADDRESS ... }"
#define PROXY     "here: proxy POOL"
#define LISTEN    "here: listen ADDRESS:PORT { ... }"
#define CERT      "here: certificate FILE key=FILE"
#define CLIENT_CA "here: client_certificate ca=FILE verify=required"
#define TLS_UP    "here: tls ca=FILE ... inside the pool"
#define TIMEOUT   "here: timeout header=10s body=30s idle=75s send=30s connect=2s response=60s"
#define SECURE    "nothing to write: TLS 1.2 and 1.3 with ECDHE suites alone are spoken"
#define KEEPALIVE "here: keepalive COUNT idle=60s inside the pool"
#define LOG       "here: access_log stdout format=combined"
#define BALANCE   "here: balance ring key=uri inside the pool"
#define NOTHING   "nothing to write: this works by itself"

/* In the order of the words. */
static const struct row rows[] = {
    { "accept_mutex", NOTHING },
    { "acl", "here: route /path method=GET header:NAME=VALUE { ... }" },
    { "add_header", "here: set_header NAME VALUE" },
    { "backend", POOL },
    { "bind", LISTEN },
    { "client_body_timeout", "here: timeout body=30s" },
    { "client_header_buffer_size", "here: limit header=32k" },
    { "client_header_timeout", "here: timeout header=10s" },
    { "client_max_body_size", "here: limit body=10m" },
    { "cookie", "here: balance ring key=cookie:NAME" },
    { "daemon", "nothing to write: `signet run` stays in the foreground" },
    { "default_backend", PROXY },
    { "default_server", "here: unknown_host default=NAME inside listen" },
    { "defaults", "here: settings at the top level are inherited by every block" },
    { "events", "nothing to write: settings stand at the top level" },
    { "file_server", "signet serves no files: proxy to a server that does" },
    { "frontend", LISTEN },
    { "global", "nothing to write: settings stand at the top level" },
    { "handle", ROUTE },
    { "handle_path", "here: route /path { strip_prefix /path; proxy POOL }" },
    { "hash", BALANCE },
    { "header", "here: set_header NAME VALUE" },
    { "header_up", "here: set_header NAME VALUE" },
    { "http", "nothing to write: listen and pool stand at the top level" },
    { "http-request", "here: set_header NAME VALUE, unset_header NAME or redirect URL" },
    { "http2", "here: tls alpn=h2,http/1.1 inside listen" },
    { "index", "signet serves no files: proxy to a server that does" },
    { "ip_hash", "here: balance ring key=client" },
    { "keepalive_requests", "here: limit requests=1000" },
    { "keepalive_timeout", "here: timeout idle=75s" },
    { "large_client_header_buffers", "here: limit header=32k uri=8k" },
    { "lb_policy", BALANCE },
    { "least_conn", "here: balance least" },
    { "location", ROUTE },
    { "log", LOG },
    { "log_format", "here: access_log PATH format=combined|json" },
    { "master_process", NOTHING },
    { "maxconn", "here: limit connections=10000" },
    { "mode", "nothing to write: signet speaks HTTP" },
    { "multi_accept", NOTHING },
    { "nbproc", "here: workers COUNT" },
    { "nbthread", "here: workers COUNT" },
    { "option", "nothing to write: what an option would turn on has its own directive" },
    { "pid", "here: signet run --pid-file FILE" },
    { "proxy_buffer_size", NOTHING },
    { "proxy_buffering",
      "nothing to write: bodies are streamed, and a slow side holds up the other" },
    { "proxy_buffers", NOTHING },
    { "proxy_connect_timeout", "here: timeout connect=2s" },
    { "proxy_http_version", "nothing to write: HTTP/1.1 with keep-alive is spoken to servers" },
    { "proxy_next_upstream", "here: retry 2 on=connect,refused,reset inside the pool" },
    { "proxy_pass", PROXY },
    { "proxy_read_timeout", "here: timeout response=60s" },
    { "proxy_redirect", "nothing to write: Host goes to the server as the client sent it" },
    { "proxy_send_timeout", "here: timeout send=30s" },
    { "proxy_set_header", "here: set_header NAME VALUE" },
    { "proxy_ssl_certificate", TLS_UP },
    { "proxy_ssl_trusted_certificate", TLS_UP },
    { "proxy_ssl_verify", TLS_UP },
    { "real_ip_header", "here: trusted_proxies NETWORK ... inside listen" },
    { "resolver", "nothing to write: names are resolved as the system does" },
    { "return", "here: respond STATUS TEXT, or redirect URL code=308" },
    { "reverse_proxy", PROXY },
    { "rewrite", "here: strip_prefix /path, or redirect URL code=308" },
    { "root", "signet serves no files: proxy to a server that does" },
    { "send_timeout", "here: timeout send=30s" },
    { "sendfile", NOTHING },
    { "server_name", HOST },
    { "server_names_hash_bucket_size", NOTHING },
    { "server_tokens", NOTHING },
    { "set_real_ip_from", "here: trusted_proxies NETWORK ... inside listen" },
    { "site", HOST },
    { "ssl", "nothing to write: a listen block whose hosts have certificates speaks TLS" },
    { "ssl_certificate", CERT },
    { "ssl_certificate_key", CERT },
    { "ssl_ciphers", SECURE },
    { "ssl_client_certificate", CLIENT_CA },
    { "ssl_dhparam", SECURE },
    { "ssl_ecdh_curve", "here: tls groups=X25519:P-256 inside listen" },
    { "ssl_prefer_server_ciphers", SECURE },
    { "ssl_protocols", "here: tls min=1.2 inside listen" },
    { "ssl_session_cache", "nothing to write: sessions resume by tickets, on every worker" },
    { "ssl_session_tickets", "nothing to write: sessions resume by tickets, on every worker" },
    { "ssl_session_timeout", "nothing to write: sessions resume by tickets, on every worker" },
    { "ssl_verify_client", CLIENT_CA },
    { "stats", "here: admin { listen 127.0.0.1:9901 }" },
    { "stick-table", "here: balance ring key=client inside the pool" },
    { "stub_status", "here: admin { listen 127.0.0.1:9901 }" },
    { "tcp_nodelay", NOTHING },
    { "tcp_nopush", NOTHING },
    { "try_files", "signet serves no files: proxy to a server that does" },
    { "upstream", POOL },
    { "use", NOTHING },
    { "use_backend", PROXY },
    { "worker_connections", "here: limit connections=10000" },
    { "worker_cpu_affinity", NOTHING },
    { "worker_processes", "here: workers auto" },
    { "worker_rlimit_nofile", NOTHING },
};

const char *foreign_word(struct slice word)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (slice_eq(slice_str(rows[i].word), word))
            return rows[i].advice;
    return NULL;
}
