import { playOurAgents } from "./recorded.mjs";

playOurAgents(["catalog", "config", "event", "exec", "intention", "kv-basic", "kv-export", "lock", "maint"]);
playOurAgents(["operator", "reload", "rtt", "services", "snapshot", "watch"]);
