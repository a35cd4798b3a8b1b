import type { Stream } from "../lib/runtime.ts";
import type { SimNetwork } from "./sim-network.ts";
import type { Simulator } from "./simulator.ts";

/** Bytes on their way above which `write` asks for a pause. */
const WINDOW_BYTES = 64 * 1024;
/** How often a cut link is tried again, and when a connection over it is given up. */
const RETRY_MS = 50;
const GIVE_UP_MS = 30_000;

const ignore = (): void => {};

export function networkError(code: string, what: string): Error {
  return Object.assign(new Error(`${what}: ${code}`), { code });
}

/** One end of a byte stream: reliable and in order while the link lives, silent while it is cut. */
export class SimStream implements Stream {
  readonly remoteAddress: string;
  readonly localAddress: string;
  onData: (chunk: Uint8Array) => void = ignore;
  onEnd: () => void = ignore;
  onClose: (error?: Error) => void = ignore;
  onDrain: () => void = ignore;
  /** For the network's books, set once. */
  onGone: () => void = ignore;
  readonly #sim: Simulator;
  readonly #network: SimNetwork;
  readonly #hosts: { readonly local: string; readonly remote: string };
  #peer: SimStream | undefined;
  #inFlightBytes = 0;
  /** On their way, in order; a pump is scheduled exactly while this is not empty. */
  readonly #queue: { readonly atMs: number; readonly arrive: (peer: SimStream) => void }[] = [];
  #ended = false;
  #peerEnded = false;
  #closed = false;

  constructor(sim: Simulator, network: SimNetwork, local: string, remote: string) {
    this.#sim = sim;
    this.#network = network;
    this.localAddress = local;
    this.remoteAddress = remote;
    this.#hosts = { local: hostOf(local), remote: hostOf(remote) };
  }

  /** Two ends of one connection. */
  static pair(sim: Simulator, network: SimNetwork, client: string, server: string): [SimStream, SimStream] {
    const near = new SimStream(sim, network, client, server);
    const far = new SimStream(sim, network, server, client);
    near.#peer = far;
    far.#peer = near;
    return [near, far];
  }

  write(chunk: Uint8Array): boolean {
    if (this.#closed || this.#ended) return false;
    const bytes = Uint8Array.from(chunk); // the writer may reuse its buffer
    this.#inFlightBytes += bytes.length;
    this.#carry((peer) => {
      const wasFull = this.#inFlightBytes >= WINDOW_BYTES;
      this.#inFlightBytes -= bytes.length;
      if (!peer.#closed) peer.onData(bytes);
      if (wasFull && this.#inFlightBytes < WINDOW_BYTES && !this.#closed) this.onDrain();
    });
    return this.#inFlightBytes < WINDOW_BYTES;
  }

  end(): void {
    if (this.#ended || this.#closed) return;
    this.#ended = true;
    this.#carry((peer) => {
      if (peer.#closed) return;
      peer.#peerEnded = true;
      peer.onEnd();
      peer.#closeWhenBothEnded();
    });
    this.#closeWhenBothEnded();
  }

  destroy(): void {
    this.#close(undefined);
    this.#carry((peer) => peer.#close(networkError("ECONNRESET", "read")));
  }

  #closeWhenBothEnded(): void {
    if (this.#ended && this.#peerEnded) this.#close(undefined);
  }

  #close(error: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.onGone();
    this.#sim.after(0, () => this.onClose(error));
  }

  /** To the other end, behind everything sent before. */
  #carry(arrive: (peer: SimStream) => void): void {
    const { delayMinMs, delayMaxMs } = this.#network.faults;
    const promptMs = delayMinMs + this.#sim.rng.next() * (delayMaxMs - delayMinMs);
    const lateMs = this.#network.retransmissionMs();
    const delayMs = promptMs + lateMs;
    if (lateMs > 0) this.#noteLate(delayMs);
    this.#queue.push({ atMs: this.#sim.nowMs + delayMs, arrive });
    if (this.#queue.length === 1) this.#sim.after(delayMs, () => this.#pump(this.#sim.nowMs + GIVE_UP_MS));
  }

  #noteLate(delayMs: number): void {
    const { nowMs } = this.#sim;
    const { local, remote } = this.#hosts;
    const connection = [this.localAddress, this.remoteAddress].sort().join();
    this.#network.late?.note({ hosts: [local, remote], connection, sentMs: nowMs, dueMs: nowMs + delayMs });
  }

  /** Delivers the first in the queue, or tries again later while the link is cut. */
  #pump(giveUpAtMs: number): void {
    const next = this.#queue[0];
    const peer = this.#peer;
    if (next === undefined || peer === undefined) return;
    if (this.#network.isBlocked(this.#hosts.local, this.#hosts.remote)) {
      if (this.#sim.nowMs >= giveUpAtMs) this.#close(networkError("ETIMEDOUT", "write"));
      else this.#sim.after(RETRY_MS, () => this.#pump(giveUpAtMs));
      return;
    }
    const asleepMs = this.#network.asleepMs(this.#hosts.remote);
    if (asleepMs > 0) {
      this.#sim.after(asleepMs, () => this.#pump(this.#sim.nowMs + GIVE_UP_MS));
      return;
    }
    this.#queue.shift();
    const following = this.#queue[0];
    if (following !== undefined) {
      const waitMs = Math.max(0, following.atMs - this.#sim.nowMs);
      this.#sim.after(waitMs, () => this.#pump(this.#sim.nowMs + GIVE_UP_MS));
    }
    next.arrive(peer);
  }
}

export function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(":"));
}
