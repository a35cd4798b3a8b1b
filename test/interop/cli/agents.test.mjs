import { playOurAgents } from "./recorded.mjs";

playOurAgents(["catalog", "config", "event", "exec", "kv-basic", "kv-export", "lock", "maint", "operator", "reload"]);
playOurAgents(["rtt", "services", "snapshot", "watch"]);
