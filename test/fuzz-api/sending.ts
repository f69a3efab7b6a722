// Writes a request as bytes and sends it without the mending that `fetch` does.

import { Agent, request as httpRequest } from "node:http";
import type { Memory } from "./memory.ts";
import type { Change, FuzzedRequest } from "./request.ts";
import { Known } from "./schema.ts";

/** A request as it is sent. */
export interface Written {
  method: string;
  target: string;
  headers: Record<string, string>;
  body: string | undefined;
}

export interface Answer {
  status: number;
  headers: Record<string, string>;
  text: string;
  /** It goes on, and was not read to its end. */
  endless: boolean;
}

/** An answer that takes longer has hung. */
const PATIENCE_MS = 15_000;

const agent = new Agent({ keepAlive: true, maxSockets: 64 });

/** Fills in what is known, and changes what is to be changed. */
export function write(request: FuzzedRequest, memory: Memory, credentials: Record<string, string>): Written {
  const { operation, changes } = request;
  const change = <Kind extends Change["kind"]>(kind: Kind) =>
    changes.filter((candidate): candidate is Extract<Change, { kind: Kind }> => candidate.kind === kind);

  const parts = Object.entries(known(request.path, memory) as Record<string, unknown>).map(
    ([name, value]): [string, string] => [name, encode(String(value))],
  );
  for (const { at, text } of change("path")) put(parts, at, encode(text));
  for (const { at, text } of change("path-text")) put(parts, at, text);
  const path = parts.reduce((text, [name, part]) => text.replace(`{${name}}`, () => part), operation.path);

  const query = Object.entries(known(request.query, memory) as Record<string, unknown>).map(
    ([name, value]): [string, string] => [encode(name), encode(String(value))],
  );
  for (const { at, name, text } of change("query")) {
    const again = query[at % Math.max(1, query.length)];
    query.push([name === undefined ? (again?.[0] ?? "limit") : encode(name), encode(text)]);
  }
  const texts = [...query.map(([name, value]) => `${name}=${value}`), ...change("query-text").map(({ text }) => text)];
  const target = `${path}${texts.length === 0 ? "" : `?${texts.join("&")}`}`;

  const headers: Record<string, string> = { Accept: "application/json", ...credentials };
  for (const [name, value] of Object.entries(known(request.headers, memory) as object)) headers[name] = String(value);
  const tag = memory.tags.get(`${operation.path} ${target}`);
  if (request.conditional && tag !== undefined) headers["If-None-Match"] = tag;
  const body = writeBody(request, memory, change);
  if (body !== undefined) headers["Content-Type"] = request.contentType ?? "application/json";
  for (const { text } of change("content-type")) headers["Content-Type"] = text;
  for (const { name, value } of change("header")) headers[name] = value;
  const method = change("method").at(-1)?.method ?? operation.method.toUpperCase();
  // Only what a line of HTTP/1.1 can hold, which is none of the application's business.
  const printable = target.toWellFormed().replaceAll(/[^!-~]/gu, (letter) => encodeURIComponent(letter));
  return { method, target: printable, headers: mapValues(headers, latin), body };
}

function writeBody(
  request: FuzzedRequest,
  memory: Memory,
  change: <Kind extends Change["kind"]>(kind: Kind) => Extract<Change, { kind: Kind }>[],
): string | undefined {
  const raw = change("body-text").at(-1);
  if (raw !== undefined) return raw.text;
  if (request.body === undefined) return undefined;
  if (!/json/.test(request.contentType ?? "") && typeof request.body === "string") return request.body;
  const root = { body: known(request.body, memory) };
  for (const { at, value } of change("replace")) {
    const place = placeOf(root, at);
    if (place !== undefined) define(place.parent, place.key, value);
  }
  for (const { at } of change("remove")) {
    const place = placeOf(root, at);
    if (place !== undefined && place.parent !== root) delete (place.parent as Record<string, unknown>)[place.key];
  }
  for (const { at, name, value } of change("add")) {
    const objects = places(root).filter(({ value: found }) => typeof found === "object" && found !== null);
    const place = objects[at % Math.max(1, objects.length)];
    if (place !== undefined && !Array.isArray(place.value)) define(place.value as object, name, value);
  }
  const text =
    typeof root.body === "string" && request.contentType !== "application/json" ? root.body : JSON.stringify(root.body);
  const cut = change("cut").at(-1);
  return cut === undefined ? text : text?.slice(0, cut.at);
}

interface Place {
  parent: object;
  key: string;
  value: unknown;
}

/** Every value of a body, from the outside in. */
function places(parent: object): Place[] {
  return Object.entries(parent).flatMap(([key, value]): Place[] => [
    { parent, key, value },
    ...(typeof value === "object" && value !== null ? places(value) : []),
  ]);
}

function placeOf(root: object, at: number): Place | undefined {
  const all = places(root);
  return all[at % Math.max(1, all.length)];
}

/** Also for names that mean something else to an assignment. */
function define(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}

function known(value: unknown, memory: Memory): unknown {
  if (value instanceof Known) return memory.recall(value);
  if (Array.isArray(value)) return value.map((item) => known(item, memory));
  if (typeof value !== "object" || value === null) return value;
  const filled = {};
  for (const [key, member] of Object.entries(value)) define(filled, key, known(member, memory));
  return filled;
}

function put(parts: [string, string][], at: number, text: string): void {
  const part = parts[at % Math.max(1, parts.length)];
  if (part !== undefined) part[1] = text;
}

/** As `encodeURIComponent`, also for what is no Unicode. */
function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

/** What one byte can hold. */
function latin(text: string): string {
  return text.replaceAll(/[^\t -~\u00a0-\u00ff]/g, (letter) => encode(letter));
}

function mapValues(record: Record<string, string>, change: (value: string) => string): Record<string, string> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]));
}

/** Sends it, and reads the answer. Rejects if there is none. */
export async function send(url: string, { method, target, headers, body }: Written): Promise<Answer> {
  const { hostname, port } = new URL(url);
  return await new Promise((resolve, reject) => {
    const bytes = body === undefined ? undefined : Buffer.from(body);
    const length = bytes === undefined ? {} : { "Content-Length": String(bytes.length) };
    const sent = httpRequest({ agent, hostname, port, method, path: target, headers: { ...headers, ...length } });
    sent.setTimeout(PATIENCE_MS, () => sent.destroy(new Error(`no answer within ${PATIENCE_MS} ms`)));
    sent.on("error", reject);
    sent.on("response", (response) => {
      const chunks: Buffer[] = [];
      const finish = (endless: boolean) =>
        resolve({
          status: response.statusCode ?? 0,
          headers: Object.fromEntries(Object.entries(response.headers).map(([name, value]) => [name, String(value)])),
          text: Buffer.concat(chunks).toString(),
          endless,
        });
      response.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        if (response.headers["content-type"]?.startsWith("text/event-stream") !== true) return;
        finish(true);
        response.destroy();
      });
      response.on("end", () => finish(false));
      response.on("error", reject);
    });
    sent.end(bytes);
  });
}
