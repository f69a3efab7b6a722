// What must hold of every answer: it is one that the document gives the operation, and tells nothing of how the server is made.

import type { Contract } from "../server/http/contract.ts";
import type { FuzzedRequest } from "./request.ts";
import type { Answer, Written } from "./sending.ts";

/** Words that only we and our libraries use. None of them is ever sent. */
const INTERNALS =
  /prisma|sqlite|postgres|drizzle|better-auth|ethers\.|express|node:|node_modules|\.tsx?\b|\.mjs|\/server\/|\bat [\w.<>]+ \(|SELECT |INSERT INTO|constraint|violat|P20\d\d|ECONN|undefined is not|is not a function|Cannot read/i;
const PROBLEM_TYPES = new Set(["application/problem+json"]);

export interface Judged {
  /** What is wrong with the answer; nothing if it is as it should be. */
  breach?: string;
  body?: unknown;
}

export function judge(contract: Contract, request: FuzzedRequest, written: Written, answer: Answer): Judged {
  const { status, text } = answer;
  const header = (name: string) => answer.headers[name.toLowerCase()];
  const contentType = header("content-type")?.split(";")[0] ?? "";
  if (PROBLEM_TYPES.has(contentType)) {
    const leak = INTERNALS.exec(withoutEchoes(text))?.[0];
    if (leak !== undefined) return { breach: `it tells of the server's inside (${leak}): ${text}` };
  }
  if (status >= 500 && status !== 503) return { breach: `it is a ${status}: ${text}` };
  if (header("x-request-id") === undefined) return { breach: "the header X-Request-Id is missing" };
  const { method, path } = request.operation;
  if (answer.endless) return {};
  if (written.method === "HEAD" || (written.method === "OPTIONS" && status < 300)) {
    return text === "" ? {} : { breach: `there is a body: ${text}` };
  }
  const elsewhere =
    written.method.toLowerCase() !== method || request.changes.some(({ kind }) => kind.startsWith("path"));
  if (!elsewhere) return contract.hold(method, path, { status, header, text });
  // It may have reached another operation, or none.
  const asked = written.method.toLowerCase() as typeof method;
  const other =
    contract.operation(asked, path) === undefined ? undefined : contract.hold(asked, path, { status, header, text });
  if (other !== undefined && other.breach === undefined) return { body: other.body };
  if (status === 405 && contract.operation(asked, path) !== undefined && asked === method && !/\//.test(path))
    return { breach: `a method that the document knows is refused: ${text}` };
  const isProblem = PROBLEM_TYPES.has(contentType);
  if ([400, 401, 403, 404, 405].includes(status) && (isProblem || contentType === "text/html")) return {};
  if (status < 300 || status === 304) return {};
  return { breach: other?.breach ?? `it is a ${status} for an address or a method that was changed: ${text}` };
}

/** What of a problem is the server's own words: names that are unknown are repeated. */
function withoutEchoes(text: string): string {
  try {
    const {
      title,
      detail,
      errors = [],
    } = JSON.parse(text) as {
      title: string;
      detail: string;
      errors?: { parameter: string; detail: string }[];
    };
    return [title, errors.reduce((words, { parameter }) => words.replaceAll(parameter, ""), detail)].join("\n");
  } catch {
    return text;
  }
}
