import { parseJson, ResponseError } from "@tribune/client/node";
import { parseGoBool } from "../../lib/go-bool.ts";
import { stringifyGo } from "../../lib/go-json.ts";
import { goQuote } from "../../lib/go-quote.ts";
import type { LogFields, Logger, LogLevel } from "../../lib/log.ts";
import { formatLine } from "../../lib/logger/format.ts";
import { failureOf, scriptArgs, startChild } from "../../process/child.ts";
import { parseWatch, WatchError, type WatchPlan } from "../../watch/plan.ts";
import { type AskWatch, runWatch, type WatchHandler } from "../../watch/run-watch.ts";
import { handlerInput, indexOf } from "../../watch/script-handler.ts";
import type { Command, CommandContext } from "../command.ts";
import { attempt } from "../run.ts";
import { boolFlag, listFlag, stringFlag } from "./flag.ts";

export const watch: Command = {
  usage: "[options] [CHILD...]",
  description: `
Watches a part of the cluster's data. With a child program, runs it on every change, the new data as JSON on its input.
Without one, prints the data once.

    $ consul watch -type=service -service=web reload-proxy
    $ consul watch -type=key -key=config/limit`,
  http: "server",
  setupWords: "",
  flags: [
    stringFlag("type", "What to watch: key, keyprefix, services, nodes, service, checks or event."),
    stringFlag("key", "The key, for type key."),
    stringFlag("prefix", "The prefix, for type keyprefix."),
    stringFlag("service", "The service, for type service; optional for type checks."),
    listFlag("tag", "Only instances with this tag, for type service; may be repeated."),
    stringFlag("passingonly", "true: only instances that pass all their checks, for type service."),
    boolFlag("shell", "Run the child through a shell, $SHELL or /bin/sh.", true),
    stringFlag("state", "Only checks in this state, for type checks."),
    stringFlag("name", "Only events of this name, for type event."),
    stringFlag("filter", "Only what this expression holds for, for types services, nodes, service and checks."),
  ],
  async run(context) {
    if (context.flags.string("type") === "") {
      context.error(`Watch type must be specified\n\n${context.help}`);
      return 1;
    }
    const client = context.client();
    const plan = planOf(context);
    if (plan === undefined) return 1;
    if (/^(?:connect|agent)_/.test(plan.type)) {
      context.error(`Type ${plan.type} is not supported in the CLI tool`);
      return 1;
    }
    // Answers without a token, so it tells whether anybody is there.
    const reached = await attempt(context, "Error querying Consul agent", () =>
      client.ask({ method: "GET", path: "/v1/status/leader" }),
    );
    if (reached === undefined) return 1;
    const stop = new AbortController();
    const cancel = context.io.onInterrupt(() => stop.abort());
    const end = { failed: false };
    try {
      const handle = context.args.length === 0 ? printOnce(context, stop) : runChild(context, stop, end);
      await runWatch(
        plan,
        { ask: asker(context), handle, timers: context.io.timers, logger: logger(context) },
        stop.signal,
      );
    } finally {
      cancel();
    }
    return end.failed ? 1 : 0;
  },
};

function planOf(context: CommandContext): WatchPlan | undefined {
  const { flags } = context;
  const texts = ["type", "datacenter", "key", "prefix", "service", "state", "name", "filter"].flatMap((name) =>
    flags.string(name) === "" ? [] : [[name, flags.string(name)]],
  );
  const passing = flags.string("passingonly");
  const passingOnly = passing === "" ? undefined : parseGoBool(passing);
  if (passing !== "" && passingOnly === undefined) {
    context.error(`Failed to parse passingonly flag: strconv.ParseBool: parsing ${goQuote(passing)}: invalid syntax`);
    return undefined;
  }
  try {
    return parseWatch({
      ...Object.fromEntries(texts),
      ...(flags.list("tag").length === 0 ? {} : { tag: flags.list("tag") }),
      ...(flags.bool("stale") ? { stale: true } : {}),
      ...(passingOnly === undefined ? {} : { passingonly: passingOnly }),
    });
  } catch (error) {
    if (!(error instanceof WatchError)) throw error;
    context.error(error.message);
    return undefined;
  }
}

function asker(context: CommandContext): AskWatch {
  const client = context.client();
  return async ({ path, query }, _plan, signal) => {
    const { status, body, headers } = await client.http.send({ method: "GET", path, query, signal });
    const missing = status === 404 && path.startsWith("/v1/kv/");
    if (status !== 200 && !missing) throw new ResponseError(status, body.toString());
    const index = headers["x-consul-index"];
    return {
      body: missing ? undefined : parseJson(body.toString()),
      index: typeof index === "string" && /^\d+$/.test(index) ? BigInt(index) : 0n,
    };
  };
}

function printOnce(context: CommandContext, stop: AbortController): WatchHandler {
  return (_marker, result) => {
    context.out(stringifyGo(result, true).trimEnd());
    stop.abort();
  };
}

function runChild(context: CommandContext, stop: AbortController, end: { failed: boolean }): WatchHandler {
  const { args, flags, io } = context;
  return async (marker, result) => {
    const child = (io.startChild ?? startChild)({
      args: flags.bool("shell") ? scriptArgs(args.join(" "), io.env) : args,
      env: { ...io.env, CONSUL_INDEX: indexOf(marker) },
      stdin: Buffer.from(handlerInput(result)),
      output: "inherit",
    });
    const cancel = io.onInterrupt((signal) => void child.signal(signal));
    const ended = await child.ended;
    cancel();
    const failure = failureOf(ended);
    if (failure === undefined || stop.signal.aborted) return;
    context.error(`Error ${ended.kind === "notStarted" ? "starting" : "executing"} handler: ${failure}`);
    end.failed = true;
    stop.abort();
  };
}

/** Complaints of the loop, as Consul's command prints them. */
function logger({ io }: CommandContext): Logger {
  const say = (level: LogLevel) => (message: string, fields?: LogFields) =>
    io.stderr(formatLine({ timeMs: io.clock.wallMs(), level, name: "watch.watch", message, fields }));
  const quiet = (): void => {};
  const self: Logger = {
    trace: quiet,
    debug: quiet,
    info: say("INFO"),
    warn: say("WARN"),
    error: say("ERROR"),
    named: () => self,
  };
  return self;
}
