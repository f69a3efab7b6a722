// Sends what waits. One loop in one server process of those that share a database; what it knows is in the book, so it may die at
// any moment, and whoever comes after it goes on. Must hold: nothing reaches a node that was not stored before; a command counts as
// done only when the mirror has what it wanted; nothing is signed anew for a nonce unless no node takes what was signed before.

import { setTimeout as sleep } from "node:timers/promises";
import { getAddress, keccak256 } from "ethers";
import type { Logger } from "pino";
import { createSetBackWatch } from "../../clocks.ts";
import type { Database } from "../../database/client.ts";
import type { BlockPosition, MirrorStatus } from "../../database/mirror-status.ts";
import { isOutage } from "../../database/unusable.ts";
import type { IssuanceChain, Receipt } from "../chain.ts";
import { ContractRefusal } from "../contract-errors.ts";
import { DEFAULT_CARDS_PER_TRANSACTION, gasBudget } from "../plan.ts";
import { IssuanceError } from "../problems.ts";
import type { Reconciler } from "../reconciliation/reconciler.ts";
import type { CardSigner, Signers } from "../signers.ts";
import {
  type Book,
  FILLER_GAS,
  type OpenTransaction,
  type PlannedSend,
  PUT_OFF_MS,
  type WaitingBrand,
} from "./book.ts";
import type { BrandSigners } from "./brand-signers.ts";
import { groupCommands, originOfCommand, roleFor, type SendableCommand, type SendableGroup } from "./calls.ts";
import { isRedemption, readyRedemptions } from "./redemptions.ts";
import { cardsLeft, failureName, holdsForAll, meaningOf } from "./refusals.ts";
import { examineRedemption } from "./suspect-redemptions.ts";
import { examineSuspect } from "./suspects.ts";

/**
 * What happens to a nonce: `planned`, then `confirmed` by the mirror, or `failed` in a block, `replaced` by somebody else's transaction, `filled` by
 * one that does nothing, or `taken-back` because its key does not sign; `reopened` if the chain has lost it.
 */
export const SENDER_EVENTS = [
  "planned",
  "confirmed",
  "failed",
  "replaced",
  "filled",
  "reopened",
  "taken-back",
] as const;
export type SenderEvent = (typeof SENDER_EVENTS)[number];

export interface Sender {
  /** Sends until {@link Sender.stop}. */
  start(): void;
  /** Stops after the step that is under way. What is in flight is found again by the next one. */
  stop(): Promise<void>;
  /** Something new waits: do not sleep. */
  wake(): void;
  /** The keys that did not sign when they were last asked to, with checksummed addresses. */
  silent(): SilentKey[];
}

/** A key that does not sign. */
export interface SilentKey {
  address: string;
  /** In milliseconds. */
  since: number;
  reason: string;
}

export interface SenderOptions {
  book: Book;
  /** The connection for application tables. */
  application: Database;
  /** The chain, once it can be reached. Throws a retryable {@link IssuanceError} until then. */
  chain(): Promise<IssuanceChain>;
  signers(): Promise<Pick<Signers, "signers" | "refresh">>;
  reconciler: Pick<Reconciler, "follow" | "match" | "forget" | "reconsider" | "isLevel">;
  brandSigners: BrandSigners;
  mirror: { status(): MirrorStatus };
  logger: Logger;
  finalityDepth: number;
  /** The wall clock, in milliseconds. */
  now(): number;
  /** The steady clock. */
  steady(): number;
  /** For how long cards are collected for one transaction, in milliseconds; longer while transactions are under way. */
  windowMs?: number;
  /** The most cards in one transaction. */
  maxCards?: number;
  onEvent?(event: SenderEvent): void;
}

