import { datacenter } from "../../data/agent.ts";
import { put } from "../../data/send.ts";
import type { ServiceInstance } from "../../data/types.ts";
import { href } from "../../lib/routes.ts";
import { Copyable } from "../../ui/copy.tsx";
import { confirm } from "../../ui/dialog.tsx";
import { isOwnNode } from "../../ui/maintenance.tsx";
import { navigate } from "../../ui/router.ts";

/** Who announces an instance, and so whether it stays away once it is taken out of the catalog. */
type Keeper = "this agent" | "its agent" | "nobody";

export const keeperOf = ({ Node, Checks }: ServiceInstance): Keeper =>
  isOwnNode(Node.Node)
    ? "this agent"
    : Checks.some(({ CheckID, Status }) => CheckID === "serfHealth" && Status === "passing")
      ? "its agent"
      : "nobody";

/** Asks, and says what comes of it: an agent that is alive announces what has only been taken out of the catalog again. */
export function deregister(instance: ServiceInstance): void {
  const { Service, Node } = instance;
  const keeper = keeperOf(instance);
  confirm({
    title: `Deregister ${Service.ID}?`,
    text:
      keeper === "this agent" ? (
        `The agent of ${Node.Node} forgets it and its checks.`
      ) : keeper === "nobody" ? (
        `It leaves the catalog with its checks. No live agent on ${Node.Node} would announce it again.`
      ) : (
        <div class="stack-s">
          <p>
            The agent of {Node.Node} is alive and announces its services again within minutes. For good it is
            deregistered there:
          </p>
          <Copyable text={`consul services deregister -id=${Service.ID}`} label="the command" />
        </div>
      ),
    action: keeper === "its agent" ? "Take it out of the catalog" : "Deregister",
    danger: true,
    done: `Deregistered ${Service.ID}`,
    run: async () => {
      if (keeper === "this agent") await put(`agent/service/deregister/${encodeURIComponent(Service.ID)}`);
      else await put("catalog/deregister", { Datacenter: datacenter.value, Node: Node.Node, ServiceID: Service.ID });
      navigate(href(datacenter.value, "services", Service.Service));
    },
  });
}
