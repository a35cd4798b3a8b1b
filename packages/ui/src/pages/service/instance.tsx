import { datacenter, inDatacenter } from "../../data/agent.ts";
import type { History, ServiceInstance } from "../../data/types.ts";
import { useLive } from "../../data/use-live.ts";
import { countChecks, worst } from "../../lib/health.ts";
import { href } from "../../lib/routes.ts";
import { kindWord } from "../../lib/service-list.ts";
import { Checks } from "../../ui/checks.tsx";
import { Copyable } from "../../ui/copy.tsx";
import type { PageProps } from "../../ui/lazy.tsx";
import { MaintenanceButton, MaintenanceLine } from "../../ui/maintenance.tsx";
import { Facts, Page, Section, Tags } from "../../ui/page.tsx";
import { Await, Note } from "../../ui/states.tsx";
import { CheckCount, StatusIcon } from "../../ui/status.tsx";
import { deregister } from "./deregister.tsx";
import { addressOf } from "./instances.tsx";

/** One instance: checks with their output, where it is reached, what it says of itself, its proxy. */
export default function InstancePage({ params }: PageProps) {
  const { name, node, id } = params as { name: string; node: string; id: string };
  const live = useLive<readonly ServiceInstance[]>(inDatacenter(`health/service/${encodeURIComponent(name)}`));
  const instance = live.value?.find(({ Node, Service }) => Node.Node === node && Service.ID === id);
  const dc = datacenter.value;
  const gone = (
    <Note icon="services" title="This instance is not registered">
      <a href={href(dc, "services", name)}>All instances of {name}</a>
    </Note>
  );
  return (
    <Page
      title={id}
      back={{ href: href(dc, "services", name), text: name }}
      mark={<StatusIcon health={instance ? worst(countChecks(instance.Checks)) : "none"} size={20} />}
      lives={[live]}
      actions={
        <>
          <MaintenanceButton place={{ node, serviceId: id, checks: instance?.Checks ?? [] }} />
          <button
            type="button"
            class={instance ? "button danger" : "button unseen"}
            onClick={() => instance && deregister(instance)}
          >
            Deregister
          </button>
        </>
      }
      facts={
        instance && (
          <>
            <span>
              on <a href={href(dc, "nodes", node)}>{node}</a>
            </span>
            <Copyable text={addressOf(instance)} label="the address" />
            <CheckCount counts={countChecks(instance.Checks)} />
          </>
        )
      }
    >
      <Await live={live} empty={gone}>
        {() => (instance === undefined ? gone : <Instance instance={instance} name={name} />)}
      </Await>
    </Page>
  );
}

const placeOf = ({ Node, Service, Checks }: ServiceInstance) => ({
  node: Node.Node,
  serviceId: Service.ID,
  checks: Checks,
});

/** A value that is a whole address of the web leads there. */
const asLink = (value: string) =>
  /^https?:\/\/[^\s]+$/.test(value) ? (
    <a href={value} target="_blank" rel="noopener noreferrer">
      {value}
    </a>
  ) : (
    value
  );

function Instance({ instance, name }: { readonly instance: ServiceInstance; readonly name: string }) {
  const { Service, Checks: checks } = instance;
  const history = useLive<History>(inDatacenter(`history/service/${encodeURIComponent(name)}`));
  const tagged = Object.entries(Service.TaggedAddresses ?? {});
  const meta = Object.entries(Service.Meta ?? {});
  return (
    <>
      <MaintenanceLine place={placeOf(instance)} />
      <Section title="Checks">
        <Checks checks={checks} history={history} />
      </Section>
      <Section title="Tags">
        <Tags tags={Service.Tags} />
      </Section>
      <div class="columns">
        <Section title="Service">
          <ServiceFacts instance={instance} />
        </Section>
        <Section title="Tagged addresses">
          {tagged.length === 0 ? (
            <p class="muted small">None</p>
          ) : (
            <Facts
              rows={tagged.map(([tag, { Address, Port }]) => [
                tag,
                <Copyable text={`${Address}:${Port}`} label={`the address ${tag}`} />,
              ])}
            />
          )}
        </Section>
        <Section title="Meta">
          {meta.length === 0 ? (
            <p class="muted small">None</p>
          ) : (
            <Facts rows={meta.map(([key, value]) => [key, asLink(value)])} />
          )}
        </Section>
      </div>
      {Service.Proxy?.DestinationServiceName && <ProxyPart proxy={Service.Proxy} />}
    </>
  );
}

function ServiceFacts({ instance }: { readonly instance: ServiceInstance }) {
  const { Service, Node } = instance;
  return (
    <Facts
      rows={[
        ["ID", <Copyable text={Service.ID} label="the ID" />],
        ["Kind", kindWord(Service.Kind)],
        ["Address", <span class="mono">{addressOf(instance)}</span>],
        ["Node address", <span class="mono">{Node.Address}</span>],
        ["Weights", Service.Weights && `${Service.Weights.Passing} passing, ${Service.Weights.Warning} warning`],
        ["Tag override", Service.EnableTagOverride ? "by the catalog" : ""],
        ["Connect", Service.Connect?.Native ? "native" : ""],
        ["Indexes", `created ${Service.CreateIndex}, changed ${Service.ModifyIndex}`],
      ]}
    />
  );
}

function ProxyPart({ proxy }: { readonly proxy: NonNullable<ServiceInstance["Service"]["Proxy"]> }) {
  const upstreams = proxy.Upstreams ?? [];
  const paths = proxy.Expose?.Paths ?? [];
  return (
    <Section title="Proxy">
      <Facts
        rows={[
          [
            "For",
            `${proxy.DestinationServiceName} ${proxy.DestinationServiceID ? `(${proxy.DestinationServiceID})` : ""}`,
          ],
          [
            "Local service",
            proxy.LocalServicePort ? `${proxy.LocalServiceAddress ?? ""}:${proxy.LocalServicePort}` : "",
          ],
          ["Mode", proxy.Mode],
          [
            "Upstreams",
            upstreams.length > 0 &&
              upstreams.map((each) => (
                <div key={each.DestinationName}>
                  {each.DestinationName}{" "}
                  <span class="mono muted">at {`${each.LocalBindAddress ?? "127.0.0.1"}:${each.LocalBindPort}`}</span>
                </div>
              )),
          ],
          [
            "Exposed paths",
            paths.length > 0 &&
              paths.map((each) => (
                <div key={each.Path} class="mono">
                  {each.Path} · {each.ListenerPort} → {each.LocalPathPort}
                </div>
              )),
          ],
        ]}
      />
    </Section>
  );
}
