// Holds answers against what the OpenAPI document says of their operation, and remembers which of its statuses were seen.

import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { expect } from "chai";
import type { Method } from "../../../server/http/operations.ts";
import type { RunningApp } from "./support.ts";

interface DocumentedResponse {
  content?: Record<string, { schema: object }>;
  headers?: Record<string, { required?: boolean; $ref?: string }>;
}
export interface DocumentedOperation {
  operationId: string;
  summary: string;
  description: string;
  tags: string[];
  security: object[];
  responses: Record<string, DocumentedResponse>;
}
interface OpenApiDocument {
  openapi: string;
  info: { license: object; contact: object };
  servers: { url: string }[];
  tags: { name: string; description: string }[];
  paths: Record<string, Partial<Record<Method, DocumentedOperation>>>;
}

export interface CheckOptions {
  /** `get` if left out. */
  method?: Method;
  /** The app that is asked, if not the one that the contract was read from. */
  on?: RunningApp;
  headers?: Record<string, string>;
  /** Sent as JSON, unless it is a string already. */
  body?: unknown;
}

export interface HeldAnswer {
  status: number;
  header(name: string): string | undefined;
  text: string;
}

export interface Contract {
  document: OpenApiDocument;
  /** What the document says of an operation; nothing if it does not know it. */
  operation(method: Method, path: string): DocumentedOperation | undefined;
  /** The operations of some tags, as `method path`. */
  operations(tags: readonly string[]): [method: Method, path: string, operation: DocumentedOperation][];
  /** Sends a request, and holds the answer against what the document says of the operation. */
  check(
    path: string,
    target: string,
    status: number,
    options?: CheckOptions,
    // biome-ignore lint/suspicious/noExplicitAny: what an answer holds, its schema says
  ): Promise<{ response: Response; text: string; body: any }>;
  /** Holds an answer against what the document says of the operation. */
  hold(method: Method, path: string, answer: HeldAnswer): { breach?: string; body?: unknown };
  /** What of the operations of some tags was documented and not seen, as `method path status`. */
  unseen(tags: readonly string[]): string[];
}

export async function readContract(app: RunningApp): Promise<Contract> {
  const document = (await (await app.get("/openapi.json")).json()) as OpenApiDocument;
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addSchema(document, "document");
  const validators = new Map<string, ValidateFunction>();
  const seen = new Set<string>();

  const contract: Contract = {
    document,
    operation: (method, path) => document.paths[path]?.[method],
    operations: (tags) =>
      Object.entries(document.paths).flatMap(([path, methods]) =>
        (Object.entries(methods) as [Method, DocumentedOperation][]).flatMap(
          ([method, operation]): [Method, string, DocumentedOperation][] =>
            operation.tags.some((tag) => tags.includes(tag)) ? [[method, path, operation]] : [],
        ),
      ),
    async check(path, target, status, { method = "get", on = app, headers = {}, body } = {}) {
      const response = await on.get(target, {
        method: method.toUpperCase(),
        headers: { ...(body === undefined ? {} : { "Content-Type": "application/json" }), ...headers },
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      const what = `${method.toUpperCase()} ${target}`;
      expect(response.status, `${what}: ${text}`).to.equal(status);
      const header = (name: string) => response.headers.get(name) ?? undefined;
      const { breach, body: answer } = contract.hold(method, path, { status, header, text });
      expect(breach, what).to.equal(undefined);
      seen.add(`${method} ${path} ${status}`);
      return { response, text, body: answer };
    },
    hold(method, path, { status, header, text }) {
      const documented = contract.operation(method, path)?.responses[String(status)];
      if (documented === undefined) return { breach: `${method} ${path} ${status} is not in the document: ${text}` };
      for (const [name, { required }] of Object.entries(documented.headers ?? {})) {
        if (required && header(name) === undefined) return { breach: `the header ${name} is missing` };
      }
      if (documented.content === undefined) return text === "" ? {} : { breach: `there is a body: ${text}` };
      const contentType = header("content-type")?.split(";")[0] ?? "";
      if (!(contentType in documented.content)) return { breach: `the content type is ${contentType}: ${text}` };
      if (!contentType.endsWith("json")) return { body: text };
      const pointer = ["paths", path, method, "responses", String(status), "content", contentType, "schema"]
        .map((part) => encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1")))
        .join("/");
      const reference = `document#/${pointer}`;
      const validate = validators.get(reference) ?? ajv.compile({ $ref: reference });
      validators.set(reference, validate);
      const body = JSON.parse(text);
      return validate(body) ? { body } : { body, breach: `${ajv.errorsText(validate.errors)} in ${text}` };
    },
    unseen: (tags) =>
      contract
        .operations(tags)
        .flatMap(([method, path, { responses }]) =>
          Object.keys(responses).map((status) => `${method} ${path} ${status}`),
        )
        .filter((status) => !seen.has(status)),
  };
  return contract;
}
