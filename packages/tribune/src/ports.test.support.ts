import { once } from "node:events";
import { createServer } from "node:net";

/** Systems give out ports above 32,767 (Linux) or 49,151 by themselves, to whoever asks for any. */
const PORTS = { first: 20_000, count: 12_000 };
/** Test files that run side by side begin at different places, and a test does not get the port of the one before. */
let next = process.pid * 40;

/**
 * A port of a loopback address that nobody has, and that nobody is given who asks for any: it stays free while a test has
 * nobody at it, before the first start or between two.
 */
export async function ownPort(host = "127.0.0.1"): Promise<number> {
  for (let tries = 0; tries < PORTS.count; tries++) {
    const port = PORTS.first + (next++ % PORTS.count);
    const server = createServer();
    try {
      await once(server.listen(port, host), "listening");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error; // there is no such address
      continue; // somebody has it
    }
    server.close();
    await once(server, "close");
    return port;
  }
  throw new Error(`all ports from ${PORTS.first} on are taken`);
}
