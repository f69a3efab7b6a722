// Hardhat's node behind HTTP, as a test needs it: it can be taken away while others go on asking it.

import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";
import { network } from "hardhat";

export interface HardhatNode {
  url: string;
  /** Ends it as a killed process ends: with its connections. */
  close(): Promise<void>;
}

const SOCKETS = "net.server.socket";

/** @param port A free one unless it is given. */
export async function startHardhatNode({
  port = 0,
  override = {},
}: {
  port?: number;
  override?: { initialDate?: Date; initialBaseFeePerGas?: number };
} = {}): Promise<HardhatNode> {
  const server = await network.createServer({ network: "node", override }, "127.0.0.1", port);
  const { port: listening } = await server.listen();
  // Hardhat's own close waits for connections to end that clients keep: for ever, while they ask on.
  const sockets = new Set<Socket>();
  const keep = (message: unknown) => {
    const { socket } = message as { socket: Socket };
    if (socket.localPort !== listening) return;
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  };
  subscribe(SOCKETS, keep);
  return {
    url: `http://127.0.0.1:${listening}`,
    async close() {
      const closed = server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
      unsubscribe(SOCKETS, keep);
    },
  };
}
