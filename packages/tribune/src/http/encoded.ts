import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Answer } from "../endpoints/answer.ts";
import { stringifyGo } from "../lib/go-json.ts";

const gzipAsync = promisify(gzip);

/** Smaller bodies are not compressed: Consul's `gziphandler` has the same bound. */
export const GZIP_BYTES_MIN = 1400;

/** An answer as bytes, ready to be sent any number of times. */
export interface Encoded {
  readonly status: number;
  /** Flat name/value list: everything but the lengths and the index. */
  readonly headers: readonly string[];
  readonly body: Buffer;
  gzipped: Buffer | Promise<Buffer> | undefined;
  /** Sent without the index and freshness of the read. */
  readonly withoutMeta?: boolean;
}

const NOTHING = Buffer.alloc(0);
const NO_HEADERS: readonly string[] = [];
const JSON_HEADERS: readonly string[] = ["Content-Type", "application/json"];

/** Turns an answer into bytes. Streams and pieces are not for this. */
export function encode(answer: Exclude<Answer, { kind: "stream" | "pieces" }>, pretty: boolean): Encoded {
  if (answer.kind === "jsonText") {
    const text = pretty ? stringifyGo(JSON.parse(answer.text), true) : answer.text;
    return { status: 200, headers: JSON_HEADERS, body: Buffer.from(text), gzipped: undefined };
  }
  const headers = answer.headers ?? NO_HEADERS;
  switch (answer.kind) {
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

/** The compressed body; the work is done once, off this thread, however many ask. */
export function compressed(encoded: Encoded): Buffer | Promise<Buffer> {
  encoded.gzipped ??= gzipAsync(encoded.body, { level: 1 }).then((bytes) => {
    encoded.gzipped = bytes;
    return bytes;
  });
  return encoded.gzipped;
}
