import { RequestError } from "./errors.ts";

export type Body = Uint8Array | string | AsyncIterable<Uint8Array>;

export interface WireRequest {
  readonly method: string;
  /** Path and query, escaped. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Body;
  readonly signal?: AbortSignal;
}

export interface WireResponse {
  readonly status: number;
  /** Undefined for an absent header. @param name in lower case */
  header(name: string): string | undefined;
  /** Read once, to its end or not at all. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** How requests travel. Rejects with `RequestError` when no answer came. */
export type Send = (request: WireRequest) => Promise<WireResponse>;

/** Over `fetch`, in browsers and elsewhere. @param base such as `http://127.0.0.1:8500`; "" in a page of the agent's own */
export function fetchSend(base: string, run: typeof fetch = fetch): Send {
  return async ({ method, target, headers, body, signal }) => {
    // No browser streams request bodies everywhere; an archive is read first.
    const whole = body === undefined || typeof body === "string" || body instanceof Uint8Array ? body : await all(body);
    try {
      const response = await run(base.replace(/\/+$/, "") + target, {
        method,
        headers,
        ...(whole === undefined ? {} : { body: whole as string }),
        ...(signal === undefined ? {} : { signal }),
      });
      return {
        status: response.status,
        header: (name) => response.headers.get(name) ?? undefined,
        body: chunksOf(response.body),
      };
    } catch (cause) {
      throw new RequestError(`${method} ${base}${target}: ${(cause as Error).message}`, { cause });
    }
  };
}

/** Not every browser's streams can be iterated. */
async function* chunksOf(stream: ReadableStream<Uint8Array> | null): AsyncIterable<Uint8Array> {
  if (stream === null) return;
  const reader = stream.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    await reader.cancel();
  }
}

/** All of a body in one piece. */
export async function all(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    length += chunk.length;
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
