// SPDX-License-Identifier: Apache-2.0
// Node's http as an origin:  node node.js PORT
'use strict';
const http = require('node:http');
const { report } = require('./report.js');

// Larger than Signet's limit, so that size alone divides nobody.
const options = { maxHeaderSize: 131072, requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: 60000 };

function pairs(raw) {
    const fields = [];
    for (let i = 0; i < raw.length; i += 2)
        fields.push([raw[i], raw[i + 1]]);
    return fields;
}

http.createServer(options, (request, response) => {
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => {
        const read = report(request.method, request.url, pairs(request.rawHeaders), Buffer.concat(parts));
        response.writeHead(200, [...read, ['Content-Length', '0']]);
        response.end();
    });
}).listen(Number(process.argv[2]), '127.0.0.1');
