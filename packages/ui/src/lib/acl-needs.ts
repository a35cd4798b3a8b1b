import type { Need } from "./acl-rules.ts";

/** What a refused request would have needed: from the refusal's own words where they say it, else from the request. */
export function needOf(text: string): Need | undefined {
  return needOfRefusal(text) ?? needOfRequest(text);
}

/** Later Consuls say what was missing; 1.10 says "Permission denied" and no more. */
const lacks = /lacks permission '(\w+):(\w+)'(?: on "([^"]*)")?/;

function needOfRefusal(text: string): Need | undefined {
  const [, resource, access, name = ""] = lacks.exec(text) ?? [];
  if (resource === undefined || !["read", "list", "write"].includes(access!)) return undefined;
  return { resource, name, access: access as Need["access"] };
}

/** The accessor of the token that a refusal names. */
export const accessorIn = (text: string): string | undefined => /AccessorID '([0-9a-f-]{36})'/.exec(text)?.[1];

type Make = (name: string, write: boolean, query: URLSearchParams) => Need;
const fixed =
  (resource: string, access?: Need["access"]): Make =>
  (_, write) => ({ resource, name: "", access: access ?? (write ? "write" : "read") });
const of =
  (resource: string, access?: Need["access"]): Make =>
  (name, write) => ({ resource, name, access: access ?? (write ? "write" : "read") });

function ofKey(name: string, write: boolean, query: URLSearchParams): Need {
  if (write && query.has("recurse")) return { resource: "key", name, access: "write", tree: true };
  return {
    resource: "key",
    name,
    access: write ? "write" : query.has("keys") || query.has("recurse") ? "list" : "read",
  };
}
function ofEntry(rest: string, write: boolean): Need {
  const [kind = "", name = ""] = rest.split("/");
  if (kind === "service-intentions") return { resource: "intention", name, access: write ? "write" : "read" };
  if (/^(proxy-defaults|mesh|exported-services)$/.test(kind))
    return { resource: kind === "mesh" ? "mesh" : "operator", name: "", access: write ? "write" : "read" };
  return { resource: "service", name, access: write ? "write" : "read" };
}
const ofIntention: Make = (_, write, query) => ({
  resource: "intention",
  name: (query.get("destination") ?? query.get("name") ?? "").replace(/^.*\//, ""),
  access: write ? "write" : "read",
});

/** Paths behind `/v1/`; the part in brackets is the name. */
const requests: readonly (readonly [path: RegExp, make: Make])[] = [
  [/^kv\/(.*)$/, ofKey],
  [/^acl\//, fixed("acl")],
  [/^snapshot$/, fixed("acl", "write")],
  [/^operator\/keyring$/, fixed("keyring")],
  [/^operator\//, fixed("operator")],
  [/^connect\/ca\/configuration$/, fixed("operator")],
  [/^connect\/intentions/, ofIntention],
  [/^config\/(.*)$/, ofEntry],
  [/^event\/fire\/([^/]+)$/, of("event", "write")],
  [/^session\/create$/, of("session", "write")],
  [/^session\/(?:info|node)\/([^/]+)$/, of("session", "read")],
  [/^query\/?([^/]*)/, of("query")],
  [/^agent\/(?:self|metrics|host|monitor|version)\b/, of("agent", "read")],
  [/^agent\/force-leave\//, fixed("operator", "write")],
  [/^agent\/service\/(?:deregister|maintenance)\/([^/]+)$/, of("service", "write")],
  [/^agent\/service\/([^/]+)$/, of("service", "read")],
  [/^agent\/(?:join|leave|reload|token)\b/, of("agent", "write")],
  [/^agent\/maintenance$/, of("node", "write")],
  [/^(?:health\/(?:service|connect|checks)|catalog\/(?:service|connect))\/([^/]+)$/, of("service", "read")],
  [/^(?:internal\/ui\/service-topology|discovery-chain)\/([^/]+)$/, of("service", "read")],
  [
    /^(?:health\/node|catalog\/node|catalog\/node-services|internal\/ui\/node|coordinate\/node)\/([^/]+)$/,
    of("node", "read"),
  ],
];

/** `PUT /v1/kv/app/limit?cas=1`, with or without the method and the host. */
function needOfRequest(text: string): Need | undefined {
  const found = /^\s*(?:(GET|PUT|POST|DELETE)\s+)?(?:https?:\/\/[^/\s]+)?\/?(?:\S*?\/)?v1\/([^\s?]+)(?:\?(\S*))?/i.exec(
    text,
  );
  if (found === null) return undefined;
  const [, method = "GET", path = "", query = ""] = found;
  for (const [pattern, make] of requests) {
    const fits = pattern.exec(path);
    if (fits !== null) return make(decoded(fits[1] ?? ""), !/^get$/i.test(method), new URLSearchParams(query));
  }
  return undefined;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
