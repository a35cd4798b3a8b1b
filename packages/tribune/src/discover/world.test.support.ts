import assert from "node:assert/strict";
import type { WebAnswer, WebRequest, World } from "./provider.ts";

type Answer = (request: WebRequest) => WebAnswer | unknown;

interface Here {
  /** `METHOD URL` up to its query → what is answered: an answer, or something that becomes its JSON. */
  readonly web?: Readonly<Record<string, Answer>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
}

/** A world of its own, which keeps what was sent. What nobody answers is refused, as an address without a host is. */
export function worldOf({ web = {}, env = {}, files = {} }: Here): World & { readonly sent: readonly WebRequest[] } {
  const sent: WebRequest[] = [];
  return {
    sent,
    send: async (request) => {
      sent.push(request);
      const place = `${request.method ?? "GET"} ${request.url.split("?")[0]}`;
      const answer = web[place];
      if (answer === undefined) throw new Error(`${place}: connect ECONNREFUSED`);
      const given = answer(request);
      return isAnswer(given) ? given : { status: 200, body: JSON.stringify(given) };
    },
    env: (name) => env[name] ?? "",
    readFile: async (path) => files[path],
    homeDir: () => "/home/me",
    wallMs: () => Date.UTC(2026, 0, 2, 3, 4, 5),
  };
}

function isAnswer(given: unknown): given is WebAnswer {
  return typeof given === "object" && given !== null && "status" in given && "body" in given;
}

export function queryOf({ url }: WebRequest): Readonly<Record<string, string>> {
  return Object.fromEntries(new URL(url).searchParams);
}

/** Nothing that a provider says may hold one of these. */
export async function failure(run: Promise<unknown>, ...secrets: readonly string[]): Promise<string> {
  const error = await run.then(
    () => assert.fail("it should have failed"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Error);
  for (const secret of secrets) assert.ok(!error.message.includes(secret), error.message);
  return error.message;
}
