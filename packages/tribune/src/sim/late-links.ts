/**
 * What came late between which hosts. A long run tells by it whether an election had a reason: a leader that hears no
 * majority for as long as its lease has to give up, whatever its timers are.
 */

/** A piece of a connection that had to be sent again. */
interface Late {
  /** The two hosts; either may have sent it. */
  readonly hosts: readonly [string, string];
  readonly connection: string;
  readonly sentMs: number;
  readonly dueMs: number;
}

export interface LateLinksOptions {
  readonly leaseMs: number;
  /** Heartbeats follow each other at most so far apart. */
  readonly betweenBeatsMs: number;
  /** An election that a silence caused comes so soon behind it. */
  readonly consequenceMs: number;
}

type Silence = Pick<Late, "sentMs" | "dueMs">;

export class LateLinks {
  readonly #options: LateLinksOptions;
  #late: Late[] = [];

  constructor(options: LateLinksOptions) {
    this.#options = options;
  }

  note(late: Late): void {
    this.#late = this.#late.filter(({ dueMs }) => late.sentMs - dueMs < this.#options.consequenceMs);
    this.#late.push(late);
  }

  /**
   * Whether `host` and at least so many of the others could not get a word through to each other and back, all at one
   * moment, for as long as a lease, not long before `nowMs`.
   */
  silenced(nowMs: number, host: string, others: readonly string[], silentMin: number): boolean {
    const { betweenBeatsMs, consequenceMs } = this.#options;
    const recent = this.#late.filter(({ dueMs }) => nowMs - dueMs < consequenceMs);
    const silences = others.map((other) =>
      this.#silencesOf(recent.filter(({ hosts }) => isBetween(hosts, host, other))),
    );
    const moments = silences.flat().map(({ sentMs, dueMs }) => (sentMs + dueMs) / 2);
    return moments.some(
      (at) =>
        silences.filter((each) => each.some(({ sentMs, dueMs }) => sentMs <= at && at <= dueMs + betweenBeatsMs))
          .length >= silentMin,
    );
  }

  /** Late pieces of one connection that follow each other closely are one silence: what was asked, and its answer. */
  #silencesOf(late: readonly Late[]): Silence[] {
    const { leaseMs, betweenBeatsMs } = this.#options;
    const byConnection = new Map<string, Late[]>();
    for (const each of late) byConnection.set(each.connection, [...(byConnection.get(each.connection) ?? []), each]);
    return [...byConnection.values()].flatMap((pieces) => {
      const merged: { sentMs: number; dueMs: number }[] = [];
      for (const { sentMs, dueMs } of pieces.toSorted((a, b) => a.sentMs - b.sentMs)) {
        const last = merged.at(-1);
        if (last !== undefined && sentMs <= last.dueMs + betweenBeatsMs) last.dueMs = Math.max(last.dueMs, dueMs);
        else merged.push({ sentMs, dueMs });
      }
      return merged.filter(({ sentMs, dueMs }) => dueMs - sentMs + betweenBeatsMs >= leaseMs);
    });
  }
}

function isBetween([one, other]: readonly [string, string], a: string, b: string): boolean {
  return (one === a && other === b) || (one === b && other === a);
}
