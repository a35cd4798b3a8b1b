/** Head and answer of a snapshot stream (port 8300, byte 5). Fields are Consul 1.10's. */
import { bool, type Infer, int, struct, text } from "../schema.ts";
import { queryMeta } from "./common.ts";

/** `Op`: 0 save, 1 restore. */
export const SnapshotRequest = struct("SnapshotRequest", { Datacenter: text, Token: text, AllowStale: bool, Op: int });
export type SnapshotRequest = Infer<typeof SnapshotRequest>;

export const SnapshotResponse = struct("SnapshotResponse", { Error: text, ...queryMeta });
export type SnapshotResponse = Infer<typeof SnapshotResponse>;
