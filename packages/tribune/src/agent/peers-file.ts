/**
 * `raft/peers.json`, by which an operator says who the servers are from now on, and `raft/peers.info` beside it, which
 * tells him how.
 */
import { join } from "node:path";
import type { Logger } from "../lib/log.ts";
import type { Disk, Runtime } from "../lib/runtime.ts";
import { type PeersRecovery, parsePeersFile } from "../server/peers-recovery.ts";

const PEERS_FILE = "peers.json";
const INFO_FILE = "peers.info";

const INFO = `When most servers of this datacenter are lost for good, those that are left cannot lead. A file peers.json in this
directory makes them servers of a smaller datacenter:

1. Stop all servers that are left.
2. Write the same peers.json on each of them, with all of them in it:

   [
     {
       "id": "11111111-2222-3333-4444-555555555555",
       "address": "10.1.0.1:8300",
       "non_voter": false
     },
     {
       "id": "66666666-7777-8888-9999-000000000000",
       "address": "10.1.0.2:8300",
       "non_voter": false
     }
   ]

   The id stands in the file node-id of that server's data directory, the address is the one that its other servers
   reach it at. With Raft protocol 2 it is an array of addresses: ["10.1.0.1:8300", "10.1.0.2:8300"]
3. Start them. Each takes its peers.json up once, and deletes it.

Writes that only the lost servers had are lost.
`;

/** Leaves the explanation where an operator will look for it. */
export async function explainPeersFile(directory: string, disk: Disk): Promise<void> {
  if ((await disk.list(directory)).includes(INFO_FILE)) return;
  await disk.writeFileAtomic(join(directory, INFO_FILE), Buffer.from(INFO));
}

/** @throws PeersFileError for a file that says nothing sensible: guessing could cost the datacenter's state. */
export async function peersRecovery(
  directory: string,
  { runtime, logger }: { readonly runtime: Runtime; readonly logger: Logger },
): Promise<PeersRecovery | undefined> {
  const path = join(directory, PEERS_FILE);
  const file = await runtime.disk.readFile(path);
  if (file === undefined) return undefined;
  const configuration = parsePeersFile(Buffer.from(file).toString());
  logger.info("found peers.json, recovering the Raft configuration", {
    servers: configuration.servers.map(({ id, address }) => `${id}@${address}`).join(","),
  });
  return {
    configuration,
    consumed: async () => {
      await runtime.disk.remove(path);
      await runtime.disk.syncDir(directory);
      logger.info("deleted peers.json after a successful recovery");
    },
  };
}
