import { MsgpackError } from "./msgpack-error.ts";
import { MsgpackReader } from "./msgpack-reader.ts";
import { MsgpackWriter } from "./msgpack-writer.ts";

export type RaftSuffrage = "voter" | "nonvoter" | "staging";

export interface RaftServer {
  readonly id: string;
  /** `ip:port` of the RPC listener. */
  readonly address: string;
  readonly suffrage: RaftSuffrage;
}

export interface RaftConfiguration {
  readonly servers: readonly RaftServer[];
}

/** Position is the number on the wire. */
const SUFFRAGES: readonly RaftSuffrage[] = ["voter", "nonvoter", "staging"];

export function suffrageNumber(suffrage: RaftSuffrage): number {
  return SUFFRAGES.indexOf(suffrage);
}

/** undefined for a number this version does not know. */
export function suffrageOfNumber(number: number): RaftSuffrage | undefined {
  return SUFFRAGES[number];
}

/** Data of a configuration entry, and `Configuration` of InstallSnapshot (sheet raft §2). */
export function encodeRaftConfiguration({ servers }: RaftConfiguration): Uint8Array {
  const writer = new MsgpackWriter(32 + 96 * servers.length);
  writer.mapHeader(1).text("Servers").arrayHeader(servers.length);
  for (const { address, id, suffrage } of servers) {
    writer.mapHeader(3).text("Address").text(address).text("ID").text(id);
    writer.text("Suffrage").int(suffrageNumber(suffrage));
  }
  return writer.take();
}

/** @throws MsgpackError for damage, or a suffrage this version does not know. */
export function decodeRaftConfiguration(bytes: Uint8Array): RaftConfiguration {
  const reader = new MsgpackReader(bytes);
  const servers: RaftServer[] = [];
  for (let left = reader.mapHeader(); left > 0; left--) {
    if (reader.key() !== "Servers") {
      reader.skip();
      continue;
    }
    for (let count = reader.arrayHeader(); count > 0; count--) servers.push(readServer(reader));
  }
  return { servers };
}

function readServer(reader: MsgpackReader): RaftServer {
  let id = "";
  let address = "";
  let suffrage: RaftSuffrage | undefined = "voter";
  for (let left = reader.mapHeader(); left > 0; left--) {
    const key = reader.key();
    if (key === "ID") id = reader.text();
    else if (key === "Address") address = reader.text();
    else if (key === "Suffrage") suffrage = suffrageOfNumber(reader.int());
    else reader.skip();
  }
  if (suffrage === undefined) throw new MsgpackError(`unknown suffrage of server ${id}`, reader.position);
  return { id, address, suffrage };
}

/** `Peers` of InstallSnapshot and of a snapshot's meta.json: the voters' addresses, from Raft's first protocol. */
export function encodeRaftPeers({ servers }: RaftConfiguration): Uint8Array {
  const voters = servers.filter(({ suffrage }) => suffrage === "voter");
  const writer = new MsgpackWriter(8 + 32 * voters.length).arrayHeader(voters.length);
  for (const { address } of voters) writer.text(address);
  return writer.take();
}
