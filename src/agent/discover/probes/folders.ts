import { byFile, folderAt, makeFinding } from '../finding.ts'
import type { Probe } from '../finding.ts'
import type { Files } from '../files.ts'
import type { Machine } from '../machine.ts'
import { dataMounts, kindOf } from './volumes.ts'

/** Folders that are no part of the system and of nobody's home: data by all that is known. */
export const folders: Probe = {
  name: 'folders',
  title: 'other folders of data',
  look: (machine) => {
    for (const path of dataFolders(machine)) reportFolder(machine, path)
  },
}

const ofSystem: Readonly<Record<string, ReadonlySet<string>>> = {
  linux: new Set(
    'bin boot dev etc home lib lib32 lib64 libx32 lost+found media mnt opt proc root run sbin snap srv sys tmp usr var'.split(
      ' ',
    ),
  ),
  macos: new Set(
    'Applications Library Network System Users Volumes bin cores dev etc home opt private sbin tmp usr var'.split(' '),
  ),
  windows: new Set([
    '$Recycle.Bin',
    '$WinREAgent',
    'Config.Msi',
    'Documents and Settings',
    'OneDriveTemp',
    'PerfLogs',
    'Program Files',
    'Program Files (x86)',
    'ProgramData',
    'Recovery',
    'System Volume Information',
    'Users',
    'Windows',
  ]),
}

/** Folders at the top that the system does not know, what is below `/srv` and `/opt`, and volumes of their own. */
export function dataFolders(machine: Machine): string[] {
  const { files, platform } = machine
  const tops = platform === 'windows' ? drives(files) : ['']
  const known = ofSystem[platform] ?? ofSystem['linux']
  const unknown = tops.flatMap((top) => {
    const names = files.names(`${top}/`).filter((name) => !known?.has(name) && !name.startsWith('.'))
    return names.map((name) => `${top}/${name}`)
  })
  const served = { linux: ['/srv', '/opt'], other: ['/srv', '/opt'], macos: ['/Volumes'], windows: [] }[platform]
  const below = served.flatMap((folder) => files.names(folder).map((name) => `${folder}/${name}`))
  const all = [...unknown, ...below, ...ownVolumes(machine)]
  return [...new Set(all)].filter((path) => files.type(path) === 'folder').sort()
}

/** Drives of Windows that are there, as `C:`. */
export function drives(files: Files): string[] {
  const quietly = files.telling(() => undefined) // an empty drive for discs says that it is not ready
  const letters = Array.from('CDEFGHIJKLMNOPQRSTUVWXYZAB', (letter) => `${letter}:`)
  return letters.filter((drive) => quietly.isFolder(`${drive}/`))
}

/** Local volumes that hold neither the system nor homes. */
function ownVolumes(machine: Machine): string[] {
  const mounts = dataMounts(machine).filter((mount) => kindOf(mount) === 'local')
  const isOfSystem = /^\/(?:$|(?:boot|efi|usr|var|home|root|tmp|etc|nix|snap|run|srv|opt)(?:\/|$))/
  const inVar = /^\/(?:var|srv|opt|home)\/.+/
  const paths = mounts.map(({ path }) => path)
  return paths.filter((path) => !isOfSystem.test(path) || (inVar.test(path) && !path.startsWith('/var/lib/docker')))
}

function reportFolder(machine: Machine, path: string): void {
  const measured = machine.measure([folderAt(path)])
  if (measured.size?.files === 0 && !measured.size.isAtLeast) return
  const isVolume = machine.mountPoints.has(path)
  machine.sink.finding(
    makeFinding({
      kind: 'folder',
      name: path,
      title: `${isVolume ? 'Volume' : 'Folder'} ${path}`,
      evidence: [byFile(`${path} is no part of the system`)],
      places: [folderAt(path)],
      ...measured,
      confidence: 'likely',
      backUpBy: 'files',
      advice: 'Back it up as files, unless somebody knows that it can be made again.',
    }),
  )
}
