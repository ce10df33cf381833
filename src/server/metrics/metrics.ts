import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Refusal, Transfer } from '../endpoint/index.ts'
import type { Services } from '../app/services.ts'
import { readFigures } from './figures.ts'

/** One call of the API that was answered. */
export interface AnsweredCall {
  readonly method: string
  /** As in the table of routes: never with ids. */
  readonly route: string
  readonly status: number
  readonly seconds: number
}

/** Milliseconds for which figures from the database are given again: whoever asks often gets no other. */
const figuresHold = 10_000

/**
 * What monitoring reads (Prometheus's text). Machines and repositories are named by their ids: no names of people or
 * businesses leave the server this way, and nothing that is secret.
 */
export class Metrics {
  readonly #registry = new Registry()
  readonly #calls = this.#histogram()
  readonly #stored = this.#counter('understudy_endpoint_stored_files_total', 'Files that machines have stored', [
    'type',
  ])
  readonly #bytes = this.#counter('understudy_endpoint_bytes_total', 'Bytes that machines have moved', ['direction'])
  readonly #refused = this.#counter('understudy_endpoint_refused_total', 'What no machine asks that does its work', [
    'kind',
  ])
  readonly #figures = new Map<string, Gauge>()
  #figuresAt: number | undefined
  #hasProcess = false

  /** Told by the repository endpoint. */
  readonly endpointHooks = {
    onRefused: ({ kind }: Pick<Refusal, 'kind'>) => this.#refused.inc({ kind }),
    onTransfer: ({ received, sent }: Pick<Transfer, 'received' | 'sent'>) => {
      this.#bytes.inc({ direction: 'received' }, received)
      this.#bytes.inc({ direction: 'sent' }, sent)
    },
  }

  noteCall({ method, route, status, seconds }: AnsweredCall): void {
    this.#calls.observe({ method, route, status: String(status) }, seconds)
  }

  noteStored(type: string): void {
    this.#stored.inc({ type })
  }

  /** All of it as text. */
  async text(services: Services): Promise<string> {
    if (!this.#hasProcess) collectDefaultMetrics({ register: this.#registry })
    this.#hasProcess = true
    await this.#bringUpToDate(services)
    return await this.#registry.metrics()
  }

  async #bringUpToDate(services: Services): Promise<void> {
    const now = services.clock.monotonic()
    if (this.#figuresAt !== undefined && now - this.#figuresAt < figuresHold) return
    this.#figuresAt = now
    const figures = await readFigures(services)
    // What is no longer there is not told as it was last.
    for (const gauge of this.#figures.values()) gauge.reset()
    for (const { name, help, labels: labelNames, values } of figures) {
      const about = { name, help, labelNames: [...labelNames], registers: [this.#registry] }
      const gauge = this.#figures.get(name) ?? new Gauge(about)
      this.#figures.set(name, gauge)
      for (const { labels, value } of values) gauge.set({ ...labels }, value)
    }
  }

  #histogram() {
    return new Histogram({
      name: 'understudy_api_seconds',
      help: 'How long calls of the API took',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
      registers: [this.#registry],
    })
  }

  #counter<Label extends string>(name: string, help: string, labelNames: Label[]): Counter<Label> {
    return new Counter({ name, help, labelNames, registers: [this.#registry] })
  }
}
