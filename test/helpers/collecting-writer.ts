/** A writer module for tests: `options` is a folder; each `ref` is the name of a file in it. */
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { ContentWriter, CreateContentWriter } from '../../src/repository/content.ts'

export const createContentWriter: CreateContentWriter = (options): ContentWriter => ({
  write(ref, offset, bytes) {
    const file = openSync(join(options as string, ref as string), 'r+')
    writeSync(file, bytes, 0, bytes.length, offset)
    closeSync(file)
  },
  writeWhole(ref, pieces) {
    if (ref === 'refused') throw Object.assign(new Error('no room'), { code: 'ENOSPC' })
    writeFileSync(
      join(options as string, ref as string),
      Buffer.concat(Array.from(pieces, (piece) => Buffer.from(piece))),
    )
  },
  [Symbol.dispose]: () => undefined,
})
