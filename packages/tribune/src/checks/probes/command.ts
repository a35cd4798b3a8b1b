import { type ChildProcess, type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { errnoText } from "../../lib/errno-text.ts";
import type { Cancel } from "../../lib/runtime.ts";
import { TailBuffer } from "../../lib/tail-buffer.ts";
import { nodeTimers } from "../../net/node-runtime.ts";

export type CommandOutcome =
  | { readonly kind: "exited"; readonly code: number | null; readonly output: string }
  | { readonly kind: "timedOut"; readonly output: string }
  | { readonly kind: "failed"; readonly reason: string };

export interface CommandOptions {
  readonly args: readonly string[];
  readonly timeoutMs: number;
  readonly maxOutputBytes: number;
}

/**
 * Runs a command in a process group of its own, so that a timeout or a cancel ends its children as well. What
 * it prints on both streams is kept together, the last bytes of it. `code` is null where a signal ended it.
 */
export function runCommand(options: CommandOptions, done: (outcome: CommandOutcome) => void): Cancel {
  const { args, timeoutMs, maxOutputBytes } = options;
  const output = new TailBuffer(maxOutputBytes);
  let ended = false;
  const refused = (reason: string): Cancel => {
    const refuse = setImmediate(() => done({ kind: "failed", reason }));
    return () => clearImmediate(refuse);
  };
  if (args[0] === undefined || args[0] === "" || args.some((arg) => arg.includes("\0")))
    return refused("exec: no command");
  const command = args[0];
  let child: ChildProcessByStdio<null, Readable, Readable>;
  try {
    child = spawn(command, args.slice(1), { detached: true, stdio: ["ignore", "pipe", "pipe"] });
  } catch (error) {
    // Node emits some refusals of the system, and throws the others: a path through a file, no memory for a process.
    return refused(spawnText(command, error as NodeJS.ErrnoException));
  }
  child.on("error", (error: NodeJS.ErrnoException) => finish({ kind: "failed", reason: spawnText(command, error) }));
  // Without a file descriptor left there is a child without streams, whatever its type says, and the error follows.
  const streams = [child.stdout, child.stderr].filter((stream: Readable | undefined) => stream !== undefined);
  const stop = (): void => {
    if (ended) return;
    ended = true;
    cancelTimer();
    killGroup(child);
    // A grandchild that left the group may hold the pipes open for ever.
    for (const stream of streams) stream.destroy();
  };
  const finish = (outcome: CommandOutcome): void => {
    if (ended) return;
    ended = true;
    cancelTimer();
    done(outcome);
  };
  const cancelTimer = nodeTimers.after(timeoutMs, () => {
    stop();
    done({ kind: "timedOut", output: output.labelledText() });
  });
  for (const stream of streams) stream.on("data", (chunk: Uint8Array) => output.write(chunk));
  child.on("close", (code) => finish({ kind: "exited", code, output: output.labelledText() }));
  return stop;
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch (error) {
    // Ended on its own in this very moment; or it has become another user (sudo), and is not ours to end.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ESRCH" && code !== "EPERM") throw error;
  }
}

/** Go's words for a command that could not be started. */
function spawnText(command: string, error: NodeJS.ErrnoException): string {
  if (error.code === "ENOENT" && !command.includes("/"))
    return `exec: ${JSON.stringify(command)}: executable file not found in $PATH`;
  return `fork/exec ${command}: ${errnoText(error) ?? error.message}`;
}
