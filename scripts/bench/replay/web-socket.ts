// The server's side of WebSocket (RFC 6455), as much of it as a subscription needs: whole text messages both ways, ping, close.

import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

export interface WebSocketConnection {
  send(text: string): void;
}

const ACCEPT_KEY = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const OPCODE = { text: 1, close: 8, ping: 9, pong: 10 } as const;
const FINAL = 0x80;
const MASKED = 0x80;

/** Answers an upgrade. Whatever it cannot read ends the connection. */
export function acceptWebSocket(
  request: IncomingMessage,
  socket: Duplex,
  handlers: { onMessage(text: string): void; onClose(): void },
): WebSocketConnection {
  const accept = createHash("sha1").update(`${request.headers["sec-websocket-key"]}${ACCEPT_KEY}`).digest("base64");
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  let received = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    for (let frame = readFrame(received); frame !== undefined; frame = readFrame(received)) {
      received = received.subarray(frame.length);
      if (frame.opcode === OPCODE.text && frame.isFinal) handlers.onMessage(frame.payload.toString());
      else if (frame.opcode === OPCODE.ping) socket.write(makeFrame(OPCODE.pong, frame.payload));
      else if (frame.opcode === OPCODE.close) socket.end(makeFrame(OPCODE.close, frame.payload));
      else if (frame.opcode !== OPCODE.pong) socket.destroy();
    }
  });
  socket.on("error", () => socket.destroy());
  socket.on("close", handlers.onClose);
  return { send: (text) => socket.write(makeFrame(OPCODE.text, Buffer.from(text))) };
}

function makeFrame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  const header = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  header[0] = FINAL | opcode;
  if (length < 126) header[1] = length;
  else if (length < 65_536) {
    header[1] = 126;
    header.writeUInt16BE(length, 2);
  } else {
    header[1] = 127;
    header.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([header, payload]);
}

/** The first frame of what was received; nothing while it is not complete. */
function readFrame(bytes: Buffer): { opcode: number; isFinal: boolean; payload: Buffer; length: number } | undefined {
  if (bytes.length < 2) return undefined;
  const [first, second] = [bytes.readUInt8(0), bytes.readUInt8(1)];
  let size = second & 0x7f;
  let offset = 2;
  if (size === 126) {
    if (bytes.length < 4) return undefined;
    size = bytes.readUInt16BE(2);
    offset = 4;
  } else if (size === 127) {
    if (bytes.length < 10) return undefined;
    size = Number(bytes.readBigUInt64BE(2));
    offset = 10;
  }
  const maskLength = second & MASKED ? 4 : 0;
  const length = offset + maskLength + size;
  if (bytes.length < length) return undefined;
  const mask = bytes.subarray(offset, offset + maskLength);
  const payload = Buffer.from(bytes.subarray(offset + maskLength, length));
  if (maskLength > 0) for (const [index, byte] of payload.entries()) payload[index] = byte ^ (mask[index % 4] ?? 0);
  return { opcode: first & 0x0f, isFinal: (first & FINAL) !== 0, payload, length };
}
