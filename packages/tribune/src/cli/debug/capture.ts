import { createWriteStream } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { type ConsulClient, ResponseError } from "@tribune/client/node";
import { stringifyGo } from "../../lib/go-json.ts";

/** In the order in which Consul names them. */
export const TARGETS = ["metrics", "logs", "pprof", "host", "agent", "cluster"] as const;
export type Target = (typeof TARGETS)[number];

const STATIC = {
  host: { path: "/v1/agent/host", query: {} },
  agent: { path: "/v1/agent/self", query: {} },
  cluster: { path: "/v1/agent/members", query: { wan: "1" } },
} as const;

const tabs = (value: unknown): string =>
  stringifyGo(value, true)
    .trimEnd()
    .replace(/^ +/gm, (blanks) => "\t".repeat(blanks.length / 4));

/** Facts that do not change meanwhile. @returns what could not be had */
export async function captureStatic(
  client: ConsulClient,
  folder: string,
  targets: readonly Target[],
): Promise<readonly string[]> {
  const complaints: string[] = [];
  for (const [name, request] of Object.entries(STATIC)) {
    if (!targets.includes(name as Target)) continue;
    try {
      const { value } = await client.ask<unknown>({ method: "GET", ...request });
      await writeFile(join(folder, `${name}.json`), tabs(value));
    } catch (error) {
      complaints.push((error as Error).message);
    }
  }
  return complaints;
}

/** One look at what changes. @returns what this agent does not have at all; @throws Error for what it should have */
export async function captureOnce(
  client: ConsulClient,
  folder: string,
  targets: readonly Target[],
): Promise<string | undefined> {
  if (targets.includes("metrics")) {
    const { value } = await client.ask<unknown>({ method: "GET", path: "/v1/agent/metrics" });
    await writeFile(join(folder, "metrics.json"), tabs(value));
  }
  if (!targets.includes("pprof")) return undefined;
  const had = [
    await profile(client, "heap", join(folder, "heap.prof")),
    await profile(client, "goroutine", join(folder, "goroutine.prof")),
  ];
  return had.every(Boolean) ? undefined : "pprof: this agent has no profiles of Go";
}

/** What takes its time: the log until `over`, and profiles over so many seconds. */
export async function captureWhile(
  client: ConsulClient,
  folder: string,
  targets: readonly Target[],
  seconds: { readonly profile: number; readonly trace: number },
  over: AbortSignal,
): Promise<void> {
  const running: Promise<unknown>[] = [];
  if (targets.includes("logs")) running.push(log(client, join(folder, "consul.log"), over));
  if (targets.includes("pprof")) {
    running.push(profile(client, `profile?seconds=${seconds.profile}`, join(folder, "profile.prof"), over));
    running.push(profile(client, `trace?seconds=${seconds.trace}`, join(folder, "trace.out"), over));
  }
  await Promise.all(running);
}

async function log(client: ConsulClient, file: string, over: AbortSignal): Promise<void> {
  const stream = await client.agent.monitor("DEBUG", false);
  const stop = (): void => void stream.destroy();
  over.addEventListener("abort", stop);
  try {
    if (over.aborted) stop();
    await pipeline(stream, createWriteStream(file));
  } catch (error) {
    if (!over.aborted) throw error; // cut off by us
  } finally {
    over.removeEventListener("abort", stop);
  }
}

/** @returns false where there are no profiles, which is no fault: only Go programs have them. */
async function profile(client: ConsulClient, what: string, file: string, over?: AbortSignal): Promise<boolean> {
  try {
    const request = { method: "GET" as const, path: `/debug/pprof/${what}` };
    const { body } = await client.http.ok(over === undefined ? request : { ...request, signal: over });
    await writeFile(file, body);
    return true;
  } catch (error) {
    if (over?.aborted === true || (error instanceof ResponseError && error.status === 404)) return false;
    throw new Error(`failed to collect ${what.split("?")[0]} profile: ${(error as Error).message}`, { cause: error });
  }
}
