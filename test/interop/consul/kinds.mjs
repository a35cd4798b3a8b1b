import { program } from "../../e2e/agent-process.mjs";

/** The command that runs an agent of ours. */
export const TRIBUNE = [process.execPath, program];
