// Ping++'s signatures: RSA with SHA-256 (PKCS #1 v1.5), in base64.
//
// - Requests carry `Pingplusplus-Signature`, over the body as sent (nothing for GET), the request's path with its query, and the
//   time of `Pingplusplus-Request-Timestamp` in seconds, one after the other. So do Ping++'s own libraries: `get_rsa_verify_data`
//   in pingpp/api_requestor.py of https://github.com/PingPlusPlus/pingpp-python, and `NewRequest` of
//   https://github.com/PingPlusPlus/pingpp-go. (Older ones sign the body alone.)
// - Webhooks carry `X-Pingplusplus-Signature`, over the body as it comes, made with Ping++'s key, whose public half is in its
//   dashboard (https://www.pingxx.com/docs/webhooks/webhooks, and example/webhooks_verify.js of
//   https://github.com/PingPlusPlus/pingpp-nodejs).

import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";

const ALGORITHM = "RSA-SHA256";

export interface SignedRequest {
  /** Empty for GET. */
  body: string;
  /** The path and the query, as they stand in the request line. */
  uri: string;
  /** In seconds since the Unix epoch. */
  timestamp: number;
}

/** Signs a request as the merchant. */
export function signRequest({ body, uri, timestamp }: SignedRequest, merchantKey: KeyObject): string {
  return sign(ALGORITHM, Buffer.from(`${body}${uri}${timestamp}`), merchantKey).toString("base64");
}

/** Whether the aggregator has signed these bytes. */
export function isSignedBy(rawBody: Buffer, signature: string, aggregatorKey: KeyObject): boolean {
  return verify(ALGORITHM, rawBody, aggregatorKey, Buffer.from(signature, "base64"));
}

/** Reads an RSA private key from PEM. Throws where it is none, without showing it. */
export function readPrivateKey(pem: string): KeyObject {
  return requireRsa(() => createPrivateKey(pem), "private");
}

/** Reads an RSA public key from PEM. Throws where it is none. */
export function readPublicKey(pem: string): KeyObject {
  // A private key would be taken for its public half: whoever mixes the files up must hear of it.
  if (pem.includes("PRIVATE KEY")) throw new Error("It is a private key, and a public one is wanted here.");
  return requireRsa(() => createPublicKey(pem), "public");
}

function requireRsa(read: () => KeyObject, half: string): KeyObject {
  let key: KeyObject;
  try {
    key = read();
  } catch {
    throw new Error(`It is not a ${half} key in PEM.`);
  }
  if (key.asymmetricKeyType !== "rsa") throw new Error(`It is not an RSA key, but ${key.asymmetricKeyType}.`);
  return key;
}
