import { RequestError } from "./errors.ts";
import { unlessAborted } from "./surroundings.ts";

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
  /** The whole body as text, where that is quicker than putting it together from `body`. Instead of `body`. */
  text?(): Promise<string>;
}

export const NO_HEADERS: Readonly<Record<string, string>> = {};

/** How requests travel. Rejects with `RequestError` when no answer came. */
export type Send = (request: WireRequest) => Promise<WireResponse>;

/** `fetch` takes these, and paths in a page. */
const BASE = /^(?:https?:\/\/[^@/]+(?:\/|$)|\/|$)/i;

/**
 * Over `fetch`, in browsers and elsewhere.
 * @param base such as `http://127.0.0.1:8500`; "" in a page of the agent's own
 * @throws TypeError for what is no such URL, before anything is asked
 */
export function fetchSend(base: string, run: typeof fetch = fetch): Send {
  if (!BASE.test(base)) throw new TypeError(`"${withoutSecret(base)}" is no URL of an agent: ${adviceFor(base)}`);
  const prefix = base.replace(/\/+$/, "");
  return async ({ method, target, headers, body, signal }) => {
    // A token must not follow a redirect to somewhere else, and no endpoint answers one. What is not said here, `fetch`
    // need not look at: each of these costs it a microsecond.
    const init: RequestInit = { redirect: "error" };
    if (method !== "GET") init.method = method;
    if (headers !== NO_HEADERS) init.headers = headers as Record<string, string>;
    // No browser streams request bodies everywhere; an archive is read first.
    if (body !== undefined)
      init.body = (typeof body === "string" || body instanceof Uint8Array ? body : await all(body)) as string;
    if (signal !== undefined) init.signal = signal;
    try {
      return new FetchedResponse(await run(prefix + target, init), signal);
    } catch (cause) {
      throw new RequestError(`${method} ${base}${target}: ${reasonOf(cause)}`, { cause });
    }
  };
}

/** Such messages are logged. */
const withoutSecret = (base: string): string => base.replace(/^(\w+:\/\/)?.*@/, "$1…@");

function adviceFor(base: string): string {
  if (base.startsWith("unix:")) return "for a Unix socket, give nodeSend({ address }) as `send`";
  if (base.includes("@")) return "for a user and password, give nodeSend({ address, auth }) as `send`";
  return "write http:// or https:// before its host and port";
}

class FetchedResponse implements WireResponse {
  readonly status: number;
  readonly #response: Response;
  readonly #headers: Headers;
  readonly #signal: AbortSignal | undefined;

  constructor(response: Response, signal: AbortSignal | undefined) {
    this.status = response.status;
    this.#response = response;
    this.#headers = response.headers;
    this.#signal = signal;
  }

  header(name: string): string | undefined {
    return this.#headers.get(name) ?? undefined;
  }

  get body(): AsyncIterable<Uint8Array> {
    return chunksOf(this.#response.body, this.#signal);
  }

  text(): Promise<string> {
    return this.#response.text();
  }
}

/** Node's fetch says only that it failed, and why in the cause. */
function reasonOf(cause: unknown): string {
  const { message, cause: inner } = cause as { readonly message?: string; readonly cause?: unknown };
  const reason = (inner as { readonly message?: string } | undefined)?.message;
  return reason === undefined || reason === "" ? String(message ?? cause) : `${message}: ${reason}`;
}

/** Not every browser's streams can be iterated. */
async function* chunksOf(stream: ReadableStream<Uint8Array> | null, signal?: AbortSignal): AsyncIterable<Uint8Array> {
  if (stream === null) return;
  const reader = stream.getReader();
  const read = () => (signal === undefined ? reader.read() : unlessAborted(signal, reader.read()));
  try {
    for (let next = await read(); !next.done; next = await read()) yield next.value;
  } finally {
    void reader.cancel().catch(() => {}); // it broke off itself, then
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

const decoder = new TextDecoder();

/** All of a body as text. */
export function textOf(response: WireResponse): Promise<string> {
  return response.text?.() ?? all(response.body).then((bytes) => decoder.decode(bytes));
}
