import { request } from "node:http";
import { parseJson } from "../lib/go-json-parse.ts";
import type { WatchAnswer, WatchPlan, WatchQuestion } from "../watch/plan.ts";
import type { AskWatch } from "../watch/run-watch.ts";

/** An answer larger than this ends the question: handlers get it whole. */
export const WATCH_ANSWER_BYTES_MAX = 64 << 20;

/** Where the agent's own HTTP door is. */
export type OwnDoor = { readonly host: string; readonly port: number } | { readonly path: string };

/**
 * Asks the agent's own HTTP door, so that the watches of a configuration see what any client with their token would.
 *
 * @param door looked up at each question; undefined where no door without TLS is open.
 */
export function watchAsker(door: () => OwnDoor | undefined, defaultToken: () => string): AskWatch {
  return (question, plan, signal) => {
    const where = door();
    if (where === undefined)
      return Promise.reject(new Error("watches need an HTTP address of this agent; it has none"));
    return send(where, question, plan, plan.token || defaultToken(), signal);
  };
}

function send(
  where: OwnDoor,
  { path, query }: WatchQuestion,
  plan: WatchPlan,
  token: string,
  signal: AbortSignal,
): Promise<WatchAnswer> {
  return new Promise((resolve, reject) => {
    const url = `${path}?${queryText(query, plan.datacenter)}`;
    const asked = request(
      {
        ...("path" in where ? { socketPath: where.path } : { host: loopbackFor(where.host), port: where.port }),
        path: url,
        headers: token === "" ? {} : { "X-Consul-Token": token },
        signal,
      },
      (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > WATCH_ANSWER_BYTES_MAX)
            asked.destroy(new Error(`the answer has more than ${WATCH_ANSWER_BYTES_MAX} bytes`));
          else chunks.push(chunk);
        });
        response.on("error", reject);
        response.on("end", () => {
          try {
            resolve(
              answerOf(
                path,
                response.statusCode ?? 0,
                response.headers["x-consul-index"],
                Buffer.concat(chunks).toString(),
              ),
            );
          } catch (error) {
            reject(error);
          }
        });
      },
    );
    asked.on("error", reject);
    asked.end();
  });
}

function answerOf(path: string, status: number, index: unknown, body: string): WatchAnswer {
  const missing = status === 404 && path.startsWith("/v1/kv/");
  if (status !== 200 && !missing) throw new Error(`Unexpected response code: ${status} (${body.trim()})`);
  return {
    body: missing ? undefined : parseJson(body),
    index: typeof index === "string" && /^\d+$/.test(index) ? BigInt(index) : 0n,
  };
}

function queryText(query: WatchQuestion["query"], datacenter: string): string {
  const text = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const each of Array.isArray(value) ? value : [value]) text.append(name, each === true ? "" : String(each));
  }
  if (datacenter !== "" && !text.has("dc")) text.append("dc", datacenter);
  return text.toString();
}

/** A door bound to every address is asked on the loopback one. */
function loopbackFor(host: string): string {
  return host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
}
