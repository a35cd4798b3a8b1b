import { type ChildProcess, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { errnoText } from "../lib/errno-text.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** A program to run. */
export interface ChildSpec {
  /** Program and arguments; a name without a slash is looked up in PATH. */
  readonly args: readonly string[];
  readonly env: Environment;
  /** The parent's own, nothing, or these bytes and then the end. */
  readonly stdin: "inherit" | "none" | Uint8Array;
  /** The parent's own, or a reader of both streams. While a promise of it is pending the program's output waits. */
  readonly output: "inherit" | ((chunk: Uint8Array) => void | Promise<void>);
}

export type ChildEnd =
  | { readonly kind: "exited"; readonly code: number }
  | { readonly kind: "signalled"; readonly signal: string }
  /** `reason` in Go's words. */
  | { readonly kind: "notStarted"; readonly reason: string };

export interface Child {
  /** Undefined for one that could not be started. */
  readonly pid: number | undefined;
  /** @returns false when there is nobody to receive it. */
  signal(name: NodeJS.Signals): boolean;
  /** After its output was read. Never rejects. */
  readonly ended: Promise<ChildEnd>;
}

export type StartChild = (spec: ChildSpec) => Child;

/** A script as the arguments of the shell that runs it. */
export function scriptArgs(script: string, env: Environment): readonly string[] {
  return [env.SHELL || "/bin/sh", "-c", script];
}

/** A program in a file as the arguments of the shell that runs it, wherever the file is. */
export function programArgs(path: string, env: Environment): readonly string[] {
  return scriptArgs(`'${path.replaceAll("'", "'\\''")}'`, env);
}

/** Go's words for an end that was no success; undefined for exit code 0. */
export function failureOf(end: ChildEnd): string | undefined {
  switch (end.kind) {
    case "exited":
      return end.code === 0 ? undefined : `exit status ${end.code}`;
    case "signalled":
      return `signal: ${SIGNAL_WORDS[end.signal] ?? end.signal}`;
    case "notStarted":
      return end.reason;
  }
}

const SIGNAL_WORDS: Readonly<Record<string, string>> = {
  SIGABRT: "aborted",
  SIGALRM: "alarm clock",
  SIGBUS: "bus error",
  SIGFPE: "floating point exception",
  SIGHUP: "hangup",
  SIGILL: "illegal instruction",
  SIGINT: "interrupt",
  SIGKILL: "killed",
  SIGPIPE: "broken pipe",
  SIGQUIT: "quit",
  SIGSEGV: "segmentation fault",
  SIGTERM: "terminated",
  SIGTRAP: "trace/breakpoint trap",
};

/** The production `StartChild`. Never throws: see `notStarted`. */
export function startChild(spec: ChildSpec): Child {
  const [command = "", ...args] = spec.args;
  if (command === "") return neverStarted("exec: no command");
  if (spec.args.some((arg) => arg.includes("\0"))) return neverStarted(`fork/exec ${command}: invalid argument`);
  const input = spec.stdin === "inherit" ? "inherit" : spec.stdin === "none" ? "ignore" : "pipe";
  const output = spec.output === "inherit" ? "inherit" : "pipe";
  let child: ChildProcess;
  try {
    child = spawn(command, args, { env: { ...spec.env }, stdio: [input, output, output] });
  } catch (error) {
    // Node emits some refusals of the system, and throws the others: a path through a file, arguments that are too long.
    return neverStarted(startText(command, error as NodeJS.ErrnoException));
  }
  // A program that does not read its input, or ends before it did, is free to.
  child.stdin?.on("error", () => {});
  if (spec.stdin instanceof Uint8Array) child.stdin?.end(spec.stdin);
  const end = new Promise<ChildEnd>((resolve) => {
    child.on("error", (error: NodeJS.ErrnoException) => {
      if (child.pid === undefined) resolve({ kind: "notStarted", reason: startText(command, error) });
    });
    child.on("close", (code, signal) =>
      resolve(signal === null ? { kind: "exited", code: code ?? 0 } : { kind: "signalled", signal }),
    );
  });
  const read = typeof spec.output === "function" ? readBoth(child, spec.output) : Promise.resolve();
  const ended = Promise.all([end, read]).then(([how]) => how);
  return { pid: child.pid, signal: (name) => child.pid !== undefined && child.kill(name), ended };
}

/** Gives the chunks of both streams to `read`, one at a time. */
async function readBoth(child: ChildProcess, read: (chunk: Uint8Array) => void | Promise<void>): Promise<void> {
  let turn = Promise.resolve();
  const drain = async (stream: Readable | null): Promise<void> => {
    try {
      for await (const chunk of stream ?? []) {
        // A reader that failed gets the rest all the same, so that the program can end.
        turn = turn.then(() => read(chunk as Uint8Array)).catch(() => {});
        await turn;
      }
    } catch {
      // The pipe broke: how the program ended says more.
    }
  };
  await Promise.all([drain(child.stdout), drain(child.stderr)]);
}

function neverStarted(reason: string): Child {
  return { pid: undefined, signal: () => false, ended: Promise.resolve({ kind: "notStarted", reason }) };
}

function startText(command: string, error: NodeJS.ErrnoException): string {
  if (error.code === "ENOENT" && !command.includes("/"))
    return `exec: ${JSON.stringify(command)}: executable file not found in $PATH`;
  return `fork/exec ${command}: ${errnoText(error) ?? error.message}`;
}
