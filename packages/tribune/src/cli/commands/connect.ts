import { readFile } from "node:fs/promises";
import { ResponseError, stringifyJson } from "@tribune/client/node";
import { stringifyGo } from "../../lib/go-json.ts";
import { JsonError, parseJson } from "../../lib/go-json-parse.ts";
import { goQuote } from "../../lib/go-quote.ts";
import { count, flag, map, struct, text } from "../../lib/go-struct.ts";
import { CommandFailure, failing, find, read, step, word, write } from "../acl/request.ts";
import type { Command } from "../command.ts";
import { fileReason } from "../output.ts";
import { boolFlag, intFlag, listFlag, stringFlag } from "./flag.ts";
import { intentionTarget } from "./intention-target.ts";

const SETUP_WORDS = "Error initializing client";
const DEFAULT_NAMESPACE = "default";

interface IngressService {
  readonly Name: string;
  readonly Namespace?: string;
  readonly Hosts: readonly string[] | null;
}

interface IngressListener {
  readonly Port: number;
  readonly Protocol: string;
  readonly Services: readonly IngressService[] | null;
}

/** What it has beside these passes through as it came. */
interface IngressGateway {
  readonly Kind: string;
  readonly Name: string;
  readonly Namespace?: string;
  readonly Listeners: readonly IngressListener[] | null;
  readonly ModifyIndex?: number;
}

export const connectExpose: Command = {
  usage: "[options]",
  description: `
Adds a service to a listener of an ingress gateway's configuration entry, and lets the gateway connect to it.

    $ consul connect expose -service=web -ingress-gateway=edge -port=8080 -protocol=http -host=web.example.com`,
  http: "server",
  setupWords: SETUP_WORDS,
  flags: [
    listFlag("host", "Host name by which requests for the service come; may be repeated."),
    stringFlag("ingress-gateway", "Name of the gateway's service. Required."),
    intFlag("port", "Port of the gateway's listener. Required."),
    stringFlag("protocol", "The listener's protocol: tcp, http, http2 or grpc.", "tcp"),
    stringFlag("service", "Name of the service. Required."),
  ],
  run: failing(async (context) => {
    const { flags, out } = context;
    const client = context.client();
    const [service, gateway] = [flags.string("service"), flags.string("ingress-gateway")];
    if (service === "") throw new CommandFailure("A service name must be given via the -service flag.");
    const [namespace, Name] = await step("Invalid service name", () => intentionTarget(service));
    if (gateway === "")
      throw new CommandFailure("An ingress gateway service must be given via the -ingress-gateway flag.");
    const [gatewayNamespace, gatewayName] = await step("Invalid ingress gateway name", () => intentionTarget(gateway));
    if (flags.number("port") === 0) throw new CommandFailure("A port must be provided via the -port flag.");

    const before = await step("Error fetching existing ingress gateway configuration", async () => {
      try {
        return await read<IngressGateway>(client, `/v1/config/ingress-gateway/${word(gatewayName)}`);
      } catch (error) {
        if (error instanceof ResponseError && error.message.includes("Config entry not found")) return undefined;
        throw error;
      }
    });
    const entry = before ?? {
      Kind: "ingress-gateway",
      Name: gatewayName,
      ...(gatewayNamespace === "" ? {} : { Namespace: gatewayNamespace }),
      Listeners: null,
    };
    const hosts = flags.list("host");
    const exposed = {
      Name,
      ...(namespace === "" ? {} : { Namespace: namespace }),
      Hosts: hosts.length === 0 ? null : hosts,
    };
    const wanted = { Port: flags.number("port"), Protocol: flags.string("protocol") };
    const { listeners, replaced } = withService(entry.Listeners ?? [], wanted, exposed);
    if (replaced)
      out(`Updating service definition for ${goQuote(service)} on listener with port ${flags.number("port")}`);
    // Written only as long as it is what was read: somebody else may be exposing another service.
    const { value: written } = await step("Error writing ingress config entry", () =>
      client.ask<boolean>({
        method: "PUT",
        path: "/v1/config",
        query: { cas: String(entry.ModifyIndex ?? 0) },
        body: stringifyJson({ ...entry, Listeners: listeners }),
      }),
    );
    if (!written)
      throw new CommandFailure("Ingress config entry was changed while attempting to update, please try again.");
    out(`Successfully updated config entry for ingress service ${goQuote(gatewayName)}`);

    const ends = `${goQuote(gateway)} -> ${goQuote(service)}`;
    const exact = `/v1/connect/intentions/exact?source=${word(gateway)}&destination=${word(service)}`;
    const existing = await step("Error looking up existing intention", () =>
      find<{ readonly Action?: string }>(client, exact),
    );
    if (existing?.Action === "allow") {
      out(`Intention already exists for ${ends}`);
      return;
    }
    await step("Error upserting intention", () =>
      write(client, exact, {
        ...(gatewayNamespace === "" ? {} : { SourceNS: gatewayNamespace }),
        SourceName: gatewayName,
        ...(namespace === "" ? {} : { DestinationNS: namespace }),
        DestinationName: Name,
        SourceType: "consul",
        Action: "allow",
      }),
    );
    out(`Successfully set up intention for ${ends}`);
  }),
};

