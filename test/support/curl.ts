// The curl commands of a page, sent as curl would send them, to a server at another address.

import { runCommand } from "./commands.ts";

export interface CurlOptions {
  /** Where the server really is. */
  server: string;
  /** What the command's variables stand for. */
  environment: Record<string, string>;
  /** Texts of the body that are replaced. */
  replace?: Record<string, string>;
}

/** Sends what a curl command would send. The shell itself takes the command apart. */
export async function sendCurl(command: string, { server, environment, replace = {} }: CurlOptions): Promise<Response> {
  const words = `set -- ${command.slice("curl ".length)}; for word in "$@"; do printf '%s\\n' "$word"; done`;
  const { output } = await runCommand(words, environment);
  const headers = new Headers();
  let [address, body, method]: (string | undefined)[] = [];
  const given = output.trim().split("\n");
  for (let word = given.shift(); word !== undefined; word = given.shift()) {
    if (word === "-d") body = given.shift();
    else if (word === "-X") method = given.shift();
    else if (word === "-H") {
      const [, name = "", value = ""] = /^([^:]+): (.*)$/.exec(given.shift() ?? "") ?? [];
      headers.append(name, value);
    } else if (word.startsWith("-")) throw new Error(`The test does not know the option ${word} of curl`);
    else address = word;
  }
  for (const [text, other] of Object.entries(replace)) body = body?.replaceAll(text, other);
  const { pathname, search } = new URL(address ?? "");
  return await fetch(`${server}${pathname}${search}`, {
    headers,
    method: method ?? (body === undefined ? "GET" : "POST"),
    ...(body === undefined ? {} : { body }),
  });
}
