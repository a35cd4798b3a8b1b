import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { agentSelf, datacenter, datacenters, inDatacenter } from "../data/agent.ts";
import { agentAway, heardAt } from "../data/presence.ts";
import { token } from "../data/token.ts";
import { useLive } from "../data/use-live.ts";
import { ago } from "../lib/age.ts";
import { placeOf } from "../lib/routes.ts";
import { now } from "./clock.ts";
import { Icon } from "./icons.tsx";
import { logout, openLogin } from "./login.tsx";
import { openPalette } from "./palette.tsx";
import { navigate, place } from "./router.ts";
import { places, sections } from "./sections.ts";
import { dark, theme } from "./settings.ts";
import { criticalChecks } from "./title.ts";

const menuOpen = signal(false);
// Whoever has gone somewhere needs the menu no more.
place.subscribe(() => {
  menuOpen.value = false;
});

export function Shell({ children }: { readonly children: ComponentChildren }) {
  return (
    <>
      <button type="button" class="skip button" onClick={() => document.querySelector("main")?.focus()}>
        Skip to the page
      </button>
      <div class="frame">
        <div class="shell">
          <Navigation />
          {menuOpen.value && <div class="veil" aria-hidden="true" onClick={() => (menuOpen.value = false)} />}
          <div class="stage">
            <TopBar />
            <AwayLine />
            <main class="main" tabIndex={-1}>
              {children}
            </main>
          </div>
        </div>
      </div>
    </>
  );
}

function Navigation() {
  const dc = datacenter.value;
  const at = place.value.path.split("/").slice(1).join("/") || "overview";
  const current = (to: string): boolean => at === to || at.startsWith(`${to}/`);
  const config = agentSelf.value?.Config;
  return (
    <nav id="nav" class={menuOpen.value ? "nav open" : "nav"} aria-label="Pages">
      <a class="brand" href={`${encodeURIComponent(dc)}/overview`}>
        <svg width="22" height="22" viewBox="0 0 32 32" aria-hidden="true">
          <rect width="32" height="32" rx="8" fill="currentColor" />
          <path d="M7 9.5h18M16 9.5V23M10 24h12" stroke="var(--accent-ink)" stroke-width="3" stroke-linecap="round" />
        </svg>
        Tribune
      </a>
      {sections().map((group) => (
        <div class="nav-group" key={group.title}>
          {group.title !== "" && <div class="nav-title">{group.title}</div>}
          <ul>
            {group.places.map((to) => (
              <li key={to.at}>
                <a
                  class="nav-link"
                  href={`${encodeURIComponent(dc)}/${to.at}`}
                  aria-current={current(to.at) ? "page" : undefined}
                >
                  <Icon name={to.icon} />
                  {to.text}
                  {to.at === "overview" && <Critical />}
                </a>
              </li>
            ))}
          </ul>
        </div>
      ))}
      <div class="nav-group">
        <a
          class="nav-link"
          href={`${encodeURIComponent(dc)}/settings`}
          aria-current={current("settings") ? "page" : undefined}
        >
          <Icon name="settings" />
          Settings
        </a>
      </div>
      <p class="nav-foot">
        {config && (
          <>
            {config.NodeName}
            <br />
            {config.Server ? "server" : "client"}, version {config.Version}
          </>
        )}
      </p>
    </nav>
  );
}

/**
 * How many checks are critical, wherever one is. It comes with what the page watches anyway, over the same stream; where
 * there are none it would take a connection for itself, and is left out.
 */
function Critical() {
  const [unasked, setUnasked] = useState(false);
  const live = useLive<readonly unknown[]>(unasked ? undefined : inDatacenter("health/state/critical"));
  const known = !unasked && live.state === "fresh" && agentAway.value === undefined;
  const found = known ? live.value?.length : undefined;
  useEffect(() => {
    if (live.way === "blocking") setUnasked(true);
    criticalChecks.value = found;
  }, [live.way, found]);
  if (!found) return null;
  return (
    <span class="end nav-count">
      {found.toLocaleString("en")} <span class="sr-only">critical</span>
    </span>
  );
}

function TopBar() {
  const all = datacenters.value;
  const dc = datacenter.value;
  const names = all.includes(dc) || dc === "" ? all : [dc, ...all];
  return (
    <div class="top">
      <button
        type="button"
        class="button plain icon menu-button"
        aria-label="Menu"
        aria-expanded={menuOpen.value}
        aria-controls="nav"
        onClick={() => (menuOpen.value = !menuOpen.value)}
      >
        <Icon name="menu" size={18} />
      </button>
      {names.length > 1 ? (
        <label class="row">
          <span class="sr-only">Datacenter</span>
          <select
            class="input select"
            value={dc}
            onChange={(event) => {
              navigate(
                `${encodeURIComponent(event.currentTarget.value)}/${placeOf(place.value.path, places) ?? "overview"}`,
              );
            }}
          >
            {names.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
      ) : (
        <span class="ellipsis">{dc}</span>
      )}
      <button type="button" class="jump" onClick={openPalette} aria-keyshortcuts="Control+K">
        <Icon name="search" />
        <span>Find or do something</span>
        <kbd class="end">{/Mac/.test(navigator.platform) ? "⌘ K" : "Ctrl K"}</kbd>
      </button>
      <div class="row end">
        <button
          type="button"
          class="button plain icon"
          aria-label={dark() ? "Use the light theme" : "Use the dark theme"}
          onClick={() => (theme.value = dark() ? "light" : "dark")}
        >
          <Icon name={dark() ? "sun" : "moon"} />
        </button>
        {token.value === "" ? (
          <button type="button" class="button" onClick={openLogin}>
            Log in
          </button>
        ) : (
          <button type="button" class="button" onClick={logout}>
            Log out
          </button>
        )}
      </div>
    </div>
  );
}

function AwayLine() {
  if (agentAway.value === undefined) return null;
  return (
    <div class="away-line" role="alert" id="away">
      <Icon name="away" size={15} />
      The agent does not answer. What is shown is as of {ago(now.value - heardAt.value)}; it is asked again every
      second.
    </div>
  );
}
