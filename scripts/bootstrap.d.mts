export const NEEDED_NODE: [major: number, minor: number];
export const RESTART_CODE: number;
export class BootstrapError extends Error {}
export function canRunSources(version: string): boolean;
export function nodePackages(os?: string, cpu?: string): { name: string; options: string[] }[];
export function installFingerprint(root: string, abi: string): string;
export function isInstalled(root: string): boolean;
export function ensureInstalled(root: string, node: string, abi: string): Promise<void>;
export function buildFingerprint(root: string, step?: "build" | "client"): string;
export function withLock<Result>(root: string, purpose: string, work: () => Promise<Result>): Promise<Result>;
export function advice(output: string): string;
