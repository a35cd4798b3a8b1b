/** Network coordinates (Vivaldi). Fields and order are Consul 1.10's. */
import { called, float, type Infer, list, nullable, struct, text } from "../schema.ts";
import { queryMeta } from "./common.ts";

export const NetworkCoordinate = called(
  "coordinate.Coordinate",
  struct("NetworkCoordinate", {
    Vec: list(float),
    Error: float,
    Adjustment: float,
    Height: float,
  }),
);
export type NetworkCoordinate = Infer<typeof NetworkCoordinate>;

export const Coordinate = struct("Coordinate", {
  Node: text,
  Segment: text,
  Coord: nullable(NetworkCoordinate),
});
export type Coordinate = Infer<typeof Coordinate>;

export const IndexedCoordinates = struct("IndexedCoordinates", {
  Coordinates: list(nullable(Coordinate)),
  ...queryMeta,
});
export type IndexedCoordinates = Infer<typeof IndexedCoordinates>;

export const CoordinateUpdateRequest = struct("CoordinateUpdateRequest", {
  Datacenter: text,
  Node: text,
  Segment: text,
  Coord: nullable(NetworkCoordinate),
  Token: text,
});
export type CoordinateUpdateRequest = Infer<typeof CoordinateUpdateRequest>;
