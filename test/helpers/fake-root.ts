/** A machine out of literals: the files that a look at it would read, in a folder that stands for its root. */
import fs from 'node:fs'
import path from 'node:path'
import { tempFolder } from './temp.ts'
import type { TempFolder } from './temp.ts'

/** By path: the content of a file; an array of names is a symlink's target; undefined is an empty folder. */
export type FakeFiles = Readonly<Record<string, string | Uint8Array | readonly [linkTo: string] | undefined>>

export async function fakeRoot(files: FakeFiles): Promise<TempFolder> {
  const root = await tempFolder()
  for (const [place, content] of Object.entries(files)) {
    const file = root.join(place)
    fs.mkdirSync(content === undefined ? file : path.dirname(file), { recursive: true })
    if (Array.isArray(content)) fs.symlinkSync(content[0] as string, file)
    else if (content !== undefined) fs.writeFileSync(file, content as string | Uint8Array)
  }
  return root
}
