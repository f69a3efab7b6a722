// What a person sees of a start: one line per step, with how long it took.

export interface Terminal {
  /** Writes a line. */
  say(line: string): void;
  /** Does a step and shows it; `progress` tells how far it is. */
  step<Result>(title: string, work: (progress: (text: string) => void) => Promise<Result>): Promise<Result>;
}

export function createTerminal(output: NodeJS.WriteStream = process.stdout): Terminal {
  // A terminal that was closed is no reason to fail, least of all while stopping.
  for (const stream of [output, process.stderr]) stream.on("error", () => undefined);
  const live = output.isTTY === true;
  let current: string | undefined;

  function draw(text: string): void {
    if (live) output.write(`\r\x1b[2K${text.slice(0, Math.max(20, (output.columns ?? 80) - 1))}`);
  }

  function line(text: string): void {
    output.write(`${live && current !== undefined ? "\r\x1b[2K" : ""}${text}\n`);
    if (current !== undefined) draw(current);
  }

  return {
    say: line,
    async step(title, work) {
      const started = performance.now();
      current = `… ${title}`;
      draw(current);
      // Where lines cannot be drawn over, only what takes long is announced.
      let last = 0;
      const announce = setTimeout(() => {
        if (!live) output.write(`… ${title}\n`);
      }, 2_000);
      try {
        const result = await work((text) => {
          current = `… ${title}: ${text}`;
          draw(current);
          if (!live && performance.now() - Math.max(started, last) > 5_000) {
            last = performance.now();
            output.write(`${current}\n`);
          }
        });
        current = undefined;
        if (live) output.write("\r\x1b[2K");
        output.write(`✓ ${title} (${((performance.now() - started) / 1000).toFixed(1)} s)\n`);
        return result;
      } finally {
        clearTimeout(announce);
        if (current !== undefined && live) output.write("\n");
        current = undefined;
      }
    },
  };
}
