// Keeps the mirror equal to the chain: from wherever the database stands to the head, and on with the head.
// Must hold: ranges are committed in order, each following the block that the checkpoint names; where the chain has taken
// blocks back, the mirror goes back to a block that both have before it goes on; a different chain is refused.

import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { EventDecodeError } from "../chain/events.ts";
import type { Heads } from "../chain/heads.ts";
import type { Rpc } from "../chain/rpc.ts";
import type { BlockPosition, MirrorStatus } from "../database/mirror-status.ts";
import { isOutage, problemForEverybody } from "../database/unusable.ts";
import { differencesOf, type FoundChain, findChain, refuseOtherChain, WrongChainError } from "./chain-identity.ts";
import { findParting } from "./common-block.ts";
import { FoldError } from "./fold.ts";
import { InconsistentAnswerError, positionOf, type RawHeader, readHeader } from "./headers.ts";
import { BEAT_INTERVAL_MS, type Lease, LeaseLostError } from "./lease.ts";
import { type ChainIdentity, CheckpointMovedError, type Mirror } from "./mirror.ts";
import { createProgressMeter } from "./progress.ts";
import { createRangeSize } from "./range-size.ts";
import { type BlockRange, createRangeReader, type RangeWithCollections } from "./ranges.ts";

export interface Indexer {
  /**
   * Follows the chain until {@link Indexer.stop}. Waits for the chain for as long as it cannot be reached; what the mirror
   * knows can be read meanwhile. Resolves when the chain has turned out to be the mirror's, and throws
   * {@link WrongChainError} if it is another one.
   */
  start(): Promise<void>;
  /** Stops after the commit that is under way. */
  stop(): Promise<void>;
  status(): MirrorStatus;
  /** Resolves once the mirror has been at the head of the chain since this call. */
  caughtUp(): Promise<void>;
}

export interface IndexerOptions {
  rpc: Rpc;
  mirror: Mirror;
  /** The registry's address on the chain with this id. Throws if there is none. */
  registryOn(chainId: number): string;
  logger: Logger;
  /** How many blocks the chain may take back; more is an incident that stops the writer. */
  finalityDepth: number;
  /** How often the head is looked at, in milliseconds; less often while new blocks are hinted at. */
  pollIntervalMs?: number;
  /** Where several servers share the database: one writes, the others stand by. The mirror must have the same lease. */
  lease?: Lease;
  /** Subscribes to hints that there is a new block; without them the head is looked at in intervals only. */
  followHeads?(onHead: () => void): Pick<Heads, "stop" | "subscribed">;
  /** Is told of everything that keeps the mirror from going on. */
  onFailure?(error: unknown): void;
  /** For how long a node may be behind the mirror before its missing blocks count as lost, in milliseconds. */
  behindGraceMs?: number;
  /** Of how many blocks logs are asked for in one call at most. Nodes cap it; Besu at 5,000. */
  maxRange?: number;
}

/** The chain has taken back blocks that it had promised to keep. */
export class FinalityViolatedError extends Error {
  override name = "FinalityViolatedError";
}

/** Blocks that are read one by one: what the chain may replace, and the few between two looks at the head. */
const CHANGEABLE_RANGE = 100;
const NEAR_HEAD = 8;
/** As many ends of ranges are looked at once more after a backfill. */
const ENDS_CHECKED = 4;
/** How often the same impossible answer is needed to believe it. */
const IMPOSSIBLE_ANSWERS = 3;
/** How many times as rarely the head is looked at while a subscription stands. */
const HINTED_POLLS = 5;
/** How often a mirror that has stopped looks whether it may go on. */
const STOPPED_LOOK_MS = 1_000;
const RETRY_FIRST_MS = 200;
const RETRY_LAST_MS = 5_000;

/** Whether going on would make the mirror wrong. Everything else may pass, and is tried again for as long as it takes. */
function isIncident(error: unknown): boolean {
  return error instanceof WrongChainError || error instanceof FinalityViolatedError || isImpossible(error);
}

