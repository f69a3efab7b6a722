import { PassThrough } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import type { MirrorProgress } from "../../../server/database/mirror-status.ts";
import { progressLine, showProgress } from "../../../server/indexer/progress-line.ts";
import { until } from "../../support/patience.ts";

const half: MirrorProgress = {
  from: 1_000,
  target: 3_000,
  block: 1_960,
  events: 82_000,
  eventsPerSecond: 41_000,
  secondsLeft: 12,
};

describe("the line that tells how far reading is", () => {
  it("has a part, a rate and a time, as far as they are known", () => {
    expect(progressLine(half)).to.equal("reading the chain: 48 %, 41,000 events/s, 12 s left");
    expect(progressLine({ ...half, secondsLeft: 150 })).to.match(/3 min left$/);
    expect(progressLine({ ...half, secondsLeft: 7_300 })).to.match(/2 h left$/);
    expect(progressLine({ ...half, block: 1_000, eventsPerSecond: 0, secondsLeft: undefined })).to.equal(
      "reading the chain: 0 %, 0 events/s",
    );
    expect(progressLine({ ...half, block: 2_999 })).to.contain("99 %");
    expect(progressLine({ ...half, block: 3_000 })).to.contain("100 %");
    expect(progressLine({ ...half, from: 3_000, block: 3_000 })).to.contain("100 %");
  });

  it("is shown where it can be written over, only for much, and is gone afterwards", async () => {
    const terminal = new PassThrough();
    let progress: MirrorProgress | undefined = { ...half, from: 2_990 };
    const end = showProgress(() => progress, terminal as unknown as NodeJS.WriteStream);
    await sleep(600);
    expect(terminal.read()).to.equal(null);
    progress = half;
    const shown = `\x1b[2K${progressLine(half)}\r`;
    expect(String(await until(() => terminal.read())).replaceAll(shown, "")).to.equal("");
    progress = undefined;
    let then = "";
    await until(() => {
      then += terminal.read() ?? "";
      return then.endsWith("\x1b[2K\r");
    });
    await sleep(600);
    expect(terminal.read()).to.equal(null);
    expect(then.replaceAll(shown, "")).to.equal("\x1b[2K\r");
    end();
  });
});
