import { asksCloud } from "../codec/discover-text.ts";
import { hideCloudSecrets } from "../config/secrets.ts";
import type { Logger } from "../lib/log.ts";

/** Asks a cloud what `provider=… key=value` names. Rejects with the reason. */
export type AskCloud = (text: string, logger: Logger) => Promise<readonly string[]>;

/** Join addresses as configured, each `provider=…` among them replaced by what its cloud answers. */
export class Discovery {
  readonly #ask: AskCloud;
  readonly #logger: Logger;

  constructor(ask: AskCloud, logger: Logger) {
    this.#ask = ask;
    this.#logger = logger;
  }

  /** A cloud that cannot be asked is logged and adds nothing: the other addresses may do. */
  async addresses(configured: readonly string[], cluster: "LAN" | "WAN"): Promise<readonly string[]> {
    const found: string[] = [];
    for (const address of configured) {
      if (!asksCloud(address)) {
        found.push(address);
        continue;
      }
      try {
        const servers = await this.#ask(address, this.#logger);
        this.#logger.info("Discovered servers", { cluster, servers: servers.join(" ") });
        found.push(...servers);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        this.#logger.error("Cannot discover address", { address: hideCloudSecrets(address), error: reason });
      }
    }
    return found;
  }
}
