import { JsonShapeError } from "@tribune/api";
import type { Logger } from "../../../lib/log.ts";
import type { Disk } from "../../../lib/runtime.ts";
import { type Change, readConsulFile } from "./records.ts";

const DIRECTORIES = { services: "service", checks: "check", "checks/state": "checkState" } as const;

/**
 * The registrations in a Consul agent's data directory: one JSON file each, named by a hash of the ID. A file
 * that cannot be read is reported and skipped, as Consul does.
 */
export async function readConsulLayout(
  dataDir: string,
  { disk, logger }: { disk: Disk; logger: Logger },
): Promise<Change[]> {
  const found: Change[] = [];
  for (const [directory, kind] of Object.entries(DIRECTORIES)) {
    for (const name of await disk.list(`${dataDir}/${directory}`)) {
      if (!/^[0-9a-f]{32,64}$/.test(name)) continue; // a temporary file, or the directory of the states
      const path = `${dataDir}/${directory}/${name}`;
      const bytes = await disk.readFile(path);
      if (bytes === undefined) continue;
      try {
        found.push(readConsulFile(kind, JSON.parse(Buffer.from(bytes).toString())));
      } catch (error) {
        if (!(error instanceof SyntaxError || error instanceof JsonShapeError)) throw error;
        logger.error("failed decoding a file of a Consul data directory", { file: path, error: error.message });
      }
    }
  }
  return found;
}
