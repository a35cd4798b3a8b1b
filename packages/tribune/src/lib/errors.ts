/**
 * Errors that a client, a peer or an operator is meant to see.
 *
 * Consul's RPC carries an error as a bare string and clients match on parts of it, so the text is wire
 * format. The kind decides how it shows at each edge: HTTP status, DNS rcode, whether to retry.
 */
export type ErrorKind =
  /** The caller's mistake; never retried. */
  | "badRequest"
  /** The token may not. */
  | "permissionDenied"
  /** The thing is not there, and that is an error for this call. */
  | "notFound"
  | "methodNotAllowed"
  | "payloadTooLarge"
  | "conflict"
  | "rateLimited"
  /** Too much, and nobody else can be asked. */
  | "overloaded"
  /** Whoever was asked does not know how. */
  | "notImplemented"
  /** No leader, no path to the datacenter: try again, maybe elsewhere. */
  | "unavailable"
  /** Ours, or one that Consul answers with status 500; logged with its cause. */
  | "internal";

export const HTTP_STATUS: Readonly<Record<ErrorKind, number>> = {
  badRequest: 400,
  permissionDenied: 403,
  notFound: 404,
  methodNotAllowed: 405,
  payloadTooLarge: 413,
  conflict: 409,
  rateLimited: 429,
  overloaded: 503,
  notImplemented: 501,
  unavailable: 500,
  internal: 500,
};

/** Texts that Consul's own code matches on. A changed letter is a breaking change. */
export const WIRE_TEXT = {
  NO_LEADER: ["unavailable", "No cluster leader"],
  NO_DC_PATH: ["unavailable", "No path to datacenter"],
  NO_SERVERS: ["unavailable", "No known Consul servers"],
  NOT_READY: ["unavailable", "Not ready to serve consistent reads"],
  PERMISSION_DENIED: ["permissionDenied", "Permission denied"],
  ACL_NOT_FOUND: ["permissionDenied", "ACL not found"],
  ACL_DISABLED: ["internal", "ACL support disabled"],
  /** What a server of Consul says to our own method. */
  NO_HISTORY: ["notImplemented", "rpc: can't find service History"],
  RATE_EXCEEDED: ["rateLimited", "RPC rate limit exceeded"],
  /** Of a server that had more to do than `limits.request_limits` allows; nothing was done. */
  RETRY_ELSEWHERE: ["rateLimited", "rate limit exceeded, try again later or against a different server"],
  RETRY_LATER: [
    "overloaded",
    "rate limit exceeded for operation that can only be performed by the leader, try again later",
  ],
  QUERY_NOT_FOUND: ["notFound", "Query not found"],
  INTENTION_NOT_FOUND: ["notFound", "Intention not found"],
} as const satisfies Record<string, readonly [ErrorKind, string]>;

export type ErrorCode = keyof typeof WIRE_TEXT;

export class TribuneError extends Error {
  override readonly name = "TribuneError";
  readonly kind: ErrorKind;
  /** Stable handle for tests, metrics and docs; undefined for one-off texts. */
  readonly code: ErrorCode | undefined;

  constructor(kind: ErrorKind, message: string, options: { code?: ErrorCode; cause?: unknown } = {}) {
    // A refusal is an answer, whose place in the code nobody reads: to write the stack down is half of what it costs.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    Error.stackTraceLimit = stackTraceLimit;
    this.kind = kind;
    this.code = options.code;
  }

  static of(code: ErrorCode, cause?: unknown): TribuneError {
    const [kind, text] = WIRE_TEXT[code];
    return new TribuneError(kind, text, { code, cause });
  }

  static badRequest(message: string): TribuneError {
    return new TribuneError("badRequest", message);
  }

  static internal(message: string, cause?: unknown): TribuneError {
    return new TribuneError("internal", message, { cause });
  }

  /** Rebuilds the kind from an RPC error string. Peers wrap texts, so match inside. */
  static fromWire(text: string): TribuneError {
    for (const code of Object.keys(WIRE_TEXT) as ErrorCode[]) {
      const [kind, wireText] = WIRE_TEXT[code];
      if (text.includes(wireText)) return new TribuneError(kind, text, { code });
    }
    return new TribuneError("internal", text);
  }
}

/** What Consul adds where a body was written for its Enterprise. */
export function withNamespaceHint(decodeFault: string): string {
  return decodeFault === 'json: unknown field "Namespace"'
    ? `${decodeFault} - Namespaces are a Consul Enterprise feature`
    : decodeFault;
}
