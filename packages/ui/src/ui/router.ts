import { signal } from "@preact/signals";
import { siteRoot } from "../data/place.ts";

/** Where the user is: the path below the site's root, without a leading slash, and the query. */
export interface Place {
  readonly path: string;
  readonly query: URLSearchParams;
}

function here(): Place {
  const { pathname, search } = location;
  const path = pathname.startsWith(siteRoot) ? pathname.slice(siteRoot.length) : "";
  return { path, query: new URLSearchParams(search) };
}

export const place = signal<Place>(here());

/** `to` is relative to the site's root: `dc1/services?q=web`. */
export function navigate(to: string, { replace = false } = {}): void {
  if (!replace) history.replaceState({ ...history.state, scroll: scrollY }, "");
  history[replace ? "replaceState" : "pushState"]({}, "", siteRoot + to);
  const before = place.value.path;
  place.value = here();
  if (replace || before === place.value.path) return;
  scrollTo(0, 0);
  arrived();
}

/** Changes one parameter of the address in place; an empty value takes it out. */
export function setQuery(name: string, value: string): void {
  const query = new URLSearchParams(location.search);
  if (value === "") query.delete(name);
  else query.set(name, value);
  const text = query.toString();
  navigate(place.value.path + (text === "" ? "" : `?${text}`), { replace: true });
}

/** A reader hears the name of the new page; the keyboard starts there. */
function arrived(): void {
  requestAnimationFrame(() => document.querySelector<HTMLElement>("main")?.focus({ preventScroll: true }));
}

export function startRouter(): void {
  // The frozen base must not depend on what the address becomes.
  const base = document.querySelector("base");
  if (base !== null) base.href = siteRoot;
  history.scrollRestoration = "manual";
  addEventListener("popstate", (event) => {
    place.value = here();
    const state = event.state as { scroll?: number } | null;
    requestAnimationFrame(() => scrollTo(0, state?.scroll ?? 0));
  });
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    const link = (event.target as Element).closest("a");
    if (link === null || link.target !== "" || link.hasAttribute("download")) return;
    const url = new URL(link.href);
    if (url.origin !== location.origin || !url.pathname.startsWith(siteRoot)) return;
    event.preventDefault();
    navigate(url.pathname.slice(siteRoot.length) + url.search);
  });
}
