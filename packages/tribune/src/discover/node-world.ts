/** The world as a process finds it. */
import { readFile } from "node:fs/promises";
import http from "node:http";
import https from "node:https";
import { homedir } from "node:os";
import { TRIBUNE_VERSION } from "../lib/version.ts";
import { ANSWER_TIMEOUT_MS, CLOUD_ANSWER_BYTES_MAX, type WebAnswer, type WebRequest, type World } from "./provider.ts";

export const nodeWorld: World = {
  send,
  env: (name) => process.env[name] ?? "",
  readFile: async (path) => {
    try {
      return await readFile(path, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  },
  homeDir: () => process.env.HOME ?? homedir(),
  wallMs: () => Date.now(),
};

/** One connection for one request: minutes go by between two of them. Redirects are not followed. */
async function send(request: WebRequest): Promise<WebAnswer> {
  const { method = "GET", headers, body, timeoutMs = ANSWER_TIMEOUT_MS } = request;
  const url = new URL(request.url);
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const message = await new Promise<http.IncomingMessage>((resolve, reject) => {
      const options: https.RequestOptions = {
        method,
        headers: {
          "User-Agent": `tribune/${TRIBUNE_VERSION}`,
          ...headers,
          ...(body === undefined ? {} : { "Content-Length": Buffer.byteLength(body) }),
        },
        agent: false,
        signal,
        ...tlsOptions(request.tls),
      };
      const client = url.protocol === "https:" ? https : http;
      client.request(url, options, resolve).on("error", reject).end(body);
    });
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of message as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > CLOUD_ANSWER_BYTES_MAX) throw new Error(`the answer is longer than ${CLOUD_ANSWER_BYTES_MAX} bytes`);
      chunks.push(chunk);
    }
    return { status: message.statusCode ?? 0, body: Buffer.concat(chunks).toString() };
  } catch (error) {
    const reason = signal.aborted ? `no answer within ${timeoutMs / 1000}s` : (error as Error).message;
    throw new Error(`${method} ${url.host}${url.pathname}: ${reason}`, { cause: error });
  }
}

function tlsOptions({ ca, cert, key, serverName, verify }: NonNullable<WebRequest["tls"]> = {}): https.RequestOptions {
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(serverName === undefined ? {} : { servername: serverName }),
    ...(verify === undefined ? {} : { rejectUnauthorized: verify }),
  };
}