/** Whether the contracts cannot have said this. One bad answer may be the node's fault. */
function isImpossible(error: unknown): boolean {
  return error instanceof FoldError || error instanceof EventDecodeError;
}

/** A point in time by both clocks: the wall clock may be set back, the steady one may stand still while the machine sleeps. */
interface Moment {
  wall: number;
  steady: number;
}

function thisMoment(): Moment {
  return { wall: Date.now(), steady: performance.now() };
}

function secondsSince(moment: Moment): number {
  const { wall, steady } = thisMoment();
  return Math.floor(Math.max(0, wall - moment.wall, steady - moment.steady) / 1_000);
}

export function createIndexer(options: IndexerOptions): Indexer {
  const {
    rpc,
    mirror,
    logger,
    finalityDepth,
    pollIntervalMs = 100,
    behindGraceMs = 30_000,
    maxRange = 5_000,
  } = options;

  let identity: ChainIdentity | undefined;
  let checkpoint: BlockPosition | undefined;
  let collections = new Set<string>();
  let behindSince: number | undefined;
  /** Where a server that stands by has seen the head to be, and the mirror not yet. */
  let awaited: { head: BlockPosition; askedAt: Moment } | undefined;
  /** Whether this server writes the mirror; nothing before it is known. */
  let leads: boolean | undefined;
  const reader = createRangeReader({ rpc, logger });
  const rangeSize = createRangeSize({ maxWindow: maxRange });
  const progress = createProgressMeter();
  /** Where ranges ended that were read by numbers and not looked at again since. */
  let ends: BlockPosition[] = [];

  let state: MirrorStatus["state"] = "starting";
  let headNumber: number | undefined;
  let caughtUpAt: Moment | undefined;
  let problem: string | undefined;

  const stopping = new AbortController();
  let hinted = false;
  let wake: (() => void) | undefined;
  let heads: ReturnType<NonNullable<IndexerOptions["followHeads"]>> | undefined;
  let running: Promise<void> | undefined;
  let waiting: (() => void)[] = [];

  function identityOf({ chainId, genesis }: FoundChain): ChainIdentity {
    return { chainId, genesisHash: genesis.hash, registry: options.registryOn(chainId).toLowerCase() };
  }

  /** {@link findChain}, tried until it succeeds; nothing if told to stop before. */
  async function findChainWhenReachable(): Promise<FoundChain | undefined> {
    for (let retryMs = RETRY_FIRST_MS; !stopping.signal.aborted; retryMs = Math.min(retryMs * 2, RETRY_LAST_MS)) {
      try {
        return await findChain(rpc);
      } catch (error) {
        options.onFailure?.(error);
        // Whatever the node says: a proxy before it may answer in its place with anything.
        problem = error instanceof Error ? error.message : String(error);
        logger.warn({ retryMs }, `${problem}. Start it, or set RPC_URL to where it is; waiting`);
        await pause(retryMs);
      }
    }
    return undefined;
  }

  /** Does what needs the database, and waits while that is out of reach. Whether it was done before it was told to stop. */
  async function throughOutages(work: () => Promise<void>): Promise<boolean> {
    for (let retryMs = RETRY_FIRST_MS; !stopping.signal.aborted; retryMs = Math.min(retryMs * 2, RETRY_LAST_MS)) {
      try {
        await work();
        return true;
      } catch (error) {
        if (!isOutage(error)) throw error;
        options.onFailure?.(error);
        problem = problemForEverybody(error);
        logger.warn({ err: error, retryMs }, "the database cannot be used; waiting");
        await pause(retryMs);
      }
    }
    return false;
  }

  /** Waits, but not longer than until told to stop. */
  async function pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: stopping.signal }).catch(() => undefined);
  }

  /** There may be a new block. */
  function onHead(): void {
    hinted = true;
    wake?.();
  }

  /** Waits until a new block is hinted at, but not longer than until told to stop. */
  async function pauseUntilHint(ms: number): Promise<void> {
    const woken = new AbortController();
    wake = () => woken.abort();
    if (!hinted)
      await sleep(ms, undefined, { signal: AbortSignal.any([woken.signal, stopping.signal]) }).catch(() => undefined);
    wake = undefined;
    hinted = false;
  }

  /** One pass: from the checkpoint to the head as it is now. */
  async function advance(): Promise<void> {
    await takeLead();
    const askedAt = thisMoment();
    const asking = readHeader(rpc, "latest");
    // Awaited below; until then a failure must not count as unhandled.
    asking.catch(() => undefined);
    await takeUpCheckpoint();
    const header = await asking;
    if (header === undefined) throw new InconsistentAnswerError(`The node at ${rpc.endpoint} has no latest block`);
    const head = positionOf(header);
    headNumber = head.number;

    const from = requireCheckpoint();
    if (!leads) {
      if (head.number < from.number) await isBehind(head, from);
      else noteWriter(from, { head, askedAt });
    } else if (head.number > from.number) await readUpTo(head.number, header);
    else if (head.hash !== from.hash && !(await isBehind(head, from))) await rollBack(from);
    if (!(await areStillThere())) return;
    // A head that moved on in the meantime is met by the next pass.
    const reached = requireCheckpoint();
    if (reached.number === head.number && reached.hash === head.hash) markCaughtUp(askedAt);
  }

  /**
   * Whoever stands by looks at the head while the writer is still at work on it, and with a chain that is fast enough always
   * so. What counts then is when the writer has come to a head that was seen before.
   */
  function noteWriter(from: BlockPosition, seen: { head: BlockPosition; askedAt: Moment }): void {
    if (awaited !== undefined && from.number >= awaited.head.number) {
      markFollowing(awaited.askedAt);
      awaited = undefined;
    }
    awaited ??= seen;
  }

  /** Finds out whether this server writes the mirror, or stands by. */
  async function takeLead(): Promise<void> {
    const before = leads;
    leads = (await options.lease?.hold()) ?? true;
    if (leads === before) return;
    if (leads) logger.info("this server writes the mirror");
    else logger.info("another server writes the mirror; standing by");
  }

  async function giveBackLease(): Promise<void> {
    // Others need not wait longer for it than for a server that was killed.
    await options.lease?.release().catch((err: unknown) => logger.warn({ err }, "the lease was not given back"));
  }

  /** Goes on from where the database is, should somebody else have emptied the mirror or moved it. */
  async function takeUpCheckpoint(): Promise<void> {
    const stored = await mirror.checkpoint();
    const known = requireCheckpoint();
    if (stored?.block.number === known.number && stored.block.hash === known.hash) return;
    if (stored === undefined) {
      logger.warn("the mirror was emptied: reading the chain anew");
      state = "catching-up";
      const found = await findChain(rpc);
      identity = identityOf(found);
      await mirror.begin(identity, found.genesis);
      checkpoint = found.genesis;
    } else {
      refuseOtherChain(stored, requireIdentity(), rpc.endpoint);
      if (leads) logger.info({ from: known.number, to: stored.block.number }, "going on where another server stopped");
      checkpoint = stored.block;
    }
    ends = [];
    collections = new Set(await mirror.collections());
  }

  /**
   * Whether the node is merely a few blocks behind the mirror, as one of several behind a load balancer may be. A node that
   * does not make up for it within the grace period has lost the blocks, unless they are final: then it is late, however
   * long that takes.
   */
  async function isBehind(head: BlockPosition, from: BlockPosition): Promise<boolean> {
    if (head.number === from.number) return false;
    const [newest] = await mirror.blocksDownFrom(head.number, 1);
    if (newest !== undefined && !(await isOnChain(newest))) return false;
    behindSince ??= performance.now();
    const isLost = from.number - head.number <= finalityDepth && performance.now() - behindSince > behindGraceMs;
    // Where there are several nodes, another may have the blocks.
    if (!isLost) rpc.switchNode?.();
    if (isLost) behindSince = undefined;
    else problem = `The node at ${rpc.endpoint} is at block ${head.number}, behind the mirror at block ${from.number}`;
    return !isLost;
  }

  /** Reads up to a block: what is final in ranges, several in flight, and what is not block by block. */
  async function readUpTo(target: number, newest: RawHeader): Promise<void> {
    const start = requireCheckpoint();
    const isNear = target - start.number <= NEAR_HEAD;
    const lastFinal = isNear ? start.number : target - finalityDepth;
    progress.begin({ from: start.number, target });
    try {
      if (lastFinal > start.number && !(await backfill(start, lastFinal))) return;
      for (
        let from = requireCheckpoint();
        from.number < target && !stopping.signal.aborted;
        from = requireCheckpoint()
      ) {
        const to = Math.min(from.number + Math.min(CHANGEABLE_RANGE, rangeSize.blocks()), target);
        const addresses = [requireIdentity().registry, ...collections];
        const last = to === target ? newest : undefined;
        const { range, created } = await reader.readChangeable({ from: from.number + 1, to, addresses, newest: last });
        const follows =
          range.parentHash === undefined
            ? (await reader.replaced([from])).length === 0
            : range.parentHash === from.hash;
        if (!follows) {
          await rollBack(from);
          return;
        }
        await commit(range, created);
      }
    } finally {
      progress.end();
    }
  }

  /**
   * Reads ranges of final blocks, several in flight, and commits them in order.
   * @returns Whether the chain has the block that the first of them follows.
   */
  async function backfill(start: BlockPosition, target: number): Promise<boolean> {
    if ((await reader.replaced([start])).length > 0) {
      await rollBack(start);
      return false;
    }
    if (ends.length === 0) ends.push(start);
    interface Pending {
      known: ReadonlySet<string>;
      size: number;
      read: Promise<RangeWithCollections>;
    }
    const pending: Pending[] = [];
    let next = start.number + 1;
    try {
      while (requireCheckpoint().number < target && !stopping.signal.aborted) {
        while (pending.length < rangeSize.inFlight() && next <= target) {
          const to = Math.min(next + rangeSize.blocks() - 1, target);
          const known = new Set(collections);
          const addresses = [requireIdentity().registry, ...known];
          const read = reader.readFinal({ from: next, to, window: rangeSize.window(), addresses });
          // Awaited below, in order; until then a failure must not count as unhandled.
          read.catch(() => undefined);
          pending.push({ known, size: to - next + 1, read });
          next = to + 1;
        }
        const current = pending.shift();
        if (current === undefined) break;
        let answer: RangeWithCollections;
        try {
          answer = await current.read;
        } catch (error) {
          rangeSize.failed(current.size, error);
          throw error;
        }
        const range = await withLaterCollections(answer.range, current.known, answer.created);
        await commit(range, answer.created);
        ends.push(range.end);
        rangeSize.succeeded({ blocks: current.size, events: range.events.length });
        if (target - start.number > maxRange && progress.isTimeToTell())
          logger.info(progress.current(), "catching up with the chain");
      }
    } finally {
      await Promise.allSettled(pending.map(({ read }) => read));
    }
    return true;
  }

  /**
   * Whether the chain still has what was read of it by numbers. Whatever it has replaced meanwhile reached up to its head, so
   * the newest ends tell. Where they are gone, so are older ones perhaps, and all that was read after the newest one that is
   * left is taken back, to be read again.
   */
  async function areStillThere(): Promise<boolean> {
    let kept = ends.length;
    while (kept > 0) {
      const [lost] = await reader.replaced(ends.slice(Math.max(0, kept - ENDS_CHECKED), kept));
      if (lost === undefined) break;
      kept = ends.indexOf(lost);
    }
    const to = kept === ends.length ? undefined : ends[Math.max(0, kept - 1)];
    ends = [];
    if (to === undefined) return true;
    const from = requireCheckpoint();
    logger.warn(
      { from: from.number, to: to.number },
      "the chain has replaced blocks while they were read: reading again",
    );
    await takeBack(from, to);
    return false;
  }

  async function commit(range: BlockRange, created: readonly string[]): Promise<void> {
    await mirror.commit(requireCheckpoint(), range.end, range.events);
    checkpoint = range.end;
    collections = collections.union(new Set(created));
    progress.reached({ block: range.end.number, events: range.events.length });
  }

  /** A range was read with the collections known then; adds those that earlier ranges have brought to light since. */
  async function withLaterCollections(
    range: BlockRange,
    known: ReadonlySet<string>,
    created: readonly string[],
  ): Promise<BlockRange> {
    const unread = [...collections].filter((address) => !known.has(address) && !created.includes(address));
    return unread.length === 0 ? range : await reader.extend(range, unread);
  }

  async function isOnChain(block: BlockPosition): Promise<boolean> {
    const header = await readHeader(rpc, block.number);
    // A block that the node should have and does not know has not been replaced by another.
    if (header === undefined && block.number <= (headNumber ?? 0))
      throw new InconsistentAnswerError(
        `The node at ${rpc.endpoint} does not have block ${block.number}, although it is at block ${headNumber}`,
      );
    return header !== undefined && positionOf(header).hash === block.hash;
  }

  /** Takes the mirror back to the newest of its blocks that the chain still has. */
  async function rollBack(from: BlockPosition): Promise<void> {
    const found = await findChain(rpc);
    const stored = await mirror.checkpoint();
    if (stored !== undefined) refuseOtherChain(stored, identityOf(found), rpc.endpoint);

    const { common: to, oldestReplaced } = await findParting({
      rpc,
      mirror,
      from,
      genesis: found.genesis,
      headNumber: headNumber ?? 0,
    });
    const depth = oldestReplaced === undefined ? 0 : from.number - oldestReplaced.number + 1;
    if (depth > finalityDepth) {
      throw new FinalityViolatedError(
        `The chain at ${rpc.endpoint} has replaced ${depth} blocks from block ${oldestReplaced?.number} on, and FINALITY_DEPTH allows ${finalityDepth}. ` +
          "The mirror has stopped as it was. Find out why; if the chain is right, run: npm run resume",
      );
    }
    const events = await takeBack(from, to);
    logger.warn(
      { from: from.number, to: to.number, events },
      `the chain no longer has block ${from.number}: the mirror went back to block ${to.number}`,
    );
  }

  /** Returns how many events are gone. */
  async function takeBack(from: BlockPosition, to: BlockPosition): Promise<number> {
    const events = await mirror.rollBack(from, to);
    checkpoint = to;
    ends = ends.filter(({ number }) => number <= to.number);
    collections = new Set(await mirror.collections());
    return events;
  }

  function requireIdentity(): ChainIdentity {
    if (identity === undefined) throw new Error("The indexer has not been started");
    return identity;
  }

  function requireCheckpoint(): BlockPosition {
    if (checkpoint === undefined) throw new Error("The indexer has not been started");
    return checkpoint;
  }

  function markCaughtUp(at: Moment): void {
    behindSince = undefined;
    awaited = undefined;
    markFollowing(at);
    const resolvers = waiting;
    waiting = [];
    for (const resolve of resolvers) resolve();
  }

  function markFollowing(at: Moment): void {
    caughtUpAt = at;
    problem = undefined;
    if (state === "following") return;
    state = "following";
    logger.info({ block: requireCheckpoint().number }, "the mirror has caught up with the chain");
  }

  async function run(): Promise<void> {
    let retryMs = RETRY_FIRST_MS;
    let impossibleAnswers = 0;
    while (!stopping.signal.aborted) {
      try {
        await advance();
        retryMs = RETRY_FIRST_MS;
        impossibleAnswers = 0;
        await pauseUntilHint(heads?.subscribed === true ? HINTED_POLLS * pollIntervalMs : pollIntervalMs);
      } catch (error) {
        options.onFailure?.(error);
        problem = problemForEverybody(error);
        impossibleAnswers = isImpossible(error) ? impossibleAnswers + 1 : 0;
        if (isIncident(error) && (!isImpossible(error) || impossibleAnswers === IMPOSSIBLE_ANSWERS)) {
          logger.fatal({ err: error }, "the mirror has stopped");
          await standStill(error);
          impossibleAnswers = 0;
          continue;
        }
        // Whoever moved the checkpoint may have written a part of what was read here: the next pass takes up theirs.
        if (error instanceof CheckpointMovedError || error instanceof LeaseLostError)
          logger.info({ reason: problem }, "another server has written the mirror");
        else logger.warn({ err: error, retryMs }, "the mirror cannot follow the chain; trying again");
        await pause(retryMs);
        retryMs = Math.min(retryMs * 2, RETRY_LAST_MS);
      }
    }
  }

  /** Changes nothing until there is a reason to go on, or until told to stop. Another server may see more, and write. */
  async function standStill(incident: unknown): Promise<void> {
    state = "degraded";
    leads = false;
    awaited = undefined;
    await giveBackLease();
    const stoppedAt = requireCheckpoint();
    for (;;) {
      await pause(STOPPED_LOOK_MS);
      if (stopping.signal.aborted) return;
      try {
        if (await mayGoOn(stoppedAt, incident)) break;
      } catch (error) {
        logger.warn({ err: error }, "the mirror has stopped, and cannot find out whether to go on");
      }
    }
    logger.warn({ stoppedAt: stoppedAt.number }, "the mirror goes on: it is at a block of the chain");
    state = "catching-up";
    problem = undefined;
  }

  /** Whether a mirror that has stopped is at a block of this chain: because the chain has it again, or somebody has moved it. */
  async function mayGoOn(stoppedAt: BlockPosition, incident: unknown): Promise<boolean> {
    const stored = await mirror.checkpoint();
    if (stored === undefined) return true;
    const { number, hash } = stored.block;
    // Where it is the events that are impossible, they are as impossible at the same block as before.
    if (isImpossible(incident) && number === stoppedAt.number && hash === stoppedAt.hash) return false;
    if (differencesOf(stored, requireIdentity()).length > 0) return false;
    const header = await readHeader(rpc, number);
    return header !== undefined && positionOf(header).hash === hash;
  }

  /** Where the mirror stands; an empty one is made to follow the chain. */
  async function takeUpMirror(found: FoundChain): Promise<void> {
    const own = identityOf(found);
    let stored = await mirror.checkpoint();
    // Whoever empties the mirror meanwhile does not keep it from being begun again.
    while (stored === undefined) {
      try {
        await mirror.begin(own, found.genesis);
      } catch (error) {
        if (!(error instanceof CheckpointMovedError)) throw error;
      }
      stored = await mirror.checkpoint();
    }
    refuseOtherChain(stored, own, rpc.endpoint);
    identity = own;
    checkpoint = stored.block;
    collections = new Set(await mirror.collections());
  }

  return {
    async start() {
      const stored = await mirror.checkpoint();
      identity = stored;
      checkpoint = stored?.block;
      collections = new Set(await mirror.collections());

      const found = await findChainWhenReachable();
      if (found === undefined) return;
      if (!(await throughOutages(() => takeUpMirror(found)))) return;
      problem = undefined;
      state = "catching-up";
      heads = options.followHeads?.(onHead);
      // Also while a range is long in coming: a server that waits for its node is alive.
      const beats = setInterval(() => {
        if (leads === true)
          options.lease?.hold().catch((err: unknown) => logger.warn({ err }, "no sign of life written"));
      }, BEAT_INTERVAL_MS);
      running = run().finally(async () => {
        clearInterval(beats);
        heads?.stop();
        await giveBackLease();
      });
    },
    async stop() {
      stopping.abort();
      await running;
    },
    status() {
      return {
        state,
        chainId: identity?.chainId,
        registry: identity?.registry,
        indexed: checkpoint,
        headNumber,
        leads: leads === true,
        lagSeconds: caughtUpAt === undefined ? undefined : secondsSince(caughtUpAt),
        progress: progress.current(),
        problem,
      };
    },
    caughtUp() {
      return new Promise((resolve) => waiting.push(resolve));
    },
  };
}
