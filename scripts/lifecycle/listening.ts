// Ports, before anything is started on them.

import { connect, createServer } from "node:net";

/** A port is taken. The message names it and the setting to change. */
export class PortInUseError extends Error {
  override name = "PortInUseError";
}

/** Throws {@link PortInUseError} if somebody listens there already. `remedy` says what to set. */
export async function requireFreePort(host: string, port: number, use: string, remedy: string): Promise<void> {
  if (!(await isTaken(host, port))) return;
  throw new PortInUseError(
    `Port ${port} of ${host}, for ${use}, is in use by another program (lsof -i :${port} shows which). ` +
      `End that program, or use another port: ${remedy}`,
  );
}

async function isTaken(host: string, port: number): Promise<boolean> {
  if (!(await canListen(host, port))) return true;
  // macOS lets two programs listen, one on all addresses and one on this; so see whether somebody answers as well.
  const target = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return await new Promise<boolean>((resolve) => {
    const socket = connect({ host: target, port, timeout: 1_000 });
    const done = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => done(true));
    socket.once("error", () => done(false));
    socket.once("timeout", () => done(false));
  });
}

/** Whether the port is free; throws {@link PortInUseError} if it could not be used even so. */
async function canListen(host: string, port: number): Promise<boolean> {
  return await new Promise<boolean>((resolve, reject) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(false);
      else if (error.code === "EACCES")
        reject(new PortInUseError(`Port ${port} may be used by the administrator only: choose one above 1023.`));
      else if (error.code === "EADDRNOTAVAIL" || error.syscall === "getaddrinfo")
        reject(
          new PortInUseError(
            `${host} is not an address of this machine, so nothing can listen there. This machine only is 127.0.0.1; all of its addresses are 0.0.0.0.`,
          ),
        );
      else reject(error);
    });
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}
