import type { ClientOptions, ConsulClient } from "@tribune/client/node";
import type { Clock, Timers } from "../lib/runtime.ts";
import type { StartChild } from "../process/child.ts";
import { type FlagSpec, flagHelp, type ParsedFlags } from "./flags.ts";
import { CLIENT_FLAGS, NAMESPACE_FLAGS, SERVER_FLAGS } from "./http-flags.ts";

/** Where a command reads and writes. Tests pass strings, `main.ts` the process. */
export interface CliIo {
  /** Writes as it is. */
  stdout(text: string | Uint8Array): void;
  stderr(text: string): void;
  /** All of standard input. */
  stdin(): Promise<Buffer>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Calls back on SIGINT or SIGTERM until cancelled. */
  onInterrupt(run: (signal: InterruptSignal) => void): () => void;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Instead of `process/child.ts`, in tests. */
  readonly startChild?: StartChild;
  /** Whether a person watches standard error, and sees nothing of standard output there. */
  readonly interactive: boolean;
  /** Where this program lies, for shells that shall call it. */
  readonly programPath: string;
}

export type InterruptSignal = "SIGINT" | "SIGTERM";

/** What a running command has at hand. */
export interface CommandContext {
  readonly io: CliIo;
  readonly flags: ParsedFlags;
  /** Words behind the flags. */
  readonly args: readonly string[];
  /** The command's own help page, for usage errors that print it. */
  readonly help: string;
  out(line: string): void;
  error(line: string): void;
  /** A client with the flags and environment of this command. @throws ClientSetupError, which ends the command. */
  client(over?: ClientOptions): ConsulClient;
}

/** Flags and environment do not make a client: a token file that is not there, a scheme nobody speaks. */
export class ClientSetupError extends Error {
  override readonly name = "ClientSetupError";
}

/** Which of the shared HTTP flags a command takes. */
export type HttpFlags = "none" | "client" | "server" | "namespace";

/** The body of a command, loaded when it is chosen. */
export interface Command {
  /** Help: what stands behind `consul WORDS`, e.g. `[options] KEY [DATA]`. */
  readonly usage: string;
  readonly description: string;
  readonly http: HttpFlags;
  readonly flags: readonly FlagSpec[];
  /** How it says that there can be no client; "Error connecting to Consul agent" if not given, the bare reason if empty. */
  readonly setupWords?: string;
  /** Takes whatever flags it is given, and heeds none. */
  readonly anyFlags?: true;
  /** Exit code for flags that make no sense; 1 if not given. */
  readonly usageCode?: number;
  /** @returns the exit code. */
  run(context: CommandContext): Promise<number> | number;
}

export interface CommandEntry {
  readonly name: string;
  readonly synopsis: string;
  /** Stands in no list of commands: of a later version than 1.10, or known only to say that it is not served. */
  readonly unlisted?: true;
  readonly load: () => Promise<Command>;
}

export interface CommandGroup {
  readonly name: string;
  readonly synopsis: string;
  readonly unlisted?: true;
  readonly description: string;
  readonly commands: readonly CommandNode[];
}

export type CommandNode = CommandEntry | CommandGroup;

export function entry(name: string, synopsis: string, load: () => Promise<Command>): CommandEntry {
  return { name, synopsis, load };
}

/** A command that Consul has since a version after 1.10. */
export function later(name: string, synopsis: string, load: () => Promise<Command>): CommandEntry {
  return { name, synopsis, unlisted: true, load };
}

/** A command that only says why it cannot be had. */
export function unserved(name: string, synopsis: string, load: () => Promise<Command>): CommandEntry {
  return { name, synopsis, unlisted: true, load };
}

export function isGroup(node: CommandNode): node is CommandGroup {
  return "commands" in node;
}

export function sharedFlags(http: HttpFlags): readonly FlagSpec[] {
  switch (http) {
    case "none":
      return [];
    case "client":
      return CLIENT_FLAGS;
    case "server":
      return [...CLIENT_FLAGS, ...SERVER_FLAGS];
    case "namespace":
      return [...CLIENT_FLAGS, ...SERVER_FLAGS, ...NAMESPACE_FLAGS];
  }
}

/** A command's help page. `path` is its full name without the program: `kv get`. */
export function commandHelp(program: string, path: string, command: Command): string {
  const http = sharedFlags(command.http).filter((spec) => spec.name !== "namespace");
  const own = [...command.flags, ...sharedFlags(command.http).filter((spec) => spec.name === "namespace")];
  const parts = [
    `Usage: ${program} ${path} ${command.usage}`.trimEnd(),
    indent(program, command.description),
    flagHelp("HTTP API Options", http),
    flagHelp("Command Options", own),
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}

export function groupHelp(program: string, path: string, group: CommandGroup): string {
  const usage = `Usage: ${program} ${path} <subcommand> [options] [args]`;
  return `${usage}\n\n${indent(program, group.description)}\n\nSubcommands:\n${nameList(group.commands)}`;
}

export function rootHelp(program: string, commands: readonly CommandNode[]): string {
  return `Usage: ${program} [--version] [--help] <command> [<args>]\n\nAvailable commands are:\n${nameList(commands)}`;
}

function nameList(commands: readonly CommandNode[]): string {
  const sorted = commands
    .filter(({ unlisted }) => unlisted !== true)
    .sort((a, b) => Number(a.name > b.name) - Number(a.name < b.name));
  const width = Math.max(...sorted.map((command) => command.name.length));
  return sorted.map(({ name, synopsis }) => `    ${name.padEnd(width)}    ${synopsis}`).join("\n");
}

/** Examples are written for `consul` and shown for the program as it was called. */
function indent(program: string, text: string): string {
  return text
    .trim()
    .replaceAll("$ consul ", `$ ${program} `)
    .split("\n")
    .map((line) => (line.trim() === "" ? "" : `  ${line}`))
    .join("\n");
}
