import { playOurCommands } from "./recorded.mjs";

playOurCommands(["catalog", "event", "exec", "intention", "kv-basic", "kv-export", "lock", "maint"]);
playOurCommands(["members-one", "operator", "reload", "rtt", "services", "snapshot", "watch"]);
