/**
 * Measurements for OpenTelemetry, where the process has it: `@opentelemetry/api` is no dependency of ours, and its
 * meter does nothing until somebody has registered a provider (`node --import ./telemetry.mjs …`, or the program that
 * embeds the agent).
 */
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

/** What is used of `@opentelemetry/api` 1. */
export interface OpenTelemetryApi {
  readonly metrics: { getMeter(name: string, version?: string): Meter };
  createNoopMeter(): Meter;
}

const PACKAGE: string = "@opentelemetry/api";

/** The library, if this process can import it. */
export async function openTelemetryApi(): Promise<OpenTelemetryApi | undefined> {
  try {
    return (await import(PACKAGE)) as OpenTelemetryApi;
  } catch {
    return undefined; // it is not installed, which is the usual case
  }
}

/** @returns undefined where nobody has registered a provider: then measurements would go nowhere, and cost all the same */
export function openTelemetrySink(api: OpenTelemetryApi, prefix: string): MetricSink | undefined {
  const meter = api.metrics.getMeter("tribune");
  return meter === api.createNoopMeter() ? undefined : new OpenTelemetrySink(meter, prefix);
}

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
      const options = known === undefined ? {} : { unit: known.unit, description: known.help };
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
