import { MS_NS, parseGoDuration } from "../../lib/duration.ts";
import { type Child, type ChildEnd, failureOf, scriptArgs, startChild } from "../../process/child.ts";
import type { Command, CommandContext } from "../command.ts";
import { type Contender, delay, type Held } from "../lock/contender.ts";
import { Mutex } from "../lock/mutex.ts";
import { Semaphore } from "../lock/semaphore.ts";
import { attempt } from "../run.ts";
import { boolFlag, durationFlag, intFlag, stringFlag } from "./flag.ts";

/** How long a child may take to end after the lock is lost, before it is killed. Below Consul's lock-delay of 15 s. */
const KILL_GRACE_MS = 5_000;

export const lock: Command = {
  usage: "[options] PREFIX CHILD...",
  description: `
Takes a lock below a prefix of the key-value store and runs a program while it holds it. When the lock is lost the
program gets SIGTERM, and SIGKILL if it does not end soon. With -n above 1, so many may hold it at a time.

    $ consul lock jobs/cleanup ./cleanup.sh
    $ consul lock -n=3 jobs/build make`,
  http: "server",
  flags: [
    boolFlag("child-exit-code", "Exit with 2 when the program fails."),
    intFlag("n", "How many may hold the lock at a time; all must say the same.", 1),
    intFlag("monitor-retry", "Failures in a row to ride out while watching the lock, a second apart.", 3),
    stringFlag("name", "Name of the lock's session; made of the program's if not given."),
    boolFlag("pass-stdin", "Give standard input to the program."),
    boolFlag("shell", "Run the program through a shell, $SHELL or /bin/sh.", true),
    durationFlag("timeout", "How long to try; for ever if not given."),
    durationFlag("try", "Deprecated: the same as -timeout."),
    boolFlag("verbose", "Say what happens."),
  ],
  async run(context) {
    const wanted = readArguments(context);
    if (wanted === undefined) return 1;
    const client = context.client();
    const reached = await attempt(context, "Error querying Consul agent", () => client.agent.self());
    if (reached === undefined) return 1;
    const contender = setUp(context, wanted);
    if (contender === undefined) return 1;
    const stop = new AbortController();
    const cancel = context.io.onInterrupt(() => stop.abort());
    try {
      return await holdAndRun(context, contender, wanted.child, stop.signal);
    } finally {
      cancel();
    }
  },
};

interface Wanted {
  readonly prefix: string;
  readonly child: readonly string[];
  readonly limit: number;
  readonly tryMs: number | undefined;
  readonly monitorRetries: number;
  readonly sessionName: string;
}

