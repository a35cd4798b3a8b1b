import { type LoadedConfig, type LoadOptions, loadConfig } from "../config/load.ts";
import { ROWS, rowOf, SETTING_KEYS, type SettingKey, type Settings } from "../config/rows.ts";
import type { AnySchema } from "../config/schema.ts";
import type { RuntimeConfig } from "../config/types.ts";
import type { Logger } from "../lib/log.ts";
import { CONSUL_VERSION } from "../lib/version.ts";
import type { Command, CommandContext } from "./command.ts";
import type { FlagKind, FlagSpec, ParsedFlags } from "./flags.ts";
import { nodeMachine } from "./node-machine.ts";

/** An agent that is set up and has an identity, but serves nothing yet. */
export interface AgentHandle {
  readonly nodeId: string;
  readonly logger: Logger;
  /** Opens every door and joins. Rejects when the agent cannot run. */
  start(): Promise<void>;
  /** Reads the configuration again (through `AgentHost.loadConfig`) and applies what may change. */
  reload(): Promise<unknown>;
  /** Leaves the cluster in good order. */
  leave(): Promise<void>;
  /** Closes everything. Called once, whatever happened before. */
  shutdown(): Promise<void>;
  /** Resolves when the agent ends by itself: told to leave over the API, or unable to go on. */
  readonly ended: Promise<"left" | "failed">;
}

/** What the command gives the agent. */
export interface AgentHost {
  /** The log's way out. Lines written before the banner are held back until it is printed. */
  writeLog(text: string): void;
  /** Loads the configuration afresh, from the same files and flags. @throws ConfigError */
  loadConfig(): LoadedConfig;
}

/** Makes an agent; room `agent` implements it. Rejects with the text the operator is to read. */
export type CreateAgent = (loaded: LoadedConfig, host: AgentHost) => Promise<AgentHandle>;

export type AgentSignal = "SIGINT" | "SIGTERM" | "SIGHUP";
/** Subscribes to the process's signals. @returns how to stop. */
export type OnSignal = (run: (signal: AgentSignal) => void) => () => void;

export interface AgentDependencies {
  readonly createAgent: CreateAgent;
  readonly onSignal: OnSignal;
  /** From here on SIGQUIT ends the process with a report of what it holds. */
  readonly endOnQuit: () => void;
}

/** How long a graceful leave may take before the process goes anyway. */
const GRACEFUL_TIMEOUT_MS = 15_000;

/** The words Go prints for a signal. */
const SIGNAL_TEXT: Readonly<Record<AgentSignal, string>> = {
  SIGINT: "interrupt",
  SIGTERM: "terminated",
  SIGHUP: "hangup",
};

export function agentCommand({ createAgent, onSignal, endOnQuit }: AgentDependencies): Command {
  return {
    usage: "[options]",
    description: "Runs an agent, server or client, until it is told to stop.",
    http: "none",
    flags: [...OWN_FLAGS, ...SETTING_FLAGS.map(({ spec }) => spec)],
    async run(context) {
      if (context.args.length > 0) {
        context.error(`==> Unexpected extra arguments: [${context.args.join(" ")}]`);
        return 1;
      }
      endOnQuit();
      const options = loadOptions(context.flags);
      const load = (): LoadedConfig => loadConfig(options, nodeMachine(context.io.env));
      const log = new GatedLog((text) => context.io.stdout(text));
      let loaded: LoadedConfig;
      let agent: AgentHandle;
      try {
        loaded = load();
        agent = await createAgent(loaded, { writeLog: (text) => log.write(text), loadConfig: load });
      } catch (error) {
        context.error(`==> ${error instanceof Error ? error.message : String(error)}`);
        return 1;
      }
      for (const warning of loaded.warnings) agent.logger.warn(warning);
      if (!loaded.config.logging.json) printBanner(context, loaded.config, agent.nodeId);
      log.open();
      const code = await runAgent(agent, loaded.config, onSignal);
      agent.logger.info("Exit code", { code });
      return code;
    },
  };
}

