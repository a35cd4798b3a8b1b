/** `import Consul from "@tribune/client/consul"` where `import Consul from "consul"` was. */
import { Consul } from "./consul.ts";

export type { ConsulOptions } from "./consul.ts";
export { ConsulError, type Response } from "./errors.ts";
export { Watch, type WatchOptions } from "./watch.ts";
// For `require`, which then answers the class itself, as npm's client does.
export { Consul, Consul as default, Consul as "module.exports" };