function readArguments(context: CommandContext): Wanted | undefined {
  const { flags, args } = context;
  const refuse = (words: string): undefined => void context.error(words);
  const limit = flags.number("n");
  if (limit <= 0) return refuse("Lock holder limit must be positive");
  if (args.length < 2) return refuse("Key prefix and child command must be specified");
  const [first = "", ...child] = args;
  const prefix = first.replace(/^\//, "");
  // Both names set one value; the last one given counts.
  const text = flags.inOrder(["timeout", "try"]).at(-1) ?? "0s";
  const tryMs = Number(parseGoDuration(text) ?? 0) / Number(MS_NS);
  if (tryMs < 0) return refuse("Timeout must be positive");
  const monitorRetries = flags.number("monitor-retry");
  if (monitorRetries < 0) return refuse("Number for 'monitor-retry' must be >= 0");
  const sessionName = flags.string("name") || `Consul lock for '${child.join(" ")}' at '${prefix}'`;
  return { prefix, child, limit, tryMs: tryMs > 0 ? tryMs : undefined, monitorRetries, sessionName };
}

function setUp(context: CommandContext, wanted: Wanted): Contender | undefined {
  const { prefix, limit, tryMs, monitorRetries, sessionName } = wanted;
  const { clock, timers } = context.io;
  const options = { sessionName, tryMs, monitorRetries, clock, timers };
  if (limit === 1) {
    const mutex = new Mutex(prefix, context.client(), options);
    verbose(context, `Setting up lock at path: ${mutex.key}`);
    return mutex;
  }
  verbose(context, `Setting up semaphore (limit ${limit}) at prefix: ${prefix}`);
  if (prefix !== "") return new Semaphore(prefix, limit, context.client(), options);
  context.error("Lock setup failed: missing prefix");
  return undefined;
}

async function holdAndRun(
  context: CommandContext,
  contender: Contender,
  words: readonly string[],
  interrupted: AbortSignal,
): Promise<number> {
  verbose(context, "Attempting lock acquisition");
  const acquired = await attempt(context, "Lock acquisition failed", () => contender.acquire(interrupted));
  if (acquired === undefined) return 1;
  const held = acquired.value;
  if (held === undefined) {
    context.error("Shutdown triggered or timeout during lock acquisition");
    return 1;
  }
  let code = 0;
  if (interrupted.aborted) context.error("Shutdown triggered during lock acquisition");
  else code = await runChild(context, held, words, interrupted);
  const released = await attempt(context, "Lock release failed", () => held.release());
  if (released === undefined) return 1;
  const cleaned = await attempt(context, "Lock cleanup failed", () => contender.cleanup());
  if (cleaned === undefined) return 1;
  verbose(context, cleaned.value === "removed" ? "Cleanup succeeded" : "Cleanup aborted, lock in use");
  return context.flags.bool("child-exit-code") ? code : 0;
}

/** Runs the program until it ends, the lock is lost or the user has enough. @returns 2 when it failed by itself. */
async function runChild(
  context: CommandContext,
  held: Held,
  words: readonly string[],
  interrupted: AbortSignal,
): Promise<number> {
  const { io, flags } = context;
  verbose(context, "Starting handler");
  if (flags.bool("pass-stdin")) verbose(context, "Stdin passed to handler process");
  const child = (io.startChild ?? startChild)({
    args: flags.bool("shell") ? scriptArgs(words.join(" "), io.env) : words,
    env: { ...io.env, CONSUL_LOCK_HELD: "true" },
    stdin: flags.bool("pass-stdin") ? "inherit" : "none",
    output: "inherit",
  });
  const cancel = io.onInterrupt((signal) => void child.signal(signal));
  const ended = child.ended.then((end) => complain(context, end));
  const why = await Promise.race([
    ended.then((code) => ({ code })),
    held.lost.then(() => "Lock lost, killing child"),
    aborted(interrupted).then(() => "Shutdown triggered, killing child"),
  ]);
  if (typeof why === "string") {
    verbose(context, why);
    await kill(context, child, ended);
  } else verbose(context, "Child terminated, releasing lock");
  cancel();
  return typeof why === "string" ? 0 : why.code;
}

function complain(context: CommandContext, end: ChildEnd): number {
  const failure = failureOf(end);
  if (failure === undefined) return 0;
  context.error(`Error ${end.kind === "notStarted" ? "starting" : "running"} handler: ${failure}`);
  return 2;
}

async function kill(context: CommandContext, child: Child, ended: Promise<unknown>): Promise<void> {
  if (child.pid === undefined) {
    verbose(context, "No child process to kill");
    return;
  }
  verbose(context, `Terminating child pid ${child.pid}`);
  child.signal("SIGTERM");
  const over = new AbortController();
  const grace = delay(context.io.timers, KILL_GRACE_MS, over.signal).then(() => "grace");
  const first = await Promise.race([ended.then(() => "ended"), grace]);
  over.abort();
  if (first === "ended") {
    verbose(context, "Child terminated");
    return;
  }
  verbose(context, `Child did not exit after grace period of ${KILL_GRACE_MS / 1_000}s`);
  verbose(context, `Killing child pid ${child.pid}`);
  child.signal("SIGKILL");
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function verbose(context: CommandContext, words: string): void {
  if (context.flags.bool("verbose")) context.out(words);
}
