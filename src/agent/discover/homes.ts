import path from 'node:path'
import type { MachineFacts } from '#protocol'
import type { Machine } from './machine.ts'

/** A folder of a person's. */
export interface Home {
  readonly path: string
  readonly user: string
}

/** Where homes lie, and which folders in them are programs'. */
const layouts: Readonly<Record<MachineFacts['platform'], { readonly folder: string; readonly programs: RegExp }>> = {
  linux: { folder: '/home', programs: /^(?:\.|snap\/)/ },
  macos: { folder: '/Users', programs: /^(?:\.|Library\/|Applications\/)/ },
  windows: { folder: 'C:/Users', programs: /^(?:\.|AppData\/|NTUSER)/i },
  other: { folder: '/home', programs: /^\./ },
}

const nobodys = new Set([
  'lost+found',
  'Public',
  'Shared',
  'Default',
  'Default User',
  'All Users',
  'Guest',
  '.localized',
])

export function readHomes(machine: Machine): Home[] {
  const { folder } = layouts[machine.platform]
  const { files } = machine
  const below = files.names(folder).filter((name) => !nobodys.has(name))
  const found = new Map(below.map((name) => [`${folder}/${name}`, name]))
  if (machine.platform === 'linux')
    for (const [home, user] of homesOfUsers(files.text('/etc/passwd'))) found.set(home, user)
  const homes = [...found].filter(([home]) => files.isFolder(home))
  return homes.map(([home, user]) => ({ path: files.type(home) === 'link' ? files.realPath(home) : home, user }))
}

/** People, as the system numbers them, and root. */
function homesOfUsers(passwd: string | undefined): [string, string][] {
  return (passwd ?? '').split('\n').flatMap((line): [string, string][] => {
    const [user = '', , id = '', , , home = ''] = line.split(':')
    const number = Number(id)
    const isPerson = number === 0 || (number >= 1000 && number < 60_000)
    if (!isPerson || !home.startsWith('/') || home === '/') return []
    return [[path.posix.normalize(home).replace(/\/$/, ''), user]]
  })
}

/** True for a place in a home that is a program's, not the person's. */
export function isOfPrograms({ platform }: Pick<Machine, 'platform'>, home: Home, place: string): boolean {
  if (!place.startsWith(`${home.path}/`)) return false
  return layouts[platform].programs.test(`${place.slice(home.path.length + 1)}/`)
}
