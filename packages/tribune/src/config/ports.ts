import { errnoText } from "../lib/errno-text.ts";

/** What the configuration asks of the machine it runs on. The shell implements it; tests pass a table. */
export interface ConfigPorts {
  readonly files: FilePort;
  /** One entry for each address of each interface, in the system's order. */
  interfaces(): readonly InterfaceAddress[];
  hostname(): string;
  env(name: string): string | undefined;
  /** Most file descriptors the process may have open; undefined where unknown. */
  openFilesMax(): number | undefined;
}

/** Reading happens at start and on reload only, so it may block. */
export interface FilePort {
  /** @throws FileError */
  stat(path: string): "file" | "directory";
  /** Whole file as UTF-8. @throws FileError */
  readFile(path: string): string;
  /** Names of a directory's entries, in any order. @throws FileError */
  listDir(path: string): readonly string[];
}

/** The system refused: `open x.json: no such file or directory`. */
export class FileError extends Error {
  override readonly name = "FileError";
  /** The system's code, such as `ENOENT`. */
  readonly code: string;

  constructor(operation: string, path: string, code: string) {
    super(`${operation} ${path}: ${errnoText({ code }) ?? code}`);
    this.code = code;
  }
}

export interface InterfaceAddress {
  readonly name: string;
  readonly address: string;
  readonly prefix: number;
  readonly up: boolean;
  readonly loopback: boolean;
  /** The interface holds the default route. */
  readonly default: boolean;
}
