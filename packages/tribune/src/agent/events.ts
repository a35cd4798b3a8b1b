import { decodeUserEvent, encodeUserEvent, USER_EVENT_PREFIX } from "../codec/user-event.ts";
import type { EventApi, UserEvent } from "../endpoints/agent-api.ts";
import { TribuneError } from "../lib/errors.ts";
import type { Logger } from "../lib/log.ts";
import { randomUuid } from "../lib/random.ts";
import type { Runtime } from "../lib/runtime.ts";
import type { PoolEvent } from "../pool/types.ts";
import { REMOTE_EXEC_EVENT } from "./remote-exec.ts";

/** Events that are kept for listing. */
const RECENT_MAX = 256;
const EVENT_VERSION = 1;
/** What the filters of an event are compared with. */
export interface EventTarget {
  readonly nodeName: string;
  /** Local services by name, with their tags. */
  services(): Iterable<{ readonly name: string; readonly tags: readonly string[] }>;
}

/** Where an event is fired, and on whose behalf. */
type FiredOn = Parameters<EventApi["fire"]>[1];

export interface EventsDependencies {
  readonly target: EventTarget;
  /** An RE2 expression as a test; throws with Go's words for one that is none. */
  readonly compile: (pattern: string) => (text: string) => boolean;
  /** Has a server say this to the whole LAN pool. @param payload an encoded event */
  readonly send: (name: string, payload: Uint8Array, on: FiredOn) => Promise<void>;
  /** Does a remote job; absent where that is switched off. */
  readonly remoteExec?: (event: { readonly id: string; readonly payload: Uint8Array }) => void;
  readonly runtime: Pick<Runtime, "timers" | "rng">;
  readonly logger: Logger;
}

/**
 * User events as one agent sees them: fired through a server, which alone may check who fires; heard through gossip,
 * filtered and kept by each agent for itself.
 */
export class Events implements EventApi {
  readonly #d: EventsDependencies;
  readonly #recent: UserEvent[] = [];
  readonly #waiting = new Set<() => void>();

  constructor(dependencies: EventsDependencies) {
    this.#d = dependencies;
  }

  async fire(given: Omit<UserEvent, "id" | "version" | "lamportTime">, on: FiredOn): Promise<UserEvent> {
    this.#validate(given);
    const event = { ...given, id: randomUuid(this.#d.runtime.rng), version: EVENT_VERSION };
    await this.#d.send(event.name, encodeUserEvent(event), on);
    return { ...event, lamportTime: 0 };
  }

  /** What the LAN pool heard; whatever is no user event is passed over. */
  poolEvent(event: PoolEvent): void {
    if (event.type !== "user" || !event.name.startsWith(USER_EVENT_PREFIX)) return;
    const { logger } = this.#d;
    try {
      const received: UserEvent = { ...decodeUserEvent(event.payload), lamportTime: event.lamportTime };
      if (received.version > EVENT_VERSION)
        logger.warn("Event version may have unsupported features", { event: received.name, version: received.version });
      this.#receive(received);
    } catch (error) {
      logger.error("Failed to decode event", { error: error instanceof Error ? error.message : String(error) });
    }
  }

  recent(): readonly UserEvent[] {
    return this.#recent;
  }

  onNext(waitMs: number, wake: () => void): () => void {
    const finish = (): void => {
      if (!this.#waiting.delete(finish)) return;
      cancel();
      wake();
    };
    const cancel = this.#d.runtime.timers.after(waitMs, finish);
    this.#waiting.add(finish);
    return () => {
      this.#waiting.delete(finish);
      cancel();
    };
  }

  #validate(event: Omit<UserEvent, "id" | "version" | "lamportTime">): void {
    if (event.tagFilter !== "" && event.serviceFilter === "")
      throw TribuneError.internal("Cannot provide tag filter without service filter");
    for (const [what, pattern] of [
      ["node", event.nodeFilter],
      ["service", event.serviceFilter],
      ["tag", event.tagFilter],
    ]) {
      try {
        if (pattern !== "") this.#d.compile(pattern!);
      } catch (error) {
        throw TribuneError.internal(
          `Invalid ${what} filter: ${error instanceof Error ? error.message : String(error)}`,
        );
      }
    }
  }

  #receive(event: UserEvent): void {
    if (!this.#isForUs(event)) return;
    if (event.name === REMOTE_EXEC_EVENT) {
      // Never listed, as with Consul.
      this.#d.remoteExec?.({ id: event.id, payload: event.payload ?? new Uint8Array(0) });
      return;
    }
    this.#recent.push(event);
    if (this.#recent.length > RECENT_MAX) this.#recent.shift();
    for (const wake of [...this.#waiting]) wake();
  }

  #isForUs(event: UserEvent): boolean {
    if (event.nodeFilter !== "" && !this.#d.compile(event.nodeFilter)(this.#d.target.nodeName)) return false;
    if (event.serviceFilter === "") return true;
    const service = this.#d.compile(event.serviceFilter);
    const tag = event.tagFilter === "" ? undefined : this.#d.compile(event.tagFilter);
    for (const own of this.#d.target.services())
      if (service(own.name) && (tag === undefined || own.tags.some((each) => tag(each)))) return true;
    return false;
  }
}
