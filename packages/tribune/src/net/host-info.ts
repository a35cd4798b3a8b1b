import { readdir, readFile, statfs } from "node:fs/promises";
import { arch, cpus, freemem, hostname, platform, release, totalmem, uptime } from "node:os";
import { type CpuInfo, memoryOf, osReleaseOf, processorsOf } from "./proc-files.ts";

/** What is asked about the disk: the one with the root directory. */
const DISK_PATH = "/";

/**
 * The machine in the shape of `/v1/agent/host`. Names are those of gopsutil, which monitoring tools know; what this
 * system does not tell is zero or empty. Nothing here throws: what could not be read is listed under `Errors`.
 */
export async function hostInfo(nowMs: number): Promise<unknown> {
  const errors: string[] = [];
  const attempt = async <T>(read: () => Promise<T>): Promise<T | null> => {
    try {
      return await read();
    } catch (error) {
      errors.push(error instanceof Error ? error.message : String(error));
      return null;
    }
  };
  const [Memory, CPU, Host, Disk] = await Promise.all([
    attempt(memory),
    attempt(processors),
    attempt(() => host(nowMs)),
    attempt(disk),
  ]);
  const CollectionTime = BigInt(Math.round(nowMs)) * 1_000_000n;
  return { Memory, CPU, Host, Disk, CollectionTime, Errors: errors.length === 0 ? null : errors };
}

/** A file's text; "" where this system has no such file. */
const textOf = (path: string): Promise<string> => readFile(path, "utf8").catch(() => "");

async function memory(): Promise<unknown> {
  const found = memoryOf(await textOf("/proc/meminfo"));
  if (found.total > 0) return found;
  const total = totalmem();
  const free = freemem();
  const used = total - free;
  return { ...found, total, free, available: free, used, usedPercent: (used / total) * 100 };
}

async function processors(): Promise<readonly CpuInfo[]> {
  const found = processorsOf(await textOf("/proc/cpuinfo"));
  if (found.length > 0) return found;
  return cpus().map(({ model, speed }, cpu) => ({
    ...processorsOf("processor : 0")[0]!,
    cpu,
    modelName: model,
    mhz: speed,
  }));
}

async function host(nowMs: number): Promise<unknown> {
  const [release_, processes, productId, machineId] = await Promise.all([
    textOf("/etc/os-release"),
    readdir("/proc").catch(() => []),
    textOf("/sys/class/dmi/id/product_uuid"),
    textOf("/etc/machine-id"),
  ]);
  const os = osReleaseOf(release_);
  const uptimeS = Math.floor(uptime());
  return {
    hostname: hostname(),
    uptime: uptimeS,
    bootTime: Math.floor(nowMs / 1000) - uptimeS,
    procs: processes.filter((name) => /^\d+$/.test(name)).length,
    os: platform(),
    platform: os.id,
    platformFamily: os.family,
    platformVersion: os.version,
    kernelVersion: release(),
    kernelArch: KERNEL_ARCH[arch()] ?? arch(),
    virtualizationSystem: "",
    virtualizationRole: "",
    hostId: (productId.trim() || dashed(machineId.trim())).toLowerCase(),
  };
}

/** `uname -m` for Node's names. */
const KERNEL_ARCH: Readonly<Record<string, string>> = { x64: "x86_64", arm64: "aarch64", ia32: "i686", arm: "armv7l" };

const dashed = (id: string): string =>
  id.length === 32 ? id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5") : "";

async function disk(): Promise<unknown> {
  const { bsize, blocks, bavail, bfree, files, ffree, type } = await statfs(DISK_PATH);
  const used = (blocks - bfree) * bsize;
  const free = bavail * bsize;
  return {
    path: DISK_PATH,
    fstype: FILE_SYSTEMS[type] ?? "",
    total: blocks * bsize,
    free,
    used,
    usedPercent: percent(used, used + free),
    inodesTotal: files,
    inodesUsed: files - ffree,
    inodesFree: ffree,
    inodesUsedPercent: percent(files - ffree, files),
  };
}

const percent = (part: number, whole: number): number => (whole === 0 ? 0 : (part / whole) * 100);

/** Linux's numbers for what servers commonly run on (statfs(2)). */
const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  61267: "ext2/ext3",
  1481003842: "xfs",
  2435016766: "btrfs",
  16914836: "tmpfs",
  2035054128: "overlayfs",
  801189825: "zfs",
};
