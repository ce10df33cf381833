import type { RestoreOrder } from '#protocol'
import { isWithin } from './allowed-folders.ts'

/** What the machine knows by itself when it decides: nothing of it is the server's word. */
export interface RestoreFacts {
  /** The snapshot stands in the machine's own list, with its own signature. */
  readonly isOwn: boolean
  /** Folders that may be restored into without asking. */
  readonly allowed: readonly string[]
  /** Somebody on the machine has said yes to just this order. */
  readonly hasYes: boolean
}

export type RestoreDecision =
  /** Into a folder that is made for it; `below` undefined: where the machine keeps such folders. */
  | { readonly do: 'new folder'; readonly below: string | undefined; readonly foreign: boolean }
  /** `root`: the allowed folder that holds the path; undefined: a person said yes to the path itself. */
  | {
      readonly do: 'in place'
      readonly places: readonly { readonly path: string; readonly root: string | undefined }[]
    }
  /** `because`: a clause. */
  | { readonly do: 'wait'; readonly because: string }

/**
 * Decides where an order may write. In place goes only what the machine itself has signed, and only into folders that were
 * allowed locally: a server that lies can at most fill a new folder, which nobody else reads.
 */
export function decideRestore(order: RestoreOrder, facts: RestoreFacts): RestoreDecision {
  const why = reasonToAsk(order, facts)
  const foreign = !facts.isOwn && !(order.withOwners && facts.hasYes)
  if (why !== undefined && !facts.hasYes) {
    if (order.otherwise === 'wait') return { do: 'wait', because: why }
    return { do: 'new folder', below: undefined, foreign: !facts.isOwn }
  }
  const { to, paths } = order
  if (to.how === 'new folder') return { do: 'new folder', below: to.below, foreign }
  const rootOf = (path: string) => (why === undefined ? allowedFolderOf(path, facts.allowed) : undefined)
  return { do: 'in place', places: paths.map((path) => ({ path, root: rootOf(path) })) }
}

function reasonToAsk({ to, paths, withOwners }: RestoreOrder, { isOwn, allowed }: RestoreFacts): string | undefined {
  if (withOwners && !isOwn) return 'this machine has not signed the snapshot, and its owners and rights are wanted'
  if (to.how === 'new folder') {
    const isAllowed = to.below === undefined || allowedFolderOf(to.below, allowed) !== undefined
    return isAllowed ? undefined : `${to.below} is not among the folders that may be restored into here`
  }
  if (!isOwn) return 'this machine has not signed the snapshot'
  const outside = paths.find((path) => allowedFolderOf(path, allowed) === undefined)
  return outside === undefined ? undefined : `${outside} is not in a folder that may be restored into here`
}

function allowedFolderOf(path: string, allowed: readonly string[]): string | undefined {
  return allowed.find((folder) => isWithin(path, folder))
}
