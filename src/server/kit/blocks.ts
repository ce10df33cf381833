import { checksumCommand, leastRestic, passwordFile, restoreCommands, setupCommands, target } from './commands.ts'
import type { Kit, KitLocation, KitRepository } from './kit.ts'
import { secretLines } from './secret-lines.ts'
import type { SecretLine } from './secret-lines.ts'
import type { KitWords } from './words.ts'

/** What a kit is made of, in order; the page and the file are two ways to write it down. */
export type Block =
  | { readonly kind: 'heading'; readonly text: string }
  | { readonly kind: 'text'; readonly text: string }
  /** A numbered step, and the commands that belong to it. */
  | { readonly kind: 'step'; readonly number: number; readonly text: string }
  | { readonly kind: 'commands'; readonly label: string; readonly lines: readonly string[] }
  | { readonly kind: 'secret'; readonly label: string; readonly lines: readonly SecretLine[] }
  /** Room to write in. */
  | { readonly kind: 'blank' }

/** Blocks that are to stay on one page if there is room. */
export type Group = readonly Block[]

export function kitGroups(kit: Kit, words: KitWords): Group[] {
  return [
    about(kit, words),
    readers(kit, words),
    steps(words),
    ...kit.repositories.map((one) => repository(one, words)),
    proof(kit, words),
  ]
}

function about(kit: Kit, words: KitWords): Group {
  const date = new Intl.DateTimeFormat(words.locale, { dateStyle: 'long', timeZone: 'UTC' }).format(kit.made)
  const machines = new Set(kit.repositories.flatMap((one) => one.machines)).size
  return [
    { kind: 'text', text: `${words.made(date)} ${words.covers(kit.repositories.length, machines)}` },
    { kind: 'heading', text: words.purposeHeading },
    { kind: 'text', text: `${words.purpose} ${words.keep}` },
  ]
}

function readers(kit: Kit, words: KitWords): Group {
  return [
    { kind: 'heading', text: words.readersHeading },
    { kind: 'text', text: words.readers(kit.readers) },
    { kind: 'text', text: words.lost },
    { kind: 'text', text: words.seen },
    ...(kit.contact === undefined ? [] : [{ kind: 'text', text: words.contact(kit.contact) } as const]),
  ]
}

function steps(words: KitWords): Group {
  return [
    { kind: 'heading', text: words.stepsHeading },
    { kind: 'step', number: 1, text: words.stepRestic(leastRestic) },
    { kind: 'step', number: 2, text: words.stepType('`export` (Windows: `$env:`)') },
    { kind: 'step', number: 3, text: words.stepCheck },
    { kind: 'commands', label: 'Linux', lines: [checksumCommand('linux')] },
    { kind: 'commands', label: 'macOS', lines: [checksumCommand('macos')] },
    { kind: 'commands', label: words.powershell, lines: [checksumCommand('windows')] },
    { kind: 'step', number: 4, text: words.stepLook },
    { kind: 'commands', label: '', lines: ['restic snapshots'] },
    { kind: 'step', number: 5, text: words.stepRestore(target) },
    { kind: 'step', number: 6, text: words.stepProve },
    { kind: 'commands', label: '', lines: ['restic check --read-data'] },
  ]
}

function repository(one: KitRepository, words: KitWords): Group {
  const { name, machines, password, locations, isOfServer = false } = one
  const content = machines.length > 0 ? words.machines(machines) : words.noMachines
  return [
    { kind: 'heading', text: isOfServer ? words.ownBackup(name) : words.repository(name) },
    { kind: 'text', text: isOfServer ? words.ownBackupPurpose(passwordFile) : content },
    ...passwordBlocks(password, words),
    ...locations.flatMap((location, place) => locationBlocks(one, { location, place }, words)),
    ...restoreBlocks(one, words),
  ]
}

function passwordBlocks(password: string | undefined, words: KitWords): Block[] {
  if (password === undefined) return [{ kind: 'text', text: words.byHand }, { kind: 'blank' }]
  return [{ kind: 'secret', label: words.password, lines: secretLines(password) }]
}

function locationBlocks(
  { locations, password }: KitRepository,
  { location, place }: { readonly location: KitLocation; readonly place: number },
  words: KitWords,
): Block[] {
  const secret = secretOf(location, words)
  return [
    { kind: 'text', text: `${words.way(place + 1, locations.length)}: ${describe(location, words)}` },
    ...(secret ? [{ kind: 'secret', label: secret.label, lines: secretLines(secret.value) } as const] : []),
    { kind: 'commands', label: words.shell, lines: setupCommands(location, password, 'sh') },
    { kind: 'commands', label: words.powershell, lines: setupCommands(location, password, 'powershell') },
  ]
}

function restoreBlocks(one: KitRepository, words: KitWords): Block[] {
  const [sh, powershell] = [restoreCommands(one, 'sh'), restoreCommands(one, 'powershell')]
  // Most names of machines need no quoting that differs.
  if (sh.join('\n') === powershell.join('\n')) return [{ kind: 'commands', label: words.afterwards, lines: sh }]
  return [
    { kind: 'commands', label: `${words.afterwards}, ${words.shell}`, lines: sh },
    { kind: 'commands', label: `${words.afterwards}, ${words.powershell}`, lines: powershell },
  ]
}

function describe(location: KitLocation, words: KitWords): string {
  switch (location.kind) {
    case 'local':
      return words.local(location.path, location.disk)
    case 'rest':
      return words.rest(location.url)
    case 's3':
      return words.s3(location.endpoint, location.bucket)
    case 'sftp':
      return words.sftp(location.host)
  }
}

function secretOf(location: KitLocation, words: KitWords): { label: string; value: string } | undefined {
  if (location.kind === 's3') return { label: words.secretKey, value: location.secretKey }
  if (location.kind === 'local' || location.password === undefined) return undefined
  return { label: location.kind === 'rest' ? words.restPassword : words.sftpPassword, value: location.password }
}

function proof(kit: Kit, words: KitWords): Group {
  return [
    { kind: 'heading', text: words.confirmHeading },
    { kind: 'text', text: words.confirm(kit.code) },
  ]
}
