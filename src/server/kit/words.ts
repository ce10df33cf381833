import { german } from './words-de.ts'
import { english } from './words-en.ts'

export type KitLanguage = 'en' | 'de'

/** Everything that a kit says in words. One table a language; what is typed is the same in all. */
export interface KitWords {
  readonly title: string
  readonly codeOf: (code: string) => string
  readonly made: (date: string) => string
  readonly covers: (repositories: number, machines: number) => string
  readonly purposeHeading: string
  readonly purpose: string
  readonly keep: string
  readonly readersHeading: string
  readonly readers: (readers: readonly string[]) => string
  /** Among who can read the data. */
  readonly eachMachine: string
  readonly theServer: (origin: string) => string
  readonly lost: string
  readonly seen: string
  readonly contact: (contact: string) => string
  readonly stepsHeading: string
  readonly stepRestic: (least: string) => string
  readonly stepType: (example: string) => string
  readonly stepCheck: string
  readonly stepLook: string
  readonly stepRestore: (target: string) => string
  readonly stepProve: string
  readonly repository: (name: string) => string
  readonly machines: (machines: readonly string[]) => string
  readonly noMachines: string
  readonly ownBackup: (server: string) => string
  /** `file`: where the password is written. */
  readonly ownBackupPurpose: (file: string) => string
  readonly password: string
  readonly restPassword: string
  readonly secretKey: string
  readonly sftpPassword: string
  readonly byHand: string
  readonly way: (place: number, of: number) => string
  readonly local: (path: string, disk: string | undefined) => string
  readonly rest: (url: string) => string
  readonly s3: (endpoint: string, bucket: string) => string
  readonly sftp: (host: string) => string
  readonly shell: string
  readonly powershell: string
  readonly afterwards: string
  readonly confirmHeading: string
  readonly confirm: (code: string) => string
  readonly page: (page: number, of: number) => string
  /** For the date and for lists: a BCP 47 tag. */
  readonly locale: string
}

const tables: Readonly<Record<KitLanguage, KitWords>> = { en: english, de: german }

export function wordsIn(language: KitLanguage): KitWords {
  return tables[language]
}
