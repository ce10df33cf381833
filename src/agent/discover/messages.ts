import type { Finding, MachineFacts, Unseen, Volume } from '#protocol'
import type { LookLimits } from './limits.ts'

/** What the process that looks is told, once. */
export interface LookOrder {
  readonly root: string
  readonly platform: MachineFacts['platform']
  readonly limits: LookLimits
  /** Names of probes, in order. */
  readonly probes: readonly string[]
  /** Mounts that are known to be silent; undefined when nobody has asked them yet. */
  readonly silent: readonly string[] | undefined
}

/** What it answers, piece by piece. */
export type LookAnswer =
  | { readonly kind: 'silent'; readonly mounts: readonly string[] }
  | { readonly kind: 'machine'; readonly machine: Omit<MachineFacts, 'platform'> }
  | { readonly kind: 'root-invalid' }
  | { readonly kind: 'starts'; readonly probe: string }
  | { readonly kind: 'finding'; readonly finding: Finding }
  | { readonly kind: 'volume'; readonly volume: Volume }
  | { readonly kind: 'unseen'; readonly unseen: Unseen }
  | { readonly kind: 'failed'; readonly probe: string; readonly why: string }
  | { readonly kind: 'ends' }
