/** Nanoseconds in one unit of a Go duration string. */
const UNIT_NS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3, // U+00B5 micro sign
  μs: 1e3, // U+03BC Greek letter mu
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

export const MS_NS = 1e6;
export const SECOND_NS = 1e9;

/**
 * Parses a Go duration (`time.ParseDuration`): `"1h15m30.918s"`, `"-1.5h"`, `"0"`.
 *
 * @returns nanoseconds, or undefined where Go would answer an error.
 */
export function parseGoDuration(text: string): number | undefined {
  const match = /^([+-]?)(.*)$/s.exec(text);
  const sign = match?.[1] === "-" ? -1 : 1;
  let rest = match?.[2] ?? "";
  if (rest === "0") return 0;
  if (rest === "") return undefined;
  let total = 0;
  while (rest !== "") {
    const part = /^(\d*)(?:\.(\d*))?([^\d.]+)/.exec(rest);
    if (part === null) return undefined;
    const [whole, int = "", fraction = "", unit = ""] = part;
    const unitNs = Object.hasOwn(UNIT_NS, unit) ? UNIT_NS[unit] : undefined;
    if (unitNs === undefined || (int === "" && fraction === "")) return undefined;
    total += Number(int || "0") * unitNs;
    if (fraction !== "") total += Math.trunc(Number(`0.${fraction}`) * unitNs + 1e-9);
    if (total > 2 ** 63) return undefined;
    rest = rest.slice(whole.length);
  }
  return total === 0 ? 0 : sign * total;
}

/** Go's words for a text that `time.ParseDuration` refuses. */
export function durationFault(text: string): string {
  const quoted = JSON.stringify(text);
  let rest = text.replace(/^[+-]/, "");
  while (rest !== "") {
    const number = /^(?:\d+\.?\d*|\.\d+)/.exec(rest)?.[0];
    if (number === undefined) break;
    const unit = /^[^\d.]*/.exec(rest.slice(number.length))?.[0] ?? "";
    if (unit === "") return `time: missing unit in duration ${quoted}`;
    if (parseGoDuration(`1${unit}`) === undefined) {
      return `time: unknown unit ${JSON.stringify(unit)} in duration ${quoted}`;
    }
    rest = rest.slice(number.length + unit.length);
  }
  return `time: invalid duration ${quoted}`;
}

/** Prints nanoseconds, rounded to whole ones, as Go's `time.Duration.String` does: `"1h15m30.918s"`, `"1.5ms"`, `"0s"`. */
export function formatGoDuration(ns: number): string {
  const abs = Math.round(Math.abs(ns));
  if (abs === 0) return "0s";
  const sign = ns < 0 ? "-" : "";
  if (abs < 1e3) return `${sign}${abs}ns`;
  if (abs < 1e6) return `${sign}${decimal(abs, 1e3)}µs`;
  if (abs < 1e9) return `${sign}${decimal(abs, 1e6)}ms`;
  const hours = Math.floor(abs / 3600e9);
  const minutes = Math.floor((abs % 3600e9) / 60e9);
  const seconds = `${decimal(abs % 60e9, 1e9)}s`;
  if (hours > 0) return `${sign}${hours}h${minutes}m${seconds}`;
  if (minutes > 0) return `${sign}${minutes}m${seconds}`;
  return sign + seconds;
}

function decimal(ns: number, unitNs: number): string {
  const whole = Math.floor(ns / unitNs);
  const digits = String(unitNs).length - 1;
  const fraction = String(ns % unitNs)
    .padStart(digits, "0")
    .replace(/0+$/, "");
  return fraction === "" ? String(whole) : `${whole}.${fraction}`;
}
