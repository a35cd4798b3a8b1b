import { useMemo } from "preact/hooks";
import { agentSelf, datacenter, inDatacenter } from "../data/agent.ts";
import type { Live } from "../data/live.ts";
import type { Check, History, Member, OperatorHealth, ServiceSummary } from "../data/types.ts";
import { useLive } from "../data/use-live.ts";
import { age, count } from "../lib/age.ts";
import type { Health } from "../lib/health.ts";
import { memberCounts } from "../lib/members.ts";
import { href } from "../lib/routes.ts";
import { summarize } from "../lib/service-list.ts";
import { now } from "../ui/clock.ts";
import { Icon } from "../ui/icons.tsx";
import { Facts, Page, Section } from "../ui/page.tsx";
import { Await } from "../ui/states.tsx";
import { StatusIcon } from "../ui/status.tsx";
import { Timeline } from "../ui/timeline.tsx";

const attentionMax = 8;

/** The datacenter at a glance: is anything wrong, who leads, who is there, what happened. */
export default function OverviewPage() {
  const services = useLive<readonly ServiceSummary[]>(inDatacenter("internal/ui/services"));
  const critical = useLive<readonly Check[]>(inDatacenter("health/state/critical"));
  const warning = useLive<readonly Check[]>(inDatacenter("health/state/warning"));
  const nodes = useLive<readonly unknown[]>(inDatacenter("catalog/nodes"));
  const history = useLive<History>(inDatacenter("history/recent?limit=12"));
  const operator = useLive<OperatorHealth>(inDatacenter("operator/autopilot/health"), { pollMs: 3000 });
  const members = useLive<readonly Member[]>("agent/members", { pollMs: 5000 });
  const dc = href(datacenter.value);
  const list = useMemo(() => summarize(services.value ?? []), [services.value]);
  const people = memberCounts(members.value ?? []);
  const servers = operator.value?.Servers ?? [];
  const healthy = servers.filter(({ Healthy }) => Healthy).length;
  return (
    <Page title="Overview" lives={[services, critical, warning, operator]}>
      <Headline critical={critical} warning={warning} operator={operator} />
      <ul class="figures">
        <Figure
          to={`${dc}/services`}
          name="Services"
          value={services.value && list.services.length}
          bar={list.health}
          text={`${count(list.instances, "instance")}`}
        />
        <Figure to={`${dc}/nodes`} name="Nodes" value={nodes.value?.length} text="in the catalog" />
        <Figure
          to={`${dc}/members`}
          name="Gossip members"
          value={members.value && people.alive}
          text={people.failed > 0 ? `${people.failed} failed` : people.left > 0 ? `${people.left} left` : "all alive"}
          bad={people.failed > 0}
        />
        <Figure
          to={`${dc}/members`}
          name="Servers healthy"
          value={operator.value && `${healthy} of ${servers.length}`}
          text={
            operator.value?.FailureTolerance
              ? `tolerate ${count(operator.value.FailureTolerance, "failure")}`
              : "tolerate no failure"
          }
          bad={healthy < servers.length}
        />
      </ul>
      <Attention critical={critical} warning={warning} />
      <Servers operator={operator} />
      <div class="columns uneven">
        <Section title="Recent changes">
          <Timeline live={history} />
        </Section>
        <Section title="This agent">
          <AgentFacts />
        </Section>
      </div>
    </Page>
  );
}

function Headline({
  critical,
  warning,
  operator,
}: {
  readonly critical: Live<readonly Check[]>;
  readonly warning: Live<readonly Check[]>;
  readonly operator: Live<OperatorHealth>;
}) {
  const known = critical.value !== undefined && warning.value !== undefined;
  const bad = critical.value?.length ?? 0;
  const worse = warning.value?.length ?? 0;
  const unwell = operator.value?.Healthy === false;
  const health: Health = !known ? "none" : bad > 0 || unwell ? "critical" : worse > 0 ? "warning" : "passing";
  const text = !known
    ? "Reading the state of the datacenter"
    : bad > 0
      ? `${count(bad, "check")} ${bad === 1 ? "is" : "are"} critical${worse > 0 ? `, ${worse} ${worse === 1 ? "warns" : "warn"}` : ""}`
      : unwell
        ? "The servers are not all well"
        : worse > 0
          ? `${count(worse, "check")} ${worse === 1 ? "warns" : "warn"}`
          : "All checks are passing";
  return (
    <p class="headline row" role="status">
      <StatusIcon health={health} size={26} />
      <span>{text}</span>
    </p>
  );
}

function Figure({
  to,
  name,
  value,
  text,
  bar,
  bad = false,
}: {
  readonly to: string;
  readonly name: string;
  readonly value: number | string | undefined;
  readonly text: string;
  readonly bar?: Readonly<Record<Health, number>>;
  readonly bad?: boolean;
}) {
  return (
    <li>
      <a href={to} class="figure">
        <span class="figure-name">{name}</span>
        <span class="figure-value">{typeof value === "number" ? value.toLocaleString("en") : (value ?? "–")}</span>
        {bar ? (
          <HealthBar counts={bar} text={text} />
        ) : (
          <span class={bad ? "small status critical" : "small muted"}>{text}</span>
        )}
      </a>
    </li>
  );
}

