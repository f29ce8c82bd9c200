// SPDX-License-Identifier: Apache-2.0
// How an origin tells what it read: ASCII JSON, in pieces, in the fields X-Read-1, X-Read-2, ... of its answer.
'use strict';
const crypto = require('node:crypto');

const PIECE = 4096; // Apache takes no longer line from what stands behind it than 8 kB

// Texts are latin-1: a character is an octet of the request. A space is escaped too, so that no piece begins or ends in one.
exports.report = (method, target, fields, body) => {
    const sha256 = crypto.createHash('sha256').update(body).digest('hex');
    const text = JSON.stringify({ method, target, fields, length: body.length, sha256 })
        .replace(/[ \x7f-\xff]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`);
    return text.match(new RegExp(`.{1,${PIECE}}`, 'g')).map((piece, i) => [`X-Read-${i + 1}`, piece]);
};
