// Computes scrypt for whoever starts it: the parameters come in as JSON, the key goes out in hexadecimal. See scrypt.ts.

import { scryptSync } from "node:crypto";
import { text } from "node:stream/consumers";

const { password, salt, N, r, p, length } = JSON.parse(await text(process.stdin));
const maxmem = 256 * N * r;
const key = scryptSync(Buffer.from(password, "hex"), Buffer.from(salt, "hex"), length, { N, r, p, maxmem });
// Whoever wanted it may have ended meanwhile.
process.stdout.on("error", () => process.exit());
process.stdout.write(key.toString("hex"));
