/** Commands that may only have so much memory, by a control group of their own; the kernel kills what takes more. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'

const root = '/sys/fs/cgroup'
const first = `${root}/memory`

/** Why this machine cannot limit memory, or false. */
export function cannotLimitMemory(): string | false {
  if (process.geteuid?.() !== 0) return 'kernel: control groups need root'
  try {
    using _ = MemoryLimit.of(256 << 20)
    return false
  } catch (thrown) {
    return `kernel: no control group with a limit of memory can be made: ${(thrown as Error).message}`
  }
}

let made = 0

export class MemoryLimit implements Disposable {
  readonly #group: string
  readonly #isFirstVersion: boolean

  private constructor(group: string, isFirstVersion: boolean) {
    this.#group = group
    this.#isFirstVersion = isFirstVersion
  }

  static of(bytes: number): MemoryLimit {
    const isFirstVersion = existsSync(`${first}/memory.limit_in_bytes`)
    const group = `${isFirstVersion ? first : root}/understudy-test-${process.pid}-${made++}`
    mkdirSync(group)
    const limit = new MemoryLimit(group, isFirstVersion)
    try {
      limit.#set(isFirstVersion ? ['memory.limit_in_bytes'] : ['memory.max'], bytes)
      // Memory that goes to the swap space is memory all the same.
      limit.#set(isFirstVersion ? ['memory.memsw.limit_in_bytes'] : ['memory.swap.max'], isFirstVersion ? bytes : 0)
    } catch (thrown) {
      limit[Symbol.dispose]()
      throw thrown
    }
    return limit
  }

  /** The command so that it runs within the limit. */
  command(program: string, args: readonly string[]): [string, string[]] {
    return ['sh', ['-c', 'echo $$ > "$0" && exec "$@"', `${this.#group}/cgroup.procs`, program, ...args]]
  }

  /** How often the kernel has killed something in here. */
  get kills(): number {
    const events = readFileSync(
      `${this.#group}/${this.#isFirstVersion ? 'memory.oom_control' : 'memory.events'}`,
      'utf8',
    )
    return Number(/^oom_kill (\d+)$/m.exec(events)?.[1] ?? 0)
  }

  [Symbol.dispose](): void {
    rmdirSync(this.#group)
  }

  #set(files: readonly string[], bytes: number): void {
    for (const name of files) {
      if (existsSync(`${this.#group}/${name}`)) writeFileSync(`${this.#group}/${name}`, String(bytes))
    }
  }
}
