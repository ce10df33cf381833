import type { Probe } from '../finding.ts'
import type { Machine } from '../machine.ts'
import { databaseFiles } from '../probes/database-files.ts'
import { drives, folders } from '../probes/folders.ts'
import { people } from '../probes/people.ts'

/** Windows as far as plain Node sees it: drives by their letters, and what people keep. */
export const windowsProbes: readonly Probe[] = [
  { name: 'volumes', title: 'drives', look: lookAtDrives },
  { name: 'services', title: 'services', look: sayWhatIsNotSeen },
  people,
  folders,
  databaseFiles,
]

function lookAtDrives({ files, sink }: Machine): void {
  for (const drive of drives(files)) {
    const path = `${drive}/`
    const found = files.volume(path)
    const sizes = found && { bytes: found.blocks * found.bsize, usedBytes: (found.blocks - found.bfree) * found.bsize }
    sink.volume({ path, source: path, fileSystem: 'unknown', kind: 'local', filesAre: 'unknown', ...sizes })
  }
  files.tell('drives', 'on Windows it cannot be told here whether a drive is of this machine or comes by the network')
}

function sayWhatIsNotSeen({ files }: Machine): void {
  const what = 'database servers, other servers, shares, virtual machines and what starts at boot'
  files.tell(what, 'they are not looked for on Windows yet')
}
