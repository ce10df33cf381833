import type { ByteRange, CreateThreadReader, FileRef, ThreadReader, ThreadReading } from '#backend'

/** Files of the storage, read in this thread, where the storage has a way for that. */
export class ThreadFiles {
  readonly #reader: ThreadReader

  private constructor(reader: ThreadReader) {
    this.#reader = reader
  }

  static async open({ module, options }: ThreadReading): Promise<ThreadFiles> {
    const { createThreadReader } = (await import(module)) as { createThreadReader: CreateThreadReader }
    return new ThreadFiles(createThreadReader(options))
  }

  /** Undefined when it cannot be read, for whatever reason: then the storage is to be asked, which tries again and explains. */
  tryRead(file: FileRef, room: (length: number) => Buffer, range?: ByteRange): Buffer | undefined {
    try {
      return this.#reader.read(file, room, range)
    } catch {
      return undefined
    }
  }
}
