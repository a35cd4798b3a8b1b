import { datacenter } from "../data/agent.ts";
import { openPalette } from "./palette.tsx";
import { navigate } from "./router.ts";
import { sections } from "./sections.ts";

const sequenceMs = 1200;

/** `Ctrl K` the palette, `/` the search of the page, `g` and a letter a page. Nothing while somebody types. */
export function startKeys(): void {
  let goAt = Number.NEGATIVE_INFINITY;
  addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      openPalette();
      return;
    }
    const target = event.target as HTMLElement;
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.isContentEditable;
    if (typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.key === "/") {
      const search = document.querySelector<HTMLInputElement>("#search");
      event.preventDefault();
      if (search === null) openPalette();
      else search.select();
    } else if (event.key === "?") {
      navigate(`${encodeURIComponent(datacenter.value)}/settings`);
    } else if (event.key === "g") {
      goAt = event.timeStamp;
    } else if (event.timeStamp - goAt < sequenceMs) {
      goAt = Number.NEGATIVE_INFINITY;
      const to = sections()
        .flatMap(({ places }) => places)
        .find(({ key }) => key === event.key);
      if (to !== undefined) navigate(`${encodeURIComponent(datacenter.value)}/${to.at}`);
    }
  });
}
