import type { MetricLabels } from "../lib/metrics.ts";

/** The labels of `rpc.server.call`: one object for each combination, so that finding its series costs no walk. */
export class CallLabels {
  readonly #known = new Map<string, MetricLabels[]>();

  /** Methods are those that are served, so there is an end to them. */
  of(method: string, kind: string, errored: boolean, leader: boolean): MetricLabels {
    let forms = this.#known.get(method);
    if (forms === undefined) {
      forms = [];
      this.#known.set(method, forms);
    }
    const form = (errored ? 1 : 0) + (leader ? 2 : 0);
    forms[form] ??= [
      ["method", method],
      ["errored", String(errored)],
      ["request_type", kind === "write" ? "write" : "read"],
      ["rpc_type", "net/rpc"],
      ["leader", String(leader)],
    ];
    return forms[form];
  }
}
