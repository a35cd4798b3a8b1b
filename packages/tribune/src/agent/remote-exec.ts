/**
 * The agent's side of `exec`: a user event names a session, the job lies in the key-value store below it, and what
 * comes of it is written there again, under locks of that session: without it nobody can write any more.
 * Who hands events in decides whether this agent may do so at all (`disable_remote_exec`).
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import type { Logger } from "../lib/log.ts";
import type { Timers } from "../lib/runtime.ts";
import { type ChildEnd, type Environment, programArgs, type StartChild, scriptArgs } from "../process/child.ts";
import { OutputQueue } from "./remote-exec-output.ts";

/** Name of the user event. */
export const REMOTE_EXEC_EVENT = "_rexec";
/** Jobs of one agent at a time; more are refused. */
export const REMOTE_EXEC_JOBS_MAX = 64;
/** Shortest pause between heartbeats, whatever a job says: each is a write to the store. */
export const REMOTE_EXEC_WAIT_MS_MIN = 100;
/** Exit code of a job that could not be started, or whose output could not be written. */
const FAILED = 255;

/** A script where a shell can run it. */
export interface SpilledScript {
  readonly path: string;
  remove(): Promise<void>;
}

export interface RemoteExecPorts {
  readonly nodeName: string;
  readonly env: Environment;
  /** A key's value, undefined where there is none. `stale` lets any server answer. Rejects when none does. */
  readonly readKey: (key: string, stale: boolean) => Promise<Uint8Array | undefined>;
  /** Writes a key and locks it for the session. @returns false when the session is gone. Rejects when no server answers */
  readonly lockKey: (key: string, value: Uint8Array, session: string) => Promise<boolean>;
  readonly start: StartChild;
  readonly spill: (script: Uint8Array) => Promise<SpilledScript>;
  readonly timers: Timers;
  readonly logger: Logger;
}

interface Job {
  /** Where its keys are: `PREFIX/SESSION`. */
  readonly directory: string;
  readonly session: string;
}

interface Spec {
  readonly command: string;
  readonly args: readonly string[];
  readonly script: Uint8Array;
  readonly waitMs: number;
}

export class RemoteExec {
  readonly #ports: RemoteExecPorts;
  #running = 0;

  constructor(ports: RemoteExecPorts) {
    this.#ports = ports;
  }

  /** Does the job of one event. Resolves when it is over, and never rejects: what goes wrong is logged. */
  async handle(event: { readonly id: string; readonly payload: Uint8Array }): Promise<void> {
    const { logger } = this.#ports;
    logger.debug("received remote exec event", { id: event.id });
    const job = readJob(event.payload);
    if (typeof job === "string") {
      logger.error("failed to decode remote exec event", { error: job });
      return;
    }
    if (this.#running >= REMOTE_EXEC_JOBS_MAX) {
      logger.error("too many remote exec jobs at a time", { id: event.id });
      return;
    }
    this.#running++;
    try {
      const spec = await this.#spec(job);
      if (spec === undefined || !(await this.#write(job, "ack", new Uint8Array(), "failed to ack remote exec job")))
        return;
      const code = await this.#run(job, spec);
      await this.#write(job, "exit", Buffer.from(String(code)), "failed to write exit code for remote exec job");
    } finally {
      this.#running--;
    }
  }

  /** Asks any server first, since all agents ask at once; a server that is behind may not have it yet. */
  async #spec(job: Job): Promise<Spec | undefined> {
    const { logger, readKey } = this.#ports;
    const key = posix.join(job.directory, "job");
    try {
      let value = await readKey(key, true);
      if (value === undefined) {
        logger.debug("trying consistent fetch of remote exec job spec");
        value = await readKey(key, false);
      }
      if (value === undefined) {
        logger.debug("remote exec aborted, job spec missing");
        return undefined;
      }
      const spec = readSpec(value);
      if (typeof spec !== "string") return spec;
      logger.error("failed to decode remote exec spec", { error: spec });
    } catch (error) {
      logger.error("failed to get remote exec job", { error: textOf(error) });
    }
    return undefined;
  }

  /** @returns the exit code. */
  async #run(job: Job, spec: Spec): Promise<number> {
    const { logger, env, spill } = this.#ports;
    let script: SpilledScript | undefined;
    try {
      if (spec.script.length > 0) script = await spill(spec.script);
    } catch (error) {
      logger.debug("failed to make tmp file", { error: textOf(error) });
      return FAILED;
    }
    try {
      logger.info("remote exec script", { script: script?.path ?? spec.command });
      const byShell = script === undefined ? scriptArgs(spec.command, env) : programArgs(script.path, env);
      return await this.#follow(job, spec, spec.args.length > 0 ? spec.args : byShell);
    } finally {
      // A script may have left something that cannot be removed: that is no reason to call its job failed.
      await script?.remove().catch((error: unknown) => {
        logger.warn("failed to remove the script of a remote exec job", { error: textOf(error) });
      });
    }
  }

