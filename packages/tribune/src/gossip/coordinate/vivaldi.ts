/**
 * Network coordinates: where a node lies so that distances between coordinates predict round trips (Dabek, Cox,
 * Kaashoek & Morris 2004, "Vivaldi §…"; Ledlie, Gardner & Seltzer 2007 for the filter, the adjustment and gravity;
 * sheet serf §6 for the constants, which all peers of a pool must share). Pure; everything in seconds.
 */
import type { Coordinate } from "../../codec/serf-coordinate.ts";
import type { Rng } from "../../lib/runtime.ts";

export interface VivaldiSettings {
  readonly dimensions: number;
  /** The largest error, and that of a node that knows nothing. */
  readonly errorMax: number;
  /** Weights of one sample on the error and on the position (Vivaldi §2.5, c_e and c_c). */
  readonly errorWeight: number;
  readonly positionWeight: number;
  /** Samples that the adjustment averages. */
  readonly adjustmentWindow: number;
  readonly heightMin: number;
  /** Samples of one peer whose median is used. */
  readonly latencyFilterSize: number;
  /** The larger, the weaker the pull to the origin. */
  readonly gravityRho: number;
}

export const VIVALDI_SETTINGS: VivaldiSettings = {
  dimensions: 8,
  errorMax: 1.5,
  errorWeight: 0.25,
  positionWeight: 0.25,
  adjustmentWindow: 20,
  heightMin: 1e-5,
  latencyFilterSize: 3,
  gravityRho: 150,
};

/** Distances and errors below this are as good as none. */
const ZERO = 1e-6;
/** Longer round trips are no measurement. */
export const RTT_SECONDS_MAX = 10;

export function coordinateAtOrigin(settings: VivaldiSettings = VIVALDI_SETTINGS): Coordinate {
  return {
    vec: new Array<number>(settings.dimensions).fill(0),
    error: settings.errorMax,
    adjustment: 0,
    height: settings.heightMin,
  };
}

/** Finite numbers everywhere, in as many dimensions as ours. */
export function isUsableCoordinate({ vec, error, adjustment, height }: Coordinate, dimensions: number): boolean {
  return vec.length === dimensions && [...vec, error, adjustment, height].every(Number.isFinite);
}

/** Predicted round trip between two nodes of equal dimensions. */
export function distanceSeconds(from: Coordinate, to: Coordinate): number {
  const raw = rawDistance(from, to);
  const adjusted = raw + from.adjustment + to.adjustment;
  return adjusted > 0 ? adjusted : raw;
}

/** Vivaldi §5.4: the way down to the network's core, through it, and up again. */
function rawDistance(from: Coordinate, to: Coordinate): number {
  return magnitude(difference(from.vec, to.vec)) + from.height + to.height;
}

function difference(left: readonly number[], right: readonly number[]): number[] {
  return left.map((component, at) => component - right[at]!);
}

function magnitude(vec: readonly number[]): number {
  return Math.sqrt(vec.reduce((sum, component) => sum + component * component, 0));
}

/** One node's coordinate, and what it remembers of its measurements. */
export class VivaldiNode {
  readonly #settings: VivaldiSettings;
  readonly #rng: Rng;
  readonly #origin: Coordinate;
  readonly #samples = new Map<string, readonly number[]>();
  readonly #adjustments: number[];
  #adjustmentAt = 0;
  #coordinate: Coordinate;
  /** Times that a measurement made nonsense of the coordinate. */
  resets = 0;

  /** @param start where to begin; the origin by default. */
  constructor(rng: Rng, settings: VivaldiSettings = VIVALDI_SETTINGS, start = coordinateAtOrigin(settings)) {
    this.#rng = rng;
    this.#settings = settings;
    this.#origin = coordinateAtOrigin(settings);
    this.#adjustments = new Array<number>(settings.adjustmentWindow).fill(0);
    this.#coordinate = start;
  }

