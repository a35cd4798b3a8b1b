/** A Lamport clock (Lamport 1978): later than everything it has seen. Serf's start at 1 (sheet serf §2). */
export class LamportClock {
  #time = 1;

  get time(): number {
    return this.#time;
  }

  /** Something was said at the current time: the next thing is said later. */
  increment(): void {
    this.#time++;
  }

  /** Something was said at `time` elsewhere. */
  witness(time: number): void {
    if (time >= this.#time) this.#time = time + 1;
  }
}
