import type { AgentMember } from "@tribune/client/node";
import type { Command } from "../command.ts";
import { compileRegExp, keyValues, table } from "../output.ts";
import { attempt } from "../run.ts";
import { boolFlag, stringFlag } from "./flag.ts";

/** Serf's states by number. */
const STATUS = ["none", "alive", "leaving", "left", "failed"] as const;
const ALL_SEGMENTS = "_all";
/** No member matches: distinct from a failure, for scripts. */
const NONE_FOUND = 2;

export const members: Command = {
  usage: "[options]",
  description: "Prints the members of the cluster as the agent sees them.",
  http: "client",
  flags: [
    boolFlag("detailed", "Print every member's tags."),
    boolFlag("wan", "The servers of all datacenters instead of this one's members."),
    stringFlag("status", "Only members whose status matches this regular expression.", ".*"),
    stringFlag("filter", "Only members that this expression holds for; of agents from Consul 1.16 on, and ours."),
    stringFlag("segment", "Only members of this network segment. A feature of Consul Enterprise.", ALL_SEGMENTS),
  ],
  async run(context) {
    const { flags } = context;
    let status: RegExp;
    try {
      status = compileRegExp(flags.string("status"));
    } catch (error) {
      context.error(`Failed to compile status regexp: ${(error as Error).message}`);
      return 1;
    }
    const segment = flags.string("segment");
    const query = { wan: flags.bool("wan"), segment, filter: flags.string("filter") };
    const found = await attempt(context, "Error retrieving members", () => context.client().agent.members(query));
    if (found === undefined) return 1;
    const shown = found.value
      .map((member) => withSegment(member, segment))
      .filter((member) => status.test(statusOf(member)))
      .sort((a, b) => compare(a.Tags.segment ?? "", b.Tags.segment ?? "") || compare(a.Name, b.Name));
    if (shown.length === 0) return NONE_FOUND;
    context.out(flags.bool("detailed") ? detailedTable(shown) : plainTable(shown));
    return 0;
  },
};

const statusOf = (member: AgentMember): string => STATUS[member.Status] ?? "unknown";
const compare = (a: string, b: string): number => Number(a > b) - Number(a < b);

function withSegment(member: AgentMember, asked: string): AgentMember {
  const everywhere = asked === ALL_SEGMENTS && member.Tags.role === "consul";
  return { ...member, Tags: { ...member.Tags, segment: everywhere ? "<all>" : member.Tags.segment || "<default>" } };
}

function address({ Addr, Port }: AgentMember): string {
  return Addr.includes(":") ? `[${Addr}]:${Port}` : `${Addr}:${Port}`;
}

const TYPES: Readonly<Record<string, string>> = { node: "client", consul: "server" };

function plainTable(list: readonly AgentMember[]): string {
  const rows = list.map((member) => {
    const { Tags: tags } = member;
    const type = TYPES[tags.role ?? ""];
    const head = [member.Name, address(member), statusOf(member)];
    if (type === undefined) return [...head, "unknown", "", "", "", ""];
    const build = tags.build === undefined || tags.build === "" ? "< 0.3" : (tags.build.split(":")[0] ?? "");
    return [...head, type, build, tags.vsn ?? "", tags.dc ?? "", tags.segment ?? ""];
  });
  return table([["Node", "Address", "Status", "Type", "Build", "Protocol", "DC", "Segment"], ...rows]);
}

/** A tag of ours, for other servers only; the table is Consul's. The API shows it. */
const OWN_TAG = "ft_config_kinds";

function detailedTable(list: readonly AgentMember[]): string {
  const rows = list.map((member) => {
    const { [OWN_TAG]: _, ...tags } = member.Tags;
    return [member.Name, address(member), statusOf(member), keyValues(tags, ",")];
  });
  return table([["Node", "Address", "Status", "Tags"], ...rows]);
}
