import { TribuneError } from "../lib/errors.ts";
import type { HttpRequest } from "./exchange.ts";

/** Bodies of endpoints that name no limit of their own. Consul has none; a server needs one. */
export const BODY_BYTES_MAX = 64 << 20;

const NOTHING = Buffer.alloc(0);

/**
 * Collects a request body, and calls one of the two once: `fail` with status 413 above `bytesMax`, and when the client
 * breaks off.
 */
export function readBody(
  request: HttpRequest,
  bytesMax: number,
  done: (body: Buffer) => void,
  fail: (error: Error) => void,
): void {
  if ("whole" in request) {
    if (request.whole.length > bytesMax) fail(tooLarge(bytesMax));
    else done(request.whole);
    return;
  }
  let first: Buffer = NOTHING;
  let more: Buffer[] | undefined;
  let bytes = 0;
  let settled = false;
  request.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > bytesMax) {
      request.removeAllListeners("data");
      request.resume(); // drained, so that the answer reaches a client that is still sending
      if (settled) return;
      settled = true;
      fail(tooLarge(bytesMax));
      return;
    }
    if (first === NOTHING) first = chunk;
    else {
      more ??= [first];
      more.push(chunk);
    }
  });
  request.on("end", () => {
    if (settled) return;
    settled = true;
    done(more === undefined ? first : Buffer.concat(more, bytes));
  });
  // Follows every end, an early one too: Node emits an error only to those who listen for it.
  request.on("close", () => {
    if (settled) return;
    settled = true;
    fail(new TribuneError("badRequest", "unexpected EOF"));
  });
}

function tooLarge(bytesMax: number): TribuneError {
  return new TribuneError("payloadTooLarge", `Request body too large, max size: ${bytesMax} bytes`);
}
