import { availableParallelism } from "node:os";

/** A client that asks again so soon after its answer has nothing else to do than ask. */
const BACK_SOON_MS = 0.3;
/** So many times in a row it must have done so: independent clients that come in at random rarely look like that. */
const RETURNS_MIN = 8;
const RETURNS_MIN_MAX = 1_024;
/** Looking in vain once costs as much as being woken four times; on a machine without an idle core also the client's time. */
const FOUND_MIN = 32;
/** Longer than such a client takes to read an answer and ask again. */
const LOOK_MS = 0.15;

interface Host {
  nowMs(): number;
  /** On the next turn of the event loop, which does not sleep before it. */
  soon(run: () => void): void;
}

const node: Host = {
  nowMs: () => performance.now(),
  soon: (run) => {
    setImmediate(run);
  },
};

/**
 * Busy polling, as network cards' drivers know it: for a moment after an answer to a client that always asks again at
 * once, the event loop goes on looking for its next request instead of falling asleep. Being woken takes 35 us and more
 * where waking a core is a hypervisor's work, as long as everything else about a read of a key.
 *
 * Costs at most `LOOK_MS` of CPU an answer, and nothing without such a client. On one core it would keep the client from
 * asking, so there it is off; where others want all cores, clients come late again and again, and it is soon as good as off.
 */
export class BusyPoll {
  readonly #host: Host;
  readonly #isOn: boolean;
  #untilMs = 0;
  #isLooking = false;

  constructor(host: Host = node, cores = availableParallelism()) {
    this.#host = host;
    this.#isOn = cores > 1;
  }

  /** What is known of a client that has just been answered for the first time. */
  newcomer(): ReturningClient {
    return new ReturningClient(this, this.#host);
  }

  /** @param nowMs of the host's clock */
  look(nowMs: number): void {
    if (!this.#isOn) return;
    this.#untilMs = nowMs + LOOK_MS;
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.#host.soon(this.#turn);
  }

  readonly #turn = (): void => {
    this.#isLooking = this.#host.nowMs() < this.#untilMs;
    if (this.#isLooking) this.#host.soon(this.#turn);
  };
}

/** One client, and how quickly it comes back. */
export class ReturningClient {
  readonly #poll: BusyPoll;
  readonly #host: Host;
  #answeredMs = Number.NEGATIVE_INFINITY;
  #returns = 0;
  /** From how many returns on it is looked for; more where that was mostly in vain. */
  #needed = RETURNS_MIN;

  constructor(poll: BusyPoll, host: Host) {
    this.#poll = poll;
    this.#host = host;
  }

  asks(): void {
    if (this.#host.nowMs() - this.#answeredMs < BACK_SOON_MS) {
      this.#returns++;
      return;
    }
    const found = this.#returns - this.#needed;
    if (found >= FOUND_MIN) this.#needed = RETURNS_MIN;
    else if (found >= 0) this.#needed = Math.min(2 * this.#needed, RETURNS_MIN_MAX);
    this.#returns = 0;
  }

  answered(): void {
    this.#answeredMs = this.#host.nowMs();
    if (this.#returns >= this.#needed) this.#poll.look(this.#answeredMs);
  }
}
