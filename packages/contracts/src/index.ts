export { brandRegistryAbi } from "./abi/brandRegistry.ts";
export { collectionFactoryAbi } from "./abi/collectionFactory.ts";
export { consortiumGovernorAbi } from "./abi/consortiumGovernor.ts";
export { consortiumSeatAbi } from "./abi/consortiumSeat.ts";
export { consortiumTimelockAbi } from "./abi/consortiumTimelock.ts";
export { membershipCollectionAbi } from "./abi/membershipCollection.ts";
export {
  type Brand,
  type BrandStatus,
  type BurnAuth,
  type Card,
  type CardStatus,
  type Collection,
  type CollectionTerms,
  connect,
  type Eip1193Provider,
  MintmarkChainError,
  type MintmarkContracts,
  type Verification,
} from "./connect.ts";
export { type Deployment, deployments } from "./deployments.ts";
export { isHandle, looksLike } from "./handles.ts";
