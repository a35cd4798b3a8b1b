import { inDatacenter } from "../../data/agent.ts";
import { useLive } from "../../data/use-live.ts";
import { duration } from "../../lib/age.ts";
import type { PageProps } from "../../ui/lazy.tsx";
import { Facts, Section } from "../../ui/page.tsx";
import { Await } from "../../ui/states.tsx";

interface ChainNode {
  readonly Type: string;
  readonly Name: string;
  readonly Routes?: readonly {
    readonly Definition?: { readonly Match?: { readonly HTTP?: Readonly<Record<string, unknown>> } | null } | null;
    readonly NextNode: string;
  }[];
  readonly Splits?: readonly { readonly Weight: number; readonly NextNode: string }[];
  readonly Resolver?: {
    readonly Default?: boolean;
    readonly ConnectTimeout: string;
    readonly Target: string;
    readonly Failover?: { readonly Targets: readonly string[] };
  };
}
interface Chain {
  readonly Chain: {
    readonly Protocol: string;
    readonly StartNode: string;
    readonly Nodes: Readonly<Record<string, ChainNode>>;
    readonly Targets: Readonly<
      Record<string, { readonly Service: string; readonly Datacenter: string; readonly ServiceSubset?: string }>
    >;
  };
}

/** The discovery chain from the first router to the targets, as a tree that reads from above. */
export default function Routing({ params }: PageProps) {
  const live = useLive<Chain>(inDatacenter(`discovery-chain/${encodeURIComponent(params.name!)}`));
  return (
    <Await live={live} rows={3}>
      {({ Chain: chain }) => (
        <>
          <Section title="Way of a request">
            <ul class="chain">
              <Step chain={chain} at={chain.StartNode} how="" depth={0} />
            </ul>
          </Section>
          <Section title="Chain">
            <Facts
              rows={[
                ["Protocol", chain.Protocol],
                ["Targets", Object.keys(chain.Targets).join(", ")],
              ]}
            />
          </Section>
        </>
      )}
    </Await>
  );
}

/** A chain has no circles; a damaged answer might. */
const depthMax = 12;

function Step({
  chain,
  at,
  how,
  depth,
}: {
  readonly chain: Chain["Chain"];
  readonly at: string;
  readonly how: string;
  readonly depth: number;
}) {
  const node = chain.Nodes[at];
  if (node === undefined || depth > depthMax) return null;
  const next: (readonly [how: string, at: string])[] = [
    ...(node.Routes ?? []).map((route) => [match(route.Definition?.Match?.HTTP), route.NextNode] as const),
    ...(node.Splits ?? []).map((split) => [`${split.Weight} %`, split.NextNode] as const),
  ];
  const target = node.Resolver && chain.Targets[node.Resolver.Target];
  return (
    <li>
      <div class="row wrap">
        {how !== "" && <span class="chip mono">{how}</span>}
        <strong>{node.Type}</strong>
        <span class="break">{node.Name}</span>
        {node.Resolver?.Default && <span class="muted small">default</span>}
        {target && (
          <span class="muted small">
            → {target.Service}
            {target.ServiceSubset ? `, subset ${target.ServiceSubset}` : ""} in {target.Datacenter}, connects within{" "}
            {duration(node.Resolver!.ConnectTimeout)}
          </span>
        )}
        {node.Resolver?.Failover && <span class="muted small">else {node.Resolver.Failover.Targets.join(", ")}</span>}
      </div>
      {next.length > 0 && (
        <ul class="chain">
          {next.map(([each, to], i) => (
            <Step key={`${i} ${to}`} chain={chain} at={to} how={each} depth={depth + 1} />
          ))}
        </ul>
      )}
    </li>
  );
}

function match(http: Readonly<Record<string, unknown>> | undefined): string {
  if (http === undefined) return "everything else";
  const path = http.PathExact ?? http.PathPrefix ?? http.PathRegex;
  const more = Object.keys(http).filter((key) => !key.startsWith("Path") && http[key] !== null);
  return [path, ...more.map((key) => key.toLowerCase())].filter(Boolean).join(" + ") || "everything";
}
