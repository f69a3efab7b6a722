// The project's Solidity sources as Hardhat gives them to the compiler, and the compiler itself, in this process: tools
// that compile many variants of a source cannot pay for a process, a file system and an artifacts folder each time.

import { createRequire } from "node:module";
import hre from "hardhat";

/** What a node of the compiler's syntax tree has for sure. The rest depends on `nodeType`. */
export interface Node {
  id: number;
  nodeType: string;
  /** `start:length:file`, in bytes. */
  src: string;
  [key: string]: unknown;
}

/** The compiler's "standard JSON" input. */
export interface CompilerInput {
  language: string;
  sources: Record<string, { content: string }>;
  settings: Record<string, unknown>;
}

interface LinkReferences {
  [source: string]: { [library: string]: { start: number; length: number }[] };
}

/** The compiler's "standard JSON" output, as far as tools here ask for it. */
export interface CompilerOutput {
  errors?: { severity: string; formattedMessage: string }[];
  sources: Record<string, { id: number; ast: Node }>;
  contracts?: Record<
    string,
    Record<
      string,
      {
        evm?: { bytecode: { object: string; linkReferences: LinkReferences } };
        storageLayout?: unknown;
      }
    >
  >;
}

/** What is sent to deploy a contract, by its fully qualified name, as an artifact holds it. */
export type Code = Map<string, { bytecode: string; linkReferences: LinkReferences }>;

export class CompilationError extends Error {
  override name = "CompilationError";
}

const CODE_OUTPUTS = ["evm.bytecode.object", "evm.bytecode.linkReferences"];

const solc = createRequire(import.meta.url)("solc") as { compile(input: string): string };

/** Compiles; throws what the compiler says if it finds an error. */
export function compile(input: CompilerInput): CompilerOutput {
  const output = JSON.parse(solc.compile(JSON.stringify(input))) as CompilerOutput;
  const errors = output.errors?.filter(({ severity }) => severity === "error") ?? [];
  if (errors.length > 0) throw new CompilationError(errors.map(({ formattedMessage }) => formattedMessage).join("\n"));
  return output;
}

/** The input for everything that a build of the contracts compiles, all of it in one. */
export async function contractsInput(): Promise<CompilerInput> {
  const roots = await hre.solidity.getRootFilePaths({ scope: "contracts" });
  const result = await hre.solidity.getCompilationJobs(roots, { force: true, quiet: true, scope: "contracts" });
  if (!result.success) throw new Error(`Hardhat cannot resolve the sources: ${result.formattedReason}`);
  const [job, ...others] = new Set(result.compilationJobsPerFile.values());
  if (job === undefined || others.length > 0) throw new Error("expected all contracts in one compilation");
  return (await job.getSolcInput()) as CompilerInput;
}

/** How the compiler names a file of this project. */
export const SOURCE_PREFIX = "project/";

/** Our own contracts among the sources, by the path that a person would write. */
export function ownSources(input: CompilerInput): Map<string, string> {
  const own = new Map<string, string>();
  for (const [name, { content }] of Object.entries(input.sources)) {
    if (name.startsWith(`${SOURCE_PREFIX}contracts/`)) own.set(name.slice(SOURCE_PREFIX.length), content);
  }
  return own;
}

/** The syntax tree of every source. */
export function syntaxTrees(input: CompilerInput): Map<string, Node> {
  const output = compile({ ...input, settings: { ...input.settings, outputSelection: { "*": { "": ["ast"] } } } });
  return new Map(Object.entries(output.sources).map(([name, { ast }]) => [name, ast]));
}

/** Every source with all those that it imports, directly or not. */
export function importClosures(trees: ReadonlyMap<string, Node>): Map<string, Set<string>> {
  const closures = new Map<string, Set<string>>();
  for (const name of trees.keys()) {
    const closure = new Set<string>();
    const open = [name];
    for (let source = open.pop(); source !== undefined; source = open.pop()) {
      if (closure.has(source)) continue;
      closure.add(source);
      for (const node of (trees.get(source)?.["nodes"] ?? []) as Node[]) {
        if (node.nodeType === "ImportDirective") open.push(node["absolutePath"] as string);
      }
    }
    closures.set(name, closure);
  }
  return closures;
}

/**
 * Compiles the chosen contracts only, with the settings of the build. The hash of the sources at the code's end is left out:
 * two sources with the same code then give the same bytes.
 *
 * @param contracts Fully qualified names.
 */
export function compileContracts(input: CompilerInput, contracts: Iterable<string>): Code {
  const outputSelection: Record<string, Record<string, string[]>> = {};
  for (const contract of contracts) {
    const [source = "", name = ""] = contract.split(":");
    outputSelection[source] ??= {};
    outputSelection[source][name] = CODE_OUTPUTS;
  }
  const metadata = { appendCBOR: false, bytecodeHash: "none" };
  const output = compile({ ...input, settings: { ...input.settings, metadata, outputSelection } });
  const code: Code = new Map();
  for (const [source, compiled] of Object.entries(output.contracts ?? {})) {
    for (const [name, { evm }] of Object.entries(compiled)) {
      if (evm === undefined || evm.bytecode.object === "") continue;
      code.set(`${source}:${name}`, {
        bytecode: `0x${evm.bytecode.object}`,
        linkReferences: evm.bytecode.linkReferences,
      });
    }
  }
  return code;
}

/** The contracts and libraries that can be deployed, by fully qualified name, with the source that each is written in. */
export function deployableContracts(trees: ReadonlyMap<string, Node>): Map<string, string> {
  const contracts = new Map<string, string>();
  for (const [source, tree] of trees) {
    for (const node of tree["nodes"] as Node[]) {
      if (node.nodeType !== "ContractDefinition" || node["abstract"] === true) continue;
      if (node["contractKind"] !== "interface") contracts.set(`${source}:${node["name"] as string}`, source);
    }
  }
  return contracts;
}
