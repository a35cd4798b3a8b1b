export { changedConfiguration, configurationError, isVoter, voterIds } from "./configuration.ts";
export { RaftCore } from "./raft-core.ts";
export { LogScan, recoverLog } from "./recovery.ts";
export * from "./types.ts";