/** @throws CommandFailure when the port speaks another protocol */
function withService(
  listeners: readonly IngressListener[],
  { Port, Protocol }: Pick<IngressListener, "Port" | "Protocol">,
  service: IngressService,
): { readonly listeners: readonly IngressListener[]; readonly replaced: boolean } {
  const listener = listeners.find((one) => one.Port === Port);
  if (listener === undefined)
    return { listeners: [...listeners, { Port, Protocol, Services: [service] }], replaced: false };
  if (listener.Protocol !== Protocol)
    throw new CommandFailure(
      `Listener on port ${Port} already configured with conflicting protocol ${goQuote(listener.Protocol)}`,
    );
  const services = listener.Services ?? [];
  const at = services.findIndex((one) => one.Name === service.Name && sameNamespace(one.Namespace, service.Namespace));
  const Services = at < 0 ? [...services, service] : services.with(at, service);
  return { listeners: listeners.map((one) => (one === listener ? { ...one, Services } : one)), replaced: at >= 0 };
}

const sameNamespace = (a: string | undefined, b: string | undefined): boolean =>
  (a || DEFAULT_NAMESPACE) === (b || DEFAULT_NAMESPACE);

const CA_PATH = "/v1/connect/ca/configuration";

/** The settings as Consul's own client knows them. */
const caConfig = struct({
  Provider: text,
  Config: map,
  State: map,
  ForceWithoutCrossSigning: flag,
  CreateIndex: count,
  ModifyIndex: count,
});

export const caGetConfig: Command = {
  usage: "[options]",
  description: "Prints how the mesh's certificate authority is set up, as JSON.",
  http: "server",
  setupWords: SETUP_WORDS,
  flags: [],
  run: failing(async (context) => {
    const client = context.client();
    const found = await step("Error querying CA configuration", () => read<unknown>(client, CA_PATH));
    const indented = stringifyGo(caConfig(found), true).trimEnd();
    context.out(indented.replace(/^ +/gm, (blanks) => "\t".repeat(blanks.length / 4)));
  }),
};

export const caSetConfig: Command = {
  usage: "[options] -config-file FILE",
  description: "Changes how the mesh's certificate authority is set up.",
  http: "server",
  setupWords: SETUP_WORDS,
  flags: [
    stringFlag("config-file", "File with the settings as JSON. Required."),
    boolFlag("force-without-cross-signing", "Change it even if the present authority cannot vouch for the next one."),
  ],
  run: failing(async (context) => {
    const client = context.client();
    const path = context.flags.string("config-file");
    if (path === "") throw new CommandFailure("The -config-file flag is required");
    let config: unknown;
    try {
      config = parseJson(await readFile(path, "utf8"), { mode: "whole" });
    } catch (error) {
      if (error instanceof JsonError) throw new CommandFailure(`Error parsing config file: ${error.message}`);
      throw new CommandFailure(`Error reading config file: ${fileReason("open", path, error)}`);
    }
    const ForceWithoutCrossSigning = context.flags.bool("force-without-cross-signing");
    await step("Error setting CA configuration", () =>
      write(client, CA_PATH, { ...(caConfig(config) as object | null), ForceWithoutCrossSigning }),
    );
    context.out("Configuration updated!");
  }),
};

/** A command of the mesh, for which an agent of ours has no certificates yet. It says so instead of being unknown. */
function ofTheMesh(description: string): Command {
  return {
    usage: "[options]",
    description: `${description}\n\nNot in this version of Tribune: its agents make no certificates yet.`,
    http: "none",
    flags: [],
    anyFlags: true,
    run: ({ error }) => {
      error(
        "This version of Tribune does not run the service mesh: it makes no certificates and configures no proxies.",
      );
      return 1;
    },
  };
}

export const connectEnvoy = ofTheMesh("Runs Envoy as a proxy of the mesh.");
export const connectProxy = ofTheMesh("Runs a proxy of the mesh.");
export const connectRedirectTraffic = ofTheMesh("Leads a host's connections through its proxy.");