/** Starts the agent and obeys signals until it is over. @returns the exit code. */
export async function runAgent(agent: AgentHandle, config: RuntimeConfig, onSignal: OnSignal): Promise<number> {
  const signals = new SignalQueue(onSignal);
  try {
    const early = signals.next((signal) => {
      if (signal !== "SIGHUP") return true;
      agent.logger.error("Caught", { signal: SIGNAL_TEXT[signal], error: "cannot reload before agent started" });
      return false;
    });
    const started = await Promise.race([
      agent.start().then(
        () => undefined,
        (error: unknown) => error ?? new Error("unknown error"),
      ),
      early,
    ]);
    if (typeof started === "string") {
      agent.logger.info("Caught", { signal: SIGNAL_TEXT[started as AgentSignal] });
      return 1;
    }
    if (started !== undefined) {
      agent.logger.error("Error starting agent", {
        error: started instanceof Error ? started.message : String(started),
      });
      return 1;
    }
    signals.forget();
    agent.logger.info("Consul agent running!");
    return await obey(agent, config, signals);
  } finally {
    signals.stop();
    await agent.shutdown();
  }
}

async function obey(agent: AgentHandle, config: RuntimeConfig, signals: SignalQueue): Promise<number> {
  for (;;) {
    const event = await Promise.race([agent.ended, signals.next()]);
    if (event === "left") return 0;
    if (event === "failed") return 1;
    agent.logger.info("Caught", { signal: SIGNAL_TEXT[event] });
    if (event === "SIGHUP") {
      try {
        await agent.reload();
      } catch (error) {
        agent.logger.error("Reload config failed", { error: (error as Error).message });
      }
      continue;
    }
    const graceful = event === "SIGINT" ? !config.skipLeaveOnInterrupt : config.leaveOnTerminate;
    if (!graceful) {
      agent.logger.info("Graceful shutdown disabled. Exiting");
      return 1;
    }
    return leaveGracefully(agent, signals);
  }
}

async function leaveGracefully(agent: AgentHandle, signals: SignalQueue): Promise<number> {
  agent.logger.info("Gracefully shutting down agent...");
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<"timeout">((resolve) => {
    timer = setTimeout(() => resolve("timeout"), GRACEFUL_TIMEOUT_MS);
  });
  const left = agent.leave().then(
    () => "done" as const,
    (error: unknown) => {
      // Like Consul, a leave that failed waits for the timeout or a second signal: others may still hear of it.
      agent.logger.error("Error on leave", { error: (error as Error).message });
      return timeout;
    },
  );
  const outcome = await Promise.race([left, timeout, signals.next()]);
  clearTimeout(timer);
  if (outcome === "done") {
    agent.logger.info("Graceful exit completed");
    return 0;
  }
  if (outcome === "timeout") agent.logger.info("Timeout on graceful leave. Exiting");
  else agent.logger.info("Caught second signal, Exiting", { signal: SIGNAL_TEXT[outcome] });
  return 1;
}

/** Signals in order, waiting for whoever asks next. */
class SignalQueue {
  #queued: AgentSignal[] = [];
  #waiting:
    | { readonly wants: (signal: AgentSignal) => boolean; readonly give: (signal: AgentSignal) => void }
    | undefined;
  readonly #stop: () => void;

  constructor(onSignal: OnSignal) {
    this.#stop = onSignal((signal) => {
      if (this.#waiting === undefined) {
        this.#queued.push(signal);
      } else if (this.#waiting.wants(signal)) {
        const { give } = this.#waiting;
        this.#waiting = undefined;
        give(signal);
      }
    });
  }

  /** The next signal that `wants` accepts; one that it refuses is gone. A later call replaces an earlier one. */
  next(wants: (signal: AgentSignal) => boolean = () => true): Promise<AgentSignal> {
    for (let signal = this.#queued.shift(); signal !== undefined; signal = this.#queued.shift()) {
      if (wants(signal)) return Promise.resolve(signal);
    }
    return new Promise((give) => {
      this.#waiting = { wants, give };
    });
  }

  /** Nobody waits any more. */
  forget(): void {
    this.#waiting = undefined;
  }

  stop(): void {
    this.#stop();
  }
}

