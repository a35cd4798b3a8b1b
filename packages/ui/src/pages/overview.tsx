import { useMemo } from "preact/hooks";
import { aclsEnabled, agentSelf, datacenter, inDatacenter, localDatacenter, selfState } from "../data/agent.ts";
import type { Live } from "../data/live.ts";
import type { Check, History, Member, OperatorHealth, ServiceSummary } from "../data/types.ts";
import { useLive } from "../data/use-live.ts";
import { age, ago, count, shortDuration } from "../lib/age.ts";
import type { Health } from "../lib/health.ts";
import { memberCounts } from "../lib/members.ts";
import { href } from "../lib/routes.ts";
import { summarize } from "../lib/service-list.ts";
import { now } from "../ui/clock.ts";
import { leastFresh } from "../ui/freshness.tsx";
import { Gliding, GlidingList } from "../ui/glide.tsx";
import { Icon } from "../ui/icons.tsx";
import { Facts, Page, Section } from "../ui/page.tsx";
import { OwnSince } from "../ui/since.tsx";
import { Await, Ghosts } from "../ui/states.tsx";
import { StatusIcon } from "../ui/status.tsx";
import { Timeline } from "../ui/timeline.tsx";

const attentionMax = 8;
const noneReadable = "none that may be read";

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
  // There is one of each at least: none is what a token is shown that may not read them.
  const orHidden = (found: number, text: string): string => (found === 0 && aclsEnabled.value ? noneReadable : text);
  return (
    <Page title="Overview" lives={[services, critical, warning, operator]}>
      <Headline critical={critical} warning={warning} operator={operator} services={list.services.length} />
      <ul class="figures">
        <Figure
          to={`${dc}/services`}
          name="Services"
          live={services}
          value={list.services.length}
          bar={list.health}
          text={orHidden(list.services.length, count(list.instances, "instance"))}
        />
        <Figure
          to={`${dc}/nodes`}
          name="Nodes"
          live={nodes}
          value={nodes.value?.length ?? 0}
          text={orHidden(nodes.value?.length ?? 0, "in the catalog")}
        />
        <Figure
          to={`${dc}/members`}
          name="Gossip members"
          live={members}
          value={people.alive}
          text={
            orHidden(
              members.value?.length ?? 0,
              people.failed > 0 ? `${people.failed} failed` : people.left > 0 ? `${people.left} left` : "all alive",
            ) + (["", datacenter.value].includes(localDatacenter.value) ? "" : ` in ${localDatacenter.value}`)
          }
          bad={people.failed > 0}
        />
        <Figure
          to={`${dc}/members`}
          name="Servers healthy"
          live={operator}
          value={`${healthy} of ${servers.length}`}
          text={
            operator.value?.FailureTolerance
              ? `tolerate ${count(operator.value.FailureTolerance, "failure")}`
              : "tolerate no failure"
          }
          bad={healthy < servers.length}
        />
      </ul>
      {[critical, warning, operator, history].some(({ state }) => state === "loading") ? (
        <Section title="Needs attention">
          <Ghosts rows={8} />
        </Section>
      ) : (
        <Gliding>
          <Attention critical={critical} warning={warning} dated={history.value !== undefined} />
          <Servers operator={operator} />
          <div class="columns uneven">
            <Section title="Recent changes">
              <Timeline live={history} />
            </Section>
            <Section title="This agent">
              <AgentFacts />
            </Section>
          </div>
        </Gliding>
      )}
    </Page>
  );
}

const unknown: Partial<Record<Live<unknown>["state"], string>> = {
  loading: "Reading the checks",
  denied: "The checks may not be read",
};

function Headline({
  critical,
  warning,
  operator,
  services,
}: {
  readonly critical: Live<readonly Check[]>;
  readonly warning: Live<readonly Check[]>;
  readonly operator: Live<OperatorHealth>;
  readonly services: number;
}) {
  const known = critical.value !== undefined && warning.value !== undefined;
  // Checks that a token may not read are left out of the lists unsaid: what is not there may be anything.
  const nothing = aclsEnabled.value === true && services === 0;
  const { state, asOf } = leastFresh([critical, warning])!;
  const bad = critical.value?.length ?? 0;
  const worse = warning.value?.length ?? 0;
  const unwell = operator.value?.Healthy === false;
  const calm: Health = nothing ? "none" : "passing";
  const health: Health = !known ? "none" : bad > 0 || unwell ? "critical" : worse > 0 ? "warning" : calm;
  const text = !known
    ? (unknown[state] ?? "The checks are not known")
    : bad > 0
      ? `${count(bad, "check")} ${bad === 1 ? "is" : "are"} critical${worse > 0 ? `, ${worse} ${worse === 1 ? "warns" : "warn"}` : ""}`
      : unwell
        ? "The servers are not all well"
        : worse > 0
          ? `${count(worse, "check")} ${worse === 1 ? "warns" : "warn"}`
          : nothing
            ? "The checks may not be read"
            : aclsEnabled.value
              ? "All checks that may be read are passing"
              : "All checks are passing";
  return (
    <p class="headline row" role="status">
      <StatusIcon health={health} size={26} />
      <span>
        {text}
        {known && state !== "fresh" && asOf !== undefined && `, as of ${ago(now.value - asOf)}`}
      </span>
    </p>
  );
}

/** A number with a word to it, of what is known; a dash and why while nothing is. */
function Figure({
  to,
  name,
  live,
  value,
  text,
  bar,
  bad = false,
}: {
  readonly to: string;
  readonly name: string;
  readonly live: Live<unknown>;
  readonly value: number | string;
  readonly text: string;
  readonly bar?: Readonly<Record<Health, number>>;
  readonly bad?: boolean;
}) {
  return (
    <li>
      <a href={to} class="figure">
        <span class="figure-name">{name}</span>
        <span class="figure-value">
          {live.value === undefined ? "–" : typeof value === "number" ? value.toLocaleString("en") : value}
        </span>
        {live.value === undefined ? (
          <span class="small muted">
            {/* A line that is there from the start: what is below stays where it is. */}
            {live.state === "loading" ? "\u00a0" : live.state === "denied" ? "not permitted" : "not known"}
          </span>
        ) : bar ? (
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
  dated,
}: {
  readonly critical: Live<readonly Check[]>;
  readonly warning: Live<readonly Check[]>;
  /** Whether there is a history that says since when. */
  readonly dated: boolean;
}) {
  const checks = [...(critical.value ?? []), ...(warning.value ?? [])];
  if (checks.length === 0) return null;
  const dc = datacenter.value;
  return (
    <Section title="Needs attention">
      <GlidingList class="list attention">
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
              <span class="wide small muted ellipsis mono">{(check.Output || check.Notes).split("\n")[0]}</span>
              <span class="small muted num">
                <OwnSince check={check} known={dated} />
              </span>
            </a>
          </li>
        ))}
      </GlidingList>
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
                      <td class="num">{server.Leader ? "–" : shortDuration(server.LastContact)}</td>
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
  if (self === undefined) {
    const live = selfState.value;
    if (live.state === "loading") return null;
    return (
      <Await live={live} small>
        {() => null}
      </Await>
    );
  }
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
        ["Last snapshot", Number(raft?.last_snapshot_index) > 0 && `index ${raft!.last_snapshot_index}`],
        ["Peers", raft?.num_peers],
        ["Checks run here", self.Stats?.agent?.checks],
        ["Runtime", self.Stats?.runtime?.version],
      ]}
    />
  );
}