/** How often a loop with nothing to do looks whether another process has taken an order. */
const IDLE_MS = 100;
const BUSY_MS = 40;
/** What became of transactions is looked at when the mirror has moved, and otherwise as often as this. */
const SETTLE_MS = 1_000;
const TROUBLE_FIRST_MS = 200;
const TROUBLE_LAST_MS = 5_000;
/** A node keeps what it was sent, as a rule; one that was restarted may not. */
const REBROADCAST_MS = 5_000;
/** At most so many transactions of one key are under way, and at most so many blocks full. */
const MOST_IN_FLIGHT = 16;
const BLOCKS_IN_FLIGHT = 2;
/** After so many looks, at least so far apart, a nonce that is used without our transaction in a block was used by another one. */
const LOOKS = 4;
const LOOK_MS = 500;
/** A transaction that all nodes refuse for so long is replaced by one that does nothing. */
const REFUSED_MS = 15_000;
/** For so long a call of a signer to a collection needs no rehearsal after one that succeeded. */
const PROVEN_MS = 60_000;
const SUSPECTS_AT_ONCE = 50;
/** So long a step waits for signatures; a signer that takes longer goes on beside it. */
const SIGNING_MS = 500;
/** For so long a key that does not sign is left alone, longer and longer; and after so long what was planned for it goes to others. */
const SIGNER_REST_MS = 2_000;
const SIGNER_LONGEST_REST_MS = 15_000;
const SIGNER_PATIENCE_MS = 60_000;
/** For so long a brand is left alone of which something cannot be planned; the others go on. */
const BRAND_REST_MS = 1_000;
/** For so long it is waited, before the first sending, for transactions that are not in the book to get into a block. */
const STRANGERS_PATIENCE_MS = 60_000;
const DERIVED_AT_ONCE = 50;
const DERIVED_IN_A_STEP = 400;