/** Holds log lines back until the banner is out, so that it stays in one piece. */
class GatedLog {
  readonly #write: (text: string) => void;
  #held: string[] | undefined = [];

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  write(text: string): void {
    if (this.#held === undefined) this.#write(text);
    else this.#held.push(text);
  }

  open(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const text of held) this.#write(text);
  }
}

function printBanner(context: CommandContext, config: RuntimeConfig, nodeId: string): void {
  const { ports, tls, autoEncrypt } = config;
  const segment = config.server ? "<all>" : config.segmentName;
  const rows: readonly (readonly [string, string])[] = [
    ["Version", `'${CONSUL_VERSION}'`],
    ["Node ID", `'${nodeId}'`],
    ["Node name", `'${config.nodeName}'`],
    ["Datacenter", `'${config.datacenter}' (Segment: '${segment}')`],
    ["Server", `${config.server} (Bootstrap: ${config.bootstrap})`],
    [
      "Client Addr",
      `[${config.clientAddrs.join(" ")}] (HTTP: ${ports.http}, HTTPS: ${ports.https}, gRPC: ${ports.grpc}, DNS: ${ports.dns})`,
    ],
    ["Cluster Addr", `${config.advertiseAddrLan} (LAN: ${ports.serfLan}, WAN: ${ports.serfWan})`],
    [
      "Encrypt",
      `Gossip: ${config.encrypt.key !== ""}, TLS-Outgoing: ${tls.verifyOutgoing}, TLS-Incoming: ${tls.verifyIncoming}, ` +
        `Auto-Encrypt-TLS: ${autoEncrypt.tls || autoEncrypt.allowTls}`,
    ],
  ];
  context.out("==> Starting Consul agent...");
  for (const [name, value] of rows) context.out(`${name.padStart(18)}: ${value}`);
  context.out("\n==> Log data will now stream in as it occurs:\n");
}

/** Flags that say where settings come from, rather than set one. */
const OWN_FLAGS: readonly FlagSpec[] = [
  {
    name: "config-dir",
    kind: "list",
    help: "Directory whose .hcl and .json files are read in lexical order; may be repeated.",
  },
  { name: "config-file", kind: "list", help: "File to read, .hcl or .json; may be repeated." },
  { name: "config-format", kind: "string", help: "Read every file as this, hcl or json, whatever its ending." },
  {
    name: "dev",
    kind: "bool",
    help: "Run a server for trying things out: nothing is kept, defaults suit one machine.",
  },
  { name: "hcl", kind: "list", help: "A piece of HCL, read after all files; may be repeated." },
];

interface SettingFlag {
  readonly key: SettingKey;
  readonly spec: FlagSpec;
}

/** One flag for each that a row of the configuration names. */
const SETTING_FLAGS: readonly SettingFlag[] = SETTING_KEYS.flatMap((key) =>
  (rowOf(key).flags ?? []).map((name) => ({
    key,
    spec: { name, kind: flagKind(ROWS[key].schema), help: rowOf(key).doc },
  })),
);

function flagKind(schema: AnySchema): FlagKind {
  if (schema.type === "list") return "list";
  if (schema.type === "map") return "colonMap";
  if (schema.type !== "scalar") return "string";
  if (schema.scalar === "bool") return "bool";
  return schema.scalar === "string" ? "string" : "int";
}

function loadOptions(flags: ParsedFlags): LoadOptions {
  const settings: Partial<Record<SettingKey, unknown>> = {};
  for (const { key, spec } of SETTING_FLAGS) {
    const given = flags.given(spec.name);
    if (given !== undefined) settings[key] = given;
  }
  return {
    configFiles: flags.inOrder(["config-dir", "config-file"]),
    configFormat: flags.string("config-format"),
    devMode: flags.bool("dev"),
    flags: settings as Settings,
    hcl: flags.list("hcl"),
  };
}
