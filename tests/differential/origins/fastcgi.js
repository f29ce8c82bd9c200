// SPDX-License-Identifier: Apache-2.0
// What stands behind nginx, Apache and lighttpd:  node fastcgi.js SOCKET
// Answers each FastCGI request with what the server in front of it has read. One that is cut gets no answer at all.
// https://fastcgi-archives.github.io/FastCGI_Specification.html, sections 3.3 to 3.5 and 5; one request a connection.
'use strict';
const net = require('node:net');
const { report } = require('./report.js');

const END_REQUEST = 3;
const PARAMS = 4;
const STDIN = 5;
const STDOUT = 6;

function record(type, id, content) {
    const head = Buffer.from([1, type, id >> 8, id & 255, content.length >> 8, content.length & 255, 0, 0]);
    return Buffer.concat([head, content]);
}

// Cuts the whole records off the front of `bytes`, hands each to take(type, id, content) and returns the rest.
function takeRecords(bytes, take) {
    let at = 0;
    while (bytes.length - at >= 8) {
        const length = bytes.readUInt16BE(at + 4);
        const end = at + 8 + length + bytes[at + 6];
        if (bytes.length < end)
            break;
        take(bytes[at + 1], bytes.readUInt16BE(at + 2), bytes.subarray(at + 8, at + 8 + length));
        at = end;
    }
    return bytes.subarray(at);
}

// Name-value pairs: each length is one octet, or four with the top bit set.
function variables(bytes) {
    const pairs = [];
    let at = 0;
    const length = () => {
        const long = bytes[at] & 128;
        const value = long ? bytes.readUInt32BE(at) & 0x7fffffff : bytes[at];
        at += long ? 4 : 1;
        return value;
    };
    const text = (count) => bytes.toString('latin1', at, at += count);
    while (at < bytes.length) {
        const [name, value] = [length(), length()];
        pairs.push([text(name), text(value)]);
    }
    return pairs;
}

// The method, the target as received, and the fields: HTTP_* and the one that CGI names otherwise.
function understood(pairs, body) {
    const value = Object.fromEntries(pairs);
    const fields = pairs.filter(([name]) => name.startsWith('HTTP_')).map(([name, text]) => [name.slice(5), text]);
    if (value.CONTENT_TYPE && !('HTTP_CONTENT_TYPE' in value))
        fields.push(['CONTENT_TYPE', value.CONTENT_TYPE]);
    return report(value.REQUEST_METHOD, value.REQUEST_URI, fields, body);
}

// The body must be as long as announced, or the server in front has lost some.
function answer(socket, id, params, stdin) {
    const pairs = variables(params);
    if (stdin.length !== Number(Object.fromEntries(pairs).CONTENT_LENGTH || 0)) {
        socket.destroy();
        return;
    }
    const fields = [['Status', '200 OK'], ...understood(pairs, stdin), ['Content-Length', '0']];
    const text = Buffer.from(fields.map(([name, value]) => `${name}: ${value}\r\n`).join('') + '\r\n', 'latin1');
    for (let at = 0; at < text.length; at += 65528)
        socket.write(record(STDOUT, id, text.subarray(at, at + 65528)));
    socket.end(Buffer.concat([record(STDOUT, id, Buffer.alloc(0)), record(END_REQUEST, id, Buffer.alloc(8))]));
}

net.createServer((socket) => {
    let rest = Buffer.alloc(0);
    const streams = { [PARAMS]: [], [STDIN]: [] };
    socket.on('data', (part) => {
        rest = takeRecords(rest.length ? Buffer.concat([rest, part]) : part, (type, id, content) => {
            if (content.length && streams[type])
                streams[type].push(content);
            else if (type === STDIN)
                answer(socket, id, Buffer.concat(streams[PARAMS]), Buffer.concat(streams[STDIN]));
        });
    });
    socket.on('error', () => socket.destroy());
}).listen(process.argv[2]);
