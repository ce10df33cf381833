import type { Machine } from './machine.ts'

/** Mail on PCs: archives are data; copies of what a server has are not. */

export function mailFileKind(name: string): 'archive' | 'cache' | undefined {
  if (/\.(?:pst|mbox|mbx|olm|dbx|nsf)$/i.test(name)) return 'archive'
  return /\.ost$/i.test(name) ? 'cache' : undefined
}

export interface MailFolders {
  readonly archives: readonly string[]
  readonly caches: readonly string[]
}

const thunderbirds = [
  '.thunderbird',
  '.mozilla-thunderbird',
  'snap/thunderbird/common/.thunderbird',
  '.var/app/org.mozilla.Thunderbird/.thunderbird',
  'Library/Thunderbird/Profiles',
  'AppData/Roaming/Thunderbird/Profiles',
]

const archives = ['.local/share/evolution/mail/local', '.local/share/local-mail']

const caches = [
  '.cache',
  '.local/share/akonadi_maildir_resource_0/cache',
  'Library/Caches',
  'AppData/Local/Microsoft/Outlook',
  'AppData/Local/Temp',
  'AppData/Local/Google/Chrome/User Data/Default/Cache',
]

/** Folders in a home that mail programs keep. What they hold for IMAP accounts is on the server. */
export function mailFoldersIn({ files }: Pick<Machine, 'files'>, home: string): MailFolders {
  const isFolder = (path: string) => files.type(path) === 'folder'
  const profiles = thunderbirds
    .map((name) => `${home}/${name}`)
    .filter(isFolder)
    .flatMap((folder) => files.names(folder).map((name) => `${folder}/${name}`))
  const inHome = (names: readonly string[]) => names.map((name) => `${home}/${name}`)
  return {
    archives: [...profiles.map((profile) => `${profile}/Mail`), ...inHome(archives)].filter(isFolder),
    caches: [...profiles.map((profile) => `${profile}/ImapMail`), ...inHome(caches)].filter(isFolder),
  }
}
