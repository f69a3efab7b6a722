// Questions to the person at the terminal.

import { createInterface } from "node:readline/promises";

/** Asks a question that is answered with yes or no; anything but yes is no, and so is the end of the terminal. */
export async function isConfirmed(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  // While a line is read, the terminal's interrupt key reaches the reader only.
  terminal.on("SIGINT", () => terminal.close());
  try {
    return await new Promise<boolean>((resolve) => {
      terminal.on("close", () => resolve(false));
      terminal.question(`${question} [y/N] `).then(
        (answer) => resolve(/^y(es)?$/i.test(answer.trim())),
        () => resolve(false),
      );
    });
  } finally {
    terminal.close();
  }
}
