const UNITS_MS: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, ms: 1, s: 1e3, m: 60e3, h: 3_600e3 };

/** Milliseconds as a number, or a text of one unit, such as `30s`; undefined for anything else. */
export function plainDurationMs(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  const [, digits = "", unit = ""] = /^([\d.]+)(ns|us|ms|s|m|h)$/.exec(String(value ?? "")) ?? [];
  const factor = UNITS_MS[unit];
  return factor === undefined || Number.isNaN(Number(digits)) ? undefined : Number(digits) * factor;
}
