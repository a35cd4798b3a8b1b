/** Answers in JSON: read by path, with nothing taken for granted. */
import type { WebAnswer, WebRequest, World } from "./provider.ts";

/** What of a refusal is shown. */
const REASON_CHARS_MAX = 300;

/** @throws Error with the status and what the service said, unless it answered 2xx with JSON */
export async function askJson(world: World, request: WebRequest): Promise<unknown> {
  const answer = await world.send(request);
  if (answer.status < 200 || answer.status > 299) throw new Error(refusal(request, answer));
  return jsonOf(request.url, answer.body);
}

/** @throws Error without any of the answer, of which the parser's own words show some: it may be credentials. */
export function jsonOf(url: string, body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    throw new Error(`${placeOf(url)} did not answer with JSON`);
  }
}

/** As much of a service's own words as is shown. */
export function shown(reason: string): string {
  return reason.slice(0, REASON_CHARS_MAX);
}

/** Host and path: queries may be long. */
export function placeOf(url: string): string {
  const { host, pathname } = new URL(url);
  return host + pathname;
}

/** The services' forms: `{"error":{"message"}}`, `{"error","error_description"}`, `{"message"}`, `{"errors":[{"reason"}]}`. */
function refusal({ url }: WebRequest, { status, body }: WebAnswer): string {
  let said: unknown;
  try {
    said = JSON.parse(body);
  } catch {
    said = undefined; // the body is no JSON: it is shown as it is
  }
  const reason =
    textAt(said, "error", "message") ??
    textAt(said, "error_description") ??
    textAt(said, "message") ??
    textAt(listAt(said, "errors")[0], "reason") ??
    textAt(said, "error") ??
    body.trim();
  return `${placeOf(url)} answered ${status}${reason === "" ? "" : `: ${shown(reason)}`}`;
}

export function at(value: unknown, ...path: readonly string[]): unknown {
  let here = value;
  for (const name of path) {
    if (typeof here !== "object" || here === null || !Object.hasOwn(here, name)) return undefined;
    here = (here as Readonly<Record<string, unknown>>)[name];
  }
  return here;
}

/** Undefined for what is no text, and for an empty one. */
export function textAt(value: unknown, ...path: readonly string[]): string | undefined {
  const found = at(value, ...path);
  return typeof found === "string" && found !== "" ? found : undefined;
}

/** Empty for what is no list. */
export function listAt(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
}
