/**
 * Hands questions of the web page on to the one metrics' backend that the operator named, so that the page can show
 * measurements without the backend being open to browsers.
 */
import { posix } from "node:path";
import type { UiConfig } from "../../config/types.ts";
import type { MetricsProxyApi } from "../../endpoints/agent-local-api.ts";
import type { Answer } from "../../endpoints/answer.ts";
import { formatGoDuration } from "../../lib/duration.ts";
import { TribuneError } from "../../lib/errors.ts";
import type { Logger } from "../../lib/log.ts";
import type { Timers } from "../../lib/runtime.ts";

/** How long the backend may take; a page's question that takes longer is of no use to it. */
const ANSWER_TIMEOUT_MS = 30_000;
/** Of an answer, which is held as a whole. */
const ANSWER_BYTES_MAX = 16 << 20;

export function metricsProxy(dependencies: {
  readonly config: () => UiConfig;
  readonly timers: Timers;
  readonly logger: Logger;
}): MetricsProxyApi {
  const { logger } = dependencies;
  return {
    async ask(path, query, accept) {
      const { enabled, dir, metricsProxy: proxy } = dependencies.config();
      if (!enabled && dir === "") throw new TribuneError("notFound", "UI is not enabled");
      if (proxy.baseUrl === "") throw new TribuneError("notFound", "Metrics proxy is not enabled");
      const url = targetOf(proxy.baseUrl, path);
      if (proxy.pathAllowlist.length > 0 && !proxy.pathAllowlist.includes(url.pathname)) {
        // The page learns no more than Consul's does; who wrote the list wants to know what it lacks.
        logger.error("target URL path is not allowed", {
          base_url: proxy.baseUrl,
          path: `/${path}`,
          target_url: url.href,
          path_allowlist: proxy.pathAllowlist.join(" "),
        });
        return { kind: "empty", status: 403 };
      }
      url.search = query;
      const headers = new Headers(accept === "" ? {} : { accept });
      for (const { name, value } of proxy.addHeaders) headers.set(name, value);
      try {
        return await fetched(url, headers, dependencies.timers);
      } catch (error) {
        const reason = reasonOf(error);
        logger.error("the metrics' backend does not answer", { target_url: url.href, error: reason });
        return { kind: "text", status: 502, text: `The metrics' backend does not answer: ${reason}` };
      }
    },
  };
}

/** @throws TribuneError for what would lead elsewhere than below the base */
function targetOf(base: string, path: string): URL {
  const invalid = TribuneError.badRequest("Bad request: Invalid path.");
  if (!URL.canParse(`${base}/${path}`)) throw invalid;
  const url = new URL(`${base}/${path}`);
  url.pathname = posix.normalize(url.pathname);
  if (!url.href.startsWith(base)) throw invalid;
  return url;
}

/** @throws what `fetch` throws; and for an answer that is late or too large */
async function fetched(url: URL, headers: Headers, timers: Timers): Promise<Answer> {
  const late = new AbortController();
  const cancel = timers.after(ANSWER_TIMEOUT_MS, () =>
    late.abort(new Error(`nothing for ${formatGoDuration(ANSWER_TIMEOUT_MS * 1e6)}`)),
  );
  try {
    const answer = await fetch(url, { headers, redirect: "manual", signal: late.signal });
    const body = await bounded(answer);
    const contentType = answer.headers.get("content-type") ?? "application/octet-stream";
    return { kind: "bytes", status: answer.status, contentType, body };
  } finally {
    cancel();
  }
}

/** `fetch` says only that it failed; why stands in the cause. */
function reasonOf(error: unknown): string {
  const { cause = error } = error instanceof Error ? error : {};
  return cause instanceof Error ? cause.message : String(cause);
}

async function bounded(answer: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of answer.body ?? []) {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) throw new Error(`more than ${ANSWER_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
