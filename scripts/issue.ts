// npm run issue -- --collection <address or slug> --csv <file>: issues the cards of a spreadsheet.

import { existsSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline/promises";
import { parseArgs } from "node:util";
import cliProgress from "cli-progress";
import { readDeployment } from "../server/chain/deployment.ts";
import { describeFailure } from "../server/failures.ts";
import { loadWholeConfig } from "../server/half-restored.ts";
import { findIssuerKeystore, passphraseFor } from "../server/issuance/brand-key.ts";
import { type IssuanceChain, openIssuanceChain } from "../server/issuance/chain.ts";
import { checkTimeZone } from "../server/issuance/expiry.ts";
import { openKeystore } from "../server/issuance/keystore.ts";
import { DEFAULT_CARDS_PER_TRANSACTION } from "../server/issuance/plan.ts";
import { IssuanceError, problemLines, problemsCsv } from "../server/issuance/problems.ts";
import { issueCards, planOutstanding } from "../server/issuance/sender.ts";
import { readSpreadsheet } from "../server/issuance/spreadsheet.ts";
import { count, plural, summaryLines } from "../server/issuance/summary.ts";
import { validateSpreadsheet } from "../server/issuance/validation.ts";
import { beginCommand } from "./lifecycle/command.ts";

const USAGE = `Issues the cards of a spreadsheet. Every line is checked first; if one is wrong, nothing is issued.
Run the same command again after an interruption: what is on the chain already is not issued twice.

  npm run issue -- --collection <address or slug> --csv <file>

  --collection <address or slug>  the collection, for example noirance-black
  --csv <file>                    card number, holder address or customer reference, tier, expiry;
                                  see docs/issuing-from-a-spreadsheet.md
  --dry-run                       do everything except sending transactions
  --yes                           do not ask before issuing
  --batch-size <cards>            at most so many cards in one transaction (default ${DEFAULT_CARDS_PER_TRANSACTION}; fewer where the chain's
                                  gas limits demand it)
  --time-zone <name>              where the expiry dates end their day (default Asia/Shanghai)
  --errors <file>                 write all wrong lines to a CSV file
  --help                          show this

Settings (environment or .env): RPC_URL, DATA_DIR, REGISTRY_ADDRESS, KEYSTORE_FILE, KEYSTORE_PASSPHRASE.`;

/** How many wrong lines are shown before the rest is only counted. */
const SHOWN_PROBLEMS = 200;
/** From so many lines on, checking takes a while: half a minute for 100,000 customer references. */
const MANY_LINES = 10_000;
/** One press of Ctrl-C comes from the terminal, from npm and from what npm runs; only a later one is a second press. */
const SAME_PRESS_MS = 1000;
const EXIT = { done: 0, failed: 1, usage: 2, interrupted: 130, terminated: 143 } as const;

interface Options {
  collection: string;
  csv: string;
  dryRun: boolean;
  yes: boolean;
  maxCards: number;
  timeZone: string;
  errors: string | undefined;
}

class UsageError extends Error {
  override name = "UsageError";
}

/** What the command line asks for; nothing if it asks for help. Throws {@link UsageError}. */
function parseCommandLine(): Options | undefined {
  let values: ReturnType<typeof parse>["values"];
  const parse = () =>
    parseArgs({
      tokens: true,
      options: {
        collection: { type: "string" },
        csv: { type: "string" },
        "dry-run": { type: "boolean", default: false },
        yes: { type: "boolean", short: "y", default: false },
        "batch-size": { type: "string", default: String(DEFAULT_CARDS_PER_TRANSACTION) },
        "time-zone": { type: "string", default: "Asia/Shanghai" },
        errors: { type: "string" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  let tokens: ReturnType<typeof parse>["tokens"];
  try {
    ({ values, tokens } = parse());
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
  const names = tokens.flatMap((token) => (token.kind === "option" ? [token.name] : []));
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new UsageError(`--${twice} is given twice. Give it once.`);
  if (values.help) return undefined;
  if (values.collection === undefined) throw new UsageError("Say with --collection which collection to issue.");
  if (values.csv === undefined) throw new UsageError("Say with --csv which file to read.");
  const maxCards = /^\d{1,9}$/.test(values["batch-size"]) ? Number(values["batch-size"]) : 0;
  if (maxCards < 1) throw new UsageError("--batch-size must be a whole number from 1 on.");
  const { csv, errors } = values;
  if (csv === "-") throw new UsageError("--csv takes a file; save what you would pipe, and give its name.");
  if (errors !== undefined && existsSync(errors) && existsSync(csv) && realpathSync(errors) === realpathSync(csv))
    throw new UsageError("--errors would overwrite the spreadsheet. Name another file.");
  try {
    checkTimeZone(values["time-zone"]);
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
  return {
    collection: values.collection,
    csv: values.csv,
    dryRun: values["dry-run"],
    yes: values.yes,
    maxCards,
    timeZone: values["time-zone"],
    errors: values.errors,
  };
}

async function run(options: Options, stop: StopSignal): Promise<number> {
  const config = loadWholeConfig();
  const spreadsheet = readSpreadsheet(readInput(options.csv));
  const chain = await openIssuanceChain({
    rpcUrl: config.rpcUrl,
    registry: (chainId) => config.registryAddress ?? readDeployment(config.dataFolder, chainId)?.registry,
  });
  try {
    return await issueFrom(chain);
  } finally {
    chain.close();
  }

  async function issueFrom(chain: IssuanceChain): Promise<number> {
    const collection = await chain.collection(options.collection);
    const keystore = await findIssuerKeystore({ chain, collection, ...config });
    const passphrase = await passphraseFor(keystore, {
      passphrase: config.keystorePassphrase,
      ask: canAsk() ? askHidden : undefined,
    });
    const keys = await openKeystore(keystore.file, passphrase);
    if (keys.demo)
      console.log("Note: these are demo keys. Everybody knows their passphrase; never use them for real cards.");

    if (spreadsheet.rows.length >= MANY_LINES) console.log(`Checking ${count(spreadsheet.rows.length)} lines …`);
    const validation = await validateSpreadsheet({
      spreadsheet,
      collection,
      chain,
      keys,
      timeZone: options.timeZone,
      now: Math.floor(Date.now() / 1000),
    });
    const { problems, warnings, cards, custodial } = validation;
    for (const warning of warnings) console.warn(`Warning: ${warning}`);
    if (problems.length > 0) {
      const lines = new Set(problems.map(({ line }) => line)).size;
      console.error(
        `${options.csv}: ${plural(problems.length, "problem", "problems")} on ${plural(lines, "line", "lines")}. Nothing was issued.`,
      );
      for (const line of problemLines(problems, SHOWN_PROBLEMS)) console.error(`  ${line}`);
      if (options.errors !== undefined) {
        writeErrors(options.errors, problemsCsv(problems));
        console.error(`All of them are in ${options.errors}.`);
      }
      return EXIT.failed;
    }

    const dependencies = {
      chain,
      collection,
      keys,
      maxCards: options.maxCards,
      onTrouble: (reason: string) => console.error(`\n${reason} Still trying, for two minutes at most.`),
    };
    const { transactions, outstanding } = await planOutstanding(dependencies, validation.outstanding);
    const facts = { spreadsheet, collection, cards, outstanding, custodial, transactions };
    const summary = summaryLines({
      ...facts,
      file: options.csv,
      chainId: chain.chainId,
      issuer: keys.issuer.address,
      timeZone: options.timeZone,
    });
    console.log(summary.join("\n"));
    if (transactions.length === 0) {
      console.log(`All ${count(cards.length)} cards of the file are issued already: nothing to do.`);
      return EXIT.done;
    }
    if (options.dryRun) {
      console.log("Dry run: nothing was sent.");
      return EXIT.done;
    }
    if (
      !options.yes &&
      canAsk() &&
      !(await confirmed(`Issue ${plural(outstanding.length, "card", "cards")}? This cannot be undone. [y/N] `))
    ) {
      console.log("Nothing was issued.");
      return EXIT.failed;
    }

    stop.beginSending();
    const progress = startProgress(cards.length);
    let issued = cards.length - outstanding.length;
    const start = performance.now();
    let outcome: Awaited<ReturnType<typeof issueCards>>;
    try {
      outcome = await issueCards(dependencies, cards, {
        signal: stop.signal,
        onProgress(now) {
          issued = now;
          progress.update(now);
        },
      });
    } catch (error) {
      progress.stop();
      console.error(
        `Stopped: at least ${count(issued)} of ${count(cards.length)} cards are issued. Once the following is mended, run the same command again to go on.`,
      );
      throw error;
    }
    progress.stop();
    if (outcome.interrupted) {
      console.log(
        `Interrupted: ${count(outcome.issued)} of ${count(cards.length)} cards are issued. Run the same command again to go on.`,
      );
      return exitCodeOf(stop.signal.reason);
    }
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(`All ${count(cards.length)} cards of the file are issued (${seconds} s).`);
    return EXIT.done;
  }
}

function readInput(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (cause) {
    const reason = {
      ENOENT: `There is no file ${file}. Correct --csv.`,
      EISDIR: `${file} is a folder, not a file. Name the CSV file in it.`,
      EACCES: `The file ${file} may not be read. Give yourself the permission to.`,
    }[(cause as NodeJS.ErrnoException).code ?? ""];
    throw new IssuanceError(reason ?? `The file ${file} cannot be read. Copy it to another place and try again.`, {
      cause,
    });
  }
}

function writeErrors(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new IssuanceError(`The file ${file} cannot be written (${code}). Name another one with --errors.`, { cause });
  }
}

/** Questions go to standard error where standard output goes into a file or another program. */
function canAsk(): boolean {
  return process.stdin.isTTY && (process.stdout.isTTY || process.stderr.isTTY);
}

function questionOutput(): NodeJS.WriteStream {
  return process.stdout.isTTY ? process.stdout : process.stderr;
}

/** A bar on a terminal, lines elsewhere. */
function startProgress(total: number): { update: (issued: number) => void; stop: () => void } {
  if (!process.stdout.isTTY) {
    let last = -1;
    return {
      update: (issued) => {
        if (issued !== last) console.log(`Issued ${count(issued)} of ${count(total)}`);
        last = issued;
      },
      stop: () => {},
    };
  }
  const bar = new cliProgress.SingleBar(
    // The bar's own handling of signals would end the process before the transaction in flight is known.
    { format: "Issued {value} of {total} |{bar}| {percentage} %", gracefulExit: false },
    cliProgress.Presets.shades_classic,
  );
  bar.start(total, 0);
  return { update: (issued) => bar.update(issued), stop: () => bar.stop() };
}

async function confirmed(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: questionOutput() });
  // While a line is read, the terminal's interrupt key reaches the reader only.
  terminal.on("SIGINT", () => terminal.close());
  try {
    return await new Promise<boolean>((resolve) => {
      terminal.on("close", () => resolve(false));
      terminal.question(question).then(
        (answer) => resolve(/^y(es)?$/i.test(answer.trim())),
        () => resolve(false),
      );
    });
  } finally {
    terminal.close();
  }
}

/** Asks on the terminal without showing what is typed. */
async function askHidden(question: string): Promise<string> {
  const output = questionOutput();
  output.write(question);
  process.stdin.setRawMode(true);
  process.stdin.setEncoding("utf8");
  try {
    return await new Promise<string>((resolve, reject) => {
      let typed = "";
      process.stdin.on("data", function listener(chunk: string) {
        for (const character of chunk) {
          if (character === "\r" || character === "\n") {
            process.stdin.off("data", listener);
            return resolve(typed);
          }
          if (character === "\u0003" || character === "\u0004") {
            process.stdin.off("data", listener);
            return reject(new IssuanceError("No passphrase was given. Nothing was issued."));
          }
          typed = character === "\u007f" || character === "\b" ? [...typed].slice(0, -1).join("") : typed + character;
        }
      });
      process.stdin.resume();
    });
  } finally {
    process.stdin.setRawMode(false);
    process.stdin.pause();
    output.write("\n");
  }
}

interface StopSignal {
  signal: AbortSignal;
  /** From now on a signal waits for the transaction in flight; before, there is none. */
  beginSending(): void;
}

/** Before anything is sent a signal ends the process; then the first one waits for the transaction in flight. */
function stopSignal(): StopSignal {
  const controller = new AbortController();
  let sending = false;
  let since = 0;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (!sending) {
        console.error("\nInterrupted. Nothing was issued by this run.");
        process.exit(exitCodeOf(signal));
      }
      if (!controller.signal.aborted) {
        since = performance.now();
        console.error("\nStopping after the transaction in flight. Once more to stop at once.");
        controller.abort(signal);
      } else if (performance.now() - since > SAME_PRESS_MS) {
        console.error("\nStopped at once. Run the same command again to see how far it came, and to go on.");
        process.exit(exitCodeOf(signal));
      }
    });
  }
  return {
    signal: controller.signal,
    beginSending: () => {
      sending = true;
    },
  };
}

function exitCodeOf(signal: unknown): number {
  return signal === "SIGTERM" ? EXIT.terminated : EXIT.interrupted;
}

/** What was begun is finished although nobody reads the output any more, as where it is piped into `head`. */
function survivesClosedOutput(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
    });
  }
}

survivesClosedOutput();
beginCommand();
try {
  const options = parseCommandLine();
  if (options === undefined) console.log(USAGE);
  else process.exitCode = await run(options, stopSignal());
} catch (error) {
  if (error instanceof UsageError) {
    console.error(`${error.message}\n\n${USAGE}`);
    process.exitCode = EXIT.usage;
  } else {
    console.error(describeFailure(error));
    process.exitCode = EXIT.failed;
  }
}
