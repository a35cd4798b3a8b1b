import { useMemo } from "preact/hooks";
import { inDatacenter } from "../data/agent.ts";
import type { Session } from "../data/types.ts";
import { useLive } from "../data/use-live.ts";
import { count } from "../lib/age.ts";
import { matches, parseSearch } from "../lib/search.ts";
import { Page } from "../ui/page.tsx";
import { NoMatch, SearchBox, searchText } from "../ui/search-box.tsx";
import { SessionList } from "../ui/session-list.tsx";
import { Await, Note } from "../ui/states.tsx";

export default function SessionsPage() {
  const live = useLive<readonly Session[]>(inDatacenter("session/list"));
  const text = searchText();
  const shown = useMemo(() => {
    const terms = parseSearch(text);
    return (live.value ?? []).filter(({ ID, Name, Node, Behavior }) =>
      matches(terms, { text: [ID, Name, Node], keys: { node: [Node], behavior: [Behavior], name: [Name], is: [] } }),
    );
  }, [live.value, text]);
  return (
    <Page title="Sessions" lives={[live]} facts={live.value && <span>{count(live.value.length, "session")}</span>}>
      <div class="toolbar">
        <SearchBox label="Search sessions" hint="Name, ID, node:web-1, behavior:delete" />
      </div>
      <Await
        live={live}
        empty={
          <Note icon="lock" title="No sessions">
            <p>Programs create sessions to hold locks on keys; they end with their node, their checks or their TTL.</p>
          </Note>
        }
      >
        {() =>
          shown.length === 0 ? (
            <NoMatch what="session" terms="node:, behavior: and name:" />
          ) : (
            <SessionList sessions={shown} />
          )
        }
      </Await>
    </Page>
  );
}
