/** Every kind of object that is fuzzed. */
import type { FuzzKind } from '../kind.ts'
import { indexKind } from './index-file.ts'
import { blobKind, packHeaderKind } from './pack.ts'
import { configKind, keyKind, lockKind } from './single.ts'
import { envelopeKind, snapshotKind } from './snapshot.ts'
import { treeKind } from './tree.ts'

export const fuzzKinds: readonly FuzzKind[] = [
  snapshotKind,
  envelopeKind,
  treeKind,
  indexKind,
  packHeaderKind,
  blobKind,
  lockKind,
  configKind,
  keyKind,
]
