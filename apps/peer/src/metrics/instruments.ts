/**
 * One instrument for each row of the metrics' table, addressed by name.
 */
import { Counter, Gauge, Histogram } from "prom-client";
import type { Registry } from "prom-client";
import { METRICS } from "./metrics.ts";
import type { MetricDefinition, MetricName } from "./metrics.ts";

export type Labels = Readonly<Record<string, string>>;

export class Instruments {
  readonly #byName = new Map<MetricName, Counter | Gauge | Histogram>();

  constructor(registry: Registry) {
    for (const [name, definition] of Object.entries(METRICS) as [MetricName, MetricDefinition][]) {
      if (definition.kind === "histogram" && definition.buckets === undefined) continue; // Registered by who counts it.
      const common = { name, help: definition.help, labelNames: [...(definition.labels ?? [])], registers: [registry] };
      if (definition.kind === "counter") this.#byName.set(name, new Counter(common));
      else if (definition.kind === "gauge") this.#byName.set(name, new Gauge(common));
      else this.#byName.set(name, new Histogram({ ...common, buckets: [...(definition.buckets ?? [])] }));
    }
  }

  add(name: MetricName, value = 1, labels: Labels = {}): void {
    const counter = this.#byName.get(name);
    if (counter instanceof Counter) counter.inc(labels, value);
  }

  /** Takes over a count that was kept elsewhere. */
  setTotal(name: MetricName, value: number): void {
    this.clear(name);
    this.add(name, value);
  }

  /** The same of counts that one label tells apart. */
  setTotals(name: MetricName, label: string, values: Readonly<Record<string, number>>): void {
    this.clear(name);
    for (const [key, value] of Object.entries(values)) this.add(name, value, { [label]: key });
  }

  set(name: MetricName, value: number | boolean, labels: Labels = {}): void {
    const gauge = this.#byName.get(name);
    if (gauge instanceof Gauge) gauge.set(labels, Number(value));
  }

  observe(name: MetricName, value: number): void {
    const histogram = this.#byName.get(name);
    if (histogram instanceof Histogram) histogram.observe(value);
  }

  /** Takes a gauge without labels out until it is set again: 0 would be a value. */
  remove(name: MetricName): void {
    const gauge = this.#byName.get(name);
    if (gauge instanceof Gauge) gauge.remove();
  }

  /** Forgets the label sets of a gauge, so that a peer that left does not stay at its last value. */
  clear(...names: MetricName[]): void {
    for (const name of names) this.#byName.get(name)?.reset();
  }
}
