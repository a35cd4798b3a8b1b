/** User events: once to everybody who listens, and again to those who were away (sheet serf §4). */
import { encodeSerfMessage, type RecentEvents } from "../../codec/serf-messages.ts";
import { TribuneError } from "../../lib/errors.ts";
import { LamportClock } from "./lamport.ts";
import { LamportRing } from "./lamport-ring.ts";
import { EVENT, type Outbox } from "./outbox.ts";
import { USER_EVENT_BYTES_SANE_MAX } from "./settings.ts";

interface Event {
  readonly name: string;
  readonly payload: Uint8Array | undefined;
}

const EMPTY = new Uint8Array(0);

/** @throws TribuneError with serf's text for an event that peers would not accept. */
function checkUserEvent(name: string, payload: Uint8Array, lTime: number, userEventBytesMax: number): void {
  const before = Buffer.byteLength(name) + payload.length;
  if (before > userEventBytesMax) throw tooLarge("configured", userEventBytesMax, "before");
  if (before > USER_EVENT_BYTES_SANE_MAX) throw tooLarge("sane", USER_EVENT_BYTES_SANE_MAX, "before");
  const encoded = encodeSerfMessage({ type: "userEvent", lTime, name, payload, cc: true });
  if (encoded.length > userEventBytesMax) throw tooLarge("configured", userEventBytesMax, "after");
  if (encoded.length > USER_EVENT_BYTES_SANE_MAX) throw tooLarge("sane", USER_EVENT_BYTES_SANE_MAX, "after");
}

function tooLarge(what: string, max: number, when: string): TribuneError {
  return TribuneError.internal(`user event exceeds ${what} limit of ${max} bytes ${when} encoding`);
}

export class UserEvents {
  readonly clock = new LamportClock();
  readonly #outbox: Outbox;
  readonly #ring = new LamportRing<Event>(
    (left, right) => left.name === right.name && Buffer.compare(left.payload ?? EMPTY, right.payload ?? EMPTY) === 0,
  );
  /** Whether those in the push/pull of a join are old news. */
  ignoresOld = false;

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  /** @throws TribuneError with serf's text when it is larger than peers accept. */
  check(name: string, payload: Uint8Array, bytesMax: number): void {
    checkUserEvent(name, payload, this.clock.time, bytesMax);
  }

  fire(name: string, payload: Uint8Array, coalesce: boolean): void {
    const lTime = this.clock.time;
    this.clock.increment();
    this.receive(lTime, { name, payload });
    this.#outbox.broadcast(EVENT, encodeSerfMessage({ type: "userEvent", lTime, name, payload, cc: coalesce }));
  }

  /** @returns whether it is news, and therefore to be passed on. */
  receive(lTime: number, event: Event): boolean {
    this.clock.witness(lTime);
    const verdict = this.#ring.add(lTime, event, this.clock.time);
    if (verdict === "old" || verdict === "full") {
      this.#outbox.log("WARN", `received old event ${event.name} from time ${lTime} (current: ${this.clock.time})`);
    }
    if (verdict !== "new") return false;
    this.#outbox.count("events");
    this.#outbox.count(`events.${event.name}`);
    this.#outbox.put({ type: "userEvent", name: event.name, payload: event.payload ?? EMPTY, lTime });
    return true;
  }

  /** For a push/pull: all slots of the ring. */
  recent(): readonly (RecentEvents | undefined)[] {
    return this.#ring.slots.map((slot) => slot && { lTime: slot.lTime, events: slot.items });
  }

  merge(lTime: number, slots: readonly (RecentEvents | undefined)[], join: boolean): void {
    if (join && this.ignoresOld) this.raiseTimeMin(lTime);
    for (const slot of slots) {
      if (slot === undefined) continue;
      for (const event of slot.events) this.receive(slot.lTime, event);
    }
  }

  raiseTimeMin(lTime: number): void {
    this.#ring.timeMin = Math.max(this.#ring.timeMin, lTime);
  }
}
