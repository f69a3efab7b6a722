// CollectionFactory's ABI, as the compiler has it. Generated: npm run contracts-abi

export const collectionFactoryAbi = [
  { inputs: [{ internalType: "address", name: "caller", type: "address" }], name: "CallerNotRegistry", type: "error" },
  { inputs: [{ internalType: "address", name: "registry", type: "address" }], name: "InvalidRegistry", type: "error" },
  {
    inputs: [{ internalType: "string", name: "slug", type: "string" }],
    name: "addressOf",
    outputs: [{ internalType: "address", name: "", type: "address" }],
    stateMutability: "view",
    type: "function",
  },
  {
    inputs: [{ internalType: "string", name: "slug", type: "string" }],
    name: "create",
    outputs: [{ internalType: "address", name: "collection", type: "address" }],
    stateMutability: "nonpayable",
    type: "function",
  },
  {
    inputs: [],
    name: "registry",
    outputs: [{ internalType: "address", name: "", type: "address" }],
    stateMutability: "view",
    type: "function",
  },
] as const;
