// What is kept encrypted. Must hold: only with the same key and for the same owner can it be read again.

import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

const VERSION = "v1";
const IV_BYTES = 12;
const TAG_BYTES = 16;

export interface Sealing {
  /** Encrypts a text; only with the same owner can it be read again. */
  seal(text: string, owner: string): string;
  /** Throws if the text was changed, belongs to another owner, or was made with another key. */
  open(sealed: string, owner: string): string;
}

/** @param what What is kept, for the message where it cannot be read. */
export function createSealing(key: Buffer, what: string): Sealing {
  return {
    seal(text, owner) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv("aes-256-gcm", key, iv, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(owner));
      const sealed = Buffer.concat([iv, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]);
      return `${VERSION}.${sealed.toString("base64url")}`;
    },
    open(sealed, owner) {
      const [version, text = ""] = sealed.split(".");
      if (version !== VERSION) throw new Error(`${what} is encrypted in a way that is not known here: ${version}`);
      const bytes = Buffer.from(text, "base64url");
      const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, IV_BYTES), {
        authTagLength: TAG_BYTES,
      }).setAAD(Buffer.from(owner));
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
      return decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES)).toString("utf8") + decipher.final("utf8");
    },
  };
}
