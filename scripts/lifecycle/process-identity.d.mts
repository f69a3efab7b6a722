/** A process: its number and when it started, which together no other process ever has. */
export interface ProcessIdentity {
  pid: number;
  start: string;
}

export function processStart(pid: number): string | undefined;
export function identifyProcess(pid: number): ProcessIdentity | undefined;
export function isRunning(identity: ProcessIdentity): boolean;
