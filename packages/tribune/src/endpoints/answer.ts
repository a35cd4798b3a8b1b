/** What an endpoint answers over HTTP, before it becomes bytes. */
export type Answer =
  | {
      readonly kind: "json";
      /** Anything `stringifyGo` takes; `?pretty` indents it. */
      readonly value: unknown;
      readonly status?: number;
      readonly headers?: readonly string[];
      /** As of an empty answer. */
      readonly withoutMeta?: boolean;
    }
  /** Compact JSON that was put together as text; `?pretty` parses it again to indent it. */
  | { readonly kind: "jsonText"; readonly text: string; readonly headers?: readonly string[] }
  /** The same made for one request alone, of parts that others also get: it goes out without being encoded or kept. */
  | {
      readonly kind: "jsonParts";
      /** In the order of this request. Never changed, and compared by identity. */
      readonly rows: readonly (object | null)[];
      /** The body with its rows in another order, or the same. */
      partsOf(rows: readonly (object | null)[]): readonly Part[];
      /** Answers with the same one differ in the order of their rows only, and all orders were as likely. */
      readonly alike?: object;
      readonly headers?: readonly string[];
    }
  | {
      readonly kind: "bytes";
      readonly body: Uint8Array;
      readonly contentType: string;
      readonly status?: number;
      readonly headers?: readonly string[];
    }
  | {
      readonly kind: "text";
      readonly text: string;
      readonly status?: number;
      readonly contentType?: string;
      readonly headers?: readonly string[];
      /** As of an empty answer. */
      readonly withoutMeta?: boolean;
    }
  /**
   * A body that may be large, made piece by piece so that making it does not hold the event loop. Pieces should be
   * 16 KiB or more. The door keeps short ones like any other body.
   */
  | {
      readonly kind: "pieces";
      readonly pieces: (pretty: boolean) => Iterable<Uint8Array>;
      readonly contentType: string;
      /** Reads have neither: they are kept without. */
      readonly status?: number;
      readonly headers?: readonly string[];
    }
  /** No body. Consul answers absence (404) and many successes this way. */
  | {
      readonly kind: "empty";
      readonly status?: number;
      readonly headers?: readonly string[];
      /** A read's answer without the X-Consul-Index family: Consul sends some refusals before it sets them. */
      readonly withoutMeta?: boolean;
    }
  /** A body that is sent as it comes, such as the log monitor or a snapshot. `start` must end the sink. */
  | {
      readonly kind: "stream";
      /** Without it no Content-Type is sent, as Consul sends none with its log. */
      readonly contentType?: string;
      readonly headers?: readonly string[];
      readonly start: (sink: ByteSink) => void;
    };

/** What many bodies hold, each at another place. */
export interface Part {
  /** A byte string (`codec/byte-text.ts`). */
  readonly bytes: string;
  /** The door's: its compressed form, once that was asked for. */
  packed?: object;
}

export function joined(parts: readonly Part[]): string {
  let bytes = "";
  for (const part of parts) bytes += part.bytes;
  return bytes;
}

/** Where a stream's bytes go. `closed` runs when the client is gone; nothing may be written after it. */
export interface ByteSink {
  /** @returns false when the client is slow: stop until `drained`. */
  write(chunk: Uint8Array): boolean;
  end(): void;
  /** Breaks the connection off, so that the client sees the body is not whole. */
  abort(): void;
  drained: () => void;
  closed: () => void;
}

export const json = (value: unknown): Answer => ({ kind: "json", value });
export const jsonPieces = (
  pieces: (pretty: boolean) => Iterable<Uint8Array>,
  head: { readonly status?: number; readonly headers?: readonly string[] } = {},
): Answer => ({ kind: "pieces", pieces, contentType: "application/json", ...head });
export const jsonText = (text: string): Answer => ({ kind: "jsonText", text });
export const empty = (status = 200): Answer => ({ kind: "empty", status });
/** Consul's plain-text answers have this type when nothing set another. */
export const text = (status: number, body: string): Answer => ({ kind: "text", status, text: body });
