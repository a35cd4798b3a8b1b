import {
  encodeRaftPeers,
  type RaftConfiguration,
  type RaftServer,
  suffrageNumber,
  suffrageOfNumber,
} from "./raft-configuration.ts";

/** What `meta.json` says, in a snapshot archive and in a server's snapshot directory (sheet snapshot §2). */
export interface SnapshotMeta {
  /** `TERM-INDEX-UNIXMS`, also the directory's name. */
  readonly id: string;
  /** The state holds every entry up to this one. */
  readonly index: number;
  readonly term: number;
  readonly configuration: RaftConfiguration;
  /** Index of the entry that brought `configuration`. */
  readonly configurationIndex: number;
  /** Length of `state.bin`. */
  readonly sizeBytes: number;
  /** 8 bytes, CRC-64 of `state.bin`; only in a snapshot directory, never in an archive. */
  readonly crc?: Uint8Array;
}

/** Snapshots of this version carry a configuration; version 0, before Consul 0.8, carried addresses only. */
const SNAPSHOT_VERSION = 1;

export class SnapshotMetaError extends Error {
  override readonly name = "SnapshotMetaError";
}

export function snapshotId(term: number, index: number, unixMs: number): string {
  return `${term}-${index}-${unixMs}`;
}

/** One line of JSON and a newline, with the fields in Consul's order. */
export function encodeSnapshotMeta(meta: SnapshotMeta): string {
  const json = {
    Version: SNAPSHOT_VERSION,
    ID: meta.id,
    Index: meta.index,
    Term: meta.term,
    Peers: base64(encodeRaftPeers(meta.configuration)),
    Configuration: {
      Servers: meta.configuration.servers.map(({ suffrage, id, address }) => ({
        Suffrage: suffrageNumber(suffrage),
        ID: id,
        Address: address,
      })),
    },
    ConfigurationIndex: meta.configurationIndex,
    Size: meta.sizeBytes,
    ...(meta.crc && { CRC: base64(meta.crc) }),
  };
  return `${JSON.stringify(json)}\n`;
}

/** @throws SnapshotMetaError for anything that is not the meta.json of a version 1 snapshot. */
export function decodeSnapshotMeta(text: string): SnapshotMeta {
  let json: Readonly<Record<string, unknown>>;
  try {
    json = recordOf(JSON.parse(text), "the whole");
  } catch (error) {
    throw error instanceof SnapshotMetaError ? error : new SnapshotMetaError(`not JSON: ${(error as Error).message}`);
  }
  if (json.Version !== SNAPSHOT_VERSION) throw new SnapshotMetaError(`unsupported snapshot version ${json.Version}`);
  const servers = recordOf(json.Configuration ?? {}, "Configuration").Servers ?? [];
  if (!Array.isArray(servers)) throw new SnapshotMetaError("Servers is not an array");
  return {
    id: textOf(json.ID, "ID"),
    index: countOf(json.Index, "Index"),
    term: countOf(json.Term, "Term"),
    configuration: { servers: servers.map(serverOf) },
    configurationIndex: countOf(json.ConfigurationIndex ?? 0, "ConfigurationIndex"),
    sizeBytes: countOf(json.Size, "Size"),
    ...(typeof json.CRC === "string" && { crc: Uint8Array.from(Buffer.from(json.CRC, "base64")) }),
  };
}

function serverOf(value: unknown): RaftServer {
  const json = recordOf(value, "a server");
  const suffrage = suffrageOfNumber(countOf(json.Suffrage ?? 0, "Suffrage"));
  if (suffrage === undefined) throw new SnapshotMetaError(`unknown suffrage ${json.Suffrage}`);
  return { id: textOf(json.ID, "a server's ID"), address: textOf(json.Address, "a server's Address"), suffrage };
}

function recordOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new SnapshotMetaError(`${what} is not an object`);
}

function textOf(value: unknown, what: string): string {
  if (typeof value === "string") return value;
  throw new SnapshotMetaError(`${what} is not text`);
}

function countOf(value: unknown, what: string): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new SnapshotMetaError(`${what} is not a whole number`);
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}
