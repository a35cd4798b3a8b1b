/**
 * Measurements for OpenTelemetry, where this process has it: `node --import ./telemetry.mjs …`, or the program that embeds
 * the agent, has registered a provider. Nothing is imported for it: what is registered stands where every copy of the
 * library looks for it, so that it does not matter where `@opentelemetry/api` is installed.
 */
import type { Logger } from "../lib/log.ts";
import type { MetricLabels } from "../lib/metrics.ts";
import type { MetricSink } from "../lib/telemetry/aggregator.ts";
import { declarationOf } from "../lib/telemetry/metric-names.ts";
import type { SeriesKind } from "../lib/telemetry/series.ts";

type Attributes = Record<string, string>;
interface Instrument {
  add?(value: number, attributes: Attributes): void;
  record?(value: number, attributes: Attributes): void;
}
interface Described {
  readonly unit?: string;
  readonly description?: string;
}
interface Meter {
  createCounter(name: string, options: Described): Instrument;
  createGauge?(name: string, options: Described): Instrument;
  createHistogram(name: string, options: Described): Instrument;
}

/** What is registered with `@opentelemetry/api` 1, as far as it matters here. */
interface Registered {
  readonly metrics?: { getMeter(name: string): Meter };
}

/** Where the library, whatever copy of it, keeps what was registered. The number is its major version. */
const PLACE = "opentelemetry.js.api.";
const VERSION = "1";
/** Settings that only somebody makes who expects metrics to be sent. */
const ASKING = ["OTEL_METRICS_EXPORTER", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/**
 * @param env of the process: it may ask for what nobody has registered, which is said once
 * @returns undefined where there is no provider: then measurements would go nowhere, and cost all the same
 */
export function openTelemetrySink(
  prefix: string,
  env: Readonly<Record<string, string | undefined>>,
  log: Pick<Logger, "warn">,
): MetricSink | undefined {
  const meter = registered(VERSION)?.metrics?.getMeter("tribune");
  if (meter !== undefined) return new OpenTelemetrySink(meter, prefix);
  const other = otherVersion();
  const asking = ASKING.find((name) => (env[name] ?? "") !== "" && env[name] !== "none");
  if (other !== undefined)
    log.warn("OpenTelemetry gets no metrics: what is registered is of another version of @opentelemetry/api", {
      version: other,
      wanted: VERSION,
    });
  else if (asking !== undefined)
    log.warn(
      "OpenTelemetry gets no metrics: no meter provider is registered. Install @opentelemetry/sdk-metrics and an exporter, " +
        "and start with node --import ./telemetry.mjs, as docs/metrics.md shows",
      { asked_by: asking },
    );
  return undefined;
}

const registered = (version: string): Registered | undefined =>
  (globalThis as Record<symbol, unknown>)[Symbol.for(PLACE + version)] as Registered | undefined;

function otherVersion(): string | undefined {
  for (const symbol of Object.getOwnPropertySymbols(globalThis)) {
    const key = Symbol.keyFor(symbol) ?? "";
    if (key.startsWith(PLACE) && key !== PLACE + VERSION) return key.slice(PLACE.length);
  }
  return undefined;
}

/** Units as OpenTelemetry writes them (UCUM): what is only counted stands in braces. */
const UCUM: Readonly<Record<string, string>> = { ms: "ms", ns: "ns", s: "s", bytes: "By", "%": "%" };
const ucum = (unit: string): string => UCUM[unit] ?? `{${unit}}`;

interface Target {
  readonly instrument: Instrument;
  readonly attributes: Attributes;
}

class OpenTelemetrySink implements MetricSink {
  readonly wantsHost = false;
  readonly #meter: Meter;
  readonly #prefix: string;
  readonly #instruments = new Map<string, Instrument>();
  /** By the head of their series; as many as the aggregator keeps. */
  readonly #targets = new Map<string, Target>();

  constructor(meter: Meter, prefix: string) {
    this.#meter = meter;
    this.#prefix = prefix === "" ? "" : `${prefix}.`;
  }

  head(kind: SeriesKind, name: string, labels: MetricLabels): string {
    const head = JSON.stringify([kind, name, labels]);
    this.#targets.set(head, {
      instrument: this.#instrument(kind, name),
      attributes: Object.fromEntries(labels),
    });
    return head;
  }

  write(_kind: SeriesKind, head: string, value: number): void {
    const target = this.#targets.get(head);
    if (target === undefined) return;
    const { instrument, attributes } = target;
    if (instrument.add !== undefined) instrument.add(value, attributes);
    else instrument.record?.(value, attributes);
  }

  #instrument(kind: SeriesKind, name: string): Instrument {
    const key = `${kind} ${name}`;
    let instrument = this.#instruments.get(key);
    if (instrument === undefined) {
      const known = declarationOf(name.startsWith(this.#prefix) ? name.slice(this.#prefix.length) : name);
      const options = known === undefined ? {} : { unit: ucum(known.unit), description: known.help };
      instrument = this.#create(kind, name, options);
      this.#instruments.set(key, instrument);
    }
    return instrument;
  }

  #create(kind: SeriesKind, name: string, options: Described): Instrument {
    if (kind === "counter") return this.#meter.createCounter(name, options);
    // Gauges that are set came with 1.9 of the library; a histogram's last value is the next best.
    if (kind === "gauge" && this.#meter.createGauge !== undefined) return this.#meter.createGauge(name, options);
    return this.#meter.createHistogram(name, options);
  }
}
