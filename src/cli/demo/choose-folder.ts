import { opendirSync } from 'node:fs'
import { join } from 'node:path'

/** Folders with real files that most machines have, in the order in which the demo looks at them. */
const usualFolders = [
  '/usr/share/doc',
  '/usr/include',
  '/usr/lib/python3',
  '/usr/share',
  '/Library/Documentation',
  'C:\\Windows\\Help',
]

/** Enough to be worth looking at, and done in half a minute. */
const fewestEntries = 1_000
const mostEntries = 60_000

/** A folder of this machine for the demo: the first usual one of a good size, otherwise `fallback`. */
export function chooseFolder(fallback: string): string {
  const fits = (folder: string) => {
    const entries = countEntries(folder)
    return entries >= fewestEntries && entries <= mostEntries
  }
  return usualFolders.find(fits) ?? fallback
}

/** Entries below a folder, counted no further than the demo wants them; 0 when it is not there. */
function countEntries(root: string): number {
  const folders = [root]
  let count = 0
  for (let folder = folders.pop(); folder !== undefined && count <= mostEntries; folder = folders.pop()) {
    for (const entry of entriesOf(folder)) {
      count++
      if (entry.isDirectory()) folders.push(join(folder, entry.name))
    }
  }
  return count
}

function entriesOf(folder: string) {
  try {
    using open = opendirSync(folder)
    const entries = []
    for (let entry = open.readSync(); entry; entry = open.readSync()) entries.push(entry)
    return entries
  } catch {
    return []
  }
}
