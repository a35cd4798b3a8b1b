import { useMemo } from "preact/hooks";
import { datacenter, inDatacenter } from "../data/agent.ts";
import type { ServiceSummary } from "../data/types.ts";
import { useLive } from "../data/use-live.ts";
import { count } from "../lib/age.ts";
import { href } from "../lib/routes.ts";
import { type ListedService, type ServiceSort, searchServices, summarize } from "../lib/service-list.ts";
import { Icon } from "../ui/icons.tsx";
import { Page, Tags } from "../ui/page.tsx";
import { SearchBox, SortSelect, searchText, sortBy, TermButtons } from "../ui/search-box.tsx";
import { Await, Note } from "../ui/states.tsx";
import { StatusIcon } from "../ui/status.tsx";
import { VirtualList } from "../ui/virtual-list.tsx";

export default function ServicesPage() {
  const live = useLive<readonly ServiceSummary[]>(inDatacenter("internal/ui/services"));
  const all = useMemo(() => summarize(live.value ?? []), [live.value]);
  const text = searchText();
  const sort = sortBy("status") as ServiceSort;
  const shown = useMemo(() => searchServices(all.services, text, sort), [all, text, sort]);
  return (
    <Page
      title="Services"
      lives={[live]}
      facts={
        live.value && (
          <>
            <span>{count(all.services.length, "service")}</span>
            <span>{count(all.instances, "instance")}</span>
            {text !== "" && <span role="status">{count(shown.length, "match", "matches")}</span>}
          </>
        )
      }
    >
      <div class="toolbar">
        <SearchBox label="Search services" hint="Name, is:failing, tag:v2, kind:gateway, node:…" />
        <TermButtons
          name="is"
          label="Health"
          options={[
            { value: "failing", text: "Failing", count: all.health.critical },
            { value: "warning", text: "Warning", count: all.health.warning },
            { value: "passing", text: "Passing", count: all.health.passing },
          ]}
        />
        <SortSelect
          options={[
            ["status", "worst first"],
            ["name", "name"],
            ["instances", "most instances"],
          ]}
        />
      </div>
      <Await
        live={live}
        rows={10}
        empty={
          <Note icon="services" title="No services are registered">
            <p>They appear here the moment somebody registers one.</p>
          </Note>
        }
      >
        {() =>
          shown.length === 0 ? (
            <Note icon="search" title="No service fits the search" />
          ) : (
            <VirtualList rows={shown} rowKey={(row) => row.name} label="Services" class="services">
              {(row) => <ServiceRow row={row} />}
            </VirtualList>
          )
        }
      </Await>
    </Page>
  );
}

function ServiceRow({ row }: { readonly row: ListedService }) {
  const { name, health, checks, instances, kind, tags, mesh } = row;
  const counts = (["critical", "warning", "passing"] as const)
    .filter((each) => checks[each] > 0)
    .map((each) => `${checks[each]} ${each}`)
    .join(", ");
  return (
    <a class="item" href={href(datacenter.value, "services", name)} data-service={name} data-health={health}>
      <StatusIcon health={health} size={16} />
      <div class="ellipsis">
        <div class="title ellipsis">{name}</div>
        <div class="sub ellipsis optional">
          <span class={health === "passing" ? "" : `status ${health}`}>{counts === "" ? "no checks" : counts}</span>
        </div>
      </div>
      <div class="wide row ellipsis">
        {kind !== "" && <span class="chip">{kind}</span>}
        {mesh !== "" && (
          <span class="chip">
            <Icon name="intention" size={12} /> {mesh}
          </span>
        )}
        <Tags tags={tags.slice(0, 4)} />
        {tags.length > 4 && <span class="muted small">+{tags.length - 4}</span>}
      </div>
      <span class="num muted small">{count(instances, "instance")}</span>
    </a>
  );
}
