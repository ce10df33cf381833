import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { hasCode } from '#base'
import { type FileRef, fileTypes, isValidName } from '#backend'
import type { SetAsideFile } from './quarantine.ts'

/** The list of what counts as deleted in one repository. `has` and `all` are asked for every file: they answer from memory. */
export interface Tombstones {
  has(file: FileRef): boolean
  all(): readonly SetAsideFile[]
  add(file: SetAsideFile): Promise<void>
  remove(files: readonly FileRef[]): Promise<void>
}

/**
 * Tombstones in a file with a line of JSON for each: added at its end, written anew when some go. A line that a crash has cut
 * off is passed over; what it named is found again by the next prune.
 */
export class FileTombstones implements Tombstones {
  readonly #path: string
  readonly #entries: Map<string, SetAsideFile>
  /** One change of the file at a time. */
  #last: Promise<unknown> = Promise.resolve()

  private constructor(path: string, entries: Map<string, SetAsideFile>) {
    this.#path = path
    this.#entries = entries
  }

  static async open(path: string): Promise<FileTombstones> {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const text = await readFile(path, 'utf8').catch((thrown: unknown) => {
      if (hasCode(thrown, 'ENOENT')) return ''
      throw thrown
    })
    const entries = text.split('\n').flatMap((line) => parseLine(line) ?? [])
    return new FileTombstones(path, new Map(entries.map((entry) => [keyOf(entry.file), entry])))
  }

  has(file: FileRef): boolean {
    return this.#entries.has(keyOf(file))
  }

  all(): readonly SetAsideFile[] {
    return [...this.#entries.values()]
  }

  async add(entry: SetAsideFile): Promise<void> {
    await this.#inTurn(async () => {
      await using handle = await open(this.#path, 'a', 0o600)
      await handle.appendFile(formatLine(entry))
      await handle.sync()
      this.#entries.set(keyOf(entry.file), entry)
    })
  }

  async remove(files: readonly FileRef[]): Promise<void> {
    const keys = new Set(files.map(keyOf))
    if (keys.size === 0) return
    await this.#inTurn(async () => {
      await this.#write([...this.#entries].filter(([key]) => !keys.has(key)).map(([, entry]) => entry))
      for (const key of keys) this.#entries.delete(key)
    })
  }

  async #write(entries: readonly SetAsideFile[]): Promise<void> {
    const temporary = `${this.#path}-tmp`
    {
      await using handle = await open(temporary, 'w', 0o600)
      await handle.writeFile(entries.map(formatLine).join(''))
      await handle.sync()
    }
    await rename(temporary, this.#path)
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work)
    this.#last = done.catch(() => undefined)
    return done
  }
}

function keyOf({ type, name }: FileRef): string {
  return `${type}/${name}`
}

/** A line begins with its own line end, so that one that was cut off spoils none but itself. */
function formatLine({ file, size, day }: SetAsideFile): string {
  return `\n${JSON.stringify({ type: file.type, name: file.name, size, day })}`
}

function parseLine(line: string): SetAsideFile | undefined {
  try {
    const { type, name, size, day } = JSON.parse(line) as Record<string, unknown>
    const known = fileTypes.find((one) => one === type)
    if (!known || typeof name !== 'string' || !isValidName(known, name)) return undefined
    if (!Number.isSafeInteger(size) || typeof day !== 'string' || Number.isNaN(Date.parse(day))) return undefined
    return { file: { type: known, name }, size: size as number, day }
  } catch {
    return undefined
  }
}
