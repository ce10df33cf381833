import type { Probe } from '../finding.ts'
import type { Machine } from '../machine.ts'
import { people } from '../probes/people.ts'
import { databaseFiles } from '../probes/database-files.ts'
import { folders } from '../probes/folders.ts'

/** macOS as far as plain Node sees it: the disks that are mounted, and what people keep. */
export const macosProbes: readonly Probe[] = [
  { name: 'volumes', title: 'volumes', look: lookAtVolumes },
  { name: 'services', title: 'services', look: sayWhatIsNotSeen },
  people,
  folders,
  databaseFiles,
]

function lookAtVolumes({ files, sink }: Machine): void {
  const mounted = files.names('/Volumes').map((name) => `/Volumes/${name}`)
  // The volume of the system is there once more, as a link.
  for (const path of ['/', ...mounted.filter((place) => files.type(place) === 'folder')]) {
    const found = files.volume(path)
    sink.volume({
      path,
      source: path,
      fileSystem: 'unknown',
      kind: 'local',
      filesAre: 'unknown',
      ...(found && { bytes: found.blocks * found.bsize, usedBytes: (found.blocks - found.bfree) * found.bsize }),
    })
  }
  files.tell('volumes', 'on macOS it cannot be told here whether a volume is of this machine or comes by the network')
}

function sayWhatIsNotSeen({ files }: Machine): void {
  const what = 'database servers, other servers, containers, virtual machines and what starts at boot'
  files.tell(what, 'they are not looked for on macOS yet')
}
