import type { Backend, CallOptions, FileRef, FileType, ListedFile, ReadOptions, WriteOptions } from './backend.ts'
import { BackendError } from './errors.ts'
import { checkName, fileDetails, isValidName } from './layout.ts'
import { sliceRange } from './range.ts'

/** A repository in memory, for tests: it is gone with the process. */
export class MemoryBackend implements Backend {
  readonly location: string = 'memory'
  readonly connections: number = 8
  readonly fast: boolean = true
  /** What is stored, by `type/name`. Tests may reach in, to damage something. */
  readonly files: Map<string, Buffer>

  constructor(files: Map<string, Buffer> = new Map()) {
    this.files = files
  }

  async create({ signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted()
  }

  async *list(type: FileType, { signal }: CallOptions = {}): AsyncIterable<ListedFile> {
    signal?.throwIfAborted()
    const prefix = `${type}/`
    for (const [key, bytes] of this.files) {
      signal?.throwIfAborted()
      const name = key.slice(prefix.length)
      if (key.startsWith(prefix) && isValidName(type, name)) yield { name, size: bytes.length }
    }
  }

  async size(file: FileRef, { signal }: CallOptions = {}): Promise<number | undefined> {
    signal?.throwIfAborted()
    return this.files.get(keyOf(file))?.length
  }

  async read(file: FileRef, { range, signal, progress }: ReadOptions = {}): Promise<Buffer> {
    signal?.throwIfAborted()
    const bytes = this.files.get(keyOf(file))
    if (!bytes) throw new BackendError('FILE_NOT_FOUND', fileDetails(file, this.location))
    const part = sliceRange(bytes, file, { range, location: this.location })
    progress?.(part.length)
    return part
  }

  async write(file: FileRef, bytes: Uint8Array, { signal, progress }: WriteOptions = {}): Promise<void> {
    signal?.throwIfAborted()
    const present = this.files.get(keyOf(file))
    if (present?.equals(bytes)) return
    if (present) throw new BackendError('FILE_EXISTS', fileDetails(file, this.location))
    this.files.set(keyOf(file), Buffer.from(bytes))
    progress?.(bytes.length)
  }

  async delete(file: FileRef, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted()
    this.files.delete(keyOf(file))
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

function keyOf(file: FileRef): string {
  checkName(file)
  return `${file.type}/${file.name}`
}
