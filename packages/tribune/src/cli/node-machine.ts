import { readdirSync, readFileSync, statSync } from "node:fs";
import { hostname, networkInterfaces } from "node:os";
import { type ConfigPorts, FileError, type InterfaceAddress } from "../config/ports.ts";

/** The machine this process runs on, as the config room asks for it. */
export function nodeMachine(env: Readonly<Record<string, string | undefined>>): ConfigPorts {
  return {
    files: {
      stat: (path) => (fileCall("open", path, () => statSync(path)).isDirectory() ? "directory" : "file"),
      readFile: (path) => fileCall("open", path, () => readFileSync(path, "utf8")),
      listDir: (path) => fileCall("open", path, () => readdirSync(path)),
    },
    interfaces,
    hostname,
    env: (name) => env[name],
    openFilesMax,
  };
}

function fileCall<T>(operation: string, path: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw new FileError(operation, path, (error as NodeJS.ErrnoException).code ?? "EIO");
  }
}

function interfaces(): readonly InterfaceAddress[] {
  const defaultName = defaultInterface();
  return Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
    (addresses ?? []).map((entry) => ({
      name,
      address: entry.address,
      prefix: Number(entry.cidr?.split("/")[1] ?? (entry.family === "IPv4" ? 32 : 128)),
      up: true, // Node lists interfaces that are up only
      loopback: entry.internal,
      default: name === defaultName,
    })),
  );
}

/** Linux keeps its routes in a file; elsewhere no interface counts as the default one. */
function defaultInterface(): string | undefined {
  const lines = procFile("/proc/net/route")?.split("\n").slice(1) ?? [];
  return lines.map((line) => line.split("\t")).find((fields) => fields[1] === "00000000")?.[0];
}

function openFilesMax(): number | undefined {
  const soft = /^Max open files\s+(\d+)/m.exec(procFile("/proc/self/limits") ?? "")?.[1];
  return soft === undefined ? undefined : Number(soft);
}

function procFile(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // not Linux: what the file would say stays unknown
  }
}
