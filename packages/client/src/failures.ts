/** What a failed request says about itself: whether the agent may have done it, and whether another try may help. */
import { RequestError, ResponseError } from "./errors.ts";

/** Errors of a connection that never came to be: the request was not sent. Node's codes, and Bun's. */
const NOT_CONNECTED: ReadonlySet<unknown> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOENT",
  "UND_ERR_CONNECT_TIMEOUT",
  "ConnectionRefused",
]);
const CAUSES_MAX = 8;

/** The servers' words for a write that did not reach the log, and for a read that nobody answered. */
const NOT_APPLIED =
  /no cluster leader|node is not the leader|leadership transfer in progress|no known consul servers|rate limit|rpc rate|timed out enqueuing|raft is already shutdown|not ready for consistent reads|no servers available|too many concurrent/i;
/** Their words for a write that may be in the log, and for connections lost on the way. */
const UNCLEAR =
  /leadership lost|rpc error|connection reset|broken pipe|\beof\b|i\/o (?:deadline|timeout)|session shutdown|stream closed|timeout|connection refused/i;

/** True when the agent certainly did not do what it was asked. */
export function wasNotApplied(error: unknown): boolean {
  if (error instanceof ResponseError) {
    if (error.status >= 400 && error.status < 500) return true;
    return NOT_APPLIED.test(error.body);
  }
  return error instanceof RequestError && neverConnected(error);
}

/** True when the same request may succeed later, or elsewhere. */
export function isTransient(error: unknown): boolean {
  if (error instanceof RequestError) return true;
  if (!(error instanceof ResponseError)) return false;
  const { status, body } = error;
  if (status === 429 || status === 502 || status === 503 || status === 504) return true;
  return status === 500 && (NOT_APPLIED.test(body) || UNCLEAR.test(body));
}

function neverConnected(error: unknown): boolean {
  let at: unknown = error;
  for (let depth = 0; depth < CAUSES_MAX && typeof at === "object" && at !== null; depth++) {
    const { code, message, errors, cause } = at as {
      readonly code?: unknown;
      readonly message?: unknown;
      readonly errors?: readonly unknown[];
      readonly cause?: unknown;
    };
    if (NOT_CONNECTED.has(code)) return true;
    // Deno has no codes.
    if (typeof message === "string" && /connection refused|dns error/i.test(message)) return true;
    at = cause ?? errors?.[0];
  }
  return false;
}
