import type { IncomingMessage } from "node:http";
import { TribuneError } from "../lib/errors.ts";

/** Bodies of endpoints that name no limit of their own. Consul has none; a server needs one. */
export const BODY_BYTES_MAX = 64 << 20;

const NOTHING = Buffer.alloc(0);

/** Collects a request body. Rejects with status 413 above `bytesMax`, and when the client breaks off. */
export function readBody(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let first: Buffer = NOTHING;
    let more: Buffer[] | undefined;
    let bytes = 0;
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > bytesMax) {
        request.removeAllListeners("data");
        request.resume(); // drained, so that the answer reaches a client that is still sending
        reject(new TribuneError("payloadTooLarge", `Request body too large, max size: ${bytesMax} bytes`));
        return;
      }
      if (first === NOTHING) first = chunk;
      else {
        more ??= [first];
        more.push(chunk);
      }
    });
    request.on("end", () => resolve(more === undefined ? first : Buffer.concat(more, bytes)));
    request.on("error", reject);
    request.on("close", () => {
      if (!request.complete) reject(new TribuneError("badRequest", "unexpected EOF"));
    });
  });
}
