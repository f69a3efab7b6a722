// Shifts a process's clock by what a file says, in milliseconds, also while it runs: a machine whose clock is set. Loaded with
// `--import` before anything else; MINTMARK_CLOCK_FILE names the file.

import { readFileSync } from "node:fs";

let offset = 0;
function read() {
  try {
    offset = Number(readFileSync(process.env.MINTMARK_CLOCK_FILE, "utf8")) || 0;
  } catch {
    offset = 0;
  }
}
read();
setInterval(read, 100).unref();
const RealDate = Date;
globalThis.Date = class extends RealDate {
  constructor(...given) {
    if (given.length === 0) super(RealDate.now() + offset);
    else super(...given);
  }
  static now() {
    return RealDate.now() + offset;
  }
};
