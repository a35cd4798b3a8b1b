/** `raft/peers.json`: how an operator brings servers back whose quorum is lost for good (sheet raft §4). */
import { configurationError } from "../raft/configuration.ts";
import type { Configuration, ServerId } from "../raft/types.ts";
import { hostPort } from "./identity.ts";
import { splitHostPort } from "./server-directory.ts";
import type { StateMachine } from "./state-machine-port.ts";
import type { DurableLog, SnapshotKeeper } from "./storage-port.ts";

/** Entries are applied in pieces of this size. */
const READ_BYTES = 4 * 1_024 * 1_024;

export class PeersFileError extends Error {
  override readonly name = "PeersFileError";
}

export interface PeersRecovery {
  readonly configuration: Configuration;
  /** The recovery is durable: the file must not do it again at the next start. */
  consumed(): Promise<void>;
}

/**
 * Both forms: an array of `{id, address, non_voter}`, and from Raft protocol 2 one of addresses, which are the ids too.
 *
 * @throws PeersFileError
 */
export function parsePeersFile(text: string): Configuration {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new PeersFileError(`peers.json is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!Array.isArray(parsed)) throw new PeersFileError("peers.json must be an array");
  const configuration: Configuration = { servers: parsed.map((item: unknown) => serverOfItem(item)) };
  const problem = configurationError(configuration);
  if (problem !== undefined) throw new PeersFileError(`peers.json: ${problem}`);
  return configuration;
}

function serverOfItem(item: unknown): Configuration["servers"][number] {
  const {
    id,
    address,
    non_voter: nonVoter,
  } = typeof item === "string"
    ? { id: item, address: item, non_voter: false }
    : ((item ?? {}) as { id?: unknown; address?: unknown; non_voter?: unknown });
  if (typeof id !== "string" || typeof address !== "string")
    throw new PeersFileError("peers.json: every server needs an id and an address, both texts");
  const { host, port } = splitHostPort(address);
  if (host === "" || !Number.isInteger(port) || port < 1 || port > 65_535)
    throw new PeersFileError(`peers.json: ${JSON.stringify(address)} is no host:port`);
  return { id: id as ServerId, address: hostPort(host, port), suffrage: nonVoter === true ? "nonvoter" : "voter" };
}

/**
 * Makes everything in log and snapshots, committed or not, one snapshot with the given peer set. A crash on the way
 * leaves the file, and the next start does it again.
 */
export async function recoverPeers(
  { configuration, consumed }: PeersRecovery,
  { log, keeper, stateMachine }: { log: DurableLog; keeper: SnapshotKeeper; stateMachine: StateMachine },
): Promise<void> {
  const newest = keeper.newest();
  let { index = 0, term = 0 } = newest?.meta ?? {};
  if (newest !== undefined) (await stateMachine.prepareRestore(newest.read())).commit(index);
  while (index < log.lastIndex) {
    const entries = await log.read(Math.max(index + 1, log.firstIndex), log.lastIndex + 1, READ_BYTES);
    for (const entry of entries) {
      if (entry.index > index) stateMachine.apply(entry);
      index = Math.max(index, entry.index);
      term = entry.term;
    }
  }
  if (index === 0) throw new PeersFileError("peers.json was given, but this server holds no state to go on from");
  const view = stateMachine.snapshot();
  try {
    await keeper.save({ index, term, configuration, configurationIndex: 1 }, asAsync(view.chunks));
  } finally {
    view.release();
  }
  await log.reset(index, term);
  await consumed();
}

async function* asAsync(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* chunks;
}
