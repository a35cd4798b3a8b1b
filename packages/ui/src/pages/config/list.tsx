import { useMemo } from "preact/hooks";
import { datacenter, inDatacenter } from "../../data/agent.ts";
import { query } from "../../data/send.ts";
import { useLive } from "../../data/use-live.ts";
import { count } from "../../lib/age.ts";
import { entrySummary } from "../../lib/entry-summary.ts";
import { href } from "../../lib/routes.ts";
import { matches, parseSearch } from "../../lib/search.ts";
import { Icon } from "../../ui/icons.tsx";
import { Page } from "../../ui/page.tsx";
import { NoMatch, SearchBox, searchText, TermSelect } from "../../ui/search-box.tsx";
import { Await, Note } from "../../ui/states.tsx";
import { VirtualList } from "../../ui/virtual-list.tsx";

export interface ConfigEntry extends Readonly<Record<string, unknown>> {
  readonly Kind: string;
  readonly Name?: string;
}

export const entryName = ({ Kind, Name }: ConfigEntry): string => Name ?? (Kind === "mesh" ? "mesh" : "global");

/** All config entries of the datacenter, whatever their kind. */
export default function ConfigEntriesPage() {
  const live = useLive<readonly ConfigEntry[]>(inDatacenter("config/"));
  const text = searchText();
  const shown = useMemo(() => {
    const terms = parseSearch(text);
    return (live.value ?? [])
      .filter((entry) =>
        matches(terms, {
          text: [entryName(entry), entry.Kind],
          keys: { kind: [entry.Kind], name: [entryName(entry)] },
        }),
      )
      .sort((a, b) => a.Kind.localeCompare(b.Kind) || entryName(a).localeCompare(entryName(b)));
  }, [live.value, text]);
  const edit = `${href(datacenter.value)}/config-entries/edit`;
  const empty = (
    <Note icon="config" title="No config entries">
      <p>Config entries set protocols, routes, splits and gateways for the whole datacenter.</p>
    </Note>
  );
  return (
    <Page
      title="Config entries"
      lives={[live]}
      facts={live.value && <span>{count(live.value.length, "entry", "entries")}</span>}
      actions={
        <a class="button primary" href={edit}>
          <Icon name="plus" /> Create
        </a>
      }
    >
      <div class="toolbar">
        <SearchBox label="Search config entries" hint="Name, kind:service-router" />
        <TermSelect name="kind" label="Kind" values={[...new Set((live.value ?? []).map(({ Kind }) => Kind))].sort()} />
      </div>
      <Await live={live} empty={empty} missing={empty}>
        {() =>
          shown.length === 0 ? (
            <NoMatch what="entry" terms="kind: and name:" />
          ) : (
            <VirtualList
              rows={shown}
              rowKey={(entry) => `${entry.Kind} ${entryName(entry)}`}
              label="Config entries"
              class="entries"
            >
              {(entry) => (
                <a class="item" href={query(edit, { kind: entry.Kind, name: entryName(entry) })}>
                  <Icon name="config" />
                  <span class="title ellipsis">{entryName(entry)}</span>
                  <span class="small">{entry.Kind}</span>
                  <span class="wide small muted ellipsis">{entrySummary(entry)}</span>
                </a>
              )}
            </VirtualList>
          )
        }
      </Await>
    </Page>
  );
}
