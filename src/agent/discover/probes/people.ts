import type { Place } from '#protocol'
import { byFile, fileAt, folderAt, makeFinding } from '../finding.ts'
import type { Probe } from '../finding.ts'
import { isOfPrograms, readHomes } from '../homes.ts'
import type { Home } from '../homes.ts'
import type { Machine } from '../machine.ts'
import { gatherFromOutlook, gatherMailFile, mailFoldersIn } from '../mail-files.ts'
import type { MailFiles } from '../mail-files.ts'

/** What people keep on the machine: documents, mail, settings; and what programs keep for them, which can be fetched again. */
export const people: Probe = {
  name: 'people',
  title: 'documents and mail of the users',
  look: (machine) => {
    for (const home of readHomes(machine)) lookAtHome(machine, home)
  },
}

/** More folders in one home than this are told as one. */
const mostFolders = 40

function lookAtHome(machine: Machine, home: Home): void {
  const names = machine.files.names(home.path).map((name) => `${home.path}/${name}`)
  const own = names.filter((path) => !isOfPrograms(machine, home, path))
  const mail: MailFiles = { archives: [], caches: [] }
  const isFolder = (path: string) => machine.files.type(path) === 'folder' && !machine.mountPoints.has(path)
  const folders = own.filter(isFolder)
  for (const folder of folders.slice(0, mostFolders)) reportDocuments(machine, home, folder, mail)
  if (folders.length > mostFolders) reportManyFolders(machine, home, folders.slice(mostFolders))
  reportLooseFiles(machine, home, own)
  gatherFromOutlook(machine, home.path, mail)
  reportMail(machine, home, mail)
  reportSettings(machine, home)
  reportCaches(machine, home, mail)
}

function reportDocuments(machine: Machine, { user }: Home, folder: string, mail: MailFiles): void {
  const { changedAt, ...size } = machine.walk(folder, { onFile: (file) => gatherMailFile(file, mail) })
  if (size.files === 0 && !size.isAtLeast) return
  machine.sink.finding(
    makeFinding({
      kind: 'documents',
      name: folder,
      title: `${folder.slice(folder.lastIndexOf('/') + 1)} of ${user}`,
      evidence: [byFile(`a folder in the home of ${user}`)],
      places: [folderAt(folder)],
      size,
      ...(changedAt !== undefined && { changedAt }),
      backUpBy: 'files',
      advice: 'Back it up as files.',
    }),
  )
}

function reportManyFolders(machine: Machine, { path, user }: Home, folders: readonly string[]): void {
  const places = folders.map(folderAt)
  machine.sink.finding(
    makeFinding({
      kind: 'documents',
      name: `${path}/*`,
      title: `${folders.length} more folders of ${user}`,
      evidence: [byFile(`folders in ${path}`)],
      places,
      ...machine.measure(places),
      backUpBy: 'files',
      advice: 'Back up the whole home as files.',
    }),
  )
}

function reportLooseFiles(machine: Machine, { path, user }: Home, own: readonly string[]): void {
  const files = own.filter((place) => machine.files.type(place) === 'file')
  if (files.length === 0) return
  machine.sink.finding(
    makeFinding({
      kind: 'documents',
      name: `${path}/.`,
      title: `Files in the home of ${user}, outside of folders: ${files.length}`,
      evidence: [byFile(path)],
      places: files.map(fileAt),
      ...machine.measure(files.map(fileAt)),
      backUpBy: 'files',
      advice: 'Back up the whole home as files.',
    }),
  )
}

function reportMail(machine: Machine, home: Home, { archives }: MailFiles): void {
  for (const { path, bytes, changedAt } of archives) {
    const size = { bytes, files: 1, isAtLeast: false }
    report(machine, home, fileAt(path), { size, changedAt })
  }
  for (const path of mailFoldersIn(machine, home.path).archives) {
    report(machine, home, folderAt(path), machine.measure([folderAt(path)]))
  }
}

function report(machine: Machine, { user }: Home, place: Place, measured: ReturnType<Machine['measure']>): void {
  machine.sink.finding(
    makeFinding({
      kind: 'mail-archive',
      name: place.path,
      title: `Mail that lies only here, of ${user}: ${place.path}`,
      evidence: [byFile(place.path)],
      places: [place],
      ...measured,
      backUpBy: 'files',
      advice: 'It is on no mail server: back it up as a file, with the mail program closed where that can be.',
    }),
  )
}

function reportSettings(machine: Machine, { path, user }: Home): void {
  const names = ['.ssh', '.gnupg', '.config', '.local/share', '.mozilla', '.thunderbird', 'Library/Keychains']
  const places = names.map((name) => `${path}/${name}`).filter((place) => machine.files.type(place) === 'folder')
  if (places.length === 0) return
  machine.sink.finding(
    makeFinding({
      kind: 'settings',
      name: path,
      title: `Settings and keys of ${user}`,
      evidence: places.map(byFile),
      places: places.map(folderAt),
      backUpBy: 'files',
      advice: 'Back them up as files: keys that are lost cannot be made again.',
    }),
  )
}

/** Told, so that nobody wonders where it is: these are copies of what lies elsewhere. */
function reportCaches(machine: Machine, { path, user }: Home, { caches }: MailFiles): void {
  const folders = mailFoldersIn(machine, path).caches
  const places = [...folders.map(folderAt), ...caches.map((file) => fileAt(file.path))]
  if (places.length === 0) return
  machine.sink.finding(
    makeFinding({
      kind: 'cache',
      name: path,
      title: `Caches of ${user}: mail and pages that are on servers`,
      evidence: places.slice(0, 10).map((place) => byFile(place.path)),
      places,
      backUpBy: 'nothing',
      advice: 'Programs fetch it again: no need to back it up.',
    }),
  )
}
