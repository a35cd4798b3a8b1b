import { useMemo, useState } from "preact/hooks";
import { inDatacenter } from "../data/agent.ts";
import { refresh } from "../data/live.ts";
import { query, send } from "../data/send.ts";
import type { UserEvent } from "../data/types.ts";
import { useLive } from "../data/use-live.ts";
import { count } from "../lib/age.ts";
import { decodeBase64, utf8 } from "../lib/base64.ts";
import { matches, parseSearch } from "../lib/search.ts";
import { attempt, Dialog } from "../ui/dialog.tsx";
import { Icon } from "../ui/icons.tsx";
import { Page } from "../ui/page.tsx";
import { NoMatch, SearchBox, searchText } from "../ui/search-box.tsx";
import { Await, Note } from "../ui/states.tsx";
import { VirtualList } from "../ui/virtual-list.tsx";

/** User events that this agent has heard lately, newest first. */
export default function EventsPage() {
  const [firing, setFiring] = useState(false);
  const live = useLive<readonly UserEvent[]>("event/list", { pollMs: 2000 });
  const text = searchText();
  const shown = useMemo(() => {
    const terms = parseSearch(text);
    return [...(live.value ?? [])]
      .reverse()
      .filter((event) => matches(terms, { text: [event.Name, payload(event)], keys: { name: [event.Name] } }));
  }, [live.value, text]);
  return (
    <Page
      title="Events"
      lives={[live]}
      facts={live.value && <span>{count(live.value.length, "event")} heard by this agent</span>}
      actions={
        <button type="button" class="button primary" onClick={() => setFiring(true)}>
          <Icon name="event" /> Fire
        </button>
      }
    >
      <div class="toolbar">
        <SearchBox label="Search events" hint="Name or payload" />
      </div>
      <Await
        live={live}
        empty={
          <Note icon="event" title="No events yet">
            <p>Events go through gossip to every agent; each keeps the last 256.</p>
          </Note>
        }
      >
        {() =>
          shown.length === 0 ? (
            <NoMatch what="event" terms="name:" />
          ) : (
            <VirtualList rows={shown} rowKey={({ ID }) => ID} label="Events" class="events">
              {(event) => (
                <div class="item">
                  <Icon name="event" />
                  <div class="ellipsis">
                    <div class="title ellipsis">{event.Name}</div>
                    <div class="sub ellipsis optional">{aim(event)}</div>
                  </div>
                  <span class="mono small ellipsis">{payload(event)}</span>
                  <span
                    class="wide muted small"
                    title="Lamport time: counted by gossip, a later event has a greater one"
                  >
                    Lamport time {event.LTime}
                  </span>
                </div>
              )}
            </VirtualList>
          )
        }
      </Await>
      {firing && <Fire onClose={() => setFiring(false)} />}
    </Page>
  );
}

function payload({ Payload }: UserEvent): string {
  if (!Payload) return "";
  const bytes = decodeBase64(Payload);
  return utf8(bytes) ?? `${bytes.length} bytes`;
}

function aim({ NodeFilter, ServiceFilter, TagFilter }: UserEvent): string {
  const parts = [
    NodeFilter && `nodes ${NodeFilter}`,
    ServiceFilter && `service ${ServiceFilter}`,
    TagFilter && `tag ${TagFilter}`,
  ];
  return parts.filter(Boolean).join(", ") || "all agents";
}

function Fire({ onClose }: { readonly onClose: () => void }) {
  const [name, setName] = useState("");
  const [body, setBody] = useState("");
  const [service, setService] = useState("");
  const [node, setNode] = useState("");
  const field = (label: string, value: string, set: (value: string) => void, hint: string, required = false) => (
    <label class="field">
      <span>{label}</span>
      <input
        class="input"
        value={value}
        required={required}
        placeholder={hint}
        onInput={(event) => set(event.currentTarget.value)}
      />
    </label>
  );
  return (
    <Dialog title="Fire an event" onClose={onClose}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          onClose();
          void attempt(async () => {
            const path = query(`event/fire/${encodeURIComponent(name)}`, {
              service: service || undefined,
              node: node || undefined,
            });
            await send(inDatacenter(path), { method: "PUT", body });
            refresh("event/list");
          }, `Fired ${name}`);
        }}
      >
        {field("Name", name, setName, "deploy", true)}
        {field("Payload", body, setBody, "a few hundred bytes at most")}
        {field("Only agents with the service", service, setService, "regular expression; all when empty")}
        {field("Only nodes", node, setNode, "regular expression; all when empty")}
        <div class="actions">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button primary">
            Fire
          </button>
        </div>
      </form>
    </Dialog>
  );
}
