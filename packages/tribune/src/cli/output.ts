import { readFileSync } from "node:fs";
import { errnoText } from "../lib/errno-text.ts";
import type { CliIo } from "./command.ts";

/** Rows of cells as Consul's tables: every column as wide as its widest cell, two blanks between. */
export function table(rows: readonly (readonly string[])[]): string {
  const columns = Math.max(...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, at) =>
    Math.max(...rows.map((row) => [...(row[at] ?? "")].length)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, at) => (at === row.length - 1 ? cell : cell + " ".repeat((widths[at] ?? 0) - [...cell].length)))
        .join("  "),
    )
    .join("\n");
}

/** `a=1, b=2`, sorted by key. */
export function keyValues(map: Readonly<Record<string, string>> | null | undefined, joiner: string): string {
  const keys = Object.keys(map ?? {}).sort();
  return keys.map((key) => `${key}=${map?.[key]}`).join(joiner);
}

/** A DATA argument: `@file`, `-` for standard input, or the text itself. @throws Error with Consul's words. */
export async function loadData(argument: string, io: CliIo): Promise<Buffer> {
  if (argument.startsWith("@")) {
    try {
      return readFileSync(argument.slice(1));
    } catch (cause) {
      throw new Error(`Failed to read file: ${fileReason("open", argument.slice(1), cause)}`, { cause });
    }
  }
  return argument === "-" ? io.stdin() : Buffer.from(argument);
}

/** `open nosuch: no such file or directory`, as Go says it. */
export function fileReason(operation: string, path: string, cause: unknown): string {
  return `${operation} ${path}: ${errnoText(cause) ?? (cause as Error).message}`;
}

/** Compiles a regular expression the user gave; Go's complaint about it otherwise. */
export function compileRegExp(source: string): RegExp {
  try {
    return new RegExp(source, "u");
  } catch (cause) {
    throw new Error(`error parsing regexp: ${regExpFault(source)}`, { cause });
  }
}

/** Why Go would not take this regular expression; undefined if it would. */
export function regExpComplaint(source: string): string | undefined {
  try {
    compileRegExp(source);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function regExpFault(source: string): string {
  const bracket = /\[(?:\\.|[^\]\\])*$/s.exec(source);
  if (bracket !== null) return `missing closing ]: \`${bracket[0]}\``;
  if (/\((?:[^)]*)$/.test(source)) return `missing closing ): \`${source}\``;
  const repeat = /(?:^|[(|])([*+?])/.exec(source)?.[1];
  return repeat === undefined
    ? `invalid expression: \`${source}\``
    : `missing argument to repetition operator: \`${repeat}\``;
}

/** Every so many steps a person is told. */
const PROGRESS_STEPS = 50;

/** One line on a terminal that counts up, for work whose output goes elsewhere; silent otherwise. */
export function progress({ interactive, stderr }: CliIo, what: string, total: number): (done: number) => void {
  return (done) => {
    if (!interactive || (done % PROGRESS_STEPS !== 0 && done !== total)) return;
    stderr(`\r${what} ${done} of ${total}${done === total ? "\n" : ""}`);
  };
}
