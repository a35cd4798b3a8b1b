import { inspect } from "node:util";

/** The line with which a report begins, for those who look for it in a long output. */
export const REPORT_BEGINS = "---- what failed";

const TESTS_MAX = 20;
const LINES_FIRST = 16;
const LINES_LAST = 24;
const COLUMNS_MAX = 300;

/**
 * What a reader of the last lines of a run needs to know of the tests that failed; long messages lose their middle.
 *
 * @param {readonly {name: string, where: string, error: unknown, more?: readonly string[]}[]} failures
 *   `more` are lines that follow the error
 */
export function failureReport(failures) {
  const told = failures
    .slice(0, TESTS_MAX)
    .flatMap(({ name, where, error, more = [] }) => [
      `FAILED: ${name}`,
      `  ${where}`,
      ...shortened([textOf(error), ...more].join("\n")).map((line) => `  ${line}`),
    ]);
  const rest = failures.slice(TESTS_MAX).map(({ name, where }) => `FAILED: ${name} (${where})`);
  return [REPORT_BEGINS, ...told, ...rest.slice(0, 10 * TESTS_MAX)].join("\n");
}

/** The message, what differs where two things were compared, and the places in the test, without those of the runner. */
function textOf(error) {
  if (!(error instanceof Error)) return typeof error === "string" ? error : inspect(error);
  const places = String(error.stack ?? "")
    .split("\n")
    .filter((line) => /^ {4}at /.test(line) && !/node:|node_modules/.test(line))
    .slice(0, 5);
  const cause = error.cause === undefined ? [] : [`cause: ${textOf(error.cause)}`];
  return [error.message, ...places, ...cause].join("\n");
}

function shortened(text) {
  const lines = text.split("\n").map((line) => (line.length > COLUMNS_MAX ? `${line.slice(0, COLUMNS_MAX)}…` : line));
  if (lines.length <= LINES_FIRST + LINES_LAST) return lines;
  const left = lines.length - LINES_FIRST - LINES_LAST;
  return [...lines.slice(0, LINES_FIRST), `[… ${left} lines …]`, ...lines.slice(-LINES_LAST)];
}
