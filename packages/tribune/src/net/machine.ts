import { readdirSync, readFileSync, statSync } from "node:fs";
import { hostname, networkInterfaces } from "node:os";

/** A refusal by the system, as the configuration wants it told. */
export type FileRefusal = (operation: string, path: string, code: string) => Error;

/** What the configuration asks of the machine it runs on, answered by this one. */
export function thisMachine(refusal: FileRefusal) {
  const guarded = <T>(operation: string, path: string, run: () => T): T => {
    try {
      return run();
    } catch (error) {
      throw refusal(operation, path, (error as NodeJS.ErrnoException).code ?? "EIO");
    }
  };
  const defaultInterface = interfaceOfDefaultRoute();
  return {
    files: {
      stat: (path: string): "file" | "directory" =>
        guarded("stat", path, () => (statSync(path).isDirectory() ? "directory" : "file")),
      readFile: (path: string): string => guarded("open", path, () => readFileSync(path, "utf8")),
      listDir: (path: string): readonly string[] => guarded("open", path, () => readdirSync(path)),
    },
    interfaces: () =>
      Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
        (addresses ?? []).map(({ address, cidr, internal }) => ({
          name,
          address,
          prefix: Number(cidr?.split("/")[1] ?? 0),
          up: true, // Node lists only those that are
          loopback: internal,
          default: name === defaultInterface,
        })),
      ),
    hostname: () => hostname(),
    env: (name: string) => process.env[name],
    openFilesMax,
  };
}

/** Linux keeps its routes in a file; elsewhere the first interface that is no loopback has to do. */
function interfaceOfDefaultRoute(): string | undefined {
  try {
    const rows = readFileSync("/proc/net/route", "utf8").split("\n").slice(1);
    for (const row of rows) {
      const [name, destination] = row.split("\t");
      if (destination === "00000000") return name;
    }
  } catch {
    // No such file on this system.
  }
  return Object.entries(networkInterfaces()).find(([, all]) => all?.some(({ internal }) => !internal))?.[0];
}

function openFilesMax(): number | undefined {
  try {
    const match = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync("/proc/self/limits", "utf8"));
    return match?.[1] === undefined || match[1] === "unlimited" ? undefined : Number(match[1]);
  } catch {
    return undefined; // not Linux: no way to know without a native module
  }
}
