/**
 * What each kind of machine gets today: its files, its applications, and the whole machine. One table, from which README, the API
 * and the console are made, so that none of them promises what another takes back. Runs in the browser too.
 */

/** How far something goes. `partly` has a limit that its sentence names; `no` is not there today. */
export type Reach = 'yes' | 'partly' | 'no'

export interface WhatComesBack {
  readonly reach: Reach
  /** One sentence: how, and with what limit. Without a full stop. */
  readonly how: string
}

export interface MachineKind {
  readonly id: string
  readonly name: string
  /** What reads it. */
  readonly by: 'agent' | 'script' | 'neighbour'
  readonly files: WhatComesBack
  /** Databases and other programs whose files cannot simply be copied while they run. */
  readonly applications: WhatComesBack
  /** Back to a machine that starts, without installing the system by hand. */
  readonly wholeMachine: WhatComesBack
}

const dumpHook = 'whatever a program writes as a dump before the backup starts'
const noWholeMachine: WhatComesBack = { reach: 'no', how: 'install the system anew, then bring the files back' }
const noApplications: WhatComesBack = { reach: 'no', how: 'only what the machine itself exports as a file' }

export const machineKinds: readonly MachineKind[] = [
  {
    id: 'linux',
    name: 'Linux server or PC',
    by: 'agent',
    files: {
      reach: 'yes',
      how: 'contents, owners, rights, ACLs, extended attributes, hard links and holes; from a snapshot of the volume where LVM, btrfs or ZFS has one',
    },
    applications: {
      reach: 'partly',
      how: 'PostgreSQL, MariaDB and SQLite as checked dumps; any other by a hook on the machine, judged by its dump',
    },
    wholeMachine: {
      reach: 'partly',
      how: 'all files of the system come back with their metadata; partitions and boot loader are made by hand',
    },
  },
  {
    id: 'windows',
    name: 'Windows PC or server',
    by: 'script',
    files: {
      reach: 'partly',
      how: 'with stock restic from a volume shadow copy, also files that are open; the script was checked by its grammar and not yet run on Windows by our tests',
    },
    applications: {
      reach: 'partly',
      how: `files as a crash would leave them, by the shadow copy; for SQL Server and the like ${dumpHook}`,
    },
    wholeMachine: noWholeMachine,
  },
  {
    id: 'macos',
    name: 'Mac',
    by: 'script',
    files: {
      reach: 'partly',
      how: 'with stock restic, not from a snapshot; some folders only after Full Disk Access was given by hand; the script was not yet run on a Mac by our tests',
    },
    applications: { reach: 'partly', how: dumpHook },
    wholeMachine: noWholeMachine,
  },
  {
    id: 'linux-script',
    name: 'Linux without our agent',
    by: 'script',
    files: { reach: 'yes', how: 'with stock restic, as the files are at that moment' },
    applications: { reach: 'partly', how: dumpHook },
    wholeMachine: noWholeMachine,
  },
  {
    id: 'nas',
    name: 'NAS',
    by: 'neighbour',
    files: {
      reach: 'partly',
      how: 'contents, sizes and times over SMB, SFTP or FTP; owners, rights and ACLs are not kept',
    },
    applications: noApplications,
    wholeMachine: noWholeMachine,
  },
  {
    id: 'controller',
    name: 'Machine controller',
    by: 'neighbour',
    files: {
      reach: 'partly',
      how: 'programs and recipes over FTP, SFTP or SMB 2 and newer, read only; owners and rights are not kept, and nothing that speaks only SMB 1',
    },
    applications: noApplications,
    wholeMachine: { reach: 'no', how: 'with the tool of its maker' },
  },
  {
    id: 'telephone',
    name: 'Telephone system that takes no software',
    by: 'neighbour',
    files: {
      reach: 'partly',
      how: 'settings, recordings and voice mail that it offers over SFTP, FTP or SMB; owners and rights are not kept',
    },
    applications: noApplications,
    wholeMachine: { reach: 'no', how: 'with its own restore, from the export that was backed up' },
  },
]

const readers: Readonly<Record<MachineKind['by'], string>> = {
  agent: 'our agent',
  script: 'a ready script for stock restic',
  neighbour: 'the agent of a machine beside it',
}

const signs: Readonly<Record<Reach, string>> = { yes: 'Yes', partly: 'Partly', no: 'No' }

/** The table as Markdown, with a line end behind its last row. */
export function renderMachineKinds(kinds: readonly MachineKind[] = machineKinds): string {
  const head = ['Machine', 'Read by', 'Files', 'Applications', 'Whole machine']
  const rows = kinds.map(({ name, by, files, applications, wholeMachine }) => [
    name,
    readers[by],
    ...[files, applications, wholeMachine].map(({ reach, how }) => `**${signs[reach]}**: ${how}`),
  ])
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.map(cell).join(' | ')} |\n`).join('')
}

function cell(text: string): string {
  return text.replaceAll('|', String.raw`\|`).replaceAll('\n', ' ')
}
