import { CoordinateUpdateRequest, make, type NetworkCoordinate } from "@tribune/api";
import type { Coordinate } from "../codec/serf-coordinate.ts";
import type { Logger } from "../lib/log.ts";
import { randomStagger } from "../lib/random.ts";
import type { Cancel, Runtime } from "../lib/runtime.ts";
import { type Asking, endpointNamed } from "./asking.ts";

const UPDATE = endpointNamed("coordinateUpdate");

export interface CoordinateSenderOptions {
  readonly datacenter: string;
  readonly nodeName: string;
  readonly intervalMinMs: number;
  /** Updates a second that all agents together make at most (`sync_coordinate_rate_target`). */
  readonly ratePerSecond: number;
}

export interface CoordinateSenderDependencies {
  readonly asking: Pick<Asking, "call">;
  readonly coordinate: () => Coordinate;
  /** Members of the LAN pool. */
  readonly members: () => number;
  readonly token: () => string;
  readonly runtime: Pick<Runtime, "timers" | "rng">;
  readonly logger: Logger;
}

/** Tells the servers from time to time where this node stands; the more nodes, the more rarely. @returns cancel */
export function sendCoordinates(
  { datacenter, nodeName, intervalMinMs, ratePerSecond }: CoordinateSenderOptions,
  { asking, coordinate, members, token, runtime, logger }: CoordinateSenderDependencies,
): Cancel {
  let cancel: Cancel = () => {};
  const later = (): void => {
    const intervalMs = Math.max(intervalMinMs, ratePerSecond > 0 ? (members() / ratePerSecond) * 1000 : 0);
    cancel = runtime.timers.after(intervalMs + randomStagger(runtime.rng, intervalMs), () => {
      const request = make(CoordinateUpdateRequest, {
        Datacenter: datacenter,
        Node: nodeName,
        Coord: networkCoordinate(coordinate()),
        Token: token(),
      });
      asking.call(UPDATE, request).catch((error: unknown) => logger.error("Coordinate update error", { error }));
      later();
    });
  };
  later();
  return () => cancel();
}

/** A pool's coordinate in the shape of the API. */
export function networkCoordinate(coordinate: Coordinate): NetworkCoordinate {
  const { vec, error, adjustment, height } = coordinate;
  return { Vec: [...vec], Error: error, Adjustment: adjustment, Height: height };
}
