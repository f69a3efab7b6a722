// Where messages may be sent to. A brand says where, so without care the server could be made to call what only it can reach. Must
// hold: a connection is made only to an address that was looked at here, and that very address; so a name that leads
// elsewhere when it is asked again is of no use.

import { type LookupAddress, type LookupAllOptions, lookup } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import ipaddr from "ipaddr.js";

/** What besides addresses of the public internet is allowed. */
export interface AddressPolicy {
  /** Whether http will do, or it must be https. */
  http: boolean;
  /** Whether this machine may be called. */
  loopback: boolean;
}

/** Messages are not sent there. The message says why. */
export class ForbiddenAddressError extends Error {
  override name = "ForbiddenAddressError";
}

const LONGEST_URL = 2_048;
/** Public as far as registries know, and within some clouds the host's own service. */
const SERVICES_OF_HOSTS = new Set(["168.63.129.16"]);

/** What is wrong with a URL, so far as can be seen without asking anybody; nothing if it can be used. */
export function problemOfUrl(text: string, policy: AddressPolicy): string | undefined {
  if (text.length > LONGEST_URL) return `must be ${LONGEST_URL} characters at most`;
  // Parsed, it would be another text, and some databases do not take it.
  if (!/^[!-~\u00a0-\uffff]*$/.test(text)) return "must have no spaces and no control characters";
  const url = URL.parse(text);
  const schemes = policy.http ? ["https:", "http:"] : ["https:"];
  if (url === null || !schemes.includes(url.protocol))
    return `must be a URL that begins with ${schemes.map((scheme) => `${scheme}//`).join(" or ")}`;
  if (url.username !== "" || url.password !== "")
    return "must have no user and password in it: messages are signed instead";
  if (url.hash !== "") return "must have no # in it: that part would not be sent";
  const host = hostOf(url);
  if (isIP(host) !== 0 && !isAllowed(host, policy))
    return "must be reachable from the internet: private and reserved addresses are not called";
  return undefined;
}

/** The host of a URL as it is connected to. */
export function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, "");
}

/** Whether an address may be called. */
export function isAllowed(address: string, policy: AddressPolicy): boolean {
  // The library also takes what is short for an address somewhere.
  if (isIP(address) === 0 || !ipaddr.isValid(address)) return false;
  const range = ipaddr.parse(address).range();
  return (range === "unicast" && !SERVICES_OF_HOSTS.has(address)) || (range === "loopback" && policy.loopback);
}

/** Throws {@link ForbiddenAddressError} for a host that is an address and may not be called: such a one is never looked up. */
export function requireAllowedHost(host: string, policy: AddressPolicy): void {
  if (isIP(host) !== 0 && !isAllowed(host, policy)) throw forbidden(host, host);
}

/** How names become addresses: all of them. */
export type Resolve = (
  host: string,
  options: LookupAllOptions,
  done: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/**
 * The look-up for connections: a name with an address that may not be called is not called at all. `node:net` connects to what
 * is answered here and asks nobody again.
 */
export function createGuardedLookup(policy: AddressPolicy, resolve: Resolve = lookup): LookupFunction {
  return (host, { all, ...options }, done) => {
    resolve(host, { ...options, all: true } as LookupAllOptions, (error, addresses) => {
      const answer = done as (error: Error | null, ...found: unknown[]) => void;
      if (error !== null) return answer(error);
      const wrong = addresses.find(({ address }) => !isAllowed(address, policy));
      if (wrong !== undefined) return answer(forbidden(host, wrong.address));
      const [first] = addresses;
      if (first === undefined) return answer(new Error(`${host} has no address`));
      if (all === true) answer(null, addresses);
      else answer(null, first.address, first.family);
    });
  };
}

function forbidden(host: string, address: string): ForbiddenAddressError {
  const what = host === address ? address : `${host} (${address})`;
  return new ForbiddenAddressError(
    `${what} is not called: it is no address of the public internet. Give the endpoint an address that is.`,
  );
}
