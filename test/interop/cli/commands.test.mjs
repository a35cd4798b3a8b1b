import { playOurCommands } from "./recorded.mjs";

playOurCommands(["catalog", "event", "exec", "kv-basic", "kv-export", "lock", "maint", "members-one"]);
playOurCommands(["operator", "reload", "rtt", "services", "snapshot", "watch"]);
