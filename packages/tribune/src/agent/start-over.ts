/**
 * A server that holds what its datacenter does not: a snapshot that an operator restored while the leader died, so that
 * it was never acknowledged, or one that was copied here. It sets its Raft state aside and begins anew.
 */
import { join } from "node:path";
import type { Logger } from "../lib/log.ts";
import type { Disk } from "../lib/runtime.ts";
import type { StartOverPort } from "../server/contradictions.ts";

/** Written before the process ends, carried out and removed by the next start. */
const ORDER_FILE = "start-over.json";
/** While it is there, the server's log may lack what it acknowledged before. */
const REFILL_FILE = "refill.json";
const STATE_DIRECTORIES = ["wal", "snapshots"];

type HardState = Parameters<StartOverPort["order"]>[0];

export function startOverPort(directory: string, disk: Disk): StartOverPort {
  return {
    order: (hardState) => writeJson(disk, join(directory, ORDER_FILE), hardState),
    asideDirectory: (term) => asideDirectory(directory, term),
  };
}

function asideDirectory(directory: string, term: number): string {
  return join(directory, `set-aside-${term}`);
}

/**
 * Carries out what was ordered. To be called before log and snapshots are opened; may be cut off at any point and is then
 * repeated.
 *
 * @returns the term and vote that the new log has to begin with, and `done`, to be called once it does.
 */
export async function carryOutStartOver(
  directory: string,
  { disk, logger }: { readonly disk: Disk; readonly logger: Logger },
): Promise<{ readonly hardState: HardState; done(): Promise<void> } | undefined> {
  const path = join(directory, ORDER_FILE);
  const hardState = await readJson<HardState>(disk, path);
  if (hardState === undefined) return undefined;
  const aside = asideDirectory(directory, hardState.term);
  await disk.makeDir(aside);
  const there = new Set(await disk.list(aside));
  for (const name of STATE_DIRECTORIES) {
    if ((await disk.list(join(directory, name))).length === 0) continue;
    // There already: what has this name now began after an earlier attempt, and holds nothing.
    if (there.has(name)) await disk.remove(join(directory, name));
    else await disk.rename(join(directory, name), join(aside, name));
  }
  await disk.syncDir(aside);
  await disk.syncDir(directory);
  await writeJson(disk, join(directory, REFILL_FILE), { term: hardState.term });
  logger.warn("beginning anew: the state that this datacenter never took over was set aside", { directory: aside });
  return {
    hardState,
    done: async () => {
      await disk.remove(path);
      await disk.syncDir(directory);
    },
  };
}

/**
 * @param lastTerm of the log or snapshot
 * @returns the term up to which this server has to be filled again before it may vote as it likes; undefined: it is.
 */
export async function refillTerm(directory: string, disk: Disk, lastTerm: number): Promise<number | undefined> {
  const path = join(directory, REFILL_FILE);
  const term = (await readJson<{ readonly term: number }>(disk, path))?.term;
  if (term === undefined || lastTerm < term) return term;
  await disk.remove(path);
  await disk.syncDir(directory);
  return undefined;
}

function writeJson(disk: Disk, path: string, value: unknown): Promise<void> {
  return disk.writeFileAtomic(path, Buffer.from(JSON.stringify(value)));
}

async function readJson<T>(disk: Disk, path: string): Promise<T | undefined> {
  const bytes = await disk.readFile(path);
  return bytes === undefined ? undefined : (JSON.parse(Buffer.from(bytes).toString()) as T);
}
