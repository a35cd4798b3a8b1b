import { join } from "node:path";
import { TribuneError } from "../lib/errors.ts";
import { randomUuid } from "../lib/random.ts";
import { type Disk, DiskError, type Rng } from "../lib/runtime.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * The node's id: the configured one, else the one in the data directory, else a new random one. It is written
 * back, so that the node keeps it whatever happens to its name and address.
 *
 * @param dataDir "" in dev mode: nothing is read or kept.
 */
export async function nodeId(configured: string, dataDir: string, disk: Disk, rng: Rng): Promise<string> {
  try {
    return await settledId(configured, dataDir, disk, rng);
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    const path = join(dataDir, "node-id");
    const reason =
      error.code === "EACCES"
        ? `open ${path}: permission denied (let this agent's user read and write the data directory)`
        : error.message;
    throw TribuneError.internal(`failed to setup node ID: ${reason}`, error);
  }
}

async function settledId(configured: string, dataDir: string, disk: Disk, rng: Rng): Promise<string> {
  const path = join(dataDir, "node-id");
  if (configured !== "") {
    const id = configured.toLowerCase();
    if (!UUID.test(id)) {
      const problem = id.length === 36 ? "uuid is improperly formatted" : "uuid string is wrong length";
      throw TribuneError.internal(`failed to setup node ID: specified NodeID is invalid: ${problem}`);
    }
    if (dataDir !== "") await disk.writeFileAtomic(path, Buffer.from(id), 0o600);
    return id;
  }
  const kept = dataDir === "" ? undefined : await disk.readFile(path);
  if (kept !== undefined) {
    const id = Buffer.from(kept).toString("utf8").trim().toLowerCase();
    if (!UUID.test(id))
      throw TribuneError.internal(`node ID in ${path} is not a valid UUID; correct or remove that file`);
    return id;
  }
  const id = randomUuid(rng);
  if (dataDir !== "") await disk.writeFileAtomic(path, Buffer.from(id), 0o600);
  return id;
}
