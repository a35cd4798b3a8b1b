import { Readable } from "node:stream";
import type { ClientOptions } from "./options.ts";
import type { Send } from "./send.ts";
import { Transport } from "./transport.ts";

/**
 * Over Node's sockets: everything that `ClientOptions` name, such as Unix sockets, client certificates, token files.
 * Connections are kept and used again.
 */
export function nodeSend(options: ClientOptions): Send {
  const transport = new Transport(options, { keepsAlive: true });
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
