/** Kubernetes: pods that run and are ready. */
import type { DiscoverArgs } from "../codec/discover-text.ts";
import { parseGoBool } from "../lib/go-bool.ts";
import { goQuote } from "../lib/go-quote.ts";
import type { Logger } from "../lib/log.ts";
import { askJson, at, listAt, textAt } from "./json.ts";
import { kubernetesApi } from "./kubeconfig.ts";
import { arg, type Provider, pages } from "./provider.ts";

/** A pod's annotation that names a port, or is one. */
const PORT_ANNOTATION = "consul.hashicorp.com/auto-join-port";
const PODS_PER_PAGE = 500;

export const k8s: Provider = async (args, world, logger) => {
  let pods: readonly unknown[];
  try {
    const { server, headers, tls } = await kubernetesApi(arg(args, "kubeconfig"), world);
    const url = `${server}/api/v1/namespaces/${encodeURIComponent(arg(args, "namespace") || "default")}/pods`;
    const found: unknown[] = [];
    await pages("", async (next) => {
      const query = new URLSearchParams({ limit: String(PODS_PER_PAGE) });
      if (arg(args, "label_selector") !== "") query.set("labelSelector", arg(args, "label_selector"));
      if (arg(args, "field_selector") !== "") query.set("fieldSelector", arg(args, "field_selector"));
      if (next !== "") query.set("continue", next);
      const answer = await askJson(world, {
        url: `${url}?${query}`,
        headers: { ...headers, Accept: "application/json" },
        tls,
      });
      found.push(...listAt(answer, "items"));
      return textAt(answer, "metadata", "continue");
    });
    pods = found;
  } catch (error) {
    throw new Error(`discover-k8s: error listing pods: ${(error as Error).message}`);
  }
  return podAddresses(pods, args, logger);
};

function podAddresses(pods: readonly unknown[], args: DiscoverArgs, logger: Logger): readonly string[] {
  const given = arg(args, "host_network");
  const onHost = given === "" ? false : parseGoBool(given);
  if (onHost === undefined)
    throw new Error(
      `discover-k8s: host_network must be boolean value: strconv.ParseBool: parsing ${goQuote(given)}: invalid syntax`,
    );
  return pods.flatMap((pod) => {
    const found = podAddress(pod, onHost);
    if ("address" in found) return [found.address];
    logger.debug(`discover-k8s: ignoring pod ${goQuote(textAt(pod, "metadata", "name") ?? "")}, ${found.ignored}`);
    return [];
  });
}

function podAddress(pod: unknown, onHost: boolean): { readonly address: string } | { readonly ignored: string } {
  const phase = textAt(pod, "status", "phase") ?? "";
  if (phase !== "Running") return { ignored: `not running: ${goQuote(phase)}` };
  // One without that condition is taken as it is.
  const ready = listAt(pod, "status", "conditions").filter((condition) => textAt(condition, "type") === "Ready");
  if (ready.some((condition) => textAt(condition, "status") !== "True")) return { ignored: "not ready state" };
  const host = textAt(pod, "status", onHost ? "hostIP" : "podIP");
  if (host === undefined) return { ignored: "requested IP is empty" };
  const annotation = textAt(pod, "metadata", "annotations", PORT_ANNOTATION);
  if (annotation === undefined) return { address: host };
  const port = podPort(pod, annotation, onHost);
  if (port === undefined)
    return { ignored: `error retrieving port: strconv.ParseInt: parsing ${goQuote(annotation)}: invalid syntax` };
  return { address: `${host.includes(":") ? `[${host}]` : host}:${port}` };
}

/** A port of that name, or else the annotation's own number. */
function podPort(pod: unknown, annotation: string, onHost: boolean): number | undefined {
  for (const container of listAt(pod, "spec", "containers"))
    for (const port of listAt(container, "ports")) {
      if (textAt(port, "name") !== annotation) continue;
      const number = Number(at(port, onHost ? "hostPort" : "containerPort") ?? 0);
      if (number !== 0 || !onHost) return number;
    }
  return /^\d{1,5}$/.test(annotation) ? Number(annotation) : undefined;
}
