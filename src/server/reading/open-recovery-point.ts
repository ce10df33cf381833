import type { Cancellable } from '#base'
import { TreeLoader, loadSnapshot } from '#repository'
import type { IndexedRepository, NamedSnapshot } from '#repository'
import type { Services } from '../app/services.ts'
import { findRepositoryOf } from './recovery-points.ts'

/** A recovery point that somebody looks into, until it is disposed of. */
export interface OpenedRecoveryPoint extends Disposable {
  readonly repository: IndexedRepository
  readonly snapshot: NamedSnapshot
  /** How folders are had. */
  readonly trees: { loadTree(id: Buffer, options?: Cancellable): ReturnType<TreeLoader['loadById']> }
}

/** Which recovery point, of which machine. */
export interface RecoveryPointName {
  readonly machine: string
  readonly snapshot: string
}

/** Throws `NOT_FOUND`, `REPOSITORY_PASSWORD_KEPT`, and what opening and reading throw. */
export async function openRecoveryPoint(
  services: Services,
  { machine, snapshot: id }: RecoveryPointName,
  { signal }: Cancellable = {},
): Promise<OpenedRecoveryPoint> {
  const { id: repositoryId } = await findRepositoryOf(services, machine, id, { signal })
  const held = await services.reading.repositories.hold(services, repositoryId, { signal })
  try {
    const { repository } = held
    const snapshot = await loadSnapshot(repository, id, { signal })
    const loader = new TreeLoader(repository)
    const loadTree = async (tree: Buffer, options?: Cancellable) => await loader.loadById(tree, options)
    return { repository, snapshot, trees: { loadTree }, [Symbol.dispose]: () => held[Symbol.dispose]() }
  } catch (thrown) {
    held[Symbol.dispose]()
    throw thrown
  }
}

/** Where something lies: as text, or as bytes where names are no text; without either, the whole. */
export interface Place {
  readonly path?: string | undefined
  /** Base64url. */
  readonly rawPath?: string | undefined
}

export function bytesOf({ path = '', rawPath }: Place): Buffer {
  return rawPath === undefined ? Buffer.from(path) : Buffer.from(rawPath, 'base64url')
}
