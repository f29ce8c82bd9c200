// SPDX-License-Identifier: Apache-2.0
// WebSocket for the end-to-end tests, by Debian's node-ws (NODE_PATH=/usr/share/nodejs):
//   node websocket.js serve PORT             an echo server
//   node websocket.js echo PORT CA COUNT     sends COUNT messages through signet, of 0 B to 1 MB, text and binary; says "COUNT right"
//                                            when all of them came back, in order
//   node websocket.js hold PORT CA SECONDS   one message, silence, one more; says "held"
'use strict';
const fs = require('node:fs');
const WebSocket = require('ws');

const [mode, port, ca, amount] = process.argv.slice(2);
const IN_FLIGHT = 64; // messages on their way at once
const LARGEST = 1 << 20;

function serve() {
    const server = new WebSocket.Server({ port, host: '127.0.0.1', maxPayload: 2 * LARGEST });
    server.on('connection', (socket) => {
        socket.on('message', (data, binary) => socket.send(data, { binary }));
        socket.on('error', () => {});
    });
}

function connect() {
    const name = 'shop.example.test';
    const socket = new WebSocket(`wss://${name}:${port}/socket`, {
        ca: fs.readFileSync(ca), servername: name, perMessageDeflate: false, maxPayload: 2 * LARGEST,
        lookup: (host, options, found) => (options.all ? found(null, [{ address: '127.0.0.1', family: 4 }]) : found(null, '127.0.0.1', 4)),
    });
    socket.on('error', (error) => {
        console.error(error);
        process.exit(1);
    });
    return socket;
}

// Sizes of all magnitudes, each hundredth message up to the largest, always the same ones.
function sizeOf(n) {
    if (n % 100 === 0) return LARGEST - (n * 37) % 1000;
    const random = (Math.imul(n, 2654435761) >>> 0) / 2 ** 32;
    return Math.floor(2 ** (random * 16)) - 1;
}

function messageOf(n) {
    const size = sizeOf(n);
    if (n % 2 === 0) return { data: Buffer.alloc(size, `${n} `), binary: true };
    const text = `${n} grüße, `;
    return { data: Buffer.from(text.repeat(Math.ceil(size / text.length)).slice(0, size)), binary: false };
}

function fail(why) {
    console.error(why);
    process.exit(1);
}

function echo(count) {
    const socket = connect();
    let sent = 0, received = 0;
    const send = () => {
        while (sent < count && sent - received < IN_FLIGHT) {
            const { data, binary } = messageOf(sent++);
            socket.send(data, { binary });
        }
    };
    socket.on('open', send);
    socket.on('message', (data, binary) => {
        const wanted = messageOf(received++);
        if (binary !== wanted.binary || !wanted.data.equals(data)) fail(`message ${received - 1} came back wrong`);
        if (received === count) socket.close(1000);
        else send();
    });
    socket.on('close', (code) => {
        if (code !== 1000 || received !== count) fail(`closed with ${code} after ${received}`);
        console.log(`${count} right`);
    });
}

function hold(seconds) {
    const socket = connect();
    socket.on('open', () => socket.send('before'));
    socket.on('message', (data) => {
        if (data.toString() === 'before') setTimeout(() => socket.send('after'), seconds * 1000);
        else socket.close(1000);
    });
    socket.on('close', (code) => (code === 1000 ? console.log('held') : fail(`closed with ${code}`)));
}

if (mode === 'serve') serve();
else if (mode === 'echo') echo(Number(amount));
else hold(Number(amount));
