import { promisify } from "node:util";
import { gzip, gzipSync } from "node:zlib";
import { type Answer, joined } from "../endpoints/answer.ts";
import { stringifyGo } from "../lib/go-json.ts";
import type { ReadHead } from "./read-head.ts";

const gzipAsync = promisify(gzip);

/** Smaller bodies are not compressed: Consul's `gziphandler` has the same bound. */
export const GZIP_BYTES_MIN = 1400;

/** An answer as bytes, ready to be sent any number of times. */
export interface Encoded {
  readonly status: number;
  /** Flat name/value list: everything but the lengths and the index. */
  readonly headers: readonly string[];
  readonly body: Buffer;
  /** The body as one character a byte, once it was sent so; see `bodyText`. */
  text?: string;
  gzipped: Encoded | Promise<Encoded> | undefined;
  /** Sent without the index and freshness of the read. */
  readonly withoutMeta?: boolean;
  /** As it was last put together to be sent; see `AnswerSender`. */
  last?: Sent;
}

/** An answer with its head, and what of that head may be otherwise the next time. */
export interface Sent {
  readonly date: string;
  readonly common: readonly string[];
  readonly read: ReadHead | undefined;
  readonly text: string;
}

const GZIP = { level: 1 } as const;
const NOTHING = Buffer.alloc(0);
const NO_HEADERS: readonly string[] = [];
export const JSON_HEADERS: readonly string[] = ["Content-Type", "application/json"];

/** Turns an answer into bytes. Streams and pieces are not for this. */
export function encode(answer: Exclude<Answer, { kind: "stream" | "pieces" }>, pretty: boolean): Encoded {
  if (answer.kind === "jsonText") {
    const text = pretty ? stringifyGo(JSON.parse(answer.text), true) : answer.text;
    const headers = answer.headers === undefined ? JSON_HEADERS : [...JSON_HEADERS, ...answer.headers];
    return { status: 200, headers, body: Buffer.from(text), gzipped: undefined };
  }
  const headers = answer.headers ?? NO_HEADERS;
  switch (answer.kind) {
    case "jsonParts": {
      const body = Buffer.from(joined(answer.partsOf(answer.rows)), "latin1");
      return encode({ kind: "jsonText", text: body.toString(), headers }, pretty);
    }
    case "json":
      return {
        status: answer.status ?? 200,
        headers: ["Content-Type", "application/json", ...headers],
        body: Buffer.from(stringifyGo(answer.value, pretty)),
        gzipped: undefined,
        withoutMeta: answer.withoutMeta === true,
      };
    case "bytes":
      return {
        status: answer.status ?? 200,
        headers: ["Content-Type", answer.contentType, ...headers],
        body: Buffer.from(answer.body.buffer, answer.body.byteOffset, answer.body.byteLength),
        gzipped: undefined,
      };
    case "text":
      return {
        status: answer.status ?? 200,
        headers: ["Content-Type", answer.contentType ?? "text/plain; charset=utf-8", ...headers],
        body: Buffer.from(answer.text),
        gzipped: undefined,
        withoutMeta: answer.withoutMeta === true,
      };
    case "empty":
      return {
        status: answer.status ?? 200,
        headers,
        body: NOTHING,
        gzipped: undefined,
        withoutMeta: answer.withoutMeta === true,
      };
  }
}

export function encodedBytes(body: Buffer, contentType: string): Encoded {
  return { status: 200, headers: ["Content-Type", contentType], body, gzipped: undefined };
}

/** Longer ones cost more to copy than a second buffer costs to send. */
export const TEXT_BYTES_MAX = 8 * 1_024;

/** What an answer takes while it is kept: its body, and once more as it was sent if it is short. */
export const heldBytes = (encoded: Encoded): number => encoded.body.length * (isShort(encoded) ? 2 : 1) + 768;

export const isShort = ({ body }: Encoded): boolean => body.length <= TEXT_BYTES_MAX;

/**
 * A short body in the form that Node's HTTP joins with its head: one buffer to write instead of two, which is half of
 * what an answer costs. To be sent as `latin1`. @returns undefined for a longer one.
 */
export function bodyText(encoded: Encoded): string | undefined {
  if (!isShort(encoded)) return undefined;
  encoded.text ??= encoded.body.toString("latin1");
  return encoded.text;
}

/** The same answer, compressed. */
function gzippedForm(encoded: Encoded, body: Buffer): Encoded {
  const { status, withoutMeta = false } = encoded;
  return { status, withoutMeta, body, headers: [...encoded.headers, "Content-Encoding", "gzip"], gzipped: undefined };
}

/** Shorter bodies are compressed at once, within a millisecond: a thousand who wait for one go on without a detour. */
const AT_ONCE_BYTES_MAX = 48 * 1_024;

/** The compressed form; the work is done once, and off this thread where it is long, however many ask. */
export function compressed(encoded: Encoded): Encoded | Promise<Encoded> {
  encoded.gzipped ??=
    encoded.body.length <= AT_ONCE_BYTES_MAX
      ? gzippedForm(encoded, gzipSync(encoded.body, GZIP))
      : gzipAsync(encoded.body, GZIP).then((bytes) => {
          const form = gzippedForm(encoded, bytes);
          encoded.gzipped = form;
          return form;
        });
  return encoded.gzipped;
}
