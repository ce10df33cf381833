import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import type { ByteRange, FileRef, ThreadReading } from './backend.ts'
import { layoutPath } from './layout.ts'

/** For worker threads that read a repository's folder by themselves: the other side of `localThreadReading`. */

/** Never waits for somebody to write, should a fifo lie where a file belongs. */
const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)

/** What `ThreadReading.module` exports. */
export type CreateThreadReader = (options: unknown) => ThreadReader

export interface ThreadReader {
  /**
   * Reads a file, or a range of it, into memory that `room` gives when the number of bytes is known; returns the part of
   * that memory that they fill. Throws when the bytes cannot be had, for whatever reason: then the backend is asked, which
   * tries again and explains.
   */
  read(file: FileRef, room: (length: number) => Buffer, range?: ByteRange): Buffer
}

export function localThreadReading(root: string, module: URL): ThreadReading {
  return { module: module.href, options: { root } }
}

export const createThreadReader: CreateThreadReader = (options) => {
  const { root } = options as { readonly root: string }
  return {
    read(file, room, range) {
      const handle = openSync(join(root, ...layoutPath(file)), flags)
      try {
        const stat = fstatSync(handle)
        if (!stat.isFile()) throw new Error('it is no file')
        const { offset, length } = range ?? { offset: 0, length: stat.size }
        if (!(offset >= 0 && length >= 0 && offset + length <= stat.size)) throw new Error('it is too short')
        const into = room(length).subarray(0, length)
        fill(handle, into, offset)
        return into
      } finally {
        closeSync(handle)
      }
    },
  }
}

function fill(handle: number, into: Buffer, offset: number): void {
  for (let filled = 0; filled < into.length;) {
    const bytes = readSync(handle, into, filled, into.length - filled, offset + filled)
    if (bytes === 0) throw new Error('it is too short')
    filled += bytes
  }
}
