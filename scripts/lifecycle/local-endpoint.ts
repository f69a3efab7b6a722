// Where the chain of this machine listens, from the URL that everything else reaches it by.

import { StartError } from "./session.ts";

/**
 * The host and port of RPC_URL. Throws {@link StartError} where it does not name a node that we could start beside a server
 * on `serverPort`.
 */
export function localEndpoint(rpcUrl: string, serverPort: number): { host: string; port: number } {
  const { protocol, hostname, port, pathname } = new URL(rpcUrl);
  const bare = hostname.replace(/^\[|\]$/g, "");
  const host = bare === "localhost" ? "127.0.0.1" : bare;
  const isAddress = /^[\d.]+$/.test(host) || host.includes(":");
  if (protocol !== "http:" || pathname !== "/" || !isAddress) {
    throw new StartError(
      "This starts a chain of its own at RPC_URL, which must therefore be like http://127.0.0.1:8545. " +
        "For a chain that runs elsewhere, use: npm run deploy, then npm run server",
    );
  }
  const chainPort = port === "" ? 80 : Number(port);
  if (chainPort === serverPort) {
    throw new StartError(
      `PORT and RPC_URL both name port ${serverPort}: the server and the chain need one each. Change one of them.`,
    );
  }
  return { host, port: chainPort };
}

/** How this machine reaches a server that listens on `host`. */
export function localUrl(host: string, port: number): string {
  const target = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return `http://${target.includes(":") ? `[${target}]` : target}:${port}`;
}
