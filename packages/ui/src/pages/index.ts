import { matchRoute } from "../lib/routes.ts";
import { lazy, type PageComponent } from "../ui/lazy.tsx";
import NodesPage from "./nodes.tsx";
import OverviewPage from "./overview.tsx";
import ServicePage from "./service/service.tsx";
import ServicesPage from "./services.tsx";

/**
 * Address → page; the first that fits. Most addresses are those of Consul's own page, so that links people have kept
 * lead to the same thing.
 */
const routes: readonly (readonly [pattern: string, page: PageComponent])[] = [
  [":dc/overview", OverviewPage],
  [":dc/services", ServicesPage],
  [":dc/services/:name/instances/:node/:id", lazy(() => import("./service/instance.tsx"))],
  [":dc/services/:name/*tab", ServicePage],
  [":dc/nodes", NodesPage],
  [":dc/nodes/:name/*tab", lazy(() => import("./node/node.tsx"))],
];

export function matchPage(
  path: string,
): { readonly Component: PageComponent; readonly params: Readonly<Record<string, string>> } | undefined {
  for (const [pattern, Component] of routes) {
    const found = matchRoute(pattern, path);
    if (found !== undefined) return { Component, params: found.params };
  }
  return undefined;
}
