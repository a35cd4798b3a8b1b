import type { MetricLabels, Metrics } from "../lib/metrics.ts";
import type { Route } from "./router.ts";

/** Consul's names for the catalog's requests at this agent, by path. */
const CATALOG_CALLS: Readonly<Record<string, string>> = {
  "/v1/catalog/register": "catalog_register",
  "/v1/catalog/deregister": "catalog_deregister",
  "/v1/catalog/datacenters": "catalog_datacenters",
  "/v1/catalog/nodes": "catalog_nodes",
  "/v1/catalog/services": "catalog_services",
  "/v1/catalog/service/": "catalog_service_nodes",
  "/v1/catalog/connect/": "catalog_connect_service_nodes",
  "/v1/catalog/node/": "catalog_node_services",
  "/v1/catalog/node-services/": "catalog_node_service_list",
  "/v1/catalog/gateway-services/": "catalog_gateway_services",
};

/** What is measured of the requests of one route and method: made once, so that a request costs no string. */
interface Measured {
  readonly labels: MetricLabels;
  /** Consul's name of before 1.9, in which path and method are parts. */
  readonly oldName: string;
  readonly call: { readonly asked: string; readonly success: string; readonly error: string } | undefined;
}

export interface RequestTimesOptions {
  readonly nodeName: string;
  /** Leave out the names of before 1.9 (`telemetry.disable_compat_1.9`). */
  readonly onlyNewNames: boolean;
}

/** How long requests take, under Consul's names. */
export class RequestTimes {
  readonly #metrics: Metrics;
  readonly #options: RequestTimesOptions;
  readonly #node: MetricLabels;
  readonly #measured = new Map<Route, Map<string, Measured>>();

  constructor(metrics: Metrics, options: RequestTimesOptions) {
    this.#metrics = metrics;
    this.#options = options;
    this.#node = [["node", options.nodeName]];
  }

  /** @param failed the request was refused, or nobody could answer it */
  answered(route: Route, method: string, tookMs: number, failed: boolean): void {
    const { labels, oldName, call } = this.#of(route, method);
    this.#metrics.sample("api.http", tookMs, labels);
    if (!this.#options.onlyNewNames) this.#metrics.sample(oldName, tookMs);
    if (call === undefined) return;
    this.#metrics.count(call.asked, 1, this.#node);
    this.#metrics.count(failed ? call.error : call.success, 1, this.#node);
  }

  #of(route: Route, method: string): Measured {
    let byMethod = this.#measured.get(route);
    if (byMethod === undefined) {
      byMethod = new Map();
      this.#measured.set(route, byMethod);
    }
    let measured = byMethod.get(method);
    if (measured === undefined) {
      const { pattern } = route;
      const parts = pattern
        .slice(1)
        .split("/")
        .map((part) => (part === "" ? "_" : part));
      const name = CATALOG_CALLS[pattern];
      measured = {
        labels: [
          ["method", method],
          ["path", pattern.slice(1).replaceAll("/", "_")],
        ],
        oldName: `http.${method}.${parts.join(".")}`,
        call:
          name === undefined
            ? undefined
            : {
                asked: `client.api.${name}`,
                success: `client.api.success.${name}`,
                error: `client.rpc.error.${name}`,
              },
      };
      byMethod.set(method, measured);
    }
    return measured;
  }
}
