import { formatDuration } from '#base'
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

/** Counts towards a known or unknown end: `[0:05] 40.00%  4 / 10 packs`. */
export class Counter implements Disposable {
  readonly #what: string
  readonly #start = performance.now()
  readonly #status: LiveStatus
  #done = 0
  #total = 0

  constructor(context: Pick<CommandContext, 'env' | 'printer'>, what: string) {
    this.#what = what
    this.#status = new LiveStatus(context, () => ({ lines: [this.#line()] }))
  }

  set(done: number, total = this.#total): void {
    this.#done = done
    this.#total = total
  }

  [Symbol.dispose](): void {
    this.#status[Symbol.dispose]()
  }

  #line(): string {
    const elapsed = formatDuration(Math.floor((performance.now() - this.#start) / 1000))
    if (this.#total === 0) return `[${elapsed}]          ${this.#done} ${this.#what}`
    const percent = formatPercent(this.#done, this.#total)
    return `[${elapsed}] ${percent}  ${this.#done} / ${this.#total} ${this.#what}`
  }
}
