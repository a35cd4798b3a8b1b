import {
  ClientSetupError,
  type CliIo,
  type Command,
  type CommandContext,
  type CommandNode,
  commandHelp,
  groupHelp,
  isGroup,
  rootHelp,
  sharedFlags,
} from "./command.ts";
import { FlagError, flagDefaults, type ParsedFlags, parseFlags } from "./flags.ts";
import { clientOptions } from "./http-flags.ts";

/** Exit code for a command that does not exist. */
const NOT_FOUND = 127;
const HELP_WORDS: ReadonlySet<string> = new Set(["-h", "-help", "--help"]);
const COMPLETION_WORDS = /^--?autocomplete-(?:un)?install$/;
const VERSION_WORDS: ReadonlySet<string> = new Set(["-v", "-version", "--version"]);

/**
 * Finds the command in `words`, parses its flags and runs it.
 *
 * With COMP_LINE set a shell asks for completions; `-autocomplete-install` makes shells ask.
 * `-h` anywhere prints help and succeeds; no or an unknown command prints the list of commands and fails with 127;
 * a group without a command prints its help and fails with 1. @returns the exit code.
 */
export async function runCli(
  program: string,
  tree: readonly CommandNode[],
  words: readonly string[],
  io: CliIo,
): Promise<number> {
  const line = io.env.COMP_LINE;
  if (line !== undefined && line !== "") {
    const { completions } = await import("./completion.ts");
    for (const word of await completions(tree, line)) io.stdout(`${word}\n`);
    return 0;
  }
  const firstCommand = words.findIndex((word) => !word.startsWith("-"));
  const before = firstCommand < 0 ? words : words.slice(0, firstCommand);
  if (before.some((word) => VERSION_WORDS.has(word))) {
    return runCli(program, tree, ["version"], io);
  }
  const wanted = before.find((word) => COMPLETION_WORDS.test(word));
  if (wanted !== undefined) return changeCompletion(program, /uninstall/.test(wanted) ? "uninstall" : "install", io);
  const end = words.indexOf("--");
  const helpAsked = words.slice(0, end < 0 ? words.length : end).some((word) => HELP_WORDS.has(word));
  const found = find(tree, firstCommand < 0 ? [] : words.slice(firstCommand));
  if (found === undefined) {
    (helpAsked ? io.stdout : io.stderr).call(io, `${rootHelp(program, tree)}\n`);
    return helpAsked ? 0 : NOT_FOUND;
  }
  const { node, path, rest } = found;
  if (isGroup(node)) {
    (helpAsked ? io.stdout : io.stderr).call(io, `${groupHelp(program, path, node)}\n`);
    return helpAsked ? 0 : 1;
  }
  const command = await node.load();
  const help = commandHelp(program, path, command);
  if (helpAsked) {
    io.stdout(`${help}\n`);
    return 0;
  }
  if (before.length > 0) {
    io.stderr(
      "Invalid flags before the subcommand. If these flags are for\n" +
        "the subcommand, please put them after the subcommand.\n\n",
    );
    return 1;
  }
  return runCommand(command, help, rest, io);
}

async function changeCompletion(program: string, what: "install" | "uninstall", io: CliIo): Promise<number> {
  const { installCompletion, uninstallCompletion } = await import("./completion.ts");
  try {
    await (what === "install" ? installCompletion : uninstallCompletion)(program, io.programPath, io);
    return 0;
  } catch (error) {
    io.stderr(`Error ${what}ing autocompletion: ${(error as Error).message}\n`);
    return 1;
  }
}

interface Found {
  readonly node: CommandNode;
  /** Names of the way to it, joined by blanks. */
  readonly path: string;
  readonly rest: readonly string[];
}

function find(commands: readonly CommandNode[], words: readonly string[], parents = ""): Found | undefined {
  const [word, ...rest] = words;
  const node = commands.find((command) => command.name === word);
  if (node === undefined) return undefined;
  const path = `${parents} ${node.name}`.trim();
  if (!isGroup(node)) return { node, path, rest };
  return find(node.commands, rest, path) ?? { node, path, rest };
}

async function runCommand(command: Command, help: string, words: readonly string[], io: CliIo): Promise<number> {
  const specs = [...command.flags, ...sharedFlags(command.http)];
  let flags: ParsedFlags;
  try {
    flags = parseFlags(specs, command.anyFlags === true ? ["--", ...words] : words);
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    io.stderr(`${error.message}\nUsage:\n${flagDefaults(specs)}`);
    return command.usageCode ?? 1;
  }
  const node = command.http === "none" ? undefined : await import("@tribune/client/node");
  const context: CommandContext = {
    io,
    flags,
    args: flags.args,
    help,
    out: (line) => io.stdout(`${line}\n`),
    error: (line) => io.stderr(`${line}\n`),
    client(over = {}) {
      if (node === undefined) throw new ClientSetupError("this command takes no address of an agent");
      const { ConsulClient, mergeOptions, optionsFromEnv } = node;
      try {
        return new ConsulClient(mergeOptions({ ...optionsFromEnv(io.env), ...clientOptions(flags) }, over));
      } catch (cause) {
        throw new ClientSetupError((cause as Error).message, { cause });
      }
    },
  };
  try {
    return await command.run(context);
  } catch (error) {
    if (!(error instanceof ClientSetupError)) throw error;
    const words = command.setupWords ?? "Error connecting to Consul agent";
    context.error(words === "" ? error.message : `${words}: ${error.message}`);
    return 1;
  }
}

/** Runs one request; a failure prints `PREFIX: REASON` and ends the command with 1. */
export async function attempt<T>(
  context: CommandContext,
  prefix: string,
  run: () => Promise<T>,
): Promise<{ readonly value: T } | undefined> {
  try {
    return { value: await run() };
  } catch (error) {
    if (error instanceof ClientSetupError) throw error;
    context.error(`${prefix}: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}
