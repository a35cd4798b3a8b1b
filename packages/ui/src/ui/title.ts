import { effect, signal } from "@preact/signals";
import { agentAway } from "../data/presence.ts";

/** What the tab of the browser says while somebody looks at another one: the page, and how many checks are critical. */
export const pageName = signal("");
/** Undefined while that is not known for now. */
export const criticalChecks = signal<number | undefined>(undefined);

export function startTitle(): void {
  effect(() => {
    const away = agentAway.value !== undefined;
    const bad = away ? 0 : (criticalChecks.value ?? 0);
    const name = pageName.value === "" ? "Tribune" : `${pageName.value} · Tribune`;
    document.title = bad > 0 ? `(${bad}) ${name}` : name;
    const icon = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
    const wanted = away ? "favicon-away.svg" : bad > 0 ? "favicon-critical.svg" : "favicon.svg";
    if (icon !== null && !icon.href.endsWith(`/${wanted}`)) icon.href = `./${wanted}`;
  });
}
