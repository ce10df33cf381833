import { FilesystemError } from './errors.ts'
import { answers, isInside, mayHang, readMounts } from './mounts.ts'
import { fromRaw } from './platform/index.ts'

/** The mounts that may never answer, each asked once, before the walk touches it. */
export class RemoteMounts {
  readonly #paths: ReadonlySet<string>
  readonly #parents: ReadonlySet<string>
  readonly #patience: number
  readonly #asked = new Map<string, Promise<boolean>>()

  /** `patience` in milliseconds. */
  constructor(patience: number) {
    this.#patience = patience
    this.#paths = new Set(
      readMounts()
        .filter(mayHang)
        .map(({ path }) => path),
    )
    this.#parents = new Set([...this.#paths].map((path) => path.slice(0, path.lastIndexOf('/')) || '/'))
  }

  /** True when some entry of the folder needs `check` before it is touched. */
  hasSomeIn(folder: string): boolean {
    return this.#parents.has(folder)
  }

  /** Throws MOUNT_SILENT when `path` is such a mount and does not answer. */
  async check(path: string): Promise<void> {
    if (!this.#paths.has(path)) return
    let asked = this.#asked.get(path)
    if (!asked) this.#asked.set(path, (asked = answers(path, this.#patience)))
    if (!(await asked)) {
      throw new FilesystemError('MOUNT_SILENT', { path: fromRaw(path), seconds: this.#patience / 1000 })
    }
  }

  /** The same for every mount that `path` lies in or is. */
  async checkAbove(path: string): Promise<void> {
    for (const mount of this.#paths) if (isInside(path, mount)) await this.check(mount)
  }
}
