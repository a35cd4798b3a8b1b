import http from "node:http";
import https from "node:https";
import type { Logger } from "../lib/log.ts";
import { TailBuffer } from "../lib/tail-buffer.ts";
import type { HttpHandler } from "./plan.ts";
import type { WatchHandler } from "./run-watch.ts";
import { HANDLER_OUTPUT_BYTES_MAX, handlerInput, indexOf } from "./script-handler.ts";

/** The end of an answer's body, and its status line. */
export interface HandlerReply {
  readonly status: number;
  readonly statusText: string;
  readonly output: string;
}

/** Sends a handler's request. Rejects when no whole answer came within the handler's time. */
export type SendToHandler = (
  handler: HttpHandler,
  headers: Readonly<Record<string, string | readonly string[]>>,
  body: string,
) => Promise<HandlerReply>;

/** Sends the answer to a URL. What goes wrong is logged. */
export function httpHandler(handler: HttpHandler, send: SendToHandler, logger: Logger): WatchHandler {
  return async (marker, result) => {
    const headers = { "Content-Type": "application/json", "X-Consul-Index": indexOf(marker), ...handler.header };
    try {
      const { status, statusText, output } = await send(handler, headers, handlerInput(result));
      if (status >= 200 && status <= 299) {
        logger.trace("http watch handler output", { watch: handler.path, output });
      } else {
        const fields = { watch: handler.path, status: `${status} ${statusText}`, output };
        logger.error("http watch handler failed with output", fields);
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      logger.error("Failed to invoke http watch handler", { watch: handler.path, error: reason });
    }
  };
}

/** Node's signals take whole milliseconds and are over at once above this. */
const SIGNAL_MS_MAX = 2 ** 31 - 1;

/** As Go's client has it, nothing and less is no limit. */
function signalMs(timeoutMs: number): number {
  return timeoutMs > 0 ? Math.min(Math.ceil(timeoutMs), SIGNAL_MS_MAX) : SIGNAL_MS_MAX;
}

/** The production `SendToHandler`. */
export const sendToHandler: SendToHandler = async (handler, headers, body) => {
  const url = new URL(handler.path);
  const client = url.protocol === "https:" ? https : http;
  const message = await new Promise<http.IncomingMessage>((resolve, reject) => {
    const options = {
      method: handler.method,
      headers: { ...headers, "Content-Length": Buffer.byteLength(body) } as http.OutgoingHttpHeaders,
      agent: false as const,
      signal: AbortSignal.timeout(signalMs(handler.timeoutMs)),
      ...(url.protocol === "https:" ? { rejectUnauthorized: !handler.tlsSkipVerify } : {}),
    };
    client.request(url, options, resolve).on("error", reject).end(body);
  });
  const output = new TailBuffer(HANDLER_OUTPUT_BYTES_MAX);
  for await (const chunk of message) output.write(chunk as Buffer);
  return { status: message.statusCode ?? 0, statusText: message.statusMessage ?? "", output: output.labelledText() };
};
