import type { EventApi, UserEvent } from "../endpoints/agent-api.ts";
import { TribuneError } from "../lib/errors.ts";
import { randomUuid } from "../lib/random.ts";
import type { Runtime } from "../lib/runtime.ts";

/** Events that are kept for listing. */
const RECENT_MAX = 256;
const EVENT_VERSION = 1;

/** What the filters of an event are compared with. */
export interface EventTarget {
  readonly nodeName: string;
  /** Local services by name, with their tags. */
  services(): Iterable<{ readonly name: string; readonly tags: readonly string[] }>;
}

/**
 * User events as one agent sees them. Without a gossip pool an event reaches nobody else, but it takes the
 * same way: fired, filtered, kept, announced.
 */
export class Events implements EventApi {
  readonly #runtime: Pick<Runtime, "timers" | "rng">;
  readonly #target: EventTarget;
  readonly #compile: (pattern: string) => (text: string) => boolean;
  readonly #recent: UserEvent[] = [];
  readonly #waiting = new Set<() => void>();
  #lamportTime = 1;

  /** @param compile an RE2 expression; throws with Go's words for one that is none. */
  constructor(
    target: EventTarget,
    compile: (pattern: string) => (text: string) => boolean,
    runtime: Pick<Runtime, "timers" | "rng">,
  ) {
    this.#target = target;
    this.#compile = compile;
    this.#runtime = runtime;
  }

  fire(given: Omit<UserEvent, "id" | "version" | "lamportTime">): Promise<UserEvent> {
    this.#validate(given);
    const event: UserEvent = { ...given, id: randomUuid(this.#runtime.rng), version: EVENT_VERSION, lamportTime: 0 };
    const received: UserEvent = { ...event, lamportTime: ++this.#lamportTime };
    this.#runtime.timers.soon(() => this.#receive(received));
    return Promise.resolve(event);
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
    const cancel = this.#runtime.timers.after(waitMs, finish);
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
        if (pattern !== "") this.#compile(pattern!);
      } catch (error) {
        throw TribuneError.internal(
          `Invalid ${what} filter: ${error instanceof Error ? error.message : String(error)}`,
        );
      }
    }
  }

  #receive(event: UserEvent): void {
    if (!this.#isForUs(event)) return;
    this.#recent.push(event);
    if (this.#recent.length > RECENT_MAX) this.#recent.shift();
    for (const wake of [...this.#waiting]) wake();
  }

  #isForUs(event: UserEvent): boolean {
    if (event.nodeFilter !== "" && !this.#compile(event.nodeFilter)(this.#target.nodeName)) return false;
    if (event.serviceFilter === "") return true;
    const service = this.#compile(event.serviceFilter);
    const tag = event.tagFilter === "" ? undefined : this.#compile(event.tagFilter);
    for (const own of this.#target.services())
      if (service(own.name) && (tag === undefined || own.tags.some((each) => tag(each)))) return true;
    return false;
  }
}
