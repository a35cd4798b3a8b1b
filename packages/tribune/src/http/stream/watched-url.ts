import type { HttpView, Query } from "../../endpoints/binding.ts";
import { commonOptions } from "../../endpoints/common-options.ts";
import { TribuneError } from "../../lib/errors.ts";
import { questionKey } from "../../server/question-key.ts";
import type { HttpOptions } from "../backend.ts";
import { BadEscapeError, percentDecode, QueryString } from "../query-string.ts";
import type { Router } from "../router.ts";
import { parameterValues } from "../target.ts";
import { variantOf } from "../variant.ts";
import { refuseNamespace } from "../view.ts";
import type { ViewCall } from "./topic.ts";

/** What is watched: a path of the API, decoded, with its query. */
export interface WatchedUrl {
  readonly path: string;
  readonly query: Query;
}

/** @param url path and query as in a request line. @throws TribuneError */
export function parseWatchedUrl(url: string): WatchedUrl {
  const mark = url.indexOf("?");
  try {
    return {
      path: percentDecode(mark < 0 ? url : url.slice(0, mark), false),
      query: new QueryString(mark < 0 ? "" : url.slice(mark + 1)),
    };
  } catch (error) {
    if (error instanceof BadEscapeError) throw TribuneError.badRequest(error.message);
    throw error;
  }
}

/**
 * The read behind a URL: the endpoint's own, with its parameters, mode and token.
 *
 * @param asker the request of the stream: who asks, and defaults of token and datacenter.
 * @throws TribuneError where it cannot be watched
 */
export function watchedView(
  { path, query }: WatchedUrl,
  asker: HttpView,
  router: Router,
  options: HttpOptions,
): ViewCall {
  const cannot = (why: string): TribuneError => TribuneError.badRequest(`${path} cannot be watched: ${why}`);
  if (options.blockEndpoints.some((prefix) => path.startsWith(prefix)))
    throw new TribuneError("permissionDenied", "Endpoint is blocked by agent configuration");
  const match = router.match(path);
  if (match.kind !== "route") throw cannot("there is no such endpoint");
  const endpoint = match.route.endpoints
    .get("GET")
    ?.find(
      ({ contract: { when, whenRest } }) =>
        (when === undefined || query.has(when)) && (whenRest === undefined || match.rest.includes(whenRest)),
    );
  if (endpoint === undefined) throw cannot("it is not read with GET");
  const { contract, binding } = endpoint;
  if (contract.kind !== "read" || !contract.blocking) throw cannot("it does not take ?index");
  if (contract.namespaced === true) refuseNamespace({}, query);
  const view = new WatchedView(path, query, asker);
  const common = commonOptions(contract.request, view);
  const asked = binding.request(parameterValues(contract.parameters, match.rest, view, undefined), view, common);
  const consistency =
    asked.RequireConsistent === true ? "consistent" : asked.AllowStale === true ? "stale" : ("leader" as const);
  const datacenter: string = asked.Datacenter ?? view.datacenter;
  const cached = asked.UseCache === true && contract.cacheable === true;
  const key = questionKey(endpoint, asked);
  const variant = variantOf(query, false);
  return {
    key: JSON.stringify([key, variant, datacenter, consistency, cached, view.token, asked.MaxStaleDuration ?? 0]),
    read: { endpoint, key, request: asked, minIndex: 0, waitMs: 0, consistency, datacenter, cached },
    variant,
    show: (reply) => binding.show(reply, asked, view),
  };
}

const NO_BODY: AsyncIterable<Uint8Array> = (async function* () {})();

/** The request that the watched URL would be, made by whoever asks for the stream. It outlives that request. */
class WatchedView implements HttpView {
  readonly method = "GET";
  readonly path: string;
  readonly query: Query;
  readonly datacenter: string;
  readonly nodeName: string;
  readonly token: string;
  readonly sourceAddress: string;
  readonly limits: HttpView["limits"];
  readonly defaults: HttpView["defaults"];
  readonly dnsDomains: readonly string[];
  readonly body = NO_BODY;
  readonly contentLength = undefined;

  constructor(path: string, query: Query, asker: HttpView) {
    this.path = path;
    this.query = query;
    this.datacenter = query.get("dc") || asker.datacenter;
    this.token = query.get("token") || asker.token;
    this.nodeName = asker.nodeName;
    this.sourceAddress = asker.sourceAddress;
    this.limits = asker.limits;
    this.defaults = asker.defaults;
    this.dnsDomains = asker.dnsDomains;
  }

  /** What headers say of a request (cache control) is not meant for what is watched. */
  header(): string {
    return "";
  }

  onGone(): () => void {
    return () => {};
  }
}
