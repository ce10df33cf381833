import { formatBytes, formatDuration } from '#base'
import type { CommandContext } from './context.ts'
import type { Printer } from './printer.ts'
import { formatPercent } from './words.ts'

/** What is shown while a long work goes on. */
export interface StatusView {
  /** The first line says it all; the others are for a terminal. */
  readonly lines: readonly string[]
  /** For `--json`. */
  readonly json?: unknown
}

const onTerminal = 100
const forPrograms = 100
/** Where nobody watches, a sign of life now and then is enough. */
const inLog = 30_000
const fastest = 60

/** Milliseconds between two views; 0 for never. UNDERSTUDY_PROGRESS_FPS sets it, as with restic. */
export function statusInterval({ env, printer }: Pick<CommandContext, 'env' | 'printer'>): number {
  const fps = Number(env.get('PROGRESS_FPS') ?? NaN)
  if (fps > 0) return 1000 / Math.min(fps, fastest)
  if (printer.verbosity === 0) return 0
  if (printer.isJson) return forPrograms
  return printer.terminal.canUpdate ? onTerminal : inLog
}

/** Shows a view again and again until it is disposed of. */
export class LiveStatus implements Disposable {
  readonly #printer: Printer
  readonly #view: () => StatusView | undefined
  readonly #timer: NodeJS.Timeout | undefined

  constructor(context: Pick<CommandContext, 'env' | 'printer'>, view: () => StatusView | undefined) {
    this.#printer = context.printer
    this.#view = view
    const interval = statusInterval(context)
    if (interval > 0) this.#timer = setInterval(() => this.#show(), interval)
    this.#timer?.unref()
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#printer.terminal.setStatus([])
  }

  #show(): void {
    const view = this.#view()
    if (!view) return
    const { terminal, isJson } = this.#printer
    if (isJson) {
      if (view.json !== undefined) this.#printer.json(view.json)
    } else if (terminal.canUpdate) terminal.setStatus(view.lines)
    else terminal.print(view.lines[0] ?? '')
  }
}

export interface StepNames {
  /** What is said when a step begins, by its name. */
  readonly [step: string]: { readonly title: string; readonly unit: string }
}

/** Progress of a work of several steps: each is said as it begins, and counts: `[0:05] 40.00%  4 / 10 packs`. */
export class StepStatus implements Disposable {
  readonly #printer: Printer
  readonly #steps: StepNames
  readonly #status: LiveStatus
  #step = ''
  #start = performance.now()
  #done = 0
  #total: number | undefined

  constructor(context: Pick<CommandContext, 'env' | 'printer'>, steps: StepNames) {
    this.#printer = context.printer
    this.#steps = steps
    this.#status = new LiveStatus(context, () => (this.#step === '' ? undefined : { lines: [this.#line()] }))
  }

  readonly report = (step: string, done: number, total: number | undefined): void => {
    if (step !== this.#step) {
      this.#step = step
      this.#start = performance.now()
      this.#printer.say(this.#steps[step]?.title ?? step)
    }
    this.#done = done
    this.#total = total
  };

  [Symbol.dispose](): void {
    this.#status[Symbol.dispose]()
  }

  #line(): string {
    const elapsed = formatDuration(Math.floor((performance.now() - this.#start) / 1000))
    const unit = this.#steps[this.#step]?.unit ?? ''
    const show = (value: number) => (unit === 'bytes' ? formatBytes(value) : String(value))
    const name = unit === 'bytes' ? '' : ` ${unit}`
    if (!this.#total) return `[${elapsed}]          ${show(this.#done)}${name}`
    return `[${elapsed}] ${formatPercent(this.#done, this.#total)}  ${show(this.#done)} / ${show(this.#total)}${name}`
  }
}
