import { DiskError } from "../lib/runtime.ts";

const AGAIN = "start this agent again: it goes on with everything that was acknowledged";
const BROKEN =
  `check the disk (the system's log says what is wrong with it), then ${AGAIN}. Where the data is lost and other servers ` +
  "are there, start it with an empty data directory: it gets everything from the leader";

const ADVICE: Readonly<Record<string, string>> = {
  ENOSPC: `make room on the disk of that file, then ${AGAIN}`,
  EDQUOT: `raise the quota on the disk of that file or make room there, then ${AGAIN}`,
  EIO: BROKEN,
  EROFS: `the disk of that file takes no writes any more: ${BROKEN}`,
  ENXIO: BROKEN,
  ESHUTDOWN: BROKEN,
  EMFILE: `raise the limit of open files (ulimit -n), then ${AGAIN}`,
  EACCES: `let this agent's user write that file, then ${AGAIN}`,
};

/** What an operator can do about an error that ended the agent; undefined where its text says so itself. */
export function adviceFor(error: Error): string | undefined {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause)
    if (cause instanceof DiskError) return ADVICE[cause.code];
  return undefined;
}
