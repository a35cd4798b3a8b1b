// One program made of two: `agent` runs the one named by AGENT_PROGRAM, every other command the one of COMMAND_PROGRAM
// (both JSON lists of words). The recorded suite starts agents and commands through one name.
import { spawn } from "node:child_process";

const words = process.argv.slice(2);
const [program, ...args] = JSON.parse(process.env[words[0] === "agent" ? "AGENT_PROGRAM" : "COMMAND_PROGRAM"]);
const child = spawn(program, [...args, ...words], { stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code) => {
  process.exitCode = code ?? 1;
});
