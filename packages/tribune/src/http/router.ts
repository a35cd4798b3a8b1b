import type { Endpoint } from "../endpoints/binding.ts";

/** Everything that is answered under one path pattern. */
export interface Route {
  /** With the trailing slash where the rest of the path is a parameter. */
  readonly pattern: string;
  /** Name of the parameter that takes the rest of the path; undefined for an exact path. */
  readonly rest: string | undefined;
  /** What must stand behind that parameter, such as `/execute`; mostly nothing. */
  readonly suffix: string;
  /** In the order of the `Allow` header, without OPTIONS. */
  readonly methods: readonly string[];
  readonly endpoints: ReadonlyMap<string, readonly Endpoint[]>;
}

export type Match =
  | { readonly kind: "route"; readonly route: Route; readonly rest: string }
  | { readonly kind: "redirect"; readonly path: string }
  | { readonly kind: "none" };

/**
 * Finds routes as Go's ServeMux does: an exact path, else the longest pattern that ends in a slash; a path
 * that is only missing that slash, or is not clean (`//`, `..`), is redirected.
 */
export class Router {
  readonly #exact = new Map<string, Route>();
  /** Of several routes with one prefix, those with a suffix come first. */
  readonly #prefixes = new Map<string, Route[]>();

  constructor(endpoints: readonly Endpoint[]) {
    interface Building {
      readonly fixed: string;
      readonly rest: string | undefined;
      readonly suffix: string;
      readonly endpoints: Map<string, Endpoint[]>;
    }
    const building = new Map<string, Building>();
    for (const endpoint of endpoints) {
      const [method, path] = endpoint.contract.http.split(" ") as [string, string];
      const [, fixed = "", rest, suffix = ""] = /^(.*?)(?:[:*](\w+)(\/.*)?)?$/.exec(path)!;
      const name = `${fixed} ${suffix}`;
      const entry = building.get(name) ?? { fixed, rest, suffix, endpoints: new Map<string, Endpoint[]>() };
      building.set(name, entry);
      for (const each of [method, ...(endpoint.contract.alsoMethods ?? [])]) {
        const list = entry.endpoints.get(each) ?? [];
        entry.endpoints.set(each, list);
        list.push(endpoint);
      }
    }
    for (const { fixed: pattern, rest, suffix, endpoints: byMethod } of building.values()) {
      const methods = [...byMethod.keys()].filter((method) => method !== "OPTIONS");
      const route: Route = { pattern, rest, suffix, methods, endpoints: byMethod };
      if (!pattern.endsWith("/")) {
        this.#exact.set(pattern, route);
        continue;
      }
      const routes = this.#prefixes.get(pattern) ?? [];
      this.#prefixes.set(pattern, suffix === "" ? [...routes, route] : [route, ...routes]);
    }
  }

  match(path: string): Match {
    const cleaned = cleanPath(path);
    if (cleaned !== path) return { kind: "redirect", path: cleaned };
    const exact = this.#exact.get(path);
    if (exact !== undefined) return { kind: "route", route: exact, rest: "" };
    for (let at = path.length; at > 1; at = path.lastIndexOf("/", at - 2) + 1) {
      const rest = path.slice(at);
      const route = this.#prefixes.get(path.slice(0, at))?.find(({ suffix }) => rest.endsWith(suffix));
      if (route !== undefined) return { kind: "route", route, rest: rest.slice(0, rest.length - route.suffix.length) };
    }
    if (this.#prefixes.has(`${path}/`)) return { kind: "redirect", path: `${path}/` };
    return { kind: "none" };
  }
}

/** Go's `path.Clean`, keeping a trailing slash. */
export function cleanPath(path: string): string {
  if (path === "") return "/";
  if (!/\/\/|\/\.\.?(?:\/|$)/.test(path)) return path;
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") parts.pop();
    else parts.push(part);
  }
  const cleaned = `/${parts.join("/")}`;
  return path.endsWith("/") && cleaned !== "/" ? `${cleaned}/` : cleaned;
}
