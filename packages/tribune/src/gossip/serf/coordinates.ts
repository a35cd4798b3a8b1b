/** Our place in the network and that of the members we have pinged (sheet serf §6). */
import { GossipCodecError } from "../../codec/gossip-error.ts";
import { type Coordinate, decodeCoordinate, encodeCoordinate } from "../../codec/serf-coordinate.ts";
import type { Rng } from "../../lib/runtime.ts";
import { distanceSeconds, VivaldiNode } from "../coordinate/vivaldi.ts";
import type { Outbox } from "./outbox.ts";

export class Coordinates {
  readonly #name: string;
  readonly #node: VivaldiNode;
  readonly #outbox: Outbox;
  readonly #known = new Map<string, Coordinate>();

  constructor(name: string, rng: Rng, outbox: Outbox) {
    this.#name = name;
    this.#node = new VivaldiNode(rng);
    this.#outbox = outbox;
  }

  get own(): Coordinate {
    return this.#node.coordinate;
  }

  get resets(): number {
    return this.#node.resets;
  }

  of(name: string): Coordinate | undefined {
    return name === this.#name ? this.own : this.#known.get(name);
  }

  forget(name: string): void {
    this.#node.forget(name);
    this.#known.delete(name);
  }

  ackPayload(): Uint8Array {
    return encodeCoordinate(this.own);
  }

  /** A ping of ours was answered. @param isMember strangers' coordinates are used, but not kept. */
  measured(name: string, rttMs: number, payload: Uint8Array, isMember: boolean): void {
    const other = this.#decoded(payload);
    if (other === undefined) return;
    const before = this.own;
    if (!this.#node.update(name, other, rttMs / 1_000)) {
      this.#outbox.count("coordinate.rejected");
      this.#outbox.log("TRACE", `Rejected coordinate from ${name}`);
      return;
    }
    if (rttMs === 0) this.#outbox.count("coordinate.zero-rtt");
    this.#outbox.sample("coordinate.adjustment-ms", distanceSeconds(before, this.own) * 1_000);
    if (isMember) this.#known.set(name, other);
    else this.#node.forget(name);
  }

  #decoded(payload: Uint8Array): Coordinate | undefined {
    if (payload.length === 0) return undefined;
    try {
      const coordinate = decodeCoordinate(payload);
      if (coordinate === undefined) this.#outbox.log("ERROR", `Unsupported ping version: ${payload[0]}`);
      return coordinate;
    } catch (error) {
      if (!(error instanceof GossipCodecError)) throw error;
      this.#outbox.log("ERROR", `Failed to decode coordinate from ping: ${error.message}`);
      return undefined;
    }
  }
}
