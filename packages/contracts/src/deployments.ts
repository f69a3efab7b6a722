// Where Mintmark's registry is, by chain id.

export interface Deployment {
  /** The chain, for a person. */
  name: string;
  /** The BrandRegistry, from which everything else is found. */
  registry: `0x${string}`;
  /** The block before its first event, from which logs are read. */
  deployedAtBlock: number;
}

/** The demo deploys to a fresh chain of its own, always from the same account, so its registry always has the same address. */
const DEMO_REGISTRY = "0xdc64a140aa3e981100a9beca4e685f962f0cf6c9";

/** The chains that this version knows. Anybody may run others: {@link connect} takes a deployment, too. */
export const deployments: Readonly<Record<number, Deployment>> = {
  5192721: { name: "Mintmark on one's own machine (npm start)", registry: DEMO_REGISTRY, deployedAtBlock: 0 },
  31337: { name: "Mintmark in development (npm run dev)", registry: DEMO_REGISTRY, deployedAtBlock: 0 },
};
