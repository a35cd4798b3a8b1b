import { parseJson } from "../lib/json-numbers.ts";
import { apiRoot } from "./place.ts";
import { token } from "./token.ts";

/** The agent answered, and said no. */
export class Refused extends Error {
  override readonly name = "Refused";
  readonly status: number;
  /** `PUT /v1/kv/a`: what was refused. */
  readonly request: string;
  constructor(status: number, message: string, request = "") {
    super(message);
    this.status = status;
    this.request = request;
  }
}

/** Nobody answered. */
export class Away extends Error {
  override readonly name = "Away";
}

export interface Request {
  readonly method?: "GET" | "PUT" | "POST" | "DELETE";
  readonly body?: BodyInit;
  readonly signal?: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One request of the API: `path` begins behind `/v1/`. Rejects with Refused, Away, or the signal's reason. */
export async function send(path: string, request: Request = {}): Promise<Response> {
  const headers: Record<string, string> = { ...request.headers };
  if (token.value !== "") headers["X-Consul-Token"] = token.value;
  let response: Response;
  try {
    response = await fetch(`${await apiRoot()}v1/${path}`, {
      method: request.method ?? "GET",
      headers,
      cache: "no-store",
      ...(request.body === undefined ? {} : { body: request.body }),
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    });
  } catch (error) {
    if (request.signal?.aborted) throw request.signal.reason;
    throw new Away("The agent does not answer", { cause: error });
  }
  // A proxy that has lost its agent speaks for itself.
  if (response.status === 502 || response.status === 504) throw new Away(`The proxy answers ${response.status}`);
  // Autopilot says by 429 that it is not well, and still answers.
  if (response.status === 429 && response.headers.get("content-type")?.startsWith("application/json")) return response;
  if (!response.ok) {
    const text = (await response.text()).trim() || `Status ${response.status}`;
    throw new Refused(response.status, text, `${request.method ?? "GET"} /v1/${path}`);
  }
  return response;
}

export async function sendJson<T>(path: string, request: Request = {}): Promise<T> {
  const text = await readText(await send(path, request));
  return parseJson(text) as T;
}

/** The connection may end in the middle of an answer. */
export async function readText(response: Response): Promise<string> {
  try {
    return await response.text();
  } catch (error) {
    throw new Away("The agent went away in the middle of an answer", { cause: error });
  }
}

export const put = (path: string, body?: unknown): Promise<unknown> =>
  send(path, { method: "PUT", ...(body === undefined ? {} : { body: JSON.stringify(body) }) }).then(readText);

export const query = (path: string, parameters: Readonly<Record<string, string | undefined>>): string => {
  const pairs = Object.entries(parameters).filter((pair): pair is [string, string] => pair[1] !== undefined);
  if (pairs.length === 0) return path;
  const text = pairs.map(([name, value]) => (value === "" ? name : `${name}=${encodeURIComponent(value)}`)).join("&");
  return `${path}${path.includes("?") ? "&" : "?"}${text}`;
};