/** Shares of a whole, the worst first; said in words for readers. */
function HealthBar({ counts, text }: { readonly counts: Readonly<Record<Health, number>>; readonly text: string }) {
  const kinds = (["critical", "warning", "passing", "none"] as const).filter((kind) => counts[kind] > 0);
  return (
    <span class="row small muted wrap">
      {text}
      {kinds
        .filter((kind) => kind === "critical" || kind === "warning")
        .map((kind) => (
          <span key={kind} class={`status ${kind}`}>
            <StatusIcon health={kind} size={13} /> {counts[kind]} <span class="sr-only">{kind}</span>
          </span>
        ))}
    </span>
  );
}

function Attention({
  critical,
  warning,
}: {
  readonly critical: Live<readonly Check[]>;
  readonly warning: Live<readonly Check[]>;
}) {
  const checks = [...(critical.value ?? []), ...(warning.value ?? [])];
  if (checks.length === 0) return null;
  const dc = datacenter.value;
  return (
    <Section title="Needs attention">
      <ul class="list attention">
        {checks.slice(0, attentionMax).map((check) => (
          <li key={`${check.Node} ${check.CheckID}`}>
            <a
              class="item"
              href={
                check.ServiceName === ""
                  ? href(dc, "nodes", check.Node)
                  : href(dc, "services", check.ServiceName, "instances", check.Node, check.ServiceID)
              }
            >
              <StatusIcon health={check.Status === "warning" ? "warning" : "critical"} size={16} />
              <div class="ellipsis">
                <div class="title ellipsis">{check.ServiceID || check.Node}</div>
                <div class="sub ellipsis optional">
                  {check.Name}
                  {check.ServiceID !== "" && ` on ${check.Node}`}
                </div>
              </div>
              <span class="wide small muted ellipsis mono">{check.Output.split("\n")[0]}</span>
            </a>
          </li>
        ))}
      </ul>
      {checks.length > attentionMax && (
        <p class="after-list small">
          <a href={`${href(dc)}/services?q=is:unhealthy`}>and {checks.length - attentionMax} more</a>
        </p>
      )}
    </Section>
  );
}

function Servers({ operator }: { readonly operator: Live<OperatorHealth> }) {
  return (
    <Section title="Servers">
      <Await live={operator} rows={3} small>
        {({ Servers: servers }) => (
          <div class="table-wrap">
            <table class="table">
              <thead>
                <tr>
                  <th>Server</th>
                  <th>Raft</th>
                  <th>Gossip</th>
                  <th class="num">Last contact</th>
                  <th class="num">Term</th>
                  <th class="num">Index</th>
                  <th class="num">Stable for</th>
                  <th>Version</th>
                </tr>
              </thead>
              <tbody>
                {[...(servers ?? [])]
                  .sort((a, b) => a.Name.localeCompare(b.Name))
                  .map((server) => (
                    <tr key={server.ID}>
                      <td>
                        <a class="row" href={href(datacenter.value, "nodes", server.Name)}>
                          <StatusIcon health={server.Healthy ? "passing" : "critical"} />
                          {server.Name}
                        </a>
                      </td>
                      <td>
                        <span class="row">
                          {server.Leader && <Icon name="crown" size={14} />}
                          {server.Leader ? "leader" : server.Voter ? "follower" : "non-voter"}
                        </span>
                      </td>
                      <td>{server.SerfStatus}</td>
                      <td class="num">{server.Leader ? "–" : server.LastContact}</td>
                      <td class="num">{server.LastTerm}</td>
                      <td class="num">{Number(server.LastIndex).toLocaleString("en")}</td>
                      <td class="num">{age(now.value - Date.parse(server.StableSince))}</td>
                      <td>{server.Version}</td>
                    </tr>
                  ))}
              </tbody>
            </table>
          </div>
        )}
      </Await>
    </Section>
  );
}

function AgentFacts() {
  const self = agentSelf.value;
  const raft = self?.Stats?.raft;
  if (self === undefined) return null;
  return (
    <Facts
      rows={[
        ["Name", self.Config.NodeName],
        ["Mode", self.Config.Server ? "server" : "client"],
        ["Version", self.Config.Version],
        ["Raft state", raft?.state],
        ["Term", raft?.term],
        ["Commit index", raft?.commit_index],
        ["Applied index", raft?.applied_index],
        ["Last snapshot", raft?.last_snapshot_index && `index ${raft.last_snapshot_index}`],
        ["Peers", raft?.num_peers],
        ["Checks run here", self.Stats?.agent?.checks],
        ["Runtime", self.Stats?.runtime?.version],
      ]}
    />
  );
}
