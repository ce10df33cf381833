import { DatabaseFinder, engineName } from '#protocol'
import type { DatabaseEngine, DatabaseFiles } from '#protocol'
import { seeUse } from '../database-use.ts'
import { byFile, fileAt, folderAt, makeFinding, outermost } from '../finding.ts'
import type { Probe } from '../finding.ts'
import { isOfPrograms, readHomes } from '../homes.ts'
import type { Home } from '../homes.ts'
import type { Machine } from '../machine.ts'
import { dataFolders } from './folders.ts'
import { reportDatabase } from './databases.ts'

/** Databases by their files, wherever data lies. */
export const databaseFiles: Probe = {
  name: 'database-files',
  title: 'database files on the disks',
  look: (machine) => {
    const homes = readHomes(machine)
    for (const area of areas(machine, homes)) {
      const found = lookAt(machine, area)
      const ofPrograms = found.filter(
        ({ place, engine }) => embedded.has(engine) && homes.some((home) => isOfPrograms(machine, home, place)),
      )
      const told = found.filter((files) => !ofPrograms.includes(files))
      for (const files of told.slice(0, mostTold)) reportDatabase(machine, seeUse(machine, files))
      if (told.length > mostTold) machine.files.tell(area, `it has ${told.length - mostTold} more database files`)
      for (const home of homes) reportOfPrograms(machine, home, ofPrograms)
    }
  },
}

/** More in one area would hide everything else. */
const mostTold = 200

/** Where programs keep their data, and everything that is no part of the system. */
function areas(machine: Machine, homes: readonly Home[]): string[] {
  const usual = machine.platform === 'windows' ? ofWindows : ofOthers
  const all = [...usual, ...dataFolders(machine), ...homes.map(({ path }) => path)]
  return outermost(all).filter((path) => machine.files.isFolder(path))
}

const ofOthers = ['/var/lib', '/var/opt', '/var/www', '/srv', '/opt', '/usr/local']
const ofWindows = ['C:/Program Files', 'C:/Program Files (x86)', 'C:/ProgramData', 'C:/Windows/NTDS']

function lookAt(machine: Machine, area: string): readonly DatabaseFiles[] {
  const finder = new DatabaseFinder()
  machine.walk(area, {
    leaveOut: (place, name) => systemFolders.has(place) || cacheNames.has(name),
    onFile: ({ path, bytes, raw }) => {
      const length = bytes > 0 ? finder.wantsHead(path) : 0
      finder.see({ path, bytes, head: length > 0 ? machine.files.head(raw, length) : undefined })
    },
  })
  const { databases, isAtLeast } = finder.found()
  if (isAtLeast) machine.files.tell(area, 'it has more database files than are remembered')
  return databases
}

/** What the system makes again, and layers of containers. */
const systemFolders = new Set(
  [
    'PackageKit',
    'apt',
    'colord',
    'command-not-found',
    'dnf',
    'dpkg',
    'flatpak',
    'fwupd',
    'gdm3',
    'man-db',
    'mlocate',
    'plocate',
    'rpm',
    'snapd',
    'systemd',
    'NetworkManager',
    'containerd',
    'docker/overlay2',
    'docker/containerd',
    'docker/buildkit',
    'containers/storage/overlay',
  ].map((name) => `/var/lib/${name}`),
)

const cacheNames = new Set(['.cache', 'Cache', 'Caches', 'Code Cache', 'GPUCache', '.git', 'node_modules', '.Trash'])

/** What programs of a desktop keep their settings in. */
const embedded: ReadonlySet<DatabaseEngine> = new Set(['sqlite', 'leveldb', 'rocksdb', 'lmdb'])

function reportOfPrograms(machine: Machine, { path, user }: Home, found: readonly DatabaseFiles[]): void {
  const own = found.filter(({ place }) => place.startsWith(`${path}/`))
  if (own.length === 0) return
  const engines = [...new Set(own.map(({ engine }) => engineName(engine)))].join(', ')
  machine.sink.finding(
    makeFinding({
      kind: 'settings',
      name: `program-databases:${path}`,
      title: `Databases of programs of ${user}: ${own.length} (${engines})`,
      evidence: own.slice(0, 5).map(({ place }) => byFile(place)),
      places: own.map(({ place, isFile }) => (isFile ? fileAt(place) : folderAt(place))),
      backUpBy: 'files',
      advice: 'They come with the settings, as files: of a program that runs, the copy may not open again.',
    }),
  )
}
