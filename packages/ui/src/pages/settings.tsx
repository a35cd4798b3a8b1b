import { useEffect, useState } from "preact/hooks";
import { agentSelf, datacenter, inDatacenter, selfState } from "../data/agent.ts";
import { apiRoot, siteRoot } from "../data/place.ts";
import { token } from "../data/token.ts";
import { useLive } from "../data/use-live.ts";
import { logout, openLogin } from "../ui/login.tsx";
import { Facts, Page, Section } from "../ui/page.tsx";
import { sections } from "../ui/sections.ts";
import { density, theme } from "../ui/settings.ts";

/** What this browser prefers, the keys, and what the page has found out about its agent. */
export default function SettingsPage() {
  const [api, setApi] = useState("");
  // Anything that can be watched shows the way in which changes come.
  const { way, state } = useLive(inDatacenter("health/state/critical"));
  useEffect(() => {
    void apiRoot().then(setApi);
  }, []);
  return (
    <Page title="Settings" lives={[selfState.value]}>
      <div class="columns">
        <Section title="Look">
          <div class="stack">
            <Choice
              label="Theme"
              value={theme}
              options={[
                ["system", "As the system"],
                ["light", "Light"],
                ["dark", "Dark"],
              ]}
            />
            <Choice
              label="Rows"
              value={density}
              options={[
                ["comfortable", "Comfortable"],
                ["compact", "Compact"],
              ]}
            />
          </div>
        </Section>
        <Section title="Token">
          <p class="small">
            {token.value === "" ? "Requests are sent without a token." : "Requests carry the token of this login."}
          </p>
          <p class="after-list">
            {token.value === "" ? (
              <button type="button" class="button" onClick={openLogin}>
                Log in
              </button>
            ) : (
              <button type="button" class="button" onClick={logout}>
                Log out
              </button>
            )}
          </p>
        </Section>
        <Section title="Keys">
          <Facts
            rows={[
              ["Find or do something", <kbd>Ctrl K</kbd>],
              ["Search the page", <kbd>/</kbd>],
              [
                "Walk through a list",
                <>
                  <kbd>↓</kbd> <kbd>↑</kbd> or <kbd>j</kbd> <kbd>k</kbd>
                </>,
              ],
              ["Save a value", <kbd>Ctrl Enter</kbd>],
              ...sections()
                .flatMap(({ places }) => places)
                .map(
                  (to) =>
                    [
                      to.text,
                      <>
                        <kbd>g</kbd> <kbd>{to.key}</kbd>
                      </>,
                    ] as const,
                ),
            ]}
          />
        </Section>
        <Section title="Connection">
          <Facts
            rows={[
              ["Agent", agentSelf.value?.Config.NodeName],
              ["Version", agentSelf.value?.Config.Version],
              ["Datacenter in view", datacenter.value],
              ["Changes come", state === "loading" ? "" : way === "stream" ? "by event stream" : "by blocking queries"],
              ["This page", <span class="mono">{siteRoot}</span>],
              ["API", <span class="mono">{api}v1/</span>],
            ]}
          />
        </Section>
      </div>
    </Page>
  );
}

function Choice<T extends string>({
  label,
  value,
  options,
}: {
  readonly label: string;
  readonly value: { value: T };
  readonly options: readonly (readonly [value: T, text: string])[];
}) {
  return (
    <fieldset class="bare stack-s">
      <legend class="small">{label}</legend>
      <div class="button-group">
        {options.map(([each, text]) => (
          <button
            key={each}
            type="button"
            class="button"
            aria-pressed={value.value === each}
            onClick={() => {
              value.value = each;
            }}
          >
            {text}
          </button>
        ))}
      </div>
    </fieldset>
  );
}
