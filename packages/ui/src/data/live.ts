import { type ReadonlySignal, signal } from "@preact/signals";
import { watchByBlocking, watchByPolling } from "./blocking.ts";
import { agentAnswered, agentAway, whenBack } from "./presence.ts";
import { Away, Refused } from "./send.ts";
import { watchByStream } from "./stream.ts";
import { token } from "./token.ts";

/** What a page knows of one address of the API, and how good that knowledge is. */
export interface Live<T> {
  readonly value: T | undefined;
  /**
   * - loading: nothing is known yet
   * - fresh: the agent stands behind the value now
   * - away: the agent does not answer; the value is as of `asOf`
   * - denied: the token may not read this
   * - missing: there is nothing under this address (404)
   * - absent: this agent does not serve the address at all
   * - error: the agent refused for another reason
   */
  readonly state: "loading" | "fresh" | "away" | "denied" | "missing" | "absent" | "error";
  /** When the agent last stood behind the value; milliseconds since 1970. */
  readonly asOf: number | undefined;
  readonly error: string | undefined;
  readonly way: Way;
  /** The address, behind `/v1/`. */
  readonly path?: string;
}
export type Way = "stream" | "blocking" | "poll";

export interface Watcher {
  /** Undefined: nothing new, but the agent stands behind the last value. */
  readonly answer: (value: unknown) => void;
  /** The watch is over. */
  readonly failed: (error: unknown) => void;
  /** The agent has trouble finding out, and goes on trying. */
  readonly trouble: (error: unknown) => void;
  /** There is nothing under the address now. */
  readonly missing: () => void;
  readonly way: (way: Way) => void;
}

export interface WatchOptions {
  /** The endpoint does not block: ask every so often instead. */
  readonly pollMs?: number;
}

/** Watches shown by nobody are kept warm for a while: going back shows the page at once. */
const keepMs = 20_000;
const retryMsMin = 500;
const retryMsMax = 10_000;

class Resource {
  readonly state = signal<Live<unknown>>({
    value: undefined,
    state: "loading",
    asOf: undefined,
    error: undefined,
    way: "poll",
  });
  private readers = 0;
  private stopWatch: AbortController | undefined;
  private idle: ReturnType<typeof setTimeout> | undefined;
  private retryMs = retryMsMin;
  private readonly path: string;
  private readonly options: WatchOptions;

  constructor(path: string, options: WatchOptions) {
    this.path = path;
    this.options = options;
    this.patch({ path, way: options.pollMs === undefined ? "stream" : "poll" });
  }

  open(): () => void {
    this.readers++;
    clearTimeout(this.idle);
    if (this.stopWatch === undefined) this.start();
    return () => {
      if (--this.readers > 0) return;
      this.idle = setTimeout(() => {
        this.stop();
        resources.delete(this.path);
      }, keepMs);
    };
  }

  /** Asks anew from the start: another token, a page that was asleep, a user who wants to be sure. */
  restart(forget: boolean): void {
    if (this.stopWatch === undefined) return;
    this.stop();
    if (forget) this.patch({ value: undefined, state: "loading", error: undefined, asOf: undefined });
    this.start();
  }

  sleep(): void {
    this.stop();
  }

  wake(): void {
    if (this.stopWatch === undefined && this.readers > 0) this.start();
  }

  private start(): void {
    const abort = new AbortController();
    this.stopWatch = abort;
    const watcher: Watcher = {
      way: (way) => !abort.signal.aborted && this.patch({ way }),
      answer: (value) => {
        if (abort.signal.aborted) return;
        this.retryMs = retryMsMin;
        agentAnswered();
        this.patch({
          ...(value === undefined ? {} : { value }),
          state: "fresh",
          asOf: Date.now(),
          error: undefined,
        });
      },
      trouble: (error) => {
        if (!abort.signal.aborted) this.fail(error);
      },
      missing: () => {
        if (abort.signal.aborted) return;
        agentAnswered();
        this.patch({ value: undefined, state: "missing", asOf: Date.now(), error: undefined });
      },
      failed: (error) => {
        if (abort.signal.aborted) return;
        this.fail(error);
        void this.retry(abort.signal);
      },
    };
    const { pollMs } = this.options;
    if (pollMs !== undefined) watchByPolling(this.path, pollMs, watcher, abort.signal);
    else {
      watchByStream(this.path, watcher, abort.signal, () => {
        if (!abort.signal.aborted) watchByBlocking(this.path, watcher, abort.signal);
      });
    }
  }

  private async retry(aborted: AbortSignal): Promise<void> {
    if (agentAway.value !== undefined) await whenBack();
    else {
      await new Promise((done) => setTimeout(done, this.retryMs));
      this.retryMs = Math.min(this.retryMs * 2, retryMsMax);
    }
    if (aborted.aborted) return;
    this.stop();
    this.start();
  }

  private fail(error: unknown): void {
    if (error instanceof Away) {
      agentAway.value ??= Date.now();
      this.patch({ state: "away", error: error.message });
      return;
    }
    agentAnswered();
    const message = error instanceof Error ? error.message : String(error);
    const status = error instanceof Refused ? error.status : 0;
    if (status === 403) this.patch({ state: "denied", error: message, value: undefined });
    else if (status === 404) {
      // Consul says "Invalid URL path" and the like where there is no such endpoint; an empty body is an empty answer.
      const absent = /not supported|not found in this|invalid url path|^Status 404$/i.test(message);
      this.patch({ state: absent ? "absent" : "missing", error: message, value: undefined, asOf: Date.now() });
    } else if (status === 405 || /ACL support disabled|legacy mode/i.test(message))
      this.patch({ state: "absent", error: message, value: undefined, asOf: Date.now() });
    else this.patch({ state: "error", error: message });
  }

  private patch(change: Partial<Live<unknown>>): void {
    this.state.value = { ...this.state.peek(), ...change };
  }

  private stop(): void {
    this.stopWatch?.abort(new DOMException("No longer watched", "AbortError"));
    this.stopWatch = undefined;
  }
}

const resources = new Map<string, Resource>();

/** The shared watch of an address; `open` counts who looks at it. */
export function resource(path: string, options: WatchOptions = {}): Resource {
  let found = resources.get(path);
  if (found === undefined) {
    found = new Resource(path, options);
    resources.set(path, found);
  }
  return found;
}

export type LiveSignal<T> = ReadonlySignal<Live<T>>;

/** After a change the agent need not be asked twice: what is polled is asked now, what is pushed comes by itself. */
export function refresh(prefix: string): void {
  for (const [path, each] of resources) if (path.startsWith(prefix)) each.restart(false);
}

token.subscribe(
  (() => {
    let first = true;
    return () => {
      if (!first) for (const each of resources.values()) each.restart(true);
      first = false;
    };
  })(),
);

// A page nobody looks at holds no connections: browsers have six per agent for all their tabs.
let sleeping: ReturnType<typeof setTimeout> | undefined;
document.addEventListener("visibilitychange", () => {
  clearTimeout(sleeping);
  if (document.visibilityState === "visible") for (const each of resources.values()) each.wake();
  else sleeping = setTimeout(() => resources.forEach((each) => void each.sleep()), 30_000);
});
