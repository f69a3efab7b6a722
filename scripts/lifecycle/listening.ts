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
  // macOS lets two programs listen, one on all addresses and one on this; so first see whether somebody answers.
  const target = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  const answers = await new Promise<boolean>((resolve) => {
    const socket = connect({ host: target, port, timeout: 1_000 });
    const done = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => done(true));
    socket.once("error", () => done(false));
    socket.once("timeout", () => done(false));
  });
  if (answers) return true;
  return await new Promise<boolean>((resolve, reject) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(true);
      else if (error.code === "EACCES")
        reject(new PortInUseError(`Port ${port} may be used by the administrator only: choose one above 1023.`));
      else if (error.code === "EADDRNOTAVAIL")
        reject(
          new PortInUseError(`${host} is not an address of this machine: set HOST to one that is, or to 0.0.0.0.`),
        );
      else reject(error);
    });
    server.listen(port, host, () => server.close(() => resolve(false)));
  });
}
