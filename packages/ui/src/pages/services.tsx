import { useMemo } from "preact/hooks";
import { datacenter, inDatacenter } from "../data/agent.ts";
import type { ServiceSummary } from "../data/types.ts";
import { useLive } from "../data/use-live.ts";
import { count } from "../lib/age.ts";
import { href } from "../lib/routes.ts";
import { type ListedService, type ServiceSort, searchServices, summarize } from "../lib/service-list.ts";
import { ExportButton } from "../ui/download.tsx";
import { Page, TagLine } from "../ui/page.tsx";
import { NoMatch, SearchBox, SortSelect, searchText, sortBy, TermButtons } from "../ui/search-box.tsx";
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
        <SearchBox label="Search services" hint="Name, is:failing, tag:v2" />
        <TermButtons
          name="is"
          label="Health"
          options={[
            { value: "failing", text: "Failing", count: live.value && all.health.critical },
            { value: "warning", text: "Warning", count: live.value && all.health.warning },
            { value: "passing", text: "Passing", count: live.value && all.health.passing },
          ]}
        />
        <div class="row end">
          <SortSelect
            options={[
              ["status", "worst first"],
              ["name", "name"],
              ["instances", "most instances"],
            ]}
          />
          <ExportButton
            name="services"
            head={["Service", "Health", "Critical", "Warning", "Passing", "Instances", "Kind", "Mesh", "Tags"]}
            rows={() =>
              shown.map(({ name, health, checks, instances, kind, mesh, tags }) => [
                name,
                health,
                checks.critical,
                checks.warning,
                checks.passing,
                instances,
                kind,
                mesh,
                tags.join(" "),
              ])
            }
          />
        </div>
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
            <NoMatch
              what="service"
              terms="is:failing, is:warning, is:passing, is:mesh, name:, tag:, kind:, node: and source:"
            />
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
      <TagLine tags={tags}>
        {kind !== "" && <span class="chip kind">{kind}</span>}
        {mesh !== "" && <span class="chip kind">{mesh}</span>}
      </TagLine>
      <span class="num muted small">{count(instances, "instance")}</span>
    </a>
  );
}
