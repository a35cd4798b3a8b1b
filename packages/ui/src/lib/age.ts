/** How long ago something was, as a reader wants it: exact when it is short, rounded when it is long. */
export function age(ms: number): string {
  if (!Number.isFinite(ms)) return "never";
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 1) return "now";
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h`;
  return `${Math.floor(hours / 24)} d`;
}

export function ago(ms: number): string {
  const text = age(ms);
  return text === "now" || text === "never" ? text : `${text} ago`;
}

const nanosecondsOf: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 6e10,
  h: 3.6e12,
};

/** A duration in nanoseconds or as Go writes it (`3600s`, `1m30s`); another text is itself. */
export function duration(value: unknown): string {
  if (typeof value === "string") {
    if (!/^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/.test(value)) return value === "" ? "–" : value;
    const parts = [...value.matchAll(/([\d.]+)(ns|us|µs|ms|s|m|h)/g)];
    return duration(parts.reduce((sum, [, number, unit]) => sum + Number(number) * nanosecondsOf[unit!]!, 0));
  }
  if (typeof value !== "number" || value === 0) return "–";
  if (value >= 3.6e12) return `${round(value / 3.6e12)} h`;
  if (value >= 6e10) return `${round(value / 6e10)} min`;
  if (value >= 1e9) return `${round(value / 1e9)} s`;
  return `${round(value / 1e6)} ms`;
}

/** A duration as Go prints it, as exact as a reader wants it: `15.199959ms` is `15 ms`. */
export function shortDuration(text: string): string {
  const [, number, unit] = /^([\d.]+)(ns|µs|ms|s)$/.exec(text) ?? [];
  if (number === undefined) return text;
  const value = Number(number);
  return `${value < 10 ? round(value) : Math.round(value)} ${unit}`;
}

const round = (value: number): number => Math.round(value * 10) / 10;

export function count(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
}

export function bytes(n: number): string {
  if (n < 1024) return `${n} B`;
  if (n < 1024 * 1024) return `${round(n / 1024)} KiB`;
  return `${round(n / 1024 / 1024)} MiB`;
}
