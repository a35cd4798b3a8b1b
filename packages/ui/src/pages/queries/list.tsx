import { useMemo } from "preact/hooks";
import { datacenter, inDatacenter } from "../../data/agent.ts";
import { useLive } from "../../data/use-live.ts";
import { count, duration } from "../../lib/age.ts";
import { href } from "../../lib/routes.ts";
import { matches, parseSearch } from "../../lib/search.ts";
import { Icon } from "../../ui/icons.tsx";
import { Page } from "../../ui/page.tsx";
import { NoMatch, SearchBox, searchText } from "../../ui/search-box.tsx";
import { Await, Note } from "../../ui/states.tsx";
import { VirtualList } from "../../ui/virtual-list.tsx";

export interface PreparedQuery extends Readonly<Record<string, unknown>> {
  readonly ID: string;
  readonly Name: string;
  readonly Service: {
    readonly Service: string;
    readonly OnlyPassing: boolean;
    readonly Near: string;
    readonly Failover?: { readonly NearestN: number; readonly Datacenters: readonly string[] | null };
  };
  readonly Template?: { readonly Type: string };
  readonly DNS?: { readonly TTL: string };
}

export default function QueriesPage() {
  const live = useLive<readonly PreparedQuery[]>(inDatacenter("query"));
  const text = searchText();
  const shown = useMemo(() => {
    const terms = parseSearch(text);
    return (live.value ?? []).filter(({ ID, Name, Service }) =>
      matches(terms, { text: [Name, ID, Service.Service], keys: { service: [Service.Service], name: [Name] } }),
    );
  }, [live.value, text]);
  const base = href(datacenter.value, "queries");
  return (
    <Page
      title="Prepared queries"
      lives={[live]}
      facts={live.value && <span>{count(live.value.length, "query", "queries")}</span>}
      actions={
        <a class="button primary" href={`${base}/create`}>
          <Icon name="plus" /> Create
        </a>
      }
    >
      <div class="toolbar">
        <SearchBox label="Search prepared queries" hint="Name, service:web" />
      </div>
      <Await
        live={live}
        empty={
          <Note icon="query" title="No prepared queries">
            <p>A prepared query finds a service with failover, near somebody, under a name of its own, also by DNS.</p>
          </Note>
        }
      >
        {() =>
          shown.length === 0 ? (
            <NoMatch what="query" terms="service: and name:" />
          ) : (
            <VirtualList rows={shown} rowKey={({ ID }) => ID} label="Prepared queries" class="entries">
              {(each) => (
                <a class="item" href={`${base}/${each.ID}`}>
                  <Icon name="query" />
                  <span class="ellipsis">
                    <span class="title">{each.Name || each.ID}</span>
                  </span>
                  <span class="small">{each.Service.Service || "template"}</span>
                  <span class="wide small muted ellipsis">{traits(each)}</span>
                </a>
              )}
            </VirtualList>
          )
        }
      </Await>
    </Page>
  );
}

function traits({ Service, DNS }: PreparedQuery): string {
  const { Failover } = Service;
  return [
    Service.OnlyPassing && "only passing",
    Service.Near && `near ${Service.Near}`,
    Failover?.NearestN && `fails over to the ${Failover.NearestN} nearest`,
    Failover?.Datacenters?.length && `fails over to ${Failover.Datacenters.join(", ")}`,
    DNS?.TTL && `DNS TTL ${duration(DNS.TTL)}`,
  ]
    .filter(Boolean)
    .join(" · ");
}
