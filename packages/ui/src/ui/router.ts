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
  if (!replace) {
    coming.abort();
    leave();
  }
  history[replace ? "replaceState" : "pushState"]({}, "", siteRoot + to);
  place.value = here();
  if (replace) return;
  scrollTo(0, 0);
  arrived();
}

/** What a page that is left needs to be found again as it was: how far down it was, and what had the keyboard. */
function leave(): void {
  const link = document.activeElement?.closest("main a")?.getAttribute("href") ?? undefined;
  history.replaceState({ scroll: scrollY, link }, "");
}

/** Rows come soon after their data is read; so long they are looked for. */
const lookMs = 3000;
/** Until the page's code and data are there, however slow they are: its place is empty, or has lines where rows will be. */
const isToCome = (): boolean => document.querySelector("main:empty, main .ghost") !== null;
const doings = ["keydown", "pointerdown", "wheel", "touchmove"];
/** Ends the coming back to a page that is left again before its rows are there. */
let coming = new AbortController();

/** The page as it was left. The keyboard goes on at the link that was followed, else where the page begins. */
function comeBack({ scroll = 0, link }: { readonly scroll?: number; readonly link?: string }): void {
  let until = performance.now() + lookMs;
  let had = document.activeElement;
  coming.abort();
  const done = new AbortController();
  coming = done;
  // Whoever does something meanwhile is somewhere already.
  for (const kind of doings) addEventListener(kind, () => done.abort(), { signal: done.signal, passive: true });
  const look = (): void => {
    if (done.signal.aborted) return;
    // So is whoever moves the keyboard without a key, as readers of the screen do.
    if (![had, document.body].includes(document.activeElement)) return done.abort();
    scrollTo(0, scroll);
    if (isToCome()) until = performance.now() + lookMs;
    const again = link && document.querySelector<HTMLElement>(`main a[href="${CSS.escape(link)}"]`);
    if (again) again.focus({ preventScroll: true });
    else if (link && performance.now() < until) return void requestAnimationFrame(look);
    else document.querySelector<HTMLElement>("main")?.focus({ preventScroll: true });
    done.abort();
  };
  requestAnimationFrame(() => {
    // A dialog that has gone with its page has given the keyboard back.
    if (!had?.isConnected) had = document.activeElement;
    look();
  });
}

/** Changes one parameter of the address in place; an empty value takes it out. */
export function setQuery(name: string, value: string): void {
  const query = new URLSearchParams(location.search);
  if (value === "") query.delete(name);
  else query.set(name, value);
  const text = query.toString();
  navigate(place.value.path + (text === "" ? "" : `?${text}`), { replace: true });
}

/**
 * A reader hears the name of the new page; the keyboard starts there. As soon as the page is drawn, which is the next
 * thing to happen: after a frame the keyboard would be taken from whoever was quicker.
 */
function arrived(): void {
  queueMicrotask(() => document.querySelector<HTMLElement>("main")?.focus({ preventScroll: true }));
}

export function startRouter(): void {
  // The frozen base must not depend on what the address becomes.
  const base = document.querySelector("base");
  if (base !== null) base.href = siteRoot;
  history.scrollRestoration = "manual";
  addEventListener("popstate", (event) => {
    place.value = here();
    comeBack((event.state as { readonly scroll?: number; readonly link?: string } | null) ?? {});
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
