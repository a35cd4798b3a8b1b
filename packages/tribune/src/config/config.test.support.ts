import { type LoadOptions, loadConfig } from "./load.ts";
import { type ConfigPorts, FileError, type InterfaceAddress } from "./ports.ts";
import type { RuntimeConfig } from "./types.ts";

export interface FakeMachine {
  /** Path → text; a path that others start with is a directory. */
  readonly files?: Readonly<Record<string, string>>;
  readonly interfaces?: readonly InterfaceAddress[];
  readonly env?: Readonly<Record<string, string>>;
  readonly openFilesMax?: number;
}

/** A machine made of tables, for tests in any room. */
export function fakeMachine(machine: FakeMachine = {}): ConfigPorts {
  const files = machine.files ?? {};
  const under = (path: string): readonly string[] =>
    Object.keys(files).flatMap((file) => (file.startsWith(`${path}/`) ? [file.slice(path.length + 1)] : []));
  return {
    files: {
      stat(path) {
        if (Object.hasOwn(files, path)) return "file";
        if (under(path).length > 0) return "directory";
        throw new FileError("open", path, "ENOENT");
      },
      readFile(path) {
        const text = files[path];
        if (text === undefined) throw new FileError("open", path, "ENOENT");
        return text;
      },
      listDir: (path) => [...new Set(under(path).map((name) => name.split("/")[0] as string))],
    },
    interfaces: () => machine.interfaces ?? [],
    hostname: () => "testhost",
    env: (name) => machine.env?.[name],
    openFilesMax: () => machine.openFilesMax,
  };
}

/** A complete configuration for tests: a dev server with what the HCL text says on top. */
export function testConfig(hcl = "", options: LoadOptions = {}): RuntimeConfig {
  return loadConfig({ devMode: true, ...options, hcl: [...(options.hcl ?? []), hcl] }, fakeMachine()).config;
}
