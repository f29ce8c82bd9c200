/* SPDX-License-Identifier: Apache-2.0 */
/* Every reason for which Signet refuses a message: what a client sent (it is answered with the
 * status and its connection ends), or what a server answered (the client gets 502, or sees its
 * answer cut). Each has a counter for either side, a label for people's metrics and words for the
 * record. Texts are static: nothing of what was received stands in them.
 *
 * A label, once released, keeps its name. */
#ifndef BASE_REFUSAL_H
#define BASE_REFUSAL_H

/* X(enumerator, status that a client gets, label, words) */
#define REFUSALS(X)                                                                                \
    /* any line */                                                                                 \
    X(BARE_LF, 400, "bare_lf", "a line ends in a bare LF")                                         \
    X(BARE_CR, 400, "bare_cr", "a CR is not followed by LF")                                       \
    X(NUL, 400, "nul", "NUL in the head")                                                          \
    X(HEAD_TOO_LONG, 431, "head_too_long", "the head is larger than the limit")                    \
    X(HEAD_TIMEOUT, 408, "head_timeout", "the head did not arrive in time")                        \
    /* request line */                                                                             \
    X(EMPTY_LINES, 400, "empty_lines", "more than one empty line before the request")              \
    X(LEADING_SPACE, 400, "leading_space", "white space before the method")                        \
    X(TLS_HELLO, 400, "tls_hello", "a TLS handshake where HTTP was expected")                      \
    X(HTTP2_PREFACE, 400, "http2_preface", "an HTTP/2 preface on an HTTP/1 connection")            \
    X(METHOD_NOT_TOKEN, 400, "method_not_token", "the method is not a token")                      \
    X(METHOD_TOO_LONG, 400, "method_too_long", "the method is longer than 32 bytes")               \
    X(METHOD_CONNECT, 405, "method_connect", "the method CONNECT is not served")                   \
    X(METHOD_TRACE, 405, "method_trace", "the method TRACE is not served")                         \
    X(NO_TARGET, 400, "no_target", "the request line has no target")                               \
    X(TWO_SPACES, 400, "two_spaces", "two spaces before the target")                               \
    X(NO_VERSION, 400, "no_version", "the request line has no version")                            \
    X(VERSION_MALFORMED, 400, "version_malformed", "the HTTP version is malformed")                \
    X(VERSION_UNSUPPORTED, 505, "version_unsupported", "the HTTP version is neither 1.0 nor 1.1")  \
    X(AFTER_VERSION, 400, "after_version", "something follows the HTTP version")                   \
    /* target */                                                                                   \
    X(TARGET_TOO_LONG, 414, "target_too_long", "the target is longer than the limit")              \
    X(TARGET_CONTROL, 400, "target_control", "a control byte in the target")                       \
    X(TARGET_NOT_ASCII, 400, "target_not_ascii", "a byte over 0x7F in the target")                 \
    X(TARGET_FORM, 400, "target_form", "the target is neither a path nor an http URL")             \
    X(TARGET_FRAGMENT, 400, "target_fragment", "a fragment in the target")                         \
    X(TARGET_ASTERISK, 400, "target_asterisk", "the target * is for OPTIONS alone")                \
    X(TARGET_NO_AUTHORITY, 400, "target_no_authority", "the target is a URL without a host")       \
    X(PATH_BACKSLASH, 400, "path_backslash", "a backslash in the path")                            \
    X(PATH_PERCENT, 400, "path_percent", "a percent sign without two hexadecimal digits")          \
    X(PATH_ENCODED_CONTROL, 400, "path_encoded_control", "percent-encoded NUL, CR or LF")          \
    X(PATH_VEILED_DOTS, 400, "path_veiled_dots",                                                   \
      "a dot segment beside a percent-encoded slash or a semicolon")                               \
    X(PATH_ABOVE_ROOT, 400, "path_above_root", "the path climbs above the root")                   \
    /* status line */                                                                              \
    X(STATUS_MALFORMED, 502, "status_malformed", "the status is not three digits")                 \
    X(REASON_CONTROL, 502, "reason_control", "a control byte in the reason phrase")                \
    /* field lines */                                                                              \
    X(FIELDS_TOO_MANY, 431, "fields_too_many", "more fields than the limit")                       \
    X(FIELD_FOLDED, 400, "field_folded", "a folded line: white space before a field name")         \
    X(FIELD_NO_NAME, 400, "field_no_name", "a field without a name")                               \
    X(FIELD_NO_COLON, 400, "field_no_colon", "a field without a colon")                            \
    X(FIELD_NAME_SPACE, 400, "field_name_space", "white space in or after a field name")           \
    X(FIELD_NAME_NOT_TOKEN, 400, "field_name_not_token", "a field name is not a token")            \
    X(FIELD_NAME_UNDERSCORE, 400, "field_name_underscore", "an underscore in a field name")        \
    X(FIELD_VALUE_CONTROL, 400, "field_value_control", "a control byte in a field value")          \
    /* Host */                                                                                     \
    X(HOST_MISSING, 400, "host_missing", "HTTP/1.1 without Host")                                  \
    X(HOST_TWICE, 400, "host_twice", "Host appears twice")                                         \
    X(HOST_EMPTY, 400, "host_empty", "the host is empty")                                          \
    X(HOST_LIST, 400, "host_list", "the host is a list")                                           \
    X(HOST_USERINFO, 400, "host_userinfo", "user information in the host")                         \
    X(HOST_BRACKET, 400, "host_bracket", "a broken bracket in the host")                           \
    X(HOST_MALFORMED, 400, "host_malformed", "the host is neither a name nor an address")          \
    X(HOST_PORT, 400, "host_port", "the host's port is not a number from 1 to 65535")              \
    X(HOST_DIFFERS, 400, "host_differs", "the target and Host name different hosts")               \
    /* Connection, Expect */                                                                       \
    X(CONNECTION_NAMES_AUTHORIZATION, 400, "connection_names_authorization",                       \
      "Connection names Authorization")                                                            \
    X(CONNECTION_NAMES_CONTENT_LENGTH, 400, "connection_names_content_length",                     \
      "Connection names Content-Length")                                                           \
    X(CONNECTION_NAMES_COOKIE, 400, "connection_names_cookie", "Connection names Cookie")          \
    X(CONNECTION_NAMES_HOST, 400, "connection_names_host", "Connection names Host")                \
    X(CONNECTION_NAMES_TRANSFER_ENCODING, 400, "connection_names_transfer_encoding",               \
      "Connection names Transfer-Encoding")                                                        \
    X(CONNECTION_TOO_MANY, 400, "connection_too_many", "Connection names too many fields")         \
    X(EXPECT_TWICE, 400, "expect_twice", "Expect appears twice")                                   \
    X(EXPECT_MALFORMED, 400, "expect_malformed", "Expect is empty, or 100-continue decorated")     \
    X(EXPECT_UNKNOWN, 417, "expect_unknown", "Expect is not 100-continue")                         \
    /* Content-Length, Transfer-Encoding */                                                        \
    X(TWO_CONTENT_LENGTHS, 400, "two_content_lengths", "Content-Length appears twice")             \
    X(CONTENT_LENGTH_LIST, 400, "content_length_list", "Content-Length is a list")                 \
    X(CONTENT_LENGTH_EMPTY, 400, "content_length_empty", "Content-Length is empty")                \
    X(CONTENT_LENGTH_SIGN, 400, "content_length_sign", "Content-Length has a sign")                \
    X(CONTENT_LENGTH_NOT_DIGITS, 400, "content_length_not_digits",                                 \
      "Content-Length is not digits alone")                                                        \
    X(CONTENT_LENGTH_TOO_LARGE, 400, "content_length_too_large",                                   \
      "Content-Length is not below 2^63")                                                          \
    X(LENGTH_AND_CODING, 400, "length_and_coding", "both Content-Length and Transfer-Encoding")    \
    X(TWO_TRANSFER_ENCODINGS, 400, "two_transfer_encodings", "Transfer-Encoding appears twice")    \
    X(CODING_IN_1_0, 400, "coding_in_1_0", "Transfer-Encoding in HTTP/1.0")                        \
    X(CODING_LIST, 400, "coding_list", "Transfer-Encoding is a list")                              \
    X(CODING_NOT_CHUNKED, 400, "coding_not_chunked", "Transfer-Encoding is not exactly chunked")   \
    X(CODING_UNKNOWN, 501, "coding_unknown", "an unknown transfer coding before chunked")          \
    /* the parser beside our own reading */                                                        \
    X(PARSER, 400, "parser", "the parser refuses what the byte check let through")                 \
    X(PARSER_DISAGREES, 400, "parser_disagrees",                                                   \
      "parser and byte check read the head differently")                                           \
    X(FRAMING_DISAGREES, 400, "framing_disagrees",                                                 \
      "parser and framing decision disagree about the length")                                     \
    X(CHUNK_DISAGREES, 400, "chunk_disagrees", "parser and byte check read a chunk differently")   \
    /* chunked bodies */                                                                           \
    X(CHUNK_SIZE_EMPTY, 400, "chunk_size_empty", "a chunk size without a digit")                   \
    X(CHUNK_SIZE_NOT_HEX, 400, "chunk_size_not_hex",                                               \
      "a chunk size is not hexadecimal digits alone")                                              \
    X(CHUNK_SIZE_TOO_LARGE, 400, "chunk_size_too_large",                                           \
      "a chunk size has more than 16 digits or is not below 2^63")                                 \
    X(CHUNK_BARE_LF, 400, "chunk_bare_lf", "a bare LF beside a chunk")                             \
    X(CHUNK_BARE_CR, 400, "chunk_bare_cr", "a CR without LF beside a chunk")                       \
    X(CHUNK_TOO_LONG, 400, "chunk_too_long", "a chunk is longer than its size")                    \
    X(EXTENSION_BARE_LF, 400, "extension_bare_lf", "a bare LF in a chunk extension")               \
    X(EXTENSION_CONTROL, 400, "extension_control", "a control byte in a chunk extension")          \
    X(EXTENSION_MALFORMED, 400, "extension_malformed", "a malformed chunk extension")              \
    X(EXTENSION_TOO_LONG, 400, "extension_too_long", "chunk extensions longer than 256 bytes")     \
    X(TRAILERS_TOO_LONG, 431, "trailers_too_long", "the trailers are larger than the limit")       \
    /* what is understood, but not served */                                                       \
    X(UNKNOWN_HOST, 421, "unknown_host", "no such host here")                                      \
    X(OTHER_HOST, 421, "other_host", "this connection was opened for another host")                \
    X(NO_ROUTE, 404, "no_route", "no route covers this path")                                      \
    X(REDIRECT_WITHOUT_HOST, 400, "redirect_without_host", "a redirect needs a Host")              \
    X(BODY_TOO_LARGE, 413, "body_too_large", "the body is larger than the limit")                  \
    X(BODY_TIMEOUT, 408, "body_timeout", "the body did not arrive in time")                        \
    X(BODY_TOO_SLOW, 408, "body_too_slow", "the body came too slowly")                             \
    /* answers alone */                                                                            \
    X(STRAY_BYTES, 502, "stray_bytes", "bytes before the request")                                 \
    X(UNASKED_SWITCH, 502, "unasked_switch", "a 101 that nobody asked for")                        \
    X(SWITCH_TOO_EARLY, 502, "switch_too_early", "a 101 before the request was whole")             \
    X(SWITCH_TO_NOTHING, 502, "switch_to_nothing",                                                 \
      "a 101 without Upgrade and Connection: upgrade")                                             \
    X(SWITCH_NOT_OFFERED, 502, "switch_not_offered", "a 101 to a protocol that was not offered")   \
    X(INTERIMS_TOO_MANY, 502, "interims_too_many", "more than 16 interim answers")                 \
    X(UNWRITABLE, 502, "unwritable", "what was read cannot be written")                            \
    /* below HTTP */                                                                               \
    X(TLS_BROKEN, 400, "tls_broken", "bytes that are no TLS")

enum refusal {
    REFUSAL_NONE,
#define X(name, status, label, words) REFUSAL_##name,
    REFUSALS(X)
#undef X
        REFUSAL_COUNT
};

/* Of all but REFUSAL_NONE, whose status is 0 and whose texts are empty. */
unsigned refusal_status(enum refusal why);            /* for the client that sent it */
const char *refusal_label(enum refusal why);          /* as in metrics: lower case and "_" */
const char *refusal_text(enum refusal why);           /* in words, of a request */
const char *refusal_text_of_answer(enum refusal why); /* "the server's answer: " and the words */

#endif
