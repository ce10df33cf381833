/** Where a tortured repository lies. The judge always looks at the folder itself; the program goes the way of the storage. */
import { localStorage } from './local.ts'
import { restStorage } from './rest.ts'
import { s3Storage } from './s3.ts'
import { sftpStorage } from './sftp.ts'
import { smallDiskStorage } from './small-disk.ts'

export interface Storage extends AsyncDisposable {
  readonly kind: string
  /** Where the files really are, in restic's layout. */
  readonly folder: string
  /** For `understudy --repo`. */
  readonly location: string
  /** Added to the environment of the program. */
  readonly env?: Readonly<Record<string, string>>
  /** Words that each command of the program needs. */
  readonly flags?: readonly string[]
  /** Lets the line to it go wrong, until disposed of; returns how often it did. */
  readonly disturbNetwork?: (trouble: { seed: number; share: number; most: number }) => () => number
  /** Leaves only so much room, until the returned function is called. */
  readonly fill?: (room: number) => () => void
}

/** Makes a storage in a folder of its own, or says why this machine has none of that kind. */
export type OpenStorage = (folder: string) => Promise<Storage | string>

export const storages: Readonly<Record<string, { readonly weight: number; readonly open: OpenStorage }>> = {
  local: { weight: 5, open: localStorage },
  'small disk': { weight: 3, open: smallDiskStorage },
  rest: { weight: 4, open: restStorage },
  s3: { weight: 1, open: s3Storage },
  sftp: { weight: 2, open: sftpStorage },
}
