// Where messages may go, and that no trick leads elsewhere.

import { expect } from "chai";
import { type AddressPolicy, isAllowed, problemOfUrl, type Resolve } from "../../../server/webhooks/addresses.ts";
import { createPoster, type PostResult } from "../../../server/webhooks/post.ts";
import { policyFor } from "../../../server/webhooks/webhooks.ts";
import { startReceiver } from "./receiver.ts";

const STRICT: AddressPolicy = { http: true, loopback: false };
const LOCAL: AddressPolicy = { http: true, loopback: true };
const HTTPS: AddressPolicy = { http: false, loopback: false };

const FORBIDDEN = [
  // IPv4, range by range of IANA's register of special addresses.
  ...["0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.254", "127.0.0.1", "127.9.9.9"],
  ...["169.254.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1"],
  ...["192.88.99.1", "192.168.0.1", "192.168.255.255", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1"],
  ...["224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"],
  // Services of clouds: Alibaba's, Azure's.
  ...["100.100.100.200", "168.63.129.16"],
  // IPv6, and IPv4 hidden in it: mapped, compatible, NAT64, local NAT64, 6to4, Teredo.
  ...["::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:a00:1", "::127.0.0.1", "64:ff9b::7f00:1"],
  ...["64:ff9b:1::a00:1", "2002:7f00:1::", "2001:0:4136:e378::", "100::1", "2001:db8::1", "3fff::1", "fc00::1"],
  ...["fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "2001:20::1", "5f00::1"],
  ...["", "localhost", "256.1.1.1", "1.2.3"],
];
const ALLOWED = ["8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.0", "172.32.0.1", "223.5.5.5", "2606:4700::1111"];

describe("addresses that messages go to", () => {
  it("are those of the public internet only", () => {
    expect(FORBIDDEN.filter((address) => isAllowed(address, STRICT))).to.deep.equal([]);
    expect(ALLOWED.filter((address) => !isAllowed(address, STRICT))).to.deep.equal([]);
  });

  it("may be this machine's where that was set, and nothing else", () => {
    expect(FORBIDDEN.filter((address) => isAllowed(address, LOCAL))).to.deep.equal(["127.0.0.1", "127.9.9.9", "::1"]);
  });

  it("follow from where the server itself is", () => {
    const of = (publicUrl: string, allowLoopback?: boolean) =>
      policyFor({
        publicUrl,
        webhooks: { allowLoopback, timeoutMs: 1, retryDelaysMs: undefined, expiringDays: 1, keptDays: 4 },
      });
    for (const url of ["http://127.0.0.1:3000", "http://localhost:3000", "http://[::1]:3000"])
      expect(of(url), url).to.deep.equal(LOCAL);
    expect(of("http://cards.example")).to.deep.equal(STRICT);
    expect(of("https://cards.example")).to.deep.equal(HTTPS);
    expect(of("https://localhost")).to.deep.equal(HTTPS);
    expect(of("http://127.0.0.1:3000", false)).to.deep.equal(STRICT);
    expect(of("https://cards.example", true)).to.deep.equal({ http: false, loopback: true });
  });

  it("are refused in a URL, however they are written", () => {
    for (const url of [
      ...["http://127.1/", "http://2130706433/", "http://0x7f.0.0.1/", "http://0177.0.0.1/", "http://127.0.0.1./"],
      ...["http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://[0:0:0:0:0:ffff:7f00:1]/", "http://①②⑦.0.0.1/"],
      ...["http://169.254.169.254/latest/meta-data/", "http://0/", "http://[::]/"],
    ]) {
      expect(problemOfUrl(url, STRICT), url).to.contain("reachable from the internet");
    }
    expect(problemOfUrl("http://user:secret@shop.example/", STRICT)).to.contain("no user and password");
    for (const url of [
      "https://shop.example/a b",
      "https://shop.example/\0",
      " https://shop.example/",
      "https://shop.example/\n",
    ])
      expect(problemOfUrl(url, STRICT), JSON.stringify(url)).to.contain("no spaces and no control characters");
    expect(problemOfUrl("https://shop.example/#part", STRICT)).to.contain("#");
    for (const url of [
      "ftp://shop.example/",
      "file:///etc/passwd",
      "javascript:alert(1)",
      "shop.example",
      "",
      "http://",
    ])
      expect(problemOfUrl(url, STRICT), url).to.contain("begins with https:// or http://");
    expect(problemOfUrl("http://shop.example/", HTTPS)).to.equal("must be a URL that begins with https://");
    expect(problemOfUrl(`https://shop.example/${"a".repeat(2_048)}`, HTTPS)).to.contain("2048 characters");
    for (const url of ["https://shop.example/hooks?a=1", "https://8.8.8.8:8443/", "https://[2606:4700::1111]/"])
      expect(problemOfUrl(url, HTTPS), url).to.equal(undefined);
  });

  /** A resolver that gives each time the next answer. */
  function answering(...answers: string[][]): Resolve & { asked: number } {
    const resolve = Object.assign(
      ((_host, _options, done) => {
        const addresses = answers[Math.min(resolve.asked++, answers.length - 1)] ?? [];
        done(
          null,
          addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
        );
      }) as Resolve,
      { asked: 0 },
    );
    return resolve;
  }

  const MESSAGE = JSON.stringify({
    ...{ type: "webhook.test", timestamp: new Date(0).toISOString(), data: { endpoint: "", message: "" } },
  });
  async function post(url: string, policy: AddressPolicy, resolve?: Resolve): Promise<PostResult> {
    // Only nobody's address is waited for in vain.
    const timeoutMs = policy === LOCAL ? 10_000 : 1_000;
    const poster = createPoster({ policy, timeoutMs, ...(resolve === undefined ? {} : { resolve }) });
    try {
      return await poster.post(url, {}, MESSAGE, new AbortController().signal);
    } finally {
      poster.close();
    }
  }
  const reasonOf = (result: PostResult) => (result.kind === "failed" ? result.reason : JSON.stringify(result));

  it("are refused where a name leads to them, all of its addresses being looked at", async () => {
    const receiver = await startReceiver();
    try {
      const { port } = new URL(receiver.url);
      for (const addresses of [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::ffff:127.0.0.1"], ["10.0.0.1"]]) {
        const result = await post(`http://shop.example:${port}/`, STRICT, answering(addresses));
        expect(reasonOf(result)).to.contain("is not called").and.to.contain(addresses.at(-1));
      }
      // The system's own resolver says the same of a name that is on every machine.
      expect(reasonOf(await post(`http://localhost:${port}/`, STRICT))).to.contain("is not called");
      expect(reasonOf(await post(`http://127.0.0.1:${port}/`, STRICT))).to.contain("reachable from the internet");
      expect(receiver.received.length + receiver.wrong.length).to.equal(0);
    } finally {
      await receiver.close();
    }
  });

  it("are looked up once for a connection, which goes to the very address that was looked at", async () => {
    const receiver = await startReceiver();
    try {
      const { port } = new URL(receiver.url);
      // Where it is asked again, a name that changes its mind would lead elsewhere: nobody listens at the second address.
      const resolve = answering(["127.0.0.1"], ["127.0.0.9"]);
      const poster = createPoster({ policy: LOCAL, timeoutMs: 10_000, resolve });
      const signal = new AbortController().signal;
      const first = await poster.post(`http://shop.example:${port}/`, {}, MESSAGE, signal);
      expect(first).to.include({ kind: "answered", status: 204 });
      expect(resolve.asked).to.equal(1);
      poster.close();

      // First a public address, then this machine: it is refused, not followed.
      const rebinding = answering(["192.0.2.1"], ["127.0.0.1"]);
      expect(reasonOf(await post(`http://shop.example:${port}/`, STRICT, rebinding))).to.contain("192.0.2.1");
      expect(reasonOf(await post(`http://shop.example:${port}/`, STRICT, rebinding))).to.contain("127.0.0.1");
      expect(receiver.received).to.have.length(1);
    } finally {
      await receiver.close();
    }
  });

  it("are not those of a proxy that the environment names", async () => {
    const receiver = await startReceiver();
    const proxy = await startReceiver();
    const before = { ...process.env };
    try {
      for (const name of ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"]) process.env[name] = proxy.url;
      process.env["NODE_USE_ENV_PROXY"] = "1";
      expect(await post(receiver.url, LOCAL)).to.include({ kind: "answered" });
      expect(receiver.received).to.have.length(1);
      expect(proxy.wrong.length + proxy.received.length).to.equal(0);
    } finally {
      process.env = before;
      await receiver.close();
      await proxy.close();
    }
  });
});
