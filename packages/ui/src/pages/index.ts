import { matchRoute } from "../lib/routes.ts";
import { lazy, type PageComponent } from "../ui/lazy.tsx";
import { whereChecked } from "./acls/unchecked.tsx";
import KvFolder from "./kv/folder.tsx";
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
  [":dc/kv", KvFolder],
  [":dc/kv/edit", lazy(() => import("./kv/edit.tsx"))],
  [":dc/members/*tab", lazy(() => import("./members.tsx"))],
  [":dc/sessions", lazy(() => import("./sessions.tsx"))],
  [":dc/events", lazy(() => import("./events.tsx"))],
  [":dc/queries", lazy(() => import("./queries/list.tsx"))],
  [":dc/queries/:id", lazy(() => import("./queries/edit.tsx"))],
  [":dc/intentions", lazy(() => import("./intentions/list.tsx"))],
  [":dc/intentions/edit", lazy(() => import("./intentions/edit.tsx"))],
  [":dc/config-entries", lazy(() => import("./config/list.tsx"))],
  [":dc/config-entries/edit", lazy(() => import("./config/edit.tsx"))],
  [":dc/acls/why", whereChecked(lazy(() => import("./acls/why.tsx")))],
  [":dc/acls/:kind", whereChecked(lazy(() => import("./acls/list.tsx")))],
  [":dc/acls/:kind/:id", whereChecked(lazy(() => import("./acls/edit.tsx")))],
  [":dc/settings", lazy(() => import("./settings.tsx"))],
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
