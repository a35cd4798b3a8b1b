/** Reads what Linux tells about itself in text files. Pure: the texts come from the caller. */

/** Names in `/proc/meminfo` and in the answer. */
const MEMORY_FIELDS = {
  total: "MemTotal",
  available: "MemAvailable",
  used: "",
  usedPercent: "",
  free: "MemFree",
  active: "Active",
  inactive: "Inactive",
  wired: "",
  laundry: "",
  buffers: "Buffers",
  cached: "Cached",
  writeBack: "Writeback",
  dirty: "Dirty",
  writeBackTmp: "WritebackTmp",
  shared: "Shmem",
  slab: "Slab",
  sreclaimable: "SReclaimable",
  sunreclaim: "SUnreclaim",
  pageTables: "PageTables",
  swapCached: "SwapCached",
  commitLimit: "CommitLimit",
  committedAS: "Committed_AS",
  highTotal: "HighTotal",
  highFree: "HighFree",
  lowTotal: "LowTotal",
  lowFree: "LowFree",
  swapTotal: "SwapTotal",
  swapFree: "SwapFree",
  mapped: "Mapped",
  vmallocTotal: "VmallocTotal",
  vmallocUsed: "VmallocUsed",
  vmallocChunk: "VmallocChunk",
  hugePagesTotal: "HugePages_Total",
  hugePagesFree: "HugePages_Free",
  hugePageSize: "Hugepagesize",
} as const;

/** Bytes, except for the numbers of huge pages. */
export type MemoryInfo = Readonly<Record<keyof typeof MEMORY_FIELDS, number>>;

export function memoryOf(meminfo: string): MemoryInfo {
  const values = new Map<string, number>();
  for (const [, name, digits, unit] of meminfo.matchAll(/^(\S+):\s+(\d+)( kB)?$/gm))
    values.set(name!, Number(digits) * (unit === undefined ? 1 : 1024));
  const entries = Object.entries(MEMORY_FIELDS).map(([name, line]) => [name, values.get(line) ?? 0] as const);
  const found = Object.fromEntries(entries) as Record<keyof typeof MEMORY_FIELDS, number>;
  if (!values.has("MemAvailable")) found.available = found.free + found.cached;
  found.used = Math.max(0, found.total - found.free - found.buffers - found.cached);
  found.usedPercent = found.total === 0 ? 0 : (found.used / found.total) * 100;
  return found;
}

export interface CpuInfo {
  readonly cpu: number;
  readonly vendorId: string;
  readonly family: string;
  readonly model: string;
  readonly stepping: number;
  readonly physicalId: string;
  readonly coreId: string;
  readonly cores: number;
  readonly modelName: string;
  readonly mhz: number;
  /** Kibibytes. */
  readonly cacheSize: number;
  readonly flags: readonly string[];
  readonly microcode: string;
}

/** One row a logical processor, each with one core. */
export function processorsOf(cpuinfo: string): CpuInfo[] {
  const found: CpuInfo[] = [];
  for (const block of cpuinfo.split(/\n\s*\n/)) {
    const values = new Map<string, string>();
    for (const [, name, value] of block.matchAll(/^([^:\n]+?)\s*:[ \t]*(.*)$/gm)) values.set(name!, value!.trim());
    if (!values.has("processor")) continue;
    const text = (...names: readonly string[]): string =>
      names.map((name) => values.get(name)).find((value) => value !== undefined) ?? "";
    const number = (name: string): number => Number.parseFloat(text(name)) || 0;
    found.push({
      cpu: number("processor"),
      vendorId: text("vendor_id"),
      family: text("cpu family"),
      model: text("model"),
      stepping: number("stepping"),
      physicalId: text("physical id"),
      coreId: text("core id"),
      cores: 1,
      modelName: text("model name"),
      mhz: number("cpu MHz"),
      cacheSize: number("cache size"),
      flags: text("flags", "Features").split(" ").filter(Boolean),
      microcode: text("microcode"),
    });
  }
  return found;
}

/** `ID`, what it is like, and `VERSION_ID` of `/etc/os-release`; empty where it does not say. */
export function osReleaseOf(text: string): { readonly id: string; readonly family: string; readonly version: string } {
  const values = new Map<string, string>();
  for (const [, name, value] of text.matchAll(/^(\w+)=(.*)$/gm)) values.set(name!, value!.replace(/^["']|["']$/g, ""));
  const id = values.get("ID") ?? "";
  const [like = id] = (values.get("ID_LIKE") ?? id).split(" ");
  return { id, family: like, version: values.get("VERSION_ID") ?? "" };
}
