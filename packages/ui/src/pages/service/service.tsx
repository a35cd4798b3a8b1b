import type { ComponentType } from "preact";
import { datacenter, inDatacenter } from "../../data/agent.ts";
import { dashboardTemplates } from "../../data/site-settings.ts";
import type { ServiceInstance } from "../../data/types.ts";
import { useLive } from "../../data/use-live.ts";
import { count } from "../../lib/age.ts";
import { dashboardUrl } from "../../lib/dashboard.ts";
import { countChecks, worst } from "../../lib/health.ts";
import { href } from "../../lib/routes.ts";
import { kindWord } from "../../lib/service-list.ts";
import { lazy, type PageProps } from "../../ui/lazy.tsx";
import { Page } from "../../ui/page.tsx";
import { Await, Note } from "../../ui/states.tsx";
import { CheckCount, StatusIcon } from "../../ui/status.tsx";
import { Instances } from "./instances.tsx";

export interface ServicePart {
  readonly name: string;
  readonly instances: readonly ServiceInstance[];
}

/** A part that reads the name from the parameters; the code of most comes when it is opened. */
const part = (load: () => Promise<{ readonly default: ComponentType<PageProps> }>) => lazy(load);
const parts: Readonly<Record<string, { readonly text: string; readonly Part: ComponentType<PageProps> }>> = {
  topology: { text: "Topology", Part: part(() => import("./topology.tsx")) },
  intentions: { text: "Intentions", Part: part(() => import("./intentions.tsx")) },
  routing: { text: "Routing", Part: part(() => import("./routing.tsx")) },
  history: { text: "History", Part: part(() => import("./history.tsx")) },
};

export default function ServicePage({ params }: PageProps) {
  const name = params.name!;
  const tab = params.tab || "instances";
  const live = useLive<readonly ServiceInstance[]>(inDatacenter(`health/service/${encodeURIComponent(name)}`));
  const instances = live.value ?? [];
  const counts = countChecks(instances.flatMap(({ Checks }) => Checks));
  const kind = kindWord(instances[0]?.Service.Kind);
  const base = href(datacenter.value, "services", name);
  const Part = parts[tab]?.Part;
  return (
    <Page
      title={name}
      back={{ href: `${href(datacenter.value)}/services`, text: "Services" }}
      mark={<StatusIcon health={live.value ? worst(counts) : "none"} size={20} />}
      lives={[live]}
      actions={<DashboardLink name={name} />}
      facts={
        live.value && (
          <>
            <span>{count(instances.length, "instance")}</span>
            {kind !== "" && <span>{kind}</span>}
            <CheckCount counts={counts} />
          </>
        )
      }
      tabs={[
        { href: base, text: "Instances", current: tab === "instances" },
        ...Object.entries(parts).map(([key, { text }]) => ({ href: `${base}/${key}`, text, current: tab === key })),
      ]}
    >
      {Part ? (
        <Part params={params} />
      ) : (
        <Await
          live={live}
          empty={
            <Note icon="services" title="No instance is registered">
              <p>The service is gone, or never was. The page fills itself when one is registered.</p>
            </Note>
          }
        >
          {(value) => <Instances name={name} instances={value} />}
        </Await>
      )}
    </Page>
  );
}

/** To what the operator has named for services in `dashboard_url_templates`. */
function DashboardLink({ name }: { readonly name: string }) {
  const values = { Datacenter: datacenter.value, Service: { Name: name, Namespace: "default" } };
  const url = dashboardUrl(dashboardTemplates.service ?? "", values);
  if (url === undefined) return null;
  return (
    <a class="button" href={url} target="_blank" rel="noopener noreferrer">
      Dashboard <span class="sr-only">(opens in a new tab)</span>
    </a>
  );
}
