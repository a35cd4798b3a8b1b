import { posix } from "node:path";
import type { ConsulClient } from "@tribune/client/node";
import { MS_NS, parseGoDuration } from "../../lib/duration.ts";
import type { Command, CommandContext } from "../command.ts";
import { EventQueue, followResults, type JobEvent } from "../exec-results.ts";
import { delay } from "../lock/contender.ts";
import { LockSession } from "../lock/lock-session.ts";
import { regExpComplaint } from "../output.ts";
import { attempt } from "../run.ts";
import { boolFlag, durationFlag, stringFlag } from "./flag.ts";

export const exec: Command = {
  usage: "[options] [-|COMMAND...]",
  description: `
Runs a command on the agents of the datacenter, or on those that the filters leave. Agents must allow it
(disable_remote_exec = false). With "-" the command is a script from standard input.

    $ consul exec -service=web uptime`,
  http: "server",
  flags: [
    stringFlag("node", "Only nodes whose name matches this regular expression."),
    stringFlag("service", "Only nodes with a service that matches."),
    stringFlag("tag", "Only if that service has a tag that matches."),
    stringFlag("prefix", "Where in the key-value store to keep the job.", "_rexec"),
    boolFlag("shell", "Run the command through a shell.", true),
    durationFlag("wait", "How long nobody must say anything before the job counts as done.", "2s"),
    durationFlag("wait-repl", "How long to wait before telling the agents, for the servers to have the job.", "200ms"),
    boolFlag("verbose", "Say what happens."),
  ],
  async run(context) {
    const spec = await readSpec(context);
    if (spec === undefined) return 1;
    const complaint = filterComplaint(context);
    if (complaint !== undefined) {
      context.error(complaint);
      return 1;
    }
    const stop = new AbortController();
    const cancel = context.io.onInterrupt(() => stop.abort());
    try {
      return await runJob(context, spec, stop.signal);
    } finally {
      cancel();
    }
  },
};

/** The job as agents read it; Go leaves out empty fields. */
interface JobSpec {
  readonly Command?: string;
  readonly Args?: readonly string[];
  /** Base64. */
  readonly Script?: string;
}

async function readSpec(context: CommandContext): Promise<JobSpec | undefined> {
  const { args, flags, io } = context;
  const command = args.join(" ");
  if (command === "-") {
    if (!flags.bool("shell")) {
      context.error("Cannot configure -shell=false when reading from stdin");
      return undefined;
    }
    const script = await io.stdin();
    if (script.length > 0) return { Script: script.toString("base64") };
  } else if (command !== "") return flags.bool("shell") ? { Command: command } : { Args: args };
  context.error(`Must specify a command to execute\n\n${context.help}`);
  return undefined;
}

function filterComplaint({ flags }: CommandContext): string | undefined {
  for (const name of ["node", "service", "tag"]) {
    const why = regExpComplaint(flags.string(name));
    if (why !== undefined) return `Failed to compile ${name} filter regexp: ${why}`;
  }
  const lonely = flags.string("tag") !== "" && flags.string("service") === "";
  return lonely ? "Cannot provide tag filter without service filter." : undefined;
}

const millis = (context: CommandContext, name: string): number =>
  Number(parseGoDuration(context.flags.string(name)) ?? 0) / Number(MS_NS);

async function runJob(context: CommandContext, spec: JobSpec, interrupted: AbortSignal): Promise<number> {
  const client = context.client();
  const self = await attempt(context, "Error querying Consul agent", () => client.agent.self());
  if (self === undefined) return 1;
  const opened = await attempt(context, "Failed to create session", () =>
    openSession(context, client, self.value.Config),
  );
  if (opened === undefined) return 1;
  const session = opened.value;
  verbose(context, `Created remote execution session: ${session.id}`);
  const directory = posix.join(context.flags.string("prefix"), session.id);
  try {
    const uploaded = await attempt(context, "Failed to create job file", () =>
      upload(context, client, directory, spec, session),
    );
    if (uploaded === undefined) return 1;
    verbose(context, "Uploaded remote execution spec");
    try {
      await delay(context.io.timers, millis(context, "wait-repl"), interrupted);
      if (interrupted.aborted) return 1;
      const fired = await attempt(context, "Failed to fire event", () => fire(context, client, session));
      if (fired === undefined) return 1;
      verbose(context, `Fired remote execution event: ${fired.value}`);
      return await awaitJob(context, client, `${directory}/`, interrupted);
    } finally {
      await session.close(); // first: without it no agent can write any more
      await client.kv.delete(directory, { recurse: true }).catch(() => {}); // the session took its own keys with it
    }
  } finally {
    await session.close();
  }
}

