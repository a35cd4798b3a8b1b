import { type Series, shortNumber } from "../lib/metrics.ts";

const width = 240;
const height = 40;

/** Figures over time, one on the other, with what is wrong on top. Its place is kept while nothing is known. */
export function Sparkline({ series }: { readonly series: Series | undefined }) {
  const { data, labels, unitSuffix } = series ?? { data: [], labels: {}, unitSuffix: "" };
  const names = Object.keys(labels).filter((label) => label !== "Total");
  if (data.length < 2 || names.length === 0) {
    return (
      <>
        <div class="sparkline" />
        <div class="sparkline-scale" />
      </>
    );
  }
  const from = data[0]!.time!;
  const span = data.at(-1)!.time! - from || 1;
  const total = (point: Readonly<Record<string, number>>, count = names.length): number =>
    names.slice(0, count).reduce((sum, name) => sum + (point[name] ?? 0), 0);
  const most = Math.max(...data.map((point) => total(point)));
  const x = (point: Readonly<Record<string, number>>): string => (((point.time! - from) / span) * width).toFixed(1);
  const y = (value: number): string => (height - (most === 0 ? 0 : value / most) * (height - 2)).toFixed(1);
  const area = (at: number): string => {
    const top = data.map((point) => `${x(point)} ${y(total(point, at + 1))}`);
    const bottom = data.map((point) => `${x(point)} ${y(total(point, at))}`).reverse();
    return `M${[...top, ...bottom].join("L")}Z`;
  };
  const unit = unitSuffix.trim();
  const said = (value: number): string => `${shortNumber(value)} ${unit}`;
  const minutes = Math.round(span / 60_000);
  const now = said(total(data.at(-1)!));
  const text = `${names.join(" and ")} of the last ${minutes} minutes: now ${now}, at most ${said(most)}`;
  return (
    <>
      <svg class="sparkline" viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={text}>
        <title>{text}</title>
        {names.map((name, at) => (
          <path key={name} d={area(at)} class={name === "Errors" ? "area-bad" : at === 0 ? "area" : "area-more"} />
        ))}
      </svg>
      <div class="sparkline-scale small muted" aria-hidden="true">
        <span>{minutes} min</span>
        <span>at most {said(most)}</span>
      </div>
    </>
  );
}
