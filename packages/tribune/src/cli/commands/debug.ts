import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { formatGoDuration, MS_NS, parseGoDuration } from "../../lib/duration.ts";
import { goTime } from "../acl/format.ts";
import { CommandFailure, failing } from "../acl/request.ts";
import type { Command, CommandContext } from "../command.ts";
import { archiveFolder } from "../debug/archive.ts";
import { captureOnce, captureStatic, captureWhile, TARGETS, type Target } from "../debug/capture.ts";
import { delay } from "../lock/contender.ts";
import { boolFlag, durationFlag, listFlag, stringFlag } from "./flag.ts";

const DURATION_MS_MIN = 10_000;
const INTERVAL_MS_MIN = 5_000;
/** Added to the duration, so that the last interval falls into it. */
const GRACE_MS = 2_000;
/** Version of the archive's layout. */
const LAYOUT = 1;

export const debug: Command = {
  usage: "[options]",
  description: `
Gathers what helps to find out what is wrong with an agent, over some time, into an archive: facts about machine,
agent and cluster, metrics, logs, and profiles where the agent has any. Look through it before you give it away.

    $ consul debug -duration=1m -interval=10s
    $ consul debug -capture=metrics -capture=logs`,
  http: "client",
  setupWords: "==> Error connecting to Consul agent",
  flags: [
    listFlag("capture", `What to gather: ${TARGETS.join(", ")}; may be repeated. All if not given.`),
    durationFlag("interval", "How often to gather what changes.", "30s"),
    durationFlag("duration", "How long.", "2m"),
    boolFlag("archive", "Pack everything into one file, and leave only that.", true),
    stringFlag(
      "output",
      "Directory, and the archive's name without its ending; consul-debug and the time if not given.",
    ),
  ],
  run: failing(async (context) => {
    if (context.args.length > 0) throw new CommandFailure("==> debug: Too many arguments provided, expected 0");
    const client = context.client();
    const plan = await prepare(context);
    const { archive, durationMs, intervalMs, output, targets, version } = plan;
    const goMs = (ms: number): string => formatGoDuration(Math.round(ms) * MS_NS);
    const name = archive ? `${output}.tar.gz` : output;
    context.out("==> Starting debugger and capturing static information...");
    context.out(`     Agent Version: '${version}'`);
    context.out(`          Interval: '${goMs(intervalMs)}'`);
    context.out(`          Duration: '${goMs(durationMs)}'`);
    context.out(`            Output: '${name}'`);
    context.out(`           Capture: '${targets.join(", ")}'`);
    for (const complaint of await captureStatic(client, output, targets))
      context.error(`Static capture failed: ${complaint}`);
    await follow(context, plan);
    const index = {
      ...{ Version: LAYOUT, AgentVersion: version },
      ...{ Interval: goMs(intervalMs), Duration: goMs(durationMs), Targets: targets },
    };
    try {
      await writeFile(join(output, "index.json"), JSON.stringify(index, null, "\t"));
    } catch (error) {
      throw new CommandFailure(`==> Error creating index document: ${(error as Error).message}`);
    }
    try {
      if (archive) await archiveFolder(output, name, Math.floor(context.io.clock.wallMs() / 1_000));
    } catch (error) {
      throw new CommandFailure(`Archive creation failed: ${(error as Error).message}`);
    }
    context.out(`    Saved debug archive: ${name}`);
  }),
};

interface Plan {
  readonly output: string;
  readonly archive: boolean;
  readonly intervalMs: number;
  readonly durationMs: number;
  readonly targets: readonly Target[];
  readonly version: string;
}

/** @throws CommandFailure */
async function prepare(context: CommandContext): Promise<Plan> {
  const { flags, io } = context;
  const refuse = (why: string): never => {
    throw new CommandFailure(`==> Capture validation failed: ${why}`);
  };
  const millis = (name: string): number => Number(parseGoDuration(flags.string(name)) ?? 0) / Number(MS_NS);
  const [intervalMs, durationMs] = [millis("interval"), millis("duration")];
  if (durationMs < DURATION_MS_MIN) refuse("duration must be longer than 10s");
  if (intervalMs < INTERVAL_MS_MIN) refuse("interval must be longer than 10s"); // Consul names the other bound, too
  if (durationMs < intervalMs)
    refuse(`duration (${flags.string("duration")}) must be longer than interval (${flags.string("interval")})`);
  let version = "";
  try {
    version = String((await context.client().agent.self()).Config.Version ?? "");
  } catch (error) {
    refuse(`error querying target agent: ${(error as Error).message}. verify connectivity and agent address`);
  }
  if (version === "") refuse("agent response did not contain version key");
  const given = flags.list("capture");
  const targets = given.length === 0 ? TARGETS : (given as readonly Target[]);
  for (const target of targets) if (!TARGETS.includes(target)) refuse(`target not found: ${target}`);
  const output = flags.string("output") || `consul-debug-${Math.floor(io.clock.wallMs() / 1_000)}`;
  if (existsSync(output)) refuse(`output directory already exists: ${output}`);
  try {
    await mkdir(output, { recursive: true });
  } catch (error) {
    refuse(`could not create output directory: ${(error as Error).message}`);
  }
  return { output, archive: flags.bool("archive"), intervalMs, durationMs, targets, version };
}

/** Gathers what changes until the time is up or the user has enough; what there is by then is kept. */
async function follow(context: CommandContext, plan: Plan): Promise<void> {
  if (!plan.targets.some((target) => target === "metrics" || target === "logs" || target === "pprof")) return;
  const { io } = context;
  const over = new AbortController();
  let interrupted = false;
  const cancel = io.onInterrupt(() => {
    interrupted = true;
    over.abort();
  });
  const complain = (text: string): void => context.error(`==> Error encountered during collection: ${text}`);
  const timeUp = delay(io.timers, plan.durationMs + GRACE_MS, over.signal).then(() => over.abort());
  try {
    const results = await Promise.allSettled([rounds(context, plan, over.signal), long(context, plan, over.signal)]);
    for (const result of results) if (result.status === "rejected") complain((result.reason as Error).message);
    if (interrupted) complain("stopping collection due to shutdown signal");
  } finally {
    over.abort();
    cancel();
    await timeUp;
  }
}

async function rounds(context: CommandContext, plan: Plan, over: AbortSignal): Promise<void> {
  const { io } = context;
  for (let count = 0; !over.aborted; count++) {
    const now = goTime(new Date(io.clock.wallMs()).toISOString());
    if (count === 0) context.out(`==> Beginning capture interval ${now} (0)`);
    const missing = await captureOnce(context.client(), await folder(context, plan), plan.targets);
    if (missing !== undefined && count === 0) context.error(`Not captured: ${missing}`);
    context.out(`==> Capture successful ${now} (${count})`);
    await delay(io.timers, plan.intervalMs, over);
  }
}

async function long(context: CommandContext, plan: Plan, over: AbortSignal): Promise<void> {
  const seconds = { profile: Math.floor(plan.durationMs / 1_000), trace: Math.floor(plan.intervalMs / 1_000) };
  await captureWhile(context.client(), await folder(context, plan), plan.targets, seconds, over);
}

/** One for each moment something is gathered, named by the time. */
async function folder({ io }: CommandContext, { output }: Plan): Promise<string> {
  const path = join(output, String(Math.floor(io.clock.wallMs() / 1_000)));
  await mkdir(path, { recursive: true });
  return path;
}
