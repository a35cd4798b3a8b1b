import { RequestError } from "./errors.ts";
import type { Send, WireRequest, WireResponse } from "./send.ts";

export type Reply =
  | Error
  | { readonly status?: number; readonly body?: string; readonly headers?: Record<string, string> };

/** An agent that answers what `reply` says; errors are thrown. */
export function scripted(reply: (request: WireRequest, count: number) => Reply | Promise<Reply>): {
  readonly send: Send;
  readonly asked: WireRequest[];
} {
  const asked: WireRequest[] = [];
  const send: Send = async (request) => {
    asked.push(request);
    const answer = await reply(request, asked.length);
    if (answer instanceof Error) throw answer;
    return responseOf(answer);
  };
  return { send, asked };
}

function responseOf({ status = 200, body = "", headers = {} }: Exclude<Reply, Error>): WireResponse {
  return {
    status,
    header: (name) => headers[name],
    body: (async function* () {
      yield new TextEncoder().encode(body);
    })(),
  };
}

export const refused = (): RequestError =>
  new RequestError("PUT: refused", { cause: Object.assign(new Error("connect"), { code: "ECONNREFUSED" }) });
export const cutOff = (): RequestError =>
  new RequestError("PUT: cut off", { cause: Object.assign(new Error("socket hang up"), { code: "ECONNRESET" }) });
