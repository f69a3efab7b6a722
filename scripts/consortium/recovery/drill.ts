// What a drill is.

import type { World } from "./world.ts";

export interface Drill {
  /** On the command line. */
  name: string;
  /** What has happened to which key. */
  title: string;
  /** Who is needed, and how long it takes with the usual settings of a consortium. */
  takes: string;
  play(world: World): Promise<void>;
}
