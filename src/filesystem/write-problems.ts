/**
 * Metadata that a target does not keep is told once, with a count and one example, not once for each of a million files.
 *
 * The counts lie in memory that all threads share, so that they need no message of their own.
 */
const metadataProblems = {
  owner: 'The owner could not be set (that needs root, and a file system with owners)',
  special: 'The setuid and setgid bits were left off, as the owner could not be set',
  mode: 'The permissions could not be set',
  attribute: 'Extended attributes could not be set (the file system has none of this kind, or it needs root)',
  acl: 'Access control lists could not be set (the file system has none)',
  times: 'The times could not be set',
} as const

export type MetadataProblem = keyof typeof metadataProblems

const kinds = Object.keys(metadataProblems) as MetadataProblem[]
const exampleBytes = 512
/** Per kind: the count, the length of the example, the example. */
const slotBytes = 8 + exampleBytes

export interface CountedProblem {
  readonly problem: MetadataProblem
  /** One sentence. */
  readonly message: string
  readonly count: number
  /** One path that it touched, raw bytes, perhaps cut. */
  readonly example: Buffer
}

export class WriteProblems {
  readonly shared: SharedArrayBuffer
  readonly #view: Int32Array
  readonly #bytes: Uint8Array

  constructor(shared = new SharedArrayBuffer(kinds.length * slotBytes)) {
    this.shared = shared
    this.#view = new Int32Array(shared)
    this.#bytes = new Uint8Array(shared)
  }

  add(problem: MetadataProblem, path: string): void {
    const slot = (kinds.indexOf(problem) * slotBytes) / 4
    if (Atomics.add(this.#view, slot, 1) > 0) return
    const example = Buffer.from(path.slice(0, exampleBytes), 'latin1')
    this.#bytes.set(example, slot * 4 + 8)
    Atomics.store(this.#view, slot + 1, example.length)
  }

  list(): CountedProblem[] {
    return kinds.flatMap((problem, index) => {
      const slot = (index * slotBytes) / 4
      const count = Atomics.load(this.#view, slot)
      if (count === 0) return []
      const length = Atomics.load(this.#view, slot + 1)
      const example = Buffer.from(this.#bytes.slice(slot * 4 + 8, slot * 4 + 8 + length))
      return [{ problem, message: metadataProblems[problem], count, example }]
    })
  }
}
