import type { Machine } from './machine.ts'
import type { WalkedFile } from './walk.ts'

/** Mail on PCs: archives are data; copies of what a server has are not. */

export interface MailFiles {
  readonly archives: WalkedFile[]
  readonly caches: WalkedFile[]
}

/** A hostile folder full of mail archives is told with so many of them. */
const mostMailFiles = 100

/** Remembers the file where it is one of mail. */
export function gatherMailFile(file: WalkedFile, { archives, caches }: MailFiles): void {
  const isArchive = /\.(?:pst|mbox|mbx|olm|dbx|nsf)$/i.test(file.name)
  const into = isArchive ? archives : /\.ost$/i.test(file.name) ? caches : undefined
  if (into && into.length < mostMailFiles) into.push(file)
}

/** Outlook keeps archives and copies of mailboxes in one folder. */
const outlooks = ['AppData/Local/Microsoft/Outlook', 'AppData/Roaming/Microsoft/Outlook']

export function gatherFromOutlook(machine: Machine, home: string, mail: MailFiles): void {
  for (const folder of outlooks.map((name) => `${home}/${name}`)) {
    if (machine.files.type(folder) === 'folder') machine.walk(folder, { onFile: (file) => gatherMailFile(file, mail) })
  }
}

const thunderbirds = [
  '.thunderbird',
  '.mozilla-thunderbird',
  'snap/thunderbird/common/.thunderbird',
  '.var/app/org.mozilla.Thunderbird/.thunderbird',
  'Library/Thunderbird/Profiles',
  'AppData/Roaming/Thunderbird/Profiles',
]

const localFolders = ['.local/share/evolution/mail/local', '.local/share/local-mail']

const caches = ['.cache', 'Library/Caches', 'AppData/Local/Temp']

export interface MailFolders {
  readonly archives: readonly string[]
  readonly caches: readonly string[]
}

/** Folders in a home that mail programs keep. What they hold for IMAP accounts is on the server. */
export function mailFoldersIn(machine: Machine, home: string): MailFolders {
  const { files } = machine
  const isFolder = (path: string) => files.type(path) === 'folder'
  const profiles = thunderbirds
    .map((name) => `${home}/${name}`)
    .filter(isFolder)
    .flatMap((folder) => files.names(folder).map((name) => `${folder}/${name}`))
  const inHome = (names: readonly string[]) => names.map((name) => `${home}/${name}`)
  const archives = [...profiles.map((profile) => `${profile}/Mail`), ...inHome(localFolders)].filter(isFolder)
  return {
    archives: archives.filter((folder) => hasMail(machine, folder)),
    caches: [...profiles.map((profile) => `${profile}/ImapMail`), ...inHome(caches)].filter(isFolder),
  }
}

/** Local folders are there from the start, with empty files and indexes in them. */
function hasMail(machine: Machine, folder: string): boolean {
  let found = false
  const { isAtLeast } = machine.walk(folder, {
    onFile: ({ name, bytes }) => {
      found ||= bytes > 0 && !/\.(?:msf|dat|html|json|sqlite|db|ibex\S*|cmeta)$/i.test(name)
    },
  })
  return found || isAtLeast
}
