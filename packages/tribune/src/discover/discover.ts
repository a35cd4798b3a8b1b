/** Which clouds can be asked, and the question as a whole (`discover.Addrs` of hashicorp/go-discover). */
import { parseDiscoverText } from "../codec/discover-text.ts";
import type { Logger } from "../lib/log.ts";
import { aws } from "./aws.ts";
import { azure } from "./azure.ts";
import { digitalocean } from "./digitalocean.ts";
import { gce } from "./gce.ts";
import { k8s } from "./k8s.ts";
import { linode } from "./linode.ts";
import type { Provider, World } from "./provider.ts";

const PROVIDERS: Readonly<Record<string, Provider>> = { aws, azure, digitalocean, gce, k8s, linode };
/** Those of Consul's that nobody has built yet. */
const OTHERS = ["aliyun", "mdns", "os", "packet", "scaleway", "softlayer", "tencentcloud", "triton", "vsphere"];

export const DISCOVERY_METHODS: readonly string[] = Object.keys(PROVIDERS).sort();

/**
 * @param text `provider=aws tag_key=…`
 * @returns addresses to join. @throws Error with the reason, in which nothing of the expression's values but the
 * provider's name is shown.
 */
export async function discover(text: string, world: World, logger: Logger): Promise<readonly string[]> {
  const args = parseDiscoverText(text);
  if (typeof args === "string") throw new Error(`discover: ${args}`);
  const name = args.get("provider") ?? "";
  if (name === "") throw new Error("discover: no provider");
  const provider = Object.hasOwn(PROVIDERS, name) ? PROVIDERS[name] : undefined;
  if (provider !== undefined) {
    logger.debug(`discover: Using provider "${name}"`);
    return provider(args, world, logger);
  }
  if (!OTHERS.includes(name)) throw new Error(`discover: unknown provider ${name}`);
  throw new Error(`discover: provider ${name} is not built in; there are ${DISCOVERY_METHODS.join(", ")}`);
}