export function createSender(options: SenderOptions): Sender {
  const { book, reconciler, brandSigners, mirror, logger, finalityDepth, now, steady, windowMs = 100 } = options;
  const { maxCards = DEFAULT_CARDS_PER_TRANSACTION, onEvent = () => {} } = options;
  const signerOf = async (address: string) =>
    (await options.signers()).signers.find((known) => known.address.toLowerCase() === address);

  let running = false;
  let loop: Promise<void> = Promise.resolve();
  let wakeUp = Promise.withResolvers<void>();
  /** The signers whose nonces are known to be where the chain is. */
  const opened = new Set<string>();
  /** What this process knows besides the book, by hash or nonce; losing it costs time only. */
  const broadcastAt = new Map<string, { at: number; refusedSince: number | undefined }>();
  const unseen = new Map<string, { looks: number; at: number }>();
  const provenUntil = new Map<string, number>();
  const gasFactors = new Map<string, number>();
  /** How many cards a key may still issue for a brand, where it was told so: until it is told otherwise, or for a short time. */
  const caps = new Map<string, { left: number; until: number; refusal: ContractRefusal }>();
  /** What each key is signing. A remote signer may take long, and nobody else waits for it. */
  const signing = new Map<string, Promise<void>>();
  /** Keys that do not sign: since when, by the wall clock for people and by the steady one, why, and when to try again. */
  const mute = new Map<string, { since: number; silentFrom: number; until: number; reason: string }>();
  /** Brands that are left alone, and until when. */
  const aside = new Map<number, number>();
  const behind = new Map<string, { looks: number; at: number }>();
  let turn = 0;
  /** The hash of the mirror's last block at the last look: another one of the same number may have taken its place. */
  let reviewedAt: string | undefined;
  let settledAt = 0;
  let strangersSince: number | undefined;
  const shortenWaits = createSetBackWatch({ now, steady }, async () => {
    const commands = await book.shortenWaits();
    if (commands > 0) logger.warn({ commands }, "the clock was ahead when these were put off: they are sent now");
  });

  async function run(): Promise<void> {
    let trouble = 0;
    while (running) {
      let busy = false;
      try {
        busy = await step();
        if (trouble > 0) logger.info("sending again");
        trouble = 0;
      } catch (error) {
        trouble++;
        // Once, and then rarely: while a node is away, every look fails.
        if (trouble === 1 || trouble % 50 === 0) {
          const expected = isOutage(error) || (error instanceof IssuanceError && error.retryable);
          if (expected) logger.warn({ reason: messageOf(error) }, "sending has to wait");
          else logger.error({ err: error }, "sending failed; trying again");
        }
      }
      const rest =
        trouble > 0
          ? Math.min(TROUBLE_FIRST_MS * 2 ** (trouble - 1), TROUBLE_LAST_MS) * (0.5 + Math.random())
          : busy
            ? BUSY_MS
            : IDLE_MS;
      await Promise.race([sleep(rest), trouble > 0 ? stopped.promise : wakeUp.promise]);
      wakeUp = Promise.withResolvers();
    }
  }
  let stopped = Promise.withResolvers<void>();

  /** Does what can be done now. Whether more is to be done soon. */
  async function step(): Promise<boolean> {
    const status = mirror.status();
    if (!status.leads || status.indexed === undefined) {
      opened.clear();
      reconciler.forget();
      return false;
    }
    await shortenWaits();
    const chain = await options.chain();
    for (const { address } of (await options.signers()).signers) {
      if (opened.has(address)) continue;
      const { isNew } = await book.openSigner(address.toLowerCase(), chain.chainId, await chain.nonce(address));
      if (isNew) await reconciler.reconsider();
      opened.add(address);
    }
    let open = await book.open();
    open = await settle(chain, open, status.indexed);
    // An older copy of the database must first learn what was issued since, and what is about to be.
    if (!reconciler.isLevel() && (await strangersWait(chain))) return open.length > 0;
    if (!(await reconciler.follow(chain, status))) return open.length > 0;
    const brands = status.state === "following" ? await book.waitingBrands() : [];
    if (brands.length > 0 && (await plan(chain, brands, open))) open = await book.open();
    if (open.some(({ state }) => state === "planned")) {
      await sign(chain, open);
      open = await book.open();
    }
    await broadcast(chain, open);
    return open.length > 0 || brands.length > 0;
  }

  /** Whether transactions of our keys wait for a block that the book has not: an older copy's, from before it was one. Not for ever. */
  async function strangersWait(chain: IssuanceChain): Promise<boolean> {
    for (const address of opened) {
      if ((await chain.pendingNonce(address)) <= (await book.nextNonce(address.toLowerCase()))) continue;
      strangersSince ??= steady();
      if (steady() - strangersSince < STRANGERS_PATIENCE_MS) {
        // Once they are in a block, the book's nonces begin behind them.
        opened.clear();
        return true;
      }
      logger.warn(
        { signer: address },
        "transactions of a key wait that are not in the book and get into no block; going on without them",
      );
    }
    strangersSince = undefined;
    return false;
  }

  // ---- planning

  async function plan(
    chain: IssuanceChain,
    brands: readonly WaitingBrand[],
    open: readonly OpenTransaction[],
  ): Promise<boolean> {
    const head = await chain.head();
    let planned = false;
    for (const { brandId, count, since } of brands) {
      if ((aside.get(brandId) ?? 0) > steady()) continue;
      try {
        await reconciler.match(brandId);
        await examine(chain, brandId);
        // The more is under way, the longer cards are collected: a block takes few large transactions better than many small ones.
        const underWay = open.filter((transaction) => transaction.brandId === brandId).length;
        if (count < maxCards && now() - since < windowMs * (1 + underWay)) continue;
        planned = (await planBrand(chain, head, brandId, open)) || planned;
      } catch (error) {
        if (isOutage(error)) throw error;
        // What is wrong with one brand's cards must not keep the others' from being sent.
        aside.set(brandId, steady() + BRAND_REST_MS);
        const expected = error instanceof IssuanceError && error.retryable;
        logger[expected ? "warn" : "error"](
          expected ? { brandId, reason: messageOf(error) } : { brandId, err: error },
          "a brand's cards have to wait",
        );
      }
    }
    return planned;
  }

  async function planBrand(
    chain: IssuanceChain,
    { gasLimit: blockGasLimit, timestamp }: { gasLimit: number; timestamp: number },
    brandId: number,
    open: readonly OpenTransaction[],
  ): Promise<boolean> {
    const waiting = await withHolders(
      brandId,
      await book.waiting(brandId, { suspect: false, limit: maxCards * MOST_IN_FLIGHT }),
    );
    const redemptions = waiting.filter(isRedemption);
    const ready =
      redemptions.length === 0
        ? []
        : await readyRedemptions(redemptions, {
            book,
            application: options.application,
            secrets: await brandSigners.keysOrReason(brandId),
            chainId: chain.chainId,
            staff: onlyOf(await brandSigners.withRole(brandId, "Staff")),
            time: Math.max(now() / 1000, timestamp),
            later: now() + PUT_OFF_MS,
          });
    const sendableNow = [...waiting.filter((command) => !isRedemption(command)), ...ready];
    const groups = [...Map.groupBy(sendableNow, wayOf).values()];
    let planned = false;
    const secrets = await brandSigners.keysOrReason(brandId);
    for (const group of groups) {
      // Numbers of physical cards are hidden by what follows from the keystore.
      const [salted, commands] = secrets.keys === undefined ? split(group, needsSalt) : [[], group];
      if (secrets.keys === undefined && salted.length > 0)
        await book.putOff(salted, secrets.reason, now() + PUT_OFF_MS);
      const [first] = commands;
      if (first === undefined) continue;
      const role = roleFor(first.kind);
      const able = await brandSigners.withRole(brandId, role);
      if (able.length === 0) {
        await book.putOff(commands, await brandSigners.whyNone(brandId, role), now() + PUT_OFF_MS);
        brandSigners.forget();
        await (await options.signers()).refresh();
        continue;
      }
      const free = freeSigners(able, role === "Issuer" ? brandId : undefined, open, blockGasLimit);
      if (free.mostCards === 0) {
        await book.putOff(commands, free.reason, now() + PUT_OFF_MS);
        continue;
      }
      const limits = {
        maxCards: Math.min(maxCards, free.mostCards),
        gasBudget: gasBudget(blockGasLimit),
        gasFactor: gasFactors.get(first.collectionAddress) ?? 1,
      };
      const sendable = groupCommands(commands, limits, secrets.keys);
      if (sendable.length === 0) {
        const failureDetail = `The chain's blocks (${blockGasLimit} gas) are too small to issue a card with a quarter of one. Ask the chain's operators for a higher block gas limit.`;
        await book.putOff(commands, { failure: "blocks-too-small", failureDetail }, now() + PUT_OFF_MS);
        continue;
      }
      const sends: PlannedSend[] = [];
      for (const group of sendable) {
        const signer = free.take(group.gas ?? limits.gasBudget, group.commands.length);
        if (signer === undefined) break;
        const gas = await rehearse(chain, signer, group);
        if (gas === undefined) break;
        sends.push({
          ...group,
          gas,
          signer: signer.address.toLowerCase(),
          brandId,
          to: first.collectionAddress,
        });
      }
      const count = await book.plan(sends, chain.chainId);
      for (const { signer, commands } of sends.slice(0, count)) {
        const cap = role === "Issuer" ? caps.get(capName(brandId, signer)) : undefined;
        if (cap !== undefined) cap.left = Math.max(0, cap.left - commands.length);
        onEvent("planned");
      }
      planned ||= count > 0;
    }
    return planned;
  }

  /** Commands with their holders: the addresses that the brand keeps for customers are derived when they are first needed. */
  async function withHolders(brandId: number, waiting: SendableCommand[]): Promise<SendableCommand[]> {
    const all = waiting.filter(({ kind, holder }) => kind === "issue" && holder === null);
    if (all.length === 0) return waiting;
    // Those that come first are sent while others' addresses are derived.
    const without = all.slice(0, DERIVED_IN_A_STEP);
    const found = await brandSigners.keysOrReason(brandId);
    if (found.keys === undefined) {
      await book.putOff(without, found.reason, now() + PUT_OFF_MS);
      brandSigners.forget();
    } else {
      const { keys } = found;
      await book.giveHolders(without, async (references) => {
        const addresses: string[] = [];
        for (const [index, reference] of references.entries()) {
          // A third of a millisecond each: requests get their turn in between.
          if (index % DERIVED_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
          addresses.push(keys.holderAddress(reference));
        }
        return addresses;
      });
    }
    // Now that it is known who they are for, some may be on the chain already.
    await reconciler.match(brandId);
    const ready = await book.waiting(brandId, { suspect: false, limit: maxCards * MOST_IN_FLIGHT });
    return ready.filter(({ kind, holder }) => kind !== "issue" || holder !== null);
  }

  /**
   * Those who may sign, each as long as not too much of theirs is under way; in turns.
   * @param issuingFor The brand whose caps count, if it is cards that are issued.
   */
  function freeSigners(
    able: readonly CardSigner[],
    issuingFor: number | undefined,
    open: readonly OpenTransaction[],
    blockGasLimit: number,
  ) {
    const load = new Map(able.map(({ address }) => [address.toLowerCase(), { count: 0, gas: 0 }]));
    for (const { signer, gas } of open) {
      const its = load.get(signer);
      if (its !== undefined) {
        its.count++;
        its.gas += gas;
      }
    }
    const capOf = (address: string) => {
      const cap = issuingFor === undefined ? undefined : caps.get(capName(issuingFor, address));
      return cap !== undefined && cap.until > steady() ? cap : undefined;
    };
    const leftOf = ({ address }: CardSigner) =>
      isMute(address) ? 0 : (capOf(address)?.left ?? Number.POSITIVE_INFINITY);
    const refusal = able.map(({ address }) => capOf(address)?.refusal).find((found) => found !== undefined);
    const silent = able.map(({ address }) => mute.get(address.toLowerCase())).find((found) => found !== undefined);
    return {
      /** How many cards the one may issue who may issue the most; 0 if none of them can do anything now. */
      mostCards: Math.max(...able.map(leftOf)),
      /** Why that is so. */
      reason:
        refusal === undefined
          ? { failure: "signer-away", failureDetail: silent?.reason ?? "" }
          : { failure: failureName(refusal), failureDetail: refusal.message },
      take(gas: number, cards: number): CardSigner | undefined {
        for (let tried = 0; tried < able.length; tried++) {
          const signer = able[turn++ % able.length];
          const its = signer && load.get(signer.address.toLowerCase());
          if (its === undefined || its.count >= MOST_IN_FLIGHT || leftOf(signer as CardSigner) < cards) continue;
          if (its.count > 0 && its.gas + gas > blockGasLimit * BLOCKS_IN_FLIGHT) continue;
          its.count++;
          its.gas += gas;
          return signer;
        }
        return undefined;
      },
    };
  }

  function isMute(address: string): boolean {
    return (mute.get(address.toLowerCase())?.until ?? 0) > steady();
  }

  /**
   * Has the node execute a call without sending it, unless one like it has just succeeded: what would be refused is not sent, and uses no
   * nonce. The gas limit to send it with; nothing if it was put off.
   */
  async function rehearse(chain: IssuanceChain, signer: CardSigner, group: SendableGroup): Promise<number | undefined> {
    const [first] = group.commands;
    if (first === undefined) return undefined;
    const way = `${signer.address} ${first.collectionAddress} ${roleFor(first.kind)}`;
    if (group.gas !== undefined && (provenUntil.get(way) ?? 0) > steady()) return group.gas;
    try {
      const call = { from: signer.address, to: getAddress(first.collectionAddress), data: group.data };
      const estimate = await chain.estimateGas(call);
      provenUntil.set(way, steady() + PROVEN_MS);
      if (group.gas === undefined) return Math.ceil(estimate * 1.3) + FILLER_GAS;
      if (estimate > group.gas) {
        gasFactors.set(first.collectionAddress, raised(gasFactors.get(first.collectionAddress), estimate / group.gas));
        return undefined;
      }
      return group.gas;
    } catch (error) {
      if (!(error instanceof ContractRefusal)) throw error;
      if (rememberCap(error, first.brandId, signer.address)) return undefined;
      await refused(error, group.commands);
      return undefined;
    }
  }

  /** Whether a refusal was about a key's cap: as many cards as are left, and those of other keys, are planned with the next step. */
  function rememberCap(refusal: ContractRefusal, brandId: number, address: string): boolean {
    const left = cardsLeft(refusal);
    if (left === undefined) return false;
    caps.set(capName(brandId, address), { left, until: steady() + PUT_OFF_MS, refusal });
    return true;
  }

  /** Commands that the contract refuses together: put off together, or looked at one by one. */
  async function refused(refusal: ContractRefusal, commands: readonly SendableCommand[]): Promise<void> {
    if (meaningOf(refusal) === "wait" && (commands.length === 1 || holdsForAll(refusal))) {
      const failure = { failure: failureName(refusal), failureDetail: refusal.message };
      await book.putOff(commands, failure, now() + PUT_OFF_MS);
      brandSigners.forget();
    } else {
      await book.suspect(commands, true);
    }
  }

  /** Looks one by one at what was in a transaction that failed. */
  async function examine(chain: IssuanceChain, brandId: number): Promise<void> {
    for (const command of await book.waiting(brandId, { suspect: true, limit: SUSPECTS_AT_ONCE })) {
      const [signer] = await brandSigners.withRole(brandId, roleFor(command.kind));
      if (signer === undefined) {
        await book.putOff([command], await brandSigners.whyNone(brandId, roleFor(command.kind)), now() + PUT_OFF_MS);
        brandSigners.forget();
        continue;
      }
      const suspect = { book, chain, command, signer, notBefore: now() + PUT_OFF_MS };
      if (isRedemption(command)) {
        await examineRedemption({ ...suspect, application: options.application, now: now() });
        continue;
      }
      const found = await brandSigners.keysOrReason(brandId);
      if (found.keys === undefined && needsSalt(command)) {
        await book.putOff([command], found.reason, now() + PUT_OFF_MS);
        continue;
      }
      await examineSuspect({ ...suspect, keys: found.keys });
    }
  }

  // ---- signing and sending

  /** Has signed what was planned, each key by itself: one that is away holds up no other. */
  async function sign(chain: IssuanceChain, open: readonly OpenTransaction[]): Promise<void> {
    const planned = open.filter(({ state }) => state === "planned");
    for (const [address, transactions] of Map.groupBy(planned, ({ signer }) => signer)) {
      if (signing.has(address) || isMute(address)) continue;
      const work = signInOrder(chain, address, transactions).finally(() => signing.delete(address));
      signing.set(address, work);
    }
    await Promise.race([Promise.all(signing.values()), sleep(SIGNING_MS)]);
  }

  /** Never rejects: whoever does not wait for it any more could not be told. */
  async function signInOrder(
    chain: IssuanceChain,
    address: string,
    transactions: readonly OpenTransaction[],
  ): Promise<void> {
    try {
      const signer = await signerOf(address);
      if (signer === undefined) {
        await takeBack(address, "this server does not have the key any more");
        throw new IssuanceError("This server does not have the key. Bring it back.");
      }
      for (const transaction of transactions) {
        const { nonce, data, gas } = transaction;
        const raw = await signer.signTransaction({
          chainId: chain.chainId,
          nonce,
          to: getAddress(transaction.to),
          data,
          gasLimit: gas,
        });
        await book.storeSigned(transaction, { hash: keccak256(raw), raw });
      }
      if (mute.delete(address)) logger.info({ signer: getAddress(address) }, "a key signs again");
    } catch (error) {
      // The next step meets it too.
      if (isOutage(error)) return;
      const { since, silentFrom } = mute.get(address) ?? { since: now(), silentFrom: steady() };
      if (!mute.has(address)) {
        const expected = error instanceof IssuanceError;
        logger[expected ? "warn" : "error"](
          { signer: getAddress(address), ...(expected ? { reason: messageOf(error) } : { err: error }) },
          "a key signs nothing for now",
        );
      }
      const reason = `The key ${getAddress(address)} signs nothing for now: ${messageOf(error)}`;
      const rest = Math.min(Math.max(SIGNER_REST_MS, (steady() - silentFrom) / 4), SIGNER_LONGEST_REST_MS);
      mute.set(address, { since, silentFrom, until: steady() + rest, reason });
      if (steady() - silentFrom > SIGNER_PATIENCE_MS)
        await takeBack(address, "it has not signed for a minute").catch(() => {});
    }
  }

  /** Lets others have what was planned for a key and never signed. */
  async function takeBack(address: string, reason: string): Promise<void> {
    const count = await book.takeBack(address);
    if (count === 0) return;
    logger.warn({ signer: getAddress(address), transactions: count, reason }, "what was planned for a key waits again");
    for (let index = 0; index < count; index++) onEvent("taken-back");
  }

  async function broadcast(chain: IssuanceChain, open: readonly OpenTransaction[]): Promise<void> {
    const known = new Set(open.flatMap(({ attempts }) => attempts.map(({ hash }) => hash)));
    for (const hash of broadcastAt.keys()) if (!known.has(hash)) broadcastAt.delete(hash);
    for (const transaction of open) {
      const last = transaction.attempts.at(-1);
      if (transaction.state !== "signed" || last === undefined) continue;
      const before = broadcastAt.get(last.hash);
      if (before !== undefined && steady() - before.at < REBROADCAST_MS) continue;
      const submission = await chain.submit(last.raw);
      const refusedSince = submission.kind === "refused" ? (before?.refusedSince ?? steady()) : undefined;
      // What broke off is sent again with the next step.
      if (submission.kind === "uncertain") {
        throw new IssuanceError("The chain's node broke off while a transaction was handed to it.", {
          retryable: true,
        });
      }
      broadcastAt.set(last.hash, {
        at: refusedSince === undefined ? steady() : steady() - REBROADCAST_MS + LOOK_MS,
        refusedSince,
      });
      if (submission.kind === "refused" && refusedSince !== undefined && steady() - refusedSince > REFUSED_MS)
        await replace(chain, transaction, submission.error);
    }
  }

  /** No node takes it, for whatever reason: a transaction that does nothing takes its nonce, so that those behind it are not held up. */
  async function replace(chain: IssuanceChain, transaction: OpenTransaction, reason: IssuanceError): Promise<void> {
    const signer = await signerOf(transaction.signer);
    if (signer === undefined || (await chain.nonce(transaction.signer)) !== transaction.nonce) return;
    for (const { hash } of transaction.attempts) if ((await chain.receipt(hash)) !== undefined) return;
    const { nonce } = transaction;
    const raw = await signer.signTransaction({
      chainId: chain.chainId,
      nonce,
      to: signer.address,
      data: "0x",
      gasLimit: FILLER_GAS,
    });
    logger.error(
      { signer: signer.address, nonce, reason: reason.message },
      "no node takes a transaction; another one fills its nonce, and its cards are sent anew",
    );
    await book.fillGap(transaction, { hash: keccak256(raw), raw });
    provenUntil.clear();
    onEvent("filled");
  }

  // ---- what became of it

  /** Finds out what became of what was sent. Returns what is still open. */
  async function settle(
    chain: IssuanceChain,
    open: readonly OpenTransaction[],
    indexed: BlockPosition,
  ): Promise<OpenTransaction[]> {
    const { number: mirrored, hash } = indexed;
    if (hash === reviewedAt && steady() - settledAt < SETTLE_MS) return [...open];
    settledAt = steady();
    if (hash !== reviewedAt) {
      const lost = await book.review({ head: mirrored, finalityDepth });
      if (lost > 0) {
        logger.warn({ transactions: lost }, "the chain has taken blocks back; their transactions are sent again");
        return await book.open();
      }
      reviewedAt = hash;
    }
    const left: OpenTransaction[] = [];
    let changed = false;
    for (const [signer, ofSigner] of Map.groupBy(open, (transaction) => transaction.signer)) {
      const signed = ofSigner.filter(({ state }) => state === "signed");
      const receipts = await Promise.all(signed.map((transaction) => receiptOf(chain, transaction)));
      let nonce: number | undefined;
      for (const [index, transaction] of signed.entries()) {
        const found = receipts[index];
        if (found !== undefined) {
          unseen.delete(nameOf(transaction));
          changed = (await settleMined(chain, transaction, found, mirrored)) || changed;
          continue;
        }
        const seen = unseen.get(nameOf(transaction));
        if (seen !== undefined && steady() - seen.at < LOOK_MS) continue;
        nonce ??= await chain.nonce(signer);
        if (nonce <= transaction.nonce) {
          unseen.delete(nameOf(transaction));
          if (index === 0) changed = (await repairGap(chain, transaction, nonce)) || changed;
          continue;
        }
        const looks = (seen?.looks ?? 0) + 1;
        unseen.set(nameOf(transaction), { looks, at: steady() });
        if (looks < LOOKS) continue;
        unseen.delete(nameOf(transaction));
        logger.warn(
          { signer, nonce: transaction.nonce },
          "another transaction has the nonce of one of ours; its cards are sent anew. Is the key used elsewhere?",
        );
        await book.giveBack(transaction, { state: "replaced", suspect: true });
        // Whoever it was may have used more of them.
        opened.clear();
        changed = true;
        onEvent("replaced");
      }
      left.push(...ofSigner);
    }
    return changed ? await book.open() : left;
  }

  async function receiptOf(
    chain: IssuanceChain,
    { attempts }: OpenTransaction,
  ): Promise<(Receipt & { hash: string }) | undefined> {
    for (const { hash } of attempts) {
      // What was never handed out is in no block; after a restart it is handed out again before it is looked for.
      if (attempts.length === 1 && !broadcastAt.has(hash)) continue;
      const receipt = await chain.receipt(hash);
      if (receipt !== undefined) return { ...receipt, hash };
    }
    return undefined;
  }

  /** It is in a block. Whether that settled it: it does once the mirror has that block. */
  async function settleMined(
    chain: IssuanceChain,
    transaction: OpenTransaction,
    receipt: Receipt & { hash: string },
    mirrored: number,
  ): Promise<boolean> {
    if (receipt.blockNumber > mirrored) return false;
    if (receipt.succeeded) {
      if (!(await book.confirm(transaction, receipt))) return false;
      onEvent("confirmed");
      return true;
    }
    const { nonce, gas, to, data } = transaction;
    const signer = getAddress(transaction.signer);
    provenUntil.clear();
    let refusal: ContractRefusal | undefined;
    let estimate = 0;
    try {
      estimate = await chain.estimateGas({ from: signer, to: getAddress(to), data });
    } catch (error) {
      if (!(error instanceof IssuanceError)) throw error;
      // Where the node cannot say either, its cards are looked at one by one.
      if (error instanceof ContractRefusal) refusal = error;
    }
    logger.warn({ signer, nonce, hash: receipt.hash, reason: refusal?.message, gas, estimate }, "a transaction failed");
    if (estimate > gas) gasFactors.set(to, raised(gasFactors.get(to), estimate / gas));
    const capped = refusal !== undefined && rememberCap(refusal, transaction.brandId, signer);
    const waits = capped || (refusal !== undefined && meaningOf(refusal) === "wait" && holdsForAll(refusal));
    await book.giveBack(transaction, {
      state: "failed",
      place: receipt,
      // Where it was too little gas, nothing is wrong with the cards.
      suspect: !waits && estimate <= gas,
      ...(waits && refusal !== undefined
        ? {
            failure: { failure: failureName(refusal), failureDetail: refusal.message },
            // With a cap, other keys may go on, and this one with fewer.
            notBefore: capped ? 0 : now() + PUT_OFF_MS,
          }
        : {}),
    });
    onEvent("failed");
    return true;
  }

  /**
   * The chain waits for a nonce below the first that is open: it has lost a block, or a node what it was sent. Those in between are
   * opened again. Not at once, since a node may be behind.
   */
  async function repairGap(chain: IssuanceChain, first: OpenTransaction, nonce: number): Promise<boolean> {
    if (nonce === first.nonce) {
      behind.delete(first.signer);
      return false;
    }
    const seen = behind.get(first.signer);
    if (seen !== undefined && steady() - seen.at < LOOK_MS) return false;
    const looks = (seen?.looks ?? 0) + 1;
    behind.set(first.signer, { looks, at: steady() });
    if (looks < LOOKS) return false;
    behind.delete(first.signer);
    const missing = Array.from({ length: first.nonce - nonce }, (_, index) => nonce + index);
    logger.warn({ signer: first.signer, nonces: missing }, "the chain has not used these nonces; sending them again");
    await book.reopen(first.signer, missing, first.brandId, chain.chainId);
    onEvent("reopened");
    return true;
  }

  return {
    start() {
      running = true;
      stopped = Promise.withResolvers();
      loop = run();
    },
    async stop() {
      running = false;
      wakeUp.resolve();
      stopped.resolve();
      await loop;
      await Promise.race([Promise.all(signing.values()), sleep(SIGNING_MS)]);
    },
    wake: () => wakeUp.resolve(),
    silent: () =>
      [...mute].flatMap(([address, { since, until, reason }]) =>
        // One that nobody has asked for anything since may be well again.
        until + SIGNER_LONGEST_REST_MS < steady() ? [] : [{ address: getAddress(address), since, reason }],
      ),
  };
}

/** The key that does what needs a role, lower-case; nothing if several can, or none. */
function onlyOf(signers: readonly CardSigner[]): string | undefined {
  return signers.length === 1 ? signers[0]?.address.toLowerCase() : undefined;
}

function needsSalt({ kind, physicalNumber }: SendableCommand): boolean {
  return kind === "issue" && physicalNumber !== null;
}

function split<Item>(items: readonly Item[], isFirst: (item: Item) => boolean): [first: Item[], second: Item[]] {
  return [items.filter(isFirst), items.filter((item) => !isFirst(item))];
}

/** Commands that may be in one transaction have the same. */
function wayOf(command: SendableCommand): string {
  return `${command.collectionAddress} ${roleFor(command.kind)} ${originOfCommand(command)}`;
}

function capName(brandId: number, address: string): string {
  return `${brandId} ${address.toLowerCase()}`;
}

function nameOf({ signer, nonce }: OpenTransaction): string {
  return `${signer} ${nonce}`;
}

/** In steps of a quarter, and never without end. */
function raised(factor: number | undefined, by: number): number {
  return Math.min(Math.ceil((factor ?? 1) * by * 4 + 1) / 4, 16);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
