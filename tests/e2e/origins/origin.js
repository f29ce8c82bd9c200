// SPDX-License-Identifier: Apache-2.0
// The Node origin of the end-to-end tests:  node origin.js PORT NAME
//   /echo       what it saw, as JSON: method, url, headers in order, body's length and SHA-256
//   /bytes/N    N bytes with Content-Length;  /chunked/N  the same, chunked
//   /slow/MS    answers after MS milliseconds; /drip/N/MS  N pieces of 1 kB, MS apart
//   /status/N   that status;                   /trailers   chunked with a trailer
//   /early      answers 403 without reading the body
//   /hints      103 first, then 200
'use strict';
const http = require('node:http');
const crypto = require('node:crypto');

const [port, name] = [Number(process.argv[2]), process.argv[3]];
const piece = Buffer.alloc(65536, 'signet');

function sendBytes(response, count) {
    let left = count;
    const push = () => {
        while (left > 0) {
            const part = left >= piece.length ? piece : piece.subarray(0, left);
            left -= part.length;
            if (!response.write(part)) {
                response.once('drain', push);
                return;
            }
        }
        response.end();
    };
    push();
}

function echo(request, response) {
    const hash = crypto.createHash('sha256');
    let length = 0;
    request.on('data', (part) => {
        hash.update(part);
        length += part.length;
    });
    request.on('end', () => {
        const body = JSON.stringify({
            origin: name, method: request.method, url: request.url, version: request.httpVersion,
            headers: request.rawHeaders, trailers: request.rawTrailers, length, sha256: hash.digest('hex'),
        });
        response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) });
        response.end(body);
    });
}

const routes = {
    bytes: (request, response, count) => {
        response.writeHead(200, { 'Content-Length': count });
        sendBytes(response, count);
    },
    chunked: (request, response, count) => {
        response.writeHead(200);
        sendBytes(response, count);
    },
    slow: (request, response, ms) => setTimeout(() => response.end('slow\n'), ms),
    drip: (request, response, count, ms) => {
        response.writeHead(200);
        let sent = 0;
        const timer = setInterval(() => {
            if (sent++ === count) {
                clearInterval(timer);
                response.end();
            } else {
                response.write(piece.subarray(0, 1024));
            }
        }, ms);
        response.on('close', () => clearInterval(timer));
    },
    status: (request, response, status) => {
        response.writeHead(status);
        response.end(status === 204 || status === 304 ? undefined : `${status}\n`);
    },
    trailers: (request, response) => {
        response.writeHead(200, { Trailer: 'X-Checksum' });
        response.write('body');
        response.addTrailers({ 'X-Checksum': 'abc' });
        response.end();
    },
    early: (request, response) => {
        response.writeHead(403, { 'Content-Length': 3 });
        response.end('no\n');
    },
    hints: (request, response) => {
        response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' });
        response.end('hinted\n');
    },
};

const server = http.createServer((request, response) => {
    const [what, ...numbers] = request.url.split('?')[0].split('/').slice(1);
    (routes[what] || echo)(request, response, ...numbers.map(Number));
});
server.keepAliveTimeout = 60000;
server.requestTimeout = 0;
server.listen(port, '127.0.0.1');
