/** Answers of `/v1/coordinate`. */
import {
  Coordinate,
  type CoordinateUpdateRequest,
  coordinateContracts,
  DatacenterMap,
  IndexedCoordinates,
  list,
  make,
  nullable,
  toJson,
} from "@tribune/api";
import { TribuneError } from "../lib/errors.ts";
import { coordinatesOfNode, isValidCoordinate, listCoordinates } from "../state/catalog/coordinates.ts";
import { type Answer, empty, json } from "./answer.ts";
import { type Bindings, bind, type HttpView } from "./binding.ts";
import { structsJson } from "./row-text.ts";

/** Of the leader: coordinates are written in batches, the latest of each node and segment. */
export interface CoordinateUpdates {
  queueCoordinate(coordinate: Coordinate): void;
}

/** Dimensions of the coordinates that every agent of the pool keeps. */
const DIMENSIONS = 8;
const COORDINATE = nullable(Coordinate);
const NOT_FOUND: Answer = { kind: "empty", status: 404, withoutMeta: true };

/** `?segment=` means the default segment, its absence all of them. */
function shown({ Coordinates }: IndexedCoordinates, { query }: HttpView): readonly (Coordinate | null)[] {
  const rows = Coordinates ?? [];
  return query.has("segment") ? rows.filter((row) => row?.Segment === query.get("segment")) : rows;
}

/** @throws TribuneError for a coordinate that would poison the distances of others. */
export function admitCoordinate({ Node, Segment, Coord }: CoordinateUpdateRequest): Coordinate {
  if (Coord === null || !isValidCoordinate(Coord)) throw TribuneError.internal("invalid coordinate");
  if (Coord.Vec?.length !== DIMENSIONS) throw TribuneError.internal("incompatible coordinate");
  return { Node, Segment, Coord };
}

export const coordinateEndpoints = bind(coordinateContracts, {
  coordinateDatacenters: {
    request: () => ({}),
    answer: (_request, server) => server.pools.datacenterMaps(),
    show(reply: readonly DatacenterMap[] | null) {
      const maps = (reply ?? []).map((map) => ({ ...map, Coordinates: map.Coordinates ?? [] }));
      return json(toJson(list(DatacenterMap), maps));
    },
  },
  coordinateNodes: {
    request: (_values, _http, common) => common,
    query(tx) {
      const { index, coordinates } = listCoordinates(tx);
      return make(IndexedCoordinates, { Coordinates: coordinates, Index: index });
    },
    show: (reply, _request, http) => structsJson(COORDINATE, shown(reply, http)),
  },
  coordinateNode: {
    request: ({ node }, _http, common) => ({ ...common, Node: node }),
    query(tx, { Node }) {
      const { index, coordinates } = coordinatesOfNode(tx, Node);
      return make(IndexedCoordinates, { Coordinates: coordinates.map((row) => ({ ...row, Node })), Index: index });
    },
    show(reply, _request, http) {
      const rows = shown(reply, http);
      return rows.length === 0 ? NOT_FOUND : structsJson(COORDINATE, rows);
    },
  },
  coordinateUpdate: {
    request: ({ update }, http) => ({ ...update, Datacenter: http.datacenter, Token: http.token }),
    answer(request, leader) {
      leader.queueCoordinate(admitCoordinate(request));
      return {};
    },
    show: () => empty(),
  },
} satisfies Bindings<typeof coordinateContracts>);
