// What the indexer tells the rest of the server about itself.

/** A block as a reader needs to know it. */
export interface BlockPosition {
  number: number;
  /** Lower-case, with 0x. */
  hash: string;
  /** Seconds since the Unix epoch. */
  timestamp: number;
}

/** How far the mirror is, and how fresh. */
export interface MirrorStatus {
  /**
   * `starting`: has not reached the chain yet. `catching-up`: reads history. `following`: the mirror is as new as the
   * last look at the chain. `degraded`: writing has stopped, because what the chain says cannot be right; `problem` says why.
   */
  state: "starting" | "catching-up" | "following" | "degraded";
  /** The chain that the mirror follows; nothing before an empty mirror has reached one. */
  chainId: number | undefined;
  /** The registry that the mirror follows, lower-case; nothing before an empty mirror has reached a chain. */
  registry: string | undefined;
  /** The last block that the mirror contains; nothing before the first commit. */
  indexed: BlockPosition | undefined;
  /** Whether this server writes the mirror; otherwise it stands by for the one that does. */
  leads: boolean;
  /** The newest block seen; nothing before the first contact. */
  headNumber: number | undefined;
  /** For how many seconds the mirror has not been known to equal the head of the chain; nothing if it never was. */
  lagSeconds: number | undefined;
  /** How far the reading of history is; nothing while there is none to read, or another server reads it. */
  progress: MirrorProgress | undefined;
  /** What is wrong, in a sentence fit for an operator. */
  problem: string | undefined;
}

/** Reading from one block to a later one. */
export interface MirrorProgress {
  /** The block that the mirror stood at in the beginning. */
  from: number;
  /** The block that was the chain's newest then. */
  target: number;
  /** The block that the mirror stands at. */
  block: number;
  /** How many events were read since the beginning. */
  events: number;
  eventsPerSecond: number;
  /** How long it will take if it goes on like this; nothing before the first step. */
  secondsLeft: number | undefined;
}
