import { datacenter, inDatacenter } from "../../data/agent.ts";
import { query, send, sendJson } from "../../data/send.ts";
import { useLive } from "../../data/use-live.ts";
import { editable } from "../../lib/entry.ts";
import { href } from "../../lib/routes.ts";
import { confirm } from "../../ui/dialog.tsx";
import { forgetDraft } from "../../ui/drafts.tsx";
import { JsonForm } from "../../ui/json-form.tsx";
import { Page } from "../../ui/page.tsx";
import { navigate, place } from "../../ui/router.ts";
import { Await, Note } from "../../ui/states.tsx";
import type { ConfigEntry } from "./list.tsx";

const example = editable({ Kind: "service-defaults", Name: "web", Protocol: "http" });

export default function ConfigEntryEdit() {
  const kind = place.value.query.get("kind");
  const name = place.value.query.get("name");
  const list = `${href(datacenter.value)}/config-entries`;
  const back = { href: list, text: "Config entries" };
  if (kind === null || name === null) {
    return (
      <Page title="Create a config entry" back={back}>
        <JsonForm
          value={example}
          label="Config entry, as JSON"
          draft={`${datacenter.value} new config entry`}
          action="Create"
          done="Entry created"
          creating
          onSave={(text) => save(text, 0)}
        />
      </Page>
    );
  }
  return <Existing key={`${kind} ${name}`} kind={kind} name={name} list={list} />;
}

/** Only over the state of the entry that has this index; 0: only where there is none. */
async function save(text: string, index: number): Promise<void> {
  const entry = JSON.parse(text) as ConfigEntry;
  const path = query("config", { cas: String(index) });
  const saved = await sendJson<boolean>(inDatacenter(path), { method: "PUT", body: text });
  if (!saved)
    throw new Error(
      index === 0 ? "There is such an entry already: change that one" : "Somebody has changed this entry meanwhile",
    );
  if (index === 0)
    navigate(query(`${href(datacenter.value)}/config-entries/edit`, { kind: entry.Kind, name: entry.Name ?? "mesh" }));
}

function Existing({ kind, name, list }: { readonly kind: string; readonly name: string; readonly list: string }) {
  const path = `config/${encodeURIComponent(kind)}/${encodeURIComponent(name)}`;
  const live = useLive<ConfigEntry>(inDatacenter(path));
  const draft = `${datacenter.value} config entry ${kind} ${name}`;
  const gone = <Note icon="config" title="There is no such entry" />;
  return (
    <Page title={name} back={{ href: list, text: "Config entries" }} lives={[live]} facts={<span>{kind}</span>}>
      <Await live={live} rows={4} missing={gone} empty={gone}>
        {(entry) => (
          <>
            {kind === "service-intentions" && (
              <p class="small muted form-note">
                Each of these has a form:{" "}
                <a href={query(`${href(datacenter.value)}/intentions`, { q: `destination:${name}` })}>
                  intentions to {name}
                </a>
              </p>
            )}
            <JsonForm
              value={editable(entry)}
              label={`${kind} ${name}, as JSON`}
              draft={draft}
              action="Save"
              done="Entry saved"
              onSave={(text) => save(text, Number(entry.ModifyIndex ?? 0))}
            >
              <button
                type="button"
                class="button danger"
                onClick={() =>
                  confirm({
                    title: `Delete ${kind} ${name}?`,
                    text: "What it set falls back to the defaults at once.",
                    action: "Delete",
                    danger: true,
                    done: "Entry deleted",
                    run: async () => {
                      await send(inDatacenter(path), { method: "DELETE" });
                      forgetDraft(draft);
                      navigate(list);
                    },
                  })
                }
              >
                Delete
              </button>
            </JsonForm>
          </>
        )}
      </Await>
    </Page>
  );
}