/** An agent cannot make a session for itself in another datacenter: there it is bound to a server, by its TTL alone. */
async function openSession(
  context: CommandContext,
  client: ConsulClient,
  local: { readonly Datacenter: string; readonly NodeName: string },
): Promise<LockSession> {
  const { flags, io } = context;
  const datacenter = flags.string("datacenter");
  const behavior = { Behavior: "delete" } as const;
  if (datacenter === "" || datacenter === local.Datacenter)
    return LockSession.open(client, io.timers, { Name: "Remote Exec", ...behavior });
  verbose(context, "Remote exec in foreign datacenter, using Session TTL");
  const { value } = await client.ask<readonly { readonly Node: { readonly Node: string } }[]>({
    method: "GET",
    path: "/v1/health/service/consul",
    query: { passing: "1" },
  });
  const node = value[0]?.Node.Node;
  if (node === undefined) throw new Error("Failed to find Consul server in remote datacenter");
  verbose(context, `Binding session to remote node ${node}@${datacenter}`);
  const name = `Remote Exec via ${local.NodeName}@${local.Datacenter}`;
  return LockSession.open(client, io.timers, { Name: name, Node: node, NodeChecks: [], ...behavior });
}

async function upload(
  context: CommandContext,
  client: ConsulClient,
  directory: string,
  spec: JobSpec,
  session: LockSession,
): Promise<void> {
  const waitNs = Number(parseGoDuration(context.flags.string("wait")) ?? 0);
  const key = `${directory}/job`;
  const value = Buffer.from(JSON.stringify({ ...spec, Wait: waitNs }));
  if (!(await client.kv.write({ key, value }, { acquire: session.id })))
    throw new Error(`failed to acquire key ${key}`);
}

function fire({ flags }: CommandContext, client: ConsulClient, session: LockSession): Promise<string> {
  return client.event.fire({
    name: "_rexec",
    nodeFilter: flags.string("node"),
    serviceFilter: flags.string("service"),
    tagFilter: flags.string("tag"),
    payload: Buffer.from(JSON.stringify({ Prefix: flags.string("prefix"), Session: session.id })),
  });
}

/** Prints what the nodes say until they are quiet. @returns 2 when one of them failed or did not finish. */
async function awaitJob(
  context: CommandContext,
  client: ConsulClient,
  directory: string,
  interrupted: AbortSignal,
): Promise<number> {
  const { clock, timers } = context.io;
  const waitMs = millis(context, "wait");
  const startMs = clock.nowMs();
  const queue = new EventQueue<JobEvent>();
  const stop = new AbortController();
  const interrupt = (): void => stop.abort();
  interrupted.addEventListener("abort", interrupt);
  const following = followResults(client, directory, waitMs, (event) => queue.push(event), stop.signal);
  const count = { acknowledged: 0, exited: 0, failed: 0 };
  try {
    for (;;) {
      // Twice as long while somebody is known to be at work.
      const quiet = await quietFor(timers, queue, count.acknowledged > count.exited ? 2 * waitMs : waitMs, interrupted);
      if (interrupted.aborted) return 1;
      const event = queue.take();
      if (event === undefined && !quiet) continue;
      if (event === undefined) break;
      if (event.kind === "broken") {
        context.error(event.text);
        return 1;
      }
      report(context, event, count);
    }
  } finally {
    stop.abort();
    interrupted.removeEventListener("abort", interrupt);
    await following;
  }
  context.out(`${count.exited} / ${count.acknowledged} node(s) completed / acknowledged`);
  verbose(context, `Completed in ${((clock.nowMs() - startMs) / 1_000).toFixed(2)} seconds`);
  return count.failed > 0 || count.exited < count.acknowledged ? 2 : 0;
}

/** @returns true when nothing came in `waitMs`. */
async function quietFor(
  timers: CommandContext["io"]["timers"],
  queue: EventQueue<JobEvent>,
  waitMs: number,
  interrupted: AbortSignal,
): Promise<boolean> {
  const over = new AbortController();
  const give = (): void => over.abort();
  interrupted.addEventListener("abort", give);
  const quiet = delay(timers, waitMs, over.signal).then(() => !over.signal.aborted);
  const result = await Promise.race([queue.ready().then(() => false), quiet]);
  over.abort();
  interrupted.removeEventListener("abort", give);
  return result;
}

function report(
  context: CommandContext,
  event: Exclude<JobEvent, { kind: "broken" }>,
  count: { acknowledged: number; exited: number; failed: number },
): void {
  switch (event.kind) {
    case "acknowledged":
      count.acknowledged++;
      verbose(context, targeted("==>", event.node, "acknowledged"));
      break;
    case "heartbeat":
      verbose(context, targeted("==>", event.node, "heartbeat received"));
      break;
    case "output":
      context.out(targeted("   ", event.node, event.text));
      break;
    case "exited":
      count.exited++;
      if (event.code !== 0) count.failed++;
      context.out(targeted("==>", event.node, `finished with exit code ${event.code}`));
      break;
    case "complaint":
      context.error(event.text);
      break;
  }
}

/** Every line behind the node it came from. */
function targeted(arrow: string, node: string, text: string): string {
  const lines = text.split("\n").map((line) => `${arrow} ${node}: ${line}`);
  return lines.join("\n").trimEnd();
}

function verbose(context: CommandContext, words: string): void {
  if (context.flags.bool("verbose")) context.out(words);
}
