import { Readable } from "node:stream";
import type { ClientOptions } from "./options.ts";
import type { Send } from "./send.ts";
import { Transport } from "./transport.ts";

/** Agents do not end what is idle, and let one address have so many connections and no more. */
const IDLE_MS = 30_000;

/**
 * Over Node's sockets: everything that `ClientOptions` name, such as Unix sockets, client certificates, token files.
 * Connections are used again, and end once nothing was asked over them for half a minute.
 */
export function nodeSend(options: ClientOptions): Send {
  const transport = new Transport(options, { idleMs: IDLE_MS });
  return async ({ method, target, headers, body, signal }) => {
    const message = await transport.stream({
      method: method as "GET",
      path: target,
      headers,
      ...(body === undefined
        ? {}
        : { body: typeof body === "string" || body instanceof Uint8Array ? body : Readable.from(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
    return {
      status: message.statusCode ?? 0,
      header: (name) => message.headers[name]?.toString(),
      body: message,
    };
  };
}
