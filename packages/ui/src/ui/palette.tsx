import { signal } from "@preact/signals";
import { useRef, useState } from "preact/hooks";
import { datacenter, inDatacenter } from "../data/agent.ts";
import type { ServiceSummary } from "../data/types.ts";
import { useLive } from "../data/use-live.ts";
import { bestOf } from "../lib/fuzzy.ts";
import { type Health, worst } from "../lib/health.ts";
import { href } from "../lib/routes.ts";
import { useModal } from "./dialog.tsx";
import { Icon, type IconName } from "./icons.tsx";
import { logout, openLogin } from "./login.tsx";
import { navigate } from "./router.ts";
import { sections } from "./sections.ts";
import { dark, density, theme } from "./settings.ts";
import { StatusIcon } from "./status.tsx";

const open = signal(false);
export const openPalette = (): void => {
  open.value = true;
};

interface Entry {
  readonly kind: string;
  readonly text: string;
  readonly icon?: IconName;
  readonly health?: Health;
  readonly keys?: string;
  readonly run: () => void;
}

export function PaletteHost() {
  return open.value ? <Palette /> : null;
}

/** One field that finds pages, services, nodes and actions; all of it by keyboard. */
function Palette() {
  const box = useRef<HTMLDialogElement>(null);
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const services = useLive<readonly ServiceSummary[]>(inDatacenter("internal/ui/services"));
  const nodes = useLive<readonly { Node: string }[]>(inDatacenter("catalog/nodes"));
  useModal(box);
  const close = (): void => {
    open.value = false;
  };
  const dc = datacenter.value;
  const go = (to: string) => () => navigate(to);
  const pages: Entry[] = sections()
    .flatMap(({ places }) => places)
    .map((to) => ({
      kind: "Page",
      text: to.text,
      icon: to.icon,
      keys: `g ${to.key}`,
      run: go(`${href(dc)}/${to.at}`),
    }));
  const actions: Entry[] = [
    {
      kind: "Action",
      text: dark() ? "Light theme" : "Dark theme",
      icon: dark() ? "sun" : "moon",
      run: () => (theme.value = dark() ? "light" : "dark"),
    },
    {
      kind: "Action",
      text: density.value === "compact" ? "Comfortable rows" : "Compact rows",
      icon: "settings",
      run: () => (density.value = density.value === "compact" ? "comfortable" : "compact"),
    },
    { kind: "Action", text: "Log in with a token", icon: "key", run: openLogin },
    { kind: "Action", text: "Log out", icon: "key", run: logout },
    { kind: "Action", text: "Create a key", icon: "plus", run: go(`${href(dc)}/kv/edit`) },
    { kind: "Action", text: "Show failing services", icon: "services", run: go(`${href(dc)}/services?q=is:failing`) },
  ];
  const things: Entry[] =
    text.trim() === ""
      ? []
      : [
          ...(services.value ?? []).map(
            (service): Entry => ({
              kind: "Service",
              text: service.Name,
              health: worst({
                passing: service.ChecksPassing,
                warning: service.ChecksWarning,
                critical: service.ChecksCritical,
              }),
              run: go(href(dc, "services", service.Name)),
            }),
          ),
          ...(nodes.value ?? []).map(
            ({ Node }): Entry => ({ kind: "Node", text: Node, icon: "nodes", run: go(href(dc, "nodes", Node)) }),
          ),
        ];
  const found = bestOf(text, [...pages, ...actions, ...things], (entry) => entry.text, 12);
  const chosen = found[Math.min(at, found.length - 1)];
  const run = (entry: Entry | undefined): void => {
    if (entry === undefined) return;
    close();
    entry.run();
  };
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: a click beside the dialog closes it; Escape does by itself
    <dialog
      ref={box}
      class="palette"
      aria-label="Find or do something"
      onClose={() => box.current !== null && close()}
      onClick={(event) => event.target === box.current && close()}
    >
      <input
        class="palette-input"
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={chosen ? `palette-${found.indexOf(chosen)}` : undefined}
        aria-label="Page, service, node or action"
        placeholder="Page, service, node or action"
        autocomplete="off"
        spellcheck={false}
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={(event) => {
          const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
          if (step !== 0) setAt((Math.min(at, found.length - 1) + step + found.length) % Math.max(1, found.length));
          else if (event.key === "Enter") run(chosen);
          else return;
          event.preventDefault();
        }}
      />
      <div id="palette-list" role="listbox" aria-label="Found" class="palette-list">
        {found.map((entry, i) => (
          // biome-ignore lint/a11y/useFocusableInteractive: the field keeps the focus, as the combobox pattern has it
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field hears the keys
          <div
            key={`${entry.kind} ${entry.text}`}
            id={`palette-${i}`}
            role="option"
            aria-selected={entry === chosen}
            class="palette-entry"
            onClick={() => run(entry)}
            onMouseMove={() => at !== i && setAt(i)}
          >
            {entry.health ? <StatusIcon health={entry.health} /> : <Icon name={entry.icon ?? "chevron"} />}
            <span class="ellipsis">{entry.text}</span>
            <span class="muted small end">{entry.kind}</span>
            {entry.keys && <kbd>{entry.keys}</kbd>}
          </div>
        ))}
      </div>
      {found.length === 0 && <p class="palette-none muted">Nothing is called that.</p>}
    </dialog>
  );
}
