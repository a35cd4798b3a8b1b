import { createReadStream } from "node:fs";
import { open, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { readSnapshotArchive } from "../../storage/snapshot-archive.ts";
import { read } from "../acl/request.ts";
import type { Command, CommandContext } from "../command.ts";
import { fileReason } from "../output.ts";
import { attempt } from "../run.ts";
import { headerLine, recordLine } from "../snapshot-records.ts";
import { type KindStats, type KvGrouping, StateCounter, type StateStats } from "../snapshot-stats.ts";
import { boolFlag, intFlag, stringFlag } from "./flag.ts";

function fileArgument(context: CommandContext): string | undefined {
  const [file, ...more] = context.args;
  if (file === undefined) context.error("Missing FILE argument");
  if (more.length === 0) return file;
  context.error(`Too many arguments (expected 1, got ${context.args.length})`);
  return undefined;
}

/** A new file for the owner's eyes only, on disk before it is looked at. */
const SNAPSHOT_MODE = 0o600;

export const snapshotSave: Command = {
  usage: "[options] FILE",
  description: `
Saves the servers' whole state to a file: KV, catalog, sessions, queries, ACLs. The file appears only once it is
complete and its checksums hold.

    $ consul snapshot save backup.snap
    $ consul snapshot save -append-filename=version,dc backup.snap`,
  http: "server",
  flags: [
    stringFlag("append-filename", "Put into the name, before its extension: `version` of the leader, `dc`, or both."),
  ],
  async run(context) {
    const given = fileArgument(context);
    const file = given === undefined ? undefined : await withAppended(context, given);
    if (file === undefined) return 1;
    const taken = await attempt(context, "Error saving snapshot", () => context.client().snapshot.save());
    if (taken === undefined) return 1;
    const unverified = `${file}.unverified`;
    try {
      const written = await attempt(context, "Error writing unverified snapshot file", async () => {
        const to = await open(unverified, "w", SNAPSHOT_MODE).catch((cause: unknown) => {
          throw new Error(fileReason("open", unverified, cause), { cause });
        });
        await pipeline(taken.value.archive, to.createWriteStream());
        const handle = await open(unverified, "r+");
        await handle.sync();
        await handle.close();
      });
      if (written === undefined) return 1;
      const verified = await attempt(context, "Error verifying snapshot file", () => readArchive(unverified));
      if (verified === undefined) return 1;
      const prefix = `Error renaming ${JSON.stringify(unverified)} to ${JSON.stringify(file)}`;
      const renamed = await attempt(context, prefix, async () => {
        await rename(unverified, file).catch((cause: NodeJS.ErrnoException) => {
          const why = cause.code === "EISDIR" ? "file exists" : cause.message;
          throw new Error(`rename ${unverified} ${file}: ${why}`, { cause });
        });
        const directory = await open(dirname(file), "r");
        await directory.sync(); // or a crash could take the new name back
        await directory.close();
      });
      if (renamed === undefined) return 1;
    } finally {
      await rm(unverified, { force: true });
    }
    context.out(`Saved and verified snapshot to index ${taken.value.index}`);
    return 0;
  },
};

/** What is read of autopilot's state. */
interface LeaderState {
  readonly Leader: string;
  readonly Servers: Readonly<Record<string, { readonly Version: string }>> | null;
}

/** The file's name with what `-append-filename` asks for; undefined where it cannot be had. */
async function withAppended(context: CommandContext, file: string): Promise<string | undefined> {
  const asked = context.flags.string("append-filename").split(",");
  const extension = extname(file);
  let name = file.slice(0, file.length - extension.length);
  if (asked.includes("version")) {
    // Not autopilot's health, which is no success while a server is ill: that is when a snapshot is wanted.
    const state = await attempt(context, "Error fetching version of Consul agent Leader", () =>
      read<LeaderState>(context.client(), "/v1/operator/autopilot/state"),
    );
    if (state === undefined) return undefined;
    name += `-${state.value.Servers?.[state.value.Leader]?.Version ?? ""}`;
  }
  if (asked.includes("dc")) {
    const self = await attempt(context, "Error connecting to Consul agent and fetching datacenter/version", () =>
      read<{ readonly Config: { readonly Datacenter: string } }>(context.client(), "/v1/agent/self"),
    );
    if (self === undefined) return undefined;
    name += `-${self.value.Config.Datacenter}`;
  }
  return name + extension;
}

export const snapshotRestore: Command = {
  usage: "[options] FILE",
  description: `
Replaces the servers' whole state by that of a snapshot. For disasters: everything written since is lost.

    $ consul snapshot restore backup.snap`,
  http: "server",
  flags: [],
  async run(context) {
    const file = fileArgument(context);
    if (file === undefined || !(await canOpen(context, file))) return 1;
    const done = await attempt(context, "Error restoring snapshot", () =>
      context.client().snapshot.restore(createReadStream(file)),
    );
    if (done !== undefined) context.out("Restored snapshot");
    return done === undefined ? 1 : 0;
  },
};

async function canOpen(context: CommandContext, file: string): Promise<boolean> {
  try {
    await (await open(file)).close();
    return true;
  } catch (error) {
    context.error(`Error opening snapshot file: ${fileReason("open", file, error)}`);
    return false;
  }
}

export const snapshotInspect: Command = {
  usage: "[options] FILE",
  description: `
Prints what a snapshot file holds: its index and how many records of which kind. A server's own "state.bin" can be
looked at as well.

    $ consul snapshot inspect backup.snap
    $ consul snapshot inspect -kvdetails -kvdepth=3 backup.snap`,
  http: "none",
  flags: [
    boolFlag("kvdetails", "Add up the KV records below common prefixes."),
    intFlag("kvdepth", "How many parts of a key make a prefix, for -kvdetails.", 2),
    stringFlag("kvfilter", "Only keys that begin so, for -kvdetails."),
    stringFlag("format", "pretty or json.", "pretty"),
  ],
  async run(context) {
    const file = fileArgument(context);
    if (file === undefined || !(await canOpen(context, file))) return 1;
    const { flags } = context;
    const grouping = { depth: flags.number("kvdepth"), prefix: flags.string("kvfilter") };
    const counter = new StateCounter(flags.bool("kvdetails") ? grouping : (undefined as KvGrouping | undefined));
    const own = basename(file).toLowerCase() === "state.bin";
    const meta = own
      ? await attempt(context, "Error reading meta.json from internal snapshot dir", () => readOwn(file, counter))
      : await attempt(context, "Error reading snapshot", () => readArchive(file, (chunk) => counter.add(chunk)));
    if (meta === undefined) return 1;
    const stats = await attempt(context, "Error extracting snapshot data", async () => counter.finish());
    if (stats === undefined) return 1;
    const format = flags.string("format");
    if (format !== "pretty" && format !== "json") {
      context.error(`Error outputting enhanced snapshot data: Unknown format: ${format}`);
      return 1;
    }
    context.out(format === "json" ? jsonText(meta.value, stats.value) : prettyText(meta.value, stats.value));
    return 0;
  },
};

export const snapshotDecode: Command = {
  usage: "[options] FILE",
  description: `
Prints the records of a snapshot file, or of a server's own "state.bin", as JSON: one a line, with its type.

    $ consul snapshot decode backup.snap | jq 'select(.Type == "KVS") | .Data.Key'`,
  http: "none",
  flags: [],
  async run(context) {
    const file = fileArgument(context);
    if (file === undefined || !(await canOpen(context, file))) return 1;
    const own = basename(file).toLowerCase() === "state.bin";
    // The description comes first, and stands behind the state in an archive: so that is read twice.
    const meta = own
      ? await attempt(context, "Error reading meta.json from internal snapshot dir", () => ownMeta(file))
      : await attempt(context, "Error reading snapshot", () => readArchive(file));
    if (meta === undefined) return 1;
    const decoded = await attempt(context, "Error extracting snapshot data", async () => {
      context.out(headerLine(meta.value));
      const counter = new StateCounter(undefined, (kind, value) => context.out(recordLine(kind, value)));
      if (own) await readOwn(file, counter);
      else await readArchive(file, (chunk) => counter.add(chunk));
      counter.finish();
    });
    return decoded === undefined ? 1 : 0;
  },
};

/** What `inspect` prints of meta.json, in its own spelling. */
interface SnapshotMeta {
  readonly ID: string;
  readonly Size: number;
  readonly Index: number;
  readonly Term: number;
  readonly Version: number;
}

/** Reads a whole archive and checks its sums. @throws SnapshotArchiveError */
async function readArchive(file: string, onState: (chunk: Buffer) => void = () => {}): Promise<SnapshotMeta> {
  const meta = await readSnapshotArchive(createReadStream(file), (chunk) => onState(chunk as Buffer));
  return { ID: meta.id, Size: meta.sizeBytes, Index: meta.index, Term: meta.term, Version: SNAPSHOT_VERSION };
}

/** The only version there is with a configuration; the reader refuses others. */
const SNAPSHOT_VERSION = 1;

async function ownMeta(file: string): Promise<SnapshotMeta> {
  return JSON.parse(await readFile(join(dirname(file), "meta.json"), "utf8")) as SnapshotMeta;
}

/** A snapshot in a server's data directory: the state as it is, its description beside it. */
async function readOwn(file: string, counter: StateCounter): Promise<SnapshotMeta> {
  const meta = await ownMeta(file);
  for await (const chunk of createReadStream(file)) counter.add(chunk as Buffer);
  return meta;
}

function jsonText({ ID, Size, Index, Term, Version }: SnapshotMeta, stats: StateStats): string {
  const output = {
    Meta: { ID, Size, Index, Term, Version },
    Stats: stats.kinds,
    StatsKV: stats.kvPrefixes.length === 0 ? null : stats.kvPrefixes,
    TotalSize: stats.totalBytes,
    TotalSizeKV: stats.kvBytes,
  };
  return JSON.stringify(output, null, 3);
}

function prettyText(meta: SnapshotMeta, stats: StateStats): string {
  const head: readonly (readonly string[])[] = [
    [" ID", meta.ID],
    [" Size", String(meta.Size)],
    [" Index", String(meta.Index)],
    [" Term", String(meta.Term)],
    [" Version", String(meta.Version)],
  ];
  const parts = [aligned(head), aligned(statRows("Type", stats.kinds, stats.totalBytes))];
  if (stats.kvPrefixes.length > 0) parts.push(aligned(statRows("Key Name", stats.kvPrefixes, stats.kvBytes)));
  return parts.join("\n\n");
}

function statRows(title: string, stats: readonly KindStats[], totalBytes: number): readonly (readonly string[])[] {
  return [
    [` ${title}`, "Count", "Size"],
    [" ----", "----", "----"],
    ...stats.map(({ Name, Count, Sum }) => [` ${Name}`, String(Count), byteSize(Sum)]),
    [" ----", "----", "----"],
    [" Total", "", byteSize(totalBytes)],
  ];
}

/** Columns six blanks apart and at least eight wide. */
function aligned(rows: readonly (readonly string[])[]): string {
  const widths = [0, 1].map((at) => Math.max(8, ...rows.map((row) => (row[at] ?? "").length + 6)));
  return rows
    .map((row) => row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0))).join(""))
    .join("\n");
}

const UNITS = ["B", "KB", "MB", "GB", "TB"] as const;

function byteSize(bytes: number): string {
  if (bytes === 0) return "0";
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return value.toFixed(1).replace(/\.0$/, "") + UNITS[unit];
}
