// Where Mintmark's registry is, by chain id.

export interface Deployment {
  /** The chain, for a person. */
  name: string;
  /** The BrandRegistry, from which everything else is found. */
  registry: `0x${string}`;
  /** The block before its first event, from which logs are read. */
  deployedAtBlock: number;
}

/** The chains that this version knows. Anybody may run others: {@link connect} takes a deployment, too. */
export const deployments: Readonly<Record<number, Deployment>> = {
  31337: {
    name: "A developer's machine (npm start)",
    registry: "0x5fbdb2315678afecb367f032d93f642f64180aa3",
    deployedAtBlock: 0,
  },
};