  /** Runs the program and writes what it prints, and a heartbeat whenever it printed nothing for a while. */
  async #follow(job: Job, spec: Spec, args: readonly string[]): Promise<number> {
    const { env, logger, start, timers } = this.#ports;
    const output = new OutputQueue(timers);
    const child = start({ args, env, stdin: "none", output: (chunk) => output.write(chunk) });
    const ended = child.ended.then((end) => {
      output.end();
      return end;
    });
    for (let count = 0; ; count++) {
      const next = await output.next(spec.waitMs);
      if (next === "end") break;
      const suffix = `out/${count.toString(16).padStart(5, "0")}`;
      const chunk = next === "quiet" ? new Uint8Array() : next;
      if (await this.#write(job, suffix, chunk, "failed to write output for remote exec job")) continue;
      output.discard(); // the program may go on; nobody hears it
      return FAILED;
    }
    const end = await ended;
    if (end.kind === "notStarted") logger.debug("failed to start remote exec", { error: end.reason });
    return exitCode(end);
  }

  async #write({ directory, session }: Job, suffix: string, value: Uint8Array, complaint: string): Promise<boolean> {
    const { lockKey, logger, nodeName } = this.#ports;
    try {
      if (await lockKey(posix.join(directory, nodeName, suffix), value, session)) return true;
      logger.error(complaint, { error: "write failed" });
    } catch (error) {
      logger.error(complaint, { error: textOf(error) });
    }
    return false;
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** -1 is Go's for a program that a signal ended. */
function exitCode(end: ChildEnd): number {
  if (end.kind === "exited") return end.code;
  return end.kind === "signalled" ? -1 : FAILED;
}

type Fields = Readonly<Record<string, unknown>>;

function readObject(bytes: Uint8Array): Fields | string {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString());
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : "not an object";
  } catch (error) {
    return textOf(error);
  }
}

/** @returns what is wrong with it, as text. */
function readJob(payload: Uint8Array): Job | string {
  const fields = readObject(payload);
  if (typeof fields === "string") return fields;
  const { Prefix: prefix, Session: session } = fields;
  if (typeof prefix !== "string" || typeof session !== "string") return "Prefix and Session must be text";
  return { directory: posix.join(prefix, session), session };
}

function readSpec(value: Uint8Array): Spec | string {
  const fields = readObject(value);
  if (typeof fields === "string") return fields;
  const { Command: command = "", Args: args, Script: script, Wait: waitNs = 0 } = fields;
  const list = args ?? [];
  if (typeof command !== "string" || typeof (script ?? "") !== "string") return "Command and Script must be text";
  if (!Array.isArray(list) || list.some((arg) => typeof arg !== "string")) return "Args must be a list of text";
  if (typeof waitNs !== "number") return "Wait must be a number of nanoseconds";
  return {
    command,
    args: list as readonly string[],
    script: Buffer.from((script ?? "") as string, "base64"),
    waitMs: Math.max(waitNs / 1e6, REMOTE_EXEC_WAIT_MS_MIN),
  };
}

/** The production `spill`: a file for the agent's user alone. */
export async function spillScript(script: Uint8Array): Promise<SpilledScript> {
  const directory = await mkdtemp(join(tmpdir(), "rexec"));
  const path = join(directory, "script");
  const remove = (): Promise<void> => rm(directory, { recursive: true, force: true });
  try {
    await writeFile(path, script, { mode: 0o700 });
  } catch (error) {
    await remove();
    throw error;
  }
  return { path, remove };
}
