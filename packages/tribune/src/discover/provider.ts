/** What a provider is, and what it may ask of the world. */
import type { DiscoverArgs } from "../codec/discover-text.ts";
import type { Logger } from "../lib/log.ts";

export interface WebRequest {
  /** GET when left out. */
  readonly method?: "GET" | "POST" | "PUT";
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** `ANSWER_TIMEOUT_MS` when left out. */
  readonly timeoutMs?: number;
  /** PEM texts; `ca` in the place of what Node trusts. */
  readonly tls?: {
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
    readonly serverName?: string;
    readonly verify?: boolean;
  };
}

export interface WebAnswer {
  readonly status: number;
  readonly body: string;
}

export interface World {
  /** Rejects when no whole answer came; the reason never holds what was sent. */
  send(request: WebRequest): Promise<WebAnswer>;
  /** Empty where it is not set. */
  env(name: string): string;
  /** Undefined where there is none; rejects when it cannot be read. */
  readFile(path: string): Promise<string | undefined>;
  homeDir(): string;
  wallMs(): number;
}

/** How long a request waits for its whole answer. */
export const ANSWER_TIMEOUT_MS = 30_000;
/** An instance's own metadata: it is near, or it is not there. */
export const METADATA_TIMEOUT_MS = 5_000;
/** A page of ten thousand instances has some 20 MiB. */
export const CLOUD_ANSWER_BYTES_MAX = 64 * 1024 * 1024;
/** Pages of one list. */
export const PAGES_MAX = 1_000;

/** @returns addresses with or without a port, as a join takes them. @throws Error with the reason */
export type Provider = (args: DiscoverArgs, world: World, logger: Logger) => Promise<readonly string[]>;

/** A value of the expression; empty is as good as missing, as everywhere in go-discover. */
export function arg(args: DiscoverArgs, name: string): string {
  return args.get(name) ?? "";
}

/** A page after the other, until one names no next. @throws Error where there is no end */
export async function pages<Next>(first: Next, read: (at: Next) => Promise<Next | undefined>): Promise<void> {
  let at: Next | undefined = first;
  for (let page = 0; at !== undefined; page++) {
    if (page >= PAGES_MAX) throw new Error(`the answer has more than ${PAGES_MAX} pages`);
    at = await read(at);
  }
}
