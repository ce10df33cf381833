/** A scanner module for tests: says of each folder what it was given, and writes a file into the folder `options` when it is closed. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CreateFolderScanner } from '../../src/repository/content.ts'

export const createFolderScanner: CreateFolderScanner = (options, blobs) =>
  Promise.resolve({
    scan: (folder, tree) => ({
      folder,
      names: Array.from(tree, ({ name }) => name.toString()),
      lengths: Array.from(tree, ({ content }) => content && blobs.lengthsOf(content)),
    }),
    [Symbol.dispose]: () => writeFileSync(join(options as string, 'closed'), ''),
  })