  /** A value: it never changes. */
  get coordinate(): Coordinate {
    return this.#coordinate;
  }

  /**
   * Learns from one round trip to `peer`, whose coordinate is `other`.
   * @returns false where the measurement or the coordinate cannot be one, and nothing changed.
   */
  update(peer: string, other: Coordinate, rttSeconds: number): boolean {
    if (!isUsableCoordinate(other, this.#settings.dimensions)) return false;
    if (!(rttSeconds >= 0 && rttSeconds <= RTT_SECONDS_MAX)) return false;
    const rtt = this.#filtered(peer, rttSeconds);
    this.#pull(other, Math.max(rtt, ZERO));
    this.#adjust(other, rtt);
    this.#gravitate();
    if (!isUsableCoordinate(this.#coordinate, this.#settings.dimensions)) {
      this.resets++;
      this.#coordinate = this.#origin;
    }
    return true;
  }

  forget(peer: string): void {
    this.#samples.delete(peer);
  }

  /** The median of the last few: one slow answer says nothing about the network. */
  #filtered(peer: string, rttSeconds: number): number {
    const samples = [...(this.#samples.get(peer) ?? []), rttSeconds].slice(-this.#settings.latencyFilterSize);
    this.#samples.set(peer, samples);
    return samples.toSorted((left, right) => left - right)[Math.floor(samples.length / 2)]!;
  }

  /** Vivaldi §2.5, figure 3: move along the error, the less the surer we are and the less sure the other is. */
  #pull(other: Coordinate, rtt: number): void {
    const { errorWeight, positionWeight, errorMax } = this.#settings;
    const own = this.#coordinate;
    const predicted = distanceSeconds(own, other);
    const wrongness = Math.abs(predicted - rtt) / rtt;
    const weight = own.error / Math.max(own.error + other.error, ZERO);
    const error = errorWeight * weight * wrongness + own.error * (1 - errorWeight * weight);
    this.#coordinate = { ...own, error: Math.min(errorMax, error) };
    this.#push(positionWeight * weight * (rtt - predicted), other);
  }

  /** What the space cannot express, as the mean of what was left over. */
  #adjust(other: Coordinate, rtt: number): void {
    const { adjustmentWindow } = this.#settings;
    this.#adjustments[this.#adjustmentAt] = rtt - rawDistance(this.#coordinate, other);
    this.#adjustmentAt = (this.#adjustmentAt + 1) % adjustmentWindow;
    const sum = this.#adjustments.reduce((total, sample) => total + sample, 0);
    this.#coordinate = { ...this.#coordinate, adjustment: sum / (2 * adjustmentWindow) };
  }

  /** Keeps a whole pool from drifting away together. */
  #gravitate(): void {
    const distance = distanceSeconds(this.#origin, this.#coordinate);
    this.#push(-((distance / this.#settings.gravityRho) ** 2), this.#origin);
  }

  /** Moves `force` away from `other`; in a random direction where both are in one place. */
  #push(force: number, other: Coordinate): void {
    const own = this.#coordinate;
    const apart = difference(own.vec, other.vec);
    const distance = magnitude(apart);
    const isApart = distance > ZERO;
    const direction = isApart ? apart.map((component) => component / distance) : this.#randomDirection();
    const vec = own.vec.map((component, at) => component + direction[at]! * force);
    const height = isApart
      ? Math.max(this.#settings.heightMin, ((own.height + other.height) * force) / distance + own.height)
      : own.height;
    this.#coordinate = { ...own, vec, height };
  }

  #randomDirection(): number[] {
    const vec = Array.from({ length: this.#settings.dimensions }, () => this.#rng.next() - 0.5);
    const length = magnitude(vec);
    if (length > ZERO) return vec.map((component) => component / length);
    return vec.map((_, at) => (at === 0 ? 1 : 0)); // All but impossible, and one direction is as good as another.
  }
}
